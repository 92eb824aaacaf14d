"""Features of a turn that meet in one turn: each is tested alone elsewhere."""
import json
import signal

import pytest

from engine_script import Gate, call, calls_interleaved, finish, hold, overflow, say, think
from harness import PATIENCE, Stream, eventually, text_of
from test_background import ended, follow, get, in_order, restart, told
from test_compaction import LONG, MANAGED
from test_disconnect import RETRIES
from test_drain import refused
from test_webhooks import Receiver, endpoint
from test_websocket import Socket

SEARCH = {"type": "web_search"}
WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
ONE = "([one.example](https://one.example/a))"
FOUND = "The first text."
TEMPLATE = {"name": "news", "model": "scripted", "instructions": "Be {{how}}.", "tools": [SEARCH],
            "input": [{"role": "user", "content": "News of {{place}}?"}]}


@pytest.fixture
def receiver():
    r = Receiver()
    yield r
    r.close()


@pytest.fixture
def server(servers, engine, web):
    return servers(engine, args=web.args(fetch__allow="127.0.0.1", api__webhook_retry_ms=50))


def search(query="news"):
    return call("web_search", json.dumps({"query": query}))


def kinds(response):
    return [item["type"] for item in response["output"]]


def messages(engine, at=-1):
    return engine.requests[at].body["messages"]


def conversation(server, *items):
    return server.post("/v1/conversations", {"items": list(items)}).json["id"]


def listed(server, id):
    return server.get(f"/v1/conversations/{id}/items?order=asc&limit=100").json["data"]


def body_of(**more):
    return {"model": "scripted", "input": "go", "tools": [SEARCH], **more}


# --- background ---

def test_template_conversation_search_and_webhook_over_a_kill(server, engine, web, receiver):
    """Killed while the search runs: the run goes on with the template, the tools and the conversation it was queued with."""
    endpoint(server, receiver.url)
    template = server.post("/v1/prompts", TEMPLATE).json["id"]
    talk = conversation(server, {"role": "user", "content": "Earlier."})
    web.gate = Gate()
    engine.next(search())
    engine.next(search("again"))
    engine.next(say("So [1]."))
    made = server.post("/v1/responses", {"prompt": {"id": template, "variables": {"how": "kind", "place": "Rome"}}, "background": True,
                                         "conversation": talk, "input": "And now?"}).json
    assert made["status"] == "queued" and web.gate.reached.wait(PATIENCE)
    server.kill()
    server.start()
    web.gate.open.set()
    end = ended(server, made["id"])
    assert end["status"] == "completed", end
    assert text_of(end) == f"So {ONE}." and end["prompt"]["id"] == template and end["conversation"] == {"id": talk}
    assert kinds(end) == ["web_search_call", "web_search_call", "message"] and end["output"][0]["status"] == "failed"
    asked = json.dumps(messages(engine))
    assert all(asked.count(text) == 1 for text in ("Earlier.", "Be kind.", "News of Rome?", "And now?", FOUND)), asked
    [delivery] = receiver.wait()
    assert delivery.json["type"] == "response.completed" and delivery.json["data"] == {"id": made["id"]}
    items = listed(server, talk)
    assert [i["id"] for i in items[-3:]] == [i["id"] for i in end["output"]]
    assert [i["content"][0]["text"] for i in items if i["type"] == "message" and i["role"] == "user"] == \
        ["Earlier.", "And now?"]  # what a template says is said anew each time
    events = told(follow(server, made["id"]))
    in_order(events)
    assert events[-1].data["response"]["output"] == end["output"]
    restart(server)  # and nothing of it is done or told once more
    assert get(server, made["id"]) == end and len(receiver.got) == 1
    text = text_of(server.create("on", conversation=talk))
    assert text == "You said: on." and json.dumps(messages(engine)).count(FOUND) == 1


def test_a_template_that_is_gone_does_not_stop_its_run(server, engine, web):
    template = server.post("/v1/prompts", TEMPLATE).json["id"]
    web.gate = Gate()
    engine.next(search())
    made = server.post("/v1/responses", {"prompt": {"id": template, "variables": {"how": "kind", "place": "Rome"}}, "background": True}).json
    assert web.gate.reached.wait(PATIENCE)
    assert server.delete("/v1/prompts/" + template).status == 200
    restart(server)
    web.gate.open.set()
    assert ended(server, made["id"])["status"] == "completed" and "News of Rome?" in json.dumps(messages(engine))


def test_a_search_is_waited_for_while_draining(server, engine, web):
    web.gate = Gate()
    engine.next(search())
    engine.next(say("So [1]."))
    stream = server.stream("go", tools=[SEARCH])
    id = stream.until("response.web_search_call.searching")[0].data["response"]["id"]
    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: refused(server), what="new work being refused")
    web.gate.open.set()
    last = list(stream)[-2].data["response"]
    assert last["status"] == "completed" and text_of(last) == f"So {ONE}."
    server.stop()
    server.start()
    assert get(server, id)["output"] == last["output"]


