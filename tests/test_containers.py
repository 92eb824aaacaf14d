"""/v1/containers: the official SDK, recorded shapes, files in and out, expiry, two projects, what a kill -9 leaves."""
import glob
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from engine_script import call, say
from harness import eventually, make_key, rows_of
from test_files import TYPE, form, part


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as c:
        yield c


def settings(**rows):
    return [arg for name, value in rows.items() for arg in ("--set", f"containers.{name}={value}")]


def folders(server):
    return sorted(n for n in os.listdir(os.path.join(server.data, "boxes")))


def test_recorded_shapes(server):
    made = server.post("/v1/containers", {"name": "x", "expires_after": {"anchor": "last_active_at", "minutes": 20},
                                          "memory_limit": "1g", "network_policy": {"type": "disabled"}}).json
    assert list(made) == ["id", "object", "created_at", "status", "expires_after", "last_active_at", "memory_limit", "name",
                          "network_policy"]
    assert re.fullmatch("cntr_[0-9a-f]{40}", made["id"]) and made["status"] == "running" and made["object"] == "container"
    assert made["expires_after"] == {"anchor": "last_active_at", "minutes": 20} and made["memory_limit"] == "1g"
    assert made["network_policy"] == {"type": "disabled"} and made["last_active_at"] == made["created_at"]
    least = server.post("/v1/containers", {"name": "y"}).json
    assert {**least, "id": 0, "created_at": 0, "last_active_at": 0, "name": "x"} == \
        {**made, "id": 0, "created_at": 0, "last_active_at": 0}
    page = server.get("/v1/containers?limit=1").json
    assert list(page) == ["object", "data", "first_id", "has_more", "last_id"]
    assert [c["name"] for c in page["data"]] == ["y"] and page["has_more"] and page["first_id"] == least["id"]
    page = server.get(f"/v1/containers?order=asc&after={made['id']}").json
    assert [c["name"] for c in page["data"]] == ["y"] and not page["has_more"]
    assert [c["name"] for c in server.get("/v1/containers?name=x").json["data"]] == ["x"]
    empty = server.get("/v1/containers?name=nobody").json
    assert empty == {"object": "list", "data": [], "first_id": None, "has_more": False, "last_id": None}
    assert server.get(f"/v1/containers/{made['id']}").json["id"] == made["id"]
    gone = server.request("DELETE", f"/v1/containers/{made['id']}").json
    assert gone == {"id": made["id"], "object": "container.deleted", "deleted": True}
    answer = server.get(f"/v1/containers/{made['id']}")
    assert answer.status == 404 and answer.json["error"]["message"] == f"Container with id '{made['id']}' not found."


REFUSED = [({}, "missing_required_parameter", "name"), ({"name": ""}, "empty_string", "name"),
           ({"name": 1}, "invalid_type", "name"), ({"name": "x", "nam": 1}, "unknown_parameter", "nam"),
           ({"name": "x", "memory_limit": "2g"}, "invalid_value", "memory_limit"),
           ({"name": "x", "memory_limit": "64g"}, "unsupported_value", "memory_limit"),
           ({"name": "x", "expires_after": {"anchor": "created_at", "minutes": 1}}, "invalid_value", "expires_after.anchor"),
           ({"name": "x", "expires_after": {"anchor": "last_active_at"}}, "missing_required_parameter", "expires_after.minutes"),
           ({"name": "x", "expires_after": {"anchor": "last_active_at", "minutes": 1441}}, "integer_above_max_value",
            "expires_after.minutes"),
           ({"name": "x", "expires_after": {"anchor": "last_active_at", "minutes": 0}}, "integer_below_min_value",
            "expires_after.minutes"),
           ({"name": "x", "network_policy": {"type": "allowlist", "allowed_domains": ["a.example"]}}, "unsupported_value",
            "network_policy"),
           ({"name": "x", "network_policy": {"type": "allowlist"}}, "missing_required_parameter",
            "network_policy.allowed_domains"),
           ({"name": "x", "network_policy": {"type": "open"}}, "invalid_value", "network_policy"),
           ({"name": "x", "file_ids": ["file-1"] * 51}, "array_above_max_length", "file_ids")]


@pytest.mark.parametrize("body,code,param", REFUSED, ids=[f"{i}-{r[1]}" for i, r in enumerate(REFUSED)])
def test_refused(server, body, code, param):
    answer = server.post("/v1/containers", body)
    assert answer.status == 400 and (answer.json["error"]["code"], answer.json["error"]["param"]) == (code, param)
    assert server.get("/v1/containers").json["data"] == []


