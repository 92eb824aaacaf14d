"""Tools that the client runs: offered to the engine as functions, their calls given back as items of their own types,
and taken back with their outputs, through previous_response_id and statelessly."""
import json

import pytest

from engine_script import call, calls_interleaved, finish, say, think
from harness import Stream

LARK = 'start: "*** Begin Patch" LF line+\nline: /(.*)/ LF\n%import common.LF'
PATCH = '*** Begin Patch\n*** Add File: a.txt\n+h\u00e9 "quoted" \\ \U0001f600\n*** End Patch\n'
WEATHER = {"type": "function", "name": "weather", "description": "Weather", "strict": False,
           "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}

DOT = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJR"
       "U5ErkJggg==")


def offered(request):
    return {tool["function"]["name"]: tool["function"] for tool in request.body.get("tools", [])}


# tool; the function's name; arguments that the engine writes; the item's members; what the client answers with; what of
# that the engine reads
KINDS = {
    "custom": ({"type": "custom", "name": "edit", "description": "Edits", "format": {"type": "text"}}, "edit",
               {"input": PATCH}, {"type": "custom_tool_call", "name": "edit", "input": PATCH},
               {"type": "custom_tool_call_output", "output": "done"}, "done"),
    "grammar": ({"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": LARK}},
                "patch", {"input": PATCH}, {"type": "custom_tool_call", "name": "patch", "input": PATCH},
                {"type": "custom_tool_call_output", "output": [{"type": "input_text", "text": "fine"}]}, "fine"),
    "regex": ({"type": "custom", "name": "sql", "format": {"type": "grammar", "syntax": "regex",
                                                           "definition": "SELECT .+"}},
              "sql", {"input": "SELECT 1"}, {"type": "custom_tool_call", "name": "sql", "input": "SELECT 1"},
              {"type": "custom_tool_call_output", "output": "1"}, "1"),
    "namespace": ({"type": "namespace", "name": "crm", "description": "Customers", "tools": [WEATHER]}, "crm__weather",
                  {"city": "Rome"},
                  {"type": "function_call", "name": "weather", "namespace": "crm", "arguments": '{"city": "Rome"}'},
                  {"type": "function_call_output", "output": "sunny"}, "sunny"),
    "tool_search": ({"type": "tool_search", "execution": "client", "description": "Finds tools",
                     "parameters": {"type": "object", "properties": {"goal": {"type": "string"}},
                                    "required": ["goal"]}}, "tool_search", {"goal": "weather"},
                    {"type": "tool_search_call", "execution": "client", "arguments": {"goal": "weather"}},
                    {"type": "tool_search_output", "execution": "client", "status": "completed", "tools": [WEATHER]},
                    "weather"),
    "shell": ({"type": "shell"}, "shell", {"commands": ["ls", "pwd"], "timeout_ms": 1000},
              {"type": "shell_call", "action": {"commands": ["ls", "pwd"], "max_output_length": None,
                                                "timeout_ms": 1000}},
              {"type": "shell_call_output", "output": [{"stdout": "a.txt\n", "stderr": "",
                                                        "outcome": {"type": "exit", "exit_code": 0}}]}, "a.txt"),
    "local_shell": ({"type": "local_shell"}, "local_shell", {"command": ["ls", "-a"], "working_directory": "/x"},
                    {"type": "local_shell_call", "action": {"type": "exec", "command": ["ls", "-a"], "env": {},
                                                            "working_directory": "/x"}},
                    {"type": "local_shell_call_output", "output": '{"stdout":"b.txt"}'}, "b.txt"),
    "apply_patch": ({"type": "apply_patch"}, "apply_patch",
                    {"type": "create_file", "path": "a.txt", "diff": "+a\n"},
                    {"type": "apply_patch_call",
                     "operation": {"type": "create_file", "path": "a.txt", "diff": "+a\n"}},
                    {"type": "apply_patch_call_output", "status": "failed", "output": "no such file"},
                    "failed: no such file"),
    "delete": ({"type": "apply_patch"}, "apply_patch", {"type": "delete_file", "path": "a.txt"},
               {"type": "apply_patch_call", "operation": {"type": "delete_file", "path": "a.txt"}},
               {"type": "apply_patch_call_output", "status": "completed"}, "completed"),
    "computer": ({"type": "computer"}, "computer", {"actions": [{"type": "click", "button": "left", "x": 1, "y": 2}]},
                 {"type": "computer_call", "actions": [{"type": "click", "button": "left", "x": 1, "y": 2}],
                  "pending_safety_checks": []},
                 {"type": "computer_call_output", "output": {"type": "computer_screenshot",
                                                             "image_url": DOT}},
                 DOT),
    "computer_use_preview": ({"type": "computer_use_preview", "display_width": 1024, "display_height": 768,
                              "environment": "browser"}, "computer_use", {"action": {"type": "screenshot"}},
                             {"type": "computer_call", "action": {"type": "screenshot"}, "pending_safety_checks": []},
                             {"type": "computer_call_output",
                              "output": {"type": "computer_screenshot", "image_url": DOT}},
                             DOT),
}
# The events between output_item.added and output_item.done.
TOLD = {
    "custom_tool_call": ["response.custom_tool_call_input.delta", "response.custom_tool_call_input.done"],
    "function_call": ["response.function_call_arguments.delta", "response.function_call_arguments.done"],
    "shell_call": ["response.shell_call_command.added", "response.shell_call_command.delta",
                   "response.shell_call_command.done"],
}


