"""Writes that fail at every named place (faulty/fault.def), with every kind of fault, the n-th time for n = 1, 2, ...:
what was acknowledged is there, what was not is told as an error, and the server goes on."""
import threading

import pytest

import test_files
from engine_script import Gate, call, hold, say
from file_script import form
from faulty_server import FOREVER, FULL, PLACES, SYNC, WRITE, FaultyServer
from harness import PATIENCE, Stream, command, eventually, make_key, rows_of, text_of
from skill_zips import matter, zipped

pytestmark = pytest.mark.sqlite

KINDS = {"full": FULL, "write": WRITE, "sync": SYNC}
FLOWS = {}  # place -> [flow]
NEVER_SYNCED = {("index_slice", "sync"), ("index_sweep", "sync")}  # what is lost of these is made again
KEEP = ["--set", "store.linger_seconds=0", "--set", "store.sweep_seconds=1", "--set", "index.again_ms=20"]


@pytest.fixture
def faulty(engine):
    server = FaultyServer(engine, args=KEEP)
    yield server
    try:
        server.faults.clear()
        server.stop()
        report = command("check", "--data", server.data, home=server.home)
        assert "antiphon.db is sound" in report.stdout, report.stdout + report.stderr
    finally:
        server.erase()


def flow(*places):
    def add(function):
        for place in places:
            FLOWS.setdefault(place, []).append(function)
        return function
    return add


def refused(answer, after_work=True):
    """One of our errors for a write that failed; true: the request was refused so."""
    if answer.status == 200:
        return False
    assert answer.status in (500, 507), answer
    assert answer.error["type"] == "server_error" and "store" in answer.error["message"].lower(), answer
    assert not after_work or answer.headers["x-should-retry"] == "false", answer.headers
    return True


def get(server, path):
    answer = server.get(path)
    assert answer.status == 200, answer
    return answer.json


def get_made(server, path, body):
    answer = server.post(path, body)
    assert answer.status == 200, answer
    return answer.json["id"]


def turn(server, text, **more):
    answer = server.post("/v1/responses", {"model": "scripted", "input": text, **more})
    return None if refused(answer) else answer.json


def texts(server, conversation):
    data = get(server, f"/v1/conversations/{conversation}/items?order=asc&limit=100")["data"]
    return [part["text"] for item in data for part in item["content"]]


# --- flows: each is run with the fault at its place, and says what it was told ---

@flow("turn_record")
def turns(server, n, facts):
    first = turn(server, f"one {n}")
    second = turn(server, f"two {n}", **({"previous_response_id": first["id"]} if first else {}))
    for made in filter(None, (first, second)):
        facts["/v1/responses/" + made["id"]] = made


@flow("turn_record")
def streams(server, n, facts):
    events = list(server.stream(f"stream {n}"))
    kinds = [e.type for e in events]
    id = events[0].data["response"]["id"]
    if "response.completed" in kinds:
        assert kinds[-2:] == ["response.completed", "[DONE]"]
        facts["/v1/responses/" + id] = events[-2].data["response"]
    else:
        assert kinds[-3:] == ["error", "response.failed", "[DONE]"], kinds
        assert server.get("/v1/responses/" + id).status == 404


@flow("turn_record", "key_claim", "key_drop")
def keys(server, n, facts):
    """Whatever failed, the key is not left as if its request ran."""
    headers, body = {"Idempotency-Key": f"key {n}"}, {"model": "scripted", "input": f"keyed {n}"}
    before = len(server.engine.requests)
    first = server.post("/v1/responses", body, headers=headers)
    made = len(server.engine.requests) - before
    again = server.post("/v1/responses", body, headers=headers)
    if not refused(first, after_work=made > 0):
        assert again.json == first.json and len(server.engine.requests) == before + 1
        facts["/v1/responses/" + first.json["id"]] = first.json
    elif made:
        assert again.status == 200 and again.json["status"] == "failed", again
        assert "could not save" in again.json["error"]["message"]
        assert len(server.engine.requests) == before + 1, "what was made was made again"
    elif not refused(again, after_work=False):
        assert again.json["status"] == "completed"
        facts["/v1/responses/" + again.json["id"]] = again.json
    bad = {**body, "previous_response_id": "resp_" + "0" * 48}
    headers = {"Idempotency-Key": f"bad {n}"}
    for _ in range(2):
        answer = server.post("/v1/responses", bad, headers=headers)
        assert answer.status == 400 or refused(answer, after_work=False), answer


