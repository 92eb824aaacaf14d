"""Usage and costs: what is counted of whom, who may ask, and OpenAI's administration routes."""
import json
import time

import openai
import pytest

from engine_script import Gate, hold, say, status
from harness import Server, command, eventually, make_key, rows_of


def admin_key(server, name="boss"):
    done = command("keys", "create", name, "--admin", "--data", server.data, home=server.home)
    assert done.returncode == 0 and done.stdout.startswith("sk-admin-"), done
    return done.stdout.strip()


def buckets(server, kind="completions", key=None, **query):
    query.setdefault("start_time", int(time.time()) - 3600)
    query.setdefault("bucket_width", "1d")
    query.setdefault("limit", 2)
    pairs = [(name, one) for name, value in query.items() for one in (value if isinstance(value, list) else [value])]
    path = "costs" if kind == "costs" else f"usage/{kind}"
    answer = server.get(f"/v1/organization/{path}?" + "&".join(f"{name}={value}" for name, value in pairs), key=key)
    assert answer.status == 200, answer
    return answer.json["data"]


def results(server, kind="completions", key=None, **query):
    return [result for bucket in buckets(server, kind, key, **query) for result in bucket["results"]]


def total(server, kind="completions", key=None, field="num_model_requests", **query):
    return sum(result[field] for result in results(server, kind, key, **query))


def rows(server, sql):
    """One row of the database, beside the server."""
    return rows_of(server.data, sql)[0]


class Counter:
    """Tokens that the API's answers have told of, to be compared with what is counted."""

    def __init__(self):
        self.requests = self.input = self.output = 0

    def add(self, usage):
        self.requests += 1
        self.input += usage.get("input_tokens", usage.get("prompt_tokens"))
        self.output += usage.get("output_tokens", usage.get("completion_tokens"))

    def same(self, server, key=None, **query):
        got = results(server, key=key, **query)
        assert sum(r["num_model_requests"] for r in got) == self.requests, got
        assert sum(r["input_tokens"] for r in got) == self.input and sum(r["output_tokens"] for r in got) == self.output, got


def test_every_way_of_asking_is_counted_once(engine):
    with_usage = {"stream_options": {"include_usage": True}}
    server = Server(engine)
    try:
        told = Counter()
        for more in ({}, {"store": False}, {"stream": True}, {"stream": True, "store": False}, {"max_output_tokens": 16}):
            if more.get("stream"):
                body = {key: value for key, value in more.items() if key != "stream"}
                told.add([e for e in server.stream("x", **body) if e.data][-1].data["response"]["usage"])
            else:
                told.add(server.create("x", **more)["usage"])
            told.same(server)
        messages = [{"role": "user", "content": "x"}]
        for more in ({}, {"store": True}, {"n": 2}):
            made = server.post("/v1/chat/completions", {"model": "scripted", "messages": messages, **more})
            told.add(made.json["usage"])
            told.same(server)
        for more in ({}, {"store": True}):
            chunks = [e.data for e in server.stream(messages, "/v1/chat/completions", **with_usage, **more) if e.data]
            told.add(chunks[-1]["usage"])
            told.same(server)
        made = server.create("x", background=True)
        done = eventually(lambda: (r := server.get("/v1/responses/" + made["id"]).json)["status"] == "completed" and r)
        told.add(done["usage"])
        told.same(server)
        compacted = server.post("/v1/responses/compact", {"model": "scripted", "input": "a long story"})
        assert compacted.status == 200, compacted
        told.add(compacted.json["usage"])
        told.same(server)
        # What no engine was asked for, or what was asked before, is not counted.
        assert server.post("/v1/responses", {"model": "none", "input": "x"}).status == 400
        assert server.post("/v1/responses/input_tokens", {"model": "scripted", "input": "x"}).status == 200
        told.same(server)
        headers = {"Idempotency-Key": "once"}
        told.add(server.create("again", headers=headers)["usage"])
        server.create("again", headers=headers)
        told.same(server)
        server.stop()
        server.start()  # rows, not memory
        told.same(server)
        server.stop()
    finally:
        server.erase()


def test_a_turn_that_fails_counts_what_it_used(engine):
    server = Server(engine, args=["--set", "store.linger_seconds=0", "--set", "store.sweep_seconds=1"])
    try:
        told = Counter()
        parent = server.create("x")
        told.add(parent["usage"])
        for _ in range(4):
            engine.next(status(500))
        assert server.post("/v1/responses", {"model": "scripted", "input": "broken"}).status >= 500
        told.same(server)
        engine.scripts.clear()
        # A response that continues one that goes meanwhile cannot be kept; its engine was asked all the same.
        gate = Gate()
        engine.next(say("late"), hold(gate))
        stream = server.stream("y", previous_response_id=parent["id"])
        stream.until("response.output_text.delta")
        assert server.delete("/v1/responses/" + parent["id"]).status == 200
        eventually(lambda: rows(server, "SELECT count(*) FROM context") == (0,), what="the sweep of the parent")
        gate.open.set()
        failed = [e for e in stream if e.data][-1].data["response"]
        assert failed["status"] == "failed", failed
        assert failed["usage"]["output_tokens"] > 0
        told.add(failed["usage"])
        told.same(server)
        # One that its client cuts off counts what its engine has told.
        engine.next(say("one"), hold(Gate()))
        stream = server.stream("z", store=False)
        stream.until("response.output_text.delta")
        stream.leave()
        told.same(server)
        server.stop()
    finally:
        server.erase()