@pytest.fixture
def engine():
    from engine_script import ScriptedEngine
    e = ScriptedEngine(vision=True)
    yield e
    e.close()


def pieces(arguments, n=7):
    text = json.dumps(arguments)
    return [text[i:i + n] for i in range(0, len(text), n)]


def answer_to(item, output):
    return {"call_id": item["call_id"], **output}


def has(item, members):
    return {key: item.get(key) for key in members} == members


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind, engine, server):
    tool, name, arguments, members, output, read = KINDS[kind]
    engine.next(say("Let me see."), call(name, *pieces(arguments)))
    first = server.create("go", tools=[tool])
    assert name in offered(engine.last)
    message, item = first["output"]
    assert message["type"] == "message" and item["status"] == "completed" and has(item, members), item
    assert item["call_id"].startswith("call_") and first["status"] == "completed"
    # chained
    second = server.create([answer_to(item, output)], tools=[tool], previous_response_id=first["id"])
    chained = engine.last.body["messages"]
    # stateless, all items sent again
    server.create([{"role": "user", "content": "go"}, message, item, answer_to(item, output)], tools=[tool], store=False)
    assert engine.last.body["messages"] == chained
    # by reference
    named = [{"type": "item_reference", "id": i["id"]} for i in (message, item)]
    server.create([{"role": "user", "content": "go"}, *named, answer_to(item, output)], tools=[tool])
    assert engine.last.body["messages"] == chained
    calls = [m for m in chained if m.get("tool_calls")]
    assert [c["function"]["name"] for c in calls[0]["tool_calls"]] == [name]
    assert json.loads(calls[0]["tool_calls"][0]["function"]["arguments"]) == arguments
    assert read in json.dumps([m for m in chained if m["role"] in ("tool", "user")], ensure_ascii=False)
    # as the lists have them
    assert first["output"] == server.get(f"/v1/responses/{first['id']}").json["output"]
    listed = server.get(f"/v1/responses/{second['id']}/input_items?order=asc&include[]=computer_call_output.output.image_url").json["data"]
    assert [i["type"] for i in listed] == ["message", "message", item["type"], output["type"]]
    assert has(listed[2], members) and has(listed[3], output) and listed[2]["id"] == item["id"]