@flow("queue_row", "event_batch", "run_claim", "run_end", "key_claim")
def background(server, n, facts):
    server.engine.next(say("a", "b"), call("f", "{}"))
    answer = server.post("/v1/responses", {"model": "scripted", "input": f"run {n}", "background": True},
                         headers={"Idempotency-Key": f"run {n}"})
    if refused(answer, after_work=False):
        server.engine.scripts.clear()
        return
    id = answer.json["id"]
    events = list(Stream(*server.open("GET", f"/v1/responses/{id}?stream=true")))
    assert [e.data["sequence_number"] for e in events[:-1]] == list(range(len(events) - 1)), events
    assert events[-2].type == "response.completed" and events[-1].type == "[DONE]", events
    end = get(server, "/v1/responses/" + id)
    assert end["status"] == "completed" and events[-2].data["response"]["output"] == end["output"] and len(end["output"]) == 2
    facts["/v1/responses/" + id] = end


@flow("conversation", "conversation_append", "conversation_metadata", "conversation_delete", "item_delete", "turn_record")
def conversations(server, n, facts):
    made = server.post("/v1/conversations", {"items": [{"role": "user", "content": "zero"}]})
    if refused(made, after_work=False):
        return
    id, expected = made.json["id"], ["zero"]
    at = "/v1/conversations/" + id
    added = server.post(at + "/items", {"items": [{"role": "user", "content": c} for c in ("one", "two")]})
    if not refused(added, after_work=False):
        expected += ["one", "two"]
    assert texts(server, id) == expected
    server.engine.next(say("done"))
    if turn(server, "three", conversation=id):
        expected += ["three", "done"]
    assert texts(server, id) == expected
    first = get(server, at + "/items?order=asc&limit=1")["data"][0]
    if not refused(server.delete(f"{at}/items/{first['id']}"), after_work=False):
        expected = expected[1:]
    assert texts(server, id) == expected
    changed = server.post(at, {"metadata": {"n": str(n)}})
    metadata = {} if refused(changed, after_work=False) else {"n": str(n)}
    assert get(server, at)["metadata"] == metadata
    facts[at + "/items?order=asc&limit=100"] = get(server, at + "/items?order=asc&limit=100")
    doomed = server.post("/v1/conversations", {})
    if not refused(doomed, after_work=False):
        gone = server.delete("/v1/conversations/" + doomed.json["id"])
        status = 200 if refused(gone, after_work=False) else 404
        assert server.get("/v1/conversations/" + doomed.json["id"]).status == status
        facts["/v1/conversations/" + doomed.json["id"]] = doomed.json if status == 200 else None


@flow("response_delete", "sweep_context", "sweep_item")
def deletions(server, n, facts):
    parent = server.create(f"parent {n}")
    child = server.create(f"child {n}", previous_response_id=parent["id"])
    other = server.create(f"other {n}")
    for doomed in (parent, other):
        gone = server.delete("/v1/responses/" + doomed["id"])
        facts["/v1/responses/" + doomed["id"]] = doomed if refused(gone, after_work=False) else None
    facts["/v1/responses/" + child["id"]] = child
    path = f"/v1/responses/{child['id']}/input_items?order=asc"
    facts[path] = get(server, path)
    assert len(facts[path]["data"]) == 3
    rows = "SELECT count(*) FROM context WHERE dead_at > 0 AND children <= 0"
    eventually(lambda: number(server, rows) == 0, what="the sweep")


