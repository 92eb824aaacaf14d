"""A client that leaves: its engine call ends, and a stored turn keeps what was made."""
import http.client
import json
import threading
import time

from engine_script import Gate, call, hang, hold, say
from harness import Stream, eventually, text_of

RETRIES = {"X-Stainless-Retry-Count": "0"}


def leave_in_mid_text(server, engine, headers=None, **more):
    """Starts a stream, leaves after its first text; (response id, the engine's request)."""
    n = len(engine.requests)
    engine.next(say("Once upon", " a time"), hang())
    stream = server.stream("x", headers=headers, **more)
    events = stream.until("response.output_text.delta")
    request = engine.wait_for(n + 1)
    stream.leave()
    return events[0].data["response"]["id"], request


def kept(server, id):
    return eventually(lambda: (a := server.get("/v1/responses/" + id)).status == 200 and a.json, what="the turn being kept")


def test_stored_stream_is_kept_as_cancelled(server, engine):
    id, request = leave_in_mid_text(server, engine)
    response = kept(server, id)
    assert response["status"] == "cancelled"
    message = response["output"][-1]
    assert message["status"] == "incomplete"
    assert "Once upon a time".startswith(text_of(response)) and text_of(response)
    assert request.left.wait(30), "the engine call goes on without its client"


def test_it_can_be_continued(server, engine):
    id, _ = leave_in_mid_text(server, engine)
    kept(server, id)
    assert text_of(server.create("go on", previous_response_id=id)) == "You said: go on."
    roles = [m["role"] for m in engine.last.body["messages"]]
    assert roles[-2:] == ["assistant", "user"], roles


def test_unfinished_calls_are_dropped(server, engine):
    engine.next(say("Let me see."), call("f", '{"a"'), hang())
    stream = server.stream("x", tools=[{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}])
    id = stream.until("response.function_call_arguments.delta")[0].data["response"]["id"]
    stream.leave()
    response = kept(server, id)
    assert response["status"] == "cancelled"
    assert [item["type"] for item in response["output"]] == ["message"]


def test_without_store_nothing_is_kept(server, engine):
    id, request = leave_in_mid_text(server, engine, store=False)
    assert request.left.wait(30)
    assert server.get("/v1/responses/" + id).status == 404


def test_a_client_that_retries_has_a_grace(servers, engine):
    server = servers(engine, ["--set", "api.retry_grace_ms=3000"])
    began = time.monotonic()
    id, request = leave_in_mid_text(server, engine, headers=RETRIES)
    assert not request.left.wait(1), "cancelled before the grace was over"
    assert kept(server, id)["status"] == "cancelled"
    assert time.monotonic() - began >= 2.5
    assert request.left.wait(30)


def test_a_retry_joins_the_running_attempt(server, engine):
    gate = Gate()
    engine.next(say("Once upon"), hold(gate), say(" a time"))
    body = {"model": "scripted", "input": "x", "stream": True}
    first = Stream(*server.open("POST", "/v1/responses", body, RETRIES))
    id = first.until("response.output_text.delta")[0].data["response"]["id"]
    first.leave()
    second = Stream(*server.open("POST", "/v1/responses", body, {"X-Stainless-Retry-Count": "1"}))
    gate.open.set()
    events = list(second)
    assert events[0].data["response"]["id"] == id
    assert text_of(events[-2].data["response"]) == "Once upon a time"
    assert len(engine.requests) == 1, "the engine was asked twice"


def test_a_retry_gets_the_finished_answer(server, engine):
    body = {"model": "scripted", "input": "x"}
    first = server.post("/v1/responses", body, headers=RETRIES)
    again = server.post("/v1/responses", body, headers={"X-Stainless-Retry-Count": "1"})
    assert again.json["id"] == first.json["id"]
    assert len(engine.requests) == 1
    other = server.post("/v1/responses", {"model": "scripted", "input": "y"}, headers={"X-Stainless-Retry-Count": "1"})
    assert other.json["id"] != first.json["id"]


def test_json_client_leaves_while_the_engine_is_silent(server, engine):
    engine.next(hang())
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    connection.request("POST", "/v1/responses", json.dumps({"model": "scripted", "input": "x"}),
                       {"Content-Type": "application/json"})
    request = engine.wait_for(1)
    connection.sock.close()
    connection.close()
    assert request.left.wait(30)


def test_finish_on_disconnect(servers, engine):
    server = servers(engine, ["--set", "api.on_disconnect=finish"])
    gate = Gate()
    engine.next(say("Once upon"), hold(gate), say(" a time"))
    stream = server.stream("x")
    id = stream.until("response.output_text.delta")[0].data["response"]["id"]
    stream.leave()
    gate.open.set()
    response = kept(server, id)
    assert response["status"] == "completed" and text_of(response) == "Once upon a time"


def test_chat_finishes_on_disconnect(servers, engine):
    server = servers(engine, ["--set", "api.on_disconnect=finish"])
    gate = Gate()
    engine.next(say("Once upon"), hold(gate), say(" a time"))
    stream = server.stream([{"role": "user", "content": "x"}], path="/v1/chat/completions", store=True)
    next(iter(stream))
    stream.leave()
    gate.open.set()
    eventually(lambda: server.get("/v1/chat/completions").json["data"])
    assert server.get("/v1/chat/completions").json["data"][0]["choices"][0]["message"]["content"] == "Once upon a time"


def test_chat_client_leaves(server, engine):
    engine.next(say("Once"), hang())
    stream = server.stream([{"role": "user", "content": "x"}], path="/v1/chat/completions")
    next(iter(stream))
    request = engine.wait_for(1)
    stream.leave()
    assert request.left.wait(30)


def test_many_leave_and_nothing_is_left_behind(server, engine):
    engine.always(lambda request: [say("Once upon"), hang()])

    def one():
        stream = server.stream("x", store=False)
        stream.until("response.output_text.delta")
        stream.leave()

    threads = [threading.Thread(target=one) for _ in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(engine.requests) == 40
    for request in engine.requests:
        assert request.left.wait(30)
    engine.always(lambda request: [say("still here")])
    assert text_of(server.create("x")) == "still here"