@pytest.mark.parametrize("kind", KINDS)
def test_stream(kind, engine, server):
    tool, name, arguments, members, _, _ = KINDS[kind]
    engine.next(call(name, *pieces(arguments)))
    events = list(server.stream("go", tools=[tool]))
    types = [e.type for e in events if e.type != "[DONE]"]
    between = types[3:-2]
    assert types[:3] == ["response.created", "response.in_progress", "response.output_item.added"]
    assert types[-2:] == ["response.output_item.done", "response.completed"]
    assert list(dict.fromkeys(between)) == TOLD.get(members["type"], [])
    assert [e.data["sequence_number"] for e in events if e.data] == list(range(len(types)))
    added, done = (next(e.data["item"] for e in events if e.type == f"response.output_item.{end}")
                   for end in ("added", "done"))
    assert added["status"] == "in_progress" and added["id"] == done["id"] and added["type"] == members["type"]
    assert has(done, members)
    if members["type"] in ("custom_tool_call", "function_call"):
        text = members.get("input") or members["arguments"]
        assert "".join(e.data["delta"] for e in events if e.type == TOLD[members["type"]][0]) == text
        last = next(e for e in events if e.type == TOLD[members["type"]][1])
        assert (last.data.get("input") or last.data.get("arguments")) == text
        assert types.count(TOLD[members["type"]][0]) > 1
    # the same as told again, and as rebuilt from a JSON answer
    response = events[-1].data["response"] if events[-1].data else events[-2].data["response"]
    assert response["output"] == [done]


def test_rebuilt_stream_of_a_json_answer(engine, server):
    for kind in KINDS:
        tool, name, arguments, members, _, _ = KINDS[kind]
        engine.next(call(name, json.dumps(arguments)))
        made = server.create("go", tools=[tool])
        from harness import Stream
        events = list(Stream(*server.open("GET", f"/v1/responses/{made['id']}?stream=true")))
        types = [e.type for e in events if e.type != "[DONE]"]
        assert list(dict.fromkeys(types[3:-2])) == TOLD.get(members["type"], []), kind
        engine.next(call(name, json.dumps(arguments)))
        live = list(server.stream("go", tools=[tool]))
        ids = {"id": 0, "call_id": 0}
        for one, other in zip(events, live):
            if one.type == "response.output_item.added":
                assert {**one.data["item"], **ids} == {**other.data["item"], **ids}, kind


def test_one_name_for_two_tools(engine, server):
    """Functions of several namespaces and a custom tool may share a name; the engine sees three, the client its own."""
    tools = [WEATHER, {"type": "namespace", "name": "a b", "description": "", "tools": [WEATHER]},
             {"type": "namespace", "name": "a_b", "description": "", "tools": [WEATHER]},
             {"type": "custom", "name": "weather"}]
    engine.next(calls_interleaved(("weather", "1", ["{}"]), ("a_b__weather", "2", ["{}"]),
                                  ("a_b__weather_2", "3", ["{}"]), ("weather_2", "4", ['{"input":', '"x"}'])))
    made = server.create("go", tools=tools)
    assert list(offered(engine.last)) == ["weather", "a_b__weather", "a_b__weather_2", "weather_2"]
    assert [(i["type"], i["name"], i.get("namespace")) for i in made["output"]] == [
        ("function_call", "weather", None), ("function_call", "weather", "a b"), ("function_call", "weather", "a_b"),
        ("custom_tool_call", "weather", None)]
    outputs = [{"type": i["type"] + "_output", "call_id": i["call_id"], "output": "x"} for i in made["output"]]
    server.create(outputs, tools=tools, previous_response_id=made["id"])
    sent = next(m for m in engine.last.body["messages"] if m.get("tool_calls"))["tool_calls"]
    assert [c["function"]["name"] for c in sent] == list(offered(engine.last))


def test_long_names_fit_engines(engine, server):
    space, name = "s" * 64, "n" * 100
    tools = [{"type": "namespace", "name": space, "description": "", "tools": [{**WEATHER, "name": name}]}]
    engine.always(lambda request: [call(next(iter(offered(request))), "{}")])
    made = server.create("go", tools=tools)["output"][0]
    assert (made["name"], made["namespace"]) == (name, space)
    assert len(next(iter(offered(engine.last)))) == 64


def test_model_writes_another_form(engine, server):
    """What a model without constraints makes of a custom tool's input."""
    tool = KINDS["custom"][0]
    for written, wanted in (('"plain"', "plain"), ('{"patch":"x"}', "x"), ("no json", "no json"),
                            ('{"input":{"a":1}}', '{"input":{"a":1}}')):
        engine.next(call("edit", written))
        events = list(server.stream("go", tools=[tool]))
        done = next(e.data["item"] for e in events if e.type == "response.output_item.done")
        assert done["input"] == wanted
        assert "".join(e.data["delta"] for e in events if e.type == TOLD["custom_tool_call"][0]) == wanted


