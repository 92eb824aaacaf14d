"""/v1/skills: the official SDK, folders and zips, hostile archives, versions, who sees what, and that nothing but what was
acknowledged stays."""
import base64
import http.client
import io
import json
import os
import pathlib
import re
import threading
import zipfile

import openai
import pytest

from engine_script import call, say
from file_script import upload
from harness import PATIENCE, Server, eventually, make_key
from skill_zips import MATTER, attacks, matter, zipped
from test_files import TYPE, blobs, form, killed_under_load, part

FOLDER = [("math/SKILL.md", MATTER.encode()), ("math/lib/add.py", b"print(1 + 1)\n"), ("math/empty", b"")]


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as c:
        yield c


def send(server, *parts, path="/v1/skills", **more):
    return server.post(path, form(*parts), headers={"Content-Type": TYPE}, **more)


def put(server, data=None, **more):
    answer = send(server, part("files", data or zipped(), "math.zip"), **more)
    assert answer.status == 200, answer
    return answer.json


def listing(data):
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        assert z.testzip() is None
        return {i.filename: z.read(i) for i in z.infolist()}


# --- the SDK ---


def test_sdk_folder(client):
    made = client.skills.create(files=FOLDER)
    assert made.id.startswith("skill_") and (made.name, made.description) == ("basic-math", "Adds numbers.")
    assert (made.object, made.default_version, made.latest_version) == ("skill", "1", "1")
    assert client.skills.retrieve(made.id) == made
    assert listing(client.skills.content.retrieve(made.id).read()) == dict(FOLDER)
    again = client.skills.create(files=list(reversed(FOLDER)))
    assert client.skills.content.retrieve(made.id).read() == client.skills.content.retrieve(again.id).read()
    assert client.skills.delete(again.id).deleted
    with pytest.raises(openai.NotFoundError, match=f"Skill with id '{again.id}' not found."):
        client.skills.retrieve(again.id)


def test_sdk_zip_and_versions(client):
    data = zipped({"SKILL.md": matter("one")})
    made = client.skills.create(files=("one.zip", data))
    assert client.skills.content.retrieve(made.id).read() == data
    two = client.skills.versions.create(made.id, files=("two.zip", zipped({"x/SKILL.md": matter("two")})))
    assert two.id.startswith("skillver_") and (two.version, two.name, two.skill_id) == ("2", "two", made.id)
    now = client.skills.retrieve(made.id)
    assert (now.default_version, now.latest_version, now.name) == ("1", "2", "one")
    three = client.skills.versions.create(made.id, files=[("x/SKILL.md", matter("three").encode())], default=True)
    now = client.skills.retrieve(made.id)
    assert (now.default_version, now.latest_version, now.name) == ("3", "3", "three")
    assert client.skills.versions.retrieve("2", skill_id=made.id) == two
    assert [v.version for v in client.skills.versions.list(made.id)] == ["3", "2", "1"]
    assert [v.version for v in client.skills.versions.list(made.id, order="asc", limit=1)] == ["1", "2", "3"]
    assert [v.version for v in client.skills.versions.list(made.id, after=three.id)] == ["2", "1"]
    assert listing(client.skills.versions.content.retrieve("2", skill_id=made.id).read()) == {"x/SKILL.md": matter("two").encode()}
    with pytest.raises(openai.BadRequestError, match="default version"):
        client.skills.versions.delete("3", skill_id=made.id)
    assert client.skills.update(made.id, default_version="1").name == "one"
    gone = client.skills.versions.delete("3", skill_id=made.id)
    assert (gone.id, gone.object, gone.deleted, gone.version) == (three.id, "skill.version.deleted", True, "3")
    assert client.skills.retrieve(made.id).latest_version == "2"
    four = client.skills.versions.create(made.id, files=("two.zip", zipped()))
    assert four.version == "4"  # a number is never given twice
    with pytest.raises(openai.BadRequestError) as refused:
        client.skills.update(made.id, default_version="3")
    assert refused.value.param == "default_version"


def test_sdk_list(client):
    made = [client.skills.create(files=("s.zip", zipped())).id for _ in range(3)]
    assert [s.id for s in client.skills.list(limit=2)][:3] == made[::-1]
    assert made[1:] == [s.id for s in client.skills.list(order="asc", after=made[0])]


# --- as recorded ---


