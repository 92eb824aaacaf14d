"""/v1/batches: the official SDK from file to output, bad files, cancel, expiry, webhooks, projects, what a kill -9 leaves."""
import io
import json
import os
import pathlib
import re

import openai
import pytest

from ability_script import AbilityEngine, answer_json, b64, form_of, png
from engine_script import Gate, ScriptedEngine, hang, hold, pause, say, status
from harness import eventually, make_key
from test_webhooks import HERE, Receiver

ENDED = ("completed", "failed", "expired", "cancelled")


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as c:
        yield c


def line(i, url="/v1/responses", body=None, **more):
    body = body or {"model": "scripted", "input": f"question {i}"}
    return {"custom_id": f"line-{i}", "method": "POST", "url": url, "body": body, **more}


def put(client, lines, purpose="batch"):
    text = lines if isinstance(lines, bytes) else "\n".join(
        one if isinstance(one, str) else json.dumps(one) for one in lines).encode()
    return client.files.create(file=("in.jsonl", io.BytesIO(text)), purpose=purpose).id


def begin(client, lines, endpoint="/v1/responses", **more):
    return client.batches.create(input_file_id=put(client, lines), endpoint=endpoint, completion_window="24h", **more)


def ended(client, batch, patience=60):
    def look():
        got = client.batches.retrieve(batch.id)
        return got if got.status in ENDED else None
    return eventually(look, patience)


def read(client, file):
    return [json.loads(one) for one in client.files.content(file).text.splitlines()] if file else []


def text_of(body):
    return body["output"][0]["content"][0]["text"] if "output" in body else body["choices"][0]["message"]["content"]


def by_id(rows):
    found = {row["custom_id"]: row for row in rows}
    assert len(found) == len(rows), "a line was answered twice"
    return found


# --- the way through ---

@pytest.mark.sdk
def test_from_file_to_output(client):
    made = begin(client, [line(i) for i in range(20)], metadata={"job": "nightly"},
                 output_expires_after={"anchor": "created_at", "seconds": 3600})
    assert made.id.startswith("batch_") and made.status == "validating" and made.model is None and made.errors is None
    assert made.expires_at == made.created_at + 86400 and made.request_counts.total == 0
    assert made.metadata == {"job": "nightly"} and made.usage.total_tokens == 0
    got = ended(client, made)
    assert got.status == "completed" and got.model == "scripted" and got.error_file_id is None and got.errors is None
    assert (got.request_counts.total, got.request_counts.completed, got.request_counts.failed) == (20, 20, 0)
    assert made.created_at <= got.in_progress_at <= got.finalizing_at <= got.completed_at
    assert got.failed_at is got.expired_at is got.cancelling_at is got.cancelled_at is None
    file = client.files.retrieve(got.output_file_id)
    assert file.purpose == "batch_output" and file.expires_at == file.created_at + 3600
    rows = read(client, got.output_file_id)
    assert [row["custom_id"] for row in rows] == [f"line-{i}" for i in range(20)]
    for i, row in enumerate(rows):
        assert list(row) == ["id", "custom_id", "response", "error"] and row["error"] is None
        assert row["id"].startswith("batch_req_") and list(row["response"]) == ["status_code", "request_id", "body"]
        assert row["response"]["status_code"] == 200 and row["response"]["request_id"].startswith("req_")
        assert text_of(row["response"]["body"]) == f"You said: question {i}."
    total = sum(row["response"]["body"]["usage"]["total_tokens"] for row in rows)
    assert got.usage.total_tokens == total > 0
    kept = client.responses.retrieve(rows[3]["response"]["body"]["id"])
    assert kept.output_text == "You said: question 3."


def test_chat_completions_and_recorded_shape(server, client):
    body = {"model": "scripted", "messages": [{"role": "user", "content": "hello"}]}
    file = put(client, [line(0, "/v1/chat/completions", body)])
    made = server.post("/v1/batches", {"input_file_id": file, "endpoint": "/v1/chat/completions",
                                       "completion_window": "24h"}).json
    assert list(made) == ["id", "object", "endpoint", "model", "errors", "input_file_id", "completion_window", "status",
                          "output_file_id", "error_file_id", "created_at", "in_progress_at", "expires_at", "finalizing_at",
                          "completed_at", "failed_at", "expired_at", "cancelling_at", "cancelled_at", "request_counts",
                          "usage", "metadata"]
    got = eventually(lambda: (b := client.batches.retrieve(made["id"])).status == "completed" and b)
    assert text_of(read(client, got.output_file_id)[0]["response"]["body"]) == "You said: hello."