def test_call_that_cannot_be_understood(engine, server):
    for kind, written, named in (("shell", {"cmd": "ls"}, "'shell'"), ("regex", {"input": "DROP"}, "grammar"),
                                 ("apply_patch", {"type": "rename", "path": "x"}, "'apply_patch'")):
        tool, name = KINDS[kind][:2]
        engine.next(call(name, json.dumps(written)))
        answer = server.post("/v1/responses", {"model": "scripted", "input": "go", "tools": [tool]})
        assert answer.status == 502 and named in answer.error["message"], answer
        engine.next(call(name, json.dumps(written)))
        last = [e for e in server.stream("go", tools=[tool]) if e.data][-1]
        assert last.type == "response.failed" and last.data["response"]["error"]["code"] == "server_error"


def test_call_cut_by_a_limit(engine, server):
    """Half a call of a custom tool is an incomplete item, half a shell call none."""
    engine.next(call("edit", '{"input":"*** Begin'), finish("length"))
    made = server.create("go", tools=[KINDS["custom"][0]])
    assert made["status"] == "incomplete"
    assert [(i["input"], i["status"]) for i in made["output"]] == [("*** Begin", "incomplete")]
    for cut in ('{"commands":["l', '{"commands":["ls"]}'):
        engine.next(call("shell", cut), finish("length"))
        made = server.create("go", tools=[KINDS["shell"][0]])
        assert (made["status"], made["output"]) == ("incomplete", [])


def test_choice(engine, server):
    tools = [KINDS["custom"][0], {"type": "shell"}, {"type": "apply_patch"}, WEATHER]
    for choice, name in (({"type": "custom", "name": "edit"}, "edit"), ({"type": "shell"}, "shell"),
                         ({"type": "apply_patch"}, "apply_patch"), ({"type": "function", "name": "weather"}, "weather")):
        engine.next(call(name, json.dumps({"commands": [], "input": "", "type": "delete_file", "path": "x"})))
        made = server.create("go", tools=tools, tool_choice=choice)
        assert list(offered(engine.last)) == [name] and engine.last.body["tool_choice"] == "required"
        assert made["tool_choice"] == choice
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "shell"}, {"type": "custom", "name": "edit"}]}
    server.create("go", tools=tools, tool_choice=allowed)
    assert list(offered(engine.last)) == ["edit", "shell"]
    refused = server.post("/v1/responses", {"model": "scripted", "input": "x", "tools": [WEATHER],
                                            "tool_choice": {"type": "shell"}})
    assert refused.status == 400 and refused.error["message"] == "Tool choice 'shell' not found in 'tools' parameter."


def test_deferred_tools_wait_for_the_search(engine, server):
    search, waiting = KINDS["tool_search"][0], {**WEATHER, "defer_loading": True}
    engine.next(call("tool_search", '{"goal":"weather"}'))
    first = server.create("go", tools=[search, waiting])
    assert list(offered(engine.last)) == ["tool_search"]
    item = first["output"][0]
    found = {"type": "tool_search_output", "execution": "client", "status": "completed", "call_id": item["call_id"],
             "tools": [waiting]}
    engine.next(call("weather", '{"city":"Rome"}'))
    second = server.create([found], tools=[search, waiting], previous_response_id=first["id"])
    assert set(offered(engine.last)) == {"tool_search", "weather"}
    output = {"type": "function_call_output", "call_id": second["output"][0]["call_id"], "output": "sunny"}
    server.create([output], tools=[search, waiting], previous_response_id=second["id"])
    assert set(offered(engine.last)) == {"tool_search", "weather"}  # found by an item of the history
    items = server.get(f"/v1/responses/{second['id']}/input_items?order=asc").json["data"]
    server.create([{"type": "item_reference", "id": i["id"]} for i in items], tools=[search, waiting])
    assert set(offered(engine.last)) == {"tool_search", "weather"}  # or by one that is referred to
    # without a search by the client nothing would ever bring it
    server.create("go", tools=[waiting])
    assert list(offered(engine.last)) == ["weather"]
    answer = server.post("/v1/responses", {"model": "scripted", "input": "go", "tools": [{"type": "tool_search"}, waiting]})
    assert list(offered(engine.last)) == ["weather"] and "tool_search" in answer.headers["antiphon-not-applied"]


