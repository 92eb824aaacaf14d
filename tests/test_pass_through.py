"""What engines answer beside chat: to the engine that has it, streamed, by the model's name there, with its key alone."""
import http.client
import io
import json
import select
import socket
import threading
import wave

import pytest
from openai import OpenAI

from ability_script import AbilityEngine, answer_json, form_of, wav
from harness import eventually, make_key
from test_usage import results

SOUND = wav()


def speak(request):
    return 200, "audio/wav", [SOUND[:50], SOUND[50:]]


def transcribe(request):
    parts = {name: data for name, _, _, data in form_of(request)}
    return answer_json({"text": f"{len(parts['file'])} bytes", "usage": {"type": "duration", "seconds": 2}})


def judge(request):
    texts = request.body["input"]
    texts = texts if isinstance(texts, list) else [texts]
    names = ["harassment", "violence"]
    return answer_json({"id": "modr-1", "model": request.body.get("model"), "results": [
        {"flagged": "kill" in t, "categories": {n: "kill" in t for n in names}, "category_scores": {n: 0.5 for n in names},
         "category_applied_input_types": {n: ["text"] for n in names}} for t in texts]})


def rerank(request):
    return answer_json({"id": "r", "results": [{"index": 1, "relevance_score": 0.9}], "usage": {"total_tokens": 5}})


def complete(request):
    if request.body.get("stream"):
        return 200, "text/event-stream", [b'data: {"choices":[{"text":"a"}]}\r\n\r\n', b"data: [DONE]\r\n\r\n"]
    return answer_json({"object": "text_completion", "model": request.body["model"], "choices": [{"text": "four", "index": 0}]})


PATHS = {"/v1/audio/speech": speak, "/v1/audio/transcriptions": transcribe, "/v1/audio/translations": transcribe,
         "/v1/moderations": judge, "/v1/rerank": rerank, "/v1/score": rerank, "/v1/completions": complete}


@pytest.fixture
def able():
    e = AbilityEngine(dict(PATHS), models=("whisper-big",))
    yield e
    e.close()


@pytest.fixture
def served(servers, engine, able):
    engine.key, able.key = "key-of-chat", "key-of-audio"
    sets = [f"{name}.engine={able.url}" for name in ("audio", "moderations", "rerank", "completions")]
    sets += [f"{name}.key_env=ABLE" for name in ("audio", "moderations", "rerank", "completions")]
    sets += ["audio.models=whisper-1=whisper-big,tts-*=kokoro", "moderations.models=*=guard", "engine.key=key-of-chat"]
    return servers(engine, args=[a for s in sets for a in ("--set", s)], env={"ABLE": "key-of-audio"})


@pytest.fixture
def client(served):
    return OpenAI(base_url=served.base_url, api_key="sk-of-the-client", max_retries=0)


pytestmark = pytest.mark.beside_openapi


def test_speech_and_its_length(client, able):
    assert client.audio.speech.create(model="tts-1", voice="alloy", input="Hello", response_format="wav").read() == SOUND
    request = able.asked[-1]
    assert request.body == {"input": "Hello", "model": "kokoro", "voice": "alloy", "response_format": "wav"}
    assert wave.open(io.BytesIO(SOUND)).getnframes()
    assert "sk-of-the-client" not in json.dumps(request.headers)
    assert len(able.asked_empty) == 1
    client.audio.speech.create(model="tts-1", voice="alloy", input="Again")
    assert len(able.asked_empty) == 1  # asked once


def test_speech_streams(served, able):
    gate = threading.Event()

    def slow(request):
        def pieces():
            yield SOUND[:50]
            assert gate.wait(20)
            yield SOUND[50:]
        return 200, "audio/wav", pieces()
    able.paths["/v1/audio/speech"] = slow
    connection, response = served.open("POST", "/v1/audio/speech", {"model": "m", "input": "a", "voice": "b"})
    assert response.getheader("content-type") == "audio/wav"
    assert response.read(50) == SOUND[:50]  # before the engine has made the rest
    gate.set()
    assert response.read() == SOUND[50:]
    connection.close()


