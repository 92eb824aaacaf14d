"""A store whose reads are answered late, by another thread and in any order (src/store/late_driver.h), as a database on a
network would: every noun answers as ever, and a client that leaves in the middle, a cancel and a drain harm nobody."""
import json
import os
import random
import signal
import socket
import struct
import threading

import pytest

from engine_script import echo
from faulty_server import FAULTY
from harness import Server, eventually, text_of

pytestmark = pytest.mark.sqlite

SEEDS = (1, 2)
BOUNDARY = "----late"


@pytest.fixture(params=SEEDS)
def late(request, engine):
    engine.always(echo)
    server = Server(engine, binary=FAULTY, env={"FAULTY_LATE": str(request.param)})
    tasks = f"/proc/{server.process.pid}/task"
    assert any(open(f"{tasks}/{t}/comm").read() == "late\n" for t in os.listdir(tasks)), "its reads are not late"
    yield server
    server.stop()
    server.erase()


def upload(server, text="kept"):
    body = (f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n--{BOUNDARY}\r\n"
            f"Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n{text}\r\n--{BOUNDARY}--\r\n")
    answer = server.post("/v1/files", body, headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
    assert answer.status == 200, answer
    return answer.json


def furnish(server):
    """One of each noun; the paths that read them, each with what its answer must hold."""
    one = server.create("first")
    two = server.create("second", previous_response_id=one["id"])
    talk = server.post("/v1/conversations", {"items": [{"role": "user", "content": "hello"}]}).json
    server.create("in it", conversation=talk["id"])
    chat = server.post("/v1/chat/completions", {"model": "scripted", "store": True, "metadata": {"a": "b"},
                                                "messages": [{"role": "user", "content": "hi"}]}).json
    file = upload(server)
    run = server.create("later", background=True)
    eventually(lambda: server.get("/v1/responses/" + run["id"]).json["status"] == "completed", what="the background run")
    return [
        (f"/v1/responses/{one['id']}", "first"), (f"/v1/responses/{two['id']}", "second"),
        (f"/v1/responses/{two['id']}/input_items", "first"), (f"/v1/responses/{run['id']}", "later"),
        (f"/v1/responses/{run['id']}?stream=true", None), (f"/v1/conversations/{talk['id']}", talk["id"]),
        (f"/v1/conversations/{talk['id']}/items", "in it"), ("/v1/chat/completions", chat["id"]),
        ("/v1/chat/completions?metadata[a]=b", chat["id"]), (f"/v1/chat/completions/{chat['id']}", chat["id"]),
        (f"/v1/chat/completions/{chat['id']}/messages", "hi"), ("/v1/files", file["id"]),
        (f"/v1/files/{file['id']}", file["id"]), (f"/v1/files/{file['id']}/content", "kept"),
    ], talk, two


def test_every_noun_answers(late):
    paths, talk, two = furnish(late)
    for path, holds in paths:
        answer = late.get(path)
        assert answer.status == 200, (path, answer)
        assert holds is None or holds in answer.body.decode(), (path, answer)
    for path in ("/v1/responses/resp_" + "0" * 40, "/v1/conversations/conv_" + "0" * 40, "/v1/files/file-" + "0" * 40,
                 "/v1/chat/completions/chatcmpl-" + "0" * 40, "/v1/responses/no-id"):
        assert late.get(path).status == 404, path
    third = late.create("third", previous_response_id=two["id"])
    assert text_of(third) == "You said: third."
    items = late.get(f"/v1/conversations/{talk['id']}/items").json["data"]
    assert late.delete(f"/v1/conversations/{talk['id']}/items/{items[-1]['id']}").json["id"] == talk["id"]
    assert len(late.get(f"/v1/conversations/{talk['id']}/items").json["data"]) == len(items) - 1
    assert late.delete(f"/v1/responses/{third['id']}").status == 200
    assert late.get(f"/v1/responses/{third['id']}").status == 404


def ask_and_leave(server, method, path, body=None):
    """Sends a request and is gone, with a reset: no byte of the answer is waited for."""
    data = json.dumps(body).encode() if body is not None else b""
    head = f"{method} {path} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nContent-Length: {len(data)}\r\n"
    if data:
        head += "Content-Type: application/json\r\n"
    with socket.create_connection((server.host, server.port)) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.sendall(head.encode() + b"\r\n" + data)
        if random.random() < 0.5:  # some stay until the server has looked at it: another request has been answered
            server.get("/health")


def test_clients_that_leave(late):
    random.seed(7)
    paths, talk, two = furnish(late)
    asked = [("GET", path, None) for path, _ in paths] + [
        ("POST", "/v1/responses", {"model": "scripted", "input": "gone", "previous_response_id": two["id"]}),
        ("POST", "/v1/responses", {"model": "scripted", "input": "gone", "conversation": talk["id"]}),
        ("POST", "/v1/responses", {"model": "scripted", "input": "gone", "previous_response_id": two["id"], "stream": True}),
        ("POST", f"/v1/conversations/{talk['id']}/items", {"items": [{"role": "user", "content": "more"}]}),
        ("DELETE", "/v1/responses/resp_" + "0" * 40, None)]
    for _ in range(6):
        random.shuffle(asked)
        for method, path, body in asked:
            ask_and_leave(late, method, path, body)
    for path, holds in paths:
        answer = late.get(path)
        assert answer.status == 200 and (holds is None or holds in answer.body.decode()), (path, answer)
    # The conversation's lease is free again, whatever they left in the middle of.
    assert text_of(late.create("after all", conversation=talk["id"])).endswith("after all.")


def test_a_write_that_began_happens(late):
    """A client that leaves behind its deletion leaves it all the same done, as with a store that answers at once."""
    ids = [late.create(f"n {i}")["id"] for i in range(8)]
    for id in ids:
        ask_and_leave(late, "DELETE", "/v1/responses/" + id)
    for id in ids:
        eventually(lambda: late.get("/v1/responses/" + id).status in (200, 404), what="an answer")
    for id in ids:  # done, or never seen; a second one ends it
        assert late.delete("/v1/responses/" + id).status in (200, 404)
        assert late.get("/v1/responses/" + id).status == 404


def test_cancel_beside_reads(late):
    for i in range(6):
        id = late.create(f"run {i}", background=True)["id"]
        seen, answers = [], []
        readers = [threading.Thread(target=lambda: seen.append(late.get("/v1/responses/" + id))) for _ in range(4)]
        readers.append(threading.Thread(target=lambda: answers.append(late.post(f"/v1/responses/{id}/cancel", {}))))
        random.shuffle(readers)
        for t in readers:
            t.start()
        for t in readers:
            t.join()
        assert all(a.status == 200 for a in seen), seen
        assert answers[0].status == 200 or "Cannot cancel a completed" in answers[0].json["error"]["message"], answers
        end = eventually(lambda: (a := late.get("/v1/responses/" + id).json)["status"] in ("completed", "cancelled") and a)
        if answers[0].status == 200 and answers[0].json["status"] == "cancelled":
            assert end == answers[0].json


def test_one_key_for_many(late, engine):
    """Whose claim it met is read after the write: the same answer for all, one call of the engine."""
    before = len(engine.requests)
    body, answers = {"model": "scripted", "input": "once"}, []
    def ask():
        answers.append(late.post("/v1/responses", body, headers={"Idempotency-Key": "the one"}))
    many = [threading.Thread(target=ask) for _ in range(6)]
    for t in many:
        t.start()
    for t in many:
        t.join()
    assert {a.status for a in answers} <= {200, 409} and any(a.status == 200 for a in answers), answers
    ids = {a.json["id"] for a in answers if a.status == 200} | {
        eventually(lambda: (a := late.post("/v1/responses", body, headers={"Idempotency-Key": "the one"})).status == 200 and a)
        .json["id"]}
    assert len(ids) == 1 and len(engine.requests) == before + 1


@pytest.mark.parametrize("seed", SEEDS)
def test_drain_in_the_middle(engine, seed):
    engine.always(echo)
    server = Server(engine, binary=FAULTY, env={"FAULTY_LATE": str(seed)})
    paths, talk, two = furnish(server)
    connections = []
    for path, _ in paths * 4:
        s = socket.create_connection((server.host, server.port))
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n\r\n".encode())
        connections.append(s)
    server.process.send_signal(signal.SIGTERM)
    server.stop()
    for s in connections:
        s.close()
    again = Server(engine, data=server.data)
    assert again.get("/v1/responses/" + two["id"]).status == 200
    again.stop()
    again.erase()
    server.erase()