def test_embeddings(servers, engine):
    engine.dims = 16
    server = servers(engine)
    with openai.OpenAI(base_url=server.base_url, api_key="any") as client:
        body = {"model": "scripted", "input": ["four", "five"], "encoding_format": "float"}
        got = ended(client, begin(client, [line(0, "/v1/embeddings", body)], "/v1/embeddings"))
        answer = read(client, got.output_file_id)[0]["response"]["body"]
        direct = client.embeddings.create(**body)
        assert [one["embedding"] for one in answer["data"]] == [one.embedding for one in direct.data]
        assert got.usage.input_tokens == direct.usage.prompt_tokens > 0 and got.model == "scripted"


@pytest.mark.parametrize("endpoint, body, answer, engine_has", [
    ("/v1/moderations", {"model": "judge", "input": "x"},
     {"id": "modr-1", "model": "judge", "results": [{"flagged": False, "categories": {}, "category_scores": {}}]}, "moderations"),
    ("/v1/completions", {"model": "scripted", "prompt": "once"},
     {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "scripted",
      "choices": [{"index": 0, "text": " upon", "finish_reason": "stop", "logprobs": None}],
      "usage": {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3}}, "engine"),
    ("/v1/images/generations", {"prompt": "a cat"}, {"created": 1, "data": [{"b64_json": b64(png())}]}, "images"),
])
def test_an_engine_s_own_endpoints(servers, endpoint, body, answer, engine_has):
    able = AbilityEngine({endpoint: lambda request: answer_json(answer)})
    try:
        own = () if engine_has == "engine" else ("--set", f"{engine_has}.engine={able.url}")
        server = servers(able, args=own)
        with openai.OpenAI(base_url=server.base_url, api_key="any") as client:
            got = ended(client, begin(client, [line(i, endpoint, body) for i in range(3)], endpoint))
            assert (got.status, got.request_counts.completed, got.error_file_id) == ("completed", 3, None)
            rows = by_id(read(client, got.output_file_id))
            for row in rows.values():
                assert row["response"]["status_code"] == 200
                told = row["response"]["body"]
                assert told["data"] == answer["data"] if "data" in answer else told == answer
            assert got.usage.input_tokens == 3 * answer.get("usage", {}).get("prompt_tokens", 0)
            assert len(able.asked) == 3
    finally:
        able.close()


def test_changed_pictures(servers, engine):
    """/v1/images/edits as JSON: a line has no other form."""
    changed, given = png(3, 1), png()
    able = AbilityEngine({"/v1/images/edits": lambda request: answer_json({"created": 1, "data": [{"b64_json": b64(changed)}]})})
    try:
        server = servers(engine, args=("--set", f"images.engine={able.url}"))
        with openai.OpenAI(base_url=server.base_url, api_key="any") as client:
            file = client.files.create(file=("a.png", given), purpose="vision").id
            bodies = [{"prompt": "a cat", "images": [{"file_id": file}]},
                      {"prompt": "a cat", "images": [{"image_url": "data:image/png;base64," + b64(given)}]},
                      {"prompt": "a cat", "images": [{"file_id": "file-nothing"}]}]
            got = ended(client, begin(client, [line(i, "/v1/images/edits", body) for i, body in enumerate(bodies)], "/v1/images/edits"))
            rows = read(client, got.output_file_id)
            assert [row["response"]["body"]["data"] for row in rows] == [[{"b64_json": b64(changed)}]] * 2
            assert [[p[3] for p in form_of(asked) if p[1]] for asked in able.asked] == [[given]] * 2
            row, = read(client, got.error_file_id)
            assert row["response"]["status_code"] == 400 and row["response"]["body"]["error"]["param"] == "images[0]"
    finally:
        able.close()


