"""/v1/files: the official SDK, bounds, hostile forms, who may see what, and that nothing but what was acknowledged stays."""
import glob
import hashlib
import http.client
import itertools
import os
import socket
import threading

import openai
import pytest

from harness import PATIENCE, STORE, Server, eventually, make_key, rows_of


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as c:
        yield c


BOUNDARY = "xx"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def part(name, data, filename=None, disposition=None):
    data = data if isinstance(data, bytes) else data.encode()
    head = disposition or f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
    return b"--xx\r\nContent-Disposition: " + (head if isinstance(head, bytes) else head.encode()) + b"\r\n\r\n" + data + b"\r\n"


def form(*parts):
    return b"".join(parts) + b"--xx--\r\n"


def send(server, body, type=TYPE, path="/v1/files", **more):
    return server.post(path, body, headers={"Content-Type": type}, **more)


def put(server, data=b"hello", name="a.txt", purpose="user_data", key=None):
    answer = send(server, form(part("purpose", purpose), part("file", data, name)), key=key)
    assert answer.status == 200, answer
    return answer.json


def blobs(server):
    return sorted(os.path.basename(f) for f in glob.glob(server.data + "/files/*"))


# --- the SDK ---


def test_sdk(client, tmp_path):
    data = os.urandom(700000)
    path = tmp_path / "naïve \"name\".bin"
    path.write_bytes(data)
    made = client.files.create(file=path, purpose="user_data")
    assert made.id.startswith("file-") and made.object == "file" and made.bytes == len(data)
    assert made.filename == path.name and made.purpose == "user_data" and made.status == "processed" and made.expires_at is None
    assert client.files.retrieve(made.id) == made
    assert client.files.wait_for_processing(made.id).id == made.id
    assert client.files.content(made.id).content == data
    text = client.files.create(file=("t.md", b"# t"), purpose="assistants",
                               expires_after={"anchor": "created_at", "seconds": 3600})
    assert text.expires_at == text.created_at + 3600
    batch = client.files.create(file=("b.jsonl", b"{}"), purpose="batch")
    assert batch.expires_at == batch.created_at + 30 * 86400
    assert [f.id for f in client.files.list()] == [batch.id, text.id, made.id]
    assert [f.id for f in client.files.list(order="asc", limit=1)] == [made.id, text.id, batch.id]
    assert [f.id for f in client.files.list(purpose="assistants")] == [text.id]
    assert client.files.delete(made.id).deleted
    for call in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError) as e:
            call(made.id)
        assert e.value.message.count(f"No such File object: {made.id}") == 1 and e.value.param == "id"


def test_streamed_download(client):
    data = os.urandom(3 << 20)
    made = client.files.create(file=("big", data), purpose="user_data")
    got = hashlib.sha256()
    with client.files.with_streaming_response.content(made.id) as response:
        assert response.headers["content-length"] == str(len(data))
        assert response.headers["content-type"] == "application/octet-stream"
        for piece in response.iter_bytes():
            got.update(piece)
    assert got.digest() == hashlib.sha256(data).digest()


def test_empty_file(server):
    made = put(server, b"")
    assert made["bytes"] == 0
    answer = server.get(f"/v1/files/{made['id']}/content")
    assert answer.status == 200 and answer.body == b"" and answer.headers["content-length"] == "0"


def test_head_and_headers(server):
    made = put(server, b"0123456789", 'a%22b\\c é.html')
    assert made["filename"] == "c é.html"
    answer = server.request("HEAD", f"/v1/files/{made['id']}/content")
    assert answer.status == 200 and answer.headers["content-length"] == "10" and answer.body == b""
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''c%20%C3%A9.html"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_files_survive_a_restart(engine, servers):
    server = servers(engine)
    made = put(server)
    server.stop()
    server.start()
    assert server.get(f"/v1/files/{made['id']}").json == made
    assert server.get(f"/v1/files/{made['id']}/content").body == b"hello"


# --- what is refused ---


