"""What engines send that OpenAI does not: forgiven as far as its meaning is clear, at both doors, streamed and not."""
import json

import pytest

from engine_script import ScriptedEngine, call, finish, raw, raw_socket, say, status, think
from harness import Server, Stream, text_of

EMOJI = "\U0001F600"
HALVES = [raw(b'data: {"choices":[{"index":0,"delta":{"content":"Hi \\ud83d"}}]}\n\n'),
          raw(b'data: {"choices":[{"index":0,"delta":{"content":"\\ude00"}}]}\n\n')]
BYTES = [raw(b'data: {"choices":[{"index":0,"delta":{"content":"Hi \xf0\x9f"}}]}\n\n'),
         raw(b'data: {"choices":[{"index":0,"delta":{"content":"\x98\x80"}}]}\n\n')]
TOOL = {"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}, "strict": False}
OTHER = {**TOOL, "name": "other"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def in_chat(tool):
    return {"type": "function", "function": {k: v for k, v in tool.items() if k != "type"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    engine, prompted, thinking, starting = (ScriptedEngine(models=[m]) for m in ("scripted", "prompted", "thinking", "starting"))
    untooled = ScriptedEngine(models=["untooled"], tools=False)
    path = tmp_path_factory.mktemp("incoming") / "c.yaml"
    path.write_text(f"""engines:
  - url: {engine.url[:-3]}
  - {{url: {prompted.url[:-3]}, schema: prompt}}
  - {{url: {thinking.url[:-3]}, think_tags: [<think>, </think>]}}
  - {{url: {starting.url[:-3]}, think_tags: [<think>, </think>], starts_thinking: true}}
  - url: {untooled.url[:-3]}
""")
    server = Server(args=["--config", str(path)])
    server.engines = {e.models[0]: e for e in (engine, prompted, thinking, starting, untooled)}
    server.models = lambda: {m["id"] for m in server.get("/v1/models").json["data"]}
    while not set(server.engines) <= server.models():
        pass
    yield server
    server.stop()
    server.erase()
    for e in server.engines.values():
        e.close()


@pytest.fixture
def engine(server):
    return server.engines["scripted"]


def both(server, script, model="scripted", **more):
    """A response, streamed and not; the deltas of the stream add up to what it tells in the end."""
    engine = server.engines[model]
    engine.next(*script)
    answer = server.post("/v1/responses", {"model": model, "input": "x", **more})
    engine.next(*script)
    events = [e.data for e in server.stream("x", model=model, **more) if e.data]
    sums = {}
    for e in events:
        kind, _, what = e["type"].rpartition(".")
        if what == "delta":
            key = kind, e["item_id"], e.get("content_index")
            sums[key] = sums.get(key, "") + e["delta"]
        elif (kind, e.get("item_id"), e.get("content_index")) in sums and what == "done":
            done = e.get("text", e.get("arguments", e.get("refusal", e.get("input"))))
            assert sums[kind, e["item_id"], e.get("content_index")] == done
    last = events[-1]["response"]
    if answer.status == 200:
        assert last["status"] in ("completed", "incomplete")
        assert shape(last) == shape(answer.json)
    else:
        assert last["status"] == "failed"
    return answer


def shape(response):
    def bare(item):
        return {k: v for k, v in item.items() if k not in ("id", "call_id")}
    return [bare(item) for item in response["output"]], response["usage"]


def chat(server, script, model="scripted", **more):
    """The message of a chat completion with its finish_reason; streamed and not alike."""
    body = {"model": model, "messages": [{"role": "user", "content": "x"}], **more}
    engine = server.engines[model]
    engine.next(*script)
    answer = server.post("/v1/chat/completions", body)
    engine.next(*script)
    events = [e.data for e in server.stream(body["messages"], path="/v1/chat/completions", **{**more, "model": model}) if e.data]
    if answer.status != 200:
        assert not events or "error" in events[-1]
        return answer
    message, choice = answer.json["choices"][0]["message"], answer.json["choices"][0]
    deltas = [c["choices"][0]["delta"] for c in events if c.get("choices")]
    assert "".join(d.get("content") or "" for d in deltas) == (message["content"] or "")
    calls = {}
    for piece in (p for d in deltas for p in d.get("tool_calls", [])):
        had = calls.setdefault(piece["index"], ["", ""])
        had[0] += piece["function"].get("name", "")
        had[1] += piece["function"]["arguments"]
    assert list(calls.values()) == [[c["function"]["name"], c["function"]["arguments"]] for c in message.get("tool_calls", [])]
    assert [c["choices"][0]["finish_reason"] for c in events if c.get("choices")][-1] == choice["finish_reason"]
    return choice


def outputs(answer):
    assert answer.status == 200, answer
    return [(item["type"], item.get("name"), item.get("arguments")) for item in answer.json["output"]]


@pytest.mark.parametrize("script", [HALVES, BYTES], ids=["halves", "bytes"])
def test_characters_cut_between_deltas(server, script):
    assert text_of(both(server, script).json) == f"Hi {EMOJI}"
    assert chat(server, script)["message"]["content"] == f"Hi {EMOJI}"


def test_an_orphan_is_one_unknown_character(server):
    script = [raw(b'data: {"choices":[{"index":0,"delta":{"content":"a\\ude00b\\ud83d"}}]}\n\n')]
    assert text_of(both(server, script).json) == "a\ufffdb\ufffd"


@pytest.mark.parametrize("name", ["functions.get_weather", "get_weather<|channel|>commentary", "get_weather:0", "get_weather\n",
                                  "functions.get_weather:3", " get_weather()"])
def test_names_with_trimmings(server, name):
    assert outputs(both(server, [call(name, "{}")], tools=[TOOL, OTHER])) == [("function_call", "get_weather", "{}")]
    assert chat(server, [call(name, "{}")], tools=[in_chat(TOOL)])["message"]["tool_calls"][0]["function"]["name"] == "get_weather"


def test_the_server_takes_back_the_name_that_it_made(server):
    made = both(server, [call("ns.unknown:é\n", "{}")], tools=[TOOL], store=False).json["output"]
    result = {"type": "function_call_output", "call_id": made[0]["call_id"], "output": "1"}
    assert server.create([{"role": "user", "content": "x"}, *made, result], tools=[TOOL], store=False)["status"] == "completed"


def delta(tool_call):
    return raw(b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [tool_call]}}]}).encode() + b"\n\n")