def test_projects_keys_models_and_batches_are_told_apart(engine):
    server = Server(engine)
    try:
        one, one_id = make_key(server, "one")
        two, two_id = make_key(server, "two", project="team-b")
        boss = admin_key(server)
        for key, n in ((one, 1), (two, 2)):
            for _ in range(n):
                server.create("x", key=key)
        made = server.create("x", background=True, key=two)
        eventually(lambda: server.get("/v1/responses/" + made["id"], key=two).json["status"] == "completed")
        by_project = {r["project_id"]: r for r in results(server, key=boss, group_by=["project_id"])}
        assert {name: r["num_model_requests"] for name, r in by_project.items()} == {"default": 1, "team-b": 3}
        assert all(r["api_key_id"] is None and r["model"] is None for r in by_project.values())
        by_key = {r["api_key_id"]: r["num_model_requests"] for r in results(server, key=boss, group_by=["api_key_id", "model"])}
        assert by_key == {one_id: 1, two_id: 3}
        assert {r["model"] for r in results(server, key=boss, group_by="model")} == {made["model"]}
        assert total(server, key=boss, project_ids=["team-b"]) == 3
        assert total(server, key=boss, project_ids=["team-b", "default"]) == 4
        assert total(server, key=boss, project_ids=["nobody"]) == 0
        assert total(server, key=boss, api_key_ids=[one_id]) == 1
        assert total(server, key=boss, models=["other"]) == 0 and total(server, key=boss, models=[made["model"]]) == 4
        assert total(server, key=boss, user_ids=["user-1"]) == 0
        assert total(server, key=boss, batch="true") == 0 and total(server, key=boss, batch="false") == 4
        tiers = results(server, key=boss, group_by=["service_tier", "batch", "user_id"])
        assert [(r["service_tier"], r["batch"], r["user_id"]) for r in tiers] == [("default", False, None)]
        server.stop()
    finally:
        server.erase()


def test_a_batch_counts_for_the_key_that_made_it(engine):
    server = Server(engine, args=["--set", "api.batch_retry_ms=10"])
    try:
        key, key_id = make_key(server, "one", project="team-b")
        boss = admin_key(server)
        client = openai.OpenAI(base_url=server.base_url, api_key=key)
        lines = [{"custom_id": str(i), "method": "POST", "url": "/v1/responses", "body": {"model": "scripted", "input": "x"}}
                 for i in range(3)]
        file = client.files.create(file=("in.jsonl", "\n".join(map(json.dumps, lines)).encode()), purpose="batch")
        batch = client.batches.create(input_file_id=file.id, endpoint="/v1/responses", completion_window="24h")
        eventually(lambda: client.batches.retrieve(batch.id).status == "completed")
        got = results(server, key=boss, group_by=["api_key_id", "batch", "project_id"])
        assert [(r["api_key_id"], r["batch"], r["project_id"], r["num_model_requests"]) for r in got] == \
            [(key_id, True, "team-b", 3)]
        assert total(server, key=boss, batch="true") == 3
        server.stop()
    finally:
        server.erase()


def test_who_may_ask(engine):
    server = Server(engine)
    path = "/v1/organization/usage/completions?start_time=1"
    try:
        assert server.get(path).status == 200  # this machine, as long as there are no keys
        key, _ = make_key(server, "one")
        boss = admin_key(server)
        assert server.get(path).status == 401 and server.get(path, key="sk-wrong").status == 401
        refused = server.get(path, key=key)
        assert refused.status == 401 and "insufficient permissions" in refused.error["message"]
        assert server.get("/v1/organization/costs?start_time=1", key=key).status == 401
        assert server.get("/metrics", key=key).status == 401
        assert server.get(path, key=boss).status == 200
        assert server.get("/v1/organization/costs?start_time=1", key=boss).status == 200
        assert server.get("/metrics", key=boss).status == 200
        # An admin key reads no project's content.
        made = server.create("x", key=key)
        for method, where, body in (("GET", "/v1/responses/" + made["id"], None), ("GET", "/v1/models", None),
                                    ("POST", "/v1/responses", {"model": "scripted", "input": "x"}), ("GET", "/v1/files", None)):
            answer = server.request(method, where, body, key=boss)
            assert answer.status == 403 and "Admin keys are for" in answer.error["message"], (where, answer)
        listed = command("keys", "list", "--data", server.data, home=server.home).stdout
        assert sum("valid, admin" in line for line in listed.splitlines()) == 1, listed
        server.stop()
    finally:
        server.erase()


