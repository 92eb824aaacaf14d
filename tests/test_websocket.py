"""WebSocket mode of /v1/responses: lanes, memory, errors that leave the socket usable, limits, and peers that mean no good."""
import json
import os
import socket
import struct
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Close
from websockets.sync.client import connect

from engine_script import Gate, ScriptedEngine, call, cut, finish, hang, hold, say, status
from harness import PATIENCE, command, Event, eventually, make_key, text_of, witness

URL = "/v1/responses"
TERMINAL = {"response.completed", "response.incomplete", "response.failed", "error"}


class Socket:
    """A WebSocket client that sends what it is told and reads event by event."""

    def __init__(self, server, headers=None, key=None, **more):
        headers = dict(headers or {})
        if key:
            headers["Authorization"] = f"Bearer {key}"
        more.setdefault("compression", None)
        self.ws = connect(f"ws://{server.host}:{server.port}{URL}", additional_headers=headers, open_timeout=PATIENCE,
                          close_timeout=PATIENCE, proxy=None, legacy=True, **more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ws.close()

    def send(self, message):
        self.ws.send(message if isinstance(message, (str, bytes)) else json.dumps(message))

    def create(self, input, **more):
        body = {"type": "response.create", "model": "scripted", "input": input, **more}
        self.send({k: v for k, v in body.items() if v is not None})

    def event(self):
        text = self.ws.recv(PATIENCE)
        assert isinstance(text, str), "only text frames are sent"
        event = Event(None, text)
        witness("GET", URL, event)
        return event.data

    def until_end(self):
        """The events up to the next end of a response, or error."""
        seen = [self.event()]
        while seen[-1]["type"] not in TERMINAL or (seen[-1]["type"] == "error" and "status" not in seen[-1]):
            seen.append(self.event())
        return seen

    def run(self, input, **more):
        """A response that must complete; its object."""
        self.create(input, **more)
        last = self.until_end()[-1]
        assert last["type"] == "response.completed", last
        return last["response"]

    def refused(self, input, **more):
        self.create(input, **more)
        events = self.until_end()
        assert len(events) == 1 and events[0]["type"] == "error", events
        return events[0]

    def closed(self):
        """The code and reason with which the server closes; what comes before is dropped."""
        try:
            while True:
                self.ws.recv(PATIENCE)
        except ConnectionClosed as e:
            return (e.rcvd.code, e.rcvd.reason) if e.rcvd else (1006, "")


@pytest.fixture
def ws(server):
    with Socket(server) as s:
        yield s


def users(request):
    return [m["content"] for m in request.body["messages"] if m["role"] == "user"]


# --- a response ---

def test_events_are_those_of_a_stream(ws, server):
    ws.create("hi", stream_options={"include_obfuscation": False})
    events = ws.until_end()
    streamed = [e.data for e in server.stream("hi", stream_options={"include_obfuscation": False}) if e.data]
    assert [e["type"] for e in events] == [e["type"] for e in streamed]
    assert [e["sequence_number"] for e in events] == list(range(len(events)))
    assert "stream_id" not in events[0] and not any("obfuscation" in e for e in events)
    for ours, theirs in zip(events, streamed):
        assert ours.keys() == theirs.keys()
    assert text_of(events[-1]["response"]) == "You said: hi."
    assert set(events[-1]["response"]) == set(streamed[-1]["response"])


def test_it_is_stored_as_over_http(ws, server):
    made = ws.run("hi", metadata={"k": "v"})
    got = server.get(f"{URL}/{made['id']}").json
    assert {**got, "billing": None} == {**made, "billing": None}


def test_obfuscation_is_on_unless_declined(ws):
    ws.create("hi")
    deltas = [e for e in ws.until_end() if e["type"] == "response.output_text.delta"]
    assert deltas and all((len(e["delta"]) + len(e["obfuscation"])) % 16 == 0 for e in deltas)


def test_many_after_each_other(ws):
    for i in range(50):
        assert text_of(ws.run(f"n{i}")) == f"You said: n{i}."


def test_messages_sent_at_once_are_answered_in_order(ws):
    for i in range(20):
        ws.create(f"n{i}")
    assert [text_of(ws.until_end()[-1]["response"]) for i in range(20)] == [f"You said: n{i}." for i in range(20)]


def test_stream_goes_without_saying(ws):
    assert ws.run("hi", stream=True) and ws.run("hi", stream=False)


def test_a_tool_call_and_its_output(ws, engine):
    tool = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
    engine.next(call("f", "{}", id="call_1"))
    first = ws.run("use it", tools=[tool], store=False)
    item = next(i for i in first["output"] if i["type"] == "function_call")
    engine.next(say("done"))
    second = ws.run([{"type": "function_call_output", "call_id": item["call_id"], "output": "42"}], tools=[tool],
                    previous_response_id=first["id"], store=False)
    assert text_of(second) == "done"
    assert [m["role"] for m in engine.last.body["messages"]] == ["user", "assistant", "tool"]


# --- what it continues ---

def test_continues_without_store(ws, engine, server):
    one = ws.run("one", store=False)
    two = ws.run("two", store=False, previous_response_id=one["id"])
    assert two["previous_response_id"] == one["id"]
    ws.run("three", store=False, previous_response_id=two["id"])
    assert users(engine.last) == ["one", "two", "three"]
    assert [m["content"] for m in engine.last.body["messages"]][1] == "You said: one."
    assert server.get(f"{URL}/{two['id']}").status == 404


def test_only_the_latest_of_a_lane_is_remembered(ws):
    one = ws.run("one", store=False)
    ws.run("two", store=False)
    error = ws.refused("three", store=False, previous_response_id=one["id"])
    assert error["status"] == 400 and error["error"]["code"] == "previous_response_not_found"
    assert error["error"]["param"] == "previous_response_id"


def test_memory_is_the_sockets_own(server, ws):
    one = ws.run("one", store=False)
    with Socket(server) as other:
        assert other.refused("two", previous_response_id=one["id"])["error"]["code"] == "previous_response_not_found"
    answer = server.post(URL, {"model": "scripted", "input": "x", "previous_response_id": one["id"]})
    assert answer.status == 400 and answer.error["code"] == "previous_response_not_found"


def test_stored_ones_are_found_anywhere(ws, server, engine):
    one = server.create("one")
    two = ws.run("two", previous_response_id=one["id"])
    ws.run("other")
    three = ws.run("three", previous_response_id=two["id"])
    assert users(engine.last) == ["one", "two", "three"]
    server.create("four", previous_response_id=three["id"])
    assert users(engine.last) == ["one", "two", "three", "four"]


def test_what_was_not_stored_is_stored_with_its_child(ws, server, engine):
    root = server.create("root")
    one = ws.run([{"role": "user", "content": "one", "type": "message", "id": "msg_mine"}], store=False,
                 previous_response_id=root["id"])
    two = ws.run("two", store=False, previous_response_id=one["id"])
    three = ws.run("three", store=True, previous_response_id=two["id"])
    assert users(engine.last) == ["root", "one", "two", "three"]
    items = server.get(f"{URL}/{three['id']}/input_items?order=asc").json["data"]
    texts = [i["content"][0]["text"] for i in items]
    assert texts == ["root", "You said: root.", "one", "You said: one.", "two", "You said: two.", "three"]
    assert items[2]["id"] == "msg_mine" and items[3]["id"] == one["output"][0]["id"]
    assert len({i["id"] for i in items}) == len(items)
    server.create("four", previous_response_id=three["id"])
    assert users(engine.last) == ["root", "one", "two", "three", "four"]


def test_two_stored_children_of_one_that_is_not(ws, server, engine):
    one = ws.run([{"role": "user", "content": "one", "type": "message", "id": "msg_mine"}], store=False, stream_id="a")
    left = ws.run("left", stream_id="b", previous_response_id=one["id"])
    right = ws.run("right", stream_id="c", previous_response_id=one["id"])
    for leaf, name in ((left, "left"), (right, "right")):
        items = server.get(f"{URL}/{leaf['id']}/input_items?order=asc").json["data"]
        assert [i["content"][0]["text"] for i in items] == ["one", "You said: one.", name]
    assert server.delete(f"{URL}/{left['id']}").status == 200
    server.create("more", previous_response_id=right["id"])
    assert users(engine.last) == ["one", "right", "more"]


def test_a_reference_to_a_stored_item_is_remembered(ws, server, engine):
    stored = server.create("stored")
    item = server.get(f"{URL}/{stored['id']}/input_items").json["data"][0]["id"]
    one = ws.run([{"type": "item_reference", "id": item}], store=False)
    two = ws.run("two", previous_response_id=one["id"])
    assert users(engine.last) == ["stored", "two"]
    items = server.get(f"{URL}/{two['id']}/input_items?order=asc").json["data"]
    assert [i["id"] for i in items][0] == item


def test_a_failure_on_the_lane_forgets(ws, engine):
    one = ws.run("one", store=False)
    ws.refused("two", store=False, previous_response_id=one["id"], temperature=7)
    assert ws.refused("three", store=False,
                      previous_response_id=one["id"])["error"]["code"] == "previous_response_not_found"
    one = ws.run("one", store=False)
    engine.next(say("half"), cut())
    ws.create("two", store=False, previous_response_id=one["id"])
    events = ws.until_end()
    assert events[-1]["type"] == "response.failed" and events[-2]["type"] == "error"
    assert events[-2]["sequence_number"] == events[-1]["sequence_number"] - 1
    assert ws.refused("three", previous_response_id=one["id"])["error"]["code"] == "previous_response_not_found"


def test_a_failure_on_another_lane_does_not(ws, engine):
    one = ws.run("one", store=False, stream_id="a")
    ws.refused("two", store=False, stream_id="b", previous_response_id=one["id"], temperature=7)
    ws.run("two", store=False, stream_id="a", previous_response_id=one["id"])
    assert users(engine.last) == ["one", "two"]


def test_memory_has_a_bound(engine, servers):
    server = servers(engine, args=["--set", "api.socket_memory_bytes=65536"])
    with Socket(server) as ws:
        small = ws.run("small", store=False, stream_id="a")
        big = ws.run("x" * 100000, store=False, stream_id="b")
        assert ws.refused("two", previous_response_id=big["id"])["error"]["code"] == "previous_response_not_found"
        ws.run("two", store=False, previous_response_id=small["id"])


# --- warm-up ---

@pytest.mark.parametrize("how", [{"generate": False}, {"prompt_cache_options": {"prewarm": True}}])
def test_warm_up(ws, engine, how):
    warm = ws.run("one", instructions="Be brief.", store=False, **how)
    assert warm["status"] == "completed" and warm["output"] == [] and engine.requests == []
    assert warm["usage"]["output_tokens"] == 0
    ws.run("two", store=False, previous_response_id=warm["id"])
    assert users(engine.last) == ["one", "two"] or users(engine.last) == ["one\n\ntwo"]


@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("input", [[], None])
def test_warm_up_with_nothing_but_tools(ws, engine, input, store):
    """As Codex does it: the tools and instructions of what will come."""
    tool = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
    warm = ws.run(input, generate=False, tools=[tool], instructions="Be brief.", store=store)
    assert warm["output"] == [] and engine.requests == []
    again = ws.run(input, generate=False, previous_response_id=warm["id"], store=store)
    ws.run("one", previous_response_id=again["id"], store=store)
    assert users(engine.last) == ["one"]
    assert ws.refused([])["error"]["code"] == "missing_required_parameter"
    warm = ws.run(input, generate=False, store=store)
    assert ws.refused([], previous_response_id=warm["id"])["error"]["code"] == "missing_required_parameter"


def test_warm_up_stored(ws, server, engine):
    warm = ws.run("one", generate=False)
    assert server.get(f"{URL}/{warm['id']}").json["output"] == []
    ws.run("two", previous_response_id=warm["id"], generate=True)
    assert "one" in users(engine.last)[0]


def test_generate_is_a_boolean(ws):
    error = ws.refused("one", generate="no")
    assert error["error"]["param"] == "generate" and error["error"]["code"] == "invalid_type"


# --- lanes ---

def test_lanes_run_side_by_side(ws, engine):
    gate = Gate()
    engine.next(say("slow"), hold(gate), say(" end"))
    ws.create("one", stream_id="slow-lane_1.x")
    eventually(gate.reached.is_set)
    ws.create("two", stream_id="fast")
    events, seen = [], set()
    while "response.completed" not in seen:
        events.append(ws.event())
        if events[-1].get("stream_id") == "fast":
            seen.add(events[-1]["type"])
    gate.open.set()
    while not (events[-1]["type"] == "response.completed" and events[-1]["stream_id"] == "slow-lane_1.x"):
        events.append(ws.event())
    assert {e["stream_id"] for e in events} == {"slow-lane_1.x", "fast"}
    for lane in ("slow-lane_1.x", "fast"):
        numbers = [e["sequence_number"] for e in events if e["stream_id"] == lane]
        assert numbers == list(range(len(numbers)))


def test_one_lane_is_a_queue(ws, engine):
    gate = Gate()
    engine.next(hold(gate), say("first"))
    ws.create("one", stream_id="a")
    eventually(gate.reached.is_set)  # the script is that one's
    ws.create("two", stream_id="a")
    ws.create("other")
    other = ws.until_end()
    while other[-1].get("stream_id") == "a" or other[-1]["type"] != "response.completed":
        other = ws.until_end()
    assert len(engine.requests) == 2
    gate.open.set()
    done = [ws.until_end()[-1], ws.until_end()[-1]]
    assert [text_of(e["response"]) for e in done] == ["first", "You said: two."]


def test_sixteen_at_once(ws, engine):
    gate = Gate()
    engine.always(lambda request: [hold(gate), say("ok")])
    for i in range(20):
        ws.create(f"n{i}", stream_id=f"lane{i}")
    eventually(lambda: len(engine.requests) == 16)
    time.sleep(0.2)
    assert len(engine.requests) == 16
    gate.open.set()
    ends = {}
    while len(ends) < 20:
        event = ws.event()
        if event["type"] == "response.completed":
            ends[event["stream_id"]] = event
    assert len(engine.requests) == 20


def test_lanes_are_counted(ws):
    for i in range(32):
        ws.run("x", stream_id=f"lane{i}", generate=False, store=False)
    error = ws.refused("x", stream_id="one-more")
    assert error["status"] == 400 and error["error"]["code"] == "websocket_stream_limit_reached"
    assert ws.run("x", stream_id="lane7") and ws.run("x")


@pytest.mark.parametrize("bad", ["", "a b", "ä", "x" * 257, 7, ["a"]])
def test_stream_ids_are_plain(ws, bad):
    error = ws.refused("x", stream_id=bad)
    assert error["status"] == 400 and error["error"]["code"] == "invalid_stream_id" and "stream_id" not in error
    assert ws.run("x", stream_id="x" * 256)


# --- errors leave it usable ---

@pytest.mark.parametrize("message,code,param", [
    ("{", None, None),
    ("[]", "invalid_type", None),
    ('"x"', "invalid_type", None),
    ("{}", "missing_required_parameter", "type"),
    ('{"type":"response.make"}', "invalid_value", "type"),
    ('{"type":"response.create"}', "missing_required_parameter", "model"),
    ('{"type":"response.create","model":"scripted"}', "missing_required_parameter", None),
    ('{"type":"response.create","model":"scripted","input":"x","what":1}', "unknown_parameter", "what"),
    ('{"type":"response.create","model":"scripted","input":"x","background":true}', "unsupported_parameter", "background"),
    ('{"type":"response.create","model":"scripted","input":"x","background_options":{"completion_window":"2h"}}', "invalid_value",
     "background_options.completion_window"),
    ('{"type":"response.create","model":"nowhere","input":"x","stream_id":"a"}', "model_not_found", "model"),
    ('{"type":"response.steer"}', "missing_required_parameter", "input"),
])
def test_a_bad_message_is_an_error_frame(ws, message, code, param):
    ws.send(message)
    error = ws.event()
    assert error["type"] == "error" and error["status"] == 400
    assert error["error"]["type"] == "invalid_request_error" and error["error"]["message"]
    assert (code is None or error["error"]["code"] == code) and (param is None or error["error"]["param"] == param)
    assert error.get("stream_id") == ("a" if '"stream_id":"a"' in message else None)
    assert text_of(ws.run("hi")) == "You said: hi."


def test_an_engine_that_fails(ws, engine):
    engine.next(status(500, {"error": {"message": "broken"}}))
    ws.create("one", stream_id="a")
    events = ws.until_end()
    assert [e["type"] for e in events] == ["response.created", "response.in_progress", "error", "response.failed"]
    assert all(e["stream_id"] == "a" for e in events) and "status" not in events[2]
    assert text_of(ws.run("hi", stream_id="a")) == "You said: hi."


# --- the client leaves ---

def test_leaving_cancels(server, engine):
    engine.next(say("one"), hang())
    with Socket(server) as ws:
        ws.create("x")
        while ws.event()["type"] != "response.output_text.delta":
            pass
    eventually(lambda: engine.last.left.is_set(), what="the engine's call")
    assert text_of(server.create("hi")) == "You said: hi."


def test_leaving_with_much_under_way(server, engine):
    engine.always(lambda request: [say("one"), hang()])
    ws = Socket(server)
    for i in range(40):
        ws.create("x", stream_id=f"l{i % 20}")
    eventually(lambda: len(engine.requests) == 16)
    ws.ws.socket.shutdown(socket.SHUT_RDWR)
    eventually(lambda: all(r.left.is_set() for r in engine.requests))
    engine.always(lambda request: [say("ok")])
    assert text_of(server.create("hi")) == "ok"


@pytest.mark.parametrize("farewell", [True, False])
def test_what_was_made_is_kept(server, engine, farewell):
    """With a close frame, and without: stored as cancelled, found on another socket, continued there."""
    engine.next(say("one ", "two"), hang())
    ws = Socket(server)
    ws.create("x", store=True)
    id = ws.event()["response"]["id"]
    while (event := ws.event())["type"] != "response.output_text.delta" or event["delta"] != "two":
        pass
    assert server.get(f"{URL}/{id}").status == 404  # a turn is written once, at its end
    if farewell:
        ws.ws.close()
    else:
        ws.ws.socket.shutdown(socket.SHUT_RDWR)
    kept = eventually(lambda: (a := server.get(f"{URL}/{id}")).status == 200 and a.json)
    assert kept["status"] == "cancelled" and kept["output"][0]["status"] == "incomplete" and text_of(kept) == "one two"
    assert engine.last.left.is_set() or eventually(engine.last.left.is_set)
    with Socket(server) as other:
        other.run("and?", previous_response_id=id)
    assert [m["content"] for m in engine.last.body["messages"]] == ["x", "one two", "and?"]


def test_leaving_where_turns_run_to_their_end(servers, engine):
    server = servers(engine, args=["--set", "api.on_disconnect=finish"])
    gates = [Gate() for _ in range(4)]
    engine.always(lambda request: [say("one "), hold(gates[int(request.last_text)]), say("two")])
    ws = Socket(server)
    ids = []
    for i in range(4):
        ws.create(str(i), stream_id=f"l{i}")
    ws.create("3", stream_id="l3")  # waits, and goes with its socket
    while len(ids) < 4:
        if (event := ws.event())["type"] == "response.created":
            ids.append(event["response"]["id"])
    eventually(lambda: all(g.reached.is_set() for g in gates))
    ws.ws.socket.shutdown(socket.SHUT_RDWR)
    for gate in gates:
        gate.open.set()
    for id in ids:
        kept = eventually(lambda: (a := server.get(f"{URL}/{id}")).status == 200 and a.json)
        assert kept["status"] == "completed" and text_of(kept) == "one two"
    assert len(engine.requests) == 4


# --- who may ---

def upgrade(server, headers=(), key="dGhlIHNhbXBsZSBub25jZQ==", method="GET", path=URL, plain=False, host="localhost"):
    """A handshake by hand; the socket and the answer's head."""
    s = socket.create_connection((server.host, server.port), PATIENCE)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers]
    if not plain:
        lines += ["Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
    s.sendall("\r\n".join(lines + ["", ""]).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        piece = s.recv(1)
        if not piece:
            break
        head += piece
    return s, head.decode()


def test_handshake(server):
    s, head = upgrade(server, ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits", "Sec-WebSocket-Protocol: realtime",
                               "OpenAI-Beta: responses_websockets=2026-02-06"])
    assert head.startswith("HTTP/1.1 101 Switching Protocols\r\n")
    assert "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head  # RFC 6455, 1.3
    assert "\r\nUpgrade: websocket\r\n" in head and "\r\nConnection: Upgrade\r\n" in head and "x-request-id: req_" in head
    assert "xtension" not in head and "Protocol:" not in head
    s.close()


def test_a_plain_get_is_405(server):
    answer = server.get(URL)
    assert answer.status == 405 and answer.headers["allow"] == "POST"
    assert server.request("HEAD", URL).status == 405


@pytest.mark.parametrize("headers,code", [
    (["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"], 426),  # a proxy ate the rest
    (["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "Upgrade: websocket"], 426),
    (["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 8", "Upgrade: websocket", "Connection: Upgrade"], 426),
    (["Sec-WebSocket-Key: c2hvcnQ=", "Sec-WebSocket-Version: 13", "Upgrade: websocket", "Connection: Upgrade"], 400),
    (["Sec-WebSocket-Version: 13", "Upgrade: websocket", "Connection: Upgrade"], 400),
    (["Upgrade: h2c", "Connection: Upgrade"], 405),
])
def test_bad_handshakes(server, headers, code):
    s, head = upgrade(server, headers, plain=True)
    assert head.startswith(f"HTTP/1.1 {code} "), head
    if code == 426:
        assert "\r\nUpgrade: websocket\r\n" in head
    s.close()
    assert server.get("/health").status == 200


def test_pages_are_refused(server):
    for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
        with pytest.raises(InvalidStatus) as e:
            Socket(server, headers={"Origin": origin})
        assert e.value.response.status_code == 403
    with Socket(server, headers={"Origin": "http://localhost:3000"}) as ws:
        assert ws.run("hi")


def test_pages_are_refused_where_anybody_may_ask(engine, servers):
    server = servers(engine, args=["--allow-anonymous"])
    with pytest.raises(InvalidStatus) as e:
        Socket(server, headers={"Origin": "https://evil.example"})
    assert e.value.response.status_code == 403


def test_a_foreign_host_is_refused(server):
    s, head = upgrade(server, host="evil.example")
    assert head.startswith("HTTP/1.1 403 ")
    s.close()


def test_keys_and_projects(server, engine):
    red, red_id = make_key(server, "red", "red")
    blue, _ = make_key(server, "blue", "blue")
    for headers in ({}, {"Authorization": "Bearer sk-wrong"}, {"Authorization": f"Bearer {red}", "OpenAI-Project": "blue"}):
        with pytest.raises(InvalidStatus) as e:
            Socket(server, headers=headers)
        assert e.value.response.status_code == 401
    with Socket(server, key=red) as ws, Socket(server, key=blue) as other:
        one = ws.run("one")
        assert ws.run("two", previous_response_id=one["id"])
        assert other.refused("two", previous_response_id=one["id"])["error"]["code"] == "previous_response_not_found"
        done = command("keys", "revoke", red_id, "--data", server.data, home=server.home)
        assert done.returncode == 0, done.stderr
        error = ws.refused("three")
        assert error["status"] == 401 and error["error"]["code"] == "invalid_api_key"
        assert ws.closed()[0] == 1008
        assert other.run("still here")


def test_what_waits_goes_with_its_key(server, engine):
    red, red_id = make_key(server, "red", "red")
    make_key(server, "blue", "blue")  # with no key left nobody would be asked for one
    gate = Gate()
    engine.next(say("a"), hold(gate), say("b"))
    with Socket(server, key=red) as ws:
        ws.create("one")
        ws.create("two")
        eventually(gate.reached.is_set)
        assert command("keys", "revoke", red_id, "--data", server.data, home=server.home).returncode == 0
        gate.open.set()
        assert text_of(ws.until_end()[-1]["response"]) == "ab"
        error = ws.event()
        assert error["type"] == "error" and error["status"] == 401
        assert ws.closed()[0] == 1008
    assert len(engine.requests) == 1


# --- frames by hand ---

def frame(payload, opcode=1, fin=True, mask=b"\x01\x02\x03\x04", rsv=0, length=None):
    n = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | rsv | opcode])
    bit = 0x80 if mask else 0
    if n < 126:
        head += bytes([bit | n])
    elif n < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", n)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", n)
    if mask:
        payload = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
    return head + (mask or b"") + payload


