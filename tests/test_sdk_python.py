"""The official Python SDK, used as its documentation shows, against the scripted engine."""
import json
from concurrent.futures import ThreadPoolExecutor
from typing import List, Literal

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from engine_script import call, calls_interleaved, cut, finish, hang, overflow, refuse, say, status, think
from harness import make_key

pytestmark = pytest.mark.sdk
MODEL = "scripted"
WEATHER = {"type": "function", "name": "get_weather", "description": "The weather somewhere", "strict": True,
           "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
                          "additionalProperties": False}}


@pytest.fixture
def client(server):
    with OpenAI(base_url=server.base_url, api_key="sk-any", max_retries=0) as c:
        yield c


# --- create, retrieve, delete ---

def test_create(client):
    response = client.responses.create(model=MODEL, input="hi")
    assert response.output_text == "You said: hi."
    assert response.status == "completed" and response.object == "response" and response.model == MODEL
    assert response.id.startswith("resp_") and response.output[0].id.startswith("msg_")
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0
    assert response.error is None and response.incomplete_details is None


def test_everything_is_echoed(client, engine):
    response = client.responses.create(
        model=MODEL, input="hi", instructions="Be brief.", metadata={"a": "b"}, temperature=0.5, top_p=0.9,
        max_output_tokens=100, parallel_tool_calls=False, tools=[WEATHER], tool_choice="auto", truncation="disabled",
        store=True, reasoning={"effort": "low"}, text={"verbosity": "low"}, user="u", safety_identifier="s",
        prompt_cache_key="k", service_tier="auto")
    assert response.instructions == "Be brief." and response.metadata == {"a": "b"}
    assert (response.temperature, response.top_p, response.max_output_tokens) == (0.5, 0.9, 100)
    assert response.parallel_tool_calls is False and response.tools[0].name == "get_weather"
    assert response.tool_choice == "auto" and response.truncation == "disabled"
    assert response.reasoning.effort == "low" and response.text.verbosity == "low"
    sent = engine.last.body
    assert sent["temperature"] == 0.5 and sent["top_p"] == 0.9 and sent["max_tokens"] == 100
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}


def test_retrieve_is_equal(client):
    made = client.responses.create(model=MODEL, input="hi", metadata={"k": "v"}, tools=[WEATHER])
    assert client.responses.retrieve(made.id).to_dict() == made.to_dict()


def test_delete(client):
    made = client.responses.create(model=MODEL, input="hi")
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.delete(made.id)


def test_deleting_a_parent_leaves_its_children_whole(client, engine):
    one = client.responses.create(model=MODEL, input="one")
    two = client.responses.create(model=MODEL, input="two", previous_response_id=one.id)
    client.responses.delete(one.id)
    three = client.responses.create(model=MODEL, input="three", previous_response_id=two.id)
    assert three.output_text == "You said: three."
    assert [m["content"] for m in engine.last.body["messages"] if m["role"] == "user"] == ["one", "two", "three"]


def test_without_store_nothing_is_kept(client):
    made = client.responses.create(model=MODEL, input="hi", store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.BadRequestError) as e:
        client.responses.create(model=MODEL, input="go on", previous_response_id=made.id)
    assert e.value.code == "previous_response_not_found" and e.value.param == "previous_response_id"


# --- conversations ---

