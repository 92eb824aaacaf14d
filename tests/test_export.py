"""`antiphon export` and `antiphon import`: a project in a file, taken in whole or not at all, and gone on with there."""
import shutil
import sqlite3
import subprocess
import time

import pytest

from engine_script import say
from file_script import Library, upload
from harness import BINARY, command, environment, eventually, make_key
from test_erase import fill


def export(server, path, project="default"):
    with open(path, "wb") as out:
        done = subprocess.run([BINARY, "export", "--project", project, "--data", server.data], stdout=out, stderr=subprocess.PIPE,
                              env=environment(server.home), text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def take_in(path, data, home, *more):
    return command("import", str(path), "--data", str(data), *more, home=str(home))


def ask(server, paths, key=None):
    return {path: server.get(path, key=key).body for path in paths}


@pytest.fixture
def full(server, engine):
    """A server with a project of everything; its key, what to ask for, and a response to continue."""
    key, _ = make_key(server, "one", project="apart")
    asked = fill(server, engine, key)
    engine.always(lambda request: [say("Fine.")])
    big = upload(server, "big.bin", bytes(range(256)) * 2000, key=key)
    hook = server.post("/v1/webhook_endpoints", {"name": "h", "url": "https://example.com/h", "event_types": ["response.completed"]}, key=key)
    assert hook.status == 200, hook
    assert server.post("/v1/containers", {"name": "left behind"}, key=key).status == 200
    assert server.create("once", key=key, headers={"Idempotency-Key": "left-behind"})["status"] == "completed"
    asked += [f"/v1/files/{big}", f"/v1/files/{big}/content", f"/v1/webhook_endpoints/{hook.json['id']}"]
    first = asked[0].split("/")[-1]
    asked += [f"/v1/responses/{first}/input_items", f"/v1/responses/{first}/phases", f"{asked[1]}/items", asked[3] + "/files",
              f"{asked[5]}/messages", "/v1/files", "/v1/prompts", "/v1/vector_stores", "/v1/chat/completions", "/v1/webhook_endpoints"]
    return server, key, asked, first


def test_all_of_it_is_there_again(full, servers, engine, tmp_path):
    server, key, asked, first = full
    said = export(server, tmp_path / "apart.jsonl", "apart")
    assert "left behind" not in (tmp_path / "apart.jsonl").read_text() and "left-behind" not in (tmp_path / "apart.jsonl").read_text()
    before = ask(server, asked, key)
    done = take_in(tmp_path / "apart.jsonl", tmp_path / "fresh", server.home)
    assert done.returncode == 0, done.stderr
    assert done.stdout == said
    made = command("keys", "create", "new", "--project", "apart", "--data", str(tmp_path / "fresh"), home=server.home)
    there = servers(engine, data=str(tmp_path / "fresh"), key=made.stdout.split()[0])
    eventually(lambda: ask(there, asked) == before, what=f"the same answers: {[p for p in asked if there.get(p).body != before[p]]}")
    on = there.create("go on", previous_response_id=first)
    assert on["status"] == "completed" and len(engine.last.body["messages"]) >= 3
    conversation = asked[1].split("/")[-1]
    assert there.create("on", conversation=conversation)["status"] == "completed"
    found = there.post(asked[3] + "/search", {"query": "text"}).json["data"]
    assert found and found[0]["filename"] == "notes.txt"
    check = command("check", "--data", there.data, home=server.home)
    assert "store is not sound" not in check.stdout + check.stderr
    export(there, tmp_path / "again.jsonl", "apart")  # and away once more


def test_what_is_cut_off_or_changed_is_refused_whole(full, servers, engine, tmp_path):
    server, key, asked, _ = full
    export(server, tmp_path / "whole", "apart")
    whole = (tmp_path / "whole").read_bytes()
    lines = whole.splitlines(keepends=True)
    at = whole.index(b"xyzzyplugh")
    bad = {"empty": b"", "cut": whole[:len(whole) // 2], "no end": b"".join(lines[:-1]), "cut in its end": whole[:-3], "lines gone": b"".join(lines[:3] + lines[4:]),
           "changed": whole[:at] + b"X" + whole[at + 1:], "followed": whole + lines[2], "turned": b"".join([lines[0], lines[2], lines[1]] + lines[3:]),
           "no export": b'{"type":"recording"}\n', "newer": whole.replace(b'"format":1', b'"format":2', 1), "no json": b"\xff\x00\n"}
    for name, content in bad.items():
        (tmp_path / "bad").write_bytes(content)
        done = take_in(tmp_path / "bad", tmp_path / "fresh", server.home)
        assert done.returncode == 1 and str(tmp_path / "bad") in done.stderr, (name, done)
    done = take_in(tmp_path / "whole", tmp_path / "fresh", server.home)
    assert done.returncode == 0, done.stderr  # nothing of the others was taken
    done = take_in(tmp_path / "whole", tmp_path / "fresh", server.home)
    assert done.returncode == 1 and "has something already" in done.stderr
    other = take_in(tmp_path / "whole", tmp_path / "fresh", server.home, "--project", "second")
    assert other.returncode == 1 and "here already" in other.stderr  # its ids are taken: nothing of it stays, and nothing else went
    there = servers(engine, data=str(tmp_path / "fresh"))
    made = command("keys", "create", "new", "--project", "apart", "--data", there.data, home=server.home).stdout.split()[0]
    assert ask(there, [path for path in asked if path.endswith("/content")], made) == ask(server, [path for path in asked if path.endswith("/content")], key)
    assert "erasure" not in there.stderr()


def test_another_name_another_folder(full, servers, engine, tmp_path):
    server, _, asked, _ = full
    export(server, tmp_path / "whole", "apart")
    assert take_in(tmp_path / "whole", tmp_path / "fresh", server.home, "--project", "default").returncode == 0
    there = servers(engine, data=str(tmp_path / "fresh"))
    assert there.get(asked[0]).status == 200
    used = servers(engine)
    used.create("x")
    used.stop()
    done = take_in(tmp_path / "whole", used.data, server.home)
    assert done.returncode == 1 and "--data DIR" in done.stderr
    done = take_in(tmp_path / "whole", server.data, server.home)
    assert done.returncode == 1 and "in use by process" in done.stderr
    assert "no project" in command("export", "--project", "nobody", "--data", server.data, home=server.home).stderr


def is_whole(data):
    if not (data / "antiphon.db").exists():
        return False
    db = sqlite3.connect(data / "antiphon.db")
    try:
        return db.execute("SELECT (SELECT count(*) FROM meta WHERE name = 'erasing') = 0 AND (SELECT count(*) FROM response) > 0").fetchone()[0] == 1
    except sqlite3.OperationalError:  # not even its tables
        return False
    finally:
        db.close()


def test_killed_in_the_middle(full, servers, engine, tmp_path):
    server, _, asked, _ = full
    export(server, tmp_path / "whole", "apart")
    for wait in (0.02, 0.1, 0.2):
        process = subprocess.Popen([BINARY, "import", tmp_path / "whole", "--project", "default", "--data", tmp_path / "fresh"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(server.home))
        time.sleep(wait)  # anywhere in it; behind its end is fine, too
        process.kill()
        process.communicate()
        whole = is_whole(tmp_path / "fresh")  # killed behind its last commit
        there = servers(engine, data=str(tmp_path / "fresh"))
        if whole:
            assert all(there.get(path).status == 200 for path in asked)
            there.stop()
            shutil.rmtree(tmp_path / "fresh")
            continue
        eventually(lambda: all(there.get(path).status == 404 for path in asked[:7]))
        there.stop()
    assert take_in(tmp_path / "whole", tmp_path / "fresh", server.home, "--project", "default").returncode == 0
