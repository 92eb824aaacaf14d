"""The official Node SDK: each test of sdk_node/*.test.mjs, counted one by one."""
import os
import re
import subprocess
import xml.etree.ElementTree as xml

import pytest

from engine_script import calls_interleaved, call, echo, hang, say, think
from harness import TREE, environment

pytestmark = pytest.mark.sdk
FOLDER = os.path.join(TREE, "tests", "sdk_node")
SCRIPTS = {
    "script everything": [think("Let me ", "think."), say("Here ", "it is."), calls_interleaved(
        ("get_weather", "call_a", ['{"city":', '"Paris"}']), ("get_weather", "call_b", ['{"city":', '"Rome"}']))],
    "script call": [call("get_weather", '{"city":', ' "Paris"}', id="call_1")],
    "script city": [say('{"city":', ' "Paris"}')],
    "script endless": [say("Once upon"), hang()],
}


def names(file):
    with open(os.path.join(FOLDER, file)) as f:
        return re.findall(r"^test\('([^']+)'", f.read(), re.M)


def run_node(file, base_url, home, seconds):
    """Runs one file of tests; {name: None or what failed}."""
    done = subprocess.run(["node", "--test", "--test-reporter=junit", file], cwd=FOLDER, capture_output=True, text=True,
                          timeout=seconds, env=environment(home, {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "sk-any"}))
    results = {}
    try:
        for case in xml.fromstring(done.stdout).iter("testcase"):
            failure = case.find("failure")
            results[case.get("name")] = None if failure is None else failure.text
    except xml.ParseError:
        pytest.fail(done.stdout + done.stderr)
    return results


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    from engine_script import ScriptedEngine
    from harness import Server
    engine = ScriptedEngine()

    def behave(request):
        followed_up = request.body["messages"][-1]["role"] == "tool"
        return [say("done")] if followed_up else SCRIPTS.get(request.last_text) or echo(request)

    engine.always(behave)
    server = Server(engine)
    try:
        yield run_node("core.test.mjs", server.base_url, str(tmp_path_factory.mktemp("home")), 300)
        server.stop()
    finally:
        server.erase()
        engine.close()


def test_node_is_22_or_newer():
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout
    assert int(version[1:].split(".")[0]) >= 22, version


@pytest.mark.parametrize("name", names("core.test.mjs"))
def test_node(results, name):
    assert name in results, results
    assert results[name] is None, results[name]