@flow("completion", "completion_metadata", "completion_delete")
def completions(server, n, facts):
    """A stream's finish_reason does not leave before the completion is there; what could not be kept says so."""
    path, messages = "/v1/chat/completions", [{"role": "user", "content": f"chat {n}"}]
    before = get(server, path + "?limit=100&order=desc")["data"][:1]
    made = server.post(path, {"model": "scripted", "messages": messages, "store": True, "metadata": {"a": "b"}})
    events = list(server.stream(messages, path, store=True))
    ids = [] if refused(made) else [made.json["id"]]
    if "error" in events[-2].data:
        assert not any(c["finish_reason"] for e in events[:-2] for c in e.data["choices"])
        assert "store" in events[-2].data["error"]["message"].lower()
    else:
        assert events[-2].data["choices"][0]["finish_reason"] == "stop"
        ids.append(events[-2].data["id"])
    listed = [c["id"] for c in get(server, path + "?limit=100&order=desc")["data"]]
    assert listed[:len(ids)] == ids[::-1] and listed[len(ids):len(ids) + 1] == [c["id"] for c in before]
    for id in ids:
        kept = get(server, f"{path}/{id}")
        changed = server.post(f"{path}/{id}", {"metadata": {"n": str(n)}})
        kept["metadata"] = kept["metadata"] if refused(changed, after_work=False) else {"n": str(n)}
        assert get(server, f"{path}/{id}") == kept
        facts[f"{path}/{id}"] = kept
    if len(ids) == 2:
        gone = server.delete(f"{path}/{ids[1]}")
        facts[f"{path}/{ids[1]}"] = facts[f"{path}/{ids[1]}"] if refused(gone, after_work=False) else None


@flow("template", "template_version", "template_delete")
def templates(server, n, facts):
    made = server.post("/v1/prompts", {"name": f"p {n}", "input": "one"})
    if refused(made, after_work=False):
        return
    at = "/v1/prompts/" + made.json["id"]
    second = server.post(at + "/versions", {"input": "two"})
    facts[at] = made.json if refused(second, after_work=False) else second.json
    assert get(server, at) == facts[at]
    gone = server.delete(at)
    if refused(gone, after_work=False):
        facts[at] = get(server, at)
    else:
        facts[at] = None


@flow("container", "container_file", "container_delete")
def containers(server, n, facts):
    """A file is in its container, bytes and row, or it was refused; a container is gone, or it is there with its files."""
    made = server.post("/v1/containers", {"name": f"c {n}"})
    if refused(made, after_work=False):
        return
    at = f"/v1/containers/{made.json['id']}"
    body = f'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n{n}\r\n--x--\r\n'
    put = server.request("POST", at + "/files", body, {"Content-Type": "multipart/form-data; boundary=x"})
    kept = [] if refused(put, after_work=False) else [put.json]
    assert get(server, at + "/files")["data"] == kept
    for file in kept:
        assert server.get(f"{at}/files/{file['id']}/content").body == n.encode()
    gone = server.delete(at)
    facts[at + "/files"] = get(server, at + "/files") if refused(gone, after_work=False) else None


@flow("file")
def kept_files(server, n, facts):
    """A container's file is a file of its own, bytes and row, or it was refused and nothing of it stays."""
    container = get_made(server, "/v1/containers", {"name": f"k {n}"})
    body = f'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n{n}\r\n--x--\r\n'
    file = server.request("POST", f"/v1/containers/{container}/files", body, {"Content-Type": "multipart/form-data; boundary=x"}).json["id"]
    kept = server.post("/v1/files", {"container_id": container, "file_id": file, "purpose": "user_data"})
    if not refused(kept, after_work=False):
        at = "/v1/files/" + kept.json["id"]
        facts[at] = kept.json
        assert server.get(at + "/content").body == n.encode()
    server.delete(f"/v1/containers/{container}")


@flow("skill", "skill_version", "skill_default", "skill_delete")
def skills(server, n, facts):
    """A version is there with its bytes, or it was refused; what its skill says of it is true; a skill is gone, or all of it is there."""
    def send(path, name):
        zip = zipped({"a/SKILL.md": matter(name)})
        return server.request("POST", path, test_files.form(test_files.part("files", zip, "s.zip")), {"Content-Type": test_files.TYPE})
    made = send("/v1/skills", "one")
    if refused(made, after_work=False):
        return
    at = "/v1/skills/" + made.json["id"]
    grown = not refused(send(at + "/versions", "two"), after_work=False)
    assert get(server, at)["latest_version"] == ("2" if grown else "1")
    moved = grown and not refused(server.post(at, {"default_version": "2"}), after_work=False)
    facts[at] = get(server, at)
    assert (facts[at]["default_version"], facts[at]["name"]) == (("2", "two") if moved else ("1", "one"))
    for version in ("1", "2")[:1 + grown]:
        assert server.get(f"{at}/versions/{version}/content").status == 200
    if not refused(server.delete(at), after_work=False):
        facts[at] = None


