"""/v1/approvals: what waits for somebody's approval, and answering it on the server."""
import concurrent.futures
import pathlib
import time

import pytest

from engine_script import Gate, call, hold, say
from harness import command, eventually, make_key
from test_background import follow
from test_mcp import ADD, allow, answer, ask, refused, told, together, tool, types, waited


@pytest.fixture
def server(servers, engine, mcp):
    return servers(engine, args=allow(mcp))


def waiting(server, **more):
    return server.get("/v1/approvals", **more).json["data"]


def decide(server, request, approve=True, **more):
    got = server.post("/v1/approvals/" + request["id"], {"approve": approve, **more})
    assert got.status == 200, got
    return got.json


def go_on(server, mcp, first, input="go on", **more):
    return server.create(input, previous_response_id=first["id"], tools=[tool(mcp, approval="always")], **more)


# --- the list ---

def test_what_waits_is_listed(server, engine, mcp):
    assert waiting(server) == []
    first = ask(server, engine, mcp, '{"to":"a"}', "write")
    request = first["output"][1]
    page = server.get("/v1/approvals").json
    one, = page["data"]
    assert (page["object"], page["first_id"], page["last_id"], page["has_more"]) == ("list", request["id"], request["id"], False)
    assert abs(one.pop("created_at") - time.time()) < 60 and one.pop("expires_at") > time.time() + 29 * 86400
    assert one == {"id": request["id"], "object": "approval", "status": "waiting", "answered_at": None, "used_at": None, "reason": None,
                   "response_id": first["id"], "server_label": "calc", "server_url": mcp.url("modern"), "name": "write",
                   "arguments": '{"to":"a"}'}
    assert server.get("/v1/approvals/" + request["id"]).json["name"] == "write"
    ask(server, engine, mcp, "{}", "boom", store=False)
    assert len(waiting(server)) == 1, "what nobody keeps is nowhere to be listed"


def test_pages(server, engine, mcp):
    engine.next(together(*[("calc__write", f'{{"to":{i}}}') for i in range(3)]))
    made = server.create("x", tools=[tool(mcp, approval="always")])
    ids = [i["id"] for i in made["output"][1:]]
    assert [a["id"] for a in waiting(server)] == ids[::-1]
    assert [a["id"] for a in server.get("/v1/approvals?order=asc").json["data"]] == ids
    page = server.get("/v1/approvals?order=asc&limit=2").json
    assert page["has_more"] and page["last_id"] == ids[1]
    assert [a["id"] for a in server.get(f"/v1/approvals?order=asc&after={ids[1]}").json["data"]] == ids[2:]
    assert [a["id"] for a in server.get(f"/v1/approvals?limit=1&after={ids[1]}").json["data"]] == ids[:1]
    assert server.get("/v1/approvals?after=x").error["param"] == "after"
    assert server.get("/v1/approvals?status=x").error["param"] == "status"


def test_what_was_used_waits_no_longer(server, engine, mcp):
    first = ask(server, engine, mcp, "{}", "write")
    request = first["output"][1]
    engine.next(say("ok"))
    go_on(server, mcp, first, [answer(request)])
    assert waiting(server) == []
    one = server.get("/v1/approvals/" + request["id"]).json
    assert one["status"] == "approved" and one["used_at"] and one["answered_at"]
    error = server.post("/v1/approvals/" + request["id"], {"approve": False}).error
    assert "counts once" in error["message"]


def test_it_goes_with_its_response(server, engine, mcp):
    first = ask(server, engine, mcp, "{}", "write")
    server.delete("/v1/responses/" + first["id"])
    assert waiting(server) == []
    for got in (server.get("/v1/approvals/" + first["output"][1]["id"]),
                server.post("/v1/approvals/" + first["output"][1]["id"], {"approve": True})):
        assert got.status == 404 and "not found" in got.error["message"]


def test_another_project_sees_and_answers_nothing(server, engine, mcp):
    ours, theirs = make_key(server, "alpha", "one")[0], make_key(server, "beta", "two")[0]
    server.key = ours
    request = ask(server, engine, mcp, "{}", "write")["output"][1]
    server.key = theirs
    assert waiting(server) == []
    assert server.post("/v1/approvals/" + request["id"], {"approve": True}).status == 404
    server.key = ours
    assert waiting(server)[0]["status"] == "waiting"


@pytest.mark.parametrize("body, param", [({}, "approve"), ({"approve": "yes"}, "approve"), ({"approve": True, "reason": 4}, "reason"),
                                         ({"approve": True, "why": "x"}, "why"), ({"approve": False, "reason": "x" * 4097}, "reason")])
