"""The tool mcp: a scripted engine calls functions of scripted MCP servers."""
import contextlib
import json
import pathlib
import threading

import pytest

from engine_script import Gate, ScriptedEngine, call, calls_interleaved, hold, say
from harness import Stream, eventually, make_key, text_of
from mcp_script import PNG
from web_script import ScriptedWeb

ADD = '{"a": 2, "b": 3}'


@pytest.fixture
def server(servers, engine, mcp):
    return servers(engine, args=allow(mcp))


def allow(mcp, *more):
    return ["--set", f"mcp.allow=http://127.0.0.1:{mcp.port}", *more]


def together(*calls):
    return calls_interleaved(*[(name, f"call_{i}", [text]) for i, (name, text) in enumerate(calls)])


def tool(mcp, way="modern", label="calc", approval="never", **more):
    return {"type": "mcp", "server_label": label, "server_url": mcp.url(way), "require_approval": approval, **more}


def types(made):
    return [i["type"] for i in made["output"]]


def told(engine, at=-1):
    return engine.requests[at].body["messages"][-1]["content"]


def names(engine, at=0):
    return [t["function"]["name"] for t in engine.requests[at].body.get("tools", [])]


def retold(server, made):
    return [e for e in Stream(*server.open("GET", f"/v1/responses/{made['id']}?stream=true")) if e.data]


# --- listing and calling ---

@pytest.mark.parametrize("way", ["modern", "legacy", "sse", "bridge", "polling"])
def test_a_function_is_listed_and_called(server, engine, mcp, way):
    engine.next(call("calc__add", ADD))
    engine.next(say("five"))
    made = server.create("2+3?", tools=[tool(mcp, way)])
    assert types(made) == ["mcp_list_tools", "mcp_call", "message"] and made["status"] == "completed", made
    listed, called, _ = made["output"]
    assert list(listed) == ["id", "type", "server_label", "tools"] and listed["id"].startswith("mcpl_")
    assert list(listed["tools"][0]) == ["annotations", "description", "input_schema", "name"]
    assert listed["tools"][0]["annotations"] == {"read_only": True} and listed["tools"][1]["annotations"] == {"read_only": False}
    assert all(isinstance(t.get("description", ""), str) for t in listed["tools"])  # some have none: that is no null
    assert listed["tools"][1]["input_schema"]["$schema"]
    assert list(called) == ["id", "type", "status", "approval_request_id", "arguments", "error", "name", "output", "server_label"]
    assert called == {"id": called["id"], "type": "mcp_call", "status": "completed", "approval_request_id": None, "arguments": ADD,
                      "error": None, "name": "add", "output": "5", "server_label": "calc"}
    assert names(engine) == ["calc__add", "calc__boom", "calc__slow", "calc__picture", "calc__ask", "calc__big", "calc__write"]
    assert "\n<result>\n5\n</result>" in told(engine)
    assert "$schema" not in json.dumps(engine.requests[0].body["tools"])
    assert server.get("/v1/responses/" + made["id"]).json["output"] == made["output"]


def test_streamed(server, engine, mcp):
    engine.next(call("calc__add", ADD))
    engine.next(say("five"))
    events = [e for e in server.stream("2+3?", tools=[tool(mcp)]) if e.data]
    assert [e.data["sequence_number"] for e in events] == list(range(len(events)))
    got = [e.type.removeprefix("response.") for e in events]
    assert got[:15] == [
        "created", "in_progress", "output_item.added", "mcp_list_tools.in_progress", "mcp_list_tools.completed",
        "output_item.done", "output_item.added", "mcp_call.in_progress", "mcp_call_arguments.delta", "mcp_call_arguments.done",
        "mcp_call.completed", "output_item.done", "output_item.added", "content_part.added", "output_text.delta"]
    assert events[2].data["item"]["tools"] == [] and len(events[5].data["item"]["tools"]) == 7
    begun = events[6].data["item"]
    assert (begun["arguments"], begun["output"], begun["status"], begun["name"]) == ("", None, "in_progress", "add")
    assert events[8].data["delta"] == ADD and events[9].data["arguments"] == ADD
    done = events[-1].data["response"]
    again = retold(server, done)
    bare = lambda all: [(e.type, {k: v for k, v in e.data.items() if k != "obfuscation"}) for e in all]
    assert bare(again) == bare(events)


def test_streamed_again_from_what_is_stored(server, engine, mcp):
    """An answer that was not streamed is told with the same events."""
    engine.next(call("calc__add", ADD), )
    engine.next(call("calc__boom"))
    engine.next(say("five"))
    made = server.create("2+3?", tools=[tool(mcp)])
    got = [e.type.removeprefix("response.") for e in retold(server, made)]
    assert got[2:18] == [
        "output_item.added", "mcp_list_tools.in_progress", "mcp_list_tools.completed", "output_item.done", "output_item.added",
        "mcp_call.in_progress", "mcp_call_arguments.delta", "mcp_call_arguments.done", "mcp_call.completed", "output_item.done",
        "output_item.added", "mcp_call.in_progress", "mcp_call_arguments.delta", "mcp_call_arguments.done", "mcp_call.failed",
        "output_item.done"]