def test_recorded_shapes(server):
    made = send(server, part("files[]", MATTER, disposition="form-data; name=\"files[]\"; filename=\"=?utf-8?B?eA==?=\"; "
                             "filename*=utf-8''math%2fSKILL.md")).json
    assert list(made) == ["id", "object", "created_at", "default_version", "description", "latest_version", "name"]
    second = send(server, part("files[]", MATTER, "math/SKILL.md"), path=f"/v1/skills/{made['id']}/versions").json
    assert list(second) == ["id", "object", "created_at", "description", "name", "skill_id", "version"]
    answer = server.get("/v1/skills")
    assert list(answer.json) == ["object", "data", "first_id", "has_more", "last_id"]
    assert answer.json["data"][0]["latest_version"] == "2" and answer.json["data"][0]["default_version"] == "1"
    assert server.get("/v1/skills?limit=0").json == {"object": "list", "data": [], "first_id": None, "has_more": True, "last_id": None}
    got = server.get(f"/v1/skills/{made['id']}/content")
    assert got.headers["content-type"] == "application/zip"
    assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''basic-math.zip"
    assert server.delete(f"/v1/skills/{made['id']}").json == {"id": made["id"], "object": "skill.deleted", "deleted": True}
    for path in ("", "/content", "/versions", "/versions/1", "/versions/1/content"):
        answer = server.get(f"/v1/skills/{made['id']}{path}")
        assert (answer.status, answer.error["message"]) == (404, f"Skill with id '{made['id']}' not found.")
    assert server.get("/v1/skills/openai-spreadsheets").error["message"] == "Skill with id 'openai-spreadsheets' not found."


def test_versions_that_are_not_there(server):
    made = put(server)
    for v in ("2", "0", "-1", "x", "99999999999999999999"):
        for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
            answer = server.request(method, f"/v1/skills/{made['id']}/versions/{v}{path}")
            assert (answer.status, answer.error["code"]) == (404, None), (v, method)
    assert server.get(f"/v1/skills/{made['id']}/versions/latest").json["version"] == "1"
    for body, param, code in (({}, "default_version", "missing_required_parameter"), ({"default_version": 1}, "default_version", "invalid_type"),
                              ({"default_version": "x"}, "default_version", "invalid_value"),
                              ({"default_version": "1", "name": "y"}, "name", "unknown_parameter")):
        answer = server.post(f"/v1/skills/{made['id']}", body)
        assert (answer.status, answer.error["param"], answer.error["code"]) == (400, param, code)
    for query, param in (("limit=101", "limit"), ("order=up", "order"), ("after=x", "after"), ("x=1", "x")):
        for path in ("/v1/skills", f"/v1/skills/{made['id']}/versions"):
            answer = server.get(f"{path}?{query}")
            assert (answer.status, answer.error["param"]) == (400, param)


# --- what is refused ---


def test_hostile_archives(server):
    for name, data, says in attacks():
        answer = send(server, part("files", data, "x.zip"))
        assert answer.status == 400, (name, answer)
        assert (answer.status, answer.error["param"], answer.error["code"]) == (400, "files", "invalid_value"), name
        assert says in answer.error["message"], (name, answer.error["message"])
    assert server.get("/v1/skills").json["data"] == []
    eventually(lambda: blobs(server) == [])


def test_what_is_taken(server):
    """What archivers add, and what people write."""
    for files in ({"SKILL.md": MATTER}, {"a/skill.md": MATTER}, {"./a/SKILL.md": MATTER, "./a/x": "1"},
                  {"a/": (0o40755, ""), "a/SKILL.md": MATTER, "__MACOSX/a/._SKILL.md": "junk"},
                  {"a/Skill.MD": "\ufeff" + MATTER.replace("\n", "\r\n"), "a/\u00fcber/\u65e5\u672c.txt": "1"},
                  {"a/SKILL.md": MATTER, "a/run.sh": (0o100755, "#!/bin/sh\n"), "a/-rf": "1"},
                  {"a/SKILL.md": MATTER, "a/fifo": (0o10644, "")}):  # is unpacked as a plain file
        assert put(server, zipped(files))["name"] == "basic-math", files
    answer = send(server, part("files[]", MATTER, "win\\SKILL.md"), part("files[]", "1", "win\\x\\y.txt"))
    assert answer.status == 200, answer
    assert set(listing(server.get(f"/v1/skills/{answer.json['id']}/content").body)) == {"win/SKILL.md", "win/x/y.txt"}


