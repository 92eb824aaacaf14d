"""response.steer over a WebSocket: what is said to a response that runs, where it ends, and what goes on by itself."""
import json
import pathlib
import re
import signal
import sqlite3

import pytest

from engine_script import Gate, call, cut, finish, hold, say, think
from harness import eventually, text_of
from test_web_search import search
from test_websocket import Socket
from web_script import ScriptedWeb

TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}},
                                                        "required": ["a"], "additionalProperties": False}}


@pytest.fixture
def ws(server):
    with Socket(server) as s:
        yield s


def users(request):
    return [m["content"] for m in request.body["messages"] if m["role"] == "user"]


def steer(ws, id, input="faster"):
    ws.send({"type": "response.steer", "previous_response_id": id, "input": input})


def until(ws, *kinds):
    seen = [ws.event()]
    while seen[-1]["type"] not in kinds:
        seen.append(ws.event())
    return seen


def held(ws, engine, *steps, after=(say("b"),), **more):
    """A response that stands in the middle; its id, and what lets it go on."""
    gate = Gate()
    engine.next(*steps, hold(gate), *after)
    ws.create("one", **more)
    id = until(ws, "response.in_progress")[0]["response"]["id"]
    eventually(gate.reached.is_set)
    return id, gate


def failure(ws, code):
    event = until(ws, "response.steer.failed")[-1]
    assert event["error"]["code"] == code and event["error"]["type"] == "invalid_request_error", event
    return event


@pytest.mark.parametrize("store", [True, False])
def test_a_message_finishes_and_another_goes_on(ws, engine, server, store):
    id, gate = held(ws, engine, say("a"), store=store, instructions="Be brief.", temperature=0.5, stream_id="lane",
                    metadata={"a": "b"})
    steer(ws, id)
    accepted = until(ws, "response.steer.accepted")[-1]
    assert accepted["steer"]["previous_response_id"] == id and accepted["steer"]["id"].startswith("steer_")
    assert len(accepted["steer"]["id"]) == len("steer_") + 32 and accepted["stream_id"] == "lane"
    gate.open.set()
    first = until(ws, "response.completed")[-1]["response"]
    assert first["id"] == id and text_of(first) == "ab"  # it had said all: it ended by itself
    events = until(ws, "response.completed")
    assert events[0]["type"] == "response.created" and all(e["stream_id"] == "lane" for e in events)
    second = events[-1]["response"]
    assert second["previous_response_id"] == id and second["store"] is store and text_of(second) == "You said: faster."
    assert (second["instructions"], second["temperature"], second["metadata"]) == ("Be brief.", 0.5, {"a": "b"})
    assert users(engine.requests[-1]) == ["one", "faster"]
    assert engine.requests[-1].body["messages"][-2] == {"role": "assistant", "content": "ab"}
    if store:
        assert server.get("/v1/responses/" + second["id"]).json["previous_response_id"] == id
    assert text_of(ws.run("on", previous_response_id=second["id"], stream_id="lane")) == "You said: on."


def test_it_ends_behind_the_item_that_runs(ws, engine, server):
    """Thoughts come to their end; the message behind them is not begun, and the engine is let go."""
    id, gate = held(ws, engine, think("Let me "), after=(think("see."), say("never"), hold(Gate())))
    steer(ws, id)
    until(ws, "response.steer.accepted")
    gate.open.set()
    events = until(ws, "response.incomplete")
    first = events[-1]["response"]
    assert first["incomplete_details"] == {"reason": "steered"} and first["status"] == "incomplete"
    assert [i["type"] for i in first["output"]] == ["reasoning"]
    assert first["output"][0]["content"][0]["text"] == "Let me see." and "never" not in json.dumps(events)
    assert [e["sequence_number"] for e in events if "steer" not in e] == list(range(
        events[0]["sequence_number"], events[0]["sequence_number"] + len(events)))
    second = until(ws, "response.completed")[-1]["response"]
    assert second["previous_response_id"] == id and users(engine.requests[-1]) == ["one\n\nfaster"]
    assert engine.requests[-2].left.wait(30)
    kept = server.get("/v1/responses/" + id).json
    assert kept["incomplete_details"] == {"reason": "steered"} and kept["status"] == "incomplete"


def test_before_anything_was_said(ws, engine):
    id, gate = held(ws, engine)
    steer(ws, id, [{"role": "user", "content": [{"type": "input_text", "text": "two"}]},
                   {"type": "message", "role": "user", "content": "three"}])
    events = until(ws, "response.incomplete")
    assert [e["type"] for e in events] == ["response.steer.accepted", "response.incomplete"]
    assert events[-1]["response"]["output"] == []
    until(ws, "response.completed")
    assert re.sub(r"\s+", " ", json.dumps(users(engine.requests[-1]))).count("two") == 1
    gate.open.set()