def test_errors_in_three_shapes(server, engine, mcp):
    engine.next(together(("calc__boom", "{}"), ("calc__nope", "{}"), ("calc__add", ADD)))
    engine.next(say("so"))
    made = server.create("x", tools=[tool(mcp, "legacy")])
    boom = next(i for i in made["output"] if i.get("name") == "boom")
    assert boom["status"] == "failed" and boom["output"] is None
    assert boom["error"] == {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": "the database is down"}]}
    tool_messages = [m["content"] for m in engine.requests[-1].body["messages"] if m["role"] == "tool"]
    assert "the database is down" in tool_messages[0] and "no tool 'calc__nope'" in tool_messages[1]
    mcp.tools.append({"name": "nope", "inputSchema": {"type": "object"}})
    engine.next(call("calc__nope"))
    engine.next(say("so"))
    made = server.create("x", tools=[tool(mcp, "legacy")])
    assert made["output"][1]["error"] == {"type": "mcp_protocol_error", "code": -32602, "message": "Unknown tool: nope"}
    mcp.on_call = lambda *_: mcp.http.server_close() or (_ for _ in ()).throw(BrokenPipeError())
    engine.next(call("calc__write"))
    engine.next(say("so"))
    made = server.create("x", tools=[tool(mcp, "modern")])
    assert made["output"][1]["error"]["type"] == "http_error" and made["output"][1]["error"]["code"] == 424


def test_content_of_every_type(server, engine, mcp):
    engine.next(together(("calc__picture", ""), ("calc__big", "{}")))
    engine.next(say("seen"))
    made = server.create("x", tools=[tool(mcp)])
    assert made["output"][1]["output"] == (
        "here\n[image: image/png, 72 bytes]\ninside\n[link to two: demo://2]\n[audio: audio/wav, 3 bytes]")
    assert made["output"][1]["arguments"] == "{}" and len(made["output"][2]["output"]) == 300000
    assert len(told(engine)) < 70000


def test_pictures_are_shown_to_a_model_that_sees(servers, mcp):
    """In this turn, in the next, and when a client that keeps its own items sends them back; bytes that are no picture are not."""
    seeing, blind = ScriptedEngine(vision=True), ScriptedEngine()
    for engine, sees in ((seeing, 1), (blind, 0)):
        with contextlib.closing(engine):
            server = servers(engine, args=allow(mcp))
            shown = lambda: [part["image_url"]["url"] for m in engine.requests[-1].body["messages"] if isinstance(m["content"], list)
                             for part in m["content"] if part["type"] == "image_url"]
            engine.next(call("calc__picture"))
            engine.next(say("a dot"))
            made = server.create("x", tools=[tool(mcp)])
            assert shown() == ["data:image/png;base64," + PNG] * sees, engine.requests[-1].body
            assert "[image: image/png" in made["output"][1]["output"] and PNG not in json.dumps(made)
            engine.next(say("still"))
            server.create("and now?", previous_response_id=made["id"], tools=[tool(mcp)])
            assert shown() == ["data:image/png;base64," + PNG] * sees
            engine.next(say("still"))
            server.create([{"role": "user", "content": "x"}, *made["output"], {"role": "user", "content": "y"}], tools=[tool(mcp)])
            assert shown() == ["data:image/png;base64," + PNG] * sees
    mcp.result = {"content": [{"type": "image", "mimeType": "image/png", "data": data} for data in ("", "%%%", "aGVsbG8=", 7)]}
    with contextlib.closing(ScriptedEngine(vision=True)) as engine:
        server = servers(engine, args=allow(mcp))
        engine.next(call("calc__picture"))
        engine.next(say("nothing"))
        assert server.create("x", tools=[tool(mcp)])["status"] == "completed"
        assert "image_url" not in json.dumps(engine.requests[-1].body)


def test_parallel_calls_in_their_order(server, engine, mcp):
    mcp.slow = 0.5
    engine.next(together(("calc__slow", "{}"), ("calc__add", ADD), ("calc__slow", '{"n":1}')))
    engine.next(say("done"))
    made = server.create("x", tools=[tool(mcp)])
    assert [i.get("name") for i in made["output"][1:4]] == ["slow", "add", "slow"] and mcp.most == 2


def test_a_slow_server_does_not_keep_others_waiting(servers, engine, mcp):
    """More calls than tools.threads wait for a server; a tool that is quick runs meanwhile."""
    server = servers(engine, args=allow(mcp, "--set", "tools.threads=1"))
    mcp.slow = 5
    engine.next(together(*[("calc__slow", json.dumps({"n": i})) for i in range(4)]))
    slow = server.stream("x", tools=[tool(mcp)])
    eventually(lambda: mcp.most == 4, what="four calls at once")
    engine.next(call("web_search", '{"query":"x"}'))
    engine.next(say("quick"))
    made = server.create("y", tools=[{"type": "web_search", "external_web_access": False}])
    assert text_of(made) == "quick" and mcp.running == 4
    slow.leave()


def test_64_slow_calls_beside_a_quick_search(servers, engine, mcp):
    """Every thread for MCP waits for a server; a search of the web has threads of its own."""
    with contextlib.closing(ScriptedWeb()) as web:
        more = [f"--set=mcp.{name}=64" for name in ("per_project", "per_server", "threads")]
        server = servers(engine, args=allow(mcp, *more, *web.args(), "--set", "tools.threads=1"))
        go, here = threading.Event(), threading.Semaphore(0)

        def wait(name, args):
            here.release()
            go.wait(60)
        mcp.on_call = wait
        engine.always(lambda request: [say("done")] if request.body["messages"][-1]["role"] == "tool" else
                      [call("calc__add", ADD)] if request.body["messages"][-1]["content"] == "slow" else [call("web_search", '{"query":"x"}')])
        slow = [server.create("slow", tools=[tool(mcp)], background=True) for _ in range(64)]
        for _ in slow:
            assert here.acquire(timeout=60)
        made = server.create("quick", tools=[{"type": "web_search"}])
        assert types(made) == ["web_search_call", "message"] and web.requests and not go.is_set()
        go.set()
        assert {waited(server, made)["output"][1]["output"] for made in slow} == {"5"}


# --- which tools ---

def test_allowed_tools(server, engine, mcp):
    for allowed, echo, left in (
            (["add", "boom"], ["add", "boom"], ["add", "boom"]),
            ({"tool_names": ["add"]}, {"read_only": None, "tool_names": ["add"]}, ["add"]),
            ({"read_only": True}, {"read_only": True, "tool_names": None}, ["add"]),
            (["none such"], ["none such"], [])):
        engine.next(say("ok"))
        made = server.create("x", tools=[tool(mcp, allowed_tools=allowed)])
        assert [t["name"] for t in made["output"][0]["tools"]] == left and made["tools"][0]["allowed_tools"] == echo
        assert names(engine, -1) == ["calc__" + n for n in left]


def test_the_echo_keeps_no_secrets(server, engine, mcp):
    engine.next(say("ok"))
    made = server.create("x", tools=[{"type": "mcp", "server_label": "calc", "server_url": mcp.url("auth") + "?key=hidden",
                                      "headers": {"X-Key": "hidden"}, "authorization": "good",
                                      "require_approval": {"never": {"tool_names": ["add"]}}}])
    text = json.dumps(made)
    assert "hidden" not in text and "good" not in text
    assert made["tools"][0] == {
        "type": "mcp", "allowed_tools": None, "authorization": "<redacted>", "headers": {"X-Key": "<redacted>"},
        "require_approval": {"always": None, "never": {"read_only": None, "tool_names": ["add"]}}, "server_description": None,
        "server_label": "calc", "server_url": mcp.url("auth") + "?<redacted>"}
    assert mcp.log[0][3]["X-Key"] == "hidden" and mcp.log[0][3]["Authorization"] == "Bearer good"
    assert "hidden" not in server.stderr() and "Bearer" not in server.stderr()
    engine.next(say("ok"))
    made = server.create("x", tools=[{"type": "mcp", "server_label": "calc", "server_url": mcp.url("modern")}])
    assert made["tools"][0] == {"type": "mcp", "allowed_tools": None, "headers": None, "require_approval": "always",
                                "server_description": None, "server_label": "calc", "server_url": mcp.url("modern")}


def test_two_servers_with_the_same_names(server, engine, mcp):
    engine.next(together(("one__add", ADD), ("two__add", '{"a":1,"b":1}')))
    engine.next(say("ok"))
    made = server.create("x", tools=[tool(mcp, "modern", "one"), tool(mcp, "legacy", "two")])
    assert types(made) == ["mcp_list_tools", "mcp_list_tools", "mcp_call", "mcp_call", "message"]
    assert [(i["server_label"], i["output"]) for i in made["output"][2:4]] == [("one", "5"), ("two", "2")]
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "tools": [tool(mcp), tool(mcp, "legacy")]})
    assert answer.status == 400 and answer.error["param"] == "tools[1].server_label"