def test_conversations(client, engine):
    made = client.conversations.create(metadata={"topic": "demo"},
                                       items=[{"type": "message", "role": "user", "content": "Hello!"}])
    assert made.object == "conversation" and made.metadata == {"topic": "demo"} and made.id.startswith("conv_")
    assert client.conversations.retrieve(made.id) == made
    assert client.conversations.update(made.id, metadata={"topic": "x"}).metadata == {"topic": "x"}
    added = client.conversations.items.create(made.id, include=["message.output_text.logprobs"], items=[
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi."}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "How are you?"}]}])
    assert [item.content[0].text for item in added.data] == ["Hi.", "How are you?"]
    item = client.conversations.items.retrieve(added.data[0].id, conversation_id=made.id)
    assert item == added.data[0] and item.content[0].type == "output_text"
    left = client.conversations.items.delete(added.data[1].id, conversation_id=made.id)
    assert left.id == made.id and left.object == "conversation"
    response = client.responses.create(model=MODEL, input="go on", conversation=made.id)
    assert response.conversation.id == made.id and response.output_text == "You said: go on."
    again = client.responses.create(model=MODEL, input="and on", conversation={"id": made.id})
    assert [m["content"] for m in engine.last.body["messages"]] == [
        "Hello!", "Hi.", "go on", "You said: go on.", "and on"]
    listed = list(client.conversations.items.list(made.id, order="asc", limit=2))
    assert [item.content[0].text for item in listed] == ["Hello!", "Hi.", "go on", "You said: go on.", "and on",
                                                         "You said: and on."]
    assert listed[-1].id == again.output[0].id
    assert list(client.conversations.items.list(made.id, limit=5, include=["reasoning.encrypted_content"])) == listed[::-1]
    deleted = client.conversations.delete(made.id)
    assert deleted.deleted and deleted.object == "conversation.deleted" and deleted.id == made.id
    with pytest.raises(openai.NotFoundError) as e:
        client.responses.create(model=MODEL, input="x", conversation=made.id)
    assert e.value.body["message"] == f"Conversation with id '{made.id}' not found."
    assert client.responses.retrieve(again.id).output_text == "You said: and on."


def test_conversation_streamed_with_tools(client, engine):
    made = client.conversations.create()
    engine.next(call("get_weather", '{"city":"Paris"}'))
    with client.responses.stream(model=MODEL, input="weather?", conversation=made.id, tools=[WEATHER]) as stream:
        for _ in stream:
            pass
        final = stream.get_final_response()
    assert final.conversation.id == made.id
    client.responses.create(model=MODEL, conversation=made.id, tools=[WEATHER], input=[
        {"type": "function_call_output", "call_id": final.output[0].call_id, "output": "sunny"}])
    kinds = [item.type for item in client.conversations.items.list(made.id, order="asc")]
    assert kinds == ["message", "function_call", "function_call_output", "message"]


# --- state ---

def test_continue(client, engine):
    one = client.responses.create(model=MODEL, input="one", instructions="I am not inherited.")
    two = client.responses.create(model=MODEL, input="two", previous_response_id=one.id)
    assert two.previous_response_id == one.id
    assert engine.last.body["messages"] == [
        {"role": "user", "content": "one"}, {"role": "assistant", "content": "You said: one."},
        {"role": "user", "content": "two"}]


def test_fork(client, engine):
    root = client.responses.create(model=MODEL, input="root")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda i: client.responses.create(model=MODEL, input=f"fork {i}",
                                                               previous_response_id=root.id), range(16)))
    assert {r.output_text for r in made} == {f"You said: fork {i}." for i in range(16)}
    for request in engine.requests[1:]:
        assert [m["content"] for m in request.body["messages"]][:2] == ["root", "You said: root."]
        assert len(request.body["messages"]) == 3
    deeper = client.responses.create(model=MODEL, input="deeper", previous_response_id=made[3].id)
    assert [m["content"] for m in engine.last.body["messages"]] == [
        "root", "You said: root.", "fork 3", "You said: fork 3.", "deeper"]
    assert deeper.id not in {r.id for r in made}


def test_a_long_chain(client, engine):
    last = None
    for i in range(40):
        last = client.responses.create(model=MODEL, input=f"turn {i}", previous_response_id=last.id if last else None)
    users = [m["content"] for m in engine.last.body["messages"] if m["role"] == "user"]
    assert users == [f"turn {i}" for i in range(40)]
    items = list(client.responses.input_items.list(last.id, order="asc", limit=7))
    assert len(items) == 39 * 2 + 1
    assert len({i.id for i in items}) == len(items)


def test_messages_as_input(client, engine):
    client.responses.create(model=MODEL, instructions="Be nice.", input=[
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]},
        {"role": "assistant", "content": "c"}, {"role": "user", "content": "d"}])
    messages = engine.last.body["messages"]
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user"]
    assert "Be nice." in messages[0]["content"] and "Be brief." in messages[0]["content"]
    assert isinstance(messages[1]["content"], str)


