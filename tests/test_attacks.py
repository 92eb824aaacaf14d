"""Attacks that once did harm: small requests that cost very much, engines that lie, races that lost something."""
import json
import os
import socket

import pytest

from engine_script import Gate, ScriptedEngine, call, finish, hold, raw, say, think
from harness import BINARY, eventually, text_of
from test_attach import PNG, data_url
from web_script import ScriptedWeb

TOOL = [{"type": "function", "name": "f", "parameters": {"type": "object"}}]


def chunk(delta, reason=None):
    return raw(b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}).encode() + b"\n\n")


def at_once(*chunks):
    """The whole end of an answer in one write, so that it is read in one piece."""
    def run(answer):
        data = b"".join(b"data: " + (c if isinstance(c, bytes) else json.dumps(
            {"choices": [{"index": 0, "delta": {"content": c}, "finish_reason": None}]}).encode()) + b"\n\n" for c in chunks)
        data += b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        answer.begin()
        answer.request.socket.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))
        answer.ended = True
    return run


def cpu(server):
    """Ticks of 10 ms that the server has worked."""
    with open(f"/proc/{server.process.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def cost(server, body, status=200):
    before = cpu(server)
    answer = server.post("/v1/responses", {"model": "scripted", **body})
    assert answer.status == status, answer
    return cpu(server) - before


def assert_alike(dear, cheap):
    """Both requests are of one size; a cost that grows with the square shows as hundreds of times the other's."""
    assert dear < 12 * cheap + 50, f"{dear} ticks, {cheap} for a plain one of that size"


@pytest.fixture
def roomy():
    """An engine that any prompt fits."""
    e = ScriptedEngine(context=1 << 30, slots=200)
    yield e
    e.close()


# --- requests that cost more than their size ---

def test_many_pieces_of_reasoning(servers, roomy):
    """Each piece was joined to all before it: a body of 10 MB took 50 GB."""
    server = servers(roomy)
    text = {"type": "summary_text", "text": "a" * 1000}
    server.create("warm")
    for items in ([{"type": "reasoning", "id": f"rs_{i}", "summary": [text]} for i in range(2000)],
                  [{"type": "reasoning", "id": "rs_1", "summary": [text] * 2000}]):
        server.create(items + [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                               {"type": "function_call_output", "call_id": "c", "output": "x"}], store=False)
        assert peak(server) < 500_000, f"{peak(server)} kB"
        thought = next(m for m in roomy.last.body["messages"] if m["role"] == "assistant")["reasoning_content"]
        assert thought == "\n\n".join(["a" * 1000] * 2000)


def test_truncation_of_many_messages(servers):
    engine = ScriptedEngine(context=4096)
    server = servers(engine)
    body = {"store": False, "input": [{"role": ("user", "assistant")[i % 2], "content": "a"} for i in range(40000)] +
            [{"role": "user", "content": "last"}]}
    cheap = cost(server, body, 400)
    assert_alike(cost(server, {**body, "truncation": "auto"}), cheap)
    assert engine.last.body["messages"][-1]["content"] == "last"
    assert len(engine.last.raw) // 4 < 4096
    engine.close()


def peak(server):
    """The most memory that it ever held, in kB."""
    with open(f"/proc/{server.process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


def test_pictures_among_many_texts(servers):
    """All parts of the message were copied for each picture."""
    engine = ScriptedEngine(context=1 << 30, vision=True)
    server = servers(engine)
    parts = [{"type": "input_image", "image_url": data_url(PNG)}] * 100 + [{"type": "input_text", "text": "a"}] * 100000
    server.create([{"role": "user", "content": parts}], store=False)
    assert peak(server) < 500_000, f"{peak(server)} kB"
    sent = engine.last.body["messages"][-1]["content"]
    assert [part["type"] for part in sent[:100]] == ["image_url"] * 100
    assert "".join(part["text"] for part in sent[100:]).count("a") == 100000
    engine.close()


def test_a_page_that_is_slow_to_search(servers, engine):
    """Each letter of the page was compared with all of the pattern's."""
    web = ScriptedWeb()
    server = servers(engine, web.args(fetch__allow="127.0.0.1"))
    web.pages["/p"] = ("text/plain", "a" * 4_000_000)

    def find(pattern):
        engine.next(call("web_search", json.dumps({"url": web.url + "/p", "pattern": pattern})))
        engine.next(say("ok"))
        return cost(server, {"input": "x", "tools": [{"type": "web_search"}], "store": False})

    find("warm")
    assert_alike(find("a" * 999 + "b"), find("b" * 1000))
    assert "was not found" in engine.last.body["messages"][-1]["content"]
    web.close()


def test_references_into_many_definitions(servers, roomy):
    server = servers(roomy)
    n = 30000

    def body(name):
        defs = {f"k{i}": {"type": "string"} for i in range(n)}
        return {"store": False, "input": "x", "tools": [{"type": "function", "name": "f", "parameters": {
            "type": "object", "additionalProperties": False, "required": ["a"], "$defs": defs,
            "properties": {"a": {"anyOf": [{"$ref": "#/$defs/" + name}] * n}}}}]}

    assert_alike(cost(server, body(f"k{n - 1}")), cost(server, body("k0")))


def test_references_to_many_items(servers, roomy):
    server = servers(roomy)
    n = 49000
    cheap = cost(server, {"input": [{"type": "message", "id": f"mine-{i}", "role": "user", "content": "a"} for i in range(n)]})
    dear = cost(server, {"input": [{"type": "item_reference", "id": f"mine-{i}"} for i in range(n)]})
    assert dear < 2 * cheap, f"{dear} ticks, {cheap} for as many messages"


def test_memory_of_a_burst_is_given_back(servers, roomy):
    """The C library kept it: 700 MB after 150 answers of 1 MB."""
    with open(BINARY, "rb") as f:
        if b"__asan_init" in f.read():
            pytest.skip("a sanitizer keeps what is freed")
    server = servers(roomy, ["--set", "api.replay_bytes=1048576", "--set", "net.stall_seconds=2"])
    roomy.always(lambda request: [say(*["a" * 20000] * 50)])
    body = b'{"model":"scripted","input":"x","stream":true,"store":false}'
    request = b"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    for n in (120, 240):
        readers = [socket.create_connection((server.host, server.port), 60) for _ in range(120)]
        for s in readers:  # none of them reads
            s.sendall(request % len(body) + body)
        roomy.wait_for(n)
        eventually(lambda: all(r.done.is_set() or r.left.is_set() for r in roomy.requests))
        eventually(lambda: len(os.listdir(f"/proc/{server.process.pid}/fd")) < 200, what="giving stalled readers up")
        for s in readers:
            s.close()

    def resident():
        with open(f"/proc/{server.process.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    eventually(lambda: resident() < 120_000, what=f"from {resident()} kB on, giving back")


# --- engines that misbehave ---

def both_forms(server, engine, *steps, **more):
    """The response as JSON (None when it was an error), and the last one of a stream with its events."""
    engine.next(*steps)
    engine.next(*steps)
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x", **more})
    events = list(server.stream("x", **more))
    assert [e.data["sequence_number"] for e in events[:-1]] == list(range(len(events) - 1))
    return answer, events[-2].data["response"], events


def test_output_over_its_bound_with_its_last_bytes(servers, engine):
    """The end came in the same read as the excess: the cut text was called completed."""
    server = servers(engine, ["--set", "api.output_bytes=65536"])
    answer, response, _ = both_forms(server, engine, say("a" * 65000), at_once("b" * 1000, "c"))
    assert answer.status == 502 and "api.output_bytes" in answer.error["message"], answer
    assert response["status"] == "failed" and "api.output_bytes" in response["error"]["message"]
    assert text_of(response) == "a" * 65000, "text behind a gap"


@pytest.mark.parametrize("step", [say("\n"), think("hm")], ids=["text", "reasoning"])
def test_text_between_the_pieces_of_a_call(server, engine, step):
    """The call was closed as completed with half of its arguments."""
    rest = chunk({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]})
    answer, response, events = both_forms(server, engine, call("f", '{"a":'), step, rest, finish("tool_calls"), tools=TOOL)
    for r in (answer.json, response):
        assert [i["arguments"] for i in r["output"] if i["type"] == "function_call"] == ['{"a":1}']
        assert r["status"] == "completed"
    done = [e.data["arguments"] for e in events if e.type == "response.function_call_arguments.done"]
    assert done == ['{"a":1}']


@pytest.mark.parametrize("n", [-5, 2**63 - 1, 2**63, 1e300, "many", None])
def test_nonsense_in_usage(server, engine, n):
    usage = {"prompt_tokens": n, "completion_tokens": n, "total_tokens": n, "prompt_tokens_details": {"cached_tokens": n},
             "completion_tokens_details": {"reasoning_tokens": n}}
    answer, response, _ = both_forms(server, engine, say("a"), finish("stop", usage))
    for r in (answer.json, response):
        assert r["usage"]["total_tokens"] == r["usage"]["input_tokens"] + r["usage"]["output_tokens"]
        assert min(r["usage"]["input_tokens"], r["usage"]["output_tokens"]) >= 0


def test_an_early_text_that_misses_its_schema(server, engine):
    """Only the last text was looked at: reasoning behind a wrong one made it completed."""
    schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    strict = {"text": {"format": {"type": "json_schema", "name": "n", "strict": True, "schema": schema}}}
    answer, response, _ = both_forms(server, engine, say("no"), think("hm"), **strict)
    assert answer.status == 500 and "'n'" in answer.error["message"], answer
    assert response["status"] == "failed"
    answer, response, _ = both_forms(server, engine, say("{}"), think("hm"), **strict)
    assert answer.json["status"] == response["status"] == "completed"


def test_logprobs_over_the_bound(servers, engine):
    """What was kept of them was no JSON any more, and nor was the response."""
    server = servers(engine, ["--set", "api.output_bytes=65536"])
    logprobs = {"content": [{"token": "a" * 10000, "logprob": -1, "bytes": [1], "top_logprobs": []}]}
    more = {"include": ["message.output_text.logprobs"], "top_logprobs": 1}
    answer, response, _ = both_forms(server, engine, say(*["a"] * 20, logprobs=logprobs), **more)
    assert answer.status == 502 and response["status"] == "failed"
    kept = response["output"][0]["content"][0]
    assert len(kept["text"]) in (len(kept["logprobs"]), len(kept["logprobs"]) + 1)
    stored = server.get("/v1/responses/" + response["id"]).json
    assert stored["output"] == response["output"]
    assert server.post("/v1/responses", {"model": "scripted", "input": "on", "previous_response_id": response["id"]}).status == 200


# --- races ---

def test_who_leaves_early_does_not_give_back_the_claim_of_another(server, engine):
    """A repeat whose client left while its key was looked up freed the key: the next repeat ran a second time."""
    body = json.dumps({"model": "scripted", "input": "x"}).encode()
    request = b"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n" \
              b"Content-Length: %d\r\n\r\n" % len(body) + body
    gate = Gate()
    engine.next(say("once"), hold(gate))
    with socket.create_connection((server.host, server.port), 60) as first:
        first.sendall(request)
        assert gate.reached.wait(60)
        for _ in range(20):
            with socket.create_connection((server.host, server.port), 60) as s:
                s.sendall(request)
        assert server.post("/v1/responses", body, headers={"Idempotency-Key": "k"}).status == 409
        gate.open.set()
        assert first.recv(100).startswith(b"HTTP/1.1 200 ")
    answer = server.post("/v1/responses", body, headers={"Idempotency-Key": "k"})
    assert answer.status == 200 and text_of(answer.json) == "once", answer
    assert len(engine.requests) == 1
