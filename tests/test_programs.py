"""programmatic_tool_calling: a scripted engine writes programs, the JavaScript that runs them is real; items, calls of clients' tools and of ours,
answers over several requests, stateless and stored, bounds, attacks, crashes."""
import json
import pathlib
import re

import pytest

from engine_script import Gate, call, hold, say, think
from harness import eventually, make_key, text_of
from mcp_script import McpServer
from test_background import ended, follow, in_order, texts, told as told_again
from test_mcp import allow, tool as mcp_tool
from test_recorded_streams import shapes
from test_recordings import events_of, exchanges
from test_websocket import Socket

PROGRAMS = {"type": "programmatic_tool_calling"}
SKU = {"type": "object", "properties": {"sku": {"type": "string"}}, "required": ["sku"], "additionalProperties": False}
UNITS = {"type": "object", "properties": {"units": {"type": "number"}}, "required": ["units"], "additionalProperties": False}
STOCK = {"type": "function", "name": "getStock", "description": "Units in stock.", "parameters": SKU, "strict": True, "output_schema": UNITS,
         "allowed_callers": ["programmatic"]}
NOTE = {"type": "function", "name": "note", "parameters": {"type": "object", "properties": {}}, "strict": False,
        "allowed_callers": ["direct", "programmatic"]}
SHOUT = {"type": "custom", "name": "shout", "allowed_callers": ["programmatic"]}
PYTHON = {"type": "code_interpreter", "container": {"type": "auto"}, "allowed_callers": ["programmatic"]}
TOOLS = [PROGRAMS, STOCK, NOTE, SHOUT]
TWO = 'const a = await tools.getStock({sku: "x"});\nconst b = await tools.getStock({sku: "y"});\ntext(JSON.stringify({sum: a.units + b.units}));'


def program(code, **more):
    text = json.dumps({"code": code})
    return call("program", text[:11], text[11:], **more)


def items(response, kind):
    return [i for i in response["output"] if i["type"] == kind]


def kinds(response):
    return [i["type"] for i in response["output"]]


def asked(response):
    return [(i["name"], i.get("arguments", i.get("input"))) for i in response["output"] if i["type"] in ("function_call", "custom_tool_call")]


def answers(response, *outputs, caller=False):
    """Outputs for the calls of a response, in their order."""
    calls = [i for i in response["output"] if i["type"] in ("function_call", "custom_tool_call")]
    assert len(calls) == len(outputs)
    return [{"type": c["type"] + "_output", "call_id": c["call_id"], "output": o, **({"caller": c["caller"]} if caller else {})}
            for c, o in zip(calls, outputs)]


def units(n):
    return json.dumps({"units": n})


def told(engine, at=-1):
    """What the engine was told that came of its last program."""
    content = engine.requests[at].body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(p.get("text", "") for p in content)


def run(server, engine, code, **more):
    """Up to its first calls of a client."""
    engine.next(program(code))
    more.setdefault("tools", TOOLS)
    return server.create("go", **more)


def result(server, engine, code, **more):
    engine.next(program(code))
    engine.next(say("Done."))
    more.setdefault("tools", TOOLS)
    made = server.create("go", **more)
    assert kinds(made)[-2:] == ["program_output", "message"], made
    return made["output"][-2]


def settings(**values):
    return [word for name, value in values.items() for word in ("--set", f"programs.{name}={value}")]


# --- one program ---

def test_ends_by_itself(server, engine):
    engine.next(program("text('a', [1]); return {b: 2}"))
    engine.next(say("Done."))
    made = server.create("go", tools=TOOLS)
    engine_calls = engine.requests
    assert kinds(made) == ["program", "program_output", "message"] and made["status"] == "completed"
    item, output, _ = made["output"]
    assert list(item) == ["id", "type", "call_id", "code", "fingerprint"] and re.fullmatch("cm_[0-9a-f]{40}", item["id"])
    assert item["code"] == "text('a', [1]); return {b: 2}" and item["fingerprint"]
    assert list(output) == ["id", "type", "status", "call_id", "result"] and re.fullmatch("cmo_[0-9a-f]{40}", output["id"])
    assert output["call_id"] == item["call_id"] and output["status"] == "completed" and output["result"] == 'a [1]\n{"b":2}'
    assert made["tools"][0] == PROGRAMS
    function, direct = (t["function"] for t in engine_calls[0].body["tools"])
    assert function["name"] == "program" and list(function["parameters"]["properties"]) == ["code"] and direct["name"] == "note"
    for part in ("tools.getStock(", '"sku"', '"units"', "Units in stock.", "tools.note(", "tools.shout(text): a string"):
        assert part in function["description"]
    messages = engine_calls[1].body["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant", "tool"] and told(engine) == 'a [1]\n{"b":2}'
    assert json.loads(messages[1]["tool_calls"][0]["function"]["arguments"]) == {"code": item["code"]}


