"""POST /v1/responses/input_tokens: the count, and what it may be asked with."""
import pytest

from engine_script import ScriptedEngine, call, finish, say

PATH = "/v1/responses/input_tokens"
WEATHER = {"type": "function", "name": "weather", "description": "Tells the weather.",
           "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"],
                          "additionalProperties": False}, "strict": True}
DOT = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def count(server, model="scripted", **body):
    answer = server.post(PATH, {"model": model, **body})
    assert answer.status == 200, answer
    assert answer.json["object"] == "response.input_tokens" and set(answer.json) == {"object", "input_tokens"}
    return answer.json["input_tokens"], answer.headers.get("antiphon-not-applied")


REQUESTS = [
    {"input": "Say something."},
    {"input": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Well?"}], "instructions": "Obey."},
    {"input": "What is the weather in Paris?", "tools": [WEATHER], "tool_choice": "required"},
    {"input": "Two things at once.", "tools": [WEATHER], "parallel_tool_calls": False, "reasoning": {"effort": "none"}},
    {"input": "A city.", "text": {"format": {"type": "json_schema", "name": "city", "strict": True, "schema": {
        "type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"], "additionalProperties": False}}}},
    {"input": [{"role": "user", "content": [{"type": "input_text", "text": "What is this?"},
                                            {"type": "input_image", "image_url": DOT}]}], "truncation": "auto"},
]


@pytest.mark.parametrize("request_body", REQUESTS)
def test_the_engine_counts_what_it_would_be_asked(engine, server, servers, request_body):
    """What is counted is byte for byte the body that the response's call sends."""
    seeing = ScriptedEngine(vision=True)
    server = servers(seeing)
    try:
        n, note = count(server, **request_body)
        asked = seeing.probes[-1]
        assert asked.path == "/v1/chat/completions/input_tokens" and note in (None, "reasoning.effort")
        assert n == len(asked.raw) // 4
        assert not seeing.requests  # nothing was generated
        seeing.next(*([call("weather", '{"place":"Oslo"}'), finish("tool_calls")] if request_body.get("tool_choice") else [say('{"name":"Oslo"}')]))
        assert server.create(**request_body)["status"] == "completed"
        assert seeing.last.raw == asked.raw
    finally:
        seeing.close()


def test_the_whole_context_counts(engine, server):
    first = server.create("Remember the number seven.")
    n, _ = count(server, input="Which number?", previous_response_id=first["id"])
    alone, _ = count(server, input="Which number?")
    assert n > alone
    assert "seven" in str(engine.probes[-2].body["messages"])
    server.create("Which number?", previous_response_id=first["id"])
    assert engine.last.raw == engine.probes[-2].raw
    item, _ = count(server, input=[{"type": "item_reference", "id": first["output"][0]["id"]},
                                   {"role": "user", "content": "Which number?"}])
    assert alone < item


def test_nothing_is_kept(engine, server):
    first = server.create("One.")
    count(server, input="Two.", previous_response_id=first["id"])
    assert server.get(f"/v1/responses/{first['id']}/input_items").json["data"][0]["content"][0]["text"] == "One."
    assert server.get(PATH).status == 404  # not a response's id


def test_vllm_counts_too(servers):
    engine = ScriptedEngine(props=False, owner="vllm")
    server = servers(engine)
    try:
        n, note = count(server, input="Say something.")
        assert engine.probes[-1].path == "/tokenize" and n == len(engine.probes[-1].raw) // 4 and note is None
    finally:
        engine.close()


@pytest.mark.parametrize("counting", [None, (404, {}), (405, {}), (501, {}), (200, {"odd": 1}), (200, {"input_tokens": -1})])
def test_an_estimate_is_called_one(servers, counting):
    """Engines that cannot count: bytes by three, and a header that says so. None: an engine of no known kind."""
    engine = ScriptedEngine(props=counting is not None, owner="scripted")
    engine.counting = None
    server = servers(engine)
    try:
        engine.counting = counting
        n, note = count(server, input="x" * 3000)
        assert note == "exact count"
        assert 1000 < n < 1200
    finally:
        engine.close()


def test_pictures_are_not_counted_by_their_bytes(servers):
    engine = ScriptedEngine(vision=True)
    server = servers(engine)
    try:
        engine.counting = (404, {})
        n, _ = count(server, input=[{"role": "user", "content": [{"type": "input_image", "image_url": DOT.rstrip("=") + "A" * 300002}]}])
        assert 800 < n < 1000
    finally:
        engine.close()


def test_the_engines_refusal_is_an_error(engine, server):
    engine.counting = (400, {"error": {"code": 400, "message": "bad template", "type": "invalid_request_error"}})
    assert server.post(PATH, {"model": "scripted", "input": "x"}).status in (400, 502)
    engine.counting = (500, {"error": {"code": 500, "message": "broken", "type": "server_error"}})
    assert server.post(PATH, {"model": "scripted", "input": "x"}).status == 502


def test_truncation_counts_what_is_left(engine, server):
    turns = [{"role": role, "content": "word " * 4000} for role in ("user", "assistant") * 8] + [{"role": "user", "content": "End."}]
    whole, _ = count(server, input=turns)
    left, _ = count(server, input=turns, truncation="auto")
    assert whole > engine.context > left


def test_everything_is_optional(engine, server):
    for body in (b"{}", b"", {"instructions": "Be kind."}, {"input": None, "model": None, "personality": None}):
        answer = server.post(PATH, body)
        assert answer.status == 200 and answer.json["input_tokens"] > 0, answer
    assert count(server, input="x", personality="friendly")[1] == "personality"


@pytest.mark.parametrize("body, param, code", [
    ({"input": 7}, "input", "invalid_type"),
    ({"input": [{"role": "nobody", "content": "x"}]}, "input[0]", "invalid_value"),
    ({"input": "x", "personality": 7}, "personality", "invalid_type"),
    ({"input": "x", "personality": "p" * 65}, "personality", "string_above_max_length"),
    ({"input": "x", "stream": True}, "stream", "unknown_parameter"),
    ({"input": "x", "temperature": 1}, "temperature", "unknown_parameter"),
    ({"input": "x", "tools": [{"type": "function"}]}, "tools[0].name", "missing_required_parameter"),
    ({"input": "x", "tool_choice": "sometimes"}, "tool_choice", "invalid_value"),
    ({"input": "x", "truncation": "perhaps"}, "truncation", "invalid_value"),
    ({"input": "x", "reasoning": {"effort": "huge"}}, "reasoning.effort", "invalid_value"),
    ({"input": "x", "parallel_tool_calls": "yes"}, "parallel_tool_calls", "invalid_type"),
    ({"input": "x", "previous_response_id": "x"}, "previous_response_id", "invalid_value"),
    ({"input": "x", "previous_response_id": "resp_none"}, "previous_response_id", "previous_response_not_found"),
    ({"input": "x", "model": "none"}, "model", "model_not_found"),
    ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "input", None),
    ([], None, "invalid_type"),
])
def test_bad_requests(server, body, param, code):
    answer = server.post(PATH, body)
    assert answer.status == 400, answer
    assert (answer.error["param"] or None, answer.error["code"]) == (param, code), answer
