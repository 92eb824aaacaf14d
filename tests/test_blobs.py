"""Files' bytes in an S3 store and in a shared folder: what is kept where, what a store that fails does, what a crash leaves."""
import base64
import glob
import hashlib
import os
import signal
import socket
import subprocess

import pytest

import s3_server
from harness import BINARY, PATIENCE, command, environment, eventually
from test_files import TYPE, form, part

PART = 5 << 20
SMALL = ["--set", f"blobs.part_bytes={PART}"]
SOON = ["grace_seconds=1", "look_seconds=1"]


@pytest.fixture(scope="session")
def stores():
    made = {}

    def get(kind):
        if kind not in made:
            made[kind] = s3_server.Store(kind)
        return made[kind]

    yield get
    for store in made.values():
        store.close()


@pytest.fixture(params=["rclone", "weed"])
def each_store(request, stores):
    return stores(request.param)


@pytest.fixture
def store(stores):
    return stores("weed")


@pytest.fixture
def bucket(request):
    return "b" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20]


@pytest.fixture
def before(store):
    f = s3_server.Front(store)
    yield f
    f.close()


@pytest.fixture
def start(servers, engine):
    def start(url, bucket, *more, data=None, args=()):
        return servers(engine, args=s3_server.settings(url, bucket, *more) + list(args), data=data, env=s3_server.ENV)

    return start


def put(server, data, name="a.bin"):
    answer = server.post("/v1/files", form(part("purpose", "user_data"), part("file", data, name)), headers={"Content-Type": TYPE})
    return answer.json["id"] if answer.status == 200 else answer


def content(server, id):
    return server.get(f"/v1/files/{id}/content")


def near(data):
    return [f for f in glob.glob(data + "/files/*") if os.path.isfile(f)]


def turn(server):
    return server.post("/v1/responses", {"model": "scripted", "input": "hi"})


def objects(store, bucket):
    return store.objects(bucket, "antiphon/") - {"owner"}


# --- what is kept where ---


def test_files_are_objects(each_store, bucket, start):
    store = each_store
    store.make(bucket)
    server = start(store.url, bucket, args=SMALL)
    texts = [b"", b"hello", os.urandom(PART), os.urandom(2 * PART + 12345)]
    ids = [put(server, text) for text in texts]
    assert len(objects(store, bucket)) == 4 and not near(server.data) and not store.uploads(bucket)
    for id, text in zip(ids, texts):
        answer = content(server, id)
        assert answer.status == 200 and answer.body == text
    for _ in range(2):  # and again from the cache, and without one
        server.stop()
        server = start(store.url, bucket, "cache_bytes=0", data=server.data, args=SMALL)
        assert all(content(server, id).body == text for id, text in zip(ids, texts))
    for id in ids[1:]:
        assert server.delete(f"/v1/files/{id}").status == 200
    eventually(lambda: len(objects(store, bucket)) == 1, what="the end of three objects")


def test_uploads(each_store, bucket, start):
    each_store.make(bucket)
    server = start(each_store.url, bucket, args=SMALL)
    pieces = [os.urandom(PART + 7), b"x", os.urandom(3 << 20)]
    total = sum(map(len, pieces))
    upload = server.post("/v1/uploads", {"bytes": total, "filename": "f.jsonl", "mime_type": "application/jsonl", "purpose": "user_data"}).json
    parts = [server.post(f"/v1/uploads/{upload['id']}/parts", form(part("data", p, "p")), headers={"Content-Type": TYPE}).json["id"] for p in pieces]
    done = server.post(f"/v1/uploads/{upload['id']}/complete", {"part_ids": parts})
    assert done.status == 200, done
    assert content(server, done.json["file"]["id"]).body == b"".join(pieces)
    eventually(lambda: len(objects(each_store, bucket)) == 1, what="the end of the parts")


def test_the_cache_serves_without_the_store(store, before, bucket, start):
    store.make(bucket)
    server = start(before.url, bucket, "tries=1")
    text = os.urandom(100000)
    id = put(server, text)
    before.fault = lambda *a: (503, "SlowDown")
    assert content(server, id).body == text
    server.stop()  # a new process begins with an empty one
    before.fault = None
    server = start(before.url, bucket, "tries=1", "cache_bytes=150000", data=server.data)
    assert content(server, id).body == text
    before.seen.clear()
    assert content(server, id).body == text and not before.seen
    other = put(server, os.urandom(100000))  # there is room for one
    assert content(server, other).status == 200
    assert content(server, id).body == text and ("GET" in {m for m, _ in before.seen})
    assert sum(os.path.getsize(f) for f in glob.glob(server.data + "/files-cache/*")) <= 150000


# --- a store that fails ---