def test_a_batch_is_kept_for_a_while(servers, engine):
    """Its row goes, a month later; the files stay."""
    server = servers(engine, args=("--set", "store.batch_keep_seconds=0", "--set", "store.sweep_seconds=1",
                                   "--set", "api.batch_running=1"))
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        gate = Gate()
        engine.always(lambda request: [hold(gate), say("x")])
        made = begin(client, [line(0)])
        gate.reached.wait(60)
        assert client.batches.retrieve(made.id).status == "in_progress"  # what is under way stays, however old
        gate.open.set()

        def gone():
            try:
                client.batches.retrieve(made.id)
            except openai.NotFoundError:
                return True
        eventually(gone)
        assert [file.purpose for file in client.files.list()] == ["batch_output", "batch"] and not client.batches.list().data


def test_lines_that_fail_go_into_the_error_file(client, engine):
    lines = [line(0), line(1, body={"model": "nobody", "input": "x"}), line(2, body={"model": "scripted", "input": 7}),
             line(3, body={"model": "scripted"})]
    got = ended(client, begin(client, lines))
    assert got.status == "completed"
    assert (got.request_counts.total, got.request_counts.completed, got.request_counts.failed) == (4, 1, 3)
    assert [row["custom_id"] for row in read(client, got.output_file_id)] == ["line-0"]
    rows = by_id(read(client, got.error_file_id))
    assert rows["line-1"]["response"]["status_code"] == 400
    assert rows["line-1"]["response"]["body"]["error"]["code"] == "model_not_found" and rows["line-1"]["error"] is None
    assert rows["line-2"]["response"]["body"]["error"]["param"] == "input"


def test_an_engine_that_comes_back(servers, engine):
    """503 is waited for as long as the window is open, and 500 a few times; then it is told."""
    server = servers(engine, args=("--set", "api.batch_retry_ms=10", "--set", "api.batch_tries=3",
                                   "--set", "engine.retries=0"))
    with openai.OpenAI(base_url=server.base_url, api_key="any") as client:
        tries = {}

        def answer(request):
            n = tries[request.last_text] = tries.get(request.last_text, 0) + 1
            if request.last_text == "question 1" and n < 6:
                return [status(429)]
            return [status(500)] if request.last_text == "question 2" else [say("well")]
        engine.always(answer)
        got = ended(client, begin(client, [line(i) for i in range(4)]))
        assert sorted(by_id(read(client, got.output_file_id))) == ["line-0", "line-1", "line-3"]
        row = read(client, got.error_file_id)[0]
        assert row["custom_id"] == "line-2" and row["response"]["status_code"] >= 500 and tries["question 2"] == 3


# --- what is refused ---

def faults(client, lines, **more):
    got = ended(client, begin(client, lines, **more))
    assert got.status == "failed" and got.failed_at and got.output_file_id is None and got.errors.object == "list"
    return [(e.line, e.code, e.param) for e in got.errors.data]


def test_bad_lines_are_named_by_their_numbers(client, engine):
    bad = [line(0), "{not json", line(1, url="/v1/chat/completions"), line(0),
           line(2, body={"model": "scripted", "input": "x", "stream": True}),
           line(3, body={"model": "scripted", "input": "x", "background": True}),
           {"method": "POST", "url": "/v1/responses", "body": {}}, line(4, method="GET"), line(5, body=[1]), "[1]", "",
           line(6, custom_id=""), json.dumps({"custom_id": "a", "method": "POST", "url": "/v1/responses"})]
    assert faults(client, bad) == [
        (2, "invalid_json_line", None), (3, "invalid_url", "url"), (4, "duplicate_custom_id", "custom_id"),
        (5, "invalid_request", "body.stream"), (6, "invalid_request", "body.background"),
        (7, "missing_required_parameter", "custom_id"), (8, "invalid_method", "method"), (9, "invalid_type", "body"),
        (10, "invalid_json_line", None), (12, "invalid_custom_id", "custom_id"), (13, "missing_required_parameter", "body")]
    assert faults(client, b"\n\n") == [(None, "empty_file", None)]
    assert not engine.requests


def test_form_of_the_file(client):
    """Windows line ends, a byte order mark, empty lines and no end of line at the end are no fault."""
    text = "\ufeff" + "\r\n".join([json.dumps(line(0)), "", json.dumps(line(1)), "  ", json.dumps(line(2))])
    got = ended(client, begin(client, text.encode()))
    assert got.status == "completed" and len(read(client, got.output_file_id)) == 3