def test_labels_that_mangle_to_one_word(server, engine, mcp):
    engine.next(together(("a_b__add", ADD), ("a_b__add_2", '{"a":1,"b":1}')))
    engine.next(say("ok"))
    first = server.create("x", tools=[tool(mcp, "modern", "a.b"), tool(mcp, "legacy", "a b")])
    assert [(i["server_label"], i["output"]) for i in first["output"][2:4]] == [("a.b", "5"), ("a b", "2")]
    engine.next(say("ok"))
    server.create("y", tools=[tool(mcp, "modern", "a.b"), tool(mcp, "legacy", "a b")], previous_response_id=first["id"])
    calls = [c["function"]["name"] for m in engine.requests[-1].body["messages"] for c in m.get("tool_calls", [])]
    assert calls == ["a_b__add", "a_b__add_2"]


def test_tool_choice(server, engine, mcp):
    weather = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
    for choice, offered in (
            ({"type": "mcp", "server_label": "calc"}, 7), ({"type": "mcp", "server_label": "calc", "name": "add"}, 1),
            ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "mcp", "server_label": "calc", "name": "add"}]}, 1)):
        engine.next(call("calc__add", ADD))
        engine.next(say("ok"))
        made = server.create("x", tools=[tool(mcp), weather], tool_choice=choice)
        assert types(made) == ["mcp_list_tools", "mcp_call", "message"]
        assert len(names(engine, -2)) == offered and engine.requests[-2].body["tool_choice"] == "required"
    wrong = server.post("/v1/responses", {"model": "scripted", "input": "x", "tools": [tool(mcp)],
                                          "tool_choice": {"type": "mcp", "server_label": "other"}})
    assert wrong.status == 400 and wrong.error["param"] == "tool_choice"


def test_max_tool_calls_counts_them(server, engine, mcp):
    engine.next(together(("calc__add", ADD), ("calc__write", "{}")))
    engine.next(say("ok"))
    made = server.create("x", tools=[tool(mcp)], max_tool_calls=1)
    assert types(made) == ["mcp_list_tools", "mcp_call", "message"] and mcp.written == 0


# --- lists in the context ---

def test_listed_once_in_a_chain(server, engine, mcp):
    engine.next(call("calc__add", ADD))
    engine.next(say("five"))
    first = server.create("2+3?", tools=[tool(mcp)])
    engine.next(call("calc__add", ADD))
    engine.next(say("again"))
    second = server.create("again", tools=[tool(mcp)], previous_response_id=first["id"])
    assert types(second) == ["mcp_call", "message"] and mcp.methods().count("tools/list") == 1
    engine.next(say("more"))
    third = server.create("x", tools=[tool(mcp), tool(mcp, "legacy", "other")], previous_response_id=second["id"])
    assert types(third) == ["mcp_list_tools", "message"] and third["output"][0]["server_label"] == "other"
    engine.next(say("narrow"))
    fourth = server.create("x", tools=[tool(mcp, allowed_tools=["add"])], previous_response_id=third["id"])
    assert types(fourth) == ["message"] and names(engine, -1) == ["calc__add"]
    engine.next(say("elsewhere"))
    fifth = server.create("x", tools=[tool(mcp, "pages")], previous_response_id=fourth["id"])
    assert types(fifth) == ["mcp_list_tools", "message"], "another server under the same label"


