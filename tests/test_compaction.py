"""Compaction: POST /v1/responses/compact, its items in later inputs, context_management and compaction_trigger."""
import time

import pytest

from engine_script import Gate, call, cut, finish, hold, overflow, say, status, think

PATH = "/v1/responses/compact"
TALK = [{"role": "user", "content": "What is 2+2?"}, {"role": "assistant", "content": "Four it is."},
        {"role": "user", "content": "And 3+3?"}, {"role": "assistant", "content": "Six it is."}]
TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}


def user(text):
    return {"role": "user", "content": text}


def compact(server, engine, summary="We did sums.", **body):
    engine.next(say(summary))
    answer = server.post(PATH, {"model": "scripted", **body})
    assert answer.status == 200, answer
    return answer.json


def prompt_of(request):
    """What the engine was told, as 'role: text' lines."""
    return [f"{m['role']}: {m['content']}" for m in request.body["messages"]]


# --- POST /v1/responses/compact ---

def test_shape(engine, server):
    """As recorded: the user's messages to the letter, one compaction, no assistant, the usage."""
    made = compact(server, engine, input=TALK, instructions="Be a mathematician.")
    assert list(made) == ["id", "object", "created_at", "output", "usage"]
    assert made["object"] == "response.compaction" and made["id"].startswith("resp_") and made["created_at"] > 1.7e9
    first, second, item = made["output"]
    for message, text in ((first, "What is 2+2?"), (second, "And 3+3?")):
        assert message["id"].startswith("msg_") and message["status"] == "completed" and message["role"] == "user"
        assert message["content"] == [{"type": "input_text", "text": text}]
    assert set(item) == {"id", "type", "encrypted_content"} and item["type"] == "compaction" and item["id"].startswith("cmp_")
    assert "sums" not in item["encrypted_content"]
    assert made["usage"]["input_tokens"] > 0 and made["usage"]["total_tokens"] == \
        made["usage"]["input_tokens"] + made["usage"]["output_tokens"]


def test_the_summary_is_asked_for(engine, server):
    compact(server, engine, input=TALK, instructions="Be a mathematician.")
    asked = engine.last.body
    assert 16 <= asked["max_tokens"] <= 1024 and "tools" not in asked
    system, transcript = asked["messages"]
    assert system["role"] == "system" and system["content"].endswith("Be a mathematician.")
    for text in ("User: What is 2+2?", "Assistant: Four it is.", "User: And 3+3?"):
        assert text in transcript["content"]


def test_it_goes_on_from_there(engine, server):
    """The output of /compact as the next input: the summary stands where the answers were."""
    output = compact(server, engine, input=TALK)["output"]
    answer = server.create(output + [user("And 5+5?")])
    assert answer["status"] == "completed"
    assert prompt_of(engine.last) == ["user: What is 2+2?\n\nAnd 3+3?",
                                      "assistant: Summary of the conversation so far:\nWe did sums.", "user: And 5+5?"]
    server.create([output[-1], user("And 5+5?")])
    assert prompt_of(engine.last)[-2:] == ["assistant: Summary of the conversation so far:\nWe did sums.", "user: And 5+5?"]
    assert "2+2" not in str(prompt_of(engine.last))
    server.create(TALK + [output[-1], user("And 5+5?")])  # what was compacted is sent once more
    assert "it is." not in str(prompt_of(engine.last))


def test_of_a_chain(engine, server):
    first = server.create("Remember: blue.")
    second = server.create("And green.", previous_response_id=first["id"])
    made = compact(server, engine, previous_response_id=second["id"], input=[])
    assert [m["content"][0]["text"] for m in made["output"][:-1]] == ["Remember: blue.", "And green."]
    assert made["output"][0]["id"] == server.get(f"/v1/responses/{second['id']}/input_items?order=asc").json["data"][0]["id"]
    assert "Assistant: You said: Remember: blue.." in engine.last.body["messages"][1]["content"]
    third = server.create([made["output"][-1], user("Which?")])
    compact(server, engine, "More.", previous_response_id=third["id"])
    assert "Summary of what came before: We did sums." in engine.last.body["messages"][1]["content"]