@pytest.mark.parametrize("path, body", [("audio/speech", {"model": "m", "input": "a", "voice": "b", "stream_format": "sse"}),
                                        ("completions", {"model": "m", "prompt": "a", "stream": True})])
def test_event_streams_are_kept_by_nobody(served, able, path, body):
    """As recorded of the live API's sound (`Cache-Control: no-store`), its lines as they come; and proxies are told to hold none of it back."""
    events = b'data: {"type":"speech.audio.delta","audio":"YQ=="}\r\n\r\ndata: [DONE]\r\n\r\n'
    able.paths["/v1/" + path] = lambda request: (200, "Text/Event-Stream; charset=utf-8", [events[:20], events[20:]])
    got = served.post("/v1/" + path, body)
    assert got.headers["cache-control"] == "no-store" and got.headers["x-accel-buffering"] == "no" and got.body == events
    able.paths["/v1/" + path] = speak
    assert "cache-control" not in served.post("/v1/" + path, body).headers


@pytest.mark.parametrize("kind", ["transcriptions", "translations"])
def test_forms(client, able, kind):
    ask = getattr(client.audio, kind).create
    assert ask(model="whisper-1", file=('a "b".wav', SOUND, "audio/wav"), temperature=0.2).text == f"{len(SOUND)} bytes"
    parts = form_of(able.asked[-1])
    assert ("model", None, None, b"whisper-big") in parts
    name, filename, content_type, data = next(p for p in parts if p[0] == "file")
    assert (filename, content_type, data) == ("a %22b%22.wav", "audio/wav", SOUND)
    assert ask(model="other", file=SOUND).text == f"{len(SOUND)} bytes"
    assert ("model", None, None, b"other") in form_of(able.asked[-1])


