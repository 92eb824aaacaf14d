"""Limits of keys and projects: what is refused, what headers tell, what a budget stops."""
import json
import re
import threading
import time

import openai
import pytest

from engine_script import Gate, hold, say
from harness import Server, command, eventually, make_key
from test_usage import admin_key, results
from test_webhooks import HERE, Receiver

BODY = {"model": "scripted", "input": "x"}
CHAT = {"model": "scripted", "messages": [{"role": "user", "content": "x"}]}


def limit(server, *words, status=0):
    done = command(*words, "--data", server.data, home=server.home)
    assert done.returncode == status, done
    return done.stdout + done.stderr


def ratelimit(answer):
    return {name[len("x-ratelimit-"):]: value for name, value in answer.headers.items() if name.startswith("x-ratelimit-")}


@pytest.fixture
def two(engine):
    """A server with a key of project team-b and one of default: (server, (key, id), (key, id))."""
    server = Server(engine)
    yield server, make_key(server, "one", project="team-b"), make_key(server, "two")
    server.stop()
    server.erase()


def test_requests_a_minute(two):
    server, (key, id), (other, _) = two
    assert not ratelimit(server.post("/v1/responses", BODY, key=key))  # nothing is told where nothing is limited
    shown = limit(server, "keys", "limit", id, "requests_per_minute=2")
    assert shown == f"{id}  requests_per_minute=2\n"
    first = server.post("/v1/responses", BODY, key=key)
    assert first.status == 200 and first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    assert re.fullmatch(r"(29|30)(\.\d+)?s", first.headers["x-ratelimit-reset-requests"])
    assert server.post("/v1/chat/completions", CHAT, key=key).headers["x-ratelimit-remaining-requests"] == "0"
    refused = server.post("/v1/responses", BODY, key=key)
    assert refused.status == 429 and refused.error["type"] == "requests" and refused.error["code"] == "rate_limit_exceeded"
    assert "requests per min (RPM): Limit 2, Used 2, Requested 1. Please try again in" in refused.error["message"]
    assert 25 <= int(refused.headers["retry-after"]) <= 30 and 25000 <= int(refused.headers["retry-after-ms"]) <= 30000
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    # Neither other keys, nor what asks no model.
    assert server.post("/v1/responses", BODY, key=other).status == 200
    assert server.get("/v1/responses/" + first.json["id"], key=key).status == 200
    # Raised, it counts at once; taken away, too.
    limit(server, "keys", "limit", id, "requests_per_minute=6000")
    assert server.post("/v1/responses", BODY, key=key).status == 200
    assert limit(server, "keys", "limit", id, "requests_per_minute=none") == ""
    assert not ratelimit(server.post("/v1/responses", BODY, key=key))


def test_both_a_project_and_its_key_count(two):
    server, (key, id), _ = two
    limit(server, "projects", "limit", "team-b", "requests_per_minute=3")
    limit(server, "keys", "limit", id, "requests_per_minute=100")
    assert [server.post("/v1/responses", BODY, key=key).headers["x-ratelimit-limit-requests"] for _ in range(3)] == ["3"] * 3
    refused = server.post("/v1/responses", BODY, key=key)
    assert refused.status == 429 and "this project" in refused.error["message"]
    limit(server, "projects", "limit", "team-b", "requests_per_minute=0")
    assert server.post("/v1/responses", BODY, key=key).status == 429
    assert limit(server, "projects") == "team-b  requests_per_minute=0\n"
    assert f"{id}  requests_per_minute=100" in limit(server, "keys", "list")


