"""web_search_options of chat completions: our search of the web, the answer with its annotations."""
import json

import openai
import pytest

from engine_script import Gate, call, cut, hold, say, status, think
from harness import eventually

ONE, TWO = "([one.example](https://one.example/a))", "([two.example](https://www.two.example/b))"
ASK = {"model": "scripted", "messages": [{"role": "user", "content": "What is new?"}]}
PATH = "/v1/chat/completions"
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}


@pytest.fixture
def server(servers, engine, web):
    return servers(engine, args=web.args())


@pytest.fixture
def client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key="any", max_retries=0)


def search(query="news"):
    return call("web_search", json.dumps({"query": query}))


def cited(message):
    return [(a.url_citation.title, a.url_citation.url, message.content[a.url_citation.start_index:a.url_citation.end_index])
            for a in message.annotations]


def test_found_and_cited(client, engine, web):
    engine.next(search("latest news"))
    engine.next(say("Größe: so [1", "]. And [2]."))
    made = client.chat.completions.create(**ASK, web_search_options={"search_context_size": "low", "user_location": {
        "type": "approximate", "approximate": {"country": "NL", "city": "Utrecht"}}})
    message = made.choices[0].message
    assert message.content == f"Größe: so {ONE}. And {TWO}." and made.choices[0].finish_reason == "stop"
    assert cited(message) == [("First", "https://one.example/a", ONE), ("Second", "https://www.two.example/b", TWO)]
    assert made.id.startswith("chatcmpl-") and made.object == "chat.completion" and made.usage.completion_tokens > 0
    assert "q=latest%20news" in web.requests[0][1]
    first = engine.requests[0].body
    assert "Utrecht" in first["tools"][0]["function"]["description"]
    assert first["tool_choice"] in ({"type": "function", "function": {"name": "web_search"}}, "required")


def test_streamed(client, engine):
    engine.next(think("hm"), search())
    engine.next(say("Ünder [", "1", "]", " it."))
    with client.chat.completions.stream(**ASK, web_search_options={}, stream_options={"include_usage": True}) as stream:
        chunks = [e.chunk for e in stream if e.type == "chunk"]
        final = stream.get_final_completion()
    assert final.choices[0].message.content == f"Ünder {ONE} it." and final.usage.completion_tokens > 0
    notes = [c.choices[0].delta.annotations for c in chunks if c.choices and getattr(c.choices[0].delta, "annotations", None)]
    assert notes == [[{"type": "url_citation", "url_citation": {"end_index": 6 + len(ONE), "start_index": 6, "title": "First",
                                                               "url": "https://one.example/a"}}]]
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert len({c.id for c in chunks}) == 1 and chunks[0].choices[0].delta.role == "assistant"


def test_its_own_functions(client, engine):
    engine.next(search())
    engine.next(call("weather", '{"city": ', '"Bonn"}'))
    made = client.chat.completions.create(**ASK, web_search_options={}, tools=[WEATHER])
    wanted = made.choices[0].message.tool_calls[0]
    assert made.choices[0].finish_reason == "tool_calls" and wanted.function.name == "weather"
    assert json.loads(wanted.function.arguments) == {"city": "Bonn"}
    engine.next(say("Rain."))
    past = [*ASK["messages"], made.choices[0].message.to_dict(), {"role": "tool", "tool_call_id": wanted.id, "content": "rain"}]
    made = client.chat.completions.create(model="scripted", messages=past, web_search_options={}, tools=[WEATHER])
    assert made.choices[0].message.content == "Rain."
    told = engine.requests[-1].body["messages"]
    assert [m["role"] for m in told] == ["user", "assistant", "tool"] and told[-1]["content"] == "rain"