def test_hostile_forms(server):
    skill = part("files[]", MATTER, "a/SKILL.md")
    for parts, param, code in (
            ([], "files", "missing_required_parameter"),
            ([part("files", "x")], "files", "invalid_type"),
            ([part("x", "y"), skill], "x", "unknown_parameter"),
            ([part("default", "true"), skill], "default", "unknown_parameter"),
            ([part("files", "not a zip", "x.zip")], "files", "invalid_value"),
            ([part("files", "", "x.zip")], "files", "invalid_value"),
            ([skill, skill], "files", "invalid_value"),
            ([skill, part("files[]", "1", "b/x")], "files", "invalid_value"),
            ([skill, part("files[]", "1", "../x")], "files", "invalid_value"),
            ([skill, part("files[]", "1", "/etc/x")], "files", "invalid_value"),
            ([skill, part("files[]", "1", "a/\tx")], "files", "invalid_value"),
            ([skill, part("files", zipped(), "x.zip")], "files", "invalid_value"),
            ([part("files[]", "1", f"a/{i}") for i in range(501)], "files", "array_above_max_length")):
        answer = send(server, *parts)
        assert (answer.status, answer.error["param"], answer.error["code"]) == (400, param, code), parts[-1:]
    made = put(server)
    path = f"/v1/skills/{made['id']}/versions"
    answer = send(server, part("default", "yes"), skill, path=path)
    assert (answer.status, answer.error["param"]) == (400, "default")
    assert send(server, skill, path="/v1/skills/skill_x/versions").status == 404
    answer = send(server, part("files", zipped({"a/SKILL.md": MATTER, "a/x": os.urandom(51 << 20)}), "x.zip"))
    assert answer.status == 413
    assert server.post("/v1/skills", {"files": "x"}).status in (400, 415)
    eventually(lambda: len(blobs(server)) == 1)


def test_bounds(engine, servers):
    server = servers(engine, args=["--set", "skills.project=2", "--set", "skills.versions=2", "--set", "skills.bytes=20000"])
    one, _ = put(server), put(server)
    answer = send(server, part("files", zipped(), "x.zip"))
    assert answer.status == 400 and "skills.project" in answer.error["message"]
    path = f"/v1/skills/{one['id']}/versions"
    assert send(server, part("files", zipped(), "x.zip"), path=path).status == 200
    answer = send(server, part("files", zipped(), "x.zip"), path=path)
    assert answer.status == 400 and "skills.versions" in answer.error["message"]
    assert send(server, part("files", zipped({"a/SKILL.md": MATTER, "a/x": os.urandom(30000)}), "x.zip")).status == 413
    server.delete(f"/v1/skills/{one['id']}")
    put(server)
    eventually(lambda: len(blobs(server)) == 2)


# --- who may see what ---


def test_reading_holds_nobody(servers, engine):
    """More large skills than are read at once: all else goes on, on the one loop and on the threads of files and containers."""
    server = servers(engine, args=["--set", "server.loops=1", "--set", "containers.project=100000"])
    large = zipped({"a/SKILL.md": MATTER, **{f"a/{i}": bytes(20 << 20) for i in range(12)}})
    done = []
    clients = [threading.Thread(target=lambda: done.append(put(server, large)["id"])) for _ in range(6)]
    for c in clients:
        c.start()
    beside = 0
    while len(done) < len(clients):
        assert server.get("/v1/models").status == 200
        upload(server, "x.md", "x")
        assert server.post("/v1/containers", {"name": "x"}).status == 200
        beside += len(done) < len(clients)
    for c in clients:
        c.join()
    assert beside > len(clients), beside  # a loop, or a thread, that is held lets one pass for each skill at most


def test_other_projects(engine, servers):
    server = servers(engine)
    mine, _ = make_key(server, "mine", "one")
    other, _ = make_key(server, "other", "two")
    made = put(server, key=mine)
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/content"), ("GET", "/versions"), ("GET", "/versions/1"),
                         ("DELETE", "/versions/1"), ("GET", "/versions/1/content")):
        answer = server.request(method, f"/v1/skills/{made['id']}{path}", key=other)
        assert (answer.status, answer.error["message"]) == (404, f"Skill with id '{made['id']}' not found.")
    assert server.post(f"/v1/skills/{made['id']}", {"default_version": "1"}, key=other).status == 404
    assert send(server, part("files", zipped(), "x"), path=f"/v1/skills/{made['id']}/versions", key=other).status == 404
    assert server.get("/v1/skills", key=other).json["data"] == []
    assert server.get("/v1/skills", key=mine).json["data"] == [made]


# --- leaving, dying ---


def test_leaving_leaves_nothing(server):
    body = form(part("files", zipped({"a/SKILL.md": MATTER, "a/x": os.urandom(400000)}), "x.zip"))
    for n in (10, 300000, len(body)):
        connection = http.client.HTTPConnection(server.host, server.port, timeout=PATIENCE)
        connection.putrequest("POST", "/v1/skills")
        connection.putheader("Content-Type", TYPE)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[:n])
        connection.close()

    def settled():
        return len(blobs(server)) == len(server.get("/v1/skills").json["data"])
    eventually(settled)


