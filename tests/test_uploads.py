"""/v1/uploads: files that come in parts."""
import hashlib
import os
import threading
import time

import openai
import pytest

from harness import eventually, make_key, rows_of
from test_files import blobs, form, part, send


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as c:
        yield c


def begin(server, bytes=6, key=None, **more):
    body = {"filename": "a.txt", "purpose": "assistants", "bytes": bytes, "mime_type": "text/plain", **more}
    answer = server.post("/v1/uploads", body, key=key)
    assert answer.status == 200, answer
    return answer.json


def add(server, upload, data, key=None):
    return send(server, form(part("data", data)), path=f"/v1/uploads/{upload['id']}/parts", key=key)


def complete(server, upload, ids, key=None, **more):
    return server.post(f"/v1/uploads/{upload['id']}/complete", {"part_ids": ids, **more}, key=key)


def cancel(server, upload, key=None):
    return server.request("POST", f"/v1/uploads/{upload['id']}/cancel", key=key)


def test_sdk_chunked(client, server, tmp_path):
    data = os.urandom(1500000)
    path = tmp_path / "big.bin"
    path.write_bytes(data)
    done = client.uploads.upload_file_chunked(file=path, mime_type="application/octet-stream", purpose="assistants",
                                              part_size=400000, md5=hashlib.md5(data).hexdigest())
    assert done.status == "completed" and done.bytes == len(data) and done.filename == "big.bin"
    assert done.file.object == "file" and done.file.bytes == len(data) and done.file.purpose == "assistants"
    assert client.files.content(done.file.id).content == data
    assert client.files.retrieve(done.file.id) == done.file
    eventually(lambda: len(blobs(server)) == 1)  # the parts go


def test_sdk_steps(client):
    upload = client.uploads.create(filename="x/y.md", purpose="batch", bytes=6, mime_type="text/markdown",
                                   expires_after={"anchor": "created_at", "seconds": 4000})
    assert upload.id.startswith("upload_") and upload.status == "pending" and upload.file is None
    assert upload.expires_at == upload.created_at + 3600 and upload.filename == "y.md"
    two = client.uploads.parts.create(upload.id, data=b"def")
    one = client.uploads.parts.create(upload.id, data=b"abc")
    assert two.object == "upload.part" and two.upload_id == upload.id and two.id.startswith("part_")
    done = client.uploads.complete(upload.id, part_ids=[one.id, two.id])
    assert client.files.content(done.file.id).content == b"abcdef"
    assert done.file.expires_at == done.file.created_at + 4000
    again = client.uploads.complete(upload.id, part_ids=[one.id, two.id])  # as a retry would
    assert again == done
    other = client.uploads.create(filename="y", purpose="vision", bytes=1, mime_type="image/png")
    assert client.uploads.cancel(other.id).status == "cancelled"
    assert client.uploads.cancel(other.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError):
        client.uploads.complete(other.id, part_ids=["part_1"])


def test_order_and_choice(server):
    """Parts may be unused; their order is that of the list."""
    upload = begin(server)
    ids = {c: add(server, upload, c * 3).json["id"] for c in "abc"}
    done = complete(server, upload, [ids["c"], ids["a"]])
    assert done.status == 200 and server.get(f"/v1/files/{done.json['file']['id']}/content").body == b"cccaaa"