def test_several_go_on_in_their_order(ws, engine):
    id, gate = held(ws, engine, say("a"))
    for text in ("two", "three", "four"):
        steer(ws, id, text)
    ids = {until(ws, "response.steer.accepted")[-1]["steer"]["id"] for _ in range(3)}
    assert len(ids) == 3
    ws.create("a later one")
    gate.open.set()
    until(ws, "response.completed")
    second = until(ws, "response.completed")[-1]["response"]
    assert second["previous_response_id"] == id and text_of(until(ws, "response.completed")[-1]["response"]) == \
        "You said: a later one."
    text = json.dumps(engine.requests[-2].body["messages"])
    assert text.index("two") < text.index("three") < text.index("four") and len(engine.requests) >= 3


def test_required_input(ws, engine):
    gate = Gate()
    engine.next(call("f", '{"a":', "1}", id="call_1"), hold(gate), finish("tool_calls"))
    ws.create("one", tools=[TOOL])
    id = until(ws, "response.in_progress")[0]["response"]["id"]
    eventually(gate.reached.is_set)
    steer(ws, id)
    steer(ws, id, "and louder")
    own = [until(ws, "response.steer.accepted")[-1]["steer"]["id"] for _ in range(2)]
    gate.open.set()
    first = until(ws, "response.completed")[-1]["response"]
    got = first["output"][0]
    pending = [ws.event(), ws.event()]
    for event, name in zip(pending, own):
        assert event["type"] == "response.steer.pending" and event["reason"] == "waiting_for_required_input"
        assert event["steer"] == {"id": name, "previous_response_id": id}
        assert event["required_input"] == [{"type": "function_call_output", "call_id": got["call_id"], "name": "f"}]
    steer(ws, id, "late")
    failure(ws, "response_already_completed")
    # A request that is refused leaves them waiting; one of another parent has nothing to do with them.
    ws.create("x", previous_response_id=id)
    assert ws.until_end()[-1]["error"]["message"].startswith("No tool output found")
    assert text_of(ws.run("other", previous_response_id=None)) == "You said: other."
    stub = {**pending[0]["required_input"][0], "output": "42"}
    stub.pop("name")
    ws.create([stub], previous_response_id=id, tools=[TOOL])
    second = until(ws, "response.completed")[-1]["response"]
    assert second["previous_response_id"] == id
    messages = engine.requests[-1].body["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant", "tool", "user"], messages
    assert "faster" in json.dumps(messages[-1]) and "and louder" in json.dumps(messages[-1])
    assert messages[2]["content"] == "42"


def test_a_hosted_call_finishes(servers, engine):
    """The search that runs is told whole; the engine is not asked again."""
    web = ScriptedWeb()
    try:
        web.gate = Gate()
        with Socket(servers(engine, args=web.args())) as ws:
            engine.next(search("news"))
            ws.create("one", tools=[{"type": "web_search"}])
            id = until(ws, "response.in_progress")[0]["response"]["id"]
            assert web.gate.reached.wait(60)
            steer(ws, id)
            until(ws, "response.steer.accepted")
            web.gate.open.set()
            first = until(ws, "response.incomplete")[-1]["response"]
            assert [(i["type"], i["status"]) for i in first["output"]] == [("web_search_call", "completed")]
            assert text_of(until(ws, "response.completed")[-1]["response"]) == "You said: faster."
            assert len([r for r in engine.requests if r.body]) == 2
            assert "The first text." in json.dumps(engine.requests[-1].body["messages"])
    finally:
        web.close()


@pytest.mark.parametrize("input", [
    "", [], {}, 7, [{"role": "assistant", "content": "x"}], [{"role": "user"}], [{"role": "user", "content": 7}],
    [{"role": "user", "content": "x", "id": "msg_1"}], [{"type": "function_call_output", "call_id": "c", "output": "x"}],
    [{"role": "user", "content": [{"type": "output_text", "text": "x"}]}], ["x"]])
def test_input_that_is_none(ws, engine, input):
    id, gate = held(ws, engine, say("a"))
    steer(ws, id, input)
    event = failure(ws, "invalid_input")
    assert event["steer"] == {"previous_response_id": id, "input": input}
    gate.open.set()
    assert text_of(until(ws, "response.completed")[-1]["response"]) == "ab"
    assert text_of(ws.run("hi")) == "You said: hi."


def test_codes(ws, engine):
    steer(ws, "resp_00")
    assert failure(ws, "response_not_found")["steer"] == {"previous_response_id": "resp_00", "input": "faster"}
    ended = ws.run("hi")
    steer(ws, ended["id"])
    failure(ws, "response_already_completed")
    id, gate = held(ws, engine, say("a"), context_management=[{"type": "compaction", "compact_threshold": 100000}])
    steer(ws, id)
    failure(ws, "steering_not_supported")
    gate.open.set()
    until(ws, "response.completed")
    ws.send({"type": "response.steer", "previous_response_id": id, "input": "x", "stream_id": "a"})
    failure(ws, "invalid_input")