def test_bounds(servers, engine):
    server = servers(engine, args=("--set", "api.batch_lines=3", "--set", "api.batch_line_bytes=1024",
                                   "--set", "api.batch_bytes=4096", "--set", "api.batch_errors=2"))
    with openai.OpenAI(base_url=server.base_url, api_key="any") as client:
        assert faults(client, [line(i) for i in range(5)]) == [(4, "too_many_requests", None)]
        long = line(1, body={"model": "scripted", "input": "x" * 2000})
        assert faults(client, [line(0), long, line(2)]) == [(2, "line_too_long", None)]
        assert faults(client, [long] * 3) == [(None, "file_too_large", None)]
        assert faults(client, ["x"] * 3) == [(1, "invalid_json_line", None), (2, "invalid_json_line", None)]


def test_what_cannot_be_begun(server, client):
    good = put(client, [line(0)])
    asked = {"input_file_id": good, "endpoint": "/v1/responses", "completion_window": "24h"}

    def refused(param, **change):
        answer = server.post("/v1/batches", {**asked, **change})
        assert answer.status == 400 and answer.error["param"] == param, answer
        return answer.error
    refused("input_file_id", input_file_id="file-nothing")
    refused("input_file_id", input_file_id=put(client, [line(0)], "user_data"))
    refused("endpoint", endpoint="/v1/wrong")
    assert "does not answer that endpoint" in refused("endpoint", endpoint="/v1/videos")["message"]
    refused("completion_window", completion_window="1h")
    refused("output_expires_after.seconds", output_expires_after={"anchor": "created_at", "seconds": 60})
    assert refused("whatever", whatever=1)["code"] == "unknown_parameter"
    answer = server.get("/v1/batches/batch_" + "0" * 40)
    assert answer.status == 404 and "No batch found" in answer.error["message"]
    assert server.post("/v1/batches/batch_1/cancel", None).status == 404
    assert server.get("/v1/batches?limit=0").status == 400 and server.get("/v1/batches?after=x").status == 400


# --- cancel, expiry, webhooks ---

def test_cancel_keeps_what_is_finished(servers, engine):
    server = servers(engine, args=("--set", "api.batch_running=2"))
    with openai.OpenAI(base_url=server.base_url, api_key="any") as client:
        gates = {}

        def answer(request):
            if request.last_text in ("question 0", "question 1"):
                return [say("quick")]
            return [hang()]
        engine.always(answer)
        made = begin(client, [line(i) for i in range(50)])
        eventually(lambda: client.batches.retrieve(made.id).request_counts.completed == 2)
        got = client.batches.cancel(made.id)
        assert got.status == "cancelling" and got.cancelling_at
        again = server.post(f"/v1/batches/{made.id}/cancel", {})
        assert again.status == 200 or "cancelled" in again.error["message"]
        got = ended(client, made)
        assert got.status == "cancelled" and got.cancelled_at >= got.cancelling_at and got.error_file_id is None
        assert sorted(by_id(read(client, got.output_file_id))) == ["line-0", "line-1"]
        assert got.request_counts.total == 50 and got.request_counts.completed == 2
        answer = server.post(f"/v1/batches/{made.id}/cancel", {})
        assert answer.status == 400 and answer.error["message"] == "Cannot cancel a batch with status 'cancelled'."
        eventually(lambda: all(r.left.is_set() for r in engine.requests if r.body and r.last_text == "question 2"))


def test_what_is_left_when_the_window_closes(servers, engine):
    server = servers(engine, args=("--set", "api.batch_running=2", "--set", "api.batch_seconds=2"))
    with openai.OpenAI(base_url=server.base_url, api_key="any") as client:
        engine.always(lambda request: [say("quick")] if request.last_text == "question 0" else [hang()])
        made = begin(client, [line(i) for i in range(5)])
        got = ended(client, made)
        assert got.status == "expired" and got.expired_at >= got.expires_at == made.created_at + 2
        assert [row["custom_id"] for row in read(client, got.output_file_id)] == ["line-0"]
        rows = read(client, got.error_file_id)
        assert [row["custom_id"] for row in rows] == [f"line-{i}" for i in range(1, 5)]
        assert all(row["response"] is None and row["error"]["code"] == "batch_expired" for row in rows)