def test_output_as_next_input(client, engine):
    """The stateless way: what came out is sent in again."""
    history = [{"role": "user", "content": "one"}]
    first = client.responses.create(model=MODEL, input=history, store=False)
    history += [item.to_dict() for item in first.output]
    history.append({"role": "user", "content": "two"})
    client.responses.create(model=MODEL, input=history, store=False)
    assert [m["content"] for m in engine.last.body["messages"]] == ["one", "You said: one.", "two"]


def test_item_reference(client, engine):
    first = client.responses.create(model=MODEL, input="one")
    client.responses.create(model=MODEL, input=[{"type": "item_reference", "id": first.output[0].id},
                                                {"role": "user", "content": "two"}])
    # A template may want a user's message first, so one may stand before it.
    assert [m["content"] for m in engine.last.body["messages"]][-2:] == ["You said: one.", "two"]


def test_input_items(client):
    made = client.responses.create(model=MODEL, input=[{"role": "user", "content": str(i)} for i in range(25)])
    page = client.responses.input_items.list(made.id)
    assert len(page.data) == 20 and page.has_more is True  # newest first, twenty a page
    assert page.data[0].content[0].text == "24"
    everything = list(page)
    assert [i.content[0].text for i in everything] == [str(i) for i in reversed(range(25))]
    up = list(client.responses.input_items.list(made.id, order="asc", limit=4))
    assert [i.content[0].text for i in up] == [str(i) for i in range(25)]
    after = client.responses.input_items.list(made.id, order="asc", limit=2, after=up[9].id)
    assert [i.content[0].text for i in after.data] == ["10", "11"]


# --- streams ---

def test_stream_helper(client):
    with client.responses.stream(model=MODEL, input="hi") as stream:
        kinds, text = [], ""
        for event in stream:
            kinds.append(event.type)
            if event.type == "response.output_text.delta":
                text += event.delta
        final = stream.get_final_response()
    assert text == final.output_text == "You said: hi."
    assert kinds[:4] == ["response.created", "response.in_progress", "response.output_item.added",
                         "response.content_part.added"]
    assert kinds[-4:] == ["response.output_text.done", "response.content_part.done", "response.output_item.done",
                          "response.completed"]
    assert client.responses.retrieve(final.id).output_text == text


def test_create_with_stream(client):
    events = list(client.responses.create(model=MODEL, input="hi", stream=True))
    assert [e.sequence_number for e in events] == list(range(len(events)))
    assert events[-1].type == "response.completed"


def test_obfuscation(client):
    for wanted in (True, False):
        events = list(client.responses.create(model=MODEL, input="hi", stream=True,
                                              stream_options={"include_obfuscation": wanted}))
        deltas = [e.to_dict() for e in events if e.type == "response.output_text.delta"]
        assert deltas and all(("obfuscation" in d) is wanted for d in deltas)


def test_a_finished_stream_can_be_streamed_again(client):
    with client.responses.create(model=MODEL, input="hi", stream=True) as stream:
        first = [e.to_dict() for e in stream]
    id = first[0]["response"]["id"]
    again = [e.to_dict() for e in client.responses.retrieve(id, stream=True)]
    strip = lambda events: [{k: v for k, v in e.items() if k != "obfuscation"} for e in events]
    assert strip(again) == strip(first)
    part = [e.to_dict() for e in client.responses.retrieve(id, stream=True, starting_after=3)]
    assert strip(part) == strip(first)[4:]


def test_stream_with_everything(client, engine):
    engine.next(think("Let me ", "think."), say("Here ", "it is."), calls_interleaved(
        ("get_weather", "call_a", ['{"city":', '"Paris"}']), ("get_weather", "call_b", ['{"city":', '"Rome"}'])))
    with client.responses.stream(model=MODEL, input="x", tools=[WEATHER], reasoning={"summary": "auto"}) as stream:
        kinds = [e.type for e in stream]
        final = stream.get_final_response()
    assert [i.type for i in final.output] == ["reasoning", "message", "function_call", "function_call"]
    assert [i.arguments for i in final.output[2:]] == ['{"city":"Paris"}', '{"city":"Rome"}']
    assert final.output[0].content[0].text == "Let me think."
    assert "response.reasoning_text.delta" in kinds and "response.reasoning_summary_text.delta" in kinds
    assert "response.function_call_arguments.done" in kinds
    assert final.usage.output_tokens_details.reasoning_tokens > 0


