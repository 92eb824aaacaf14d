"""Several processes on one PostgreSQL are one server: each answers, continues, follows and cancels what another made, and goes on
with what a dead one held (docs/design/nodes.md)."""
import json
import os
import random
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import crash_nodes
import postgres
from engine_script import Gate, hold, say
from harness import PATIENCE, Stream, command, eventually, text_of
from nodes_script import Nodes
from test_webhooks import HERE, Receiver

pytestmark = pytest.mark.skipif(not postgres.programs(), reason="PostgreSQL is not installed")
RUNNING = ("queued", "in_progress")


@pytest.fixture
def nodes(engine, tmp_path):
    made = []

    def make(n, *args):
        made.append(Nodes(engine, str(tmp_path), args))
        return [made[0].start() for _ in range(n)] + [made[0]]

    yield make
    for all in made:
        all.close()


def ended(server, id):
    return eventually(lambda: (r := server.get("/v1/responses/" + id).json)["status"] not in RUNNING and r, what=f"the end of {id}")


def follow(server, id, after=None):
    query = "?stream=true" + (f"&starting_after={after}" if after is not None else "")
    return Stream(*server.open("GET", f"/v1/responses/{id}{query}"), "GET")


def listed(server):
    return command("nodes", "--data", server.data, home=server.home).stdout


def leader(*servers):
    """The one of them that says that it leads, once one does."""
    def leads(server):
        return any(" yes " in line and "(this one)" in line for line in listed(server).split("\n"))

    return eventually(lambda: next((server for server in servers if leads(server)), None), what="a leader")


def test_any_node_continues_and_deletes(nodes):
    a, b, _ = nodes(2)
    first = a.create("one")
    second = b.create("two", previous_response_id=first["id"])
    assert a.get("/v1/responses/" + second["id"]).json == second
    items = a.get(f"/v1/responses/{second['id']}/input_items").json["data"]
    assert len(items) == 3
    assert b.delete("/v1/responses/" + first["id"]).status == 200
    assert a.get("/v1/responses/" + first["id"]).status == 404
    assert text_of(a.create("three", previous_response_id=second["id"]))
    shown = eventually(lambda: (text := listed(a)).count("serves") == 2 and " yes " in text and text, what="both nodes")
    assert shown.count("yes") == 1 and "(this one)" in shown


def test_turns_on_a_conversation_come_one_after_the_other(nodes, engine):
    a, b, _ = nodes(2)
    id = a.post("/v1/conversations", {}).json["id"]
    engine.always(lambda request: [say(str(len(request.body["messages"])))])
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda i: (a if i % 2 else b).create(f"n{i}", conversation=id), range(16)))
    assert all(r["status"] == "completed" for r in made)
    # Each saw all turns before it, whichever node made them: 1, 3, 5 ... messages.
    assert sorted(int(text_of(r)) for r in made) == list(range(1, 33, 2))
    items = b.get(f"/v1/conversations/{id}/items?limit=100&order=asc").json["data"]
    assert [item["role"] for item in items] == ["user", "assistant"] * 16


def test_a_run_is_followed_and_cancelled_from_another_node(nodes, engine):
    a, b, _ = nodes(2)
    assert a.post("/admin/nodes", {}).status == 404  # no route of the API
    gate = Gate()
    engine.next(say("a"), hold(gate), say("b"))
    assert b.get("/ready").status == 200
    made = a.create("hi", background=True)
    stream = follow(b, made["id"])
    gate.reached.wait(PATIENCE)
    seen = []
    for event in stream:
        seen.append(event)
        if event.type == "response.output_text.delta":
            break
    gate.open.set()
    seen += list(stream)
    assert seen[-1].type == "[DONE]" and seen[-2].type == "response.completed"
    numbers = [e.data["sequence_number"] for e in seen[:-1]]
    assert numbers == list(range(len(numbers)))
    assert [e.text for e in follow(a, made["id"])] == [e.text for e in seen]
    gate = Gate()
    engine.next(say("a"), hold(gate), say("b"))
    made = a.create("hi", background=True)
    gate.reached.wait(PATIENCE)
    answers = [(a, b)[i].post(f"/v1/responses/{made['id']}/cancel", {}) for i in (1,)]
    assert [(r.status, r.json["status"]) for r in answers] == [(200, "cancelled")]
    gate.open.set()