class Raw:
    """Frames read by hand from a socket."""

    def __init__(self, sock):
        self.sock, self.got = sock, b""

    def need(self, n):
        while len(self.got) < n:
            piece = self.sock.recv(65536)
            if not piece:
                raise EOFError
            self.got += piece
        out, self.got = self.got[:n], self.got[n:]
        return out

    def frame(self):
        first, second = self.need(2)
        assert first & 0x70 == 0 and not second & 0x80, "a server's frame: no reserved bits, no mask"
        n = second & 0x7f
        if n == 126:
            n, = struct.unpack(">H", self.need(2))
        elif n == 127:
            n, = struct.unpack(">Q", self.need(8))
        return first, self.need(n)

    def close_code(self):
        while True:
            first, payload = self.frame()
            if first == 0x88:
                return struct.unpack(">H", payload[:2])[0] if payload else 1005


BREACHES = {
    "no mask": (frame(b"{}", mask=None), 1002),
    "reserved bit": (frame(b"{}", rsv=0x40), 1002),
    "reserved opcode": (frame(b"{}", opcode=3), 1002),
    "fragmented ping": (frame(b"x", opcode=9, fin=False), 1002),
    "long ping": (frame(b"x" * 126, opcode=9), 1002),
    "continuation of nothing": (frame(b"x", opcode=0), 1002),
    "text in a text": (frame(b"x", fin=False) + frame(b"y"), 1002),
    "bad UTF-8": (frame(b'{"type":"\xff"}'), 1007),
    "a character cut by the end": (frame(b'{"type":"\xc3'), 1007),
    "bad UTF-8 over two fragments": (frame(b'{"type":"\xc3', fin=False) + frame(b'"}', opcode=0), 1007),
    "a surrogate": (frame(b'{"type":"\xed\xa0\x80"}'), 1007),
    "too large in fragments": (frame(b"x" * 100, fin=False) + frame(b"x", opcode=0, length=(64 << 20) - 99), 1009),
    "a length of 64 bits": (frame(b"x", length=1 << 63), 1002),
    "a close code that is never sent": (frame(struct.pack(">H", 1005), opcode=8), 1002),
    "a close reason that is no UTF-8": (frame(struct.pack(">H", 1000) + b"\xff", opcode=8), 1007),
    "binary": (frame(b"{}", opcode=2), 1003),
    "too large": (frame(b"x" * 100, length=1 << 40), 1009),
    "half a close code": (frame(b"\x03", opcode=8), 1002),
    "close": (frame(struct.pack(">H", 1000) + b"bye", opcode=8), 1000),
    "close without a code": (frame(b"", opcode=8), 1005),
}


