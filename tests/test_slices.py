"""Long work on one request is done in slices (api.slice_us): with 0 others have their turn after each step and each piece, so that
whatever can come in between does."""

import pytest

from engine_script import call, hang, say, status
from harness import eventually, text_of
from test_closing import SHORT, WALKS, walk_and_go

ALWAYS = ["--set", "api.slice_us=0"]


@pytest.mark.parametrize("name", WALKS)
def test_a_client_goes_between_slices(engine, servers, name):
    server = servers(engine, args=SHORT + ALWAYS)
    engine.always(lambda request: [say("Once"), say(" upon"), hang()])
    walk_and_go(server, engine, WALKS[name])


def many(n):
    return [{"role": "assistant" if i % 3 == 2 else "user", "content": f"word {i}"} for i in range(n)] + [{"role": "user", "content": "end"}]


@pytest.mark.parametrize("more", [{}, {"stream": True}, {"background": True}], ids=["json", "stream", "background"])
def test_many_items_are_kept_in_their_order(engine, servers, more):
    server, n = servers(engine, args=ALWAYS), 2500
    if "stream" in more:
        id = server.stream(many(n)).until("response.completed")[-1].data["response"]["id"]
    else:
        id = server.create(many(n), **more)["id"]
        eventually(lambda: server.get("/v1/responses/" + id).json["status"] == "completed")
    told = "\n".join(m["content"] for m in engine.last.body["messages"] if isinstance(m["content"], str))
    assert [told.index(f"word {i}\n") for i in (0, 1, 3, 1500)] == sorted(told.index(f"word {i}\n") for i in (0, 1, 3, 1500))
    kept, after = [], ""
    while True:
        page = server.get(f"/v1/responses/{id}/input_items?order=asc&limit=100{after}").json
        kept += [item["content"][0]["text"] for item in page["data"]]
        if not page["has_more"]:
            break
        after = "&after=" + page["last_id"]
    assert kept == [item["content"] for item in many(n)]
    assert text_of(server.create("go on", previous_response_id=id)) == "You said: go on."


def test_many_chat_messages(engine, servers):
    server = servers(engine, args=ALWAYS)
    answer = server.post("/v1/chat/completions", {"model": "scripted", "messages": many(2000)})
    assert answer.status == 200, answer
    assert engine.last.body["messages"][-1]["content"].endswith("end")
    assert len(engine.last.body["messages"]) == 1333


def test_several_choices(engine, servers):
    """A call each, begun one after the other: all get the whole prompt."""
    server = servers(engine, args=ALWAYS)
    answer = server.post("/v1/chat/completions", {"model": "scripted", "messages": many(50), "n": 4})
    assert answer.status == 200 and [c["index"] for c in answer.json["choices"]] == [0, 1, 2, 3], answer
    assert len(engine.requests) == 4 and all(r.body["messages"] == engine.last.body["messages"] for r in engine.requests)
    assert len(engine.last.body["messages"]) == 33


def test_a_choice_fails_before_others_are_asked_for(engine, servers):
    server = servers(engine, args=ALWAYS)
    engine.next(status(400, "no"))
    answer = server.post("/v1/chat/completions", {"model": "scripted", "messages": many(50), "n": 4})
    assert answer.status == 400, answer
    assert server.post("/v1/chat/completions", {"model": "scripted", "messages": many(1)}).status == 200


def test_many_tools_of_items(engine, servers):
    """Each is looked for by its name, in an index: those of the same name in two namespaces, and as a custom tool, are told apart."""
    server = servers(engine, args=ALWAYS)
    functions = [{"type": "function", "name": f"f{i}", "parameters": {"type": "object", "properties": {}}, "strict": False} for i in range(300)]
    spaces = [{"type": "namespace", "name": s, "description": s, "tools": functions[:2]} for s in ("one", "two")]
    brought = [{"type": "additional_tools", "role": "developer", "tools": functions + functions[:20] + spaces + [{"type": "custom", "name": "f7"}]}]
    calls = [{"type": "function_call", "call_id": f"c{i}", "name": name, "arguments": "{}", **space}
             for i, (name, space) in enumerate([("f0", {}), ("f0", {"namespace": "two"}), ("f299", {}), ("gone", {})])]
    calls.append({"type": "custom_tool_call", "call_id": "c4", "name": "f7", "input": "x"})
    outputs = [{"type": c["type"] + "_output", "call_id": c["call_id"], "output": "x"} for c in calls]
    engine.next(call("two__f1", "{}"))
    made = server.create(brought + [{"role": "user", "content": "x"}] + calls + outputs)
    asked = engine.last.body
    assert [t["function"]["name"] for t in asked["tools"]] == [f"f{i}" for i in range(300)] + ["one__f0", "one__f1", "two__f0", "two__f1", "f7_2"]
    told = [c["function"]["name"] for m in asked["messages"] for c in m.get("tool_calls") or []]
    assert told == ["f0", "two__f0", "f299", "gone", "f7_2"]
    assert (made["output"][0]["name"], made["output"][0]["namespace"]) == ("f1", "two")