def test_refusal(client, engine):
    engine.next(refuse("I can't ", "do that."))
    with client.responses.stream(model=MODEL, input="x") as stream:
        kinds = [e.type for e in stream]
        final = stream.get_final_response()
    assert final.output[0].content[0].type == "refusal"
    assert final.output[0].content[0].refusal == "I can't do that."
    assert "response.refusal.delta" in kinds and "response.refusal.done" in kinds


def test_failure_in_a_stream(client, engine):
    engine.next(say("Hel"), cut())
    with pytest.raises(openai.APIError):
        for _ in client.responses.create(model=MODEL, input="x", stream=True):
            pass


def test_logprobs(client, engine):
    one = {"token": "Hi", "bytes": [72, 105], "logprob": -0.1,
           "top_logprobs": [{"token": "Hi", "bytes": [72, 105], "logprob": -0.1}]}
    engine.next(say("Hi", logprobs={"content": [one], "refusal": None}))
    response = client.responses.create(model=MODEL, input="x", top_logprobs=1, include=["message.output_text.logprobs"])
    logprobs = response.output[0].content[0].logprobs
    assert logprobs[0].token == "Hi" and logprobs[0].top_logprobs[0].logprob == -0.1
    assert engine.last.body["logprobs"] is True and engine.last.body["top_logprobs"] == 1


async def async_use(base_url):
    async with AsyncOpenAI(base_url=base_url, api_key="k") as client:
        response = await client.responses.create(model=MODEL, input="hi")
        async with client.responses.stream(model=MODEL, input="again", previous_response_id=response.id) as stream:
            async for _ in stream:
                pass
            final = await stream.get_final_response()
    return response.output_text, final.output_text


def test_async_client(server):
    import asyncio
    assert asyncio.run(async_use(server.base_url)) == ("You said: hi.", "You said: again.")


# --- tools ---

def test_tool_loop(client, engine):
    engine.next(call("get_weather", '{"city":', ' "Paris"}', id="call_1"), finish("tool_calls"))
    first = client.responses.create(model=MODEL, input="Weather in Paris?", tools=[WEATHER])
    asked = first.output[-1]
    assert asked.type == "function_call" and asked.name == "get_weather" and json.loads(asked.arguments) == {"city": "Paris"}
    engine.next(say("Sunny."))
    second = client.responses.create(model=MODEL, previous_response_id=first.id, tools=[WEATHER], input=[
        {"type": "function_call_output", "call_id": asked.call_id, "output": "sunny, 20 degrees"}])
    assert second.output_text == "Sunny."
    messages = engine.last.body["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant", "tool"]
    assert messages[1]["tool_calls"][0]["function"]["name"] == "get_weather"
    assert messages[2]["tool_call_id"] == messages[1]["tool_calls"][0]["id"]
    assert messages[2]["content"] == "sunny, 20 degrees"
    assert engine.last.body["tools"][0]["function"]["name"] == "get_weather"


def test_items_dumped_by_the_sdk_come_back(client, engine):
    """model_dump() writes the SDK's own name for a member of function calls, `async_`."""
    engine.next(call("get_weather", '{"city": "Paris"}', id="call_1"), finish("tool_calls"))
    first = client.responses.create(model=MODEL, input="Weather in Paris?", tools=[WEATHER])
    history = [{"role": "user", "content": "Weather in Paris?"}] + [item.model_dump() for item in first.output]
    history.append({"type": "function_call_output", "call_id": first.output[-1].call_id, "output": "sunny"})
    engine.next(say("Sunny."))
    assert client.responses.create(model=MODEL, input=history, tools=[WEATHER]).output_text == "Sunny."