def test_bodies(server, engine, mcp, body, param):
    request = ask(server, engine, mcp, "{}", "write")["output"][1]
    got = server.post("/v1/approvals/" + request["id"], body)
    assert got.status == 400 and got.error["param"] == param


def test_forged_ids(server, engine, mcp):
    first = ask(server, engine, mcp, "{}", "write")
    id = first["output"][1]["id"]
    for forged in (id[:-1] + ("0" if id[-1] != "0" else "1"), first["id"], "mcpr_" + 40 * "a", "mcpr_", "x"):
        assert server.post("/v1/approvals/" + forged, {"approve": True}).status == 404, forged
    assert waiting(server)[0]["status"] == "waiting"


# --- answered here ---

def test_approved_here(server, engine, mcp):
    first = ask(server, engine, mcp, '{"to":"a"}', "write")
    request = first["output"][1]
    assert decide(server, request)["status"] == "approved"
    assert [a["status"] for a in waiting(server)] == ["approved"], "until the client goes on"
    engine.next(say("ok"))
    second = go_on(server, mcp, first)
    assert types(second) == ["mcp_call", "message"] and mcp.written == 1
    assert second["output"][0]["approval_request_id"] == request["id"]
    items = server.get(f"/v1/responses/{second['id']}/input_items?order=asc").json["data"]
    assert [i["type"] for i in items] == ["message", "mcp_list_tools", "mcp_approval_request", "message", "mcp_approval_response"]
    assert items[-1] == {**items[-1], "approval_request_id": request["id"], "approve": True}
    assert waiting(server) == []
    engine.next(say("and on"))
    third = go_on(server, mcp, second)
    assert types(third) == ["message"] and mcp.written == 1


def test_without_any_input(server, engine, mcp):
    """The client says nothing but that it goes on."""
    first = ask(server, engine, mcp, "{}", "write")
    decide(server, first["output"][1])
    engine.next(say("ok"))
    assert types(go_on(server, mcp, first, [])) == ["mcp_call", "message"] and mcp.written == 1


def test_refused_here(server, engine, mcp):
    first = ask(server, engine, mcp, "{}", "write")
    assert decide(server, first["output"][1], False, reason="not on a Sunday")["reason"] == "not on a Sunday"
    error = refused(server, mcp, [answer(first["output"][1])], previous_response_id=first["id"])
    assert error["param"] == "input[0].approval_request_id" and "refused on this server" in error["message"]
    engine.next(say("then not"))
    assert types(go_on(server, mcp, first)) == ["message"] and mcp.written == 0
    assert any("the user refused it, and says: not on a Sunday" in str(m["content"]) for m in engine.requests[-1].body["messages"])


def test_what_was_approved_may_be_refused_until_it_is_used(server, engine, mcp):
    first = ask(server, engine, mcp, "{}", "write")
    request = first["output"][1]
    decide(server, request)
    assert "counts once" in server.post("/v1/approvals/" + request["id"], {"approve": True}).error["message"]
    assert decide(server, request, False)["status"] == "refused"
    assert server.post("/v1/approvals/" + request["id"], {"approve": True}).status == 400
    engine.next(say("then not"))
    assert types(go_on(server, mcp, first)) == ["message"] and mcp.written == 0


@pytest.mark.parametrize("here, there, written", [(True, True, 1), (True, False, 0), (False, False, 0)])
def test_answered_by_both(server, engine, mcp, here, there, written):
    """A refusal counts, whoever says it; what both say is said once."""
    first = ask(server, engine, mcp, "{}", "write")
    decide(server, first["output"][1], here)
    engine.next(say("ok"))
    go_on(server, mcp, first, [answer(first["output"][1], there)])
    assert mcp.written == written
    one = server.get("/v1/approvals/" + first["output"][1]["id"]).json
    assert one["status"] == ("approved" if there else "refused") and one["used_at"]


def test_some_here_some_there(server, engine, mcp):
    engine.next(together(("calc__write", '{"to":1}'), ("calc__write", '{"to":2}'), ("calc__boom", "{}")))
    first = server.create("x", tools=[tool(mcp, approval="always")])
    one, two, three = first["output"][1:]
    decide(server, two)
    engine.next(say("ok"))
    second = go_on(server, mcp, first, [answer(one)])
    assert [i.get("approval_request_id") for i in second["output"]][:2] == [one["id"], two["id"]] and mcp.written == 2
    assert [a["id"] for a in waiting(server)] == [three["id"]]
    decide(server, three)
    engine.next(say("ok"))
    assert types(go_on(server, mcp, second)) == ["mcp_call", "message"], "later in the chain, too"