def test_it_stays_in_a_stored_chain(engine, server):
    item = compact(server, engine, input=TALK)["output"][-1]
    first = server.create([item, user("Go on.")])
    listed = server.get(f"/v1/responses/{first['id']}/input_items?order=asc").json["data"]
    assert listed[0]["encrypted_content"] == item["encrypted_content"] and listed[0]["type"] == "compaction"
    server.create("Still?", previous_response_id=first["id"])
    assert "We did sums." in str(prompt_of(engine.last))


def test_open_calls_live_inside(engine, server):
    engine.next(call("look", "{}"))
    first = server.create("Look around.", tools=[TOOL])
    call_id = first["output"][0]["call_id"]
    made = compact(server, engine, previous_response_id=first["id"])
    assert [m["type"] for m in made["output"]] == ["message", "compaction"]
    output = {"type": "function_call_output", "call_id": call_id, "output": "Nothing there."}
    server.create(made["output"] + [output], tools=[TOOL])
    told = engine.last.body["messages"]
    assert told[-2]["tool_calls"][0]["function"]["name"] == "look" and told[-1]["content"] == "Nothing there."
    missing = server.post("/v1/responses", {"model": "scripted", "input": made["output"] + [user("Well?")]})
    assert missing.status == 400 and call_id in missing.error["message"]
    # Answered within the compacted part, it is no longer open.
    again = compact(server, engine, input=made["output"] + [output])
    assert server.create(again["output"] + [user("Well?")])["status"] == "completed"


@pytest.mark.parametrize("at", [0, 10, 40, 100, -30, -1])
def test_a_changed_byte(engine, server, at):
    item = compact(server, engine, input=TALK)["output"][-1]
    sealed = item["encrypted_content"]
    at %= len(sealed)
    other = "A" if sealed[at] != "A" else "Q"
    changed = {**item, "encrypted_content": sealed[:at] + other + sealed[at + 1:]}
    asked = len(engine.requests)
    for path in ("/v1/responses", PATH, "/v1/responses/input_tokens"):
        answer = server.post(path, {"model": "scripted", "input": [user("x"), changed]})
        assert answer.status == 400, answer
        assert answer.error["code"] == "invalid_encrypted_content", answer
        assert answer.error["param"] == "input[1].encrypted_content"
    assert len(engine.requests) == asked


def test_of_another_kind_or_project(engine, server):
    item = compact(server, engine, input=TALK)["output"][-1]
    for bad in ("", "AAAA", "not base64!", item["encrypted_content"] + "A", item["encrypted_content"][:-4]):
        answer = server.post("/v1/responses", {"model": "scripted", "input": [{**item, "encrypted_content": bad}, user("x")]})
        assert answer.status == 400 and answer.error["code"] in ("invalid_encrypted_content", "empty_string"), answer
    engine.next(think("deep"), say("out"))
    reasoning = server.create("hm", include=["reasoning.encrypted_content"], store=False)["output"][0]
    answer = server.post("/v1/responses", {"model": "scripted", "input": [
        {"type": "compaction", "encrypted_content": reasoning["encrypted_content"]}, user("x")]})
    assert answer.status == 400 and answer.error["code"] == "invalid_encrypted_content"


def test_a_long_past_fits(engine, server):
    """More than the engine can take: the oldest is left out, the newest stays; refused still, it is halved."""
    past = [user(f"Message {i}: " + "word " * 3000) for i in range(40)] + [user("The last word.")]
    compact(server, engine, input=past)
    text = engine.last.body["messages"][1]["content"]
    assert len(text) < engine.context * 3 and "The last word." in text and "Message 39" in text and "Message 0:" not in text
    engine.next(overflow())
    n = len(engine.requests)
    compact(server, engine, input=past)
    assert len(engine.requests) == n + 2
    assert len(engine.last.raw) < len(engine.requests[n].raw) * 0.6


