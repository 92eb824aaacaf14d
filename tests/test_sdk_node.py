"""The official Node SDK: each test of sdk_node/*.test.mjs, counted one by one."""
import contextlib
import os
import re
import subprocess
import xml.etree.ElementTree as xml

import pytest

import harness
from ability_script import AbilityEngine, answer_json, b64, png, wav
from crossing import PRISM_CANNOT
from engine_script import ScriptedEngine, calls_interleaved, call, echo, hang, say, think
from harness import TREE, Server, environment, make_key

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


def run_node(file, base_url, home, seconds, env=None):
    """Runs one file of tests; {name: None or what failed}."""
    env = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "sk-any", **(env or {})}
    # A test that hangs fails alone, and the others are still told.
    command = ["node", "--test", f"--test-timeout={seconds * 500}", "--test-force-exit", "--test-reporter=junit"]
    if harness.FRONT:  # it would wait for what never comes
        command += [f"--test-skip-pattern={name}" for name in PRISM_CANNOT]
    command.append(file)
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=seconds, env=environment(home, env))
    results = {}
    try:
        for case in xml.fromstring(done.stdout).iter("testcase"):
            failure = case.find("failure")
            results[case.get("name")] = None if failure is None else failure.text
    except xml.ParseError:
        pytest.fail(done.stdout + done.stderr)
    return results


def behave(request):
    users = [m["content"] for m in request.body["messages"] if m["role"] == "user"]
    if request.body["messages"][-1]["role"] == "tool":
        return [say("done")]
    if users[-1].endswith("script list"):
        return [say("|".join(users))]
    return SCRIPTS.get(request.last_text) or echo(request)


@contextlib.contextmanager
def served(*args):
    """A server of its own whose engine knows the scripts."""
    engine = ScriptedEngine()
    engine.always(behave)
    server = Server(engine, args=args)
    try:
        yield server
        server.stop()
    finally:
        server.erase()
        engine.close()


@pytest.fixture(scope="module")
def core():
    with served() as server:
        yield run_node("core.test.mjs", server.base_url, server.home, 300)


@pytest.fixture(scope="module")
def websocket():
    with served() as server, served("--set", "api.socket_seconds=1", "--set", "net.frame_bytes=65536") as short:
        env = {"SHORT_BASE_URL": short.base_url, "RED_KEY": make_key(short, "red", "red")[0],
               "BLUE_KEY": make_key(short, "blue", "blue")[0]}
        yield run_node("websocket.test.mjs", server.base_url, server.home, 120, env)


@pytest.fixture(scope="module")
def abilities():
    able = AbilityEngine({
        "/v1/audio/speech": lambda request: (200, "audio/wav", [wav()]),
        "/v1/audio/transcriptions": lambda request: answer_json({"text": "heard"}),
        "/v1/images/generations": lambda request: answer_json({"data": [{"b64_json": b64(png())}]}),
        "/v1/images/edits": lambda request: answer_json({"data": [{"b64_json": b64(png())}]}),
        "/v1/images/variations": lambda request: answer_json({"data": [{"b64_json": b64(png())}]}),
        "/v1/moderations": lambda request: answer_json({"id": "modr-1", "model": "m", "results": [{"flagged": True}]})})
    sets = [f"{name}.engine={able.url}" for name in ("audio", "images", "moderations")]
    with served(*[a for s in sets for a in ("--set", s)]) as server:
        yield run_node("abilities.test.mjs", server.base_url, server.home, 120)
    able.close()


@pytest.fixture(scope="module")
def webhooks():
    with served("--set", "fetch.allow=127.0.0.1", "--set", "api.webhook_retry_ms=50") as server:
        yield run_node("webhooks.test.mjs", server.base_url, server.home, 120)


def test_node_is_22_or_newer():
    version = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout
    assert int(version[1:].split(".")[0]) >= 22, version


def check(results, name):
    assert name in results, results
    assert results[name] is None, results[name]


@pytest.mark.parametrize("name", names("core.test.mjs"))
def test_node(core, name):
    check(core, name)


@pytest.mark.parametrize("name", names("websocket.test.mjs"))
def test_node_websocket(websocket, name):
    check(websocket, name)


@pytest.mark.parametrize("name", names("webhooks.test.mjs"))
def test_node_webhooks(webhooks, name):
    check(webhooks, name)


@pytest.mark.beside_openapi
@pytest.mark.parametrize("name", names("abilities.test.mjs"))
def test_node_abilities(abilities, name):
    check(abilities, name)