def test_a_list_sent_back_empty_is_found_again(server, engine, mcp):
    """Clients keep no tools; the item is known by its id."""
    engine.next(call("calc__add", ADD))
    engine.next(say("five"))
    first = server.create("2+3?", tools=[tool(mcp)])
    listed, called, message = first["output"]
    engine.next(say("ok"))
    back = [{"role": "user", "content": "2+3?"}, {**listed, "tools": []}, {**called, "output": None, "error": None}, message,
            {"role": "user", "content": "and?"}]
    second = server.create(back, tools=[tool(mcp)])
    assert types(second) == ["message"] and len(names(engine, -1)) == 7
    assert "<result>\n5\n</result>" in [m["content"] for m in engine.requests[-1].body["messages"] if m["role"] == "tool"][0]
    engine.next(say("ok"))
    third = server.create([{"id": "mcpl_" + 40 * "0", "type": "mcp_list_tools", "server_label": "calc", "tools": []},
                           {"role": "user", "content": "x"}], tools=[tool(mcp)])
    assert types(third) == ["mcp_list_tools", "message"]
    engine.next(say("ok"))
    fourth = server.create([listed, {"role": "user", "content": "x"}], tools=[tool(mcp)], store=False)
    assert types(fourth) == ["message"] and len(names(engine, -1)) == 7


def test_a_session_that_is_gone_is_made_anew(server, engine, mcp):
    previous = {}
    for way in ("legacy", "dead400"):
        for _ in range(2):
            engine.next(call("calc__write", "{}"))
            engine.next(say("ok"))
            made = server.create("x", tools=[tool(mcp, way)], **previous)
            assert made["output"][-2]["output"] == "written {}"
            previous = {"previous_response_id": made["id"]}
            mcp.sessions.clear()
        previous = {}
    assert mcp.written == 4


def test_sessions_are_ended(servers, engine, mcp):
    """After they are forgotten, by the next request; and with the server."""
    server = servers(engine, args=allow(mcp, "--set", "mcp.known_ms=1000"))
    engine.always(lambda request: [say("ok")])
    server.create("x", tools=[tool(mcp, "legacy", authorization="one")])
    assert len(mcp.sessions) == 1 and not mcp.ended()
    server.create("x", tools=[tool(mcp, "legacy", authorization="two")])

    def forgotten():
        server.create("x", tools=[tool(mcp, "legacy", authorization="one")])
        return [h["Authorization"] for h in mcp.ended()]
    assert eventually(forgotten, what="the end of a session")[0] == "Bearer one"
    server.stop()
    assert not mcp.sessions and {h["Authorization"] for h in mcp.ended()} == {"Bearer one", "Bearer two"}


# --- defer_loading ---

def test_deferred_tools_are_told_with_their_search(server, engine, mcp):
    tools = [{"type": "tool_search"}, tool(mcp, defer_loading=True)]
    engine.next(call("calc__add", ADD))
    engine.next(say("five"))
    made = server.create("2+3?", tools=tools)
    assert types(made) == ["mcp_list_tools", "tool_search_call", "tool_search_output", "mcp_call", "message"]
    assert made["output"][1]["arguments"] == {"paths": ["calc"]} and made["output"][2]["tools"][0]["server_label"] == "calc"
    assert "calc__add" in names(engine) and "tool_search" not in names(engine)
    for more in ({"previous_response_id": made["id"], "input": "on"},
                 {"input": [{"role": "user", "content": "2+3?"}, *made["output"], {"role": "user", "content": "on"}], "store": False}):
        engine.next(call("calc__write", "{}"))
        engine.next(say("ok"))
        assert types(server.create(tools=tools, **more)) == ["mcp_call", "message"], "all of the server are found"


def test_many_deferred_tools_are_searched(server, engine, mcp):
    mcp.tools += [{"name": f"tool_{i}", "description": f"Number {i}.", "inputSchema": {"type": "object"}} for i in range(80)]
    tools = [{"type": "tool_search"}, tool(mcp, defer_loading=True, authorization="secret")]
    engine.next(call("tool_search", '{"query": "add two numbers"}'))
    engine.next(call("calc__add", ADD))
    engine.next(say("five"))
    made = server.create("2+3?", tools=tools)
    assert names(engine) == ["tool_search"] and names(engine, 1)[0] == "tool_search" and "calc__add" in names(engine, 1)
    assert types(made) == ["mcp_list_tools", "tool_search_call", "tool_search_output", "mcp_call", "message"]
    found, = made["output"][2]["tools"]
    assert found["type"] == "mcp" and "add" in json.dumps(found["allowed_tools"]) and "secret" not in json.dumps(found)
    shown = set(names(engine, 1))
    for more in ({"previous_response_id": made["id"], "input": "on"},
                 {"input": [{"role": "user", "content": "2+3?"}, *made["output"], {"role": "user", "content": "on"}], "store": False}):
        engine.next(say("ok"))
        server.create(tools=tools, **more)
        assert set(names(engine, -1)) == shown


# --- what goes wrong ---

@pytest.mark.parametrize("way, words", [
    ("auth", "it wants authorization (401): Bearer error=\"invalid_token\", resource_metadata="), ("forbidden", "status 403"),
    ("none", "no MCP server answers there"), ("away", "redirects to another origin"), ("endless", "has no end")])
def test_a_list_that_fails_fails_the_request(server, engine, mcp, way, words):
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "tools": [tool(mcp, way)]})
    assert answer.status == 424, answer
    assert answer.error["message"].startswith(
        "Error retrieving tool list from MCP server: 'calc'. Http status code: 424 (Failed Dependency)")
    assert words in answer.error["message"] and "secret" not in answer.error["message"]
    events = [e for e in server.stream("x", tools=[tool(mcp, way)]) if e.data]
    got = [e.type for e in events]
    assert got[2:7] == ["response.output_item.added", "response.mcp_list_tools.in_progress", "response.mcp_list_tools.failed",
                        "response.output_item.done", "error"] and got[-1] == "response.failed"
    assert words in events[-1].data["response"]["error"]["message"] and not engine.requests


def test_a_list_that_fails_can_be_skipped(servers, engine, mcp):
    server = servers(engine, args=allow(mcp, "--set", "mcp.list_failure=skip"))
    engine.next(call("good__add", ADD))
    engine.next(say("five"))
    made = server.create("x", tools=[tool(mcp, "broken", "bad"), tool(mcp, "modern", "good")])
    assert types(made) == ["mcp_list_tools", "mcp_list_tools", "mcp_call", "message"]
    assert "status 500" in made["output"][0]["error"] and made["output"][0]["tools"] == []


