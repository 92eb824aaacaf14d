"""Clients that keep the items themselves (store: false, include: reasoning.encrypted_content): what calls of ours were told the engine comes back."""
import json

import pytest

from engine_script import call, calls_interleaved, finish, say, think
from file_script import Library, look
from test_code_interpreter import AUTO, PNG, python
from test_mcp import ADD, allow, tool
from test_signed import SIGNED, deltas, signed_call

KEEPS = {"store": False, "include": ["reasoning.encrypted_content"]}
WAYS = pytest.mark.parametrize("bare", [False, True], ids=["ids", "no ids"])
WEB = {"type": "web_search"}


@pytest.fixture
def server(servers, engine, web, mcp):
    return servers(engine, args=[*web.args(), *allow(mcp), "--set", "index.embedder=none"])


def search(query, **more):
    return call("web_search", json.dumps({"query": query}), **more)


def messages(engine, at=-1):
    """Without the thoughts of a loop that is over."""
    return [{k: v for k, v in m.items() if k != "reasoning_content"} for m in engine.requests[at].body["messages"]]


def kept(made, bare):
    return [{k: v for k, v in i.items() if not (bare and k == "id")} for i in made["output"]]


def goes_on(server, engine, made, bare=False, change=lambda items: items, **more):
    """The next request of such a client; what the engine was told in this one, and in the last call of the one before."""
    before = messages(engine)
    engine.next(say("More: [1]."))
    again = server.create([{"role": "user", "content": "go"}] + change(kept(made, bare)) + [{"role": "user", "content": "on"}], **{**KEEPS, **more})
    return before, messages(engine)[:len(before)], again


def is_whole(server, engine, made, bare, **more):
    before, now, again = goes_on(server, engine, made, bare, **more)
    assert now == before
    return again


def types(made):
    return [i["type"] for i in made["output"]]


@WAYS
def test_web_search(server, engine, web, bare):
    engine.next(think("hm"), search("news"), finish("tool_calls"))
    engine.next(say("So [1]."))
    made = server.create("go", tools=[WEB], **KEEPS)
    assert types(made) == ["reasoning", "web_search_call", "reasoning", "message"]
    assert made["output"][2]["content"] == made["output"][2]["summary"] == []
    again = is_whole(server, engine, made, bare, tools=[WEB])
    (note,) = again["output"][-1]["content"][0]["annotations"]
    assert note["url"] == made["output"][-1]["content"][0]["annotations"][0]["url"]
    assert "<source" not in json.dumps(made) and "antiphon\"" not in json.dumps(made)


@WAYS
def test_file_search(server, engine, bare):
    library = Library(server, {"food.txt": "Travis's favorite food is pizza."})
    engine.next(look("food", "favorite"))
    engine.next(say("Pizza [1]."))
    made = server.create("go", tools=[library.tool], **KEEPS)
    assert made["output"][0]["results"] is None
    again = is_whole(server, engine, made, bare, tools=[library.tool])
    assert again["output"][-1]["content"][0]["annotations"] == [library.note("food.txt", 5)]


@WAYS
def test_code_interpreter(servers, engine, bare):
    engine.vision = True
    server = servers(engine)
    engine.next(python(PNG + "print('hello')\nPicture([[0, 255]])"))
    engine.next(say("Done."))
    made = server.create("go", tools=[AUTO], **KEEPS)
    assert made["output"][0]["outputs"] is None and "hello" in json.dumps(messages(engine)[-1])
    is_whole(server, engine, made, bare, tools=[AUTO])


@WAYS
def test_mcp(server, engine, mcp, bare):
    engine.next(call("calc__add", ADD))
    engine.next(call("calc__boom", "{}"))
    engine.next(say("five"))
    made = server.create("go", tools=[tool(mcp)], **KEEPS)
    assert types(made)[:2] == ["mcp_list_tools", "mcp_call"]
    is_whole(server, engine, made, bare, tools=[tool(mcp)])