def test_hostile_forms(server):
    good = part("purpose", "vision")
    rows = [
        (form(good), "file", "missing_required_parameter"),
        (form(part("file", "x", "a")), "purpose", "missing_required_parameter"),
        (form(good, good, part("file", "x", "a")), "purpose", None),
        (form(good, part("file", "x", "a"), part("file", "x", "a")), "file", None),
        (form(part("purpose", "theft"), part("file", "x", "a")), "purpose", None),
        (form(good, part("file", "x")), "file", "invalid_type"),
        (form(good, part("file", "x", "")), "file", "invalid_value"),
        (form(good, part("file", "x", "..")), "file", "invalid_value"),
        (form(good, part("file", "x", "a\tb")), "file", "invalid_value"),
        (form(good, part("file", "x", "a" * 256)), "file", "string_above_max_length"),
        (form(good, part("file", "x", "a"), part("model", "x")), "model", "unknown_parameter"),
        (form(good, part("file", "x", "a"), part("expires_after[seconds]", "3600")), "expires_after[anchor]",
         "missing_required_parameter"),
        (form(good, part("file", "x", "a"), part("expires_after[anchor]", "created_at"),
              part("expires_after[seconds]", "1")), "expires_after[seconds]", "integer_below_min_value"),
        (form(part("purpose", "p" * 10000), part("file", "x", "a")), "purpose", "string_above_max_length"),
        (form(part("purpose", b"\xff"), part("file", "x", "a")), "purpose", "invalid_value"),
        (form(part("file", "x", disposition=b'form-data; name="file"; filename="a\x00b"')), None, None),
        (form(part("file", "x", disposition=b'form-data; name="file"; filename="\xff\xfe"')), None, None),
        (form(part("file", "x", "a"), *[part(f"f{i}", "x") for i in range(9)]), "f0", "unknown_parameter"),
        (form(part("x" * 9000, "x")), None, None),
        (form(good, part("file", "x", "a"))[:-9], None, None),
        (b"", None, None),
        (b"junk" * 1000, None, None),
    ]
    for body, param, code in rows:
        answer = send(server, body)
        assert (answer.status, answer.error["param"], answer.error["code"]) == (400, param, code), (body[:200], answer)
    for type in ("multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'b' * 71}"):
        assert send(server, form(good), type).status == 400
    for type in ("multipart/mixed; boundary=xx", "text/plain"):
        assert send(server, form(good), type).status == 415
    answer = send(server, form(good), "application/json")  # which is how a container's file is kept: test_containers.py
    assert answer.status == 400 and "JSON" in answer.error["message"], answer
    assert server.get("/v1/files").json == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    eventually(lambda: blobs(server) == [])


def test_path_traversal(server):
    for name in ("../../../tmp/evil", "/etc/passwd", "..\\..\\evil", "C:\\evil"):
        made = put(server, b"x", name)
        assert made["filename"] == name.replace("\\", "/").rsplit("/", 1)[1]
    assert len(blobs(server)) == 4 and all(len(b) == 16 for b in blobs(server))


def test_every_piece(server):
    """The form in single bytes, and in pieces that part its boundaries."""
    body = form(part("file", b"one\r\n--x\r\n--xxtwo"[:12] + b"\r\n-", "a"), part("purpose", "vision"))
    for size in (1, 7, 33):
        connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
        connection.request("POST", "/v1/files", (body[i:i + size] for i in range(0, len(body), size)),
                           {"Content-Type": TYPE, "Transfer-Encoding": "chunked"}, encode_chunked=True)
        response = connection.getresponse()
        assert response.status == 200 and b'"bytes":15' in response.read()
        connection.close()


def test_bounds(engine, servers):
    server = servers(engine, args=["--set", "api.file_bytes=1000", "--set", "store.project_files=3",
                                   "--set", "store.project_bytes=2500"])
    put(server, b"x" * 1000)
    answer = send(server, form(part("purpose", "vision"), part("file", b"x" * 1001, "a")))
    assert answer.status == 413 and answer.error["param"] == "file", answer
    answer = send(server, form(part("purpose", "vision"), part("file", b"x" * 200000, "a")))
    assert answer.status == 413, answer  # told by the head alone
    put(server, b"x" * 1000)
    answer = send(server, form(part("purpose", "vision"), part("file", b"x" * 501, "a")))
    assert (answer.status, answer.error["code"]) == (400, "storage_limit_exceeded"), answer
    last = put(server, b"x" * 500)
    answer = send(server, form(part("purpose", "vision"), part("file", b"", "a")))
    assert (answer.status, answer.error["code"]) == (400, "storage_limit_exceeded"), answer
    assert server.delete(f"/v1/files/{last['id']}").status == 200
    put(server, b"x" * 500)
    eventually(lambda: len(blobs(server)) == 3)


def test_list_parameters(server):
    for query, param in (("limit=0", "limit"), ("limit=10001", "limit"), ("order=up", "order"), ("x=1", "x")):
        answer = server.get(f"/v1/files?{query}")
        assert (answer.status, answer.error["param"]) == (400, param)
    assert server.get("/v1/files?after=file-0").status == 404


# --- who may see what ---


def test_other_projects(engine, servers):
    server = servers(engine)
    mine, _ = make_key(server, "mine", "one")
    other, _ = make_key(server, "other", "two")
    made = put(server, key=mine)
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/content")):
        answer = server.request(method, f"/v1/files/{made['id']}{path}", key=other)
        assert (answer.status, answer.error["message"]) == (404, f"No such File object: {made['id']}")
        assert server.request(method, f"/v1/files/{made['id']}{path}", key="sk-wrong").status == 401
    assert server.get("/v1/files", key=other).json["data"] == []
    assert server.get(f"/v1/files?after={made['id']}", key=other).status == 404
    assert send(server, form(part("purpose", "vision"), part("file", "x", "a")), key="sk-wrong").status == 401
    assert server.get(f"/v1/files/{made['id']}/content", key=mine).body == b"hello"


