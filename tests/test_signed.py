"""What an engine signs, its own ids and its own name for thoughts: kept hidden with the items, and given back to it."""
import json

import pytest

from engine_script import Gate, ScriptedEngine, call, finish, hold, say, status, think
from harness import Server
from test_background import ended, restart
from test_websocket import Socket

WEATHER = {"type": "function", "name": "get_weather", "strict": False,
           "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
CHAT_WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER["parameters"]}}
SIGNED = {"google": {"thought_signature": "CiQB/+x=="}}
DETAILS = [{"type": "reasoning.text", "text": "think hard", "format": "anthropic-claude-v1", "index": 0, "signature": "Sg=="},
           {"type": "reasoning.encrypted", "data": "eJ+/", "id": "rs_1", "format": "x", "index": 1}]


def deltas(*all_):
    def run(answer):
        for delta in all_:
            answer.called = answer.called or "tool_calls" in delta
            answer.chunk(delta)
    return run


def signed_call(id="functions.get_weather:0", index=0, name="get_weather", args='{"city":"Paris"}', **more):
    return {"tool_calls": [{"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": args}, **more}]}


def details():
    """The details as OpenRouter streams them."""
    first = {**DETAILS[0], "text": "think ", "signature": None}
    return [{"reasoning": "think ", "reasoning_details": [first]},
            {"reasoning": "hard", "reasoning_details": [{**first, "text": "hard"}]},
            {"reasoning_details": [{"type": "reasoning.text", "signature": "Sg==", "format": "anthropic-claude-v1", "index": 0}]},
            {"reasoning_details": [DETAILS[1]]}]


def told(engine):
    return engine.requests[-1].body["messages"]


def assistant(engine):
    found = [m for m in told(engine) if m["role"] == "assistant"]
    assert len(found) == 1
    return found[0]


def outputs(response, text="sunny"):
    return [{"type": "function_call_output", "call_id": i["call_id"], "output": text}
            for i in response["output"] if i["type"] == "function_call"]


def is_whole(engine, thoughts="reasoning"):
    """All that was signed stands where it stood, and ids are the engine's."""
    message = assistant(engine)
    assert message["reasoning_details"] == DETAILS
    assert message[thoughts] == "think hard"
    (one,) = message["tool_calls"]
    assert one["id"] == "functions.get_weather:0" and one["extra_content"] == SIGNED
    assert one["function"] == {"name": "get_weather", "arguments": '{"city":"Paris"}'}
    assert [m["tool_call_id"] for m in told(engine) if m["role"] == "tool"] == ["functions.get_weather:0"]


def has_nothing(engine):
    message = assistant(engine)
    assert "reasoning_details" not in message and "extra_content" not in message["tool_calls"][0]
    assert message["tool_calls"][0]["id"] != "functions.get_weather:0"
    assert message["tool_calls"][0]["id"] == [m["tool_call_id"] for m in told(engine) if m["role"] == "tool"][0]


def script(engine):
    engine.next(deltas(*details(), signed_call(extra_content=SIGNED)), finish("tool_calls"))


def is_hidden(text):
    for word in ("antiphon\"", "reasoning_details", "thought_signature", "CiQB", "extra_content", "functions.get_weather", "Sg=="):
        assert word not in text, word


def make(server, engine, **more):
    script(engine)
    made = server.create("go", tools=[WEATHER], **more)
    is_hidden(json.dumps(made))
    assert made["output"][-1]["call_id"].startswith("call_")
    return made


# --- ways ---

def test_chain(server, engine):
    made = make(server, engine)
    server.create(outputs(made), previous_response_id=made["id"], tools=[WEATHER])
    is_whole(engine)
    is_hidden(server.get(f"/v1/responses/{made['id']}").body.decode())


def test_the_events_hide_it(server, engine):
    script(engine)
    is_hidden(json.dumps([e.data for e in server.stream("go", tools=[WEATHER])]))


def test_conversation(server, engine):
    conversation = server.post("/v1/conversations", {}).json["id"]
    made = make(server, engine, conversation=conversation)
    is_hidden(server.get(f"/v1/conversations/{conversation}/items").body.decode())
    server.create(outputs(made), conversation=conversation, tools=[WEATHER])
    is_whole(engine)