def test_goes_on_over_requests(server, engine):
    first = run(server, engine, TWO)
    assert kinds(first) == ["program", "function_call"] and first["status"] == "completed"
    item, called = first["output"]
    assert called == {"id": called["id"], "type": "function_call", "status": "in_progress", "arguments": '{"sku":"x"}',
                      "call_id": called["call_id"], "caller": {"type": "program", "caller_id": item["call_id"]}, "name": "getStock"}
    assert list(called) == ["id", "type", "status", "arguments", "call_id", "caller", "name"]
    second = server.create(answers(first, units(4)), previous_response_id=first["id"], tools=TOOLS)
    assert asked(second) == [("getStock", '{"sku":"y"}')] and kinds(second) == ["function_call"] and len(engine.requests) == 1
    engine.next(say("Nine."))
    third = server.create(answers(second, units(5), caller=True), previous_response_id=second["id"], tools=TOOLS)
    assert kinds(third) == ["program_output", "message"] and third["output"][0]["result"] == '{"sum":9}'
    assert third["output"][0]["call_id"] == item["call_id"] and text_of(third) == "Nine."
    roles = [m["role"] for m in engine.requests[1].body["messages"]]
    assert roles == ["user", "assistant", "tool"] and told(engine) == '{"sum":9}'
    engine.next(say("Yes."))
    server.create("Sure?", previous_response_id=third["id"], tools=TOOLS)
    assert [m["role"] for m in engine.requests[2].body["messages"]] == ["user", "assistant", "tool", "assistant", "user"]
    assert engine.requests[2].body["messages"][:3] == engine.requests[1].body["messages"]


@pytest.mark.parametrize("keep", [False, True])
def test_stateless(server, engine, keep):
    """The client keeps everything, and sends it back."""
    context = [{"role": "user", "content": "go"}]
    engine.next(program(TWO))
    for n in (4, 5):
        made = server.create(context, tools=TOOLS, store=keep)
        context += made["output"] + answers(made, units(n), caller=True)
    engine.next(say("Nine."))
    made = server.create(context, tools=TOOLS, store=keep)
    assert kinds(made) == ["program_output", "message"] and made["output"][0]["result"] == '{"sum":9}'
    context += made["output"] + [{"role": "user", "content": "Sure?"}]
    engine.next(say("Yes."))
    assert text_of(server.create(context, tools=TOOLS, store=keep)) == "Yes."
    assert [m["role"] for m in engine.requests[-1].body["messages"]] == ["user", "assistant", "tool", "assistant", "user"]


def test_side_by_side(server, engine):
    code = "const [a, b] = await Promise.all([tools.getStock({sku: 'x'}), tools.shout('hey \"you\"')]); text(a.units, b)"
    first = run(server, engine, code)
    assert asked(first) == [("getStock", '{"sku":"x"}'), ("shout", 'hey "you"')]
    custom = items(first, "custom_tool_call")[0]
    assert custom["caller"]["type"] == "program" and custom["status"] == "in_progress"
    refused = server.post("/v1/responses", {"model": "scripted", "tools": TOOLS, "previous_response_id": first["id"],
                                            "input": answers(first, units(1), "HEY")[:1]})
    assert refused.status == 400 and "No tool output found for custom tool call " + custom["call_id"] in refused.error["message"]
    engine.next(say("So."))
    last = server.create(answers(first, units(1), "HEY"), previous_response_id=first["id"], tools=TOOLS)
    assert last["output"][0]["result"] == "1 HEY"


def test_output_that_is_no_json(server, engine):
    first = run(server, engine, TWO)
    body = {"model": "scripted", "tools": TOOLS, "previous_response_id": first["id"], "input": answers(first, "four")}
    refused = server.post("/v1/responses", body)
    assert refused.status == 400 and refused.error["param"] == "input" and refused.error["code"] == "invalid_value"
    assert refused.error["message"] == ("Invalid function_call_output.output: expected a JSON string because the function declares "
                                        "output_schema.")


def test_parts_as_output(server, engine):
    first = run(server, engine, "const r = await tools.note({}); text(r[0].text, typeof await tools.note({a: 1}))")
    second = server.create(answers(first, [{"type": "input_text", "text": "hi"}]), previous_response_id=first["id"], tools=TOOLS)
    engine.next(say("So."))
    assert server.create(answers(second, "7"), previous_response_id=second["id"], tools=TOOLS)["output"][0]["result"] == "hi string"