def test_files(client, server):
    c = client.containers.create(name="files")
    one = client.containers.files.create(c.id, file=("data.txt", b"forty-two\n"))
    assert re.fullmatch("cfile_[0-9a-f]{40}", one.id) and one.object == "container.file" and one.bytes == 10
    assert re.fullmatch("/mnt/data/[0-9a-f]{32}-data.txt", one.path) and one.source == "user" and one.container_id == c.id
    stored = client.files.create(file=("über.csv", b"a,b\n1,2\n"), purpose="user_data")
    two = client.containers.files.create(c.id, file_id=stored.id)
    assert two.path == f"/mnt/data/{stored.id}-über.csv" and two.bytes == 8
    assert client.containers.files.create(c.id, file_id=stored.id).id == two.id  # it is there already
    assert [f.id for f in client.containers.files.list(c.id)] == [two.id, one.id]
    assert [f.id for f in client.containers.files.list(c.id, limit=1, order="asc")] == [one.id, two.id]
    assert client.containers.files.retrieve(one.id, container_id=c.id).to_dict() == one.to_dict()
    content = client.containers.files.content.retrieve(one.id, container_id=c.id)
    assert content.read() == b"forty-two\n" and content.response.headers["content-type"] == "text/plain; charset=utf-8"
    name = os.path.basename(one.path)
    assert content.response.headers["content-disposition"] == f"attachment; filename=\"file.txt\"; filename*=UTF-8''{name}"
    content = client.containers.files.content.retrieve(two.id, container_id=c.id)
    assert content.read() == b"a,b\n1,2\n" and content.response.headers["content-type"] == "text/csv; charset=utf-8"
    assert "%C3%BCber.csv" in content.response.headers["content-disposition"]
    for name, plain in (("x.tar.gz", "file.gz"), ("none", "file"), ("x.", "file"), ("x.a'b", "file"), ("x." + "y" * 17, "file")):
        other = client.containers.files.create(c.id, file=(name, b"x"))
        content = client.containers.files.content.retrieve(other.id, container_id=c.id)
        assert f'filename="{plain}"' in content.response.headers["content-disposition"], name
        client.containers.files.delete(other.id, container_id=c.id)
    gone = server.request("DELETE", f"/v1/containers/{c.id}/files/{one.id}").json
    assert gone == {"id": one.id, "object": "container.file.deleted", "deleted": True}
    with pytest.raises(openai.NotFoundError) as e:
        client.containers.files.retrieve(one.id, container_id=c.id)
    assert f"File {one.id} not found on container {c.id}." in str(e.value)
    (folder,) = folders(server)
    assert os.listdir(os.path.join(server.data, "boxes", folder)) == [os.path.basename(two.path)]
    assert os.stat(os.path.join(server.data, "boxes", folder)).st_mode & 0o777 == 0o700
    client.containers.delete(c.id)
    eventually(lambda: not folders(server))


def test_files_refused(client, server):
    c = client.containers.create(name="c")
    other = client.containers.create(name="other")
    one = client.containers.files.create(c.id, file=("a", b"a"))
    for path in (f"/v1/containers/{other.id}/files/{one.id}", f"/v1/containers/{other.id}/files/{one.id}/content"):
        assert server.get(path).json["error"]["message"] == f"File {one.id} not found on container {other.id}."
    answer = server.post(f"/v1/containers/{c.id}/files", {"file_id": "file-nobody"})
    assert answer.status == 404 and answer.json["error"]["message"] == "No such File object: file-nobody"
    answer = server.post(f"/v1/containers/{c.id}/files", {})
    assert answer.status == 400 and answer.json["error"]["param"] == "file_id"
    answer = server.post("/v1/containers", {"name": "x", "file_ids": ["file-nobody"]})
    assert answer.status == 404 and "file-nobody" in answer.json["error"]["message"]
    with pytest.raises(openai.BadRequestError):
        server_form(client, c.id, {"other": ("a", b"a")})
    with pytest.raises(openai.NotFoundError):
        client.containers.files.create("cntr_" + "0" * 40, file=("a", b"a"))
    answer = server.request("POST", f"/v1/containers/{c.id}/files", body=b"x", headers={"content-type": "text/plain"})
    assert answer.status == 415
    assert [f.id for f in client.containers.files.list(c.id)] == [one.id] and len(list(client.containers.list())) == 2


def server_form(client, container, files):
    return client.post(f"/containers/{container}/files", cast_to=object, files=files,
                       options={"headers": {"Content-Type": "multipart/form-data"}}, body={})


NAMES = ["../../etc/passwd", "a/b/c.txt", "-rf", "x" * 255, "ü" * 200 + ".png", "a b\"c'.txt", "con\\dir\\y.txt"]