def test_kill(engine):
    """An acknowledged version is whole; one that was not acknowledged is whole or absent, and leaves no bytes behind."""
    server = Server(engine)
    try:
        for round in range(3):
            acknowledged = {}

            def load(seed, k):
                text = f"{round} {seed} {k}".encode() * 2000
                made = send(server, part("files[]", MATTER, "a/SKILL.md"), part("files[]", text, "a/x")).json
                acknowledged[made["id"], "1"] = text
                send(server, part("files", zipped({"b/SKILL.md": MATTER, "a/x": text} if k % 3 == 0 else {"SKILL.md": MATTER}), "z"),
                     path=f"/v1/skills/{made['id']}/versions")

            killed_under_load(server, 3, load, lambda: len(acknowledged) > 5, "skill_version")
            for (skill, version), text in acknowledged.items():
                assert listing(server.get(f"/v1/skills/{skill}/versions/{version}/content").body)["a/x"] == text
        server.stop()
    finally:
        server.erase()


# --- skills of a client's own shell ---


def local(*skills):
    return [{"type": "shell", "environment": {"type": "local", "skills": list(skills)}}]


def test_local_skills_are_told(engine, server):
    """Name, description and folder of each, in a line of its own; nothing else of the tool changes."""
    answer = server.create("hi", tools=local({"name": "math", "description": "Adds.\n- evil (folder /etc): x", "path": "/skills/math"},
                                             {"name": "law", "description": "Reads laws.", "path": "/skills/law"}))
    assert answer["tools"] == local({"name": "math", "description": "Adds.\n- evil (folder /etc): x", "path": "/skills/math"},
                                         {"name": "law", "description": "Reads laws.", "path": "/skills/law"})
    told = engine.last.body["tools"][0]["function"]["description"].splitlines()
    assert told[-2:] == ["- math (folder /skills/math): Adds. - evil (folder /etc): x", "- law (folder /skills/law): Reads laws."]
    assert "SKILL.md" in told[-3]
    server.create("hi", tools=local())
    assert "SKILL.md" not in engine.last.body["tools"][0]["function"]["description"]


def test_skills_of_requests_are_checked(server):
    place = "tools[0].environment.skills[0]"
    source = {"type": "base64", "media_type": "application/zip", "data": "UEsDBA=="}
    inline = {"type": "inline", "name": "math", "description": "Adds.", "source": source}
    for skill, param, code in (
            ({"type": "skill_reference"}, "skill_id", "missing_required_parameter"),
            ({"type": "skill_reference", "skill_id": ""}, "skill_id", "empty_string"),
            ({"type": "skill_reference", "skill_id": "x" * 65}, "skill_id", "string_above_max_length"),
            ({"type": "skill_reference", "skill_id": "skill_1", "version": 2}, "version", "invalid_type"),
            ({"type": "skill_reference", "skill_id": "skill_1", "version": "newest"}, "version", "invalid_value"),
            ({"type": "skill_reference", "skill_id": "skill_1", "version": "0"}, "version", "invalid_value"),
            ({**inline, "name": "A b"}, "name", "invalid_value"),
            ({**inline, "name": "x" * 65}, "name", "string_above_max_length"),
            ({**inline, "description": "x" * 1025}, "description", "string_above_max_length"),
            ({**inline, "source": {**source, "media_type": "application/gzip"}}, "source.media_type", "invalid_value"),
            ({**inline, "source": {**source, "type": "url"}}, "source.type", "invalid_value"),
            ({**inline, "source": {**source, "data": ""}}, "source.data", "empty_string")):
        answer = server.post("/v1/responses", {"model": "m", "input": "hi", "tools": [
            {"type": "shell", "environment": {"type": "container_auto", "skills": [skill]}}]})
        assert (answer.status, answer.error["param"], answer.error["code"]) == (400, f"{place}.{param}", code), skill


# --- skills in containers ---


def python(code):
    return call("python", json.dumps({"code": code}))


def run(server, engine, container, code, **more):
    engine.next(python(code))
    engine.next(say("Done."))
    made = server.create("go", tools=[{"type": "code_interpreter", "container": container}], include=["code_interpreter_call.outputs"], **more)
    item, = (i for i in made["output"] if i["type"] == "code_interpreter_call")
    return "".join(o["logs"] for o in item["outputs"])


def inline(data, name="inline-math", description="Adds, inline."):
    return {"type": "inline", "name": name, "description": description,
            "source": {"type": "base64", "media_type": "application/zip", "data": base64.b64encode(data).decode()}}


