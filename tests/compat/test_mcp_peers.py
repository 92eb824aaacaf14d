"""Servers of MCP that nobody here wrote, unmodified: each is listed and called, fails, tells much, is cut off and comes again.
tools/compat.sh fetches them below COMPAT_CACHE."""
import json
import os
import pathlib
import socket
import subprocess
import sys

import pytest

from engine_script import call, say
from harness import eventually

CACHE = pathlib.Path(os.environ.get("COMPAT_CACHE") or os.path.expanduser("~/.cache/antiphon-compat"))
HERE = pathlib.Path(__file__).parent
NODE_CACHE = CACHE / "mcp-node"
MODULES = NODE_CACHE / "node_modules"
EVERYTHING = MODULES / "@modelcontextprotocol/server-everything/dist/index.js"
TYPESCRIPT = MODULES / "@modelcontextprotocol/server/package.json"
BRIDGE, FILES = MODULES / "supergateway/dist/index.js", MODULES / "@modelcontextprotocol/server-filesystem/dist/index.js"
NODE = pathlib.Path(sys.executable).with_name("node")

# name: (environment, transport, path)
PYTHON = {"mcp 2 streamable": ("mcp-2", "streamable-http", "mcp"), "mcp 2 sse": ("mcp-2", "sse", "sse"),
          "mcp 1 streamable": ("mcp-1", "streamable-http", "mcp"), "mcp 1 sse": ("mcp-1", "sse", "sse"),
          "fastmcp": ("fastmcp", "http", "mcp")}
NAMES = [*PYTHON, "everything", "everything sse", "typescript", "bridge"]
pytestmark = pytest.mark.compat


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Peer:
    def __init__(self, name, folder):
        self.port = free_port()
        self.add = ("add", {"a": 2, "b": 3}, "5")
        environment = dict(os.environ, PORT=str(self.port))
        if name in PYTHON:
            folder, transport, self.path = PYTHON[name]
            python = CACHE / folder / "bin" / "python"
            if not python.exists():
                pytest.skip(f"{folder} is not fetched")
            self.command = [python, HERE / "mcp_peer.py", str(self.port), transport]
        elif name == "typescript":
            if not TYPESCRIPT.exists():
                pytest.skip("the TypeScript SDK of MCP is not fetched")
            self.path, self.command = "mcp", [NODE, HERE / "mcp_peer.mjs", str(self.port), NODE_CACHE]
        elif name == "bridge":  # a server that speaks on its standard input, behind HTTP
            if not BRIDGE.exists() or not FILES.exists():
                pytest.skip("the bridge to stdio is not fetched")
            note = folder / "note.txt"
            note.write_text("what the file says")
            self.path, self.add = "mcp", ("read_text_file", {"path": str(note)}, "what the file says")
            self.command = [NODE, BRIDGE, "--stdio", f"{NODE} {FILES} {folder}", "--outputTransport", "streamableHttp", "--port", str(self.port),
                            "--logLevel", "none"]
        else:
            if not EVERYTHING.exists():
                pytest.skip("server-everything is not fetched")
            self.path = "sse" if "sse" in name else "mcp"
            self.add = ("get-sum", {"a": 2, "b": 3}, "The sum of 2 and 3 is 5.")
            self.command = [NODE, EVERYTHING, "sse" if "sse" in name else "streamableHttp"]
        self.environment = environment
        self.start()

    def start(self):
        self.process = subprocess.Popen([str(part) for part in self.command], env=self.environment, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)

        def listens():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0
        eventually(listens, what="the MCP server")

    def stop(self):
        self.process.kill()
        self.process.wait()

    def tool(self, approval="never"):
        return {"type": "mcp", "server_label": "peer", "server_url": f"http://127.0.0.1:{self.port}/{self.path}",
                "require_approval": approval}


@pytest.fixture(params=NAMES)
def peer(request, tmp_path):
    one = Peer(request.param, tmp_path)
    yield one
    one.stop()


@pytest.fixture
def own(servers, engine, peer):
    return servers(engine, args=["--set", f"mcp.allow=http://127.0.0.1:{peer.port}"])


def made(server, engine, peer, name, arguments, **more):
    engine.next(call("peer__" + name, json.dumps(arguments)))
    engine.next(say("ok"))
    response = server.create("x", tools=[peer.tool()], **more)
    assert response["status"] == "completed"
    return next(i for i in response["output"] if i["type"] == "mcp_call"), response


def test_list_and_call(own, engine, peer):
    name, arguments, want = peer.add
    called, response = made(own, engine, peer, name, arguments)
    assert called["output"] == want and response["output"][0]["type"] == "mcp_list_tools"
    wrong, _ = made(own, engine, peer, name, {"a": "x"}, previous_response_id=response["id"])
    assert wrong["status"] == "failed" and wrong["error"]["type"] == "mcp_tool_execution_error"


def test_restarted_between_two_calls(own, engine, peer):
    name, arguments, want = peer.add
    _, first = made(own, engine, peer, name, arguments)
    peer.stop()
    peer.start()
    called, _ = made(own, engine, peer, name, arguments, previous_response_id=first["id"])
    assert called["output"] == want


def test_errors_progress_and_much(own, engine, peer):
    if peer.add[0] == "read_text_file":
        gone, _ = made(own, engine, peer, "read_text_file", {"path": "/etc/passwd"})
        assert gone["status"] == "failed" and "denied" in json.dumps(gone["error"])
        return
    if peer.add[0] != "add":
        picture, first = made(own, engine, peer, "get-tiny-image", {})
        assert "[image: image/png, " in picture["output"]
        slow, _ = made(own, engine, peer, "trigger-long-running-operation", {"duration": 1, "steps": 2}, previous_response_id=first["id"])
        assert "completed" in slow["output"]
        return
    boom, first = made(own, engine, peer, "boom", {})
    assert boom["status"] == "failed" and "boom" in json.dumps(boom["error"])
    slow, _ = made(own, engine, peer, "slow", {"seconds": 1}, previous_response_id=first["id"])
    assert slow["output"] == "done"
    big, _ = made(own, engine, peer, "big", {"kilobytes": 300}, previous_response_id=first["id"])
    assert len(big["output"]) == 300 * 1024


def test_approved(own, engine, peer):
    name, arguments, want = peer.add
    engine.next(call("peer__" + name, json.dumps(arguments)))
    asked = own.create("x", tools=[peer.tool("always")])
    engine.next(say("ok"))
    done = own.create([{"type": "mcp_approval_response", "approval_request_id": asked["output"][-1]["id"], "approve": True}],
                      previous_response_id=asked["id"], tools=[peer.tool("always")])
    assert done["output"][0]["output"] == want