@pytest.mark.parametrize("change, param", [
    ({"server_url": "http://127.0.0.1:1/"}, "server_url"), ({"server_url": "https://127.0.0.1/"}, "server_url"),
    ({"server_url": "https://localhost/"}, "server_url"), ({"server_url": "https://[::ffff:10.0.0.1]/"}, "server_url"),
    ({"server_url": "https://169.254.169.254/latest"}, "server_url"), ({"server_url": "https://0x7f.1/"}, "server_url"),
    ({"server_url": "http://example.com/mcp"}, "server_url"), ({"server_url": "https://me@example.com/"}, "server_url"),
    ({"server_url": "https://example.com/#x"}, "server_url"), ({"server_url": "file:///etc/passwd"}, "server_url"),
    ({"server_url": "gopher://example.com/"}, "server_url"), ({"server_url": ""}, "server_url"),
    ({"server_url": None}, "server_url"), ({"connector_id": "connector_gmail"}, ""),
    ({"server_url": None, "connector_id": "connector_gmail"}, "connector_id"), ({"tunnel_id": "t"}, "tunnel_id"),
    ({"headers": {"Host": "x"}}, "headers"), ({"headers": {"Mcp-Session-Id": "x"}}, "headers"),
    ({"headers": {"Content-Length": "1"}}, "headers"), ({"headers": {"transfer-encoding": "x"}}, "headers"),
    ({"headers": {"X": "a\r\nHost: b"}}, "headers"), ({"headers": {"X Y": "a"}}, "headers"), ({"headers": {"": "a"}}, "headers"),
    ({"headers": {"X": "a\0b"}}, "headers"), ({"headers": {"Last-Event-ID": "1"}}, "headers"),
    ({"headers": {"Authorization": "x"}, "authorization": "y"}, "headers"), ({"authorization": "a\nb"}, "authorization"),
    ({"require_approval": {}}, "require_approval"), ({"require_approval": {"never": {}}}, "require_approval.never"),
    ({"require_approval": "sometimes"}, "require_approval"), ({"require_approval": {"ever": {}}}, "require_approval.ever"),
    ({"allowed_tools": {}}, "allowed_tools"), ({"server_label": ""}, "server_label")])
def test_what_is_refused(server, engine, mcp, change, param):
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "tools": [{**tool(mcp), **change}]})
    assert answer.status == 400 and answer.error["param"] == ("tools[0]." + param).rstrip("."), answer
    assert not mcp.log and not engine.requests


@pytest.mark.parametrize("name", ["Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "TE", "Trailer", "Expect", "Accept",
                                  "Content-Type", "Mcp-Session-Id", "mcp-method", "Mcp-Param-Region", "MCP-Protocol-Version", "Last-Event-ID",
                                  "Proxy-Authorization", "Keep-Alive"])
def test_headers_of_the_protocol_are_refused(server, engine, mcp, name):
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "tools": [tool(mcp, headers={name: "x"})]})
    assert answer.status == 400 and answer.error["param"] == "tools[0].headers" and name in answer.error["message"]
    assert not mcp.log and not engine.requests


def test_nothing_that_an_answer_names_is_fetched(server, engine, mcp):
    """Icons, references of schemas, links of results, metadata of who may authorize."""
    bait = mcp.url("modern") + "/bait"
    mcp.tools = [{"name": "picture", "description": bait, "icons": [{"src": bait}], "inputSchema": {
        "$schema": bait, "type": "object", "properties": {"x": {"$ref": bait + "#/x"}}}, "_meta": {"url": bait}}]
    mcp.result = {"content": [{"type": "resource_link", "uri": bait, "name": "x"}, {"type": "text", "text": bait, "annotations": {"url": bait}}]}
    engine.next(call("calc__picture"))
    engine.next(say("so"))
    server.create("x", tools=[tool(mcp)])
    server.post("/v1/responses", {"model": "scripted", "input": "x", "tools": [tool(mcp, "auth", label="locked")]})
    assert {(path, verb) for path, verb, _, _ in mcp.log} == {("/modern", "POST"), ("/auth", "POST")}


def test_named_servers_and_connectors(servers, engine, mcp, tmp_path):
    headers = tmp_path / "headers"
    headers.write_text("# the operator's\nAuthorization: Bearer good\n")
    server = servers(engine, args=["--set", f"mcp.servers=own={mcp.url('auth')}", "--set", f"mcp.server_headers=own={headers}",
                                   "--set", f"mcp.connectors=connector_gmail={mcp.url('modern')}"])
    for given in ({"server_label": "own"}, {"server_label": "mail", "connector_id": "connector_gmail"}):
        engine.next(call(given["server_label"] + "__add", ADD))
        engine.next(say("ok"))
        made = server.create("x", tools=[{"type": "mcp", "require_approval": "never", **given}])
        assert made["output"][1]["output"] == "5" and made["tools"][0]["server_url"] is None
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "tools": [
        {"type": "mcp", "server_label": "own", "server_url": mcp.url("modern")}]})
    assert answer.status == 400, "the operator's credentials go to the operator's address alone"


# --- in the background, over a WebSocket, after a restart ---

def waited(server, made):
    return eventually(lambda: (r := server.get("/v1/responses/" + made["id"]).json)["status"] not in ("queued", "in_progress") and r,
                      what="the end of a background response")


def test_in_the_background(server, engine, mcp):
    engine.next(call("calc__add", ADD))
    engine.next(say("five"))
    made = server.create("2+3?", tools=[tool(mcp, "auth", authorization="good")], background=True)
    got = waited(server, made)
    assert types(got) == ["mcp_list_tools", "mcp_call", "message"] and got["output"][1]["output"] == "5"
    events = [e.type.removeprefix("response.") for e in retold(server, made)]
    assert events[3:12] == ["output_item.added", "mcp_list_tools.in_progress", "mcp_list_tools.completed", "output_item.done",
                            "output_item.added", "mcp_call.in_progress", "mcp_call_arguments.delta", "mcp_call_arguments.done",
                            "mcp_call.completed"]


