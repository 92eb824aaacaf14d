"""Codex, the real program, headless, over HTTP and over WebSocket, against the server with a scripted engine.

`make compat` runs this, not ./test: Codex is a program of 400 MB, which nobody should fetch to check a change in C. What
it taught us is in ./test by itself (test_client_tools.py, test_compaction.py, test_websocket.py): its tool types, its
warm-up, its compaction. This is for changes of those, and for the next version of Codex.
"""
import json
import os
import struct
import threading
import zlib

import pytest

from codex_cli import EXEC, FREE, OFFLINE, names, outputs, texts
from engine_script import ScriptedEngine, call, cut, finish, overflow, pause, refuse, say, status, think
from harness import eventually, make_key
from relay import Relay

pytestmark = pytest.mark.compat
PATCH = "*** Begin Patch\n*** Add File: made.txt\n+one \"two\"\n+\u00e9\n*** End Patch\n"
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
FULL = {"prompt_tokens": 25000, "completion_tokens": 10, "total_tokens": 25010}  # past SMALL's limit
SMALL = "model_auto_compact_token_limit = 20000\n"


def shell(command, **more):
    return call("exec_command", json.dumps({"cmd": command, **more}))


# --- a turn ---

def test_text(engine, codex):
    engine.next(say("Hel", "lo."))
    events = codex.run(*EXEC, "Say hello")
    assert texts(events) == ["Hello."]
    usage = events[-1]["usage"]
    assert events[-1]["type"] == "turn.completed" and usage["input_tokens"] > 0 and usage["output_tokens"] > 0
    assert [m["role"] for m in engine.last.body["messages"]] == ["system", "user"]
    assert "client_metadata" not in engine.last.body


def test_shell_loop(engine, codex):
    for i in range(3):
        engine.next(think(f"Step {i}."), shell(f"echo turn-{i} | tee -a log.txt"))
    engine.next(say("Done."))
    events = codex.run(*FREE, "Run three commands")
    assert texts(events) == ["Done."] and len(engine.requests) == 4
    for i, request in enumerate(engine.requests):
        assert [f"turn-{n}" in out for n, out in enumerate(outputs(request))] == [True] * i
    with open(os.path.join(codex.work, "log.txt")) as f:
        assert f.read() == "turn-0\nturn-1\nturn-2\n"
    ran = [e["item"] for e in events if e["type"] == "item.completed" and e["item"]["type"] == "command_execution"]
    assert [item["exit_code"] for item in ran] == [0, 0, 0]
    # Over a WebSocket it says what is new and stands on the socket's memory; over HTTP it says everything again.
    assert ["previous_response_id" in b for b in codex.bodies] == [codex.websocket] * 4
    assert not any(b["store"] for b in codex.bodies)


def test_apply_patch(engine, codex):
    engine.next(call("apply_patch", *[json.dumps({"input": PATCH})[i:i + 9] for i in range(0, 200, 9)]))
    engine.next(say("Patched."))
    events = codex.run(*FREE, "Make a file")
    tool = next(t for t in engine.requests[0].body["tools"] if t["function"]["name"] == "apply_patch")
    assert "begin_patch" in tool["function"]["description"]  # the grammar is shown to the model
    with open(os.path.join(codex.work, "made.txt"), encoding="utf-8") as f:
        assert f.read() == 'one "two"\n\u00e9\n'
    assert texts(events) == ["Patched."] and "made.txt" in outputs(engine.last)[0]
    sent = next(m for m in engine.last.body["messages"] if m.get("tool_calls"))["tool_calls"][0]["function"]
    assert sent["name"] == "apply_patch" and json.loads(sent["arguments"]) == {"input": PATCH}


def test_bad_patch_goes_on(engine, codex):
    """What the model got wrong is Codex's to say; the model may try again."""
    engine.next(call("apply_patch", '{"input":"nonsense"}'))
    engine.next(call("apply_patch", json.dumps({"input": PATCH})))
    engine.next(say("Patched."))
    events = codex.run(*FREE, "Make a file", complaint="apply_patch verification failed")
    assert texts(events) == ["Patched."] and "*** Begin Patch" in outputs(engine.requests[1])[0]
    assert os.path.exists(os.path.join(codex.work, "made.txt"))