def test_items_sent_again(server, engine):
    made = make(server, engine)
    more = [{"role": "user", "content": "go"}] + made["output"] + outputs(made)
    next_ = server.create(more, tools=[WEATHER])
    is_whole(engine)
    # What was taken from the store is kept with the new turn's items, too, and is as hidden there.
    is_hidden(server.get(f"/v1/responses/{next_['id']}/input_items").body.decode())
    server.create([{"role": "user", "content": "x"}], previous_response_id=next_["id"], tools=[WEATHER])
    first = [m for m in told(engine) if m["role"] == "assistant"][0]
    assert first["tool_calls"][0]["extra_content"] == SIGNED and first["reasoning_details"] == DETAILS


def test_references(server, engine):
    made = make(server, engine)
    refs = [{"type": "item_reference", "id": i["id"]} for i in made["output"]]
    server.create([{"role": "user", "content": "go"}] + refs + outputs(made), tools=[WEATHER])
    is_whole(engine)


def test_a_changed_item_is_another(server, engine):
    made = make(server, engine)
    changed = json.loads(json.dumps(made["output"]))
    changed[-1]["arguments"] = '{"city":"Rome"}'
    server.create([{"role": "user", "content": "go"}] + changed + outputs(made), tools=[WEATHER])
    one = assistant(engine)["tool_calls"][0]
    assert "extra_content" not in one and one["id"] == made["output"][-1]["call_id"]


def test_a_client_cannot_put_it_in(server, engine):
    hidden = {"engine": "default", "model": "scripted", "marks": {"call": {"extra_content": 1}}}
    for item in ({"type": "function_call", "call_id": "c", "name": "get_weather", "arguments": "{}", "antiphon": hidden},
                 {"type": "message", "role": "assistant", "content": "x", "antiphon": hidden}):
        answer = server.post("/v1/responses", {"model": "scripted", "input": [{"role": "user", "content": "go"}, item]})
        assert answer.status == 400 and answer.json["error"]["code"] == "unknown_parameter"
        answer = server.post("/v1/conversations", {"items": [item]})
        assert answer.status == 400


def test_sealed_for_the_client(server, engine):
    made = make(server, engine, store=False, include=["reasoning.encrypted_content"])
    assert [i["type"] for i in made["output"]] == ["reasoning", "function_call"]
    items = [{k: v for k, v in i.items() if k != "id"} for i in made["output"]]
    server.create([{"role": "user", "content": "go"}] + items + outputs(made), tools=[WEATHER], store=False)
    is_whole(engine)


def test_sealed_without_thoughts(server, engine):
    engine.next(deltas(signed_call("a1", extra_content=SIGNED), signed_call("b2", 1)), finish("tool_calls"))
    made = server.create("go", tools=[WEATHER], store=False, include=["reasoning.encrypted_content"])
    assert [i["type"] for i in made["output"]] == ["reasoning", "function_call", "function_call"]
    assert made["output"][0]["content"] == [] and made["output"][0]["summary"] == []
    server.create([{"role": "user", "content": "go"}] + made["output"] + outputs(made), tools=[WEATHER], store=False)
    calls = assistant(engine)["tool_calls"]
    assert calls[0]["id"] == "a1" and calls[0]["extra_content"] == SIGNED and "extra_content" not in calls[1]


def test_sealed_calls_side_by_side(server, engine):
    engine.next(deltas({"reasoning": "hm"}, signed_call(), signed_call("functions.get_weather:1", 1)), finish("tool_calls"))
    made = server.create("go", tools=[WEATHER], store=False, include=["reasoning.encrypted_content"])
    server.create([{"role": "user", "content": "go"}] + made["output"] + outputs(made), tools=[WEATHER], store=False)
    assert [c["id"] for c in assistant(engine)["tool_calls"]] == ["functions.get_weather:0", "functions.get_weather:1"]


def test_nothing_is_sealed_for_nothing(server, engine):
    engine.next(call("get_weather", "{}", id="call_9f8e7d"), finish("tool_calls"))
    made = server.create("go", tools=[WEATHER], store=False, include=["reasoning.encrypted_content"])
    assert [i["type"] for i in made["output"]] == ["function_call"]


@pytest.mark.parametrize("store", [True, False])
def test_websocket(server, engine, store):
    script(engine)
    with Socket(server) as ws:
        made = ws.run("go", tools=[WEATHER], store=store)
        ws.run(outputs(made), previous_response_id=made["id"], tools=[WEATHER], store=store)
    is_whole(engine)


def test_restart(servers, engine):
    server = servers(engine)
    made = make(server, engine)
    server.stop()
    server.start()
    server.create(outputs(made), previous_response_id=made["id"], tools=[WEATHER])
    is_whole(engine)