def test_a_stream_goes_on_with_its_own_numbers_elsewhere(nodes, engine):
    a, b, _ = nodes(2)
    engine.next(*[say(f"{i} ") for i in range(20)])
    events = list(a.stream("hi"))
    id = events[0].data["response"]["id"]
    again = list(follow(b, id, after=7))
    assert [e.text for e in again] == [e.text for e in events[8:]] + ([] if events[-1].type == "[DONE]" else ["[DONE]"])


def test_a_revoked_key_counts_at_once_everywhere(nodes):
    a, b, all = nodes(2)
    made = command("keys", "create", "k", "--data", a.data, home=a.home)
    secret = next(word for word in made.stdout.split() if word.startswith("sk-"))
    eventually(lambda: b.get("/v1/models", key=secret).status == 200, what="the key on the other node")
    assert b.get("/v1/models").status == 401
    id = next(word for word in command("keys", "list", "--data", b.data, home=b.home).stdout.split() if word.startswith("key_"))
    assert command("keys", "revoke", id, "--data", b.data, home=b.home).returncode == 0
    eventually(lambda: a.get("/v1/models", key=secret).status == 401, what="its end")


def test_others_go_on_with_what_a_dead_node_held(nodes, engine):
    a, b, all = nodes(2, "--set", "api.on_restart=retry")
    gate = Gate()
    engine.next(say("x"), hold(gate))
    talk = a.post("/v1/conversations", {}).json["id"]
    made = a.create("hi", background=True, conversation=talk)
    gate.reached.wait(PATIENCE)
    lost = threading.Thread(target=lambda: pytest.raises(Exception, a.create, "hi", headers={"Idempotency-Key": "k"}))
    second = Gate()
    engine.next(say("y"), hold(second))
    lost.start()
    second.reached.wait(PATIENCE)
    assert b.post("/v1/responses", {"model": "scripted", "input": "hi"}, headers={"Idempotency-Key": "k"}).status == 409
    a.kill()
    gate.open.set()
    second.open.set()
    lost.join(PATIENCE)
    end = ended(b, made["id"])
    assert end["status"] == "completed"
    numbers = [e.data["sequence_number"] for e in follow(b, made["id"]) if e.data]
    assert numbers == list(range(len(numbers)))
    eventually(lambda: "dead" in listed(b) or "ended" in listed(b), what="its death")
    assert b.create("more", conversation=talk)["status"] == "completed"
    answer = b.post("/v1/responses", {"model": "scripted", "input": "hi"}, headers={"Idempotency-Key": "k"})
    assert answer.status != 409
    a.start()
    assert a.get("/v1/responses/" + made["id"]).json == end
    assert "   0  serves" in listed(a)


def test_a_node_that_was_thought_dead_ends(nodes):
    a, b, all = nodes(2)
    first = leader(a, b)
    other = b if first is a else a
    other.process.send_signal(signal.SIGSTOP)
    number = next(line.split()[0] for line in listed(first).split("\n") if line.strip() and "(this one)" not in line and line.split()[0].isdigit())
    eventually(lambda: [line for line in listed(first).split("\n") if line.split()[:2] in ([number, "dead"], [number, "ended"])], what="its burial")
    other.process.send_signal(signal.SIGCONT)
    assert other.process.wait(PATIENCE) == 75
    assert "this node ends" in other.stderr()
    other.process = None
    other.start()
    assert first.get("/v1/responses/" + other.create("again")["id"]).status == 200