# --- sent twice ---

def test_an_idempotent_turn_searches_once(server, engine, web):
    engine.next(search())
    engine.next(say("So [1]."))
    key = {"Idempotency-Key": "once"}
    first = server.post("/v1/responses", body_of(), headers=key)
    again = server.post("/v1/responses", body_of(), headers=key)
    assert first.status == again.status == 200 and again.json == first.json and len(web.requests) == 1
    assert text_of(first.json) == f"So {ONE}."
    restart(server)
    assert server.post("/v1/responses", body_of(), headers=key).json == first.json and len(web.requests) == 1


def test_a_retry_joins_while_a_search_runs(server, engine, web):
    web.gate = Gate()
    engine.next(search())
    engine.next(say("So [1]."))
    first = Stream(*server.open("POST", "/v1/responses", body_of(stream=True), RETRIES))
    id = first.until("response.web_search_call.searching")[0].data["response"]["id"]
    assert web.gate.reached.wait(PATIENCE)
    first.leave()
    second = Stream(*server.open("POST", "/v1/responses", body_of(stream=True), {"X-Stainless-Retry-Count": "1"}))
    web.gate.open.set()
    events = told(second)
    in_order(events)
    assert events[0].data["response"]["id"] == id and text_of(events[-1].data["response"]) == f"So {ONE}."
    assert len(web.requests) == 1 and len(engine.requests) == 2


# --- WebSocket ---

def test_a_socket_remembers_what_was_found(server, engine, web):
    """store: false: the items live in the lane's memory; the next turn reads what was found, and cites it."""
    with Socket(server) as ws:
        engine.next(think("Hm."), search())
        engine.next(say("So [1]."))
        first = ws.run("go", tools=[SEARCH], store=False, include=["reasoning.encrypted_content"])
        assert kinds(first) == ["reasoning", "web_search_call", "message"] and first["output"][0]["encrypted_content"]
        engine.next(search("more"))
        engine.next(say("And [1], [2]."))
        second = ws.run("on", tools=[SEARCH], store=False, previous_response_id=first["id"])
        assert json.dumps(messages(engine)).count(FOUND) >= 1 and ONE in text_of(second)
        third = ws.run("end", store=False, previous_response_id=second["id"])
        assert text_of(third) == "You said: end."
    assert server.get("/v1/responses/" + first["id"]).status == 404


# --- what is too long ---

def test_compaction_after_searches(server, engine, web):
    """The threshold counts the last call; the summary is told what was found, and the chain goes on from it."""
    engine.next(search(), finish("tool_calls", {**LONG, "prompt_tokens": 10, "total_tokens": 160}))
    engine.next(say("So [1]."), finish("stop", LONG))
    engine.next(say("They searched."))
    made = server.create("go", tools=[SEARCH], context_management=MANAGED)
    assert kinds(made) == ["web_search_call", "message", "compaction"] and text_of(made) == f"So {ONE}."
    assert "So " in messages(engine)[-1]["content"]
    server.create("on", tools=[SEARCH], previous_response_id=made["id"])
    assert [m["role"] for m in messages(engine)] == ["user", "assistant", "user"] and FOUND not in json.dumps(messages(engine))
    # The same items in a context that a client asks to have summed up.
    engine.next(say("All of it."))
    answer = server.post("/v1/responses/compact", {"model": "scripted", "input": [{"role": "user", "content": "go"}, *made["output"]]})
    assert answer.status == 200 and [i["type"] for i in answer.json["output"]] == ["message", "compaction"]


def test_truncation_drops_a_search_with_its_result(server, engine, web):
    engine.next(search())
    engine.next(say("So [1]."))
    first = server.create("go", tools=[SEARCH])
    second = server.create("two", previous_response_id=first["id"])

    def room_for_one(request):
        sent = request.body["messages"]
        calls = {c["id"] for m in sent for c in m.get("tool_calls") or []}
        assert {m["tool_call_id"] for m in sent if m["role"] == "tool"} == calls
        return [overflow()] if len([m for m in sent if m["role"] == "user"]) > 1 else [say("fits")]

    engine.always(room_for_one)
    third = server.create("three", previous_response_id=second["id"], truncation="auto", tools=[SEARCH])
    assert text_of(third) == "fits" and FOUND not in json.dumps(messages(engine))


def test_truncation_between_two_rounds(server, engine, web):
    """What was found makes the context too long: the past goes, the round that runs stays whole."""
    first = server.create("one " * 2000)
    engine.next(search())
    engine.next(overflow(5000, 4096))
    engine.next(say("So [1]."))
    made = server.create("go", previous_response_id=first["id"], truncation="auto", tools=[SEARCH])
    assert text_of(made) == f"So {ONE}." and [m["role"] for m in messages(engine)] == ["user", "assistant", "tool"]