OURS = {"type": "tool_search"}
WAITING = {**WEATHER, "defer_loading": True}
CRM = {"type": "namespace", "name": "crm", "description": "Customers", "tools": [
    {**WAITING, "name": "find"}, {**WAITING, "name": "drop"}, {**WEATHER, "name": "count"}]}


def kinds(response):
    return [item["type"] for item in response["output"]]


def test_our_own_search_is_told(engine, server):
    """Asked to search, the server offers all tools at once; the client learns of each search before the call."""
    tools = [OURS, WAITING, CRM]
    engine.next(calls_interleaved(("weather", "a", ['{"city":"Rome"}']), ("crm__find", "b", ['{"city":"Oslo"}']),
                                  ("weather", "c", ['{"city":"Bern"}']), ("crm__drop", "d", ['{"city":"Kyiv"}'])))
    first = server.create("go", tools=tools)
    search = ["tool_search_call", "tool_search_output", "function_call"]
    assert kinds(first) == search + search + ["function_call"] * 2
    asked, found, called = first["output"][:3]
    assert has(asked, {"arguments": {"paths": ["weather"]}, "call_id": None, "execution": "server", "status": "completed"})
    assert has(found, {"call_id": None, "execution": "server", "status": "completed"})
    assert found["tools"][0]["name"] == "weather" and found["tools"][0]["defer_loading"] is True
    assert has(called, {"name": "weather", "namespace": "weather", "arguments": '{"city":"Rome"}'})
    group = first["output"][4]["tools"][0]
    assert has(group, {"type": "namespace", "name": "crm"}) and [t["name"] for t in group["tools"]] == ["find", "drop"]
    assert first == server.get(f"/v1/responses/{first['id']}").json
    # chained, all of them are found; the engine sees the calls as it made them, no search
    outputs = [{"type": "function_call_output", "call_id": i["call_id"], "output": "ok"} for i in first["output"] if i["call_id"]]
    engine.next(call("weather", '{"city":"Lima"}'))
    second = server.create(outputs, tools=tools, previous_response_id=first["id"])
    assert kinds(second) == ["function_call"] and second["output"][0]["namespace"] == "weather"
    made = [c["function"]["name"] for m in engine.last.body["messages"] for c in m.get("tool_calls", [])]
    assert made == ["weather", "crm__find", "weather", "crm__drop"]
    # stateless, the same
    chained = engine.last.body["messages"]
    engine.next(call("crm__drop", '{"city":"Lima"}'))
    third = server.create([{"role": "user", "content": "go"}, *first["output"], *outputs], tools=tools, store=False)
    assert kinds(third) == ["function_call"] and engine.last.body["messages"] == chained


def test_our_own_search_in_a_stream(engine, server):
    engine.next(say("Let me see."), call("weather", '{"city":', '"Rome"}'))
    events = list(server.stream("go", tools=[OURS, WAITING]))
    told = [(e.type, e.data["item"]) for e in events if e.type.startswith("response.output_item")]
    assert [(type.rsplit(".")[-1], item["type"], item["status"]) for type, item in told[2:]] == [
        (step, item, status) for item in ("tool_search_call", "tool_search_output", "function_call")
        for step, status in (("added", "in_progress"), ("done", "completed"))]
    assert told[2][1]["arguments"] == {} and told[4][1]["tools"] == told[5][1]["tools"]
    assert [e.data["output_index"] for e in events if e.type == "response.output_item.done"] == [0, 1, 2, 3]
    final = next(e for e in events if e.type == "response.completed").data["response"]
    assert final["output"] == [item for type, item in told if type.endswith("done")]
    engine.next(call("weather", '{"city":"Rome"}'))
    made = server.create("go", tools=[OURS, WAITING])
    for id, steps in ((final["id"], 4), (made["id"], 3)):  # kept, and told again from what is stored
        again = list(Stream(*server.open("GET", f"/v1/responses/{id}?stream=true")))
        items = [e.data["item"] for e in again if e.type == "response.output_item.done"]
        assert items == server.get(f"/v1/responses/{id}").json["output"] and len(items) == steps
        begun = [e.data["item"] for e in again if e.type == "response.output_item.added"]
        assert [i["arguments"] for i in begun if i["type"] == "tool_search_call"] == [{}]



