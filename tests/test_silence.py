"""What is silent for long is cut by proxies: streams, JSON answers and retries say something meanwhile, and what fails then is still
told. The times are shortened by settings; the tests count what comes, not when."""
import json

import pytest

from engine_script import Gate, ScriptedEngine, finish, hold, say, status
from harness import Server

CHAT = "/v1/chat/completions"
QUICK = ["--set", "net.quiet_seconds=1", "--set", "net.quiet_json_seconds=1", "--set", "api.keepalive_seconds=2"]


@pytest.fixture(scope="module")
def engine():
    engine = ScriptedEngine()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def server(engine):
    server = Server(engine, args=QUICK)
    yield server
    server.stop()
    server.erase()


def chat_body(**more):
    return {"model": "scripted", "messages": [{"role": "user", "content": "hi"}], **more}


def ask(path, **more):
    return chat_body(**more) if path == CHAT else {"model": "scripted", "input": "hi", **more}


def test_chat_stream_begins_before_the_first_token(engine, server):
    gate = Gate()
    engine.next(hold(gate), say("Hello"))
    connection, response = server.open("POST", CHAT, chat_body(stream=True))
    assert response.status == 200 and response.headers["content-type"].startswith("text/event-stream")
    for _ in range(2):
        assert response.readline() == b": keep-alive\n"
        assert response.readline() == b"\n"
    gate.open.set()
    rest = response.read().decode()
    assert '"content":"Hello"' in rest and rest.endswith("data: [DONE]\n\n")
    connection.close()


def test_chat_stream_that_fails_after_a_comment(engine, server):
    gate = Gate()
    engine.next(hold(gate), status(400, "no such thing"))
    connection, response = server.open("POST", CHAT, chat_body(stream=True))
    assert response.readline() == b": keep-alive\n"
    gate.open.set()
    events = [line[6:] for line in response.read().decode().split("\n") if line.startswith("data: ")]
    assert "error" in json.loads(events[-2]) and events[-1] == "[DONE]"
    connection.close()


def test_responses_stream_has_comments_and_keepalive_events(engine, server):
    gate = Gate()
    engine.next(hold(gate), say("Hello"))
    stream = server.stream("hi")
    seen = []
    for event in stream:
        seen.append(event)
        if [e.type for e in seen].count("keepalive") == 2:
            gate.open.set()
    assert stream.comments >= 2  # comments do not put the event off, nor the event the comments
    kinds = [e.type for e in seen]
    assert kinds[:2] == ["response.created", "response.in_progress"] and kinds[-2:] == ["response.completed", "[DONE]"]
    numbers = [e.data["sequence_number"] for e in seen[:-1]]
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("path", [CHAT, "/v1/responses"])
def test_json_answer_begins_with_spaces(engine, server, path):
    gate = Gate()
    engine.next(hold(gate), say("Hello"))
    connection, response = server.open("POST", path, ask(path))
    assert response.status == 200 and response.read(2) == b"  "
    gate.open.set()
    assert "Hello" in json.dumps(json.loads(response.read()))
    connection.close()


def test_response_that_fails_after_a_space(engine, server):
    gate = Gate()
    engine.next(hold(gate), status(400, "no such thing"))
    connection, response = server.open("POST", "/v1/responses", ask("/v1/responses"))
    assert response.status == 200 and response.read(1) == b" "
    gate.open.set()
    answer = json.loads(response.read())
    assert answer["object"] == "response" and answer["status"] == "failed" and answer["error"]["message"]
    connection.close()


def test_chat_that_fails_after_a_space(engine, server):
    gate = Gate()
    engine.next(hold(gate), status(400, "no such thing"))
    connection, response = server.open("POST", CHAT, chat_body())
    assert response.status == 200 and response.read(1) == b" "
    gate.open.set()
    assert json.loads(response.read())["error"]["message"]
    connection.close()


@pytest.mark.parametrize("path", [CHAT, "/v1/responses"])
@pytest.mark.parametrize("fails", [False, True])
def test_retry_that_waits_is_not_silent(engine, server, path, fails):
    gate = Gate()
    engine.next(hold(gate), status(400, "no such thing") if fails else say("Hello"))
    body = ask(path, user=f"{path} {fails}")
    one, first = server.open("POST", path, body, {"X-Stainless-Retry-Count": "0"})
    assert first.read(1) == b" "
    two, second = server.open("POST", path, body, {"X-Stainless-Retry-Count": "1"})
    assert second.status == 200 and second.read(1) == b" "
    gate.open.set()
    answer = json.loads(second.read())
    assert json.loads(first.read()) and ("error" in answer if fails else "Hello" in json.dumps(answer))
    one.close()
    two.close()


def test_refused_after_a_space(engine, servers):
    """A conversation that stays taken: the turn is refused before it has a response of its own."""
    server = servers(engine, args=QUICK + ["--set", "api.conversation_wait_ms=2500"])
    conversation = server.post("/v1/conversations", {}).json["id"]
    for stream in (False, True):
        gate = Gate()
        engine.next(say("a"), hold(gate), finish("stop"))
        holder = server.stream("hi", conversation=conversation)
        holder.until("response.output_text.delta")
        connection, response = server.open("POST", "/v1/responses", ask("", input="x", conversation=conversation, stream=stream))
        assert response.status == 200
        text = response.read().decode()
        if stream:
            assert text.startswith(": keep-alive\n\n")
            events = [line[6:] for line in text.split("\n") if line.startswith("data: ")]
            assert json.loads(events[0])["type"] == "error" and json.loads(events[0])["code"] == "conversation_locked"
            assert events[1:] == ["[DONE]"]
        else:
            answer = json.loads(text)
            assert text.startswith(" ") and answer["status"] == "failed"
            assert "Another process" in answer["error"]["message"]
        connection.close()
        gate.open.set()
        holder.leave()