@flow("file", "vector_file", "vector_try", "vector_end", "vector_gone", "index_slice", "index_flip", "index_drop", "index_sweep")
def vector_stores(server, n, facts):
    """A file is found whole or not at all, and sooner or later as what was acknowledged says."""
    def found(store, word):
        """How many of the file's three parts."""
        answer = server.post(f"/v1/vector_stores/{store}/search", {"query": word, "max_num_results": 50})
        assert answer.status == 200, answer
        return sum(any(f"# {word} {k}" in hit["content"][0]["text"] for hit in answer.json["data"]) for k in range(3))
    word = "word" + "".join(c if c.isalnum() else "x" for c in n)
    sent = server.request("POST", "/v1/files", *form("a.md", "\n\n".join(f"# {word} {k}\n\n" + f"Text number {k}. " * 300 for k in range(3)).encode()))
    made = server.post("/v1/vector_stores", {"name": n})
    if refused(sent, after_work=False) or refused(made, after_work=False):
        return
    file, store = sent.json["id"], made.json["id"]
    at = f"/v1/vector_stores/{store}"
    if refused(server.post(at + "/files", {"file_id": file}), after_work=False):
        assert get(server, at)["file_counts"]["total"] == found(store, word) == 0
        return
    counts = eventually(lambda: (c := get(server, at)["file_counts"])["in_progress"] == 0 and c, what="the indexing")
    assert counts["completed"] == 1 and found(store, word) == 3, counts
    facts[f"{at}/files/{file}"] = get(server, f"{at}/files/{file}")
    gone = server.delete(f"{at}/files/{file}")
    if not refused(gone, after_work=False):
        facts[f"{at}/files/{file}"] = None
        eventually(lambda: found(store, word) == 0, what="the deletion")
        eventually(lambda: number(server, "SELECT count(*) FROM vector_gone") == 0, what="the sweep")
    else:
        assert found(store, word) == 3


def number(server, sql):
    return rows_of(server.data, sql)[0][0]


def verify(server, facts):
    for path, fact in facts.items():
        answer = server.get(path)
        if fact is None:
            assert answer.status == 404, (path, answer)
            continue
        assert answer.status == 200, (path, answer)
        now = answer.json
        for copy in (now, fact):
            copy.pop("billing", None)  # JSON answers carry it, events do not
        assert now == fact, path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", FLOWS)
def test_every_place(faulty, place, kind):
    facts, clean = {}, False
    for n in range(20):
        faulty.faults.fail(place, KINDS[kind], skip=n)
        for step in FLOWS[place]:
            step(faulty, f"{place} {n}", facts)
        clean = faulty.faults.failed(place) == 0
        faulty.faults.clear()
        for step in FLOWS[place]:
            step(faulty, f"{place} {n} well", facts)
        if clean:
            break
    assert clean and (n > 0 or (place, kind) in NEVER_SYNCED), f"{n} faults"
    verify(faulty, facts)
    faulty.kill()
    faulty.start()
    verify(faulty, facts)


def test_every_place_has_a_flow():
    assert set(FLOWS) | {"disk", "run_heartbeat", "sweep_run", "api_key", "migration"} == set(PLACES)


# --- places that want a test of their own ---

@pytest.mark.parametrize("kind", KINDS)
def test_heartbeat(engine, kind):
    """A worker whose heartbeat fails keeps its run, and nobody else makes it, too."""
    server, gate = FaultyServer(engine, args=["--set", "api.lease_seconds=3", "--set", "server.loops=2"]), Gate()
    try:
        engine.next(say("a"), hold(gate), say("b"))
        id = server.create("hi", background=True)["id"]
        assert gate.reached.wait(PATIENCE)
        server.faults.fail("run_heartbeat", KINDS[kind], times=4)
        eventually(lambda: server.faults.failed("run_heartbeat") == 4)
        gate.open.set()
        end = eventually(lambda: (r := get(server, "/v1/responses/" + id))["status"] not in ("queued", "in_progress") and r)
        assert end["status"] == "completed" and text_of(end) == "ab" and len(engine.requests) == 1
        server.stop()
    finally:
        gate.open.set()
        server.erase()