def test_a_limit_outlives_the_server(two, engine):
    server, (key, id), _ = two
    limit(server, "keys", "limit", id, "requests_per_minute=3", "tokens_per_day=100000")
    for _ in range(3):
        assert server.post("/v1/responses", BODY, key=key).status == 200
    time_to_write = server.get("/health")  # a second of quota.sync_ms may pass, or the end writes it
    assert time_to_write.status == 200
    server.stop()
    assert "requests_per_minute=3" in limit(server, "keys", "list")  # read from the store
    server.start()
    assert server.post("/v1/responses", BODY, key=key).status == 429
    assert limit(server, "keys", "limit", id) == f"{id}  requests_per_minute=3  tokens_per_day=100000\n"


def test_tokens_are_estimated_then_corrected(two):
    server, (key, id), _ = two
    limit(server, "keys", "limit", id, "tokens_per_minute=10000")
    first = server.post("/v1/responses", {**BODY, "max_output_tokens": 4000}, key=key)
    told = ratelimit(first)
    assert told["limit-tokens"] == "10000" and told["remaining-tokens"] == "6000" and re.fullmatch(r"(23|24)(\.\d+)?s", told["reset-tokens"])
    used = first.json["usage"]["total_tokens"]
    second = server.post("/v1/chat/completions", {**CHAT, "max_tokens": 1000}, key=key)
    assert 9000 - used <= int(ratelimit(second)["remaining-tokens"]) <= 9000  # what was not used came back
    large = server.post("/v1/responses", {**BODY, "max_output_tokens": 10001}, key=key)
    assert large.status == 429 and large.error["type"] == "tokens" and "Request too large" in large.error["message"]
    assert large.headers["x-should-retry"] == "false"
    limit(server, "keys", "limit", id, "tokens_per_day=50")
    wide = server.post("/v1/responses", {**BODY, "input": "word " * 30}, key=key)
    assert wide.status == 200
    full = server.post("/v1/responses", {**BODY, "input": "word " * 30}, key=key)
    assert full.status == 429 and "tokens per day (TPD)" in full.error["message"]


def test_turns_at_once(two, engine):
    server, (key, id), (other, _) = two
    limit(server, "keys", "limit", id, "turns_at_once=1")
    gate = Gate()
    engine.next(say("one"), hold(gate))
    stream = server.stream("x", key=key)
    stream.until("response.output_text.delta")
    for path, body in (("/v1/responses", BODY), ("/v1/chat/completions", CHAT)):
        refused = server.post(path, body, key=key)
        assert refused.status == 429 and "requests at once: Limit 1, Used 1" in refused.error["message"], refused
        assert refused.headers["retry-after-ms"] == "1000"
    assert server.post("/v1/responses", BODY, key=other).status == 200
    assert server.post("/v1/responses", {**BODY, "background": True}, key=key).status == 200  # those are apart
    gate.open.set()
    list(stream)
    eventually(lambda: server.post("/v1/responses", BODY, key=key).status == 200)


def test_background_runs(two, engine):
    server, (key, id), (other, _) = two
    limit(server, "keys", "limit", id, "background_runs=1")
    gate = Gate()
    engine.next(say("one"), hold(gate))
    made = server.create("x", background=True, key=key)
    gate.reached.wait(60)
    refused = server.post("/v1/responses", {**BODY, "background": True}, key=key)
    assert refused.status == 429 and refused.error["code"] == "rate_limit_exceeded"
    assert server.post("/v1/responses", BODY, key=key).status == 200
    assert server.post("/v1/responses", {**BODY, "background": True}, key=other).status == 200
    gate.open.set()
    eventually(lambda: server.get("/v1/responses/" + made["id"], key=key).json["status"] == "completed")
    assert server.post("/v1/responses", {**BODY, "background": True}, key=key).status == 200


def test_storage(two):
    server, (key, id), (other, _) = two
    client = openai.OpenAI(base_url=server.base_url, api_key=key)
    limit(server, "projects", "limit", "team-b", "storage_bytes=100")
    kept = client.files.create(file=("a.txt", b"x" * 60), purpose="user_data")
    with pytest.raises(openai.BadRequestError, match="storage is full"):
        client.files.create(file=("b.txt", b"x" * 60), purpose="user_data")
    openai.OpenAI(base_url=server.base_url, api_key=other).files.create(file=("b.txt", b"x" * 600), purpose="user_data")
    client.files.delete(kept.id)
    client.files.create(file=("b.txt", b"x" * 60), purpose="user_data")
    assert "limit of projects" in limit(server, "keys", "limit", id, "storage_bytes=5", status=1)