def test_another_engine_gets_nothing(engine):
    other = ScriptedEngine(models=["other"])
    server = Server(args=["--set", f"engines[0].url={engine.url}", "--set", "engines[0].name=one",
                          "--set", f"engines[1].url={other.url}", "--set", "engines[1].name=two"])
    try:
        script(engine)
        made = server.create("go", tools=[WEATHER])
        server.create(outputs(made), model="other", previous_response_id=made["id"], tools=[WEATHER])
        has_nothing(other)
        server.create(outputs(made), previous_response_id=made["id"], tools=[WEATHER])
        is_whole(engine)
    finally:
        server.stop()
        server.erase()
        other.close()


def test_signed_text(server, engine):
    engine.next(deltas({"content": "Hel"}, {"content": "lo"}, {"content": "", "extra_content": SIGNED}))
    made = server.create("go")
    server.create("more", previous_response_id=made["id"])
    assert assistant(engine)["content"] == "Hello" and assistant(engine)["extra_content"] == SIGNED
    server.create([{"role": "user", "content": "go"}] + made["output"] + [{"role": "user", "content": "more"}])
    assert assistant(engine)["extra_content"] == SIGNED


def test_marks_of_every_kind(server, engine):
    function = {"tool_calls": [{"index": 0, "id": "x", "function": {"name": "get_weather", "arguments": "{}", "thought_signature": "F"},
                                "provider_specific_fields": {"thought_signature": "P"}, "thought_signature": "C"}]}
    engine.next(deltas({"thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "B"}]}, {"reasoning_opaque": "O"},
                       function), finish("tool_calls"))
    made = server.create("go", tools=[WEATHER])
    server.create(outputs(made), previous_response_id=made["id"], tools=[WEATHER])
    message = assistant(engine)
    assert message["thinking_blocks"] == [{"type": "thinking", "thinking": "t", "signature": "B"}] and message["reasoning_opaque"] == "O"
    one = message["tool_calls"][0]
    assert one["function"]["thought_signature"] == "F" and one["thought_signature"] == "C"
    assert one["provider_specific_fields"] == {"thought_signature": "P"}


def test_an_answer_as_json(server, engine):
    body = {"choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": None, "reasoning": "think hard", "reasoning_details": DETAILS,
        **signed_call(extra_content=SIGNED)}}]}
    engine.next(status(200, body=json.dumps(body).encode()))
    made = server.create("go", tools=[WEATHER])
    server.create(outputs(made), previous_response_id=made["id"], tools=[WEATHER])
    is_whole(engine)


def test_too_much(servers, engine):
    server = servers(engine, args=["--set", "engine.marks_bytes=1024"])
    engine.next(deltas(signed_call(extra_content={"x": "y" * 2000})), finish("tool_calls"))
    answer = server.post("/v1/responses", {"model": "scripted", "input": "go", "tools": [WEATHER]})
    assert "marks_bytes" in json.dumps(answer.json)


def test_ids_that_repeat_are_ours(server, engine):
    engine.next(deltas(signed_call("same"), signed_call("same", 1)), finish("tool_calls"))
    made = server.create("go", tools=[WEATHER], parallel_tool_calls=True)
    server.create(outputs(made), previous_response_id=made["id"], tools=[WEATHER])
    ids = [c["id"] for c in assistant(engine)["tool_calls"]]
    assert len(set(ids)) == len(ids) == len(outputs(made))
    assert [m["tool_call_id"] for m in told(engine) if m["role"] == "tool"] == ids


# --- runs in the background, tools of ours ---

SEARCH = {"type": "web_search"}


def signed_search(query="news", id="web_search:0", **more):
    return signed_call(id, name="web_search", args=json.dumps({"query": query}), **more)


def is_searched(message, at=0):
    one = message["tool_calls"][at]
    assert one["id"] == "web_search:0" and one["extra_content"] == SIGNED
    assert message["reasoning_details"] == DETAILS


def test_background(server, engine):
    script(engine)
    id = server.create("go", tools=[WEATHER], background=True)["id"]
    made = ended(server, id)
    is_hidden(json.dumps(made))
    server.kill()
    server.start()
    is_hidden(server.get(f"/v1/responses/{id}").body.decode())
    server.create(outputs(made), previous_response_id=id, tools=[WEATHER])
    is_whole(engine)