def test_the_credentials_of_a_background_response_are_sealed(server, engine, mcp, tmp_path):
    mcp.slow = 1
    engine.next(call("calc__slow", "{}"))
    engine.next(say("done"))
    made = server.create("x", tools=[tool(mcp, "auth", authorization="good", headers={"X-Key": "verysecretkey"})], background=True)
    eventually(lambda: mcp.running, what="the call")
    kept = b"".join(f.read_bytes() for f in pathlib.Path(server.data).rglob("*") if f.is_file())
    assert b"verysecretkey" not in kept and b"Bearer" not in kept
    assert waited(server, made)["status"] == "completed"
    assert [h["X-Key"] for _, _, _, h in mcp.log] == ["verysecretkey"] * len(mcp.log)


def test_a_call_that_is_cancelled_is_told(server, engine, mcp):
    """It may have changed something there: it is failed, not gone, and what goes on knows of it."""
    mcp.slow = 20
    engine.next(call("calc__slow", "{}"))
    id = server.create("x", tools=[tool(mcp)], background=True)["id"]
    eventually(lambda: mcp.running, what="the call")
    made = server.post(f"/v1/responses/{id}/cancel", {}).json
    assert made["status"] == "cancelled" and types(made) == ["mcp_list_tools", "mcp_call"]
    assert made["output"][1]["status"] == "failed" and "cut off" in json.dumps(made["output"][1]["error"])
    assert server.get("/v1/responses/" + id).json["output"] == made["output"]
    told_events = [e.type for e in Stream(*server.open("GET", f"/v1/responses/{id}?stream=true")) if e.data]
    assert told_events[-3:] == ["response.mcp_call.failed", "response.output_item.done", "response.failed"]
    engine.next(say("ok"))
    server.create("on", previous_response_id=id, tools=[tool(mcp)])
    assert "cut off" in json.dumps(engine.last.body["messages"])


def test_a_kill_between_list_and_call(servers, engine, mcp, tmp_path):
    """A background response whose list was told goes on with it, credentials and all."""
    data = tmp_path / "data"
    server = servers(engine, args=allow(mcp, "--set", "api.on_restart=retry"), data=data)
    gate = Gate()
    engine.next(hold(gate))
    made = server.create("x", tools=[tool(mcp, "auth", authorization="good")], background=True)
    engine.wait_for(1)
    told = Stream(*server.open("GET", f"/v1/responses/{made['id']}?stream=true"))
    told.until("response.output_item.done")  # so it is durable
    server.kill()
    gate.open.set()
    engine.next(call("calc__add", ADD))
    engine.next(say("five"))
    again = servers(engine, args=allow(mcp, "--set", "api.on_restart=retry"), data=data)
    got = waited(again, made)
    assert got["status"] == "completed" and got["output"][-2]["output"] == "5", got
    assert types(got).count("mcp_list_tools") == 1


def test_a_kill_within_a_call_never_repeats_it(servers, engine, mcp, tmp_path):
    data = tmp_path / "data"
    server = servers(engine, args=allow(mcp), data=data)
    mcp.slow = 30
    engine.next(call("calc__slow", "{}"))
    made = server.create("x", tools=[tool(mcp)], background=True)
    eventually(lambda: mcp.running, what="the call")
    server.kill()
    engine.always(lambda request: [say("after")])
    again = servers(engine, args=allow(mcp), data=data)
    got = waited(again, made)
    assert mcp.methods().count("tools/call") == 1, got
    cut = [i for i in got["output"] if i["type"] == "mcp_call"]
    assert cut[0]["status"] == "failed" and cut[0]["name"] == "slow" and "cut off" in cut[0]["error"]["message"]


# --- approvals ---

def ask(server, engine, mcp, text=ADD, name="add", **more):
    engine.next(call("calc__" + name, text))
    return server.create("2+3?", tools=[tool(mcp, approval="always")], **more)