MANY = [{**WEATHER, "name": f"tool_{i}", "description": f"Number {i}.", "defer_loading": True} for i in range(70)]
HIDDEN = {"type": "namespace", "name": "crm", "description": "Customers", "tools": [
    {**WAITING, "name": "find", "description": "Finds a customer by name."}, {**WAITING, "name": "drop", "description": "Deletes a customer."}]}


def test_many_are_searched(engine, server):
    """Of more deferred tools than are shown the model searches, by words of names and descriptions."""
    tools = [OURS, WEATHER, *MANY, HIDDEN]
    engine.next(call("tool_search", '{"query": "delete the customer"}'))
    engine.next(call("crm__drop", '{"city":"Rome"}'))
    first = server.create("go", tools=tools)
    assert list(offered(engine.requests[-2])) == ["weather", "tool_search"]
    assert set(offered(engine.last)) == {"weather", "tool_search", "crm__drop", "crm__find"}
    assert kinds(first) == ["tool_search_call", "tool_search_output", "function_call"]
    asked, found, called = first["output"]
    assert has(asked, {"arguments": {"paths": ["crm"]}, "call_id": None, "execution": "server", "status": "completed"})
    assert [t["name"] for t in found["tools"][0]["tools"]] == ["drop", "find"] and found["tools"][0]["type"] == "namespace"
    assert has(called, {"name": "drop", "namespace": "crm"})
    said = engine.last.body["messages"][-1]
    assert said["role"] == "tool" and "crm__drop, crm__find" in said["content"]
    output = [{"type": "function_call_output", "call_id": called["call_id"], "output": "ok"}]
    for more in ({"input": output, "previous_response_id": first["id"]},
                 {"input": [{"role": "user", "content": "go"}, *first["output"], *output], "store": False}):
        engine.next(call("tool_search", '{"query": "zebra"}'), )
        engine.next(say("None."))
        second = server.create(tools=tools, **more)
        assert set(offered(engine.last)) == {"weather", "tool_search", "crm__drop", "crm__find"}, "found by the context"
        assert kinds(second) == ["tool_search_call", "tool_search_output", "message"] and second["output"][1]["tools"] == []
        assert "No tool has any of these words" in engine.last.body["messages"][-1]["content"]


def test_two_searches_in_one_answer(engine, server):
    """Each is told in its place, and those that are cancelled meanwhile harm nobody."""
    many = [{**WEATHER, "name": f"tool_{i}", "description": f"{'x ' * 3000}Number n{i}.", "defer_loading": True} for i in range(70)]
    engine.next(call("tool_search", '{"query": "customer"}', index=0), call("tool_search", '{"query": "tool_7"}', index=1))
    engine.next(say("Both."))
    made = server.create("go", tools=[OURS, *many, HIDDEN])
    assert kinds(made) == ["tool_search_call", "tool_search_output"] * 2 + ["message"]
    assert made["output"][0]["arguments"]["paths"] == ["crm"] and "tool_7" in made["output"][2]["arguments"]["paths"]
    for _ in range(4):
        engine.next(call("tool_search", '{"query": "customer"}'))
        stream = server.open("POST", "/v1/responses", {"model": "scripted", "input": "go", "stream": True, "tools": [OURS, *many, HIDDEN]})
        stream[0].close()
    assert server.get("/health").status == 200


def test_a_search_that_is_made_is_not_named_as_not_applied(engine, server):
    def named(*tools):
        return server.post("/v1/responses", {"model": "scripted", "input": "go", "tools": [OURS, *tools]}).headers.get("antiphon-not-applied")
    assert named(*MANY) is None and named(*MANY[:64]) == "tool_search" and named() == "tool_search"
    waiting = {"type": "function", "name": "f", "parameters": {}, "defer_loading": True}
    assert named(*MANY, waiting) is None and named(waiting) == "tool_search"


