"""`antiphon import --new-ids`: a project beside itself, and beside others, each of which goes on by itself."""
import json

from engine_script import say
from harness import command, eventually
from test_export import export, full, take_in  # noqa: F401 (a fixture)


def rows(path, kind):
    """Those of an export, by the names of their columns."""
    lines = [json.loads(line) for line in open(path)]
    columns = lines[0]["kinds"][kind].split(", ")
    return [dict(zip(columns, line["cells"])) for line in lines if line["type"] == "row" and line["kind"] == kind]


def ids(path):
    return [json.loads(row["body"])["id"] for row in sorted(rows(path, "response"), key=lambda row: row["key"])]


def tree(path):
    """Who continues whom, and what each stood on, by number: the same for equal projects."""
    keys = sorted(row["key"] for row in rows(path, "context"))
    items = sorted(row["key"] for row in rows(path, "item"))
    return ([(keys.index(row["key"]), keys.index(row["parent"]) if row["parent"] else None, [items.index(key) for key in row["keys"]])
             for row in sorted(rows(path, "context"), key=lambda row: row["key"])],
            [(row["at"], items.index(row["item"])) for row in rows(path, "conversation_item")])


def test_twice_beside_itself(full, servers, engine, tmp_path):  # noqa: F811
    server, key, asked, first = full
    second = server.create("and further", previous_response_id=first, key=key)["id"]
    server.create("a fork", previous_response_id=first, key=key)
    export(server, tmp_path / "apart", "apart")
    server.stop()
    for name in ("two", "three"):
        done = take_in(tmp_path / "apart", server.data, server.home, "--project", name, "--new-ids")
        assert done.returncode == 0 and "ids are new" in done.stdout, done
    check = command("check", "--data", server.data, home=server.home)
    assert "is sound" in check.stdout, check.stdout
    keys = {name: command("keys", "create", name, "--project", name, "--data", server.data, home=server.home).stdout.split()[0] for name in ("two", "three")}
    server.start()
    said = {path: server.get(path, key=key).body for path in asked}
    known = [set(ids(tmp_path / "apart"))]
    for name, own in keys.items():
        export(server, tmp_path / name, name)
        assert tree(tmp_path / name) == tree(tmp_path / "apart")
        mine = ids(tmp_path / name)
        assert len(mine) == len(known[0]) and not any(old & set(mine) for old in known)
        known.append(set(mine))
        text = (tmp_path / name).read_text()
        assert not any(old in text for old in known[0])  # nowhere: in items, events, bodies
        at = ids(tmp_path / "apart").index(second)
        body = server.get(f"/v1/responses/{mine[at]}", key=own).json
        assert body["id"] == mine[at] and body["previous_response_id"] == mine[ids(tmp_path / "apart").index(first)]
        on = server.create("go on", previous_response_id=mine[at], key=own)
        assert on["status"] == "completed" and len(engine.last.body["messages"]) >= 5
        file = next(f for f in server.get("/v1/files", key=own).json["data"] if f["filename"] == "big.bin")
        assert server.get(f"/v1/files/{file['id']}/content", key=own).body == bytes(range(256)) * 2000
        chat = server.get("/v1/chat/completions", key=own).json["data"][0]["id"]
        assert server.get(f"/v1/chat/completions/{chat}", key=own).json["id"] == chat
        store = server.get("/v1/vector_stores", key=own).json["data"][0]["id"]
        eventually(lambda: server.get(f"/v1/vector_stores/{store}", key=own).json["file_counts"]["completed"] == 1)
        found = server.post(f"/v1/vector_stores/{store}/search", {"query": "text"}, key=own).json["data"]
        assert found and found[0]["file_id"] in [f["id"] for f in server.get("/v1/files", key=own).json["data"]]
        turn = next(json.loads(row["body"]) for row in rows(tmp_path / name, "response") if json.loads(row["body"]).get("conversation"))
        conversation = turn["conversation"]["id"]
        assert server.create("on", conversation=conversation, key=own)["status"] == "completed"
        assert server.get(f"/v1/conversations/{conversation}/items", key=own).json["data"]
        assert server.get(f"/v1/responses/{mine[0]}", key=key).status == 404
    assert {path: server.get(path, key=key).body for path in asked} == said


def test_beside_other_ids(full, servers, engine, tmp_path):  # noqa: F811
    server, _, _, _ = full
    export(server, tmp_path / "apart", "apart")
    other = servers(engine)
    mine = other.create("mine")["id"]
    other.stop()
    refused = take_in(tmp_path / "apart", other.data, other.home)
    assert refused.returncode == 1 and "--new-ids" in refused.stderr
    assert take_in(tmp_path / "apart", other.data, other.home, "--new-ids").returncode == 0
    made = command("keys", "create", "new", "--project", "apart", "--data", other.data, home=other.home).stdout.split()[0]
    other.start()
    export(other, tmp_path / "there", "apart")
    last = ids(tmp_path / "there")[0]
    engine.always(lambda request: [say("Fine.")])
    assert other.create("on", previous_response_id=last, key=made)["status"] == "completed"
    default = command("keys", "create", "own", "--data", other.data, home=other.home).stdout.split()[0]
    assert other.create("on", previous_response_id=mine, key=default)["status"] == "completed"