def test_two_branches_use_it_once(server, engine, mcp):
    first = ask(server, engine, mcp, "{}", "write")
    decide(server, first["output"][1])
    engine.always(lambda request: [say("ok")])
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: go_on(server, mcp, first), range(8)))
    assert mcp.written == 1 and sorted(len(m["output"]) for m in made) == [1] * 7 + [2]


def test_it_waits_for_a_request_that_can_take_it(server, engine, mcp):
    first = ask(server, engine, mcp, "{}", "write")
    decide(server, first["output"][1])
    engine.always(lambda request: [say("ok")])
    server.create("x", previous_response_id=first["id"])
    server.create("x", previous_response_id=first["id"], tools=[tool(mcp, "other", approval="always", label="other")])
    assert mcp.written == 0 and waiting(server)[0]["status"] == "approved"
    assert types(go_on(server, mcp, first))[0] == "mcp_call" and mcp.written == 1


def test_in_a_conversation(server, engine, mcp):
    conversation = server.post("/v1/conversations", {}).json["id"]
    first = ask(server, engine, mcp, "{}", "write", conversation=conversation)
    decide(server, first["output"][1])
    engine.next(say("ok"))
    second = server.create("go on", conversation=conversation, tools=[tool(mcp, approval="always")])
    assert types(second) == ["mcp_call", "message"] and mcp.written == 1
    listed = server.get(f"/v1/conversations/{conversation}/items?order=asc").json["data"]
    assert [i["type"] for i in listed] == ["message", "mcp_list_tools", "mcp_approval_request", "message", "mcp_approval_response",
                                           "mcp_call", "message"]


def test_sent_back_by_a_client_that_keeps_its_own_history(server, engine, mcp):
    first = ask(server, engine, mcp, "{}", "write")
    decide(server, first["output"][1])
    engine.next(say("ok"))
    made = server.create([{"role": "user", "content": "x"}, *first["output"]], tools=[tool(mcp, approval="always")], store=False)
    assert types(made) == ["mcp_call", "message"] and mcp.written == 1


def test_in_the_background(server, engine, mcp):
    engine.next(call("calc__write", "{}"))
    first = waited(server, server.create("x", tools=[tool(mcp, approval="always")], background=True))
    assert waiting(server)[0]["response_id"] == first["id"]
    decide(server, first["output"][1])
    engine.next(say("ok"))
    second = waited(server, go_on(server, mcp, first, background=True))
    assert types(second) == ["mcp_call", "message"] and mcp.written == 1
    items = server.get(f"/v1/responses/{second['id']}/input_items?order=asc").json["data"]
    assert [i["type"] for i in items][-2:] == ["message", "mcp_approval_response"] and waiting(server) == []


def test_a_changed_definition_asks_again(server, engine, mcp):
    first = ask(server, engine, mcp, "{}", "write", store=True)
    decide(server, first["output"][1])
    mcp.tools[-1] = {**mcp.tools[-1], "description": "Now it does something else."}
    items = [i for i in first["output"] if i["type"] == "mcp_approval_request"]
    made = server.create([{"role": "user", "content": "x"}, *items], tools=[tool(mcp, approval="always")])
    assert types(made) == ["mcp_list_tools", "mcp_approval_request"] and mcp.written == 0
    assert [a["id"] for a in waiting(server)] == [made["output"][1]["id"]]


# --- kill -9 ---

@pytest.mark.parametrize("answered", [False, True])
def test_what_waits_and_what_was_answered_survives(servers, engine, mcp, tmp_path, answered):
    data = tmp_path / "data"
    server = servers(engine, args=allow(mcp), data=data)
    first = ask(server, engine, mcp, "{}", "write")
    if answered:
        decide(server, first["output"][1], reason="go")
    server.kill()
    server = servers(engine, args=allow(mcp), data=data)
    assert [(a["status"], a["reason"]) for a in waiting(server)] == [("approved", "go") if answered else ("waiting", None)]
    if not answered:
        decide(server, first["output"][1])
    engine.next(say("ok"))
    assert types(go_on(server, mcp, first)) == ["mcp_call", "message"] and mcp.written == 1
    server.kill()
    server = servers(engine, args=allow(mcp), data=data)
    assert waiting(server) == []