def answer(request, approve=True, **more):
    return {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": approve, **more}


def test_approved(server, engine, mcp):
    first = ask(server, engine, mcp)
    assert types(first) == ["mcp_list_tools", "mcp_approval_request"] and first["status"] == "completed"
    request = first["output"][1]
    assert list(request) == ["id", "type", "arguments", "name", "server_label"] and request["id"].startswith("mcpr_")
    assert request == {**request, "arguments": ADD, "name": "add", "server_label": "calc"}
    assert "tools/call" not in mcp.methods()
    engine.next(say("five"))
    events = [e for e in server.stream([answer(request)], previous_response_id=first["id"],
                                       tools=[tool(mcp, approval="always")]) if e.data]
    got = [e.type.removeprefix("response.") for e in events]
    assert got[2:9] == ["output_item.added", "mcp_call.in_progress", "mcp_call_arguments.delta", "mcp_call.in_progress",
                        "mcp_call_arguments.done", "mcp_call.completed", "output_item.done"]
    second = events[-1].data["response"]
    bare = lambda all: [(e.type, {k: v for k, v in e.data.items() if k != "obfuscation"}) for e in all]
    assert bare(retold(server, second)) == bare(events)
    assert types(second) == ["mcp_call", "message"]
    assert second["output"][0]["approval_request_id"] == request["id"] and second["output"][0]["output"] == "5"
    assert mcp.methods() == ["tools/list", "tools/call"]
    roles = [m["role"] for m in engine.requests[-1].body["messages"]]
    assert roles == ["user", "assistant", "tool"] and "<result>\n5" in told(engine)
    engine.next(say("and on"))
    third = server.create("more", previous_response_id=second["id"], tools=[tool(mcp, approval="always")])
    assert types(third) == ["message"]


def test_asking_streamed(server, engine, mcp):
    engine.next(together(("calc__add", ADD), ("calc__write", "{}"), ("calc__boom", "{}")))
    rule = {"never": {"tool_names": ["add"]}}
    events = [e for e in server.stream("x", tools=[tool(mcp, approval=rule)]) if e.data]
    made = events[-1].data["response"]
    assert types(made) == ["mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_request"]
    assert [i["name"] for i in made["output"][1:]] == ["add", "write", "boom"]
    added = [e.data["item"] for e in events if e.type == "response.output_item.added"][2:]
    done = [e.data["item"] for e in events if e.type == "response.output_item.done"][2:]
    assert added == done == made["output"][2:]
    bare = lambda all: [(e.type, {k: v for k, v in e.data.items() if k != "obfuscation"}) for e in all]
    assert bare(retold(server, made)) == bare(events)


def test_denied(server, engine, mcp):
    first = ask(server, engine, mcp)
    engine.next(say("then not"))
    second = server.create([answer(first["output"][1], False, reason="too dangerous")], previous_response_id=first["id"],
                           tools=[tool(mcp, approval="always")])
    assert types(second) == ["message"] and "tools/call" not in mcp.methods()
    assert "the user refused it, and says: too dangerous" in told(engine)


def test_not_answered(server, engine, mcp):
    first = ask(server, engine, mcp)
    engine.next(say("ok"))
    server.create("never mind", previous_response_id=first["id"], tools=[tool(mcp, approval="always")])
    assert any("has not answered" in str(m["content"]) for m in engine.requests[-1].body["messages"])


def test_a_second_approval_in_a_chain(server, engine, mcp):
    first = ask(server, engine, mcp)
    engine.next(call("calc__write", "{}"))
    second = server.create([answer(first["output"][1])], previous_response_id=first["id"], tools=[tool(mcp, approval="always")])
    assert types(second) == ["mcp_call", "mcp_approval_request"]
    engine.next(say("done"))
    third = server.create([answer(second["output"][1])], previous_response_id=second["id"], tools=[tool(mcp, approval="always")])
    assert types(third) == ["mcp_call", "message"] and mcp.written == 1


def refused(server, mcp, items, tools=None, **more):
    got = server.post("/v1/responses", {"model": "scripted", "input": items, "tools": tools or [tool(mcp, approval="always")], **more})
    assert got.status == 400, got
    return got.error


def test_an_answer_counts_once(server, engine, mcp):
    first = ask(server, engine, mcp, "{}", "write")
    request = first["output"][1]
    engine.next(say("ok"))
    server.create([answer(request)], previous_response_id=first["id"], tools=[tool(mcp, approval="always")])
    for store in (True, False):
        error = refused(server, mcp, [answer(request)], previous_response_id=first["id"], store=store)
        assert error["param"] == "input[0].approval_request_id" and "counts once" in error["message"]
    error = refused(server, mcp, [request, answer(request)])
    assert "counts once" in error["message"]
    error = refused(server, mcp, [answer(request), answer(request)], previous_response_id=first["id"])
    assert "twice" in error["message"]
    assert mcp.written == 1


def test_attacks_on_approvals(servers, engine, mcp):
    server = servers(engine, args=allow(mcp))
    first = ask(server, engine, mcp, '{"to":"a"}', "write", store=False)
    request = first["output"][1]
    for changed in ({"arguments": '{"to":"b"}'}, {"name": "boom"}, {"server_label": "other"},
                    {"id": request["id"][:-9] + ("0" if request["id"][-9] != "0" else "1") + request["id"][-8:]}):
        forged = {**request, **changed}
        tools = [tool(mcp, approval="always"), tool(mcp, label="other", approval="always")]
        error = refused(server, mcp, [{"role": "user", "content": "x"}, forged, answer(forged)], tools)
        assert error["param"] == "input[2].approval_request_id", (changed, error)
    error = refused(server, mcp, [request, answer(request)], [tool(mcp, "other", approval="always")])
    assert "another call" in error["message"], "another URL"
    error = refused(server, mcp, [request, answer(request)], [tool(mcp, label="not this", approval="always")])
    assert "not among 'tools'" in error["message"]
    error = refused(server, mcp, [answer(request)])
    assert "not found" in error["message"], "a request that nobody shows"
    error = refused(server, mcp, [{"id": "mcpr_" + 40 * "a", **{k: request[k] for k in ("type", "name", "arguments", "server_label")}},
                                  answer({"id": "mcpr_" + 40 * "a"})])
    assert "another call" in error["message"] or "not found" in error["message"]
    assert mcp.written == 0
    engine.next(say("ok"))
    made = server.create([{"role": "user", "content": "x"}, request, answer(request)], tools=[tool(mcp, approval="always")], store=False)
    assert types(made) == ["mcp_list_tools", "mcp_call", "message"] and mcp.written == 1


def test_another_project_cannot_answer(servers, engine, mcp):
    server = servers(engine, args=allow(mcp))
    ours, theirs = make_key(server, "alpha", "one")[0], make_key(server, "beta", "two")[0]
    server.key = ours
    request = ask(server, engine, mcp, "{}", "write")["output"][1]
    server.key = theirs
    error = refused(server, mcp, [request, answer(request)])
    assert "another call" in error["message"] and mcp.written == 0


def test_a_changed_definition_asks_again(server, engine, mcp):
    first = ask(server, engine, mcp, "{}", "write", store=False)
    request = first["output"][1]
    mcp.tools[-1] = {**mcp.tools[-1], "description": "Now it does something else."}
    made = server.create([request, answer(request)], tools=[tool(mcp, approval="always")])
    assert types(made) == ["mcp_list_tools", "mcp_approval_request"] and mcp.written == 0
    again = made["output"][1]
    assert again["id"] != request["id"]
    engine.next(say("ok"))
    last = server.create([answer(again)], previous_response_id=made["id"], tools=[tool(mcp, approval="always")])
    assert types(last) == ["mcp_call", "message"] and mcp.written == 1


@pytest.mark.parametrize("store", [True, False])
def test_an_approval_survives_kill_9(servers, engine, mcp, tmp_path, store):
    data = tmp_path / "data"
    server = servers(engine, args=allow(mcp), data=data)
    first = ask(server, engine, mcp, "{}", "write", store=store)
    request = first["output"][1]
    server.kill()
    server = servers(engine, args=allow(mcp), data=data)
    engine.next(say("ok"))
    more = {"previous_response_id": first["id"]} if store else {}
    items = [answer(request)] if store else [request, answer(request)]
    made = server.create(items, tools=[tool(mcp, approval="always")], **more)
    assert types(made)[-2:] == ["mcp_call", "message"] and mcp.written == 1
    server.kill()
    server = servers(engine, args=allow(mcp), data=data)
    assert "counts once" in refused(server, mcp, items, **more)["message"] and mcp.written == 1


def test_an_approval_in_the_background(server, engine, mcp):
    engine.next(call("calc__write", "{}"))
    first = waited(server, server.create("x", tools=[tool(mcp, approval="always")], background=True))
    assert types(first) == ["mcp_list_tools", "mcp_approval_request"] and first["status"] == "completed"
    engine.next(say("ok"))
    second = server.create([answer(first["output"][1])], previous_response_id=first["id"], background=True,
                           tools=[tool(mcp, approval="always")])
    assert types(waited(server, second)) == ["mcp_call", "message"] and mcp.written == 1
    assert "counts once" in refused(server, mcp, [answer(first["output"][1])], previous_response_id=first["id"])["message"]


def test_reference_and_answer_together(server, engine, mcp):
    first = ask(server, engine, mcp, "{}", "write")
    request = first["output"][1]
    engine.next(say("ok"))
    made = server.create([{"type": "item_reference", "id": request["id"]}, answer(request)], tools=[tool(mcp, approval="always")],
                         previous_response_id=first["id"])
    assert types(made) == ["mcp_call", "message"] and mcp.written == 1


def test_in_a_conversation(server, engine, mcp):
    conversation = server.post("/v1/conversations", {}).json["id"]
    first = ask(server, engine, mcp, "{}", "write", conversation=conversation)
    engine.next(say("ok"))
    second = server.create([answer(first["output"][1])], conversation=conversation, tools=[tool(mcp, approval="always")])
    assert types(second) == ["mcp_call", "message"] and mcp.written == 1
    listed = server.get(f"/v1/conversations/{conversation}/items?order=asc").json["data"]
    assert [i["type"] for i in listed] == ["message", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response", "mcp_call",
                                           "message"]


@pytest.mark.sdk
def test_the_page(server, engine, mcp):
    """docs/mcp.md as printed, through the official SDK."""
    page = (pathlib.Path(__file__).parent.parent / "docs" / "mcp.md").read_text()
    program = page.split("```python\n")[1].split("```")[0]
    for was, now in (("http://127.0.0.1:8080/v1", server.base_url), ("https://mcp.example.com/mcp", mcp.url("auth")), ("TOKEN", "good"),
                     ("gpt-4o", "scripted"), ("print(", "said.append(")):
        assert was in program
        program = program.replace(was, now)
    program = program.replace("said.append(request.name, request.arguments)", "said.append((request.name, request.arguments))")
    program = program.replace("said.append(response.output[0].output, response.output_text)",
                              "said.append((response.output[0].output, response.output_text))")
    engine.next(call("calc__add", ADD))
    engine.next(say("It is 5."))
    said = []
    exec(program, {"said": said})
    assert said == [["mcp_list_tools", "mcp_approval_request"], ("add", ADD), ("5", "It is 5.")]


@pytest.mark.sdk
def test_stream_of_the_sdk(server, engine, mcp):
    """The SDK's accumulator takes every event."""
    from openai import OpenAI
    engine.next(together(("calc__add", ADD), ("calc__boom", "{}")))
    engine.next(say("so"))
    with OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        with client.responses.stream(model="scripted", input="x", tools=[tool(mcp)]) as stream:
            kinds = {e.type for e in stream}
            final = stream.get_final_response()
    assert [i.type for i in final.output] == ["mcp_list_tools", "mcp_call", "mcp_call", "message"]
    assert {"response.mcp_call.failed", "response.mcp_call.completed", "response.mcp_call_arguments.done"} <= kinds
    assert final.output[1].output == "5" and final.output[2].error


def test_over_a_websocket(server, engine, mcp):
    import websockets.sync.client as ws
    engine.next(call("calc__write", "{}"))
    engine.next(say("ok"))
    with ws.connect(server.base_url.replace("http", "ws") + "/responses", max_size=None) as socket:
        def turn(**body):
            socket.send(json.dumps({"type": "response.create", "model": "scripted", **body}))
            while (event := json.loads(socket.recv(timeout=30)))["type"] not in ("response.completed", "response.failed", "error"):
                pass
            return event["response"]
        first = turn(input="x", tools=[tool(mcp, approval="always")], store=False)
        assert types(first)[-1] == "mcp_approval_request"
        second = turn(input=[answer(first["output"][-1])], previous_response_id=first["id"], tools=[tool(mcp, approval="always")],
                      store=False)
        assert types(second) == ["mcp_call", "message"] and mcp.written == 1


def test_counting_tokens_answers_nothing(server, engine, mcp):
    """What makes no response makes no call, and an answer is not used up by it."""
    first = ask(server, engine, mcp, "{}", "write")
    body = {"model": "scripted", "input": [answer(first["output"][1])], "previous_response_id": first["id"],
            "tools": [tool(mcp, approval="always")]}
    assert server.post("/v1/responses/input_tokens", body).status == 200
    server.post("/v1/responses/compact", body)
    assert mcp.written == 0
    error = refused(server, mcp, body["input"], previous_response_id=first["id"], prompt_cache_options={"prewarm": True})
    assert error["param"] == "input[0].approval_request_id" and "makes nothing" in error["message"]
    engine.next(say("ok"))
    second = server.create(body["input"], previous_response_id=first["id"], tools=body["tools"])
    assert types(second) == ["mcp_call", "message"] and mcp.written == 1