def test_what_passes_is_tried_again(store, before, bucket, start):
    store.make(bucket)
    server = start(before.url, bucket, args=SMALL)
    failed = {}

    def twice(what):
        def fault(method, path, headers, body):
            failed[(method, path)] = failed.get((method, path), 0) + 1
            return what if failed[(method, path)] <= 2 else None

        return fault

    text = os.urandom(PART + 100)
    for what in ((503, "SlowDown"), (500, "InternalError"), "reset"):
        before.fault = twice(what)
        failed.clear()
        id = put(server, text)
        assert isinstance(id, str), id
        server.stop()
        server = start(before.url, bucket, data=server.data, args=SMALL)
        assert content(server, id).body == text and len(failed) >= 4


def test_away(store, before, bucket, start):
    store.make(bucket)
    server = start(before.url, bucket, "tries=2", args=SMALL)
    kept = put(server, b"kept")
    server.stop()
    server = start(before.url, bucket, "tries=2", data=server.data, args=SMALL)
    for what in ((503, "SlowDown"), (403, "AccessDenied"), (404, "NoSuchBucket"), (403, "RequestTimeTooSkewed"), "reset"):
        before.fault = lambda *a: what
        for answer in (put(server, b"x"), put(server, os.urandom(PART + 1)), content(server, kept)):
            assert answer.status == 503 and answer.error["code"] == "server_is_overloaded", answer
            assert "bucket" not in answer.error["message"] and "retry" in answer.error["message"]
        assert turn(server).status == 200  # what needs no file goes on
    assert [f["id"] for f in server.get("/v1/files").json["data"]] == [kept]
    before.fault = lambda *a: (507, "XMinioStorageFull")
    assert put(server, b"x").status == 507
    before.fault = None
    assert content(server, kept).body == b"kept" and isinstance(put(server, b"again"), str)
    assert "clock" in server.stderr() or "blobs.bucket" in server.stderr() or "asked for too much" in server.stderr()
    assert s3_server.SECRET not in server.stderr()


def test_a_part_that_never_arrives(store, before, bucket, start):
    store.make(bucket)
    server = start(before.url, bucket, "tries=3", args=SMALL)
    sent = []
    before.fault = lambda method, path, *a: sent.append(path) or (500, "InternalError") if "partNumber=2" in path else None
    answer = put(server, os.urandom(3 * PART))
    assert answer.status == 503 and len(sent) == 3
    eventually(lambda: not store.uploads(bucket), what="the end of the upload")
    assert not objects(store, bucket) and server.get("/v1/files").json["data"] == []