def test_streamed(server, engine):
    engine.next(program(TWO))
    events = [e for e in server.stream("go", tools=TOOLS) if e.data]
    in_order(events)
    assert [e.type.removeprefix("response.") for e in events] == [
        "created", "in_progress", "output_item.added", "output_item.done", "output_item.added", "function_call_arguments.delta",
        "function_call_arguments.done", "output_item.done", "completed"]
    added, done = events[2].data["item"], events[3].data["item"]
    assert added == {**done, "code": ""} and done["code"] == TWO
    assert events[4].data["item"]["arguments"] == "" and events[7].data["item"]["status"] == "in_progress"
    made = events[-1].data["response"]
    assert [json.dumps(i) for i in made["output"]] == [json.dumps(events[i].data["item"]) for i in (3, 7)]
    assert texts(told_again(follow(server, made["id"]))) == texts(events)
    second = server.create(answers(made, units(4)), previous_response_id=made["id"], tools=TOOLS)
    engine.next(say("Nine."))
    events = [e for e in server.stream(answers(second, units(5)), previous_response_id=second["id"], tools=TOOLS) if e.data]
    assert [e.type.removeprefix("response.") for e in events][:5] == ["created", "in_progress", "output_item.added", "output_item.done",
                                                                      "output_item.added"]
    assert events[2].data["item"]["result"] == "" and events[2].data["item"]["status"] == "completed"
    assert events[3].data["item"]["result"] == '{"sum":9}'


def test_told_again(server, engine):
    """What was not streamed is streamed again as if it had been."""
    engine.next(program("text(1)"))
    engine.next(say("One."))
    made = server.create("go", tools=TOOLS)
    engine.next(program("text(1)"))
    engine.next(say("One."))
    live = [e for e in server.stream("go", tools=TOOLS) if e.data]
    again = told_again(follow(server, made["id"]))
    assert [e.type for e in again] == [e.type for e in live]
    for a, b in zip(again, live):
        if "item" in a.data:
            assert {k: v for k, v in a.data["item"].items() if k not in ("id", "call_id", "fingerprint")} == \
                   {k: v for k, v in b.data["item"].items() if k not in ("id", "call_id", "fingerprint")}


def test_items_listed(server, engine):
    first = run(server, engine, TWO)
    second = server.create(answers(first, units(4)), previous_response_id=first["id"], tools=TOOLS)
    listed = server.get(f"/v1/responses/{second['id']}/input_items?order=asc").json["data"]
    assert [i["type"] for i in listed] == ["message", "program", "function_call", "function_call_output"]
    assert listed[1] == first["output"][0] and listed[2] == first["output"][1]
    assert server.get("/v1/responses/" + first["id"]).json["output"] == first["output"]


def test_two_programs_and_a_call(server, engine):
    """In one answer: all go on, each with its own calls."""
    engine.next(program("text('a', (await tools.getStock({sku: 'a'})).units)", index=0, id="c0"), call("note", "{}", index=1, id="c1"),
                program("text('b', (await tools.getStock({sku: 'b'})).units)", index=2, id="c2"))
    first = server.create("go", tools=TOOLS)
    assert sorted(kinds(first)) == ["function_call"] * 3 + ["program"] * 2
    callers = [i.get("caller", {}).get("caller_id") for i in items(first, "function_call")]
    ids = [i["call_id"] for i in items(first, "program")]
    assert sorted(filter(None, callers)) == sorted(ids) and callers.count(None) == 1
    outputs = ["noted" if i["name"] == "note" else units(1 if "a" in i["arguments"][4:] else 2) for i in items(first, "function_call")]
    engine.next(say("So."))
    last = server.create(answers(first, *outputs), previous_response_id=first["id"], tools=TOOLS)
    assert [i["result"][0] for i in items(last, "program_output")] == ["a", "b"]
    assert [i["call_id"] for i in items(last, "program_output")] == ids
    messages = engine.requests[-1].body["messages"]
    assert len(messages[1]["tool_calls"]) == 3 and sum(m["role"] == "tool" for m in messages) == 3


def test_fails_and_is_mended(server, engine):
    engine.next(program("text('so far'); nothing.here()"))
    engine.next(program("return 1"))
    engine.next(say("Done."))
    made = server.create("go", tools=TOOLS)
    assert kinds(made) == ["program", "program_output", "program", "program_output", "message"]
    wrong = made["output"][1]
    assert wrong["status"] == "incomplete" and wrong["result"].startswith("so far\nReferenceError: ")
    assert made["output"][3]["status"] == "completed"