@pytest.mark.beside_openapi
def test_wrong_questions(server):
    def refusal(query, kind="completions"):
        path = "costs" if kind == "costs" else f"usage/{kind}"
        answer = server.get(f"/v1/organization/{path}?{query}")
        return answer.status, answer.error["param"]

    assert refusal("") == (400, "start_time")
    assert refusal("start_time=x") == (400, "start_time")
    assert refusal("start_time=-1") == (400, "start_time")
    assert refusal("start_time=1&bucket_width=2d") == (400, "bucket_width")
    assert refusal("start_time=1&bucket_width=1h", "costs") == (400, "bucket_width")
    assert refusal("start_time=1&limit=32") == (400, "limit")
    assert refusal("start_time=1&limit=1441&bucket_width=1m") == (400, "limit")
    assert refusal("start_time=1&limit=181", "costs") == (400, "limit")
    assert refusal("start_time=1&group_by=colour") == (400, "group_by")
    assert refusal("start_time=1&group_by=model", "costs") == (400, "group_by")
    assert refusal("start_time=1&group_by=line_item") == (400, "group_by")
    assert refusal("start_time=1&group_by=size", "images") == (400, "group_by")
    assert refusal("start_time=1&sizes=256x256", "images") == (400, "sizes")
    assert refusal("start_time=1&page=page_7") == (400, "page")
    assert refusal("start_time=1&page=what") == (400, "page")
    assert refusal("start_time=1&batch=maybe") == (400, "batch")
    assert refusal("start_time=1&models=m", "costs") == (400, "models")
    assert refusal("start_time=1&colour=red") == (400, "colour")
    assert server.get("/v1/organization/usage/dreams?start_time=1").status == 404


def test_pages_are_whole_and_in_order(engine):
    server = Server(engine)
    try:
        server.create("x")
        now = int(time.time())
        start = now - 10 * 86400
        seen, page = [], None
        while True:
            query = f"start_time={start}&limit=4" + (f"&page={page}" if page else "")
            answer = server.get(f"/v1/organization/usage/completions?{query}").json
            seen += answer["data"]
            page = answer["next_page"]
            assert answer["has_more"] == (page is not None)
            if not page:
                break
        assert [b["start_time"] for b in seen] == [start - start % 86400 + i * 86400 for i in range(len(seen))]
        assert all(b["end_time"] - b["start_time"] == 86400 for b in seen) and 10 <= len(seen) <= 12
        assert [bool(b["results"]) for b in seen][-2:] in ([False, True], [True, False])  # midnight may be now
        for width, seconds in (("1m", 60), ("1h", 3600)):
            got = buckets(server, bucket_width=width, start_time=now - 2 * seconds, limit=10)
            assert all(b["end_time"] - b["start_time"] == seconds for b in got)
            assert sum(r["num_model_requests"] for b in got for r in b["results"]) == 1
        assert total(server, start_time=now - 86400, end_time=now - 3600) == 0
        server.stop()
    finally:
        server.erase()


def test_old_minutes_become_hours(engine):
    server = Server(engine, args=["--set", "store.sweep_seconds=1", "--set", "store.usage_minute_days=1"])
    try:
        for _ in range(3):
            server.create("x")
        before = total(server, field="input_tokens")
        server.stop()
        old = int(time.time()) // 3600 * 3600 - 40 * 3600
        rows_of(server.data, "UPDATE used SET start = ?", (old + 120,))
        rows_of(server.data, "INSERT INTO used SELECT width, start + 60, project, key, kind, batch, model, requests, input, cached, output,"
                " reasoning, units, input_cost, cached_cost, output_cost FROM used")
        server.start()

        eventually(lambda: rows(server, "SELECT count(*), min(width), min(start) FROM used") == (1, 3600, old))
        got = [b for b in buckets(server, start_time=old, bucket_width="1h", limit=168) if b["results"]]
        assert [b["start_time"] for b in got] == [old] and got[0]["results"][0]["input_tokens"] == 2 * before
        server.stop()
    finally:
        server.erase()


def test_the_official_client(engine):
    server = Server(engine)
    try:
        key, key_id = make_key(server, "one")
        boss = admin_key(server)
        made = server.create("x", key=key)
        client = openai.OpenAI(base_url=server.base_url, api_key=key, admin_api_key=boss)
        page = client.admin.organization.usage.completions(start_time=int(time.time()) - 86400, bucket_width="1d",
                                                           group_by=["api_key_id", "model"], limit=3)
        found = [r for bucket in page.data for r in bucket.results]
        assert [(r.object, r.api_key_id, r.model, r.input_tokens, r.num_model_requests) for r in found] == \
            [("organization.usage.completions.result", key_id, made["model"], made["usage"]["input_tokens"], 1)]
        costs = client.admin.organization.usage.costs(start_time=int(time.time()) - 86400, group_by=["line_item"])
        assert costs.object == "page" and all(not bucket.results for bucket in costs.data)  # nothing has a price
        server.stop()
    finally:
        server.erase()