def test_the_official_client_waits_and_tries_again(two):
    server, (key, id), _ = two
    limit(server, "keys", "limit", id, "requests_per_minute=60")
    client = openai.OpenAI(base_url=server.base_url, api_key=key, max_retries=2)
    seen = []
    for _ in range(60):
        if server.post("/v1/responses", BODY, key=key).status == 429:
            break
    raw = client.responses.with_raw_response.create(model="scripted", input="x")
    seen.append(int(raw.http_request.headers["x-stainless-retry-count"]))
    assert raw.parse().status == "completed"
    while not seen[-1]:  # a unit drains each second: one of the next has to wait for it
        raw = client.responses.with_raw_response.create(model="scripted", input="x")
        seen.append(int(raw.http_request.headers["x-stainless-retry-count"]))
    with pytest.raises(openai.RateLimitError) as refused:
        patient = client.with_options(max_retries=0)
        for _ in range(60):
            patient.responses.create(model="scripted", input="x")
    assert refused.value.type == "requests" and refused.value.code == "rate_limit_exceeded"


def test_a_websocket_is_told(two):
    server, (key, id), _ = two
    limit(server, "keys", "limit", id, "requests_per_minute=1")
    client = openai.OpenAI(base_url=server.base_url, api_key=key)
    with client.responses.connect() as connection:
        connection.response.create(model="scripted", input="x")
        kinds = []
        for event in connection:
            kinds.append(event.type)
            if event.type == "response.completed":
                break
        connection.response.create(model="scripted", input="y")
        event = next(iter(connection))
        assert event.type == "error" and event.status == 429, event
        assert event.error.code == "rate_limit_exceeded" and event.error.type == "requests"


def money(engine, *more):
    return Server(engine, args=["--set", "prices.models=scripted=1000/100/2000", "--set", "quota.sync_ms=50", *more])


def test_costs_and_a_budget(engine):
    server = money(engine)
    try:
        key, id = make_key(server, "one", project="team-b")
        boss = admin_key(server)
        made = server.create("x", key=key)
        cost = made["usage"]["input_tokens"] * 0.001 + made["usage"]["output_tokens"] * 0.002
        told = results(server, "costs", key=boss, group_by=["project_id", "api_key_id"])
        assert [(r["project_id"], r["api_key_id"]) for r in told] == [("team-b", id)]
        assert told[0]["amount"]["currency"] == "usd" and abs(told[0]["amount"]["value"] - cost) < 1e-9
        lines = {r["line_item"]: r for r in results(server, "costs", key=boss, group_by="line_item")}
        assert set(lines) == {"scripted, input", "scripted, output"}
        assert lines["scripted, output"]["quantity"] == made["usage"]["output_tokens"]
        assert lines["scripted, output"]["quantity_unit"] == "tokens"
        limit(server, "keys", "limit", id, f"budget_per_month={cost * 1.5:.6f}")
        server.create("x", key=key)  # what is left is enough to begin
        before = len(engine.requests)

        def stopped():
            answer = server.post("/v1/responses", BODY, key=key)
            return answer.status == 429 and answer
        refused = eventually(stopped)
        assert refused.error["type"] == refused.error["code"] == "insufficient_quota"
        assert refused.headers["x-should-retry"] == "false"
        before = len(engine.requests)
        assert server.post("/v1/chat/completions", CHAT, key=key).error["code"] == "insufficient_quota"
        assert server.post("/v1/responses", {**BODY, "background": True}, key=key).error["code"] == "insufficient_quota"
        assert len(engine.requests) == before  # no engine was asked
        with pytest.raises(openai.RateLimitError, match="exceeded your current quota"):
            openai.OpenAI(base_url=server.base_url, api_key=key).responses.create(**BODY)
        server.stop()
        server.start()  # rows, not memory
        assert server.post("/v1/responses", BODY, key=key).error["code"] == "insufficient_quota"
        limit(server, "keys", "limit", id, "budget_per_month=1000")
        assert server.post("/v1/responses", BODY, key=key).status == 200
        server.stop()
    finally:
        server.erase()