def test_killed_within_a_loop(servers, engine, web):
    server, gate = servers(engine, args=web.args()), Gate()
    engine.next(deltas(*details(), signed_search(extra_content=SIGNED)), finish("tool_calls"))
    engine.next(hold(gate))
    stream = server.stream("go", background=True, tools=[SEARCH])
    id = stream.until("response.web_search_call.completed")[0].data["response"]["id"]
    stream.until("response.output_item.done")
    engine.wait_for(2)
    before = told(engine)
    is_searched(before[1])
    restart(server)
    gate.open.set()
    made = ended(server, id)
    assert made["status"] == "completed" and len(engine.requests) == 3
    assert told(engine) == before
    server.create("on", previous_response_id=id)
    is_searched([m for m in told(engine) if m["role"] == "assistant"][0])


def test_a_loop_of_ours(servers, engine, web):
    server = servers(engine, args=web.args())
    engine.next(deltas(*details(), signed_search(extra_content=SIGNED)), finish("tool_calls"))
    engine.next(deltas(signed_search("more", "web_search:1", extra_content={"google": {"thought_signature": "two"}})), finish("tool_calls"))
    engine.next(say("So [1]."))
    made = server.create("go", tools=[SEARCH], include=["web_search_call.action.sources"])
    is_hidden(json.dumps(made).replace("web_search_call.action", ""))
    roles = [m["role"] for m in told(engine)]
    assert roles == ["user", "assistant", "tool", "assistant", "tool"]
    is_searched(told(engine)[1])
    assert told(engine)[2]["tool_call_id"] == "web_search:0" and told(engine)[4]["tool_call_id"] == "web_search:1"
    assert told(engine)[3]["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "two"}}
    before = told(engine)
    server.create("on", previous_response_id=made["id"], tools=[SEARCH])
    now = told(engine)
    for m in before:
        m.pop("reasoning", None)
    assert now[:5] == before


def test_a_refused_call_stands_in_its_message(servers, engine, web):
    """Between two that run, and first: one assistant message, and its results behind it."""
    server = servers(engine, args=web.args())
    engine.next(deltas(*details(), signed_search("a", extra_content=SIGNED), signed_call("x:1", 1, "web_search", '{"q":1}'),
                       signed_call("x:2", 2, "web_search", '{"query":"b"}')), finish("tool_calls"))
    engine.next(deltas(signed_call("y:0", 0, "nothing", "{}", extra_content=SIGNED), signed_call("y:1", 1, "web_search", '{"query":"c"}'),
                       signed_call("y:2", 2, "nothing", "{}")), finish("tool_calls"))
    engine.next(deltas({"reasoning_details": DETAILS}, signed_call("z:0", 0, "nothing", "{}", extra_content=SIGNED)), finish("tool_calls"))
    made = server.create("go", tools=[SEARCH])
    assert [i["type"] for i in made["output"]] == ["reasoning"] + ["web_search_call"] * 3 + ["message"]
    messages = told(engine)
    assert [m["role"] for m in messages] == ["user"] + ["assistant"] + ["tool"] * 3 + ["assistant"] + ["tool"] * 3 + ["assistant", "tool"]
    is_searched(messages[1])
    for i, ids in ((1, ["web_search:0", "x:1", "x:2"]), (5, ["y:0", "y:1", "y:2"]), (9, ["z:0"])):
        assert [c["id"] for c in messages[i]["tool_calls"]] == ids
        assert [m["tool_call_id"] for m in messages[i + 1:i + 1 + len(ids)]] == ids
        assert messages[i]["tool_calls"][0]["extra_content"] == SIGNED
    assert "Unknown parameter" in messages[3]["content"] and "no tool 'nothing'" in messages[6]["content"]
    assert messages[9]["reasoning_details"] == DETAILS


def test_a_clients_call_behind_one_of_ours(servers, engine, web):
    server = servers(engine, args=web.args())
    engine.next(deltas(signed_search(extra_content=SIGNED), signed_call("functions.get_weather:1", 1, extra_content={"two": "2"})),
                finish("tool_calls"))
    made = server.create("go", tools=[SEARCH, WEATHER])
    server.create(outputs(made), previous_response_id=made["id"], tools=[SEARCH, WEATHER])
    calls = assistant(engine)["tool_calls"]
    assert [(c["id"], c["extra_content"]) for c in calls] == [("web_search:0", SIGNED), ("functions.get_weather:1", {"two": "2"})]


# --- the name of thoughts ---

def test_thoughts_keep_their_name(servers, engine):
    server = servers(engine)
    engine.next(think("hm", key="reasoning"), call("get_weather", "{}"), finish("tool_calls"))
    made = server.create("go", tools=[WEATHER])
    server.stop()
    server.start()
    server.create(outputs(made), previous_response_id=made["id"], tools=[WEATHER])
    assert assistant(engine)["reasoning"] == "hm" and "reasoning_content" not in assistant(engine)


# --- chat completions ---

def chat(server, messages, **more):
    return server.post("/v1/chat/completions", {"model": "scripted", "messages": messages, "tools": [CHAT_WEATHER], **more})


def test_chat(server, engine):
    script(engine)
    message = chat(server, [{"role": "user", "content": "go"}]).json["choices"][0]["message"]
    assert message["reasoning_details"] == DETAILS and message["tool_calls"][0]["extra_content"] == SIGNED
    engine.next(say("ok"))
    answer = chat(server, [{"role": "user", "content": "go"}, message,
                           {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "sunny"}])
    assert answer.status == 200, answer.json
    sent = assistant(engine)
    assert sent["reasoning_details"] == DETAILS and sent["tool_calls"][0]["extra_content"] == SIGNED


def test_chat_streamed(server, engine):
    script(engine)
    chunks = [e.data for e in server.stream([{"role": "user", "content": "go"}], path="/v1/chat/completions", tools=[CHAT_WEATHER]) if e.data]
    got = [c["choices"][0]["delta"] for c in chunks if c["choices"]]
    assert [d["reasoning_details"] for d in got if "reasoning_details" in d] == [d["reasoning_details"] for d in details()]
    calls = [c for d in got for c in d.get("tool_calls", [])]
    assert [c["extra_content"] for c in calls if "extra_content" in c] == [SIGNED]


def chat_ids(server, engine, stream, sent, messages=None):
    """The ids of an answer whose calls the engine gave these; what the client has to send back."""
    engine.next(deltas(*[signed_call(id, i) for i, id in enumerate(sent)]), finish("tool_calls"))
    messages = messages or [{"role": "user", "content": "go"}]
    if not stream:
        return [c["id"] for c in chat(server, messages).json["choices"][0]["message"]["tool_calls"]]
    chunks = [e.data for e in server.stream(messages, path="/v1/chat/completions", tools=[CHAT_WEATHER]) if e.data]
    return [c["id"] for chunk in chunks for choice in chunk["choices"] for c in choice["delta"].get("tool_calls", []) if "id" in c]


@pytest.mark.parametrize("stream", [False, True])
def test_chat_gives_ids_that_say_something(server, engine, stream):
    """A model that reads its function's name in the id finds it there again: the client keeps it."""
    own = ["functions.get_weather:0", "functions.get_weather:1"]
    assert chat_ids(server, engine, stream, own) == own
    call_ = {"type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    history = [{"role": "user", "content": "go"}, {"role": "assistant", "content": None, "tool_calls": [{**call_, "id": own[0]}]},
               {"role": "tool", "tool_call_id": own[0], "content": "sunny"}]
    made = chat_ids(server, engine, stream, own, history)
    assert [c["id"] for c in assistant(engine)["tool_calls"]] == own[:1] and told(engine)[-1]["tool_call_id"] == own[0]
    assert made[0].startswith("call_") and made[1] == own[1]  # one id for two calls would be told apart by nobody


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("id", ["same", "0", "get_weather", "get_weather:" + "0" * 60, "get_weather 0", "get_weather\u00e9", "get_weather\"0"])
def test_chat_gives_ids_of_ours_for_others(server, engine, stream, id):
    (made,) = chat_ids(server, engine, stream, [id])
    assert made.startswith("call_")


def test_chat_gives_an_id_once(server, engine):
    made = chat_ids(server, engine, False, ["get_weather:0", "get_weather:0"])
    assert made[0] == "get_weather:0" and made[1].startswith("call_")


@pytest.mark.parametrize("stream", [False, True])
def test_chat_takes_marks_anywhere(server, engine, stream):
    """On the function, beside it and on the message; null says nothing, and a wrong name is refused as ever."""
    one = {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}", "thought_signature": "F"},
           "provider_specific_fields": {"thought_signature": "P"}, "extra_content": None}
    messages = [{"role": "user", "content": "go"}, {"role": "assistant", "content": None, "tool_calls": [one], "thinking_blocks": [{"x": 1}]},
                {"role": "tool", "tool_call_id": "c", "content": "sunny"}]
    assert chat(server, messages, stream=stream).status == 200
    sent = assistant(engine)
    assert sent["thinking_blocks"] == [{"x": 1}] and "extra_content" not in sent["tool_calls"][0]
    assert sent["tool_calls"][0]["provider_specific_fields"] == {"thought_signature": "P"}
    assert sent["tool_calls"][0]["function"]["thought_signature"] == "F"
    one["mark_of_nobody"] = 1
    assert chat(server, messages).json["error"]["code"] == "unknown_parameter"