def test_large_form_waits_for_its_engine(servers):
    """A form is never kept whole: when the engine stops reading, so does the server."""
    listener = socket.create_server(("127.0.0.1", 0))
    go, got = threading.Event(), []

    def serve():
        probe, _ = listener.accept()
        probe.recv(65536)
        probe.sendall(b"HTTP/1.1 422 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        call, _ = listener.accept()
        assert go.wait(60)
        tail = b""
        while not tail.endswith(b"0\r\n\r\n"):
            piece = call.recv(1 << 20)
            got.append(len(piece))
            tail = (tail + piece)[-16:]
        call.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nContent-Type: application/json\r\n\r\n{\"text\":1}\n")

    threading.Thread(target=serve, daemon=True).start()
    server = servers("http://127.0.0.1:1", args=["--set", f"audio.engine=http://127.0.0.1:{listener.getsockname()[1]}"], ready=False)
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    size, sent = 96 << 20, 0
    client = socket.create_connection((server.host, server.port))
    client.sendall(b"POST /v1/audio/translations HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
                   b"Content-Length: %d\r\n\r\n" % (len(head) + size + 9) + head)
    while sent < size and select.select([], [client], [], 3)[1]:
        sent += client.send(b"\0" * min(65536, size - sent), socket.MSG_DONTWAIT)
    assert sent < 48 << 20, "it took everything"  # what the kernel keeps is a few MB
    go.set()
    client.sendall(b"\0" * (size - sent) + b"\r\n--x--\r\n")
    assert b"200 OK" in client.recv(65536)
    assert sum(got) > size
    client.close()
    listener.close()


def test_moderations(client, able):
    got = client.moderations.create(input=["hello", "kill"])
    assert [r.flagged for r in got.results] == [False, True]
    assert able.asked[-1].body == {"model": "guard", "input": ["hello", "kill"]}


def test_rerank_and_completions(served, client, able):
    assert served.post("/v1/rerank", {"model": "r", "query": "q", "documents": ["a", "b"]}).json["results"][0]["index"] == 1
    assert served.post("/v1/score", {"model": "r", "text_1": "q", "text_2": ["a"]}).status == 200
    assert client.completions.create(model="m", prompt="2+2").choices[0].text == "four"
    assert [c.choices[0].text for c in client.completions.create(model="m", prompt="2+2", stream=True)] == ["a"]


def test_the_chat_engine_when_it_can(servers):
    able = AbilityEngine({"/v1/completions": complete}, models=("m", "n"))
    try:
        server = servers(able)
        assert server.post("/v1/completions", {"model": "n", "prompt": "a"}).json["model"] == "n"
        assert server.post("/v1/completions", {"model": "gone", "prompt": "a"}).error["code"] == "model_not_found"
        for path in ("audio/speech", "rerank"):
            for _ in range(2):
                got = server.post(f"/v1/{path}", {"model": "m", "input": "a"})
                setting = {"audio/speech": "audio.engine", "rerank": "rerank.engine"}[path]
                assert got.status == 404 and f"--set {setting}=" in got.error["message"], got
        assert len(able.asked_empty) == 3  # once each
    finally:
        able.close()


def test_an_engine_that_loads_is_asked_again(served, able):
    able.probe = 503, b'{"error":{"message":"Loading model"}}'
    for n in (1, 2):
        assert served.post("/v1/completions", {"model": "m", "prompt": "a"}).status == 200
        assert len(able.asked_empty) == n
    able.probe = 400, b"{}"
    for _ in range(2):
        served.post("/v1/completions", {"model": "m", "prompt": "a"})
    assert len(able.asked_empty) == 3


def test_forms_without_an_engine(server):
    client = OpenAI(base_url=server.base_url, api_key="x", max_retries=0)
    for size in (10, 3 << 20):
        with pytest.raises(Exception) as e:
            client.audio.transcriptions.create(model="whisper-1", file=b"a" * size)
        assert e.value.status_code == 404 and "audio.engine" in e.value.message


@pytest.mark.parametrize("answer, status, says", [
    ((401, b'{"error":{"message":"sk-secret wrong"}}'), 502, "credentials"),
    ((404, b'{"error":{"message":"no model"}}'), 404, "does not know the model 'guard'"),
    ((422, b'{"detail":[{"loc":["body","voice"],"msg":"Field required"}]}'), 400, "'voice': Field required"),
    ((400, b'{"error":{"message":"too many inputs"}}'), 400, "too many inputs"),
    ((500, b"oops"), 502, "failed (HTTP 500)"),
    ((302, b""), 502, "failed (HTTP 302)"),
])
def test_failures(served, able, answer, status, says):
    able.paths["/v1/moderations"] = lambda request: (answer[0], "application/json", answer[1])
    got = served.post("/v1/moderations", {"input": "a"})
    assert (got.status, says in got.error["message"], "sk-secret" in got.error["message"]) == (status, True, False), got


def test_an_engine_names_the_member(served, able):
    wrong = {"error": {"message": "Invalid language 'xx'.", "type": "invalid_request_error", "param": "language", "code": "x"}}
    able.paths["/v1/moderations"] = lambda request: (400, "application/json", json.dumps(wrong).encode())
    got = served.post("/v1/moderations", {"input": "a"})
    assert got.status == 400 and got.error["param"] == "language" and "Invalid language 'xx'." in got.error["message"]


@pytest.mark.parametrize("body, param", [({"input": "a", "model": 3}, "model"), ([], None)])
def test_bad_requests(served, body, param):
    got = served.post("/v1/moderations", body)
    assert got.status == 400 and got.error["param"] == param


def test_a_cut_answer_is_cut(served, able):
    def cut(request):
        def pieces():
            yield SOUND[:50]
            raise OSError
        return 200, "audio/wav", pieces()
    able.paths["/v1/audio/speech"] = cut
    connection, response = served.open("POST", "/v1/audio/speech", {"model": "m", "input": "a", "voice": "b"})
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        response.read()
    connection.close()


def test_client_that_leaves(served, able):
    def slow(request):
        def pieces():
            while True:
                yield b"\0" * 65536
        return 200, "audio/wav", pieces()
    able.paths["/v1/audio/speech"] = slow
    connection, response = served.open("POST", "/v1/audio/speech", {"model": "m", "input": "a", "voice": "b"})
    response.read(10)
    response.close()
    connection.close()
    assert able.asked[-1].left.wait(20)  # the engine is let go


def test_keys_are_asked_for(served):
    key, _ = make_key(served, "k")
    assert served.post("/v1/moderations", {"input": "a"}, key="sk-wrong").status == 401
    assert served.post("/v1/moderations", {"input": "a"}, key=key).status == 200


SPOKEN = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}