def test_a_search_that_is_no_search(engine, server):
    engine.next(call("tool_search", '{"q": 1}'))
    engine.next(say("Then not."))
    made = server.create("go", tools=[OURS, *MANY])
    assert kinds(made) == ["message"] and "has no query" in engine.last.body["messages"][-1]["content"]


def test_what_has_to_be_called_is_shown(engine, server):
    engine.next(call("tool_3", '{"city":"Rome"}'))
    server.create("go", tools=[OURS, *MANY], tool_choice={"type": "function", "name": "tool_3"})
    assert "tool_3" in offered(engine.last)


def test_additional_tools(engine, server):
    more = {"type": "additional_tools", "role": "developer", "tools": [WEATHER]}
    made = server.create([{"role": "user", "content": "go"}, more])
    assert list(offered(engine.last)) == ["weather"] and made["tools"][0]["name"] == "weather"
    server.create("on", previous_response_id=made["id"])
    assert list(offered(engine.last)) == ["weather"]
    listed = server.get(f"/v1/responses/{made['id']}/input_items?order=asc").json["data"]
    assert listed[1]["tools"] == [WEATHER]


def test_unanswered_calls(engine, server):
    engine.next(call("shell", '{"commands":["ls"]}'))
    first = server.create("go", tools=[{"type": "shell"}])
    id = first["output"][0]["call_id"]
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "previous_response_id": first["id"]})
    assert answer.status == 400 and answer.error["message"] == f"No tool output found for shell call {id}."
    answer = server.post("/v1/responses", {"model": "scripted", "input": [
        {"type": "custom_tool_call_output", "call_id": "call_no", "output": "x"}]})
    assert answer.status == 400
    assert answer.error["message"] == "No tool call found for custom tool call output with call_id call_no."


def test_async_calls_are_not_waited_for(engine, server):
    tool = {**WEATHER, "async": True}
    engine.next(call("weather", '{"city":"Rome"}'))
    first = server.create("go", tools=[tool])
    assert first["output"][0]["async"] is True and first["tools"][0]["async"] is True
    second = server.create("and?", tools=[tool], previous_response_id=first["id"])
    server.create([{"type": "function_call_output", "call_id": first["output"][0]["call_id"], "output": "sunny"}],
                  tools=[tool], previous_response_id=second["id"])
    assert "sunny" in json.dumps(engine.last.body["messages"])


# --- the search of the web, which is ours ---

SEARCH = {"type": "web_search", "external_web_access": False, "search_content_types": ["text", "image"]}