@WAYS
def test_calls_side_by_side_and_rounds(server, engine, web, bare):
    """In one message, as they were; two calls that look the same, too."""
    engine.next(calls_interleaved(*[("web_search", f"call_{i}", ['{"query":"same"}']) for i in range(2)], ("web_search", "call_2", ['{"query":"b"}'])))
    engine.next(search("c"))
    engine.next(say("So [1]."))
    made = server.create("go", tools=[WEB], parallel_tool_calls=True, **KEEPS)
    is_whole(server, engine, made, bare, tools=[WEB])


@WAYS
def test_thoughts_that_follow(server, engine, web, bare):
    """They take it with them, and nothing is added."""
    engine.next(think("First."), search("a"), finish("tool_calls"))
    engine.next(think("Then."), search("b"), finish("tool_calls"))
    engine.next(think("Now."), say("So [1]."))
    made = server.create("go", tools=[WEB], **KEEPS)
    assert types(made) == ["reasoning", "web_search_call"] * 2 + ["reasoning", "message"]
    is_whole(server, engine, made, bare, tools=[WEB])


def test_an_answer_that_is_cut(server, engine, web):
    engine.next(search("a"))
    engine.next(say("So"), finish("length"))
    made = server.create("go", tools=[WEB], **KEEPS)
    assert made["status"] == "incomplete" and types(made) == ["web_search_call", "reasoning", "message"]
    is_whole(server, engine, made, False, tools=[WEB])
    engine.next(search("a"))
    engine.next(finish("length"))
    made = server.create("go", tools=[WEB], **KEEPS)
    assert types(made) == ["web_search_call", "reasoning"]
    is_whole(server, engine, made, False, tools=[WEB])


@WAYS
def test_a_call_that_failed(server, engine, web, bare):
    web.broken = True
    engine.next(call("web_search", '{"url":"http://127.0.0.1:1/"}'))
    engine.next(say("No."))
    made = server.create("go", tools=[WEB], **KEEPS)
    assert made["output"][0]["status"] == "failed"
    is_whole(server, engine, made, bare, tools=[WEB])


@WAYS
def test_what_was_signed(server, engine, web, bare):
    """Engines refuse a loop that lacks it: of our calls, and of text."""
    engine.next(deltas(signed_call("web_search:0", name="web_search", args='{"query":"news"}', extra_content=SIGNED)), finish("tool_calls"))
    engine.next(deltas({"content": "So."}, {"content": "", "extra_content": {"of": "text"}}))
    made = server.create("go", tools=[WEB], **KEEPS)
    _, now, _ = goes_on(server, engine, made, bare, tools=[WEB])
    assert now[1]["tool_calls"][0]["id"] == "web_search:0" and now[1]["tool_calls"][0]["extra_content"] == SIGNED
    said = [m for m in messages(engine) if m["role"] == "assistant" and "So." in json.dumps(m)]
    assert said[0]["extra_content"] == {"of": "text"}


def test_a_changed_call_is_another(server, engine, web):
    engine.next(search("news"))
    engine.next(say("So [1]."))
    made = server.create("go", tools=[WEB], **KEEPS)

    def change(items):
        items[0]["action"].update(query="olds", queries=["olds"])
        return items
    before, now, _ = goes_on(server, engine, made, change=change, tools=[WEB])
    assert "<source" in before[2]["content"] and "<source" not in now[2]["content"]


def test_without_the_sealed_item(server, engine, web):
    engine.next(search("news"))
    engine.next(say("So [1]."))
    made = server.create("go", tools=[WEB], store=False)
    assert types(made) == ["web_search_call", "message"]
    _, now, _ = goes_on(server, engine, made, tools=[WEB])
    assert now[2]["content"] == "What was found then is no longer at hand."


def test_what_is_stored_is_not_sealed(server, engine, web):
    engine.next(search("news"))
    engine.next(say("So [1]."))
    made = server.create("go", tools=[WEB], include=KEEPS["include"])
    assert types(made) == ["web_search_call", "message"]
    is_whole(server, engine, made, False, tools=[WEB], store=True)


def test_too_much_is_left_out(servers, engine, web):
    server = servers(engine, args=[*web.args(), "--set", "api.sealed_bytes=1024"])
    engine.next(search("news"))
    engine.next(say("So [1]."))
    made = server.create("go", tools=[WEB], **KEEPS)
    assert types(made) == ["web_search_call", "message"]


