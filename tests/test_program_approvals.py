"""Programs whose calls of MCP servers need the user's approval: they wait for it as for a client's answer, over requests, restarts and kill -9."""
import json

import pytest

from engine_script import Gate, hold, say
from harness import eventually
from mcp_script import McpServer  # noqa: F401 (the fixture mcp is one)
from test_approvals import decide, waiting
from test_background import ended, follow
from test_mcp import allow, answer, tool as mcp_tool
from test_programs import NOTE, PROGRAMS, items, kinds, program, told

ONE = "try { text('got', await tools.calc__write({to: 'a'})) } catch (e) { text('thrown:', e.message) }"


@pytest.fixture
def server(servers, engine, mcp):
    return servers(engine, args=allow(mcp))


def tools(mcp, *more, approval="always", **members):
    return [PROGRAMS, mcp_tool(mcp, approval=approval, allowed_callers=["programmatic"], **members), *more]


def ask(server, engine, mcp, code=ONE, **more):
    engine.next(program(code))
    more.setdefault("tools", tools(mcp))
    made = server.create("go", **more)
    assert made["status"] == "completed", made
    return made


def request_of(made):
    one, = items(made, "mcp_approval_request")
    return one


def go_on(server, mcp, first, *answers, **more):
    more.setdefault("tools", tools(mcp))
    return server.create(list(answers), previous_response_id=first["id"], **more)


def refused(server, mcp, first, *answers, **more):
    got = server.post("/v1/responses", {"model": "scripted", "previous_response_id": first["id"], "input": list(answers), "tools": tools(mcp), **more})
    assert got.status == 400, got
    return got.error


def test_approved(server, engine, mcp):
    first = ask(server, engine, mcp)
    assert kinds(first) == ["mcp_list_tools", "program", "mcp_approval_request"] and mcp.written == 0
    request = request_of(first)
    assert list(request) == ["id", "type", "arguments", "name", "server_label"]
    assert (request["arguments"], request["name"], request["server_label"]) == ('{"to":"a"}', "write", "calc")
    function, = (t["function"] for t in engine.requests[0].body["tools"])
    assert "tools.calc__write(" in function["description"]
    engine.next(say("Done."))
    second = go_on(server, mcp, first, answer(request))
    assert kinds(second) == ["mcp_call", "program_output", "message"] and mcp.written == 1
    called, output, _ = second["output"]
    assert called["approval_request_id"] == request["id"] and called["status"] == "completed" and called["arguments"] == '{"to":"a"}'
    assert output["result"] == f"got {called['output']}" and told(engine) == output["result"]
    assert [m["role"] for m in engine.requests[-1].body["messages"]] == ["user", "assistant", "tool"]
    assert "counts once" in refused(server, mcp, first, answer(request))["message"] and mcp.written == 1


def test_refused(server, engine, mcp):
    first = ask(server, engine, mcp)
    engine.next(say("Well."))
    second = go_on(server, mcp, first, answer(request_of(first), False, reason="not on a Sunday"))
    assert kinds(second) == ["program_output", "message"] and mcp.written == 0
    assert items(second, "program_output")[0]["result"] == "thrown: This call was not made: the user refused it, and says: not on a Sunday"
    engine.next(say("Yes."))
    go_on(server, mcp, second, {"role": "user", "content": "Sure?"})
    assert [m["role"] for m in engine.requests[-1].body["messages"]] == ["user", "assistant", "tool", "assistant", "user"]


def test_unanswered(server, engine, mcp):
    """As without a function's output: it is not guessed."""
    first = ask(server, engine, mcp)
    error = refused(server, mcp, first, {"role": "user", "content": "well?"})
    assert error["param"] == "input" and request_of(first)["id"] in error["message"] and "waits" in error["message"]
    engine.next(say("Done."))
    assert kinds(go_on(server, mcp, first, answer(request_of(first)))) == ["mcp_call", "program_output", "message"]