def test_bad_requests(engine, server):
    for body, param, code in (
            ({"input": "x"}, "model", "missing_required_parameter"),
            ({"model": "scripted"}, None, "missing_required_parameter"),
            ({"model": "scripted", "input": "x", "stream": True}, "stream", "unknown_parameter"),
            ({"model": "scripted", "input": "x", "prompt_cache_key": "k" * 65}, "prompt_cache_key", "string_above_max_length"),
            ({"model": "scripted", "input": "x", "service_tier": "gold"}, "service_tier", "invalid_value"),
            ({"model": "scripted", "input": "x", "previous_response_id": "resp_none"}, "previous_response_id",
             "previous_response_not_found"),
            ({"model": "none", "input": "x"}, "model", "model_not_found")):
        answer = server.post(PATH, body)
        assert answer.status == 400, answer
        assert (answer.error["param"] or None, answer.error["code"]) == (param, code), answer


def test_failures(engine, server):
    for script, expected in (([status(400)], (400, 502)), ([cut()], (502,)), ([say("")], (502,)), ([say("  \n")], (502,))):
        engine.next(*script)
        assert server.post(PATH, {"model": "scripted", "input": TALK}).status in expected


def test_counting_a_compaction(engine, server):
    output = compact(server, engine, input=TALK)["output"]
    body = {"model": "scripted", "input": output + [user("And?")]}
    assert server.post("/v1/responses/input_tokens", body).status == 200
    server.post("/v1/responses", body)
    assert engine.last.raw == [p for p in engine.probes if p.path.endswith("input_tokens")][-1].raw


# --- context_management ---

MANAGED = [{"type": "compaction", "compact_threshold": 1000}]
LONG = {"prompt_tokens": 900, "completion_tokens": 150, "total_tokens": 1050, "prompt_tokens_details": {"cached_tokens": 0}}


def managed(engine, answer="A long answer.", usage=LONG, summary="It was long."):
    engine.next(say(answer), finish("stop", usage))
    if summary is not None:
        engine.next(say(summary))


def test_over_the_threshold(engine, server):
    """The answer first, the compaction last; the chain goes on from the summary."""
    managed(engine)
    first = server.create("Tell.", context_management=MANAGED)
    assert [item["type"] for item in first["output"]] == ["message", "compaction"]
    assert set(first["output"][1]) == {"id", "type", "encrypted_content"} and first["status"] == "completed"
    assert first["usage"]["input_tokens"] > 900 and "context_management" not in first
    assert "Assistant: A long answer." in engine.last.body["messages"][1]["content"]
    assert server.get(f"/v1/responses/{first['id']}").json["output"] == first["output"]
    server.create("And then?", previous_response_id=first["id"], context_management=MANAGED)
    assert prompt_of(engine.last) == ["user: Tell.", "assistant: Summary of the conversation so far:\nIt was long.",
                                      "user: And then?"]
    # The same without the store: the client sends all of it back.
    server.create([user("Tell.")] + first["output"] + [user("And then?")], store=False)
    assert prompt_of(engine.last)[1] == "assistant: Summary of the conversation so far:\nIt was long."


def test_below_the_threshold(engine, server):
    n = len(engine.requests)
    assert [i["type"] for i in server.create("Short.", context_management=MANAGED)["output"]] == ["message"]
    managed(engine, summary=None)
    assert [i["type"] for i in server.create("Long.")["output"]] == ["message"]
    managed(engine, summary=None)  # without a threshold it is three quarters of the context
    assert [i["type"] for i in server.create("Long.", context_management=[{"type": "compaction"}])["output"]] == ["message"]
    assert len(engine.requests) == n + 3
    managed(engine, usage={**LONG, "prompt_tokens": 30000})
    full = server.create("Longer.", context_management=[{"type": "compaction"}])
    assert [i["type"] for i in full["output"]] == ["message", "compaction"]


def test_in_a_stream(engine, server):
    managed(engine)
    events = list(server.stream("Tell.", context_management=MANAGED))
    kinds = [e.type for e in events]
    assert kinds[-5:] == ["response.output_item.done", "response.output_item.added", "response.output_item.done",
                          "response.completed", "[DONE]"]
    added, done, last = events[-4].data, events[-3].data, events[-2].data
    assert added["item"]["type"] == "compaction" and added["output_index"] == done["output_index"] == 1
    assert done["item"] == last["response"]["output"][1]
    assert [e.data["sequence_number"] for e in events[:-1]] == list(range(len(events) - 1))