def test_a_client_that_leaves(store, bucket, start):
    store.make(bucket)
    server = start(store.url, bucket, args=SMALL)
    s = socket.create_connection((server.host, server.port))
    s.sendall(f"POST /v1/files HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: {TYPE}\r\nContent-Length: {4 * PART}\r\n\r\n".encode())
    s.sendall(part("purpose", "user_data") + b'--xx\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + os.urandom(PART + PART // 2))
    eventually(lambda: store.uploads(bucket), what="an upload in parts")
    s.close()
    eventually(lambda: not store.uploads(bucket), what="the end of the upload")
    assert not objects(store, bucket)


def test_changed_bytes_are_not_answered(store, before, bucket, start):
    store.make(bucket)
    server = start(before.url, bucket, "cache_bytes=0")
    id = put(server, b"hello world")
    before.fault = lambda method, *a: (lambda data: data[:-1] + b"X") if method == "GET" else None
    answer = content(server, id)
    assert answer.status == 500 and b"worlX" not in answer.body
    before.fault = lambda method, *a: (lambda data: data[:-1]) if method == "GET" else None
    answer = content(server, id)
    assert answer.status == 503
    before.fault = None
    assert content(server, id).body == b"hello world"


# --- starts ---


def refused(store, bucket, *more, env=None, url=None):
    """What `antiphon serve` says that does not start."""
    home = os.path.join(store.home, "refused")
    os.makedirs(home, exist_ok=True)
    done = subprocess.run([BINARY, "serve", "--listen", "127.0.0.1:0", "--data", home + "/data", "--engine", "http://127.0.0.1:9",
                           *s3_server.settings(url or store.url, bucket, "tries=1", *more)], capture_output=True, text=True, timeout=PATIENCE,
                          env=environment(home, s3_server.ENV | (env or {})))
    assert done.returncode == 1, done
    assert s3_server.SECRET not in done.stderr
    return done.stderr


def test_a_start_that_is_refused(each_store, bucket):
    each_store.make(bucket)
    assert "blobs.bucket" in refused(each_store, "nosuchbucket")
    assert "AWS_SECRET_ACCESS_KEY" in refused(each_store, bucket, env={"AWS_SECRET_ACCESS_KEY": "other"})
    assert "blobs.credentials_file" in refused(each_store, bucket, "credentials_file=/nowhere")
    assert "blobs.url" in refused(each_store, bucket, url="http://127.0.0.1:1/path")
    each_store.put(bucket, "antiphon/owner", b"somebody else")
    assert "another store's" in refused(each_store, bucket)


def test_a_clock_that_is_wrong(store, before, bucket):
    store.make(bucket)
    before.fault = lambda *a: (403, "RequestTimeTooSkewed")
    assert "clock" in refused(store, bucket, url=before.url)


def test_a_start_without_the_store(store, before, bucket, start):
    """It may come later; what needs none is served."""
    store.make(bucket)
    before.fault = lambda *a: (503, "SlowDown")
    server = start(before.url, bucket, "tries=1", *SOON)
    assert turn(server).status == 200 and put(server, b"x").status == 503
    before.fault = None
    id = put(server, b"x")
    assert content(server, id).body == b"x"
    eventually(lambda: "owner" in store.objects(bucket, "antiphon/"), what="its mark")


def test_check(stores, bucket, start):
    store = stores("rclone")  # SeaweedFS makes a bucket that is missing
    store.make(bucket)
    server = start(store.url, bucket)
    args = s3_server.settings(store.url, bucket, "tries=1")
    done = command("check", "--data", server.data, *args, home=server.home, env=s3_server.ENV)
    assert "ok    files" in done.stdout, done.stdout
    args = s3_server.settings(store.url, "nosuchbucket", "tries=1")
    done = command("check", "--data", server.data, *args, home=server.home, env=s3_server.ENV)
    assert "BAD   files" in done.stdout and "blobs.bucket" in done.stdout and done.returncode == 1


# --- what a crash leaves ---


def test_what_no_row_knows_goes_when_it_is_old(each_store, bucket, start):
    store = each_store
    store.make(bucket)
    server = start(store.url, bucket)
    id = put(server, b"known")
    known = objects(store, bucket)
    server.stop()
    orphans = {f"{i:016x}" for i in range(1, 6)}
    for name in orphans | {"README", "0001"}:
        store.put(bucket, "antiphon/" + name, b"lost")
    store.put(bucket, f"other/{9:016x}", b"not ours")
    assert store.ask("POST", f"/{bucket}/antiphon/{7:016x}", [("uploads", "")])[0] == 200
    server = start(store.url, bucket, data=server.data)  # they may be a row's soon
    assert objects(store, bucket) == known | orphans | {"README", "0001"} and store.uploads(bucket)
    server.stop()
    server = start(store.url, bucket, *SOON, data=server.data)
    eventually(lambda: objects(store, bucket) == known | {"README", "0001"} and not store.uploads(bucket), what="the end of what no row knows")
    assert store.objects(bucket, "other/") == {f"{9:016x}"} and content(server, id).body == b"known"


def killed(server):
    os.killpg(server.process.pid, signal.SIGKILL)


def test_killed_between_bytes_and_row(store, before, bucket, start):
    store.make(bucket)
    server = start(before.url, bucket)

    def fault(method, path, headers, body):
        return (lambda data: killed(server) or data) if method == "PUT" and "/antiphon/3" in path else None

    before.fault = fault
    with pytest.raises(OSError):
        put(server, b"bytes without a row")
    server.kill()
    before.fault = None
    assert len(objects(store, bucket)) == 1
    server = start(before.url, bucket, *SOON, data=server.data)
    assert server.get("/v1/files").json["data"] == []
    eventually(lambda: not objects(store, bucket), what="the end of what no row knows")


def test_killed_between_the_rows_end_and_the_bytes(store, before, bucket, start):
    store.make(bucket)
    server = start(before.url, bucket)
    id, kept = put(server, b"deleted"), put(server, b"kept")

    def fault(method, *a):
        if method == "DELETE":
            killed(server)
            return "reset"

    before.fault = fault
    try:
        server.delete(f"/v1/files/{id}")
    except OSError:
        pass  # its answer may have been on its way
    eventually(lambda: not server.alive(), what="its death")
    server.kill()
    before.fault = None
    assert len(objects(store, bucket)) == 2
    server = start(before.url, bucket, *SOON, data=server.data)
    eventually(lambda: len(objects(store, bucket)) == 1, what="the end of the deleted object")
    assert content(server, id).status == 404 and content(server, kept).body == b"kept"


# --- a shared folder ---


def shared(folder, *more):
    args = ["--set", "blobs.place=shared", "--set", f"blobs.dir={folder}"]
    for one in more:
        args += ["--set", "blobs." + one]
    return args


def test_shared_folder(servers, engine, tmp_path):
    folder = tmp_path / "common"
    folder.mkdir()
    server = servers(engine, args=shared(folder))
    id = put(server, b"hello")
    known = {f.name for f in folder.iterdir()}
    assert len(known) == 2 and "owner" in known and not near(server.data)
    server.stop()
    for name in (f"{5:016x}", f"new-{6:016x}", "README"):
        (folder / name).write_bytes(b"lost")
    server = servers(engine, args=shared(folder), data=server.data)
    assert {f.name for f in folder.iterdir()} == known | {f"{5:016x}", f"new-{6:016x}", "README"}  # they may be another node's
    server.stop()
    server = servers(engine, args=shared(folder, *SOON), data=server.data)
    eventually(lambda: {f.name for f in folder.iterdir()} == known | {"README"}, what="the end of what no row knows")
    assert content(server, id).body == b"hello"
    other = subprocess.run([BINARY, "serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "other"), "--engine", "http://127.0.0.1:9",
                            *shared(folder)], capture_output=True, text=True, timeout=PATIENCE, env=environment(str(tmp_path)))
    assert other.returncode == 1 and "another store's" in other.stderr
    assert server.delete(f"/v1/files/{id}").status == 200
    eventually(lambda: {f.name for f in folder.iterdir()} == {"owner", "README"}, what="the end of its bytes")


# --- from one place to another ---


def test_move(store, before, bucket, servers, engine, start):
    store.make(bucket)
    server = servers(engine)
    texts = [os.urandom(n) for n in (0, 10, PART + 5)]
    ids = [put(server, text) for text in texts]
    server.stop()
    away = s3_server.settings(before.url, bucket, "tries=1") + SMALL
    move = ["blobs", "move", "--data", server.data]
    refusal = subprocess.run([*server.command, *away], capture_output=True, text=True, timeout=PATIENCE,
                             env=environment(server.home, s3_server.ENV))
    assert refusal.returncode == 1 and "antiphon blobs move --from folder" in refusal.stderr
    sent = []
    before.fault = lambda method, path, *a: (500, "InternalError") if method == "PUT" and "/antiphon/3" in path and sent.append(path) is None and len(sent) > 1 else None
    cut = command(*move, "--from", "folder", *away, home=server.home, env=s3_server.ENV)
    assert cut.returncode == 1 and len(near(server.data)) == 3  # nothing is removed before all is there
    before.fault = None
    done = command(*move, "--from", "folder", *away, home=server.home, env=s3_server.ENV)
    assert done.returncode == 0 and "there already" in done.stdout, done
    assert len(objects(store, bucket)) == 3 and not near(server.data)
    again = command(*move, "--from", "folder", *away, home=server.home, env=s3_server.ENV)
    assert again.returncode == 0 and "0 files" in again.stdout and "3 were there" in again.stdout
    server = start(store.url, bucket, data=server.data)
    assert [content(server, id).body for id in ids] == texts
    backup = os.path.join(server.home, "copy")
    done = command("backup", backup, "--data", server.data, *s3_server.settings(store.url, bucket), home=server.home, env=s3_server.ENV)
    assert done.returncode == 0 and "3 files" in done.stderr and "not in the copy" in done.stderr, done
    with open(backup + "/files-elsewhere.txt") as f:
        assert {line.split()[0] for line in f} == objects(store, bucket)
    server.stop()
    back = s3_server.settings(store.url, bucket) + ["--set", "blobs.place=folder"]
    done = command(*move, "--from", "s3", *back, home=server.home, env=s3_server.ENV)
    assert done.returncode == 0 and not objects(store, bucket), done
    server = servers(engine, data=server.data)
    assert [content(server, id).body for id in ids] == texts


def test_pictures_of_items_move_with_what_loops_read(store, bucket, servers, engine, start, tmp_path):
    store.make(bucket)
    picture = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + os.urandom(90000)).decode()
    server = servers(engine)
    made = server.post("/v1/conversations", {"items": [{"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": picture}]}]})
    assert made.status == 200, made
    items = f"/v1/conversations/{made.json['id']}/items?include[]=message.input_image.image_url"

    def there(server):
        return picture.encode() in server.get(items).body

    assert there(server) and len(near(server.data)) == 1
    id = put(server, b"file")
    server.stop()
    folder = tmp_path / "common"
    folder.mkdir()
    move = ["blobs", "move", "--data", server.data]
    assert command(*move, "--from", "folder", *shared(folder), home=server.home).returncode == 0
    assert not near(server.data) and len(list(folder.iterdir())) == 3
    server = servers(engine, args=shared(folder), data=server.data)
    assert there(server) and content(server, id).body == b"file"
    server.stop()
    away = s3_server.settings(store.url, bucket) + ["--set", f"blobs.dir={folder}"]
    done = command(*move, "--from", "shared", *away, home=server.home, env=s3_server.ENV)
    assert done.returncode == 0, done
    assert len(near(server.data)) == 1 and len(objects(store, bucket)) == 1 and [f.name for f in folder.iterdir()] == ["owner"]
    server = start(store.url, bucket, data=server.data)
    assert there(server) and content(server, id).body == b"file"