def test_a_missing_tool_output_is_named(client, engine):
    engine.next(call("get_weather", '{"city": "Paris"}'), finish("tool_calls"))
    first = client.responses.create(model=MODEL, input="x", tools=[WEATHER])
    with pytest.raises(openai.BadRequestError) as e:
        client.responses.create(model=MODEL, previous_response_id=first.id, input="never mind", tools=[WEATHER])
    assert f"No tool output found for function call {first.output[-1].call_id}" in str(e.value)


def test_output_for_no_call(client):
    with pytest.raises(openai.BadRequestError) as e:
        client.responses.create(model=MODEL, input=[{"type": "function_call_output", "call_id": "call_x", "output": "1"}])
    assert "No tool call found" in str(e.value)


@pytest.mark.parametrize("choice", ["none", "required", {"type": "function", "name": "get_weather"},
                                    {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function",
                                                                                        "name": "get_weather"}]}])
def test_tool_choice(client, engine, choice):
    if choice not in ("none",) and not (isinstance(choice, dict) and choice["type"] == "allowed_tools"):
        engine.always(lambda request: [call("get_weather", '{"city": "Rome"}'), finish("tool_calls")])
    response = client.responses.create(model=MODEL, input="x", tools=[WEATHER], tool_choice=choice)
    assert response.status == "completed"
    assert response.to_dict()["tool_choice"] == choice


# --- structured output ---

class Step(BaseModel):
    explanation: str
    output: str


class Solution(BaseModel):
    steps: List[Step]
    answer: str
    mood: Literal["happy", "sad"]


SOLUTION = {"steps": [{"explanation": "add", "output": "2"}], "answer": "2", "mood": "happy"}


def test_parse(client, engine):
    text = json.dumps(SOLUTION)
    engine.next(say(text[:20], text[20:]))
    response = client.responses.parse(model=MODEL, input="1+1", text_format=Solution)
    assert response.output_parsed == Solution(**SOLUTION)
    sent = engine.last.body["response_format"]
    assert sent["type"] == "json_schema" and sent["json_schema"]["schema"]["properties"]["answer"] == {
        "title": "Answer", "type": "string"}


def test_parse_in_a_stream(client, engine):
    engine.next(say(json.dumps(SOLUTION)))
    with client.responses.stream(model=MODEL, input="1+1", text_format=Solution) as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_parsed == Solution(**SOLUTION)


def test_parsed_tool(client, engine):
    class GetWeather(BaseModel):
        city: str

    engine.next(call("GetWeather", '{"city": "Paris"}'), finish("tool_calls"))
    response = client.responses.parse(model=MODEL, input="x", tools=[openai.pydantic_function_tool(GetWeather)["function"]
                                                                     | {"type": "function"}])
    assert response.output[-1].parsed_arguments == GetWeather(city="Paris") or response.output[-1].parsed_arguments == {
        "city": "Paris"}


def test_json_object(client, engine):
    engine.next(say('{"a": 1}'))
    response = client.responses.create(model=MODEL, input="json please", text={"format": {"type": "json_object"}})
    assert json.loads(response.output_text) == {"a": 1}
    assert engine.last.body["response_format"]["type"] == "json_object"


# --- errors ---

def test_bad_requests(client, engine):
    for more, param in (({"temperature": 3}, "temperature"), ({"temperature": "hot"}, "temperature"),
                        ({"max_output_tokens": 1}, "max_output_tokens"), ({"tool_choice": "sometimes"}, "tool_choice"),
                        ({"include": ["nothing.real"]}, "include[0]"), ({"truncation": "maybe"}, "truncation"),
                        ({"metadata": {"k" * 65: "v"}}, None), ({"input": 5}, "input"),
                        ({"extra_body": {"no_such_thing": 1}}, "no_such_thing"),
                        ({"previous_response_id": "resp_nope"}, "previous_response_id")):
        with pytest.raises(openai.BadRequestError) as e:
            client.responses.create(**{"model": MODEL, "input": "x", **more})
        assert e.value.status_code == 400 and e.value.type == "invalid_request_error"
        assert param is None or e.value.param == param, (more, e.value.body)
    assert not engine.requests