def test_one_after_the_other(server, engine, mcp):
    code = "for (const to of ['a', 'b', 'c']) { try { text(to, await tools.calc__write({to})) } catch (e) { text(to, e.message) } }"
    made = ask(server, engine, mcp, code)
    for n, (to, yes) in enumerate([("a", True), ("b", False), ("c", True)]):
        request = request_of(made)
        assert request["arguments"] == json.dumps({"to": to}, separators=(",", ":"))
        if n == 2:
            engine.next(say("Done."))
        made = go_on(server, mcp, made, answer(request, yes))
    assert mcp.written == 2 and [line.split(" ")[0] for line in items(made, "program_output")[0]["result"].splitlines()] == ["a", "b", "c"]
    assert "b This call was not made: the user refused it." in items(made, "program_output")[0]["result"]


def test_side_by_side(server, engine, mcp):
    """Two that need it, one that does not, and a client's function: all of them are one round."""
    code = ("const [w, a, n, b] = await Promise.all([tools.calc__write({to: 'a'}), tools.calc__add({a: 2, b: 3}), tools.note({}), "
            "tools.calc__boom({}).catch(e => e.message)]); text(w.length > 0, a, n, b)")
    some = tools(mcp, NOTE, approval={"never": {"tool_names": ["add"]}})
    first = ask(server, engine, mcp, code, tools=some)
    assert kinds(first) == ["mcp_list_tools", "program", "mcp_call", "function_call", "mcp_approval_request", "mcp_approval_request"]
    write, boom = items(first, "mcp_approval_request")
    note, = items(first, "function_call")
    output = {"type": "function_call_output", "call_id": note["call_id"], "output": "noted"}
    assert boom["id"] in refused(server, mcp, first, output, answer(write), tools=some)["message"]
    assert write["id"] not in refused(server, mcp, first, output, answer(write), tools=some)["message"], "an answer that was not taken is not used"
    engine.next(say("Done."))
    second = go_on(server, mcp, first, output, answer(write), answer(boom, False), tools=some)
    assert kinds(second) == ["mcp_call", "program_output", "message"] and mcp.written == 1
    assert items(second, "program_output")[0]["result"] == "true 5 noted This call was not made: the user refused it."


@pytest.mark.parametrize("keep", [False, True])
def test_kept_by_the_client(server, engine, mcp, keep):
    """Sent back whole, without what this server keeps of it: the request's id says which program asks."""
    code = "for (const to of ['a', 'b']) { try { text(to, await tools.calc__write({to})) } catch (e) { text(to, e.message) } }"
    context = [{"role": "user", "content": "go"}]
    engine.next(program(code))
    made = server.create(context, tools=tools(mcp), store=keep)
    for yes in (False, True):
        request = request_of(made)
        context += made["output"] + [answer(request, yes)]
        if yes:
            engine.next(say("Done."))
        made = server.create(context, tools=tools(mcp), store=keep)
    assert kinds(made) == ["mcp_call", "program_output", "message"] and mcp.written == 1
    assert items(made, "program_output")[0]["result"].startswith("a This call was not made: the user refused it.\nb ")
    got = server.post("/v1/responses", {"model": "scripted", "input": context, "tools": tools(mcp), "store": keep})
    assert got.status == 400 and "counts once" in got.error["message"]


def test_changed_by_the_client(server, engine, mcp):
    engine.next(program(ONE))
    made = server.create("go", tools=tools(mcp), store=False)
    request = request_of(made)
    for forged in ({**request, "arguments": '{"to":"b"}'}, {**request, "name": "boom"}):
        items_ = [{"role": "user", "content": "go"}, *made["output"][:-1], forged, answer(request)]
        got = server.post("/v1/responses", {"model": "scripted", "input": items_, "tools": tools(mcp), "store": False})
        assert got.status == 400 and "another call" in got.error["message"], got
    assert mcp.written == 0


