"""Custom tools in chat completions: their input is text, told while the engine still writes the arguments around it."""
import pytest
from openai import OpenAI

from engine_script import call, finish, say

FREE = {"type": "custom", "custom": {"name": "run", "description": "Runs code"}}
SQL = {"type": "custom", "custom": {"name": "sql", "format": {
    "type": "grammar", "grammar": {"syntax": "regex", "definition": "SELECT [a-z]+;"}}}}
FUNCTION = {"type": "function", "function": {"name": "run", "parameters": {"type": "object", "properties": {}}}}
ASKED = [{"role": "user", "content": "go"}]


@pytest.fixture
def client(server):
    return OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0)


def ask(server, **more):
    return server.post("/v1/chat/completions", {"model": "scripted", "messages": ASKED, **more})


def test_called_and_answered(engine, server, client):
    engine.next(call("run", '{"inp', 'ut":"print(\\"h', 'i\\")\\n"}'), finish("tool_calls"))
    first = client.chat.completions.create(model="scripted", messages=ASKED, tools=[FREE]).choices[0]
    assert first.finish_reason == "tool_calls"
    [made] = first.message.tool_calls
    assert (made.type, made.custom.name, made.custom.input) == ("custom", "run", 'print("hi")\n')
    sent = engine.last.body["tools"][0]["function"]
    assert sent["name"] == "run" and sent["parameters"]["required"] == ["input"]
    engine.next(say("Done."))
    client.chat.completions.create(model="scripted", tools=[FREE], messages=ASKED + [
        first.message.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": made.id, "content": "hi"}])
    before, answer = engine.last.body["messages"][-2:]
    assert before["tool_calls"][0]["function"] == {"name": "run", "arguments": '{"input":"print(\\"hi\\")\\n"}'}
    assert answer["content"] == "hi"


@pytest.mark.parametrize("pieces, told", [
    (['{"input":"ab', "c\\u00", 'e9d"}'], ["ab", "c", "\u00e9d"]),
    (['{"inp', 'ut": "', '"}'], []),
    (["just ", "text"], ["just text"]),
])
def test_streamed(engine, client, pieces, told):
    engine.next(call("run", *pieces), finish("tool_calls"))
    chunks = list(client.chat.completions.create(model="scripted", messages=ASKED, tools=[FREE], stream=True))
    calls = [c.choices[0].delta.tool_calls[0].model_dump(exclude_none=True) for c in chunks if c.choices[0].delta.tool_calls]
    head = calls.pop(0)
    assert head["type"] == "custom" and head["custom"] == {"name": "run", "input": ""} and head["id"].startswith("call_")
    assert [c["custom"] for c in calls] == [{"input": text} for text in told] and {c["index"] for c in calls} <= {0}
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_beside_a_function_of_its_name(engine, server):
    engine.next(call("run_2", '{"input":"x"}'), call("run", "{}", index=1), finish("tool_calls"))
    calls = ask(server, tools=[FUNCTION, FREE]).json["choices"][0]["message"]["tool_calls"]
    assert [c["name"] for c in (calls[0]["custom"], calls[1]["function"])] == ["run", "run"]
    engine.next(say("ok"))
    answers = [{"role": "tool", "tool_call_id": c["id"], "content": "x"} for c in calls]
    messages = ASKED + [{"role": "assistant", "content": None, "tool_calls": calls}] + answers
    assert ask(server, tools=[FUNCTION, FREE], messages=messages).status == 200
    told = engine.last.body["messages"][-3]["tool_calls"]
    assert [c["function"]["name"] for c in told] == ["run_2", "run"]


@pytest.mark.parametrize("choice", [
    {"type": "custom", "custom": {"name": "sql"}},
    {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "custom", "custom": {"name": "sql"}}]}}])
def test_chosen(engine, server, choice):
    engine.next(say("SELECT", " a;"))  # held to the grammar, it writes the input alone
    answer = ask(server, tools=[FREE, SQL], tool_choice=choice)
    assert engine.last.body["grammar"].startswith("root ::= ")
    assert answer.json["choices"][0]["message"]["tool_calls"][0]["custom"] == {"name": "sql", "input": "SELECT a;"}


@pytest.mark.parametrize("stream", [False, True])
def test_input_of_another_grammar_is_a_failure(engine, server, stream):
    engine.next(call("sql", '{"input":"DROP"}'), finish("tool_calls"))
    answer = ask(server, tools=[SQL], stream=stream)
    assert answer.status == (200 if stream else 502) and b"does not match its grammar" in answer.body


def test_a_grammar_that_is_only_shown_is_named(engine, server):
    lark = {"type": "custom", "custom": {"name": "l", "format": {
        "type": "grammar", "grammar": {"syntax": "lark", "definition": 'start: "a"'}}}}
    engine.next(say("ok"))
    answer = ask(server, tools=[FREE, lark])
    assert "tools[1].custom.format" in answer.headers["antiphon-not-applied"]


def test_stored_as_it_was_told(engine, server):
    engine.next(call("run", '{"input":"x"}'), finish("tool_calls"))
    made = ask(server, tools=[FREE], store=True).json
    stored = server.get("/v1/chat/completions/" + made["id"]).json
    assert stored["choices"][0]["message"]["tool_calls"] == made["choices"][0]["message"]["tool_calls"]


@pytest.mark.parametrize("call_, param", [
    ({"id": "c", "type": "custom"}, "messages[1].tool_calls[0].custom"),
    ({"id": "c", "type": "custom", "custom": {"name": "run"}}, "messages[1].tool_calls[0].custom.input"),
    ({"id": "c", "type": "function"}, "messages[1].tool_calls[0].function")])
def test_a_call_without_its_members(server, call_, param):
    messages = ASKED + [{"role": "assistant", "tool_calls": [call_]}, {"role": "tool", "tool_call_id": "c", "content": "x"}]
    answer = ask(server, messages=messages)
    assert answer.status == 400 and answer.error["param"] == param and answer.error["code"] == "missing_required_parameter"