def test_commands(engine):
    server = money(engine)
    try:
        key, id = make_key(server, "one")
        made = server.create("x", key=key)
        shown = limit(server, "usage")
        assert re.search(r"^\d{4}-\d\d-\d\d +1 +%d +0 +%d  scripted$" % (made["usage"]["input_tokens"], made["usage"]["output_tokens"]),
                         shown, re.M), shown
        assert re.search(r"^Cost: \$\d+\.\d{4}$", shown, re.M)
        assert f" {id}" in limit(server, "usage", "--by", "key,project") and " default" in limit(server, "usage", "--by", "project")
        assert json.loads(limit(server, "usage", "--json"))["object"] == "page"
        assert "--days 1..31" in limit(server, "usage", "--days", "40", status=1)
        assert "--by wants" in limit(server, "usage", "--by", "colour", status=1)
        assert "is no limit" in limit(server, "keys", "limit", id, "speed=3", status=1)
        assert "whole number" in limit(server, "keys", "limit", id, "turns_at_once=few", status=1)
        assert "amount of dollars" in limit(server, "keys", "limit", id, "budget_per_month=much", status=1)
        assert "no API key" in limit(server, "keys", "limit", "key_x", "turns_at_once=1", status=1)
        assert "is not NAME=VALUE" in limit(server, "keys", "limit", id, "turns_at_once", status=1)
        assert limit(server, "projects", "limit", "team", "budget_per_month=20.50") == "team  budget_per_month=20.50\n"
        server.stop()
    finally:
        server.erase()


def test_refusals_are_measured(engine):
    server = Server(engine)
    try:
        limit(server, "projects", "limit", "default", "requests_per_minute=1")
        assert server.post("/v1/responses", BODY).status == 200 and server.post("/v1/responses", BODY).status == 429
        text = server.get("/metrics").body.decode()
        assert 'antiphon_limit_refusals_total{type="requests"} 1' in text and "antiphon_limit_holders 1" in text
        server.stop()
    finally:
        server.erase()


def test_a_webhook_warns_once(engine):
    server, receiver = money(engine, *HERE), Receiver()
    try:
        key, id = make_key(server, "one", project="team-b")
        hook = {"name": "n", "url": receiver.url, "event_types": ["budget.warning"]}
        assert server.post("/v1/webhook_endpoints", hook, key=key).status == 200
        made = server.create("x", key=key)
        cost = made["usage"]["input_tokens"] * 0.001 + made["usage"]["output_tokens"] * 0.002
        limit(server, "keys", "limit", id, f"budget_per_month={cost * 10:.6f}", "budget_warning_percent=25")
        limit(server, "projects", "limit", "team-b", f"budget_per_month={cost * 3.5:.6f}")
        for _ in range(2):
            server.create("x", key=key)
        told = sorted(json.loads(delivery.body)["data"]["id"] for delivery in receiver.wait(2))
        assert told == sorted([id, "team-b"]), told
        eventually(lambda: server.post("/v1/responses", BODY, key=key).status == 429)
        server.stop()
        server.start()
        server.post("/v1/responses", BODY, key=key)
        server.stop()
        assert len(receiver.got) == 2 and {json.loads(d.body)["type"] for d in receiver.got} == {"budget.warning"}
    finally:
        receiver.server.shutdown()
        server.erase()