@pytest.mark.parametrize("name", BREACHES)
@pytest.mark.parametrize("pieces", [0, 1])
def test_breaches(server, name, pieces):
    data, code = BREACHES[name]
    s, head = upgrade(server)
    assert " 101 " in head
    raw = Raw(s)
    try:
        if pieces:
            for i in range(len(data)):
                s.sendall(data[i:i + 1])
        else:
            s.sendall(data)
    except OSError:
        pass
    assert raw.close_code() == code
    with pytest.raises((EOFError, ConnectionResetError)):
        raw.frame()
    s.close()
    assert server.get("/health").status == 200


def test_fragments_and_pings_between_them(server):
    s, head = upgrade(server)
    raw = Raw(s)
    text = json.dumps({"type": "response.create", "model": "scripted", "input": "äöü"}, ensure_ascii=False).encode()
    for i, b in enumerate(text):
        last = i == len(text) - 1
        s.sendall(frame(bytes([b]), opcode=0 if i else 1, fin=last) + (b"" if last else frame(b"p%d" % i, opcode=9)))
    pongs, events = [], []
    while not events or events[-1]["type"] != "response.completed":
        first, payload = raw.frame()
        if first == 0x8a:
            pongs.append(payload)
        else:
            assert first == 0x81
            events.append(json.loads(payload))
    assert pongs == [b"p%d" % i for i in range(len(text) - 1)]
    assert text_of(events[-1]["response"]) == "You said: äöü."
    s.close()