def answer_aloud(request):
    if request.body.get("stream"):
        return 200, "text/event-stream", [b'data: {"choices":[{"delta":{"audio":{"data":"YQ=="}}}]}\n\n', b"data: [DONE]\n\n"]
    message = {"role": "assistant", "content": None, "audio": {"id": "audio_1", "data": "YQ==", "expires_at": 1, "transcript": "a"}}
    return answer_json({"id": "c", "object": "chat.completion", "created": 1, "model": "omni", "choices": [
        {"index": 0, "finish_reason": "stop", "message": message}]})


def test_chat_with_sound(servers, engine):
    speaker = AbilityEngine({"/v1/chat/completions": answer_aloud})
    try:
        server = servers(engine, args=["--set", f"voice.engine={speaker.url}", "--set", "voice.models=gpt-*=omni"])
        client = OpenAI(base_url=server.base_url, api_key="sk-of-the-client", max_retries=0)
        first = client.chat.completions.create(model="gpt-audio", messages=[{"role": "user", "content": "Hi"}], **SPOKEN)
        assert first.choices[0].message.audio.data == "YQ=="
        assert speaker.asked[-1].body == {"model": "omni", "messages": [{"role": "user", "content": "Hi"}], **SPOKEN}
        again = [{"role": "user", "content": "Hi"}, {"role": "assistant", "audio": {"id": "audio_1"}}, {"role": "user", "content": "Go on"}]
        pieces = list(client.chat.completions.create(model="gpt-audio", messages=again, stream=True, **SPOKEN))
        assert pieces[0].choices[0].delta.audio.data == "YQ==" and speaker.asked[-1].body["messages"] == again
        assert not engine.requests
    finally:
        speaker.close()


def test_chat_with_sound_without_an_engine(server):
    got = server.post("/v1/chat/completions", {"model": "scripted", "messages": [{"role": "user", "content": "Hi"}], **SPOKEN})
    assert (got.status, got.error["param"]) == (400, "modalities") and "voice.engine=" in got.error["message"]


def test_what_is_passed_on_is_counted(served, client):
    client.audio.speech.create(model="tts-1", voice="alloy", input="Grüße")
    client.audio.transcriptions.create(model="whisper-1", file=("a.wav", io.BytesIO(SOUND)))
    client.moderations.create(input="kind words", model="omni")
    served.post("/v1/rerank", {"model": "r", "query": "a", "documents": ["b", "c"]})
    told = lambda kind: eventually(lambda: results(served, kind, group_by="model"))
    speech, = told("audio_speeches")
    assert (speech["object"], speech["characters"], speech["num_model_requests"], speech["model"]) == ("organization.usage.audio_speeches.result", 5, 1, "kokoro")
    sound, = told("audio_transcriptions")
    assert (sound["seconds"], sound["num_model_requests"], sound["model"]) == (0, 1, "whisper-big")
    judged, = told("moderations")
    assert judged["num_model_requests"] == 1 and 0 < judged["input_tokens"] < 40
    assert told("rerankings")[0]["input_tokens"] > 0

