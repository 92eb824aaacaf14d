"""Members of a request that are smaller than a feature: include, phase, reasoning.summary, and what is refused by name."""
import pytest

from engine_script import ScriptedEngine, call, echo, say, think
from harness import Server, text_of

INCLUDE = ["code_interpreter_call.outputs", "computer_call_output.output.image_url", "file_search_call.results",
           "message.input_image.image_url", "message.output_text.logprobs", "reasoning.encrypted_content",
           "web_search_call.action.sources", "web_search_call.results"]


@pytest.fixture(scope="module")
def engine():
    engine = ScriptedEngine()
    engine.always(echo)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def server(engine):
    server = Server(engine)
    yield server
    server.stop()
    server.erase()


# --- include ---

@pytest.mark.parametrize("value", INCLUDE)
def test_every_include_is_taken(server, value):
    made = server.create("hi", include=[value])
    assert text_of(made) == "You said: hi."
    assert "include" not in made
    for path in (f"/v1/responses/{made['id']}", f"/v1/responses/{made['id']}/input_items"):
        assert server.get(f"{path}?include[]={value}").status == 200
        assert server.get(f"{path}?include={value}").status == 200


def test_all_of_them_at_once(server):
    made = server.create("hi", include=INCLUDE)
    query = "&".join(f"include[]={value}" for value in INCLUDE)
    assert server.get(f"/v1/responses/{made['id']}?{query}").json["id"] == made["id"]


def test_an_unknown_include_is_refused(server):
    made = server.create("hi")
    answer = server.post("/v1/responses", {"model": "scripted", "input": "hi", "include": ["bogus"]})
    assert (answer.status, answer.error["param"], answer.error["code"]) == (400, "include[0]", "invalid_value")
    for path in (f"/v1/responses/{made['id']}", f"/v1/responses/{made['id']}/input_items"):
        answer = server.get(path + "?include[]=reasoning.encrypted_content&include[]=bogus")
        assert (answer.status, answer.error["param"], answer.error["code"]) == (400, "include", "invalid_value")
        assert answer.error["message"].startswith("Invalid value: 'bogus'. Supported values are: 'code_interpreter_call.outputs'")


# --- phase ---

SPOKEN = [{"role": "user", "content": "Do it."},
          {"role": "assistant", "content": "I will look first.", "phase": "commentary"},
          {"type": "message", "role": "assistant", "phase": "final_answer", "id": "msg_mine", "status": "completed",
           "content": [{"type": "output_text", "text": "Done.", "annotations": []}]},
          {"role": "assistant", "content": "Plain.", "phase": None}, {"role": "user", "content": "Again."}]
PHASES = [None, "commentary", "final_answer", None, None]


def listed(server, id):
    page = server.get(f"/v1/responses/{id}/input_items?order=asc&limit=100").json
    return page["data"]


def test_phase_is_kept_and_listed(engine, server):
    first = server.create(SPOKEN)
    items = listed(server, first["id"])
    assert [i.get("phase") for i in items] == PHASES
    assert "phase" not in items[0] and "phase" not in items[3]
    assert "phase" not in str(engine.requests[-1].body["messages"])  # no engine knows the word
    second = server.create("more", previous_response_id=first["id"])
    assert [i.get("phase") for i in listed(server, second["id"])] == PHASES + [None, None]
    # What was listed can be sent back.
    third = server.create(items)
    assert [i.get("phase") for i in listed(server, third["id"])] == PHASES


def test_phase_in_a_conversation(server):
    made = server.post("/v1/conversations", {"items": SPOKEN}).json["id"]
    page = server.get(f"/v1/conversations/{made}/items?order=asc").json["data"]
    assert [i.get("phase") for i in page] == PHASES
    server.create("go on", conversation=made)
    page = server.get(f"/v1/conversations/{made}/items?order=asc").json["data"]
    assert [i.get("phase") for i in page] == PHASES + [None, None]