def test_a_changed_definition_asks_again(server, engine, mcp):
    engine.next(program(ONE))
    made = server.create("go", tools=tools(mcp), store=False)
    mcp.tools[-1] = {**mcp.tools[-1], "description": "Now it does something else."}
    kept = [i for i in made["output"] if i["type"] != "mcp_list_tools"]
    again = server.create([{"role": "user", "content": "go"}, *kept, answer(request_of(made))], tools=tools(mcp), store=False)
    assert kinds(again) == ["mcp_list_tools", "mcp_approval_request"] and mcp.written == 0
    engine.next(say("Done."))
    last = server.create([{"role": "user", "content": "go"}, *kept, answer(request_of(made)), *again["output"], answer(request_of(again))],
                         tools=tools(mcp), store=False)
    assert kinds(last) == ["mcp_call", "program_output", "message"] and mcp.written == 1


def test_answered_on_the_server(server, engine, mcp):
    first = ask(server, engine, mcp)
    one, = waiting(server)
    assert one["id"] == request_of(first)["id"] and one["name"] == "write"
    decide(server, one)
    engine.next(say("Done."))
    assert kinds(go_on(server, mcp, first)) == ["mcp_call", "program_output", "message"] and mcp.written == 1


def test_in_a_conversation_and_the_background(server, engine, mcp):
    conversation = server.post("/v1/conversations", {}).json["id"]
    engine.next(program(ONE))
    first = ended(server, server.create("go", tools=tools(mcp), conversation=conversation, background=True)["id"])
    engine.next(say("Done."))
    second = server.create([answer(request_of(first))], tools=tools(mcp), conversation=conversation, background=True)
    assert kinds(ended(server, second["id"])) == ["mcp_call", "program_output", "message"] and mcp.written == 1


# --- kill -9 ---

@pytest.mark.parametrize("store", [True, False])
def test_killed_while_it_waits(servers, engine, mcp, store):
    server = servers(engine, args=allow(mcp))
    engine.next(program(ONE))
    first = server.create("go", tools=tools(mcp), store=store)
    server.kill()
    server.start()
    engine.next(say("Done."))
    before = [] if store else [{"role": "user", "content": "go"}, *first["output"]]
    made = server.create([*before, answer(request_of(first))], tools=tools(mcp), store=store, **({"previous_response_id": first["id"]} if store else {}))
    assert kinds(made) == ["mcp_call", "program_output", "message"] and mcp.written == 1


def test_killed_in_the_call(servers, engine, mcp):
    """The answer was used, and the call may have been made: it is asked for anew, never made by itself."""
    server = servers(engine, args=allow(mcp))
    first = ask(server, engine, mcp)

    def die(name, args):
        if name == "write" and not mcp.written:
            server.kill()
    mcp.on_call = die
    with pytest.raises((OSError, AssertionError)):
        go_on(server, mcp, first, answer(request_of(first)))
    eventually(lambda: mcp.written, what="the call")
    mcp.on_call = None
    server.start()
    assert "counts once" in refused(server, mcp, first, answer(request_of(first)))["message"]
    again = go_on(server, mcp, first)
    assert kinds(again) == ["mcp_approval_request"] and mcp.written == 1
    engine.next(say("Done."))
    assert kinds(go_on(server, mcp, again, answer(request_of(again)))) == ["mcp_call", "program_output", "message"] and mcp.written == 2


@pytest.mark.parametrize("at", ["mcp_call", "program_output"])
def test_killed_behind_the_call(servers, engine, mcp, at):
    """In the background: what was approved and made is not made again when the response goes on."""
    server = servers(engine, args=allow(mcp))
    first = ask(server, engine, mcp, "const got = await tools.calc__write({to: 'a'}); for (let n = 0; n < 3e6; n++); text(got)")
    gate = Gate()
    engine.next(hold(gate), say("lost"))
    made = go_on(server, mcp, first, answer(request_of(first)), background=True)
    for event in follow(server, made["id"]):  # what is told is in the log
        if event.type == "response.output_item.done" and event.data["item"]["type"] == at:
            break
    server.kill()
    gate.open.set()
    engine.always(lambda request: [say("Done.")])
    server.start()
    over = ended(server, made["id"])
    assert over["status"] == "completed" and kinds(over) == ["mcp_call", "program_output", "message"] and mcp.written == 1, over
