"""What engines are told of earlier turns: always what they can read, whatever another engine once said."""
import json

import pytest

from engine_script import call, finish, say, think

WEATHER = {"type": "function", "name": "get_weather", "strict": False,
           "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}


def told(engine):
    return engine.requests[-1].body["messages"]


def calls_in(messages):
    return [c["function"] for m in messages for c in m.get("tool_calls") or []]


def roles(messages):
    return [m["role"] for m in messages]


def outputs(response, text="boom"):
    return [{"type": "function_call_output", "call_id": item["call_id"], "output": text}
            for item in response["output"] if item["type"] == "function_call"]


def go_on(server, how, response, items, **more):
    """The next turn by chain, by conversation, or with the items sent again."""
    if how == "chain":
        return server.create(items, previous_response_id=response["id"], **more)
    if how == "conversation":
        return server.create(items, conversation=response["conversation"]["id"], **more)
    return server.create([{"role": "user", "content": "go"}] + response["output"] + items, store=False, **more)


def begin(server, how, **more):
    if how == "conversation":
        more["conversation"] = server.post("/v1/conversations", {}).json["id"]
    if how == "items":
        more["store"] = False
    return server.create("go", **more)


WAYS = ["chain", "conversation", "items"]
BAD = ['{"city": "Par', '{"value": ', "{bad", "{} {}", "[1]", '"text"', "null", "NaN", '{"a":NaN}', '{"a":1e999}', "7",
       "[" * 200 + "]" * 200, '{"a":' * 300 + "1" + "}" * 300, '{"a":"\\ud800"}', "{'a':1}", '{"a":1,}', "\u00e9", "```json\n{}\n```"]


# --- arguments ---

@pytest.mark.parametrize("how", WAYS)
def test_arguments_are_an_object_whatever_the_item_says(server, engine, how):
    for text in BAD:
        engine.next(call("get_weather", text), finish("tool_calls"))
        made = begin(server, how, tools=[WEATHER])
        item = made["output"][-1]
        engine.next(say("ok"))
        assert go_on(server, how, made, outputs(made), tools=[WEATHER])["status"] == "completed"
        sent = json.loads(calls_in(told(engine))[0]["arguments"])
        assert isinstance(sent, dict), text
        if text != "null":
            assert sent == {"arguments": item["arguments"]}
        assert item["arguments"] == text  # the item keeps its bytes


@pytest.mark.parametrize("text, want", [("", "{}"), (" \n", "{}"), ('{"a": 1}', '{"a": 1}'), ('{"a":1,"a":2}',) * 2,
                                        ('"{\\"a\\":1}"', '{"a":1}'), ('{"n":123456789012345678901234567890}',) * 2])
def test_arguments_that_can_be_read_go_as_they_are(server, engine, text, want):
    server.create([{"role": "user", "content": "go"},
                   {"type": "function_call", "call_id": "c", "name": "get_weather", "arguments": text},
                   {"type": "function_call_output", "call_id": "c", "output": "x"}], tools=[WEATHER])
    assert calls_in(told(engine))[0]["arguments"] == want
    chat(server, [{"role": "user", "content": "go"},
                  {"role": "assistant", "content": "\n", "tool_calls": [
                      {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": text}}]},
                  {"role": "tool", "tool_call_id": "c", "content": "x"}])
    assert calls_in(told(engine))[0]["arguments"] == want
    assert told(engine)[1]["content"] is None


def chat(server, messages, **more):
    answer = server.post("/v1/chat/completions", {"model": "gpt-4o", "messages": messages, **more})
    assert answer.status == 200, answer.body
    return answer.json


# --- one answer, one message ---

@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("steps, items, content", [
    ([say("\n\n"), call("get_weather", "{}"), say("\n")], ["function_call"], None),
    ([call("get_weather", "{}"), say("\n"), call("get_weather", '{"city":"x"}', index=1)], ["function_call"] * 2, None),
    ([say("Look", ":"), call("get_weather", "{}"), say("\n"), call("get_weather", '{"city":"x"}', index=1), say(" ")],
     ["message", "function_call", "function_call"], "Look:"),
    ([call("get_weather", "{}"), say("\nwait")], ["function_call", "message"], "\nwait"),
    ([think("hm"), say("\n"), call("get_weather", "{}"), say("\n")], ["reasoning", "function_call"], None),
])
def test_an_answer_is_one_message(server, engine, how, steps, items, content):
    engine.next(*steps, finish("tool_calls"))
    made = begin(server, how, tools=[WEATHER])
    assert [item["type"] for item in made["output"]] == items
    go_on(server, how, made, outputs(made), tools=[WEATHER])
    n = items.count("function_call")
    messages = told(engine)
    assert roles(messages) == ["user", "assistant"] + ["tool"] * n
    assert len(messages[1]["tool_calls"]) == n and messages[1]["content"] == content


def test_white_space_of_old_items_is_no_message(server, engine):
    blank = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "\n", "annotations": []}]}
    called = {"type": "function_call", "name": "get_weather", "arguments": "{}"}
    server.create([{"role": "user", "content": "go"}, {**called, "call_id": "a"}, blank, {**called, "call_id": "b"}, blank,
                   {"type": "function_call_output", "call_id": "a", "output": "1"},
                   {"type": "function_call_output", "call_id": "b", "output": "2"}], tools=[WEATHER])
    assert roles(told(engine)) == ["user", "assistant", "tool", "tool"]


def test_white_space_alone_is_an_answer(server, engine):
    engine.next(say(" ", "\n"))
    made = server.create("go", tools=[WEATHER])
    assert [p["text"] for m in made["output"] for p in m["content"]] == [" \n"]


def test_text_behind_white_space_is_whole(server, engine):
    engine.next(say("\n", " ", "Hi", " ", "there"))
    stream = list(server.stream("go", tools=[WEATHER]))
    assert "".join(e.data["delta"] for e in stream if e.type == "response.output_text.delta") == "\n Hi there"


def test_a_custom_tool_is_called_within_the_message(server, engine):
    tool = {"type": "custom", "name": "edit"}
    engine.next(call("edit", '{"input":"a"}'), say("\n"), call("edit", '{"input":"b"}', index=1), finish("tool_calls"))
    made = server.create("go", tools=[tool])
    assert [i["type"] for i in made["output"]] == ["custom_tool_call"] * 2
    server.create([{"type": "custom_tool_call_output", "call_id": i["call_id"], "output": "x"} for i in made["output"]],
                  previous_response_id=made["id"], tools=[tool])
    assert roles(told(engine)) == ["user", "assistant", "tool", "tool"]