def test_unknown_model(servers, engine):
    # With one engine, OpenAI's names are aliases; others are unknown.
    client = OpenAI(base_url=servers(engine).base_url, api_key="k", max_retries=0)
    assert client.responses.create(model="gpt-4o-mini", input="x").model == MODEL
    with pytest.raises(openai.BadRequestError) as e:
        client.responses.create(model="no-such-model", input="x")
    assert e.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="no-such-model", messages=[{"role": "user", "content": "x"}])


def test_no_such_response(client):
    for call_it in (client.responses.retrieve, client.responses.delete, client.responses.input_items.list):
        with pytest.raises(openai.NotFoundError) as e:
            call_it("resp_0123456789abcdef0123456789abcdef")
        assert e.value.type == "invalid_request_error"


def test_wrong_key(server):
    make_key(server, "one")
    with pytest.raises(openai.AuthenticationError) as e:
        OpenAI(base_url=server.base_url, api_key="sk-wrong").responses.create(model=MODEL, input="x")
    assert e.value.code == "invalid_api_key" and e.value.request_id.startswith("req_")


def test_context_overflow(client, engine):
    engine.always(lambda request: [overflow()])
    with pytest.raises(openai.BadRequestError) as e:
        client.responses.create(model=MODEL, input="x")
    assert e.value.code == "context_length_exceeded"


def test_engine_failure(client, engine):
    engine.always(lambda request: [status(500)])
    with pytest.raises(openai.InternalServerError):
        client.responses.create(model=MODEL, input="x")


def test_the_sdks_own_retries_make_one_turn(server, engine):
    with OpenAI(base_url=server.base_url, api_key="k", max_retries=2) as client:
        engine.next(status(503, headers=[("Retry-After", "0")]))
        assert client.responses.create(model=MODEL, input="x").output_text == "You said: x."


# --- chat completions and models ---

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
CHAT_TOOL = {"type": "function", "function": {k: WEATHER[k] for k in ("name", "description", "parameters", "strict")}}


def test_count_input_tokens(client, engine):
    counted = client.responses.input_tokens.count(model=MODEL, input="hi", instructions="Be brief.", personality="friendly")
    assert counted.object == "response.input_tokens" and counted.input_tokens == len(engine.probes[-1].raw) // 4
    assert client.responses.input_tokens.count().input_tokens > 0


def test_chat(client, engine):
    done = client.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert done.choices[0].message.content == "You said: hi." and done.choices[0].finish_reason == "stop"
    assert done.object == "chat.completion" and done.id.startswith("chatcmpl-")
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens
    assert engine.last.body["messages"] == MESSAGES