def test_a_run_that_was_cut_off_twice(engine, mcp):
    """Cut off in a call that may not be made again, and once more when the call's end was written and the run's was not: by its
    log it stands between two calls of the engine, and neither is asked again. Its many items are kept in slices, so that the log
    is written before the end is."""
    gate = Gate()
    mcp.on_call = lambda *_: (gate.reached.set(), gate.open.wait(PATIENCE))
    server = FaultyServer(engine, args=["--set", f"mcp.allow=http://127.0.0.1:{mcp.port}", "--set", "api.slice_us=0"])
    try:
        engine.next(call("calc__write", "{}"))
        tool = {"type": "mcp", "server_label": "calc", "server_url": mcp.url("modern"), "require_approval": "never"}
        id = turn(server, [{"role": "user", "content": "hi"}] * 2500, background=True, tools=[tool])["id"]
        assert gate.reached.wait(PATIENCE)
        server.kill()
        server.faults.fail("run_end", WRITE, times=FOREVER)
        server.start()
        eventually(lambda: server.faults.failed("run_end") > 0)
        assert get(server, "/v1/responses/" + id)["status"] == "in_progress"
        server.kill()
        server.faults.clear()
        server.start()
        eventually(lambda: get(server, "/v1/responses/" + id)["status"] not in ("queued", "in_progress"))
        end = get(server, "/v1/responses/" + id)
        assert end["status"] == "failed" and "stopped while" in end["error"]["message"], end
        assert [i["type"] for i in end["output"]] == ["mcp_list_tools", "mcp_call"] and end["output"][1]["status"] == "failed"
        assert len(engine.requests) == 1 and mcp.methods().count("tools/call") == 1
    finally:
        gate.open.set()
        server.faults.clear()
        server.stop()
        server.erase()


@pytest.mark.parametrize("kind", KINDS)
def test_sweep_of_runs(engine, kind):
    server = FaultyServer(engine, args=KEEP)
    try:
        for n in range(3):
            server.faults.fail("sweep_run", KINDS[kind])
            id = server.create("hi", background=True)["id"]
            eventually(lambda: get(server, "/v1/responses/" + id)["status"] == "completed")
            assert server.delete("/v1/responses/" + id).status == 200
            eventually(lambda: number(server, "SELECT count(*) FROM run") == 0, what="the sweep")
            assert server.faults.failed("sweep_run") == 1
        server.stop()
    finally:
        server.erase()


@pytest.mark.parametrize("kind", KINDS)
def test_api_keys(faulty, kind):
    faulty.faults.fail("api_key", KINDS[kind])
    done = command("keys", "create", "first", "--data", faulty.data, home=faulty.home)
    assert done.returncode != 0 and "store" in done.stderr and "sk-" not in done.stdout, done
    assert "first" not in command("keys", "list", "--data", faulty.data, home=faulty.home).stdout
    secret, _ = make_key(faulty, "second")
    faulty.create("hi", key=secret)


@pytest.mark.parametrize("kind", KINDS)
def test_migrations(engine, kind):
    """A first start on a bad disk fails with its reason; the next one succeeds, whatever was made before."""
    server = FaultyServer(engine)
    try:
        server.stop()
        server.data += "-new"
        server.command[server.command.index("--data") + 1] = server.data
        for n in range(20):
            server.faults.fail("migration", KINDS[kind], skip=n)
            if not refuses_to_start(server):
                break
        assert n > 0 and server.faults.failed("migration") == 0
        server.create("hi")
        server.stop()
    finally:
        server.erase()