@pytest.mark.parametrize("name", NAMES)
def test_names(client, server, name):
    c = client.containers.create(name="names")
    f = client.containers.files.create(c.id, file=(name, b"12345"))
    assert re.fullmatch("/mnt/data/[0-9a-f]{32}-[^/]+", f.path) and len(os.path.basename(f.path).encode()) <= 255
    assert client.containers.files.content.retrieve(f.id, container_id=c.id).read() == b"12345"
    (folder,) = folders(server)
    assert os.listdir(os.path.join(server.data, "boxes", folder)) == [os.path.basename(f.path)]


def test_limits(engine, servers):
    server = servers(engine, settings(project=2) + ["--set", "session.folder_files=10", "--set", "session.folder_bytes=1048576",
                                                      "--set", "session.file_bytes=1000000"])
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        c = client.containers.create(name="a")
        client.containers.create(name="b")
        with pytest.raises(openai.BadRequestError) as e:
            client.containers.create(name="c")
        assert "containers.project" in str(e.value)
        client.containers.files.create(c.id, file=("a", b"a" * 1000000))
        with pytest.raises(openai.BadRequestError) as e:
            client.containers.files.create(c.id, file=("b", b"a" * 100000))
        assert "session.folder_bytes" in str(e.value)
        with pytest.raises(openai.APIStatusError) as e:
            client.containers.files.create(c.id, file=("b", b"a" * 1000001))
        assert e.value.status_code == 413
        for i in range(9):
            client.containers.files.create(c.id, file=("b", b"b"))
        with pytest.raises(openai.BadRequestError) as e:
            client.containers.files.create(c.id, file=("c", b"c"))
        assert "session.folder_files" in str(e.value)


def test_expiry(engine, servers):
    """What has expired is named so, and its files go; its row stays in the list. The moment is moved in the database."""
    server = servers(engine, settings(sweep_ms=50))
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        c = client.containers.create(name="old", expires_after={"anchor": "last_active_at", "minutes": 1})
        f = client.containers.files.create(c.id, file=("a", b"a"))
        server.stop()
        late(server.data, c.id)
        server.start()
        eventually(lambda: not folders(server))
        client = client.copy(base_url=server.base_url)
        assert client.containers.retrieve(c.id).status == "expired"
        assert [x.status for x in client.containers.list()] == ["expired"]
        for ask in (lambda: client.containers.files.list(c.id), lambda: client.containers.files.create(c.id, file=("b", b"b")),
                    lambda: client.containers.files.content.retrieve(f.id, container_id=c.id)):
            with pytest.raises(openai.BadRequestError) as e:
                ask()
            assert "Container is expired." in str(e.value)
        client.containers.delete(c.id)
        assert list(client.containers.list()) == []


def late(data, _id):
    rows_of(data, "UPDATE container SET active_at = active_at - 3600, expires_at = expires_at - 3600")


def test_two_projects(engine, servers):
    server = servers(engine)
    keys = [make_key(server, name, name)[0] for name in ("one", "two")]
    mine, theirs = (openai.OpenAI(base_url=server.base_url, api_key=k, max_retries=0) for k in keys)
    with mine, theirs:
        c = mine.containers.create(name="mine")
        f = mine.containers.files.create(c.id, file=("a", b"secret"))
        stored = mine.files.create(file=("s", b"secret"), purpose="user_data")
        other = theirs.containers.create(name="theirs")
        for ask in (lambda: theirs.containers.retrieve(c.id), lambda: theirs.containers.files.list(c.id),
                    lambda: theirs.containers.delete(c.id), lambda: theirs.containers.files.retrieve(f.id, container_id=c.id),
                    lambda: theirs.containers.files.content.retrieve(f.id, container_id=c.id),
                    lambda: theirs.containers.files.retrieve(f.id, container_id=other.id),
                    lambda: theirs.containers.files.create(other.id, file_id=stored.id)):
            with pytest.raises(openai.NotFoundError):
                ask()
        assert [x.id for x in theirs.containers.list()] == [other.id]
        assert mine.containers.files.content.retrieve(f.id, container_id=c.id).read() == b"secret"