def test_expired_with_no_answer_at_all(servers, engine):
    """As recorded live (BatchTests): it has an output file though `completed` is 0, and was finalizing from the window's end on."""
    server = servers(engine, args=("--set", "api.batch_seconds=1"))
    with openai.OpenAI(base_url=server.base_url, api_key="any") as client:
        engine.always(lambda request: [hang()])
        got = ended(client, begin(client, [line(i) for i in range(3)]))
        assert got.status == "expired" and got.request_counts.completed == 0 and got.expires_at <= got.finalizing_at <= got.expired_at
        assert client.files.content(got.output_file_id).content == b"" and len(read(client, got.error_file_id)) == 3


def test_webhooks(servers, engine):
    receiver = Receiver()
    try:
        server = servers(engine, args=(*HERE, "--set", "api.batch_seconds=3"))
        with openai.OpenAI(base_url=server.base_url, api_key="any") as client:
            kinds = [f"batch.{status}" for status in ENDED]
            secret = client.webhooks.create(name="n", url=receiver.url, event_types=kinds).signing_secret
            engine.always(lambda request: [say("quick")] if request.last_text == "question 0" else [hang()])
            made = {"batch.completed": begin(client, [line(0)]), "batch.failed": begin(client, ["x"]),
                    "batch.expired": begin(client, [line(1)]), "batch.cancelled": begin(client, [line(2)])}
            eventually(lambda: client.batches.retrieve(made["batch.cancelled"].id).status == "in_progress")
            client.batches.cancel(made["batch.cancelled"].id)
            got = {d.unwrap(secret).type: d.unwrap(secret).data.id for d in receiver.wait(4)}
            assert got == {kind: batch.id for kind, batch in made.items()}
    finally:
        receiver.close()


def test_lists_and_projects(servers, engine):
    server = servers(engine)
    ours, _ = make_key(server, "ours")
    theirs, _ = make_key(server, "theirs", project="other")
    with openai.OpenAI(base_url=server.base_url, api_key=ours, max_retries=0) as us, \
            openai.OpenAI(base_url=server.base_url, api_key=theirs, max_retries=0) as them:
        made = [begin(us, [line(i)]) for i in range(3)]
        alien = begin(them, [line(9)])
        assert [b.id for b in us.batches.list()] == [b.id for b in reversed(made)]
        page = us.batches.list(limit=2)
        assert page.has_more and page.data[0].id == made[2].id
        assert [b.id for b in us.batches.list(limit=1)] == [b.id for b in reversed(made)]
        assert [b.id for b in them.batches.list()] == [alien.id]
        for call in (them.batches.retrieve, them.batches.cancel):
            with pytest.raises(openai.NotFoundError):
                call(made[0].id)
        with pytest.raises(openai.BadRequestError):
            them.batches.create(input_file_id=made[0].input_file_id, endpoint="/v1/responses", completion_window="24h")
        done = ended(us, made[0])
        with pytest.raises(openai.NotFoundError):
            them.files.content(done.output_file_id)
        body = read(us, done.output_file_id)[0]["response"]["body"]
        with pytest.raises(openai.NotFoundError):
            them.responses.retrieve(body["id"])
        assert us.responses.retrieve(body["id"]).id == body["id"]


def test_projects_share_the_places(servers, engine):
    """A project that comes later does not wait for the batch of another."""
    server = servers(engine, args=("--set", "api.batch_running=2"))
    ours, _ = make_key(server, "ours")
    theirs, _ = make_key(server, "theirs", project="other")
    with openai.OpenAI(base_url=server.base_url, api_key=ours) as us, openai.OpenAI(base_url=server.base_url, api_key=theirs) as them:
        gate = Gate()
        engine.always(lambda request: [hold(gate), say("late")] if "slow" in request.last_text else [pause(0.02), say("quick")])
        slow = begin(us, [line(0, body={"model": "scripted", "input": "slow"})] + [line(i) for i in range(1, 400)])
        gate.reached.wait(60)
        got = ended(them, begin(them, [line(i) for i in range(5)]))
        assert got.status == "completed" and us.batches.retrieve(slow.id).status == "in_progress"
        us.batches.cancel(slow.id)
        gate.open.set()
        ended(us, slow)