def test_a_name_in_pieces(server):
    script = [delta({"index": 0, "id": "a", "function": {"name": "get_wea", "arguments": ""}}),
              delta({"index": 0, "function": {"name": "ther"}}), delta({"index": 0, "function": {"arguments": "{}"}}),
              finish("tool_calls")]
    assert outputs(both(server, script, tools=[TOOL])) == [("function_call", "get_weather", "{}")]
    chat(server, script, tools=[in_chat(TOOL)])


def test_an_empty_piece_begins_nothing(server):
    script = [delta({"index": 0, "id": "a", "function": {"name": "get_weather"}}),
              delta({"index": 0, "function": {"name": "get_weather", "arguments": "{}"}}),
              delta({"index": 0, "function": {"name": "get_weather", "arguments": ""}}), finish("tool_calls")]
    assert outputs(both(server, script, tools=[TOOL])) == [("function_call", "get_weather", "{}")]


CUSTOM = {"type": "custom", "name": "write"}
ALLOWED = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "get_weather"}]}


def test_choice_none_lets_no_call_leave(server, engine):
    script = [say("text"), call("get_weather", "{}")]
    assert outputs(both(server, script, tools=[TOOL, CUSTOM], tool_choice="none")) == [("message", None, None)]
    assert "tools" not in engine.last.body
    choice = chat(server, script, tools=[in_chat(TOOL)], tool_choice="none")
    assert choice["finish_reason"] == "stop" and "tool_calls" not in choice["message"]
    assert outputs(both(server, [say("text"), call("write", '{"input":"x"}')], tools=[CUSTOM], tool_choice="none")) == [
        ("message", None, None)]