@pytest.mark.parametrize("item", [
    {"role": "assistant", "content": "x", "phase": "bogus"}, {"role": "user", "content": "x", "phase": "commentary"},
    {"role": "assistant", "content": "x", "phase": 1}])
def test_phase_refused(server, item):
    answer = server.post("/v1/responses", {"model": "scripted", "input": [item, {"role": "user", "content": "x"}]})
    assert (answer.status, answer.error["param"]) == (400, "input[0].phase")


# --- reasoning.summary ---

@pytest.mark.parametrize("member", ["summary", "generate_summary"])
@pytest.mark.parametrize("value", ["auto", "concise", "detailed"])
def test_summary(engine, server, member, value):
    engine.next(think("Let me ", "think."), say("Yes."))
    stream = server.stream("why", reasoning={member: value})
    assert "reasoning." + member in stream.headers["antiphon-not-applied"]  # it is the reasoning itself, no summary
    events = list(stream)
    kinds = [e.type for e in events if "summary" in e.type]
    assert kinds == ["response.reasoning_summary_part.added", "response.reasoning_summary_text.delta",
                     "response.reasoning_summary_text.delta", "response.reasoning_summary_text.done",
                     "response.reasoning_summary_part.done"]
    assert all(e.data["summary_index"] == 0 for e in events if "summary" in e.type)
    final = events[-2].data["response"]
    item = final["output"][0]
    assert item["type"] == "reasoning" and item["summary"] == [{"type": "summary_text", "text": "Let me think."}]
    assert item["content"] == [{"type": "reasoning_text", "text": "Let me think."}]
    assert final["reasoning"]["summary"] == value
    # It comes back the same, and without a stream too.
    assert server.get(f"/v1/responses/{final['id']}").json["output"] == final["output"]
    engine.next(think("Let me ", "think."), say("Yes."))
    assert server.create("why", reasoning={member: value})["output"][0]["summary"] == item["summary"]


@pytest.mark.parametrize("reasoning", [{}, {"summary": None}, None])
def test_no_summary_unasked(engine, server, reasoning):
    engine.next(think("Let me think."), say("Yes."))
    events = list(server.stream("why", reasoning=reasoning))
    assert not [e for e in events if "summary" in e.type]
    final = events[-2].data["response"]
    assert final["output"][0]["summary"] == [] and final["reasoning"]["summary"] is None


def test_summary_before_a_call(engine, server):
    engine.next(think("I need it."), call("f", "{}"))
    made = server.create("why", reasoning={"summary": "auto"}, tools=[{"type": "function", "name": "f", "parameters": {
        "type": "object", "properties": {}}}])
    assert [i["type"] for i in made["output"]] == ["reasoning", "function_call"]
    back = made["output"] + [{"type": "function_call_output", "call_id": made["output"][1]["call_id"], "output": "1"}]
    again = server.create([{"role": "user", "content": "why"}, *back])
    kept = [i for i in listed(server, again["id"]) if i["type"] == "reasoning"]
    assert kept[0]["summary"] == [{"type": "summary_text", "text": "I need it."}]


def test_summary_refused(server):
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "reasoning": {"summary": "bogus"}})
    assert (answer.status, answer.error["param"], answer.error["code"]) == (400, "reasoning.summary", "invalid_value")


# --- refused by name ---

@pytest.mark.parametrize("member", [
    {"moderation": {"model": "omni-moderation-latest"}}, {"access_programs": {"cyber": "standard"}},
    {"image": {"context_compression": "enabled"}}, {"multi_agent": {"enabled": True, "max_concurrent_subagents": 2}}])
@pytest.mark.parametrize("stream", [False, True])
def test_refused_by_name(server, member, stream):
    [name] = member
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "stream": stream, **member})
    assert (answer.status, answer.error["param"], answer.error["code"]) == (400, name, "unsupported_parameter")
    assert server.post("/v1/responses", {"model": "scripted", "input": "x", name: None}).status == 200
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x", name: {"bogus": 1}})
    assert answer.status == 400 and answer.error["param"].startswith(name)
