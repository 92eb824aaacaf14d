"""configuration_update among the input items: effort and format from here on; asynchronous calls that nobody waits for."""
import json

import pytest

from engine_script import call, say
from harness import text_of

pytestmark = pytest.mark.beside_openapi  # the item is not in OpenAI's file yet; the SDKs' types have it
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
FORMAT = {"type": "json_schema", "name": "number", "schema": SCHEMA, "strict": True}
USER = {"role": "user", "content": "go"}


def update(**more):
    return {"type": "configuration_update", **more}


def test_the_format_holds_until_another_comes(engine, server):
    engine.next(say('{"n":', "1}"))
    first = server.create([update(text={"format": FORMAT}), USER])
    assert engine.last.body["response_format"]["json_schema"]["schema"] == SCHEMA and text_of(first) == '{"n":1}'
    engine.next(say('{"n":2}'))
    second = server.create("again", previous_response_id=first["id"])
    assert engine.last.body["response_format"]["json_schema"]["name"] == "number"
    third = server.create([update(text={"format": {"type": "text"}}), USER], previous_response_id=second["id"])
    assert "response_format" not in engine.last.body and text_of(third) == "You said: go."
    server.create("plain", previous_response_id=third["id"])
    assert "response_format" not in engine.last.body
    engine.next(say('{"n":3}'))
    server.create("a fork", previous_response_id=first["id"])
    assert "response_format" in engine.last.body
    assert not any("configuration" in json.dumps(r.body) for r in engine.requests if r.body)


def test_an_answer_that_does_not_fit_fails(engine, server):
    engine.next(say("no number"))
    answer = server.post("/v1/responses", {"model": "scripted", "input": [update(text={"format": FORMAT}), USER]})
    assert answer.status >= 500, answer


def effort_of(engine, answer):
    """What the engine was told, or what the client was told that it was not."""
    return engine.last.body.get("reasoning_effort") or answer.headers.get("antiphon-not-applied")


def test_the_effort(engine, server):
    first = server.post("/v1/responses", {"model": "scripted", "reasoning": {"effort": "low"},
                                          "input": [update(reasoning={"effort": "high"}), USER]})
    assert first.status == 200 and effort_of(engine, first) in ("high", "configuration_update.reasoning.effort")
    second = server.post("/v1/responses", {"model": "scripted", "input": "on", "previous_response_id": first.json["id"]})
    assert effort_of(engine, second) == effort_of(engine, first)


def test_it_is_an_item(engine, server):
    made = server.create([update(reasoning={"effort": "low"}, text={"format": {"type": "text"}}), USER])
    listed = server.get(f"/v1/responses/{made['id']}/input_items?order=asc").json["data"]
    assert [i["type"] for i in listed] == ["configuration_update", "message"]
    assert listed[0]["reasoning"] == {"effort": "low"} and listed[0]["text"] == {"format": {"type": "text"}}
    assert listed[0]["id"].startswith("cfg_")


@pytest.mark.parametrize("item, param", [
    (update(), "input[0]"), (update(reasoning={"effort": "huge"}), "input[0].reasoning.effort"),
    (update(text={}), "input[0].text.format"), (update(text={"format": {"type": "json_object"}}), "input[0].text.format"),
    (update(text={"format": {"type": "json_schema", "name": "x"}}), "input[0].text.format.schema"),
    (update(reasoning={"summary": "auto"}), "input[0].reasoning.summary")])
def test_what_is_refused(server, engine, item, param):
    answer = server.post("/v1/responses", {"model": "scripted", "input": [item, USER]})
    assert answer.status == 400 and answer.error["param"] == param, answer
    assert not [r for r in engine.requests if r.body]


def test_an_asynchronous_call_has_a_result_for_the_template(engine, server):
    """Templates refuse a call without one; the output takes its place when it comes."""
    tool = {"type": "function", "name": "weather", "async": True, "parameters": {"type": "object", "properties": {}}}
    engine.next(call("weather", "{}"))
    first = server.create("go", tools=[tool])
    id = first["output"][0]["call_id"]
    second = server.create("and?", tools=[tool], previous_response_id=first["id"])
    messages = engine.last.body["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant", "tool", "user"]
    assert messages[2]["tool_call_id"] == messages[1]["tool_calls"][0]["id"] and "still runs" in messages[2]["content"]
    server.create([{"type": "function_call_output", "call_id": id, "output": "sunny"}], tools=[tool],
                  previous_response_id=second["id"])
    told = [m for m in engine.last.body["messages"] if m["role"] == "tool"]
    assert [m["content"] for m in told] == ["sunny"]