def test_choice_none_keeps_the_tools_that_the_history_needs(server, engine):
    history = [{"type": "function_call", "call_id": "c", "name": "get_weather", "arguments": "{}"},
               {"type": "function_call_output", "call_id": "c", "output": "1"}]
    engine.next(say("text"))
    server.create([{"role": "user", "content": "x"}, *history], tools=[TOOL], tool_choice="none")
    assert engine.last.body["tool_choice"] == "none" and len(engine.last.body["tools"]) == 1


def fails_for_want_of_a_call(answer):
    assert answer.status == 502 and "tool_choice" in answer.error["message"], answer


def test_a_demanded_call_is_made_or_the_response_fails(server):
    named = {"type": "function", "name": "get_weather"}
    text, other = [say("no")], [call("other", "{}")]
    for choice in ("required", named, {**ALLOWED, "mode": "required"}):
        fails_for_want_of_a_call(both(server, text, tools=[TOOL, OTHER], tool_choice=choice))
    for choice in (named, {**ALLOWED, "mode": "required"}):
        fails_for_want_of_a_call(both(server, other, tools=[TOOL, OTHER], tool_choice=choice))
    fails_for_want_of_a_call(both(server, text, tools=[CUSTOM], tool_choice={"type": "custom", "name": "write"}))
    fails_for_want_of_a_call(both(server, text, model="untooled", tools=[TOOL], tool_choice="required"))
    tools = [in_chat(TOOL), in_chat(OTHER)]
    name = {"type": "function", "function": {"name": "get_weather"}}
    for script, choice in ((text, "required"), (text, name), (other, name)):
        fails_for_want_of_a_call(chat(server, script, tools=tools, tool_choice=choice))
    assert outputs(both(server, [call("get_weather", "{}")], tools=[TOOL, OTHER], tool_choice=named)) == [
        ("function_call", "get_weather", "{}")]


def test_an_engine_that_ignores_a_demand_is_asked_once_more(server, engine):
    """In the form that leaves it nothing else to say; what it said instead is not told, what it cost is."""
    named = {"type": "function", "name": "get_weather"}
    made = json.dumps({"name": "get_weather", "arguments": {"city": "Oslo"}})
    first = [[think("Hm."), say("I would "), say("rather talk.")], [call("other", "{}")], [say("")]]
    for script, choice in ((first[0], "required"), (first[0], named), (first[1], named), (first[2], "required")):
        for stream in (False, True):
            engine.next(*script)
            engine.next(say(made))
            before = len(engine.requests)
            if stream:
                events = [e.data for e in server.stream("x", tools=[TOOL, OTHER], tool_choice=choice) if e.data]
                answer = events[-1]["response"]
                assert not [e for e in events if "output_text" in e["type"]]
            else:
                answer = server.create("x", tools=[TOOL, OTHER], tool_choice=choice)
            told, again = engine.requests[before:]
            assert told.body["tool_choice"] == "required" and "tools" not in again.body and "response_format" in again.body
            calls = [i for i in answer["output"] if i["type"] != "reasoning"]
            assert [(i["type"], i["name"], json.loads(i["arguments"])) for i in calls] == [("function_call", "get_weather", {"city": "Oslo"})]
            assert answer["status"] == "completed" and answer["usage"]["output_tokens"] > 1
            assert [i["type"] for i in answer["output"]].count("reasoning") == (script is first[0])
    for stream in (False, True):
        engine.next(*first[0])
        engine.next(say(made))
        body = {"model": "scripted", "messages": [{"role": "user", "content": "x"}], "tools": [in_chat(TOOL)], "tool_choice": "required"}
        if stream:
            chunks = [e.data for e in Stream(*server.open("POST", "/v1/chat/completions", {**body, "stream": True}), path="/v1/chat/completions") if e.data]
            deltas = [c["choices"][0]["delta"] for c in chunks if c["choices"]]
            assert not any(d.get("content") for d in deltas) and any(d.get("tool_calls") for d in deltas)
        else:
            choice = server.post("/v1/chat/completions", body).json["choices"][0]
            assert choice["message"]["tool_calls"][0]["function"]["name"] == "get_weather" and not choice["message"]["content"]


