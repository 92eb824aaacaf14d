"""What is sent to engines of several families: by the table of dialects, the settings, and what refusals teach."""
import json

import pytest

from engine_script import ScriptedEngine, call, finish, say, status, think
from harness import Server

WEATHER = {"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}


def serve(engine, *settings, path=""):
    pairs = [f"url={engine.url.removesuffix('/v1')}{path}", *settings]
    return Server(args=[a for s in pairs for a in ("--set", "engines[0]." + s)])


@pytest.fixture
def dialect(engine):
    servers = []

    def start(*settings, **more):
        servers.append(serve(engine, *settings, **more))
        return servers[-1]
    yield start
    for server in servers:
        server.stop()
        server.erase()


def refuse(message, **more):
    return status(400, {"message": message, "type": "invalid_request_error", **more})


def sent(engine):
    return engine.requests[-1].body


# --- where to ---

@pytest.mark.parametrize("path, asked", [
    ("", "/v1/chat/completions"), ("/", "/v1/chat/completions"), ("/v1", "/v1/chat/completions"),
    ("/v1beta/openai", "/v1beta/openai/chat/completions"), ("/api/paas/v4/", "/api/paas/v4/chat/completions"),
    ("/inference", "/inference/chat/completions"), ("/x/v1/", "/x/v1/chat/completions"),
    ("/openai/deployments/d?api-version=2025-01-01", "/openai/deployments/d/chat/completions?api-version=2025-01-01"),
    ("?a=b", "/v1/chat/completions?a=b"),
])
def test_a_path_is_taken_as_it_is(dialect, engine, path, asked):
    server = dialect("models=scripted", path=path)
    server.create("hi")
    assert engine.requests[-1].path == asked


def test_azure(dialect, engine):
    server = dialect("dialect=azure", "models=scripted", "key=secret", path="/openai/v1?api-version=preview")
    server.create("hi", max_output_tokens=50, reasoning={"effort": "minimal"})
    request = engine.requests[-1]
    assert request.headers["api-key"] == "secret" and "authorization" not in request.headers
    assert request.path == "/openai/v1/chat/completions?api-version=preview"
    assert request.body["max_completion_tokens"] == 50 and "max_tokens" not in request.body
    assert request.body["reasoning_effort"] == "minimal"


@pytest.mark.parametrize("setting, word", [("dialect=nobody", "nobody"), ("traits=thoughts=loud", "reasoning_content"),
                                           ("traits=thought=none", "thought")])
def test_a_wrong_setting_stops_the_start(engine, setting, word):
    with pytest.raises(AssertionError, match=word):
        Server(args=["--set", f"engines[0].url={engine.url}", "--set", "engines[0]." + setting], ready=False)


# --- effort ---

@pytest.mark.parametrize("name, effort, told", [("openai", "minimal", True), ("cerebras", "low", True),
                                                ("cerebras", "minimal", False), ("generic", "low", False),
                                                ("vllm", "high", True)])
def test_effort(dialect, engine, name, effort, told):
    server = dialect("dialect=" + name)
    for post in (lambda: server.post("/v1/responses", {"model": "scripted", "input": "hi", "reasoning": {"effort": effort}, "user": "u"}),
                 lambda: server.post("/v1/chat/completions", {"model": "scripted", "messages": [{"role": "user", "content": "hi"}],
                                                              "reasoning_effort": effort, "user": "u"})):
        answer = post()
        assert answer.status == 200
        assert sent(engine).get("reasoning_effort") == (effort if told else None)
        assert ("effort" in answer.headers["antiphon-not-applied"]) == (not told)
        assert "user" in answer.headers["antiphon-not-applied"]


# --- refusals teach ---

@pytest.mark.parametrize("settings, create, message, before, after", [
    ([], {"max_output_tokens": 50}, "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
     "'max_completion_tokens' instead.", {"max_tokens": 50}, {"max_completion_tokens": 50}),
    (["dialect=openai"], {"max_output_tokens": 50}, "Unrecognized request argument supplied: max_completion_tokens",
     {"max_completion_tokens": 50}, {"max_tokens": 50}),
    (["dialect=vllm"], {"reasoning": {"effort": "minimal"}}, "reasoning_effort: should be 'low', 'medium' or 'high'",
     {"reasoning_effort": "minimal"}, {"reasoning_effort": None}),
    ([], {"text": {"format": {"type": "json_object"}}, "input": "json"}, "'response_format.type' must be 'json_schema' or 'text'",
     {"response_format": {"type": "json_object"}},
     {"response_format": {"type": "json_schema", "json_schema": {"name": "json", "schema": {"type": "object"}}}}),
    ([], {}, "Extra inputs are not permitted: stream_options", {"stream_options": {"include_usage": True}},
     {"stream_options": None}),
    ([], {"tools": [WEATHER]}, "parallel_tool_calls: unknown field", {"parallel_tool_calls": True},
     {"parallel_tool_calls": None}),
])
def test_a_refusal_teaches_once(dialect, engine, settings, create, message, before, after):
    server = dialect(*settings)
    create = {"input": "hi", **create}
    text = say("{}")
    engine.next(refuse(message))
    engine.next(text)
    assert server.create(**create)["status"] == "completed"
    first, second = engine.requests[-2].body, engine.requests[-1].body
    assert {k: first.get(k) for k in before} == before and {k: second.get(k) for k in after} == after
    n = len(engine.requests)
    engine.next(text)
    server.create(**create)
    assert len(engine.requests) == n + 1 and {k: sent(engine).get(k) for k in after} == after


def test_a_refusal_that_stays_is_told(dialect, engine):
    server = dialect()
    engine.always(lambda request: [refuse("Unsupported parameter: 'max_tokens', 'max_completion_tokens'")])
    answer = server.post("/v1/responses", {"model": "scripted", "input": "hi", "max_output_tokens": 50})
    assert answer.status == 400 and len(engine.requests) == 3
    engine.always(lambda request: [refuse("max_tokens is too large")])
    n = len(engine.requests)
    assert server.post("/v1/responses", {"model": "scripted", "input": "hi", "max_output_tokens": 50}).status == 400
    assert len(engine.requests) == n + 1


# --- thoughts, ids, strict ---

@pytest.mark.parametrize("settings, key, name", [
    ([], "reasoning", "reasoning"), ([], "reasoning_content", "reasoning_content"),
    (["dialect=mistral"], "reasoning", None), (["traits=thoughts=none"], "reasoning", None),
    (["dialect=groq"], "reasoning_content", "reasoning"), (["traits=thoughts=reasoning_content"], "reasoning", "reasoning_content")])
def test_thoughts_go_back_under_the_name_they_came(dialect, engine, settings, key, name):
    server = dialect(*settings)
    engine.next(think("hm", key=key), call("get_weather", "{}"), finish("tool_calls"))
    made = server.create("go", tools=[WEATHER])
    server.create([{"type": "function_call_output", "call_id": made["output"][-1]["call_id"], "output": "x"}],
                  previous_response_id=made["id"], tools=[WEATHER])
    message = sent(engine)["messages"][1]
    assert {k: v for k, v in message.items() if k.startswith("reasoning")} == ({name: "hm"} if name else {})


@pytest.mark.parametrize("settings, short", [([], False), (["dialect=mistral"], True), (["traits=ids=short"], True)])
def test_ids_of_calls(dialect, engine, settings, short):
    server = dialect(*settings)
    server.create([{"role": "user", "content": "go"},
                   {"type": "function_call", "call_id": "functions.f:0", "name": "f", "arguments": "{}"},
                   {"type": "function_call_output", "call_id": "functions.f:0", "output": "x"}])
    messages = sent(engine)["messages"]
    id = messages[1]["tool_calls"][0]["id"]
    assert id == messages[2]["tool_call_id"] and (len(id) == 9 if short else id == "functions.f:0")


def test_strict_is_said_where_it_was(dialect, engine):
    server = dialect()
    closed = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    tools = [{"type": "function", "name": n, "parameters": p, **({} if s is None else {"strict": s})}
             for n, p, s in [("a", closed, None), ("b", {}, None), ("c", closed, True), ("d", {}, False)]]
    server.create("hi", tools=tools)
    assert [t["function"].get("strict") for t in sent(engine)["tools"]] == [None, None, True, False]
    server.post("/v1/chat/completions", {"model": "scripted", "messages": [{"role": "user", "content": "hi"}], "tools": [
        {"type": "function", "function": {k: v for k, v in t.items() if k != "type"}} for t in tools]})
    assert [t["function"].get("strict") for t in sent(engine)["tools"]] == [None, None, True, False]
    server = dialect("dialect=cerebras")
    server.create("hi", tools=tools)
    assert [t["function"].get("strict") for t in sent(engine)["tools"]] == [None] * 4


# --- parameters ---

@pytest.mark.parametrize("given", [{}, {"parameters": {}}, {"parameters": None}])
def test_no_parameters_are_an_object(server, engine, given):
    empty = {"type": "object", "properties": {}}
    made = server.create("hi", tools=[{"type": "function", "name": "f", **given}])
    assert made["tools"][0]["parameters"] == empty and made["tools"][0]["strict"] is False
    assert sent(engine)["tools"][0]["function"]["parameters"] == empty
    for path, tool in (("/v1/responses", {"type": "function", "name": "f", "strict": True, **given}),
                       ("/v1/chat/completions", {"type": "function", "function": {"name": "f", "strict": True, **given}})):
        body = {"model": "scripted", "tools": [tool]}
        body.update({"input": "hi"} if "responses" in path else {"messages": [{"role": "user", "content": "hi"}]})
        answer = server.post(path, body)
        assert answer.status == 400 and "'additionalProperties' is required" in answer.error["message"]