def test_every_default_tool(engine, codex):
    """A model that Codex knows, nothing but the base URL told: web search, tool search, namespaces."""
    codex.plain()
    engine.next(call("web_search", '{"query":"antiphon"}'))
    engine.next(say("Nothing found, searching for tools."), call("tool_search", '{"query":"agent"}'))
    engine.next(say("Enough."))
    events = codex.run(*EXEC, "Look")
    assert texts(events)[-1] == "Enough." and len(engine.requests) == 3
    assert {"exec_command", "apply_patch", "tool_search", "web_search", "view_image"} <= names(engine.requests[0])
    assert "No results" in outputs(engine.requests[1])[0] and len(outputs(engine.requests[2])) == 2


def test_namespaces(engine, codex):
    engine.next(call("multi_agent_v1__close_agent", '{"target":"nobody"}'))
    engine.next(say("No such agent."))
    events = codex.run(*EXEC, "Close it", complaint="invalid agent id nobody")  # said by the tool that was meant
    assert texts(events) == ["No such agent."] and "invalid agent id nobody" in outputs(engine.last)[0]


def test_agents(engine, codex):
    """A second thread of Codex asks while the first one waits."""
    def behave(request):
        if request.last_text.endswith("a subtask"):
            return [say("Sub done.")]
        if len(outputs(request)) == 2:
            return [say("Both done.")]
        if outputs(request):
            agent = json.loads(outputs(request)[0])["agent_id"]
            return [call("multi_agent_v1__wait_agent", json.dumps({"targets": [agent]}))]
        return [call("multi_agent_v1__spawn_agent", json.dumps({"message": "a subtask"}))]

    engine.always(behave)
    assert texts(codex.run(*FREE, "Use an agent"))[-1] == "Both done."
    assert "Sub done." in outputs(engine.last)[-1] and len(engine.requests) == 4


def test_schema_and_resume(engine, codex):
    path = os.path.join(codex.work, "schema.json")
    with open(path, "w") as f:
        json.dump(SCHEMA, f)
    engine.next(say('{"n":', "7}"))
    assert texts(codex.run(*EXEC, "--output-schema", path, "A number")) == ['{"n":7}']
    assert engine.last.body["response_format"]["json_schema"]["schema"] == SCHEMA
    engine.next(say("Seven."))
    assert texts(codex.run("resume", "--last", *EXEC, "In words")) == ["Seven."]
    said = [m["content"] for m in engine.last.body["messages"] if m["role"] == "assistant"]
    assert said == ['{"n":7}']


# --- what is told, and what is not ---

def test_nothing_but_the_base_url(engine, server, relay, codexes):
    """Codex's own provider and its own default model, which it drives over a WebSocket, tools within the input."""
    codex = codexes(server, relay, True)
    codex.settings(f'openai_base_url = "{relay.base_url}"\n')
    engine.next(shell("echo here > log.txt"))
    engine.next(say("Done."))
    events = codex.run(*FREE, *OFFLINE, "Run a command", env={"CODEX_API_KEY": "sk-any"})
    assert texts(events) == ["Done."] and os.path.exists(os.path.join(codex.work, "log.txt"))
    codex.check_transport()
    # One socket: its warm-up, which has no input, was taken.
    assert [s.method for s in relay.said if s.path == "/v1/responses"] == ["GET"]
    warm = next(s for s in relay.said if s.method == "WS").json
    assert warm["generate"] is False and warm["input"] == []
    assert codex.bodies[0]["previous_response_id"] and codex.bodies[0]["input"][0]["type"] == "additional_tools"


def test_without_a_catalog(codex):
    """Codex warns that it does not know the model, and works."""
    codex.plain(model="scripted")
    assert texts(codex.run(*EXEC, "x", complaint="Model metadata for `scripted` not found"))[0].startswith("You said: ")


def test_a_key(server, engine, codex):
    secret, _ = make_key(server, "laptop")
    codex.printed()  # names OPENAI_API_KEY now
    assert texts(codex.run(*EXEC, "x", env={"OPENAI_API_KEY": secret}))
    assert "401" in codex.fails(*EXEC, "x", env={"OPENAI_API_KEY": "sk-wrong"})
    codex.relay.said.clear()