def test_webhooks_are_delivered_by_one(nodes):
    a, b, all = nodes(2, *HERE)
    receiver = Receiver()
    made = a.post("/v1/webhook_endpoints", {"url": receiver.url, "name": "n", "event_types": ["response.completed"]})
    assert made.status == 200, made
    ids = [(a, b)[i % 2].create("hi", background=True)["id"] for i in range(6)]
    for id in ids:
        assert ended(b, id)["status"] == "completed"
    receiver.wait(6)
    eventually(lambda: not all.rows("SELECT event FROM webhook_delivery"), what="an empty outbox")
    assert sorted(json.loads(d.body)["data"]["id"] for d in receiver.got) == sorted(ids)
    receiver.close()


def test_drain_and_leader(nodes):
    a, b, _ = nodes(2)
    assert command("nodes", "drain", "0", "--data", b.data, home=b.home).returncode == 0
    zero = next(s for s in (a, b) if any(line.split()[:1] == ["0"] and "(this one)" in line for line in listed(s).split("\n")))
    eventually(lambda: zero.get("/ready").status == 503, what="the drain")
    assert command("nodes", "resume", "0", "--data", a.data, home=a.home).returncode == 0
    eventually(lambda: zero.get("/ready").status == 200, what="its end")
    assert command("nodes", "drain", "77", "--data", a.data, home=a.home).returncode != 0
    first = leader(a, b)
    other = b if first is a else a
    first.stop()
    assert leader(other) is other


def test_two_folders_are_two_nodes_and_one_folder_is_one(nodes, tmp_path):
    a, b, all = nodes(2)
    numbers = {open(os.path.join(s.data, "antiphon.node")).read().strip() for s in (a, b)}
    assert numbers == {"0", "1"}
    b.stop()
    b.start()
    assert open(os.path.join(b.data, "antiphon.node")).read().strip() in numbers
    taken = command("serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "x"), "--engine", "http://127.0.0.1:9", "--set",
                    "store.node=0", home=a.home, env=all.env)
    assert taken.returncode != 0 and "node 0" in taken.stderr


def test_nodes_and_their_database_killed_at_any_moment(tmp_path):
    """A short walk of tests/crash_nodes.py, which is for hours."""
    run = crash_nodes.Run(random.randrange(10 ** 6), 3, str(tmp_path))
    facts = run.go(kills=3, database=1, clients=4)
    assert not facts.broken, f"seed {run.seed}: {facts.broken}"
    assert len(facts.responses) > 20 and len(facts.runs) > 5
    run.close()


def test_vector_stores_are_searched_by_the_leader(nodes, tmp_path):
    shared = str(tmp_path / "files")
    os.mkdir(shared)
    a, b, _ = nodes(2, "--set", "blobs.place=shared", "--set", f"blobs.dir={shared}", "--set", "index.again_ms=100")
    first = leader(a, b)
    other = b if first is a else a
    store = file_in_a_store(other)
    eventually(lambda: first.get(f"/v1/vector_stores/{store}").json["file_counts"]["completed"] == 1, what="the file")

    def search(server):
        return server.post(f"/v1/vector_stores/{store}/search", {"query": "apple"})

    assert search(first).json["data"][0]["filename"] == "apple.txt"
    refused = search(other)
    assert refused.status == 503 and "searched by node" in refused.error["message"] and first.url in refused.error["message"]
    first.stop()  # what the other has is older than what the first has done, and is made anew
    assert leader(other) is other
    eventually(lambda: (got := search(other)).status == 200 and got.json["data"] and got.json["data"][0]["filename"] == "apple.txt", what="its own index")


def file_in_a_store(server):
    form = ('--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n--b\r\nContent-Disposition: form-data; name="file"; '
            'filename="apple.txt"\r\n\r\nThe apple is red.\r\n--b--\r\n')
    file = server.post("/v1/files", form, headers={"Content-Type": "multipart/form-data; boundary=b"}).json["id"]
    return server.post("/v1/vector_stores", {"file_ids": [file]}).json["id"]