def test_what_follows_the_handshake_at_once(server):
    """Bytes that come with the head's last are not lost."""
    s = socket.create_connection((server.host, server.port), PATIENCE)
    head = (f"GET {URL} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode()
    s.sendall(head + frame(b"early", opcode=9) + frame(b"{"))
    got = b""
    while b"\r\n\r\n" not in got:
        got += s.recv(65536)
    raw = Raw(s)
    raw.got = got.partition(b"\r\n\r\n")[2]
    frames = dict([raw.frame(), raw.frame()])
    assert frames[0x8a] == b"early" and json.loads(frames[0x81])["type"] == "error"
    s.close()


def test_a_message_over_the_limit(engine, servers):
    server = servers(engine, args=["--set", "net.frame_bytes=65536"])
    with Socket(server) as ws:
        assert ws.run("x" * 60000)
        ws.create("x" * 70000)
        assert ws.closed()[0] == 1009


def test_a_large_message(ws):
    text = "x" * 3_000_000
    ws.create(text, generate=False)
    assert ws.until_end()[-1]["type"] == "response.completed"


def test_compression_is_declined(server):
    with Socket(server, compression="deflate") as ws:
        assert ws.ws.protocol.extensions == []
        assert ws.run("hi")


@pytest.mark.beside_openapi
def test_frames_stay_under_a_mebibyte(servers):
    """Python's client closes at 1 MiB: lifecycle events leave output, tools and instructions out."""
    engine = ScriptedEngine(context=100_000_000)
    server = servers(engine)
    engine.next(*[say("y" * 50000)] * 30)
    tools = [{"type": "function", "name": f"f{i}", "description": "d" * 20000,
              "parameters": {"type": "object", "properties": {}}} for i in range(60)]
    with Socket(server) as ws:
        ws.create("hi", tools=tools, stream_id="a", store=True, stream_options={"include_obfuscation": False})
        events = ws.until_end()
        assert events[-1]["type"] == "response.completed", events[-2:]
        created, completed = events[0]["response"], events[-1]["response"]
        assert "tools" not in created and "output" not in created and created["id"] and created["model"]
        assert "output" not in completed and completed["status"] == "completed" and completed["usage"]
        assert "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta") == "y" * 1500000
        assert all(e["stream_id"] == "a" for e in events)
        assert text_of(ws.run("small", stream_id="a")) == "You said: small."
    assert len(text_of(server.get(f"{URL}/{completed['id']}").json)) == 1500000
    engine.close()