def test_a_proxy_without_websockets(server, engine, codexes):
    relay = Relay(server, eats_upgrades=True)
    codex = codexes(server, relay, True)
    codex.printed()
    assert texts(codex.run(*EXEC, "x", complaint="failed to connect to Responses WebSocket"))
    assert [s.method for s in relay.said] == ["GET", "POST"]
    relay.close()


# --- compaction ---

def test_compaction_by_a_trigger(engine, codex):
    """Where the provider is OpenAI by name: an ordinary request whose last item asks for it."""
    codex.plain(name="OpenAI", top=SMALL)
    engine.next(shell("echo past"), finish("tool_calls", FULL))
    engine.next(say("We ran echo."))
    engine.next(say("Done."))
    assert texts(codex.run(*FREE, *OFFLINE, "Run a command")) == ["Done."]
    kinds = [[item["type"] for item in body["input"]] for body in codex.bodies]
    assert kinds[1][-1] == "compaction_trigger" and kinds[2][-1] == "compaction"
    assert "function_call_output" not in kinds[2]
    assert "past" in str(engine.requests[1].body["messages"])  # what is summed up
    assert "We ran echo." in str(engine.last.body["messages"]) and outputs(engine.last) == []


def test_compaction_by_its_own_endpoint(engine, server, relay, codexes):
    """The form of Codex before its v2, which 0.169.0 has no more: its history and the three members it sent."""
    codex = codexes(server, relay, False)
    codex.plain()
    engine.next(shell("echo past"))
    engine.next(say("Done."))
    codex.run(*FREE, *OFFLINE, "Run a command")
    body = codex.bodies[-1]
    engine.next(say("We ran echo."))
    answer = server.post("/v1/responses/compact", {"model": "gpt-5.5", "instructions": "", "input": body["input"]})
    assert answer.status == 200, answer
    kinds = [item["type"] for item in answer.json["output"]]
    assert kinds[-1] == "compaction" and set(kinds[:-1]) == {"message"} and "past" in str(engine.last.body["messages"])
    more = [{"type": "message", "role": "user", "content": "And now?"}]
    assert server.post("/v1/responses", {**body, "stream": False, "input": answer.json["output"] + more}).status == 200
    assert "We ran echo." in str(engine.last.body["messages"]) and engine.last.last_text.endswith("And now?")


def test_compaction_by_codex_itself(engine, codex):
    """Where the provider has another name, as with `antiphon codex`: a request without tools for a summary."""
    codex.plain(top=SMALL)
    engine.next(shell("echo past"), finish("tool_calls", FULL))
    engine.next(say("We ran echo."))
    engine.next(say("Done."))
    assert texts(codex.run(*FREE, *OFFLINE, "Run a command")) == ["Done."]
    assert codex.bodies[1]["tools"] == [] and "We ran echo." in str(engine.last.body["messages"])


# --- images ---

def png(path):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0\0\xff\0" * 2)) + chunk(b"IEND", b""))
    return path


def images(request):
    return [part["image_url"]["url"] for m in request.body["messages"] if isinstance(m["content"], list)
            for part in m["content"] if part["type"] == "image_url"]


def test_images(engine, codex):
    engine.vision = True
    codex.server.stop()
    restart(codex.server)  # it asks the engine anew what it can do
    codex.printed()
    path = png(os.path.join(codex.work, "img.png"))
    engine.next(call("view_image", json.dumps({"path": path})))
    engine.next(say("A square."))
    assert texts(codex.run(*FREE, "-i", path, "--", "What is this?")) == ["A square."]
    attached, seen = images(engine.requests[0]), images(engine.requests[1])
    assert len(attached) == 1 and attached[0].startswith("data:image/png;base64,")
    assert seen[0] == attached[0] and len(seen) == 2


def test_images_without_vision(engine, codex):
    path = png(os.path.join(codex.work, "img.png"))
    codex.plain()  # with a catalog of its own Codex knows, and sends none
    message = codex.fails(*EXEC, *OFFLINE, "-i", path, "--", "What is this?")
    assert "does not take images" in message and "invalid_value" in message
    assert engine.requests == []
    codex.printed()
    assert texts(codex.run(*EXEC, "-i", path, "--", "What is this?")) and images(engine.last) == []


# --- what goes wrong ---

def test_overflow(engine, codex):
    engine.next(shell("echo past"))
    engine.next(overflow(40000, 32768))
    assert "ran out of room in the model's context window" in codex.fails(*FREE, "x")


