"""Recorded streams of the live API, played through the scripted engine: our events are of the same types in the same order, with the same members.

What the live model said (texts, calls, reasoning) becomes the engine's script, and the recorded request the request. Compared are the
events from first to last: type, indices, names of members, and the names of the members of items and parts. Runs of deltas count as one.
"""
import collections
import json

import pytest

from engine_script import call, finish, overflow, say, status, think
from harness import Stream
from test_recordings import NOT_OURS, events_of, exchanges

# Items that an engine's Chat Completions answer can say.
SPOKEN = {"message", "function_call", "custom_tool_call", "reasoning", "tool_search_call", "apply_patch_call", "shell_call",
          "local_shell_call", "compaction"}
# Streams of spoken items that are compared with nothing, and why.
ODD = {
    "pydantic-ai 294": "another server's: no sequence numbers, no log probabilities",
    "pydantic-ai 295": "another server's: no sequence numbers, no log probabilities",
    "vercel-ai 2": "diffs of patches as events, outside of the SDKs' union",
    "vercel-ai 10": "trimmed by hand",
    "vercel-ai 34": "trimmed by hand; two messages of two phases in one answer",
    "vercel-ai 36": "a message after calls: an engine's answer has its text before its calls",
    "vercel-ai 46": "a message after calls: an engine's answer has its text before its calls",
    "vercel-ai 52": "trimmed by hand to one item",
    "vercel-ai 56": "a function that a program calls: test_programs.py",
}
# Events that a recording was trimmed of.
TRIMMED = {"vercel-ai 12": {"response.custom_tool_call_input.done"}}
# Tools of the recorded requests that play no part in the answer and are not served.
HOSTED = {"code_interpreter", "web_search", "file_search", "image_generation", "mcp"}
# Members of items that one side alone has, by item type.
LOOSE = {
    "reasoning": {"content", "encrypted_content", "status"},  # the open text; sealed where asked for; older streams have a status
    "message": {"phase"},                                     # no engine tells
    "custom_tool_call": {"status"},                           # trimmed
    "function_call": {"namespace"},                           # older models: a function that a search found was its own namespace
}


def in_scope():
    for place, request, response in exchanges():
        events = events_of(response)
        kinds = {e["item"]["type"] for e in events if e["type"] == "response.output_item.done"}
        if events and kinds <= SPOKEN and place not in ODD:
            yield pytest.param(place, request, events, id=place)


CASES = list(in_scope())