def test_a_call_that_throws(server, engine):
    output = result(server, engine, "try { await tools.code() } catch (e) { return e.message }")
    assert "not a function" in output["result"]


def test_code_alone(server, engine):
    """Some models write the code itself as their arguments."""
    engine.next(call("program", "text('plain')"))
    engine.next(say("Done."))
    assert items(server.create("go", tools=TOOLS), "program_output")[0]["result"] == "plain"


def test_forced(server, engine):
    engine.next(program("return 1"))
    engine.next(say("Done."))
    made = server.create("go", tools=TOOLS, tool_choice=PROGRAMS)
    assert kinds(made) == ["program", "program_output", "message"] and made["tool_choice"] == PROGRAMS
    assert engine.requests[0].body["tool_choice"] == "required" and len(engine.requests[0].body["tools"]) == 1
    assert engine.requests[1].body["tool_choice"] == "auto"


def test_direct_calls_of_what_is_not_the_models(server, engine):
    """A function for programs alone is not offered; a call of it all the same is nothing that a client sees."""
    engine.next(call("getStock", '{"sku":"x"}'))
    engine.next(say("No."))
    made = server.create("go", tools=[PROGRAMS, STOCK])
    assert kinds(made) == ["message"] and "There is no tool 'getStock'" in told(engine)


def test_recorded(server, engine):
    """The live API's own tapes: three streams of one program, the client keeping the context."""
    tapes = {place: events_of(response) for place, _, response in exchanges() if place.startswith("vercel-ai 5")}
    tapes = [tapes[f"vercel-ai {n}"] for n in (54, 56, 58)]
    done = [[e["item"] for e in events if e["type"] == "response.output_item.done"] for events in tapes]
    engine.next(think("Hm."), program(next(i["code"] for i in done[0] if i["type"] == "program")))
    text = done[2][-1]["content"][0]["text"]
    engine.next(say(text[:9], text[9:]))
    tools, context = tapes[0][0]["response"]["tools"], [{"role": "user", "content": "Go on."}]
    for events, output in zip(tapes, ('{"sku":"sku_123","availableUnits":42}', '{"sku":"sku_123","requestedUnits":31}', None)):
        made = [e.data for e in server.stream(context, tools=tools, store=False, include=["reasoning.encrypted_content"]) if e.data]
        assert shapes(made) == shapes(events)
        response = made[-1]["response"]
        assert response["tools"] == tools
        context += response["output"] + (answers(response, output, caller=True) if output else [])
    assert response["output"][0]["result"] == done[2][0]["result"].replace(*('{"availableUnits":42,"sku":"sku_123"}', '{"sku":"sku_123","availableUnits":42}')
                                                                           ).replace('{"requestedUnits":31,"sku":"sku_123"}', '{"sku":"sku_123","requestedUnits":31}')


# --- the client's shell and patches ---

SHELL = {"type": "shell", "allowed_callers": ["programmatic"]}
PATCH = {"type": "apply_patch", "allowed_callers": ["direct", "programmatic"]}
BUILD = """const [out] = await tools.shell({timeout_ms: 1000, commands: ["ls"]});
const names = out.stdout.trim().split("\\n");
const made = await Promise.all(names.map(n => tools.apply_patch({path: n, type: "update_file", diff: "@@\\n+" + n})));
await tools.apply_patch({type: "delete_file", path: "old"});
text(JSON.stringify(made.map(m => m.status)), out.outcome.exit_code);"""