@pytest.mark.parametrize("background", [False, True])
def test_a_kill_between_use_and_result_never_calls_twice(servers, engine, mcp, tmp_path, background):
    """The answer is used before the call is made: a crash in between costs the answer, never a second call."""
    data = tmp_path / "data"
    server = servers(engine, args=allow(mcp), data=data)
    first = ask(server, engine, mcp, "{}", "write")
    decide(server, first["output"][1])

    def die(name, args):
        if name == "write" and not mcp.written:
            server.kill()
    mcp.on_call = die
    engine.always(lambda request: [say("ok")])
    try:
        go_on(server, mcp, first, background=background)
    except (OSError, AssertionError):
        pass  # its server died under it
    eventually(lambda: mcp.written, what="the call")
    mcp.on_call = None
    server = servers(engine, args=allow(mcp), data=data)
    assert waiting(server) == []
    error = server.post("/v1/responses", {"model": "scripted", "previous_response_id": first["id"], "input": [answer(first["output"][1])],
                                          "tools": [tool(mcp, approval="always")]}).error
    assert "counts once" in error["message"]
    go_on(server, mcp, first)
    assert mcp.written == 1


def test_killed_behind_the_call(servers, engine, mcp):
    """In the background, behind the call of what was approved: the response goes on, and the call is not made again."""
    server = servers(engine, args=allow(mcp))
    first = ask(server, engine, mcp, "{}", "write")
    gate = Gate()
    engine.next(hold(gate), say("lost"))
    made = go_on(server, mcp, first, [answer(first["output"][1])], background=True)
    for event in follow(server, made["id"]):  # what is told is in the log
        if event.type == "response.output_item.done" and event.data["item"]["type"] == "mcp_call":
            break
    server.kill()
    gate.open.set()
    engine.always(lambda request: [say("ok")])
    server.start()
    over = waited(server, made)
    assert types(over) == ["mcp_call", "message"] and mcp.written == 1, over


def test_killed_when_it_has_asked(servers, engine, mcp):
    """In the background: what has asked for something is at its end, also after a kill; the model is not asked again."""
    server = servers(engine, args=allow(mcp))
    engine.next(call("calc__write", "{}"))
    made = server.create("x", tools=[tool(mcp, approval="always")], background=True)
    for event in follow(server, made["id"]):  # what is told is in the log
        if event.type == "response.output_item.done" and event.data["item"]["type"] == "mcp_approval_request":
            break
    server.kill()
    engine.always(lambda request: [say("Never mind.")])
    server.start()
    over = waited(server, made)
    assert types(over) == ["mcp_list_tools", "mcp_approval_request"] and over["status"] == "completed" and len(engine.requests) == 1, over
    assert [a["id"] for a in waiting(server)] == [over["output"][1]["id"]]


# --- the page and the command ---

@pytest.mark.sdk
def test_the_page(server, engine, mcp):
    """The second program of docs/mcp.md as printed, while somebody else approves."""
    page = (pathlib.Path(__file__).parent.parent / "docs" / "mcp.md").read_text()
    first, second = (p.split("```")[0] for p in page.split("```python\n")[1:3])
    program = first.split("\n\n")[0] + "\n" + first.split("\n\n")[1].split("\n\nresponse")[0] + "\n" + second
    for was, now in (("http://127.0.0.1:8080/v1", server.base_url), ("https://mcp.example.com/mcp", mcp.url("auth")), ("TOKEN", "good"),
                     ("gpt-4o", "scripted"), ("print(", "said.append("), ("time.sleep(1)", "time.sleep(0.05)")):
        assert was in program
        program = program.replace(was, now)
    engine.next(call("calc__add", ADD))
    engine.next(say("It is 5."))
    said = []
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: decide(server, eventually(lambda: waiting(server), what="the request")[0]))
        exec(program, {"said": said})
        asked.result()
    assert said == ["It is 5."]



def test_the_command(servers, engine, mcp, tmp_path):
    data = tmp_path / "data"
    server = servers(engine, args=allow(mcp), data=data)
    ask_in = {}
    for project in ("default", "team"):
        server.key = make_key(server, project, project)[0]
        ask_in[project] = ask(server, engine, mcp, '{"to":"a\\u001b[31m"}', "write")["output"][1]
    run = lambda *args: command("approvals", *args, "--data", str(data), home=tmp_path)
    listed = run()
    assert listed.returncode == 0, listed
    assert all(r["id"] in listed.stdout for r in ask_in.values()) and "team" in listed.stdout and "calc" in listed.stdout
    assert '{"to":"a' in listed.stdout and "\x1b" not in listed.stdout
    assert ask_in["default"]["id"] not in run("list", "--project", "team").stdout
    assert run("approve", ask_in["team"]["id"]).returncode == 0
    assert run("refuse", ask_in["default"]["id"], "too dangerous").returncode == 0
    assert [a["status"] for a in waiting(server)] == ["approved"]
    again = run("approve", ask_in["default"]["id"])
    assert again.returncode == 1 and "counts once" in again.stderr
    assert "not found" in run("approve", "mcpr_" + 40 * "a").stderr
    assert run("approve").returncode == 1 and run("nonsense").returncode == 1