def test_search_of_an_empty_cache(engine, server):
    engine.next(think("hm"), call("web_search", '{"query":"antiphon"}'), finish("tool_calls"))
    engine.next(say("I found nothing."))
    events = [e for e in server.stream("look", tools=[SEARCH]) if e.data]
    types = [e.type for e in events]
    at = types.index("response.web_search_call.in_progress")
    assert types[at - 1:at + 4] == ["response.output_item.added", "response.web_search_call.in_progress",
                                    "response.web_search_call.searching", "response.web_search_call.completed",
                                    "response.output_item.done"]
    assert [e.data["sequence_number"] for e in events] == list(range(len(events)))
    response = events[-1].data["response"]
    assert response["status"] == "completed" and types.count("response.completed") == 1
    assert [i["type"] for i in response["output"]] == ["reasoning", "web_search_call", "message"]
    found = response["output"][1]
    assert found["status"] == "completed"
    assert found["action"] == {"type": "search", "queries": ["antiphon"], "query": "antiphon"}
    assert [m["role"] for m in engine.last.body["messages"]] == ["user", "assistant", "tool"]
    assert "No results" in engine.last.body["messages"][-1]["content"]
    usage = [sum(len(json.dumps(m)) for m in r.body["messages"]) // 4 for r in engine.requests]
    assert response["usage"]["input_tokens"] == sum(usage)
    # the next turn knows of it
    server.create("on", previous_response_id=response["id"], tools=[SEARCH])
    assert [m["role"] for m in engine.last.body["messages"]] == ["user", "assistant", "tool", "assistant", "user"]


def test_search_beside_a_call_of_the_client(engine, server):
    """The client answers its call first; the search is done. Both calls are of one answer: one message."""
    engine.next(calls_interleaved(("web_search", "1", ['{"query":"a"}']), ("weather", "2", ['{"city":"Rome"}'])))
    made = server.create("go", tools=[SEARCH, WEATHER])
    assert [i["type"] for i in made["output"]] == ["web_search_call", "function_call"] and len(engine.requests) == 1
    output = {"type": "function_call_output", "call_id": made["output"][1]["call_id"], "output": "sunny"}
    server.create([output], tools=[SEARCH, WEATHER], previous_response_id=made["id"])
    assert [m["role"] for m in engine.last.body["messages"]] == ["user", "assistant", "tool", "tool"]
    assert len(engine.last.body["messages"][1]["tool_calls"]) == 2


def test_search_without_end(engine, server):
    engine.always(lambda request: [say("enough")] if request.body["tool_choice"] == "none"
                  else [call("web_search", json.dumps({"query": f"a{len(engine.requests)}"}))])
    made = server.create("go", tools=[SEARCH], max_tool_calls=3)
    assert [i["type"] for i in made["output"]] == ["web_search_call"] * 3 + ["message"]
    assert made["status"] == "completed"
    made = server.create("go", tools=[SEARCH])
    assert len(made["output"]) == 17


def test_forced_search_is_forced_once(engine, server):
    engine.next(call("web_search", '{"query":"a"}'))
    server.create("go", tools=[SEARCH], tool_choice={"type": "web_search"})
    assert [r.body["tool_choice"] for r in engine.requests] == ["required", "auto"]


def test_search_beyond_the_cache_is_refused(engine, server):
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "tools": [{"type": "web_search"}]})
    assert answer.status == 400 and answer.error["param"] == "tools[0]" and not engine.requests
    assert "external_web_access" in answer.error["message"]


# --- Codex ---

def test_codex_catalog(engine, server):
    plain, asked = server.get("/v1/models"), server.get("/v1/models?client_version=0.169.0")
    assert "models" not in plain.json and asked.json["data"] == plain.json["data"]
    model, = asked.json["models"]
    assert (model["slug"], model["context_window"]) == ("scripted", 32768)
    assert model["input_modalities"] == ["text", "image"] and model["base_instructions"]
    tag = asked.headers["etag"]
    assert tag != plain.headers["etag"] and tag == server.get("/v1/models?client_version=0.169.0").headers["etag"]


def test_codex_settings(engine, server, servers):
    import tomllib
    from engine_script import ScriptedEngine
    from harness import command
    done = command("codex", "--data", server.data, home=server.home)
    settings = tomllib.loads(done.stdout)
    provider = settings["model_providers"][settings["model_provider"]]
    assert done.returncode == 0 and settings["model"] == "scripted"
    assert provider == {"name": "Antiphon", "base_url": server.base_url, "wire_api": "responses"}
    assert settings["web_search"] == "disabled"
    searching = servers(engine, ["--set", "web_search.provider=searxng", "--set", "web_search.url=http://127.0.0.1:9"])
    done = command("codex", "--data", searching.data, home=searching.home)
    assert tomllib.loads(done.stdout)["web_search"] == "live"
    with open(settings["model_catalog_json"]) as f:
        assert json.load(f)["models"] == server.get("/v1/models?client_version=0").json["models"]
    gone = command("codex", "no-such", "--data", server.data, home=server.home)
    assert gone.returncode == 1 and "no-such" in gone.stderr and not gone.stdout
    small = ScriptedEngine(context=4096)
    try:
        other = servers(small)
        refused = command("codex", "--data", other.data, home=other.home)
        assert refused.returncode == 1 and "4096" in refused.stderr and "32768" in refused.stderr
    finally:
        small.close()
    nobody = command("codex", "--data", server.home, home=server.home)
    assert nobody.returncode == 1 and "antiphon serve" in nobody.stderr
