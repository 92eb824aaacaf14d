"""The agent SDKs for Node, unmodified: each test of node/*.test.mjs, counted one by one. The tests write the engine's scripts."""
import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as xml

import pytest

import engine_script
from engine_script import ScriptedEngine
from harness import PATIENCE, Server, environment
from mcp_script import McpServer

pytestmark = pytest.mark.compat
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node")
FILES = sorted(f for f in os.listdir(FOLDER) if f.endswith(".test.mjs"))
STEPS = ("say", "think", "call", "calls_interleaved", "finish", "status", "hang")


class RemoteEngine(ScriptedEngine):
    """Takes its scripts over HTTP, from the tests' process."""

    def _probe(self, request):
        if request.method != "POST":
            return super()._probe(request)
        if request.path == "/script":
            self.next(*[getattr(engine_script, name)(*args) for name, *args in request.body if name in STEPS])
        elif request.path == "/asked":
            return 200, [r.body for r in self.requests]
        elif request.path == "/left":
            return 200, self.requests[-1].left.wait(PATIENCE)
        elif request.path == "/fresh":
            self.requests.clear()
            unasked, self.scripts = len(self.scripts), []
            return (500 if unasked else 200), {"unasked": unasked}
        else:
            return super()._probe(request)
        return 200, {}


def names(file):
    with open(os.path.join(FOLDER, file)) as f:
        text = f.read()
    twice = [name.replace("${approved ? 'approved' : 'refused'}", word) for name in re.findall(r"^  test\(`([^`]+)`", text, re.M)
             for word in ("approved", "refused")]
    return re.findall(r"^test\('([^']+)'", text, re.M) + twice


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """{file: {test: None or what failed}}. A module finds its packages from where it lies: the tests run in the packages' folder."""
    place = os.path.join(os.environ["COMPAT_CACHE"], "node", "tests")
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(FOLDER, place, ignore=shutil.ignore_patterns("package.json"))
    engine, found = RemoteEngine(vision=True), {}
    with McpServer() as mcp:
        server = Server(engine, args=["--set", f"mcp.allow=http://127.0.0.1:{mcp.port}"])
        env = environment(str(tmp_path_factory.mktemp("home")), {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-any",
                                                                 "ENGINE_URL": engine.url[:-len("/v1")], "MCP_URL": mcp.url("modern")})
        try:
            for file in FILES:
                done = subprocess.run(["node", "--test", "--test-reporter=junit", file], cwd=place, capture_output=True, text=True,
                                      timeout=5 * PATIENCE, env=env)
                found[file] = {}
                for case in xml.fromstring(done.stdout).iter("testcase"):
                    failure = case.find("failure")
                    found[file][case.get("name")] = None if failure is None else failure.text
            yield found
            server.stop()
        finally:
            server.erase()
            engine.close()


@pytest.mark.parametrize("file,name", [(f, n) for f in FILES for n in names(f)])
def test_node(results, file, name):
    assert name in results[file], json.dumps(results[file])
    assert results[file][name] is None, results[file][name]