def test_once_more_is_once(server, engine):
    """The second form refused, or not kept to either, is the failure that says what was wanted; text before a call stays."""
    for second in ([status(400, {"message": "no such thing"})], [say("no")], [say('{"name":"none","answer":"no"}')]):
        engine.next(say("no"))
        engine.next(*second)
        before = len(engine.requests)
        fails_for_want_of_a_call(server.post("/v1/responses", {"model": "scripted", "input": "x", "tools": [TOOL], "tool_choice": "required"}))
        assert len(engine.requests) == before + 2
    script = [say("Let me see."), call("get_weather", "{}")]
    assert outputs(both(server, script, tools=[TOOL], tool_choice="required")) == [("message", None, None), ("function_call", "get_weather", "{}")]


def test_allowed_tools_alone_may_be_called(server):
    script = [say("text"), call("other", "{}")]
    assert outputs(both(server, script, tools=[TOOL, OTHER], tool_choice=ALLOWED)) == [("message", None, None)]
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [in_chat({"type": "function", "name": "get_weather"})]}}
    assert "tool_calls" not in chat(server, script, tools=[in_chat(TOOL), in_chat(OTHER)], tool_choice=choice)["message"]


def test_one_call_at_most(server):
    script = [call("get_weather", "{}"), call("other", "{}", index=1)]
    more = {"tools": [TOOL, OTHER], "parallel_tool_calls": False}
    assert outputs(both(server, script, **more)) == [("function_call", "get_weather", "{}")]
    assert len(chat(server, script, tools=[in_chat(TOOL), in_chat(OTHER)], parallel_tool_calls=False)["message"]["tool_calls"]) == 1


@pytest.mark.parametrize("model", ["scripted", "prompted"])
@pytest.mark.parametrize("pieces", [['```json\n{"a":"x"}\n```'], ["``", "`js", 'on\n{"a"', ':"x"}\n`', "``\n"]], ids=["whole", "cut"])
def test_a_fence_around_json(server, model, pieces):
    named = {"name": "s", "schema": SCHEMA, "strict": True}
    assert text_of(both(server, [say(*pieces)], model=model, text={"format": {"type": "json_schema", **named}}).json) == '{"a":"x"}'
    assert chat(server, [say(*pieces)], model=model, response_format={"type": "json_schema", "json_schema": named})[
        "message"]["content"] == '{"a":"x"}'


def test_a_fence_in_plain_text_stays(server):
    assert text_of(both(server, [say('```json\n{"a":"x"}\n```')]).json) == '```json\n{"a":"x"}\n```'


def test_a_fence_around_a_forced_call(server):
    script = [say('```json\n{"name":"get_weather","arguments":{}}\n```')]
    assert outputs(both(server, script, model="untooled", tools=[TOOL])) == [("function_call", "get_weather", "{}")]


@pytest.mark.parametrize("model,pieces", [("thinking", ["<thi", "nk>secret</thi", "nk>\n\nHel", "lo"]),
                                          ("starting", ["secret</think", ">Hello"])])
def test_think_tags_become_reasoning(server, model, pieces):
    answer = both(server, [say(*pieces)], model=model)
    assert [item["type"] for item in answer.json["output"]] == ["reasoning", "message"]
    assert answer.json["output"][0]["content"][0]["text"] == "secret" and text_of(answer.json) == "Hello"
    message = chat(server, [say(*pieces)], model=model)["message"]
    assert message["content"] == "Hello" and message["reasoning_content"] == "secret"


def test_think_tags_stay_where_no_setting_names_them(server):
    assert text_of(both(server, [say("<think>a</think>b")]).json) == "<think>a</think>b"