def test_an_answer_stands_without_its_compaction(engine, server):
    for script in ([cut()], [say("")], [status(400)]):
        managed(engine, summary=None)
        engine.next(*script)
        made = server.create("Tell.", context_management=MANAGED)
        assert made["status"] == "completed" and [i["type"] for i in made["output"]] == ["message"]


def test_with_an_open_call(engine, server):
    engine.next(call("look", "{}"), finish("tool_calls", LONG))
    engine.next(say("A look was asked for."))
    first = server.create("Look.", tools=[TOOL], context_management=MANAGED)
    assert [i["type"] for i in first["output"]] == ["function_call", "compaction"]
    output = {"type": "function_call_output", "call_id": first["output"][0]["call_id"], "output": "Nothing."}
    server.create([output], previous_response_id=first["id"], tools=[TOOL])
    told = engine.last.body["messages"]
    assert [m["role"] for m in told] == ["user", "assistant", "tool"] and len(told[1]["tool_calls"]) == 1
    server.create([user("Look.")] + first["output"] + [output], tools=[TOOL])
    assert engine.last.body["messages"] == told


def test_bad_management(server):
    for value, param in (([], "context_management"), ([{"type": "other"}], "context_management[0].type"),
                         ([{"type": "compaction", "compact_threshold": 999}], "context_management[0].compact_threshold"),
                         ("compaction", "context_management")):
        answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "context_management": value})
        assert answer.status == 400 and answer.error["param"] == param, answer


# --- compaction_trigger ---

TRIGGER = {"type": "compaction_trigger"}


def test_a_trigger(engine, server):
    """Exactly one compaction item, and no answer."""
    engine.next(say("Sums were done."))
    n = len(engine.requests)
    made = server.create(TALK + [TRIGGER], store=False)
    assert made["status"] == "completed" and [i["type"] for i in made["output"]] == ["compaction"]
    assert len(engine.requests) == n + 1 and made["usage"]["input_tokens"] > 0 and made["completed_at"]
    server.create(made["output"] + [user("And 5+5?")])
    assert "Sums were done." in str(prompt_of(engine.last))


def test_a_trigger_in_a_stream(engine, server):
    engine.next(say("Sums were done."))
    events = list(server.stream(TALK + [TRIGGER]))
    assert [e.type for e in events] == ["response.created", "response.in_progress", "response.output_item.added",
                                        "response.compaction.compacting", "response.output_item.done",
                                        "response.completed", "[DONE]"]
    item = events[4].data["item"]
    assert events[5].data["response"]["output"] == [item] and events[3].data["item_id"] == item["id"]
    stored = server.get(f"/v1/responses/{events[5].data['response']['id']}").json
    assert stored["output"] == [item]
    server.create("Go on.", previous_response_id=stored["id"])
    assert "Sums were done." in str(prompt_of(engine.last)) and "it is." not in str(prompt_of(engine.last))


def test_a_trigger_that_fails(engine, server):
    engine.next(cut())
    answer = server.post("/v1/responses", {"model": "scripted", "input": TALK + [TRIGGER]})
    assert answer.status == 502
    engine.next(cut())
    events = list(server.stream(TALK + [TRIGGER]))
    assert [e.type for e in events][-3:] == ["error", "response.failed", "[DONE]"]


def test_a_trigger_stands_last(server):
    answer = server.post("/v1/responses", {"model": "scripted", "input": [TRIGGER, user("x")]})
    assert answer.status == 400 and answer.error["param"] == "input[0]"


def test_a_client_that_leaves_while_it_is_compacted(engine, server):
    gate = Gate()
    engine.next(say("A long answer."), finish("stop", LONG))
    engine.next(hold(gate), say("Too late."))
    stream = server.stream("Tell.", context_management=MANAGED)
    seen = stream.until("response.output_item.done")
    assert gate.reached.wait(30)
    stream.leave()
    assert engine.wait_for(2).left.wait(30)
    end = time.monotonic() + 30
    while (kept := server.get(f"/v1/responses/{seen[0].data['response']['id']}")).status != 200:
        assert time.monotonic() < end, kept
        time.sleep(0.02)
    assert kept.json["status"] == "completed" and len(kept.json["output"]) == 1