def test_while_it_is_cancelled(servers, engine):
    """The end of a drain cancels it; until that is kept it takes nothing more."""
    server = servers(engine, args=("--set", "api.drain_seconds=0"))
    with Socket(server) as ws:
        id, gate = held(ws, engine, say("a"))
        files = [f for f in pathlib.Path(server.data).glob("*") if f.is_file() and f.read_bytes()[:15] == b"SQLite format 3"]
        locks = [sqlite3.connect(f, isolation_level=None) for f in files]
        for db in locks:
            db.execute("BEGIN IMMEDIATE")  # what is to be kept waits
        server.process.send_signal(signal.SIGTERM)
        until(ws, "response.output_item.done")  # the cancel has cut it off
        steer(ws, id)
        assert failure(ws, "response_not_active")["steer"] == {"previous_response_id": id, "input": "faster"}
        for db in locks:
            db.close()
        assert until(ws, "response.completed", "response.incomplete", "response.cancelled", "response.failed")[-1]["response"]["status"] == "cancelled"
        gate.open.set()


def test_members_that_are_missing(ws, engine):
    """They name no response, so there is nothing to give back: an event `error`, and the connection goes on."""
    for body, param in (({"input": "x"}, "previous_response_id"), ({"previous_response_id": "resp_00"}, "input")):
        ws.send({"type": "response.steer", **body})
        error = until(ws, "error")[-1]["error"]
        assert error["param"] == param and error["code"] == "missing_required_parameter"
    ws.send({"type": "response.cancel", "response_id": "resp_00"})
    assert until(ws, "error")[-1]["error"]["type"] == "invalid_request_error"
    assert text_of(ws.run("hi")) == "You said: hi."


def test_not_with_a_conversation(ws, engine, server):
    conversation = server.post("/v1/conversations", {}).json["id"]
    id, gate = held(ws, engine, say("a"), conversation=conversation)
    steer(ws, id)
    failure(ws, "steering_not_supported")
    gate.open.set()
    until(ws, "response.completed")


def test_so_many(servers, engine):
    with Socket(servers(engine, args=("--set", "api.socket_steers=2"))) as ws:
        id, gate = held(ws, engine, say("a"))
        for _ in range(3):
            steer(ws, id)
        until(ws, "response.steer.accepted")
        until(ws, "response.steer.accepted")
        failure(ws, "too_many_pending_steers")
        gate.open.set()
        until(ws, "response.completed")
        until(ws, "response.completed")


def test_given_back_when_nothing_can_go_on(ws, engine):
    """The response fails, or the one that should go on is refused."""
    id, gate = held(ws, engine, say("a"), after=(cut(),))
    steer(ws, id)
    own = until(ws, "response.steer.accepted")[-1]["steer"]["id"]
    gate.open.set()
    until(ws, "response.failed")
    event = failure(ws, "successor_creation_failed")
    assert event["steer"] == {"id": own, "previous_response_id": id, "input": "faster"}
    id, gate = held(ws, engine, say("a"))
    bad = [{"role": "user", "content": [{"type": "input_image", "image_url": "ftp://x/"}]}]
    steer(ws, id, bad)
    own = until(ws, "response.steer.accepted")[-1]["steer"]["id"]
    gate.open.set()
    until(ws, "response.completed")
    event = failure(ws, "successor_creation_failed")
    assert event["steer"] == {"id": own, "previous_response_id": id, "input": bad} and event["error"]["message"]
    assert text_of(ws.run("hi")) == "You said: hi."


def test_the_client_leaves(server, engine):
    """What was to be said goes with the connection."""
    with Socket(server) as ws:
        id, gate = held(ws, engine, say("a"))
        steer(ws, id)
        until(ws, "response.steer.accepted")
    gate.open.set()
    eventually(lambda: server.get("/v1/responses/" + id).status == 200)
    with Socket(server) as ws:
        assert text_of(ws.run("hi")) == "You said: hi."
    assert not any("faster" in json.dumps(r.body) for r in engine.requests if r.body)


def test_the_page_example(server, engine, capsys):
    """docs/steering.md as printed, through the official SDK."""
    page = (pathlib.Path(__file__).parent.parent / "docs" / "steering.md").read_text()
    gate = Gate()
    engine.next(hold(gate), say("never"))
    program, = re.findall(r"```python\n(.*?)```", page, re.S)
    exec(program.replace("http://127.0.0.1:8080/v1", server.base_url), {})
    gate.open.set()
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["response.steer.accepted", "response.incomplete "] and said[-1] == "In one sentence.."