def test_chat_stream(client):
    chunks = list(client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True,
                                                 stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "You said: hi."
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens > 0
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert len({c.id for c in chunks}) == 1


def test_chat_stream_helper(client):
    with client.chat.completions.stream(model=MODEL, messages=MESSAGES) as stream:
        for _ in stream:
            pass
        assert stream.get_final_completion().choices[0].message.content == "You said: hi."


def test_chat_tools(client, engine):
    engine.next(call("get_weather", '{"city":', ' "Paris"}', id="call_1"), finish("tool_calls"))
    first = client.chat.completions.create(model=MODEL, messages=MESSAGES, tools=[CHAT_TOOL])
    asked = first.choices[0].message.tool_calls[0]
    assert first.choices[0].finish_reason == "tool_calls" and json.loads(asked.function.arguments) == {"city": "Paris"}
    done = client.chat.completions.create(model=MODEL, tools=[CHAT_TOOL], messages=[
        *MESSAGES, first.choices[0].message, {"role": "tool", "tool_call_id": asked.id, "content": "sunny"}])
    assert done.choices[0].message.content
    assert engine.last.body["messages"][-1]["content"] == "sunny"


def test_chat_tools_in_a_stream(client, engine):
    engine.next(calls_interleaved(("get_weather", "call_a", ['{"city":', '"Paris"}']),
                                  ("get_weather", "call_b", ['{"city":', '"Rome"}'])))
    arguments = {}
    for chunk in client.chat.completions.create(model=MODEL, messages=MESSAGES, tools=[CHAT_TOOL], stream=True):
        for piece in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
            arguments[piece.index] = arguments.get(piece.index, "") + (piece.function.arguments or "")
    assert arguments == {0: '{"city":"Paris"}', 1: '{"city":"Rome"}'}


def test_chat_n(client, engine):
    done = client.chat.completions.create(model=MODEL, messages=MESSAGES, n=2)
    assert [c.index for c in done.choices] == [0, 1]
    assert all(c.message.content == "You said: hi." for c in done.choices)


def test_chat_n_in_a_stream(client):
    texts = {}
    for chunk in client.chat.completions.create(model=MODEL, messages=MESSAGES, n=2, stream=True):
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
    assert texts == {0: "You said: hi.", 1: "You said: hi."}


def test_chat_parse(client, engine):
    engine.next(say(json.dumps(SOLUTION)))
    done = client.chat.completions.parse(model=MODEL, messages=MESSAGES, response_format=Solution)
    assert done.choices[0].message.parsed == Solution(**SOLUTION)
    assert engine.last.body["response_format"]["type"] == "json_schema"


def test_chat_logprobs(client, engine):
    one = {"token": "Hi", "bytes": [72, 105], "logprob": -0.1, "top_logprobs": []}
    engine.next(say("Hi", logprobs={"content": [one], "refusal": None}))
    done = client.chat.completions.create(model=MODEL, messages=MESSAGES, logprobs=True)
    assert done.choices[0].logprobs.content[0].token == "Hi"


def test_chat_errors(client):
    for more in ({"temperature": 3}, {"n": 0}, {"messages": []}, {"messages": [{"role": "nobody", "content": "x"}]}):
        with pytest.raises(openai.BadRequestError) as e:
            client.chat.completions.create(**{"model": MODEL, "messages": MESSAGES, **more})
        assert e.value.type == "invalid_request_error"


def test_models(client):
    models = list(client.models.list())
    assert MODEL in [m.id for m in models]
    assert client.models.retrieve(MODEL).object == "model"


def test_raw_response_headers(client):
    raw_answer = client.responses.with_raw_response.create(model=MODEL, input="x")
    assert raw_answer.headers["x-request-id"].startswith("req_") and raw_answer.parse().output_text


# --- background ---

def poll(client, response):
    while response.status in ("queued", "in_progress"):
        response = client.responses.retrieve(response.id)
    return response


def test_background(client):
    made = client.responses.create(model=MODEL, input="hi", background=True)
    assert made.status == "queued" and made.background is True
    done = poll(client, made)
    assert done.status == "completed" and done.output_text == "You said: hi."
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(made.id)


def test_background_cancel(client, engine):
    engine.next(say("Once upon"), hang())
    made = client.responses.create(model=MODEL, input="hi", background=True)
    ended = client.responses.cancel(made.id)
    assert ended.status == "cancelled" and client.responses.cancel(made.id) == ended == client.responses.retrieve(made.id)


def test_background_stream_resumed(client, engine):
    engine.next(think("hm"), say("one ", "two ", "three"))
    seen = []
    with client.responses.create(model=MODEL, input="hi", background=True, stream=True) as stream:
        for event in stream:
            seen.append(event)
            if event.type == "response.output_text.delta":
                break
    id = seen[0].response.id
    with client.responses.retrieve(id, stream=True, starting_after=seen[-1].sequence_number) as stream:
        seen += list(stream)
    assert [e.sequence_number for e in seen] == list(range(len(seen)))
    assert seen[-1].type == "response.completed" and seen[-1].response.output_text == "one two three"
    assert list(client.responses.retrieve(id, stream=True)) == seen


def test_background_stream_helper(client, engine):
    engine.next(say("one ", "two"))
    made = client.responses.create(model=MODEL, input="hi", background=True)
    with client.responses.stream(response_id=made.id) as stream:
        assert "".join(e.delta for e in stream if e.type == "response.output_text.delta") == "one two"
        assert stream.get_final_response().output_text == "one two"
    # From a place on: the helper is told all and keeps back what was seen.
    with client.responses.stream(response_id=made.id, starting_after=4) as stream:
        assert next(iter(stream)).sequence_number == 5