def test_an_interactive_request_goes_first(servers):
    """With one slot and many lines that wait for it, the next slot is the client's."""
    engine = ScriptedEngine(slots=1)
    try:
        server = servers(engine, args=("--set", "api.batch_running=4"))
        with openai.OpenAI(base_url=server.base_url, api_key="any") as client:
            gate = Gate()
            engine.always(lambda request: [hold(gate), say("x")])
            made = begin(client, [line(i) for i in range(30)])
            gate.reached.wait(60)
            stream = server.stream("now")
            events = iter(stream)
            assert next(events).type == "response.created"  # it waits for the slot, behind the lines by time
            gate.open.set()
            assert [e.type for e in events][-1] == "[DONE]"
            texts = [r.last_text for r in engine.requests if r.body]
            assert texts.index("now") == 1, texts
            assert ended(client, made).request_counts.completed == 30
    finally:
        engine.close()


# --- the end of the process ---

def kills(servers, engine, tmp_path, lines, times):
    data = str(tmp_path / "data")
    args = ("--set", "api.batch_running=8")
    server = servers(engine, args=args, data=data)
    with openai.OpenAI(base_url=server.base_url, api_key="any") as client:
        made = begin(client, [line(i) for i in range(lines)])
    for i in range(times):
        with openai.OpenAI(base_url=server.base_url, api_key="any") as client:
            part = lines * (i + 1) // (times + 1)
            eventually(lambda: (c := client.batches.retrieve(made.id).request_counts).completed >= part, 300)
        server.kill()
        server = servers(engine, args=args, data=data)
    with openai.OpenAI(base_url=server.base_url, api_key="any") as client:
        got = ended(client, made, 300)
        assert got.status == "completed" and got.request_counts.completed == lines and got.error_file_id is None
        rows = by_id(read(client, got.output_file_id))
        assert len(rows) == lines
        for i in range(lines):
            assert text_of(rows[f"line-{i}"]["response"]["body"]) == f"You said: question {i}."
    server.stop()
    asked = [r.last_text for r in engine.requests if r.body and "messages" in r.body]
    assert lines <= len(asked) <= lines + 8 * times * 2  # what was under way at a kill ran again, and no more


def test_each_line_is_answered_once_whatever_is_killed(servers, engine, tmp_path):
    kills(servers, engine, tmp_path, 2000, 3)


@pytest.mark.skipif("ANTIPHON_SOAK" not in os.environ, reason="minutes: with ANTIPHON_SOAK=1")
def test_ten_thousand_lines_and_five_kills(servers, engine, tmp_path):
    kills(servers, engine, tmp_path, 10000, 5)


def test_a_drain_loses_no_answer(servers, engine, tmp_path):
    """SIGTERM: what runs ends and is kept; the next process goes on behind it, and asks nothing twice."""
    data = str(tmp_path / "data")
    engine.always(lambda request: [pause(0.03), say(request.last_text)])
    server = servers(engine, data=data)
    with openai.OpenAI(base_url=server.base_url, api_key="any") as client:
        made = begin(client, [line(i) for i in range(200)])
        eventually(lambda: client.batches.retrieve(made.id).request_counts.completed >= 40)
    server.stop()
    server = servers(engine, data=data)
    with openai.OpenAI(base_url=server.base_url, api_key="any") as client:
        assert ended(client, made).request_counts.completed == 200
    asked = [r.last_text for r in engine.requests if r.body and "messages" in r.body]
    assert len(asked) == len(set(asked)) == 200


def test_the_input_may_be_deleted_meanwhile(client, engine):
    gate = Gate()
    engine.always(lambda request: [hold(gate), say("x")])
    made = begin(client, [line(i) for i in range(30)])
    gate.reached.wait(60)
    client.files.delete(made.input_file_id)
    gate.open.set()
    assert ended(client, made).request_counts.completed == 30


# --- docs ---

def test_the_page_example(server, tmp_path, monkeypatch, capsys):
    """docs/batches.md as printed, through the official SDK."""
    page = (pathlib.Path(__file__).parent.parent / "docs" / "batches.md").read_text()
    monkeypatch.chdir(tmp_path)
    program, = re.findall(r"```python\n(.*?)```", page, re.S)
    exec(program.replace("http://127.0.0.1:8080/v1", server.base_url), {})
    said = capsys.readouterr().out.splitlines()
    assert said == ["completed 3 of 3"] + [f"city-{i} You said: One sentence about {city}.."
                                           for i, city in enumerate(["Paris", "Rome", "Oslo"])]