def test_a_refusal(engine, codex):
    """Codex knows no refusals and shows nothing; the turn ends well, and the next one goes on."""
    engine.next(refuse("I can't ", "do that."))
    assert texts(codex.run(*EXEC, "x")) == []
    assert texts(codex.run("resume", "--last", *EXEC, "y"))


def test_an_answer_cut_short(engine, codex):
    engine.next(say("half"), finish("length"))
    assert "max_output_tokens" in codex.fails(*EXEC, "x")


def test_an_engine_that_fails(engine, relay, codex):
    codex.plain()
    engine.always(lambda request: [status(500, {"message": "broken"})])
    assert "The engine of the model 'scripted' failed" in codex.fails(*EXEC, *OFFLINE, "x")
    if codex.websocket:  # told to try nothing again, it still tries HTTP
        assert relay.said.pop().method == "POST"


def test_an_engine_that_recovers(engine, codex):
    """As Codex is by default: it asks again, and stands on what it has."""
    engine.next(say("half"), cut())
    engine.next(say(" done."))
    code, events, lines = codex.start(*EXEC, "x")
    assert code == 0 and texts(events) == ["half", " done."], (events, lines)
    assert lines == ["Reading additional input from stdin..."]


def test_a_slow_engine(engine, servers, codexes):
    """Codex gives up on silence; what keeps a connection alive must do so for it too."""
    server = servers(engine, args=["--set", "api.keepalive_seconds=1"])
    for websocket in (False, True):
        relay = Relay(server)
        codex = codexes(server, relay, websocket)
        codex.plain(more="stream_idle_timeout_ms = 5000\n")
        engine.next(pause(8), say("Slow."))
        assert texts(codex.run(*EXEC, "x")) == ["Slow."]
        codex.check_transport()
        relay.close()


# --- crashes ---

def restart(server):
    server.kill()
    server.command[server.command.index("--listen") + 1] = f"{server.host}:{server.port}"
    server.start()


def test_a_crash_between_two_turns(engine, codex):
    """What the server sealed for Codex is opened by the next process: a compaction, and reasoning."""
    codex.plain(name="OpenAI", top=SMALL)
    engine.next(shell("echo past"), finish("tool_calls", FULL))
    engine.next(say("We ran echo."))
    engine.next(think("What a day."), say("Done."))
    assert texts(codex.run(*FREE, *OFFLINE, "Run a command")) == ["Done."]
    restart(codex.server)
    engine.next(say("Again."))
    assert texts(codex.run("resume", "--last", *FREE, *OFFLINE, "And now?")) == ["Again."]
    kinds = [item["type"] for item in codex.bodies[-1]["input"]]
    assert "compaction" in kinds and "reasoning" in kinds
    assert "We ran echo." in str(engine.last.body["messages"]) and engine.last.last_text == "And now?"


@pytest.mark.parametrize("kill", [True, False])
def test_a_new_server_while_a_command_runs(engine, codex, kill):
    """kill -9 or SIGTERM between a call and its output: Codex notices nothing, over either transport."""
    went, back = (os.path.join(codex.work, name) for name in ("went", "back"))
    wait = f"touch {went}; while [ ! -e {back} ]; do sleep 0.1; done; echo alive"
    engine.next(think("Wait."), shell(wait, yield_time_ms=30000))
    engine.next(say("Done."))

    def renew():
        eventually(lambda: os.path.exists(went))
        if not kill:
            codex.server.stop()
        restart(codex.server)
        open(back, "w").close()

    thread = threading.Thread(target=renew)
    thread.start()
    events = codex.run(*FREE, "Wait for it")
    thread.join()
    assert texts(events) == ["Done."] and "alive" in outputs(engine.last)[0]


def test_the_sixty_minutes(engine, servers, codexes):
    """A session that is older than a socket may be: the next call goes over a new one."""
    server = servers(engine, args=["--set", "api.socket_seconds=1"])
    relay = Relay(server)
    codex = codexes(server, relay, True)
    codex.printed()
    for _ in range(2):
        engine.next(shell("sleep 2; echo still here"))
    engine.next(say("Done."))
    assert texts(codex.run(*FREE, "Take your time")) == ["Done."]
    assert len([s for s in relay.said if s.method == "GET"]) == 3 and len(outputs(engine.last)) == 2
    codex.check_transport()
    relay.close()