# --- counted, limited, formed ---

def test_searches_are_counted_as_input(server, engine):
    engine.next(search())
    engine.next(say("So [1]."))
    made = server.create("go", tools=[SEARCH])

    def count(**body):
        answer = server.post("/v1/responses/input_tokens", {"model": "scripted", "input": "on", **body})
        assert answer.status == 200, answer
        return answer.json["input_tokens"]

    assert count(tools=[SEARCH]) > count()
    assert count(previous_response_id=made["id"], tools=[SEARCH]) > count(tools=[SEARCH]) + len(FOUND) // 8
    assert len(engine.requests) == 2


def test_the_limit_of_calls_is_of_ours_alone(server, engine, web):
    """max_tool_calls counts hosted calls; the client's stand beside them."""
    engine.next(calls_interleaved(("web_search", "1", ['{"query":"a"}']), ("weather", "2", ['{"city":"Rome"}']),
                                  ("web_search", "3", ['{"query":"b"}'])))
    made = server.create("go", tools=[SEARCH, WEATHER], max_tool_calls=1)
    assert kinds(made) == ["web_search_call", "function_call"] and len(web.requests) == 1 and made["status"] == "completed"
    engine.next(say("So [1]."))
    output = {"type": "function_call_output", "call_id": made["output"][1]["call_id"], "output": "sunny"}
    on = server.create([output], tools=[SEARCH, WEATHER], previous_response_id=made["id"], max_tool_calls=1)
    assert text_of(on) == f"So {ONE}."


def test_a_strict_schema_after_a_search(server, engine):
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
    engine.next(search())
    engine.next(say('{"a": "so [1]"}'))
    made = server.create("go", tools=[SEARCH], text={"format": {"type": "json_schema", "name": "x", "strict": True, "schema": schema}})
    assert made["status"] == "completed" and json.loads(text_of(made)) == {"a": "so [1]"}
    assert [r.body.get("response_format", {}).get("type") for r in engine.requests][-1] == "json_schema"


def test_sealed_thoughts_between_searches(server, engine):
    """Every round's reasoning is sealed; sent back in the middle of the loop, each stands before its own call again."""
    engine.next(think("First a."), search("a"))
    engine.next(think("Then b."), search("b"))
    engine.next(think("Now."), say("So [1]."))
    made = server.create("go", tools=[SEARCH], store=False, include=["reasoning.encrypted_content", "web_search_call.results"])
    assert kinds(made) == ["reasoning", "web_search_call"] * 2 + ["reasoning", "message"]
    sealed = [{**i, "content": []} if i["type"] == "reasoning" else i for i in made["output"]]
    server.create([{"role": "user", "content": "go"}, *sealed], tools=[SEARCH], store=False)
    thoughts = [m["reasoning_content"] for m in messages(engine) if m.get("reasoning_content")]
    assert thoughts == ["First a.", "Then b.", "Now."], messages(engine)
    assert FOUND in json.dumps(messages(engine))


# --- what is gone from a conversation ---

def test_a_search_deleted_from_its_conversation(server, engine):
    talk = conversation(server)
    engine.next(search())
    engine.next(say("So [1]."))
    made = server.create("go", tools=[SEARCH], conversation=talk)
    assert server.delete(f"/v1/conversations/{talk}/items/{made['output'][0]['id']}").status == 200
    server.create("on", tools=[SEARCH], conversation=talk)
    sent = json.dumps(messages(engine))
    assert FOUND not in sent and "So " in sent and [m["role"] for m in messages(engine)] == ["user", "assistant", "user"]
    assert get(server, made["id"])["output"] == made["output"]  # the response keeps what it was


# --- told again ---

def test_answers_are_told_again_with_their_citations(server, engine):
    """A JSON answer and a streamed one are the same story when they are streamed again, over a restart too."""
    for _ in range(2):
        engine.next(think("Hm."), search())
        engine.next(say("So [1", "] and [2]."))
    made = server.create("go", tools=[SEARCH])
    streamed = list(server.stream("go", tools=[SEARCH]))[:-1]
    alike = [e.type for e in streamed if not e.type.endswith(".delta") and e.type != "response.queued"]
    again = told(follow(server, made["id"]))
    in_order(again)
    assert [e.type for e in again if not e.type.endswith(".delta")] == alike
    assert again[-1].data["response"]["output"] == made["output"]
    notes = [e.data["annotation"] for e in again if e.type == "response.output_text.annotation.added"]
    assert notes == made["output"][-1]["content"][0]["annotations"] and len(notes) == 2
    restart(server)
    assert [e.type for e in told(follow(server, made["id"]))] == [e.type for e in again]