def test_kill(engine, servers):
    """Durable before visible: after kill -9 what was answered is there, and folders without a row go."""
    server = servers(engine)
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        c = client.containers.create(name="kept")
        f = client.containers.files.create(c.id, file=("a", b"kept"))
        gone = client.containers.create(name="gone")
        client.containers.files.create(gone.id, file=("a", b"gone"))
        client.containers.delete(gone.id)
        server.kill()
        boxes = os.path.join(server.data, "boxes")
        os.makedirs(os.path.join(boxes, "00000000000000ff", "deep", "er"))
        open(os.path.join(boxes, "00000000000000ff", "deep", "x"), "w").close()
        open(os.path.join(boxes, "new-3"), "w").close()
        server.start()
        client = client.copy(base_url=server.base_url)
        assert client.containers.files.content.retrieve(f.id, container_id=c.id).read() == b"kept"
        assert len(folders(server)) == 1 and glob.glob(os.path.join(boxes, "*", "*-a"))


def test_put_while_calls_end(server, engine):
    """What a call's end finds new in the folder may be a file on its way in: it keeps the id that its sender was told."""
    container = server.post("/v1/containers", {"name": "x"}).json["id"]
    tool = {"type": "code_interpreter", "container": container}
    stop, told = threading.Event(), []
    engine.always(lambda request: [say("Done.")] if request.body["messages"][-1]["role"] == "tool" else [call("python", '{"code":"1"}')])

    def compute():
        while not stop.is_set():
            server.create("go", tools=[tool])

    def put(i):
        for _ in range(20):
            told.append(server.post(f"/v1/containers/{container}/files", form(part("file", b"1", f"f{i}")), headers={"Content-Type": TYPE}).json["id"])

    worker = threading.Thread(target=compute)
    worker.start()
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(put, range(3)))
    stop.set()
    worker.join()
    listed = [f["id"] for f in server.get(f"/v1/containers/{container}/files?limit=100").json["data"]]
    assert sorted(listed) == sorted(told)


def test_file_of_a_container_is_kept(client, server):
    """An extension: POST /v1/files takes a container's file; it outlives the container, and counts."""
    c = client.containers.create(name="x")
    made = client.containers.files.create(c.id, file=("report.txt", b"forty-two\n"))
    ask = {"container_id": c.id, "file_id": made.id, "purpose": "user_data"}
    kept = client.post("/files", cast_to=openai.types.FileObject, body=ask)
    named = server.post("/v1/files", {**ask, "filename": "a/b.txt", "expires_after": {"anchor": "created_at", "seconds": 3600}}).json
    assert re.fullmatch("file-[0-9a-f]{40}", kept.id) and kept.bytes == 10 and kept.filename.endswith("-report.txt")
    assert named["filename"] == "b.txt" and named["expires_at"] == named["created_at"] + 3600
    client.containers.delete(c.id)
    server.kill()
    server.start()
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as again:
        assert again.files.content(kept.id).read() == b"forty-two\n"
        assert {f.id for f in again.files.list()} == {kept.id, named["id"]}
    answer = server.post("/v1/files", ask)
    assert answer.status == 404 and answer.error["message"] == f"Container with id '{c.id}' not found."


KEPT_REFUSED = [({"purpose": None}, 400, "purpose"), ({"purpose": "x"}, 400, "purpose"), ({"file_id": "cfile_0"}, 404, None),
                ({"container_id": "cntr_0"}, 404, None), ({"container_id": None}, 400, "container_id"), ({"more": 1}, 400, "more"),
                ({"filename": "a/"}, 400, "filename"), ({"expires_after": {"anchor": "created_at", "seconds": 1}}, 400, "expires_after[seconds]")]


@pytest.mark.parametrize("change,status,param", KEPT_REFUSED, ids=range(len(KEPT_REFUSED)))
def test_what_is_not_kept(client, server, change, status, param):
    c = client.containers.create(name="x")
    made = client.containers.files.create(c.id, file=("a.txt", b"x"))
    body = {"container_id": c.id, "file_id": made.id, "purpose": "user_data", **change}
    answer = server.post("/v1/files", {k: v for k, v in body.items() if v is not None})
    assert answer.status == status and answer.error["param"] == param, answer
    assert server.get("/v1/files").json["data"] == []


def test_kept_within_bounds(servers, engine):
    server = servers(engine, args=["--set", "store.project_files=1", "--set", "api.file_bytes=1024"])
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        c = client.containers.create(name="x")
        ids = [client.containers.files.create(c.id, file=("a.txt", b"x" * n)).id for n in (10, 2000)]
        ask = {"container_id": c.id, "purpose": "user_data"}
        assert server.post("/v1/files", {**ask, "file_id": ids[1]}).status == 413
        assert server.post("/v1/files", {**ask, "file_id": ids[0]}).status == 200
        answer = server.post("/v1/files", {**ask, "file_id": ids[0]})
        assert answer.status == 400 and answer.error["code"] == "storage_limit_exceeded"
        eventually(lambda: len(os.listdir(os.path.join(server.data, "files"))) == 1)