WHOLE = {"id": "c", "object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop", "message": {
    "role": "assistant", "content": "Hello"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}


def test_a_completion_as_json_is_an_answer(server):
    script = [status(200, body=json.dumps(WHOLE).encode())]
    answer = both(server, script)
    assert text_of(answer.json) == "Hello" and answer.json["usage"]["total_tokens"] == 5
    assert chat(server, script)["message"]["content"] == "Hello"


def test_an_error_as_json_says_what_it_is(server):
    script = [status(200, body=b'{"error":{"message":"Insufficient balance","code":402}}')]
    for answer in (both(server, script), chat(server, script)):
        assert answer.status == 400 and "Insufficient balance" in answer.error["message"], answer


def test_a_stream_without_a_type(server):
    body = b'\xef\xbb\xbfdata:{"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":"stop"}]}\r\n\r\n'
    script = [raw_socket(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)]
    assert text_of(both(server, script).json) == "Hello"


@pytest.mark.parametrize("usage,told", [
    ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135, "completion_tokens_details": {"reasoning_tokens": 94}},
     (32, 103, 94)),
    ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 60}, (10, 50, 45)),
    ({"prompt_tokens": 7.0, "completion_tokens": "2", "total_tokens": None}, (7, 2, 0)),
    ({"prompt_tokens": -1, "completion_tokens": None}, (0, 1, 0))])
def test_usage_in_odd_sums(server, usage, told):
    got = both(server, [say("a"), finish("stop", usage)]).json["usage"]
    assert (got["input_tokens"], got["output_tokens"], got["output_tokens_details"]["reasoning_tokens"]) == told
    assert got["total_tokens"] == told[0] + told[1]


def test_an_engine_out_of_resources_fails(server):
    for answer in (both(server, [say("a"), finish("insufficient_system_resource")]),
                   chat(server, [say("a"), finish("insufficient_system_resource")])):
        assert answer.status == 503 and "resources" in answer.error["message"]


TOKENS = {"content": [{"token": "a", "bytes": None, "logprob": -0.5, "top_logprobs": [{"token": "a", "bytes": None, "logprob": -0.5}]}]}


def test_log_probabilities_have_their_bytes(server, engine):
    answer = both(server, [say("a", logprobs=TOKENS)], include=["message.output_text.logprobs"], top_logprobs=1)
    one = answer.json["output"][0]["content"][0]["logprobs"][0]
    assert one["bytes"] == [97] and one["top_logprobs"][0]["bytes"] == [97]
    assert chat(server, [say("a", logprobs=TOKENS)], logprobs=True)["logprobs"]["content"][0]["bytes"] == [97]
    engine.next(say("a", logprobs=TOKENS))
    events = [e.data for e in server.stream("x", include=["message.output_text.logprobs"]) if e.data]
    part = next(e for e in events if e["type"] == "response.content_part.done")["part"]
    assert part["logprobs"] == []
    assert next(e for e in events if e["type"] == "response.output_text.done")["logprobs"][0]["token"] == "a"
    engine.next(say("a", logprobs=TOKENS))
    first = next(iter(server.stream([{"role": "user", "content": "x"}], path="/v1/chat/completions", logprobs=True))).data
    assert first["choices"][0]["logprobs"] == {"content": [], "refusal": None}


def test_a_forced_function_ends_with_stop(server):
    script = [call("get_weather", "{}")]
    named = {"type": "function", "function": {"name": "get_weather"}}
    forced = chat(server, script, tools=[in_chat(TOOL)], tool_choice=named)
    assert forced["finish_reason"] == "stop" and len(forced["message"]["tool_calls"]) == 1
    assert chat(server, script, tools=[in_chat(TOOL)])["finish_reason"] == "tool_calls"


def test_thoughts_between_pieces_of_calls(server):
    script = [think("hm"), call("get_weather", "{", "}")]
    assert [o[0] for o in outputs(both(server, script, tools=[TOOL]))] == ["reasoning", "function_call"]