def test_custom_tools(client, engine):
    shout = {"type": "custom", "custom": {"name": "shout", "description": "Shouts."}}
    engine.next(call("shout", json.dumps({"input": 'A "B"'})))
    made = client.chat.completions.create(**ASK, web_search_options={}, tools=[shout], tool_choice="required")
    wanted = made.choices[0].message.tool_calls[0]
    assert wanted.custom.name == "shout" and wanted.custom.input == 'A "B"'
    engine.next(say("Done."))
    past = [*ASK["messages"], made.choices[0].message.to_dict(), {"role": "tool", "tool_call_id": wanted.id, "content": "ok"}]
    assert client.chat.completions.create(model="scripted", messages=past, web_search_options={}, tools=[shout]).choices[0].message.content == "Done."


def test_no_calls_of_its_own(client, engine):
    engine.next(search())
    client.chat.completions.create(**ASK, web_search_options={}, tools=[WEATHER], tool_choice="none")
    assert [t["function"]["name"] for t in engine.requests[0].body["tools"]] == ["web_search"]


def test_several_parts(server, engine):
    engine.next(search())
    body = {"model": "scripted", "web_search_options": {}, "max_completion_tokens": 40, "temperature": 0.5, "reasoning_effort": "low",
            "response_format": {"type": "json_object"}, "logprobs": True,
            "messages": [{"role": "system", "content": "Be brief, in JSON."},
                         {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
                         {"role": "assistant", "content": "c", "reasoning_content": "thought"}, {"role": "user", "content": "d"}]}
    engine.next(say('{"a": 1}'))
    got = server.post(PATH, body)
    assert got.status == 200 and got.json["choices"][0]["message"]["content"] == '{"a": 1}', got.json
    last = engine.requests[-1].body
    assert last["temperature"] == 0.5 and last["max_tokens" if "max_tokens" in last else "max_completion_tokens"] == 40
    assert [m["role"] for m in last["messages"][:4]] == ["system", "user", "assistant", "user"]


def test_stored(server, engine):
    engine.next(search())
    engine.next(say("So [1]."))
    made = server.post(PATH, {**ASK, "web_search_options": {}, "store": True}).json
    kept = server.get(f"{PATH}/{made['id']}").json
    assert kept["choices"][0]["message"]["annotations"] == made["choices"][0]["message"]["annotations"] != []


@pytest.mark.parametrize("stream", [False, True])
def test_the_engine_fails(server, engine, stream):
    engine.always(lambda request: [status(400, {"message": "no such thing"})])
    got = server.post(PATH, {**ASK, "web_search_options": {}, "stream": stream})
    assert got.status >= 400 and got.json["error"]["message"]  # nothing had been said yet


def test_the_engine_fails_later(server, engine):
    engine.next(search())
    engine.next(say("So it"), cut())
    told = server.post(PATH, {**ASK, "web_search_options": {}, "stream": True}).body.decode()
    assert '"content":"So it"' in told and '"error":{"message"' in told and "finish_reason\":\"stop" not in told


def test_the_client_leaves(server, engine):
    gate = Gate()
    engine.next(search())
    engine.next(say("a"), hold(gate), say("b"))
    stream = server.open("POST", PATH, {**ASK, "web_search_options": {}, "stream": True})
    assert gate.reached.wait(20)
    stream[0].close()
    gate.open.set()
    eventually(lambda: not server.get("/console/api/live").json["turns"], what="nothing runs any more")


def test_long_answers_to_who_reads_later(servers, engine, web):
    server = servers(engine, args=[*web.args(), "--set", "net.reader_bytes=65536"])
    engine.next(search())
    engine.next(say(*["x" * 4000] * 600))
    _, answer = server.open("POST", PATH, {**ASK, "web_search_options": {}, "stream": True})
    eventually(lambda: len(engine.requests) == 2, what="the answer")
    text = "".join(json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
                   for line in answer.read().decode().splitlines() if line.startswith("data: {"))
    assert text.startswith("x" * 2400000 + "\n") and ONE in text[2400000:]


def test_refused_where_nothing_can_be_searched(servers, engine):
    got = servers(engine).post(PATH, {**ASK, "web_search_options": {}})
    assert got.status == 400 and got.json["error"]["param"] == "web_search_options"
    assert "web_search.provider" in got.json["error"]["message"] and not engine.requests