def spoken(items):
    """The engine's steps that say what these items say."""
    steps, index = [], 0
    for item in items:
        kind = item["type"]
        if kind == "reasoning":
            steps.append(think(*["\n".join(part["text"] for part in item["summary"]) or "Hm."]))
        elif kind == "message":
            text = "".join(part["text"] for part in item["content"])
            steps.append(say(text[:len(text) // 2], text[len(text) // 2:], logprobs=logprobs(item)))
        elif kind != "compaction":
            name, arguments = {
                "function_call": lambda: (item["name"], item["arguments"]),
                "custom_tool_call": lambda: (item["name"], json.dumps({"input": item["input"]})),
                "tool_search_call": lambda: ("tool_search", json.dumps(item["arguments"])),
                "apply_patch_call": lambda: ("apply_patch", json.dumps(item["operation"])),
                "local_shell_call": lambda: ("local_shell", json.dumps(
                    {k: v for k, v in item["action"].items() if v is not None and k not in ("type", "env")})),
            }[kind]()
            steps.append(call(name, arguments[:5], arguments[5:], index=index, id=item["call_id"]))
            index += 1
    return steps


def script(events, body):
    """The engine's steps that end as the recorded stream did."""
    steps = spoken(e["item"] for e in events if e["type"] == "response.output_item.done")
    end = events[-1]
    if end["type"] == "response.incomplete":
        steps.append(finish("length"))
    if end["type"] == "response.failed":
        steps = [overflow() if end["response"]["error"]["code"] == "context_length_exceeded" else
                 status(429, {"message": "You exceeded your quota", "type": "insufficient_quota", "code": "insufficient_quota"})]
    if "context_management" in body:
        used = end["response"]["usage"]
        steps.append(finish("stop", {"prompt_tokens": used["input_tokens"], "completion_tokens": used["output_tokens"],
                                     "total_tokens": used["total_tokens"]}))
    return steps


def logprobs(item):
    told = item["content"][0].get("logprobs") if item["content"] else None
    return {"content": [{"token": "x", "logprob": -0.1, "bytes": [120], "top_logprobs": []}]} if told else None


def searches(given):
    """The searches for tools that the recorded input tells of: what they found needs none again."""
    found = [item for item in given if item.get("type") in ("tool_search_call", "tool_search_output")] if isinstance(given, list) else []
    return found if any(item["type"] == "tool_search_output" for item in found) else []


def request_of(recorded, events):
    """A request that asks for what the recorded one asked."""
    made = events[0]["response"]
    body = recorded["body"] if recorded and recorded["method"] == "POST" else {
        k: made[k] for k in ("tools", "text", "reasoning", "background", "parallel_tool_calls") if made.get(k) is not None}
    body = {k: v for k, v in body.items() if v is not None and k not in ("previous_response_id", "prompt_cache_key", "moderation")}
    said = "x" * 8000 if "context_management" in body else "Go on."
    body.update(model="scripted", input=[*searches(body.get("input")), {"role": "user", "content": said}], stream=True)
    if isinstance(body.get("reasoning"), dict):
        body["reasoning"] = {k: v for k, v in body["reasoning"].items() if k in ("effort", "summary") and v}
    tools = [{k: v for k, v in tool.items() if v is not None} for tool in body.get("tools") or []
             if tool["type"] not in HOSTED and tool.get("environment", {}).get("type", "local") == "local"]
    if any(event.get("item", {}).get("type") == "local_shell_call" for event in events):
        tools = [{"type": "local_shell"}]  # trimmed
    return {**body, "tools": tools} if tools else {k: v for k, v in body.items() if k != "tools"}


def shape(event):
    """What is compared of an event."""
    members = set(event) - NOT_OURS - {"sequence_number", "error", "code", "message", "param"}
    inner = []
    for one in (event[name] for name in ("item", "part") if name in event):
        same = sorted(set(one) - LOOSE.get(one["type"], set()))
        inner.append((one["type"], one["status"] if "status" in same else None, *same))
    state = (event["response"]["status"],) if "response" in event else ()
    where = tuple(event.get(name) for name in ("output_index", "content_index"))
    return (event["type"], where, tuple(sorted(members)), tuple(inner), state)


def is_open_reasoning(event):
    """An engine's reasoning is open, the live API's is hidden: events that we alone send."""
    return event["type"].startswith("response.reasoning_text.") or event.get("part", {}).get("type") == "reasoning_text"


def shapes(events, without=()):
    """The shapes of a stream; runs of one shape, and parts of a summary after the first, count once."""
    out = []
    for event in events:
        if is_open_reasoning(event) or event["type"] in without or event.get("summary_index", 0) > 0:
            continue
        one = shape(event)
        if not out or out[-1] != one:
            out.append(one)
    return out


def play(server, recorded, events):
    body = request_of(recorded, events)
    if "conversation" in body:
        body["conversation"] = server.post("/v1/conversations", {}).json["id"]
    stream = Stream(*server.open("POST", "/v1/responses", body))
    assert stream.status == 200, stream.response.read()
    return [event.data for event in stream if event.data]


@pytest.mark.parametrize("place, recorded, events", CASES)
def test_played(engine, server, place, recorded, events):
    compacted = any(e["type"] == "response.output_item.done" and e["item"]["type"] == "compaction" for e in events)
    steps = script(events, request_of(recorded, events))
    if events[-1]["type"] == "response.failed":
        engine.always(lambda _: steps)  # it may be asked once more
    else:
        engine.next(*steps)
    if compacted:
        engine.next(say("A summary."))
    mine = play(server, recorded, events)
    if recorded and recorded["method"] == "GET":  # streamed again: from after the first event
        id = mine[0]["response"]["id"]
        again = Stream(*server.open("GET", f"/v1/responses/{id}?stream=true&starting_after=0"), "GET")
        assert [e.data for e in again if e.data] == mine[1:]
        mine = mine[1:]
    assert [e["sequence_number"] for e in mine] == list(range(mine[0]["sequence_number"], mine[0]["sequence_number"] + len(mine)))
    assert shapes(mine, TRIMMED.get(place, ())) == shapes(events)


# --- answers that are no streams ---

def fits(items):
    """An engine's answer: reasoning, a text, calls."""
    kinds = ["0 reasoning" if i["type"] == "reasoning" else "1 message" if i["type"] == "message" else "2 call" for i in items]
    return all(i["type"] in SPOKEN - {"compaction", "shell_call"} and i.get("execution") != "server" for i in items) and kinds == \
        sorted(kinds) and kinds.count("0 reasoning") < 2 and kinds.count("1 message") < 2


def answers():
    for place, request, response in exchanges():
        body = response.get("body")
        if request and request["method"] == "POST" and request["path"] == "/v1/responses" and response["status"] == 200 \
                and isinstance(body, dict) and body.get("output") and body.get("object") == "response" and fits(body["output"]):
            yield place, request, body


def members(items):
    return [(i["type"], *sorted(set(i) - LOOSE.get(i["type"], set()))) for i in items]


def test_answers(engine, server):
    """Recorded JSON answers that an engine can give: the same items with the same members, the same status and incomplete details."""
    compared = collections.Counter()
    for place, recorded, body in answers():
        steps = spoken(body["output"])
        if body["status"] == "incomplete":
            steps.append(finish("length" if body["incomplete_details"]["reason"] == "max_output_tokens" else "content_filter"))
        engine.next(*steps)
        request = request_of(recorded, [{"response": body}])
        if "conversation" in request:
            request["conversation"] = server.post("/v1/conversations", {}).json["id"]
        if request.get("context_management") or request.get("background"):
            engine.scripts.clear()
            continue
        answer = server.post("/v1/responses", {**request, "stream": False})
        assert answer.status == 200, (place, answer)
        mine = answer.json
        assert members(mine["output"]) == members(body["output"]), place
        assert (mine["status"], mine["incomplete_details"]) in ((body["status"], body["incomplete_details"]), ("completed", None)), place
        compared.update(item["type"] for item in body["output"])
    print(dict(compared))
    assert compared["message"] > 80 and compared["function_call"] > 50 and compared["reasoning"] > 50


def names(value):
    """The names of the members of a value, all the way down; lists by their members' types."""
    if isinstance(value, dict):
        return {k: names(v) for k, v in value.items() if k != "cache_write_tokens"}  # which older answers lack
    return [(one.get("type"), names(one)) for one in value] if isinstance(value, list) and value and isinstance(value[0], dict) else None


def test_the_other_routes(engine, server):
    """Recorded answers of /compact, /input_tokens, conversations and polls: the same members, and lists of the same items."""
    compared = collections.Counter()
    for place, recorded, response in exchanges():
        if not recorded or response["status"] != 200:
            continue
        method, path, body = recorded["method"], recorded["path"], recorded.get("body")
        kind = path.split("/")[2]
        if path.endswith("/compact"):
            engine.next(say("A summary."))
            body = {**body, "model": "scripted"}
            if "previous_response_id" in body:  # what was said before is what comes back
                said = [item for item in response["body"]["output"] if item["type"] == "message"]
                body["previous_response_id"] = server.create(said)["id"]
                engine.scripts.clear()
                engine.next(say("A summary."))
        elif path.endswith("/input_tokens"):
            body = {**body, "model": "scripted"}
        elif kind == "conversations" and method == "DELETE":
            path = "/v1/conversations/" + server.post("/v1/conversations", {}).json["id"]
        elif kind != "conversations":
            continue
        answer = server.request(method, path, body if method == "POST" else None)
        assert answer.status == 200 and names(answer.json) == names(response["body"]), (place, answer)
        compared[method + " " + (kind if kind == "conversations" else path.rsplit("/", 1)[1])] += 1
    assert compared == {"POST compact": 7, "POST input_tokens": 4, "POST conversations": 5, "DELETE conversations": 5}


def test_refusals_of_the_engine_floor(engine, server):
    """The recorded 400s that need a model's facts; the overflow's message says more than theirs (the model, its context)."""
    recorded = {place: response["body"]["error"] for place, _, response in exchanges() if response["status"] == 400}
    answer = server.post("/v1/responses", {"model": "no-such-model", "input": "x"})
    theirs = recorded["pydantic-ai 3"]
    assert answer.status == 400 and answer.error == {**theirs, "message": theirs["message"].replace("gpt-5.2-proo", "no-such-model")}
    engine.always(lambda _: [overflow()])
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x"})
    assert answer.status == 400 and {**answer.error, "message": 0} == {**recorded["vllm-responses 12"], "message": 0}


def test_what_is_compared():
    """Every kind that an engine can say is among the streams, and each row of ODD is needed."""
    seen, odd = collections.Counter(), set()
    for place, _, response in exchanges():
        events = events_of(response)
        kinds = {e["item"]["type"] for e in events if e["type"] == "response.output_item.done"}
        if events and kinds <= SPOKEN and place in ODD:
            odd.add(place)
    for case in CASES:
        for event in case.values[2]:
            if event["type"] == "response.output_item.done":
                seen[event["item"]["type"]] += 1
    assert odd == set(ODD) and len(CASES) > 20
    assert set(seen) >= {"message", "function_call", "custom_tool_call", "reasoning", "tool_search_call", "apply_patch_call",
                         "local_shell_call", "compaction"}