@WAYS
@pytest.mark.parametrize("yes", [False, True], ids=["refused", "approved"])
def test_an_approval(server, engine, mcp, bare, yes):
    """Refused or made, the engine finds its own id and what it signed."""
    asks = tool(mcp, approval="always")
    engine.next(deltas(signed_call("calc__add:0", name="calc__add", args=ADD, extra_content=SIGNED)), finish("tool_calls"))
    made = server.create("go", tools=[asks], **KEEPS)
    (asked,) = [i for i in made["output"] if i["type"] == "mcp_approval_request"]
    answer = {"type": "mcp_approval_response", "approval_request_id": asked["id"], "approve": yes}
    engine.next(say("Well."))
    items = [i if i is asked or not bare else {k: v for k, v in i.items() if k != "id"} for i in made["output"]]
    server.create([{"role": "user", "content": "go"}, *items, answer], tools=[asks], **KEEPS)
    (one,) = messages(engine)[1]["tool_calls"]
    assert one["id"] == "calc__add:0" and one["extra_content"] == SIGNED
    assert messages(engine)[2]["tool_call_id"] == "calc__add:0"
    assert ("<result>\n5" if yes else "user refused it") in messages(engine)[2]["content"]


def test_streamed(server, engine, web):
    engine.next(search("news"))
    engine.next(say("So [1]."))
    events = [e.data for e in server.stream("go", tools=[WEB], **KEEPS) if e.data]
    assert [e["sequence_number"] for e in events] == list(range(len(events)))
    made = events[-1]["response"]
    done = [e["item"] for e in events if e["type"] == "response.output_item.done"]
    assert done == made["output"] and [i["type"] for i in done] == ["web_search_call", "reasoning", "message"]
    is_whole(server, engine, made, True, tools=[WEB])


# --- thoughts of earlier turns ---

def removed(*items):
    return [{"id": i["id"], "action": "removed", "reason": "turn_boundary", "type": "reasoning"} for i in items]


def thoughts(engine):
    return [m["reasoning_content"] for m in engine.last.body["messages"] if "reasoning_content" in m]


@pytest.mark.parametrize("keeps", [KEEPS, {"store": False}, {}], ids=["sealed", "plain", "stored"])
def test_thoughts_that_the_model_is_not_shown_are_named(server, engine, keeps):
    """Those that the client sends back from turns that are over; those within a loop of tools are shown."""
    look_up = {"type": "function", "name": "look_up", "parameters": {"type": "object", "properties": {}}}
    engine.next(think("first"), call("look_up", "{}"))
    made = server.create("go", tools=[look_up], **keeps)
    assert "input_transformations" not in made
    context = [{"role": "user", "content": "go"}, *made["output"], {"type": "function_call_output", "call_id": made["output"][-1]["call_id"], "output": "x"}]
    engine.next(think("second"), say("Done."))
    again = server.create(context, tools=[look_up], **keeps)
    assert "input_transformations" not in again and thoughts(engine) == ["first"]
    context += [*again["output"], {"role": "user", "content": "on"}]
    one, two = [i for i in context if i.get("type") == "reasoning"]
    events = [e.data["response"] for e in server.stream(context, tools=[look_up], **keeps) if e.data and "response" in e.data]
    assert [e["input_transformations"] for e in events] == [removed(one, two)] * 3 and thoughts(engine) == []
    told = server.create(context, tools=[look_up], reasoning={"context": "all_turns"}, **keeps)
    assert "input_transformations" not in told and thoughts(engine) == ["first", "second"]


def test_thoughts_that_the_server_brings_along_are_not_named(server, engine):
    """Else each response of a chain would name all that came before."""
    engine.next(think("first"), say("Done."))
    first = server.create("go")
    again = server.create("on", previous_response_id=first["id"])
    assert "input_transformations" not in again and thoughts(engine) == []
    reference = server.create([{"type": "item_reference", "id": first["output"][0]["id"]}, {"role": "user", "content": "on"}])
    assert reference["input_transformations"] == removed(first["output"][0])
    assert server.get(f"/v1/responses/{reference['id']}").json["input_transformations"] == reference["input_transformations"]