def test_refused(server):
    for body, param in (({"filename": "a", "bytes": 1, "mime_type": "x"}, "purpose"),
                        ({"filename": "a", "bytes": 1, "mime_type": "x", "purpose": "no"}, "purpose"),
                        ({"filename": "..", "bytes": 1, "mime_type": "x", "purpose": "vision"}, "filename"),
                        ({"filename": "a", "bytes": 1 << 40, "mime_type": "x", "purpose": "vision"}, "bytes"),
                        ({"filename": "a", "bytes": 0, "mime_type": "x", "purpose": "vision"}, "bytes")):
        answer = server.post("/v1/uploads", body)
        assert (answer.status, answer.error["param"]) == (400, param), answer
    upload, other = begin(server), begin(server)
    good = add(server, upload, "abcdef").json["id"]
    foreign = add(server, other, "abcdef").json["id"]
    for ids, param in (([], "part_ids"), (["x"], "part_ids"), ([good, good], "part_ids"), ([foreign], "part_ids"),
                       ([1], "part_ids[0]")):
        answer = complete(server, upload, ids)
        assert (answer.status, answer.error["param"]) == (400, param), answer
    short = add(server, upload, "abc").json["id"]
    answer = complete(server, upload, [short])
    assert answer.status == 400 and "announced with 6 bytes, but these parts have 3" in answer.error["message"], answer
    answer = complete(server, upload, [good], md5="0" * 32)
    assert (answer.status, answer.error["param"]) == (400, "md5"), answer
    assert complete(server, upload, [good], md5="x").error["param"] == "md5"
    assert add(server, upload, "abcd").status == 400  # 13 of twice 6 bytes
    answer = send(server, form(part("file", "x")), path=f"/v1/uploads/{upload['id']}/parts")
    assert (answer.status, answer.error["code"]) == (400, "unknown_parameter")
    done = complete(server, upload, [good], md5=hashlib.md5(b"abcdef").hexdigest().upper())
    assert done.status == 200
    assert add(server, upload, "a").status == 400 and cancel(server, upload).status == 400
    for call in (lambda: add(server, {"id": "upload_1"}, "a"), lambda: complete(server, {"id": "upload_1"}, ["x"]),
                 lambda: cancel(server, {"id": "upload_1"})):
        answer = call()
        assert (answer.status, answer.error["message"]) == (404, "No such Upload object: upload_1")


def test_bounds(engine, servers):
    server = servers(engine, args=["--set", "api.upload_part_bytes=10", "--set", "store.upload_parts=2",
                                   "--set", "store.project_bytes=20", "--set", "api.upload_bytes=15"])
    upload = begin(server, bytes=15)
    assert add(server, upload, "x" * 11).status == 413
    answer = server.post("/v1/uploads", {"filename": "a", "bytes": 6, "mime_type": "x", "purpose": "vision"})
    assert (answer.status, answer.error["code"]) == (400, "storage_limit_exceeded")  # what is announced counts
    assert add(server, upload, "x").status == 200 and add(server, upload, "x").status == 200
    assert add(server, upload, "x").status == 400
    assert cancel(server, upload).json["status"] == "cancelled"
    begin(server, bytes=15)
    eventually(lambda: blobs(server) == [])


def test_other_projects(engine, servers):
    server = servers(engine)
    mine, _ = make_key(server, "mine", "one")
    other, _ = make_key(server, "other", "two")
    upload = begin(server, key=mine)
    ids = [add(server, upload, "abcdef", key=mine).json["id"]]
    for call in (lambda: add(server, upload, "a", key=other), lambda: complete(server, upload, ids, key=other),
                 lambda: cancel(server, upload, key=other)):
        assert call().status == 404
    assert complete(server, upload, ids, key=mine).status == 200


def test_expiry(engine, servers):
    server = servers(engine, args=["--set", "store.sweep_seconds=1"])
    upload = begin(server)
    ids = [add(server, upload, "abcdef").json["id"]]
    server.stop()
    rows_of(server.data, "UPDATE upload SET expires_at = ?", (int(time.time()) - 5,))
    server.start()
    eventually(lambda: blobs(server) == [])
    answer = complete(server, upload, ids)
    assert answer.status == 400 and answer.error["message"] == "The upload is expired.", answer
    assert add(server, upload, "a").status == 400


def test_completed_at_once_by_many(server):
    """Two that complete one upload make one file."""
    upload = begin(server)
    ids = [add(server, upload, "abcdef").json["id"]]
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(complete(server, upload, ids))) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    files = {a.json["file"]["id"] for a in answers if a.status == 200}
    assert len(files) == 1 and all(a.status in (200, 400) for a in answers)
    assert len(server.get("/v1/files").json["data"]) == 1
    eventually(lambda: len(blobs(server)) == 1)


def test_kill_while_it_waits(engine, servers):
    """Parts outlive a crash, and an upload goes on after it."""
    server = servers(engine)
    upload = begin(server)
    ids = [add(server, upload, "abc").json["id"]]
    server.kill()
    server.start()
    ids.append(add(server, upload, "def").json["id"])
    done = complete(server, upload, ids).json
    server.kill()
    server.start()
    assert server.get(f"/v1/files/{done['file']['id']}/content").body == b"abcdef"
    eventually(lambda: len(blobs(server)) == 1)