def test_refused_before_its_body(engine, servers):
    """Without a key the body is never asked for."""
    server = servers(engine)
    make_key(server, "k")
    with socket.create_connection((server.host, server.port), timeout=PATIENCE) as s:
        s.sendall(f"POST /v1/files HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: {TYPE}\r\nContent-Length: 100000000\r\n"
                  "Expect: 100-continue\r\n\r\n".encode())
        assert s.recv(100).startswith(b"HTTP/1.1 401 ")


# --- memory, leaving, dying ---


def rss_kb(server):
    with open(f"/proc/{server.process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def test_a_large_file_is_not_held(engine, servers):
    """Neither on its way in nor out."""
    # Freed memory that a sanitizer holds back would look like a leak.
    server = servers(engine, env={"ASAN_OPTIONS": "detect_leaks=1:exitcode=99:quarantine_size_mb=1"})
    put(server)
    before, size = rss_kb(server), 100 << 20
    head = part("purpose", "user_data") + part("file", b"", "big")[:-2]

    def pieces():
        yield head
        for _ in range(size >> 20):
            yield b"z" * (1 << 20)
        yield b"\r\n--xx--\r\n"

    connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
    connection.request("POST", "/v1/files", pieces(), {"Content-Type": TYPE, "Content-Length": str(len(head) + size + 10)})
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200, body
    connection.close()
    file_id = body.split(b'"id":"')[1].split(b'"')[0].decode()
    connection, response = server.open("GET", f"/v1/files/{file_id}/content")
    n = 0
    while piece := response.read(1 << 20):
        n += len(piece)
        assert piece == b"z" * len(piece)
    connection.close()
    assert n == size
    assert rss_kb(server) - before < 30000


def test_leaving_leaves_nothing(server):
    for n in (10, 1000, 300000, 700000):
        with socket.create_connection((server.host, server.port), timeout=PATIENCE) as s:
            body = form(part("purpose", "vision"), part("file", b"x" * 800000, "a"))
            s.sendall(f"POST /v1/files HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: {TYPE}\r\n"
                      f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:n])
    eventually(lambda: blobs(server) == [])
    made = put(server, os.urandom(4 << 20))
    connection, response = server.open("GET", f"/v1/files/{made['id']}/content")
    response.read(1000)
    connection.close()
    assert server.get("/v1/files").json["data"] == [made]


def test_deleting_removes_the_bytes(server):
    made = put(server)
    assert len(blobs(server)) == 1
    server.delete(f"/v1/files/{made['id']}")
    eventually(lambda: blobs(server) == [])


def test_expired_files_go(engine, servers):
    server = servers(engine, args=["--set", "store.sweep_seconds=1"])
    made, stays = put(server), put(server)
    server.stop()
    rows_of(server.data, "UPDATE file SET expires_at = 1 WHERE key = (SELECT min(key) FROM file)")
    server.start()
    assert server.get(f"/v1/files/{made['id']}").status == 404
    eventually(lambda: len(blobs(server)) == 1)
    assert [f["id"] for f in server.get("/v1/files").json["data"]] == [stays["id"]]


def killed_under_load(server, threads, load, enough, table):
    """load(seed, k) for k = 1, 2, ... on so many threads; enough() of that, then kill -9. Started again, the bytes are those of the table's rows."""
    dying = threading.Event()

    def run(seed):
        try:
            for k in itertools.count(1):
                load(seed, k)
        except (OSError, http.client.HTTPException, RuntimeError, AssertionError, KeyError):
            assert dying.is_set() or not server.alive()

    running = [threading.Thread(target=run, args=(i,)) for i in range(threads)]
    for t in running:
        t.start()
    eventually(enough)
    dying.set()
    server.kill()
    for t in running:
        t.join(PATIENCE)
    keys = {f"{k:016x}" for (k,) in rows_of(server.data, f"SELECT key FROM {table}")}
    assert STORE != "sqlite" or rows_of(server.data, "PRAGMA integrity_check") == [("ok",)]
    server.start()
    assert set(blobs(server)) == keys


def test_kill(engine):
    """An acknowledged file is whole; one that was not acknowledged is whole or absent, and leaves no bytes behind."""
    server = Server(engine)
    try:
        for round in range(4):
            acknowledged, deleted, mine = {}, set(), [[] for _ in range(4)]

            def load(seed, k):
                data = hashlib.sha256(f"{round} {seed} {k}".encode()).digest() * (1 + 3000 * (k % 5))
                mine[seed].append(put(server, data)["id"])
                acknowledged[mine[seed][-1]] = data
                if k % 4 == 0:
                    gone = mine[seed].pop()
                    deleted.add(gone)
                    assert server.delete(f"/v1/files/{gone}").status == 200

            killed_under_load(server, 4, load, lambda: len(acknowledged) > 20, "file")
            listed = {f["id"]: f for f in server.get("/v1/files").json["data"]}
            for file_id, data in acknowledged.items():
                if file_id not in deleted:
                    assert server.get(f"/v1/files/{file_id}/content").body == data
            for file_id, f in listed.items():
                assert len(server.get(f"/v1/files/{file_id}/content").body) == f["bytes"]
                if round < 3:
                    server.delete(f"/v1/files/{file_id}")
        server.stop()
    finally:
        server.erase()