# --- slow readers ---

def test_a_slow_reader_pauses_the_engine(engine, servers):
    server = servers(engine)
    engine.next(*[say("z" * 10000)] * 1200)
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    s.connect((server.host, server.port))
    s.sendall((f"GET {URL} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
    s.sendall(frame(json.dumps({"type": "response.create", "model": "scripted", "input": "x", "store": False}).encode()))
    got = b""
    while b"\r\n\r\n" not in got:
        got += s.recv(1024)
    time.sleep(1)
    with open(f"/proc/{server.process.pid}/statm") as f:
        before = int(f.read().split()[1])
    time.sleep(1)
    with open(f"/proc/{server.process.pid}/statm") as f:
        after = int(f.read().split()[1])
    assert (after - before) * 4096 < 8 << 20, "what waits is bounded"
    raw, total = Raw(s), 0
    raw.got = got.partition(b"\r\n\r\n")[2]
    while True:
        event = json.loads(raw.frame()[1])
        if event["type"] == "response.output_text.delta":
            total += len(event["delta"])
        if event["type"] in TERMINAL:
            break
    assert event["type"] == "response.completed" and total == 12000000
    s.close()


def test_who_takes_nothing_is_gone(engine, servers):
    server = servers(engine, args=["--set", "net.stall_seconds=1"])
    engine.next(*[say("z" * 10000)] * 1200)
    s, head = upgrade(server)
    s.sendall(frame(json.dumps({"type": "response.create", "model": "scripted", "input": "x"}).encode()))
    eventually(lambda: engine.requests and engine.last.left.is_set())
    s.close()


@pytest.mark.parametrize("pings, bodies", [(1, 1), (1, 2), (1, 3), (2, 1)])
def test_no_timer_outlives_its_socket(engine, servers, pings, bodies):
    """A text's time and the silence run out in one turn of the loop: whichever comes first ends the socket, and the other
    must not touch what is gone."""
    server = servers(engine, args=["--set", f"net.ping_seconds={pings}", "--set", f"net.body_seconds={bodies}",
                                   "--set", "api.socket_seconds=3"])
    ends = []

    def open_and_pong(pongs):
        s, head = upgrade(server)
        assert " 101 " in head
        s.sendall(frame(b'{"type":', fin=False))
        s.settimeout(0.25)
        until = time.monotonic() + bodies - pings
        got = b""
        while pongs and time.monotonic() < until - 0.1:
            try:
                got += s.recv(4096)
            except TimeoutError:
                pass
            s.sendall(frame(b"", opcode=10))
        s.settimeout(PATIENCE)
        while piece := s.recv(4096):
            got += piece
        ends.append(got[-40:])

    threads = [threading.Thread(target=open_and_pong, args=(i % 2,)) for i in range(24)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert server.get("/health").status == 200, server.stderr()
    late = b"\x03\xf0the message took too long", b"\x03\xe9connection limit reached"
    assert len(ends) == 24 and all(end.endswith(late) for end in ends)


def test_who_only_sends_is_cut(engine, servers):
    server = servers(engine, args=["--set", "net.backlog_bytes=1048576"])
    s, head = upgrade(server)
    s.settimeout(PATIENCE)
    flood = frame(b"{", mask=b"\0\0\0\0") * 10000
    with pytest.raises(OSError):
        for _ in range(10000):
            s.sendall(flood)
    s.close()
    assert server.get("/health").status == 200


def test_what_waits_is_bounded(engine, servers):
    server = servers(engine, args=["--set", "api.socket_waiting=5"])
    gate = Gate()
    engine.next(hold(gate), say("ok"))
    with Socket(server) as ws:
        for i in range(7):
            ws.create(f"n{i}")
        while (event := ws.event())["type"] != "error":
            pass
        assert event["status"] == 429 and event["error"]["code"] == "rate_limit_exceeded"
        gate.open.set()
        for _ in range(6):
            assert ws.until_end()[-1]["type"] == "response.completed"


def test_the_bytes_that_wait_are_bounded(engine, servers):
    """On one socket, and on all of them."""
    server = servers(engine, args=["--set", "api.socket_waiting_bytes=100000", "--set", "api.waiting_bytes=150000"])
    gate = Gate()
    engine.always(lambda request: [hold(gate), say("ok")] if request.last_text == "first" else [say("ok")])
    with Socket(server) as ws, Socket(server) as other:
        for s in (ws, other):
            s.create("first")
        engine.wait_for(2)
        ws.create("x" * 90000)
        ws.create("y" * 90000)
        while (event := ws.event())["type"] != "error":
            pass
        assert event["status"] == 429 and "on this websocket" in event["error"]["message"]
        other.create("z" * 90000)
        while (event := other.event())["type"] != "error":
            pass
        assert event["status"] == 429 and "on all websocket" in event["error"]["message"]
        other.create("z" * 40000)  # the next one has room
        gate.open.set()
        for s in (ws, other):
            assert [s.until_end()[-1]["type"] for _ in range(2)] == ["response.completed"] * 2
        other.run("z" * 90000)
    with Socket(server) as ws:  # who leaves gives back what waited
        gate.open.clear()
        ws.create("first")
        ws.create("x" * 90000)
        engine.wait_for(6)
    gate.open.set()
    with Socket(server) as ws:
        ws.run("y" * 90000)


# --- time ---

def test_a_message_that_takes_too_long(engine, servers):
    server = servers(engine, args=["--set", "net.body_seconds=1"])
    for begun in (frame(b'{"type":', fin=False), frame(b"{" * 100, length=1000)):
        s, head = upgrade(server)
        raw = Raw(s)
        s.sendall(begun)
        assert raw.close_code() == 1008
        s.close()
    with Socket(server) as ws:  # what is whole in time is not meant, however much of it comes
        end = time.monotonic() + 2
        while time.monotonic() < end:
            ws.run("hi")


def test_sixty_minutes(engine, servers):
    server = servers(engine, args=["--set", "api.socket_seconds=1"])
    with Socket(server) as ws:
        assert ws.run("hi")
        error = ws.event()
        assert error["type"] == "error" and error["status"] == 400
        assert error["error"]["code"] == "websocket_connection_limit_reached"
        assert error["error"]["type"] == "invalid_request_error"
        assert ws.closed()[0] == 1001


def test_a_response_outlives_the_sixty_minutes(engine, servers):
    server = servers(engine, args=["--set", "api.socket_seconds=1"])
    gate = Gate()
    engine.next(say("a"), hold(gate), say("b"))
    with Socket(server) as ws:
        ws.create("one")
        eventually(gate.reached.is_set)
        time.sleep(1.2)
        ws.create("two")
        events = ws.until_end()
        assert events[-1]["error"]["code"] == "websocket_connection_limit_reached"
        gate.open.set()
        assert text_of(ws.until_end()[-1]["response"]) == "ab"
        assert ws.event()["error"]["code"] == "websocket_connection_limit_reached"
        assert ws.closed()[0] == 1001


def test_pings_break_silence(engine, servers):
    server = servers(engine, args=["--set", "net.ping_seconds=1"])
    s, head = upgrade(server)
    raw = Raw(s)
    for _ in range(4):  # longer than the silence that would end it
        assert raw.frame() == (0x89, b"")
        s.sendall(frame(b"", opcode=10))
    assert raw.frame() == (0x89, b"")
    with pytest.raises((EOFError, ConnectionResetError)):  # no more pongs
        while True:
            assert raw.frame() == (0x89, b"")
    s.close()


def test_drain(engine, servers):
    server = servers(engine)
    gate = Gate()
    engine.next(say("a"), hold(gate), say("b"))
    with Socket(server) as ws, Socket(server) as idle:
        ws.create("one")
        eventually(gate.reached.is_set)
        server.process.terminate()
        eventually(lambda: "draining" in server.stderr())
        error = idle.refused("late")
        assert error["status"] == 503
        gate.open.set()
        assert text_of(ws.until_end()[-1]["response"]) == "ab"
        assert ws.closed()[0] == 1001
        assert idle.closed()[0] == 1001
    server.stop()