def refuses_to_start(server):
    try:
        server.start()
        return False
    except AssertionError:
        assert server.process.wait(PATIENCE) == 1 and server.faults.failed("migration") == 1
        said = server.stderr()
        assert "The store is full" in said or "The store could not" in said, said
        server.process = None
        return True


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_disk_and_a_good_one(faulty, engine, kind):
    """While nothing can be written everything says so and reading goes on; then all goes on where it stood."""
    gate, kept = Gate(), faulty.create("before")
    engine.next(say("a"), hold(gate), say("b"))
    run = faulty.create("run", background=True)["id"]
    assert gate.reached.wait(PATIENCE)
    eventually(lambda: get(faulty, "/v1/responses/" + run)["status"] == "in_progress")  # its first batch is saved
    keyed, stream = {"Idempotency-Key": "k"}, faulty.stream("cut")
    faulty.faults.fail("disk", KINDS[kind], times=FOREVER)
    gate.open.set()
    assert refused(faulty.post("/v1/responses", {"model": "scripted", "input": "x"}))
    assert refused(faulty.post("/v1/conversations", {}), after_work=False)
    assert refused(faulty.delete("/v1/responses/" + kept["id"]), after_work=False)
    answer = faulty.post("/v1/responses", {"model": "scripted", "input": "x"}, headers=keyed)
    assert refused(answer, after_work=False)
    list(stream)
    eventually(lambda: faulty.get("/ready").status == 503)
    assert get(faulty, "/v1/responses/" + kept["id"]) == kept
    assert get(faulty, "/v1/responses/" + run)["status"] == "in_progress"
    faulty.faults.clear()
    faulty.wait_ready()
    assert faulty.create("x", headers=keyed)["status"] == "completed"
    end = eventually(lambda: (r := get(faulty, "/v1/responses/" + run))["status"] != "in_progress" and r)
    assert end["status"] == "completed" and text_of(end) == "ab"
    faulty.kill()
    faulty.start()
    assert get(faulty, "/v1/responses/" + kept["id"]) == kept and get(faulty, "/v1/responses/" + run) == end


def test_what_cannot_be_written_does_not_pile_up(faulty, engine):
    """The engine of a background response waits while its events cannot be saved."""
    pieces = ["x" * 1000] * 14000
    engine.next(say("begun"), say(*pieces))
    faulty.faults.fail("event_batch", FULL, skip=1, times=FOREVER)
    id = faulty.create("hi", background=True)["id"]
    eventually(lambda: faulty.faults.failed("event_batch") >= 4)
    assert not engine.last.done.is_set(), "all was taken"
    faulty.faults.clear()
    end = eventually(lambda: (r := get(faulty, "/v1/responses/" + id))["status"] not in ("queued", "in_progress") and r)
    assert end["status"] == "completed" and text_of(end) == "begun" + "".join(pieces)
    events = list(Stream(*faulty.open("GET", f"/v1/responses/{id}?stream=true")))
    assert [e.data["sequence_number"] for e in events[:-1]] == list(range(len(events) - 1))
    assert sum(e.type == "response.output_text.delta" for e in events) == 14001


def test_a_disk_that_fills_between_claim_and_save(faulty, engine):
    """The key does not answer 409 until the next start: it says what became of its request, also later on."""
    gate, headers, got = Gate(), {"Idempotency-Key": "k"}, []
    engine.next(say("a"), hold(gate), say("b"))
    body = {"model": "scripted", "input": "x"}
    asking = threading.Thread(target=lambda: got.append(faulty.post("/v1/responses", body, headers=headers)))
    asking.start()
    assert gate.reached.wait(PATIENCE)
    assert faulty.post("/v1/responses", body, headers=headers).status == 409
    faulty.faults.fail("disk", FULL, times=FOREVER)
    gate.open.set()
    asking.join(PATIENCE)
    assert refused(got[0])
    faulty.faults.clear()
    faulty.wait_ready()
    for _ in range(2):
        again = faulty.post("/v1/responses", body, headers=headers)
        assert again.status == 200 and again.json["status"] == "failed", again
        assert "could not save" in again.json["error"]["message"]
        assert len(engine.requests) == 1
    faulty.kill()
    faulty.start()
    assert faulty.post("/v1/responses", body, headers=headers).json["status"] == "failed"