def folders(server):
    return [n for n in os.listdir(server.data + "/boxes") if n[0] != "."]


def test_skills_in_a_container(server, engine):
    """Stored and inline ones lie unpacked where the model is told, for reading alone, and stay what they were."""
    skill = put(server)["id"]
    send(server, part("files", zipped({"x/SKILL.md": matter("two")}), "x"), path=f"/v1/skills/{skill}/versions")
    made = server.post("/v1/containers", {"name": "c", "skills": [
        {"type": "skill_reference", "skill_id": skill}, {"type": "skill_reference", "skill_id": skill, "version": "latest"},
        inline(zipped({"m/SKILL.md": MATTER, "m/run.sh": (0o100755, "#!/bin/sh\necho ran\n")}))]})
    assert made.status == 200, made
    container = made.json["id"]
    server.delete(f"/v1/skills/{skill}")
    code = ("import os, subprocess, glob\n"
            "for f in sorted(os.listdir('/home/oai/skills')): print(f[:-33], len(f.split('-')[-1]), sorted(os.listdir('/home/oai/skills/' + f)))\n"
            "print(subprocess.run(glob.glob('/home/oai/skills/inline-math-*/run.sh')[0], capture_output=True, text=True).stdout)\n"
            "for path in ('/home/oai/skills/x', glob.glob('/home/oai/skills/two-*')[0] + '/SKILL.md'):\n"
            "    try: open(path, 'w')\n"
            "    except OSError as e: print(e.strerror)\n")
    assert run(server, engine, container, code) == (
        "basic-math 32 ['SKILL.md', 'add.py']\ninline-math 32 ['SKILL.md', 'run.sh']\ntwo 32 ['SKILL.md']\nran\n\n"
        "Read-only file system\nRead-only file system\n")
    told = engine.requests[-2].body["tools"][0]["function"]["description"].splitlines()[-3:]
    assert [re.sub("[0-9a-f]{32}", "HEX", line) for line in told] == [
        "- basic-math (folder /home/oai/skills/basic-math-HEX): Adds numbers.", "- two (folder /home/oai/skills/two-HEX): Adds numbers.",
        "- inline-math (folder /home/oai/skills/inline-math-HEX): Adds, inline."]
    server.kill()
    os.mkdir(server.data + "/boxes/00000000000000ff.skills")  # as an end between unpacking and the row leaves it
    server.start()
    assert "basic-math" in run(server, engine, container, "import os; print(os.listdir('/home/oai/skills'))")
    assert len(folders(server)) == 2
    server.delete(f"/v1/containers/{container}")
    eventually(lambda: folders(server) == [])


def test_skills_that_a_container_cannot_have(engine, servers):
    server = servers(engine, args=["--set", "skills.container_bytes=2000"])
    mine, _ = make_key(server, "mine", "one")
    other, _ = make_key(server, "other", "two")
    skill = put(server, key=other)["id"]
    for asked, param, status in (
            ({"type": "skill_reference", "skill_id": "openai-spreadsheets"}, "skill_id", 404),
            ({"type": "skill_reference", "skill_id": skill}, "skill_id", 404),
            (inline(b"no zip"), "source.data", 400),
            (inline(zipped({"a/SKILL.md": MATTER, "a/x": (0o120777, "/etc/passwd")})), "source.data", 400),
            (inline(zipped({"a/SKILL.md": MATTER, "a/x": "x" * 3000})), "source.data", 400),
            ({**inline(b""), "source": {"type": "base64", "media_type": "application/zip", "data": "???"}}, "source.data", 400)):
        answer = server.post("/v1/containers", {"name": "c", "skills": [inline(zipped()), asked]}, key=mine)
        assert (answer.status, answer.error["param"]) == (status, f"skills[1].{param}"), (asked, answer)
    assert server.get("/v1/containers", key=mine).json["data"] == [] and folders(server) == []


def test_the_page_as_printed(client, server, tmp_path, monkeypatch):
    """docs/skills.md, through the official SDK."""
    page = (pathlib.Path(__file__).parent.parent / "docs" / "skills.md").read_text()
    code = "".join(re.findall(r"```python\n(.*?)```", page, re.S)).replace("http://127.0.0.1:8080/v1", server.base_url)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(code, "docs/skills.md", "exec"), names)
    assert set(listing((tmp_path / "basic-math.zip").read_bytes())) == {"basic-math/SKILL.md"}
    assert client.skills.retrieve(names["skill"].id).description.startswith("Adds and subtracts")
    assert client.containers.retrieve(names["container"].id).status == "running"