@pytest.mark.parametrize("way", ["chain", "stateless"])
def test_shell_and_patches(server, engine, way):
    tools, context = [PROGRAMS, SHELL, PATCH], [{"role": "user", "content": "go"}]
    last = run(server, engine, BUILD, tools=tools, store=way == "chain")

    def go_on(*outputs):
        nonlocal last, context
        context += [*last["output"], *outputs]
        last = (server.create(list(outputs), tools=tools, previous_response_id=last["id"]) if way == "chain"
                else server.create(context, tools=tools, store=False))
        return last["output"]
    written, called = last["output"]
    caller = {"type": "program", "caller_id": written["call_id"]}
    assert called["type"] == "shell_call" and called["caller"] == caller and last["status"] == "completed"
    assert called["action"] == {"commands": ["ls"], "max_output_length": None, "timeout_ms": 1000}
    assert [t["function"]["name"] for t in engine.requests[0].body["tools"]] == ["program", "apply_patch"]  # the shell is programs' alone
    patches = go_on({"type": "shell_call_output", "call_id": called["call_id"], "caller": caller, "output": [
        {"stdout": "a\nb\n", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]})
    assert [(p["type"], p["operation"]["path"], p["operation"]["diff"], p["caller"]) for p in patches] == [
        ("apply_patch_call", n, "@@\n+" + n, caller) for n in "ab"]
    deleted, = go_on(*[{"type": "apply_patch_call_output", "call_id": p["call_id"], "status": s} for p, s in zip(patches, ("completed", "failed"))])
    assert deleted["operation"] == {"type": "delete_file", "path": "old"}
    engine.next(say("Done."))
    assert go_on({"type": "apply_patch_call_output", "call_id": deleted["call_id"], "status": "completed", "output": "gone"})[0]["result"] == \
        '["completed","failed"] 0'


def test_members_that_a_shell_does_not_take(server, engine):
    ended = result(server, engine, "return await tools.shell({commands: ['ls'], cwd: '/'})", tools=[PROGRAMS, SHELL])
    assert ended["status"] == "incomplete" and "takes one object with the members commands" in ended["result"]
    ended = result(server, engine, "return await tools.shell({})", tools=[PROGRAMS, SHELL])
    assert ended["status"] == "incomplete" and "'commands' is missing" in ended["result"]


# --- what is refused ---

@pytest.mark.parametrize("tools, param", [
    ([STOCK], "tools"),
    ([{**NOTE, "allowed_callers": ["other"]}], "tools[0].allowed_callers[0]"),
    ([{**NOTE, "allowed_callers": []}], "tools[0].allowed_callers"),
    ([{"type": "apply_patch", "allowed_callers": ["programmatic"]}], "tools"),
])
def test_refused_tools(server, tools, param):
    refused = server.post("/v1/responses", {"model": "scripted", "input": "go", "tools": tools})
    assert refused.status == 400 and refused.error["param"] == param, refused


def test_refused_contexts(server, engine, servers):
    first = run(server, engine, TWO, store=False)
    item, called = first["output"]
    output = answers(first, units(4))[0]

    def refusal(*context, tools=TOOLS, at=server, **more):
        answer = at.post("/v1/responses", {"model": "scripted", "input": list(context), "tools": tools}, **more)
        assert answer.status == 400, answer
        return answer.error["param"], answer.error["message"]
    assert "No program found for function call with caller_id" in refusal(called, output)[1]
    assert refusal({**item, "code": item["code"] + " "}, called, output)[0] == "input[0].fingerprint"
    assert refusal({**item, "fingerprint": "gAAAAABqYUYA"}, called, output)[0] == "input[0].fingerprint"
    assert refusal({k: v for k, v in item.items() if k != "fingerprint"}, called, output)[0] == "input[0].fingerprint"
    assert "'programmatic_tool_calling'" in refusal(item, called, output, tools=[NOTE])[1]
    assert "No tool output found" in refusal(item, called)[1]
    other, _ = make_key(server, "other", "elsewhere")
    assert refusal(item, called, output, key=other)[0] == "input[0].fingerprint"


def test_foreign_past(server, engine):
    """A program of another server that has ended is history."""
    past = [{"role": "user", "content": "go"},
            {"type": "program", "id": "cm_1", "call_id": "call_p", "code": "text(1)", "fingerprint": "gAAAAAB"},
            {"type": "function_call", "call_id": "call_f", "name": "getStock", "arguments": "{}", "status": "in_progress",
             "caller": {"type": "program", "caller_id": "call_p"}},
            {"type": "function_call_output", "call_id": "call_f", "output": "not json"},
            {"type": "program_output", "id": "cmo_1", "call_id": "call_p", "result": "1", "status": "completed"}]
    engine.next(say("So."))
    past[3]["output"] = units(1)
    server.create(past + [{"role": "user", "content": "on"}], tools=[NOTE])
    assert [m["role"] for m in engine.requests[-1].body["messages"]] == ["user", "assistant", "tool", "user"]


def test_other_calls_than_were_answered(server, engine):
    """A client may send calls that the program never made: it does not go on with them."""
    first = run(server, engine, TWO, store=False)
    item, called = first["output"]
    engine.next(say("Hm."))
    made = server.create([{"role": "user", "content": "go"}, item, {**called, "arguments": '{"sku":"other"}'}, answers(first, units(4))[0]],
                         tools=TOOLS)
    output = items(made, "program_output")[0]
    assert output["status"] == "incomplete" and "does not make the calls that were answered" in output["result"]


# --- tools of ours ---

def test_hosted(server, engine):
    code = "const r = await tools.python({code: 'print(6 * 7)'}); text('got', r.trim())"
    engine.next(program(code))
    engine.next(say("Done."))
    made = server.create("go", tools=[PROGRAMS, PYTHON], include=["code_interpreter_call.outputs"])
    assert kinds(made) == ["program", "code_interpreter_call", "program_output", "message"]
    assert made["output"][1]["status"] == "completed" and made["output"][1]["outputs"][0]["logs"] == "42\n"
    assert made["output"][2]["result"] == "got 42" and "caller" not in made["output"][1]
    messages = engine.requests[-1].body["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant", "tool"] and [t["function"]["name"] for t in engine.requests[0].body["tools"]] == ["program"]
    engine.next(say("Yes."))
    server.create("Sure?", previous_response_id=made["id"], tools=[PROGRAMS, PYTHON])
    assert engine.requests[-1].body["messages"][:3] == messages


MIXED = ("const [a, b] = await Promise.all([tools.python({code: 'print(1)'}), tools.getStock({sku: 'x'})]);\n"
         "const c = await tools.python({code: 'print(' + b.units + ')'}); text(a.trim(), c.trim())")


@pytest.mark.parametrize("keep", [True, False])
def test_hosted_and_clients(server, engine, keep):
    tools = [PROGRAMS, PYTHON, STOCK]
    more = {"tools": tools, "include": ["code_interpreter_call.outputs"]}
    first = run(server, engine, MIXED, store=keep, **more)
    assert kinds(first) == ["program", "code_interpreter_call", "function_call"]
    engine.next(say("So."))
    if keep:
        last = server.create(answers(first, units(8)), previous_response_id=first["id"], **more)
    else:
        last = server.create([{"role": "user", "content": "go"}] + first["output"] + answers(first, units(8)), store=False, **more)
    assert kinds(last) == ["code_interpreter_call", "program_output", "message"]
    assert last["output"][1]["result"] == "1 8", last["output"][1]


def test_hosted_once(server, engine):
    """What ran in an earlier request does not run again when the program does."""
    code = ("await tools.python({code: \"open('/mnt/data/n', 'a').write('x')\"}); await tools.note({}); await tools.note({again: 1});\n"
            "text(await tools.python({code: \"print(len(open('/mnt/data/n').read()))\"}))")
    tools = [PROGRAMS, PYTHON, NOTE]
    first = run(server, engine, code, tools=tools)
    second = server.create(answers(first, "ok"), previous_response_id=first["id"], tools=tools)
    engine.next(say("So."))
    last = server.create(answers(second, "ok"), previous_response_id=second["id"], tools=tools)
    assert items(last, "program_output")[0]["result"].strip() == "1"


def test_hosted_limits(server, engine):
    code = "const out = []; for (let i = 0; i < 3; i++) try { out.push((await tools.python({code: 'print(' + i + ')'})).trim()) } catch (e) { out.push(e.message) } text(out.join('|'))"
    output = result(server, engine, code, tools=[PROGRAMS, PYTHON], max_tool_calls=3)
    assert output["result"].startswith("0|1|This call was not made: the limit of calls is reached.")
    output = result(server, engine, "try { await tools.python({cod: 1}) } catch (e) { return e.message }", tools=[PROGRAMS, PYTHON])
    assert "cannot be run" in output["result"]


def test_mcp(servers, engine):
    """Functions of an MCP server; those that need an approval: test_program_approvals.py."""
    code = ("const sum = await tools.calc__add({a: 2, b: 3});\n"
            "try { await tools.calc__boom({}) } catch (e) { text(sum, e.message.length > 0, typeof tools.calc__write, typeof tools.calc__nothing) }")
    with McpServer() as mcp:
        server = servers(engine, args=allow(mcp))
        engine.next(program(code))
        engine.next(say("Done."))
        tool = mcp_tool(mcp, approval={"never": {"tool_names": ["add", "boom"]}}, allowed_callers=["programmatic"])
        made = server.create("go", tools=[PROGRAMS, tool])
        assert kinds(made) == ["mcp_list_tools", "program", "mcp_call", "mcp_call", "program_output", "message"]
        assert [i["status"] for i in items(made, "mcp_call")] == ["completed", "failed"] and made["tools"][1]["allowed_callers"] == ["programmatic"]
        assert made["output"][-2]["result"] == "5 true function undefined" and "caller" not in made["output"][2]
        function, = (t["function"] for t in engine.requests[0].body["tools"])
        assert "tools.calc__add(" in function["description"] and "tools.calc__write(" in function["description"]


def test_cancelled_while_a_call_runs(server, engine):
    """Then the program is over: it is not gone on with, and nothing is called twice."""
    engine.next(program("await tools.python({code: 'import time; time.sleep(100)'})"))
    made = server.create("go", tools=[PROGRAMS, PYTHON], background=True)
    follow(server, made["id"]).until("response.code_interpreter_call.interpreting")
    server.post(f"/v1/responses/{made['id']}/cancel", {})
    over = ended(server, made["id"])
    assert over["status"] == "cancelled" and items(over, "program_output")[0]["status"] == "incomplete", over
    engine.next(say("On."))
    on = server.create("on", previous_response_id=made["id"], tools=[PROGRAMS, PYTHON])
    assert kinds(on) == ["message"]


# --- background, WebSocket, crashes ---

def test_background(server, engine):
    engine.next(program(MIXED))
    first = ended(server, server.create("go", tools=[PROGRAMS, PYTHON, STOCK], background=True)["id"])
    assert kinds(first) == ["program", "code_interpreter_call", "function_call"] and first["status"] == "completed"
    engine.next(say("So."))
    last = server.create(answers(first, units(8)), previous_response_id=first["id"], tools=[PROGRAMS, PYTHON, STOCK], background=True)
    last = ended(server, last["id"])
    assert items(last, "program_output")[0]["result"] == "1 8"


def test_killed_between(servers, engine):
    """After a kill a background program goes on from what is in its log: what was called is not called again."""
    code = ("await tools.python({code: \"open('/mnt/data/n', 'a').write('x')\"});\n"
            "text(await tools.python({code: \"print(len(open('/mnt/data/n').read()))\"}))")
    gate = Gate()
    server = servers(engine)
    engine.next(program(code))
    engine.next(hold(gate), say("lost"))
    made = server.create("go", tools=[PROGRAMS, PYTHON], background=True)
    for event in follow(server, made["id"]):  # what is told is in the log
        if event.type == "response.output_item.done" and event.data["item"]["type"] == "program_output":
            break
    server.kill()
    gate.open.set()
    engine.next(say("So."))
    server.start()
    over = ended(server, made["id"])
    assert over["status"] == "completed" and kinds(over) == ["program", "code_interpreter_call", "code_interpreter_call", "program_output", "message"]
    assert items(over, "program_output")[0]["result"].strip() == "1"


@pytest.mark.parametrize("second", [False, True], ids=["at its beginning", "gone on with"])
def test_killed_behind_a_call(servers, engine, second):
    """Killed while the program itself runs: what it has called is answered from the log, and not called again."""
    server = servers(engine)
    once = "await tools.python({code: \"open('/mnt/data/n', 'a').write('x')\"});\n"
    wait = "for (const end = Date.now() + 0, n = [0]; n[0] < 3e7; n[0]++);\n"
    read = "text(await tools.python({code: \"print(len(open('/mnt/data/n').read()))\"}))"
    engine.next(program(("await tools.step({});\n" if second else "") + once + wait + read))
    step = {"type": "function", "name": "step", "parameters": {"type": "object", "properties": {}}, "strict": False, "allowed_callers": ["programmatic"]}
    made = server.create("go", tools=[PROGRAMS, PYTHON, step], background=not second)
    if second:
        engine.next(say("lost"))
        made = server.create(answers(made, "{}"), previous_response_id=made["id"], tools=[PROGRAMS, PYTHON, step], background=True)
    for event in follow(server, made["id"]):
        if event.type == "response.output_item.done" and event.data["item"]["type"] == "code_interpreter_call":
            break
    server.kill()
    engine.always(lambda request: [say("So.")])
    server.start()
    over = ended(server, made["id"])
    assert over["status"] == "completed", over
    assert items(over, "program_output")[0]["result"].strip().endswith("\n1")  # behind the word that the server was restarted


def test_killed_in_a_call(servers, engine):
    """A call that was cut off may have run: the program ends, and says so."""
    server = servers(engine)
    engine.next(program("await tools.python({code: 'import time; time.sleep(100)'})"))
    made = server.create("go", tools=[PROGRAMS, PYTHON], background=True)
    follow(server, made["id"]).until("response.code_interpreter_call.interpreting")
    server.kill()
    server.start()
    over = ended(server, made["id"])
    assert over["status"] == "failed" and items(over, "program_output")[0]["status"] == "incomplete", over
    assert len(engine.requests) == 1


def test_websocket(server, engine):
    engine.next(program(TWO))
    with Socket(server) as ws:
        first = ws.run("go", tools=TOOLS, store=False)
        second = ws.run(answers(first, units(4)), previous_response_id=first["id"], tools=TOOLS, store=False)
        engine.next(say("Nine."))
        last = ws.run(answers(second, units(5)), previous_response_id=second["id"], tools=TOOLS, store=False)
    assert last["output"][0]["result"] == '{"sum":9}'


def test_conversation(server, engine):
    conversation = server.post("/v1/conversations", {}).json["id"]
    first = run(server, engine, TWO, conversation=conversation)
    second = server.create(answers(first, units(4)), conversation=conversation, tools=TOOLS)
    engine.next(say("Nine."))
    last = server.create(answers(second, units(5)), conversation=conversation, tools=TOOLS)
    assert last["output"][0]["result"] == '{"sum":9}'
    listed = server.get(f"/v1/conversations/{conversation}/items?order=asc&limit=20").json["data"]
    assert [i["type"] for i in listed] == ["message", "program", "function_call", "function_call_output", "function_call", "function_call_output",
                                           "program_output", "message"]


# --- attacks and bounds ---

def test_text_that_steers_a_terminal(server, engine):
    made = result(server, engine, "text('a\\u0000\\u001b[31mred\\u001b[0m', '\\ud800|'); return 'tab\\there\\u009b2J'")
    assert made["result"] == "ared \ufffd\ufffd\ufffd|\ntab\there2J", made
    made = result(server, engine, "throw new Error('\\u001b]0;title\\u0007x')")
    assert not set(made["result"]) & set(map(chr, [*range(9), *range(11, 32), 127]))


def test_deterministic(server, engine):
    """What it sees of the world stays the same from request to request."""
    code = "const seen = [Date.now(), Math.random()]; await tools.note({seen}); await tools.note({seen}); text(JSON.stringify(seen))"
    first = run(server, engine, code)
    second = server.create(answers(first, "a"), previous_response_id=first["id"], tools=TOOLS)
    assert asked(first) == asked(second)
    engine.next(say("So."))
    last = server.create(answers(second, "b"), previous_response_id=second["id"], tools=TOOLS)
    assert json.loads(last["output"][0]["result"]) == json.loads(asked(first)[0][1])["seen"]
    assert abs(json.loads(last["output"][0]["result"])[0] / 1000 - first["created_at"]) < 600


@pytest.mark.parametrize("code, why", [
    ("for (;;);", "more steps"),
    ("const a = []; for (;;) a.push('x'.repeat(1e6) + a.length)", "out of memory"),
    ("for (;;) text('x'.repeat(1000))", "puts out more"),
    ("for (;;) tools.note({})", "may make 4 calls"),
    ("import std from 'std'", "SyntaxError"),
    ("await import('os')", "could not load"),
    ("std.exit(1)", "ReferenceError"),
    ("await new Promise(() => {})", "never comes"),
    ("image('data:')", "not served"),
])
def test_bounds(servers, engine, code, why):
    server = servers(engine, settings(steps=500, output_bytes=65536, calls=4))
    output = result(server, engine, code)
    assert output["status"] == "incomplete" and why in output["result"], output


def test_long_code(servers, engine):
    server = servers(engine, settings(code_bytes=1024))
    engine.next(program("// " + "x" * 2000))
    engine.next(say("No."))
    assert kinds(server.create("go", tools=TOOLS)) == ["message"] and "at most 1024 bytes" in told(engine)


def test_not_compacted(server, engine):
    """A program that waits would lose what its calls were answered."""
    first = run(server, engine, TWO, context_management=[{"type": "compaction", "compact_threshold": 1000}])
    assert kinds(first) == ["program", "function_call"]
    for path, more in (("/compact", {}), ("", {"tools": TOOLS})):
        body = {"model": "scripted", "previous_response_id": first["id"], "input": answers(first, units(1)) + [{"type": "compaction_trigger"}] * (not path), **more}
        refused = server.post("/v1/responses" + path, body)
        assert refused.status == 400 and "has not ended" in refused.error["message"], refused


def test_the_page_example(server, engine, capsys):
    """docs/programs.md as printed, through the official SDK."""
    page = (pathlib.Path(__file__).parent.parent / "docs" / "programs.md").read_text()
    engine.next(program("const all = await Promise.all(['lamp', 'desk'].map(item => tools.get_stock({item})));\n"
                        "text({sum: all[0].units + all[1].units})"))
    engine.next(say("There are 19."))
    example, = re.findall(r"```python\n(.*?)```", page, re.S)
    exec(example.replace("http://127.0.0.1:8080/v1", server.base_url), {})
    assert capsys.readouterr().out.splitlines() == ['program {"item":"lamp"} {"item":"desk"}', 'program_output {"sum":19}', "There are 19."]
