"""/v1/conversations and turns on a conversation: routes, texts, races, deletions, kill -9."""
import http.client
import json
import os
import random
import threading
import time

import pytest

from engine_script import ScriptedEngine, call, cut, finish, hang, pause, say
from harness import Server, eventually, make_key, text_of

LOCKED = "Another process is currently operating on this conversation. Please retry in a few seconds."


def message(text, role="user", **more):
    return {"type": "message", "role": role, "content": text, **more}


def make(server, items=None, **more):
    body = {**({"items": items} if items is not None else {}), **more}
    answer = server.post("/v1/conversations", body)
    assert answer.status == 200, answer
    return answer.json


def items_of(server, id, order="asc", limit=100, **more):
    """All items, page by page."""
    found, after = [], ""
    while True:
        answer = server.get(f"/v1/conversations/{id}/items?order={order}&limit={limit}{after}", **more)
        assert answer.status == 200, answer
        page = answer.json
        assert page["object"] == "list" and set(page) == {"object", "data", "first_id", "last_id", "has_more"}
        if page["data"]:
            assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
        found += page["data"]
        if not page["has_more"]:
            return found
        after = "&after=" + page["last_id"]


def texts(items):
    return [item["content"][0]["text"] for item in items if item["type"] == "message"]


# --- the resource ---

def test_create_get_update_delete(server):
    made = make(server, metadata={"topic": "demo"})
    assert set(made) == {"id", "object", "created_at", "metadata"}
    assert made["id"].startswith("conv_") and made["object"] == "conversation" and made["metadata"] == {"topic": "demo"}
    path = "/v1/conversations/" + made["id"]
    assert server.get(path).json == made
    changed = server.post(path, {"metadata": {"a": "b", "c": "d"}})
    assert changed.status == 200 and changed.json == {**made, "metadata": {"a": "b", "c": "d"}}
    assert server.get(path).json == changed.json
    assert server.post(path, {"metadata": None}).json["metadata"] == {}
    deleted = server.delete(path)
    assert deleted.json == {"id": made["id"], "object": "conversation.deleted", "deleted": True}
    for answer in [server.get(path), server.delete(path), server.post(path, {"metadata": {}}), server.get(path + "/items"),
                   server.post(path + "/items", {"items": [message("x")]}), server.get(path + "/items/msg_1"),
                   server.delete(path + "/items/msg_1"),
                   server.post("/v1/responses", {"model": "scripted", "input": "x", "conversation": made["id"]})]:
        assert answer.status == 404, answer
        assert answer.json["error"] == {"message": f"Conversation with id '{made['id']}' not found.",
                                        "type": "invalid_request_error", "param": None, "code": None}


def test_items(server):
    made = make(server, [message("one"), message("two", role="developer")])
    path = f"/v1/conversations/{made['id']}/items"
    added = server.post(path, {"items": [message("three", role="assistant"), message("four")]})
    assert added.status == 200 and added.json["object"] == "list" and added.json["has_more"] is False
    assert texts(added.json["data"]) == ["three", "four"]
    assert added.json["first_id"] == added.json["data"][0]["id"] and added.json["last_id"] == added.json["data"][1]["id"]
    listed = items_of(server, made["id"])
    assert texts(listed) == ["one", "two", "three", "four"]
    assert listed[0] == {"id": listed[0]["id"], "type": "message", "status": "completed", "role": "user",
                         "content": [{"type": "input_text", "text": "one"}]}
    assert listed[2]["content"][0]["type"] == "output_text" and listed[2:] == added.json["data"]
    assert texts(items_of(server, made["id"], order="desc", limit=1)) == ["four", "three", "two", "one"]
    assert texts(server.get(path).json["data"]) == ["four", "three", "two", "one"], "newest first without an order"
    for item in listed:
        assert server.get(f"{path}/{item['id']}").json == item
    assert server.delete(f"{path}/{listed[1]['id']}").json == made
    assert texts(items_of(server, made["id"])) == ["one", "three", "four"]
    gone = server.get(f"{path}/{listed[1]['id']}")
    assert gone.status == 404 and listed[1]["id"] in gone.json["error"]["message"]
    assert server.delete(f"{path}/{listed[1]['id']}").status == 404


def test_pages(server):
    made = make(server)
    path = f"/v1/conversations/{made['id']}/items"
    assert server.get(path).json == {"object": "list", "data": [], "first_id": None, "has_more": False, "last_id": None}
    for i in range(0, 60, 20):
        server.post(path, {"items": [message(str(i + k)) for k in range(20)]})
    want = [str(i) for i in range(60)]
    for limit in (1, 7, 20, 60, 100):
        assert texts(items_of(server, made["id"], limit=limit)) == want
        assert texts(items_of(server, made["id"], order="desc", limit=limit)) == want[::-1]
    assert len(server.get(path).json["data"]) == 20


EVERY_TYPE = [
    message("u"), message("a", role="assistant", phase="commentary"), message("s", role="system"),
    {"type": "reasoning", "id": "rs_mine", "summary": [{"type": "summary_text", "text": "so"}], "encrypted_content": "abc"},
    {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "7"},
    {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "raw"},
    {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"},
    {"type": "web_search_call", "id": "ws_mine", "status": "completed", "action": {"type": "search", "query": "q"}},
    {"type": "file_search_call", "id": "fs_mine", "status": "completed", "queries": ["q"], "results": None},
    {"type": "local_shell_call", "call_id": "c3", "action": {"type": "exec", "command": ["ls"], "env": {}}},
    {"type": "shell_call", "call_id": "c4", "action": {"commands": ["ls"], "max_output_length": None, "timeout_ms": 5}},
    {"type": "apply_patch_call", "call_id": "c5", "status": "completed", "operation": {"type": "delete_file", "path": "x"}},
    {"type": "mcp_approval_request", "id": "mcpr_mine", "name": "t", "arguments": "{}", "server_label": "l"},
    {"type": "code_interpreter_call", "id": "ci_mine", "status": "completed", "container_id": "cntr_1", "code": "1",
     "outputs": [{"type": "logs", "logs": "1"}]},
    {"type": "image_generation_call", "id": "ig_mine", "status": "completed", "result": "aGk="},
    {"type": "compaction", "id": "cmp_mine", "encrypted_content": "abc"},
]


def test_items_of_every_type_are_kept(server):
    made = make(server, EVERY_TYPE)
    listed = items_of(server, made["id"])
    assert len({item["id"] for item in listed}) == len(EVERY_TYPE)
    for sent, kept in zip(EVERY_TYPE, listed):
        same = {k: v for k, v in sent.items() if k != "content"}
        assert {k: kept[k] for k in same} == same
        assert server.get(f"/v1/conversations/{made['id']}/items/{kept['id']}").json == kept


@pytest.mark.parametrize("method,path,body,param,code", [
    ("POST", "", {"items": [message("x")] * 21}, "items", "array_above_max_length"),
    ("POST", "", {"items": "x"}, "items", "invalid_type"),
    ("POST", "", {"items": [{"type": "bogus"}]}, "items[0]", "invalid_value"),
    ("POST", "", {"items": [message("x"), {"type": "message", "role": "user"}]}, "items[1].content", "missing_required_parameter"),
    ("POST", "", {"items": [message("x", id="m"), message("y", id="m")]}, "items", None),
    ("POST", "", {"metadata": {str(i): "" for i in range(17)}}, "metadata", "object_above_max_properties"),
    ("POST", "", {"metadata": {"a": 1}}, "metadata.a", "invalid_type"),
    ("POST", "", {"name": "x"}, "name", "unknown_parameter"),
    ("POST", "", [], None, "invalid_type"),
    ("POST", "/{id}", {}, "metadata", "missing_required_parameter"),
    ("POST", "/{id}/items", {}, "items", "missing_required_parameter"),
    ("POST", "/{id}/items", {"items": []}, "items", "empty_array"),
    ("POST", "/{id}/items", {"items": [message("x")] * 21}, "items", "array_above_max_length"),
    ("POST", "/{id}/items?include[]=bogus", {"items": [message("x")]}, "include", "invalid_value"),
    ("POST", "/{id}/items?limit=1", {"items": [message("x")]}, "limit", "unknown_parameter"),
    ("POST", "/{id}/items", {"items": [message("x")], "include": []}, "include", "unknown_parameter"),
    ("GET", "/{id}/items?limit=0", None, "limit", "integer_below_min_value"),
    ("GET", "/{id}/items?limit=101", None, "limit", "integer_above_max_value"),
    ("GET", "/{id}/items?order=up", None, "order", "invalid_value"),
    ("GET", "/{id}/items?after=msg_1", None, "after", "invalid_value"),
    ("GET", "/{id}/items?include[]=bogus", None, "include", "invalid_value"),
])
def test_refusals(server, method, path, body, param, code):
    made = make(server, [message("x", id="mine")])
    answer = server.request(method, "/v1/conversations" + path.replace("{id}", made["id"]), body)
    assert answer.status == 400, answer
    assert (answer.json["error"]["param"], answer.json["error"]["code"]) == (param, code), answer
    assert texts(items_of(server, made["id"])) == ["x"]


def test_ids_of_clients(server):
    made = make(server, [message("x", "assistant", id="mine")])
    other = make(server, [message("y", "assistant", id="mine")])
    assert server.get(f"/v1/conversations/{made['id']}/items/mine").json["content"][0]["text"] == "x"
    assert server.get(f"/v1/conversations/{other['id']}/items/mine").json["content"][0]["text"] == "y"
    again = server.post(f"/v1/conversations/{made['id']}/items", {"items": [message("z", id="mine")]})
    assert again.status == 400 and "mine" in again.json["error"]["message"]
    # In a turn it is a new item, under an id of ours.
    server.create([message("more", id="mine")], conversation=made["id"])
    listed = items_of(server, made["id"], limit=1)
    assert texts(listed) == ["x", "more", "You said: more."] and len({item["id"] for item in listed}) == 3


def test_items_of_elsewhere_by_reference(server, engine):
    response = server.create("where from")
    answer = response["output"][0]
    made = make(server, [message("first", "assistant"), {"type": "item_reference", "id": answer["id"]}])
    listed = items_of(server, made["id"])
    assert listed[1] == answer
    assert server.delete("/v1/responses/" + response["id"]).status == 200
    assert items_of(server, made["id"]) == listed
    wrong = server.post(f"/v1/conversations/{made['id']}/items", {"items": [{"type": "item_reference", "id": "msg_none"}]})
    assert wrong.status == 404 and "msg_none" in wrong.json["error"]["message"]
    # One that stands there already stands there once.
    server.create([{"type": "item_reference", "id": listed[0]["id"]}, message("again")], conversation=made["id"])
    assert texts(items_of(server, made["id"])) == ["first", "You said: where from.", "again", "You said: again."]
    server.create("on", conversation=made["id"])
    assert [m["content"] for m in engine.last.body["messages"]] [1:] == [
        "first\n\nYou said: where from.", "again", "You said: again.", "on"]
    last = server.create("and on", conversation=made["id"])
    stood = server.get(f"/v1/responses/{last['id']}/input_items?order=asc").json["data"]
    assert stood == items_of(server, made["id"])[:-1], "no item twice"


def test_projects(engine, servers):
    server = servers(engine)
    ours, theirs = make_key(server, "ours", "one")[0], make_key(server, "theirs", "two")[0]
    server.key = ours
    made = make(server, [message("x", id="mine")])
    path = "/v1/conversations/" + made["id"]
    item = items_of(server, made["id"])[0]["id"]
    for method, where, body in [("GET", path, None), ("POST", path, {"metadata": {}}), ("DELETE", path, None),
                                ("GET", path + "/items", None), ("POST", path + "/items", {"items": [message("y")]}),
                                ("GET", f"{path}/items/{item}", None), ("DELETE", f"{path}/items/{item}", None),
                                ("POST", "/v1/responses", {"model": "scripted", "input": "x", "conversation": made["id"]})]:
        answer = server.request(method, where, body, key=theirs)
        assert answer.status == 404, (method, where, answer)
        assert "Conversation with id" in answer.json["error"]["message"]
    assert server.get(path).json == made and len(items_of(server, made["id"])) == 1


# --- turns ---

@pytest.mark.parametrize("stream", [False, True])
def test_a_turn_continues_and_appends(server, engine, stream):
    made = make(server, [message("My name is Ada."), message("Hello Ada.", role="assistant")])

    def turn(text, **more):
        if not stream:
            return server.create(text, **more)
        return list(server.stream(text, **more))[-2].data["response"]

    one = turn("one", conversation=made["id"])
    assert one["conversation"] == {"id": made["id"]} and one["previous_response_id"] is None
    assert [m["content"] for m in engine.last.body["messages"]] == ["My name is Ada.", "Hello Ada.", "one"]
    two = turn("two", conversation={"id": made["id"]})
    assert two["conversation"] == {"id": made["id"]}
    want = ["My name is Ada.", "Hello Ada.", "one", "You said: one.", "two"]
    assert [m["content"] for m in engine.last.body["messages"]] == want
    listed = items_of(server, made["id"])
    assert texts(listed) == want + ["You said: two."]
    assert listed[3] == one["output"][0] and listed[5] == two["output"][0]
    # What a response stood on is all of it; and it can be continued by itself.
    stood = server.get(f"/v1/responses/{two['id']}/input_items?order=asc").json["data"]
    assert stood == listed[:5]
    assert server.get("/v1/responses/" + two["id"]).json["conversation"] == {"id": made["id"]}
    chained = turn("aside", previous_response_id=two["id"])
    assert "conversation" not in chained
    assert [m["content"] for m in engine.last.body["messages"]] == want + ["You said: two.", "aside"]
    assert items_of(server, made["id"]) == listed


def test_without_input_the_conversation_is_the_input(server, engine):
    made = make(server, [message("asked before")])
    response = server.post("/v1/responses", {"model": "scripted", "conversation": made["id"]})
    assert response.status == 200 and text_of(response.json) == "You said: asked before."
    assert texts(items_of(server, made["id"])) == ["asked before", "You said: asked before."]
    empty = server.post("/v1/responses", {"model": "scripted", "conversation": make(server)["id"]})
    assert empty.status == 400 and empty.json["error"]["code"] == "missing_required_parameter", empty


def test_counting_on_a_conversation_waits_for_nobody_and_adds_nothing(server, engine):
    made = make(server, [message("some words to count", "assistant")])
    path = "/v1/responses/input_tokens"
    alone = server.post(path, {"model": "scripted", "input": "x"}).json["input_tokens"]
    engine.next(say("a"), hang())
    stream = server.stream("first", conversation=made["id"])
    stream.until("response.output_text.delta")
    counted = server.post(path, {"model": "scripted", "input": "x", "conversation": made["id"]})
    assert counted.status == 200 and counted.json["input_tokens"] > alone
    stream.leave()
    server.create("second", conversation=made["id"])
    assert texts(items_of(server, made["id"])) == ["some words to count", "second", "You said: second."]


def test_only_one_of_two_pasts(server):
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "conversation": "conv_1",
                                           "previous_response_id": "resp_1"})
    assert answer.status == 400 and answer.json["error"]["code"] == "mutually_exclusive_parameters"
    assert answer.json["error"]["message"] == ("Mutually exclusive parameters: ''. Ensure you are only providing one of: "
                                               "'previous_response_id' or 'conversation'.")


def test_tool_loop(server, engine):
    made = make(server)
    tools = [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}]
    engine.next(call("f", "{}", id="call_1"))
    id = server.create("use it", conversation=made["id"], tools=tools)["output"][0]["call_id"]
    missing = server.post("/v1/responses", {"model": "scripted", "input": "and?", "conversation": made["id"]})
    assert missing.status == 400 and missing.json["error"]["message"] == f"No tool output found for function call {id}."
    server.create([{"type": "function_call_output", "call_id": id, "output": "42"}], conversation=made["id"],
                  tools=tools)
    assert [item["type"] for item in items_of(server, made["id"])] == [
        "message", "function_call", "function_call_output", "message"]


def test_which_turns_append(server, engine):
    made = make(server)
    engine.next(say("cut sho"), finish("length"))
    assert server.create("long", conversation=made["id"])["status"] == "incomplete"
    assert texts(items_of(server, made["id"])) == ["long", "cut sho"]
    engine.next(say("bro"), cut())
    assert list(server.stream("fails", conversation=made["id"]))[-2].type == "response.failed"
    engine.next(say("endless"), hang())
    stream = server.stream("left", conversation=made["id"])
    stream.until("response.output_text.delta")
    stream.leave()
    server.create("not kept", conversation=made["id"], store=False)
    assert texts(items_of(server, made["id"])) == ["long", "cut sho", "not kept", "You said: not kept."]
    last = server.create("on", conversation=made["id"])
    assert [m["content"] for m in engine.last.body["messages"]] == ["long", "cut sho", "not kept", "You said: not kept.", "on"]
    stood = server.get(f"/v1/responses/{last['id']}/input_items?order=asc").json["data"]
    assert texts(stood) == ["long", "cut sho", "not kept", "You said: not kept.", "on"]


def test_deletions_leave_the_others_whole(server):
    made = make(server, [message("zero", "assistant")])
    one = server.create("one", conversation=made["id"])
    two = server.create("two", conversation=made["id"])
    listed = items_of(server, made["id"])
    assert server.delete("/v1/responses/" + one["id"]).status == 200
    assert items_of(server, made["id"]) == listed
    assert server.delete(f"/v1/conversations/{made['id']}/items/{listed[0]['id']}").status == 200
    three = server.create("three", conversation=made["id"])
    assert texts(items_of(server, made["id"])) == ["one", "You said: one.", "two", "You said: two.", "three", "You said: three."]
    assert server.delete("/v1/conversations/" + made["id"]).status == 200
    stood = server.get(f"/v1/responses/{two['id']}/input_items?order=asc").json["data"]
    assert texts(stood) == ["zero", "one", "You said: one.", "two"]
    stood = server.get(f"/v1/responses/{three['id']}/input_items?order=asc").json["data"]
    assert texts(stood) == ["one", "You said: one.", "two", "You said: two.", "three"]
    server.create("on", previous_response_id=three["id"])


def test_deleted_while_a_turn_runs(server, engine):
    made = make(server, [message("zero")])
    go = threading.Event()
    engine.next(say("a"), lambda answer: go.wait(60), say("b"))
    stream = server.stream("one", conversation=made["id"])
    stream.until("response.output_text.delta")
    assert server.delete("/v1/conversations/" + made["id"]).status == 200
    go.set()
    done = list(stream)[-2]
    assert done.type == "response.completed"
    assert texts(server.get(f"/v1/responses/{done.data['response']['id']}/input_items?order=asc").json["data"]) == ["zero", "one"]
    assert server.get("/v1/conversations/" + made["id"]).status == 404


# --- one at a time ---

def test_the_second_waits_for_the_first(server, engine):
    made = make(server)
    go = threading.Event()
    engine.next(say("a"), lambda answer: go.wait(60), say("b"))
    stream = server.stream("first", conversation=made["id"])
    stream.until("response.output_text.delta")
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(server.create("second", conversation=made["id"]))),
               threading.Thread(target=lambda: answers.append(
                   server.post(f"/v1/conversations/{made['id']}/items", {"items": [message("posted")]})))]
    threads[0].start()
    time.sleep(0.2)
    threads[1].start()
    time.sleep(0.2)
    assert not answers and len(engine.requests) == 1
    assert len(items_of(server, made["id"])) == 0, "reading waits for nobody"
    go.set()
    assert list(stream)[-2].type == "response.completed"
    for t in threads:
        t.join(60)
    assert texts(items_of(server, made["id"])) == ["first", "ab", "second", "You said: second.", "posted"]


def test_background_runs_wait_their_turn(server, engine):
    made = make(server)
    go = threading.Event()
    engine.next(say("a"), lambda answer: go.wait(60), say("b"))
    stream = server.stream("first", conversation=made["id"])
    stream.until("response.output_text.delta")
    runs = [server.create(f"run {i}", conversation=made["id"], background=True) for i in range(2)]
    assert all(run["status"] == "queued" and run["conversation"] == {"id": made["id"]} for run in runs)
    go.set()
    list(stream)
    for run in runs:
        done = eventually(lambda: (r := server.get("/v1/responses/" + run["id"]).json)["status"] == "completed" and r)
        assert done["conversation"] == {"id": made["id"]}
    found = texts(items_of(server, made["id"]))
    assert found[:2] == ["first", "ab"]
    assert sorted([found[2:4], found[4:]]) == [["run 0", "You said: run 0."], ["run 1", "You said: run 1."]]
    last = server.create("last", conversation=made["id"])
    assert texts(server.get(f"/v1/responses/{last['id']}/input_items?order=asc").json["data"]) == found + ["last"]


def test_after_a_while_it_is_locked(engine, servers):
    config = {"env": {"ANTIPHON_API_CONVERSATION_WAIT_MS": "300"}}
    server = servers(engine, **config)
    made = make(server, [message("x", "assistant", id="mine")])
    engine.next(say("a"), hang())
    stream = server.stream("first", conversation=made["id"])
    stream.until("response.output_text.delta")
    path = f"/v1/conversations/{made['id']}/items"
    for answer in [server.post("/v1/responses", {"model": "scripted", "input": "x", "conversation": made["id"]}),
                   server.post("/v1/responses", {"model": "scripted", "input": "x", "stream": True, "conversation": made["id"]}),
                   server.post(path, {"items": [message("y")]}), server.delete(path + "/mine")]:
        assert answer.status == 400, answer
        assert answer.json["error"] == {"message": LOCKED, "type": "invalid_request_error", "param": "conversation",
                                        "code": "conversation_locked"}
    stream.leave()  # its lease goes with it
    server.create("second", conversation=made["id"])
    assert texts(items_of(server, made["id"])) == ["x", "second", "You said: second."]


def test_who_leaves_while_waiting_is_forgotten(server, engine):
    made = make(server)
    go = threading.Event()
    engine.next(say("a"), lambda answer: go.wait(60), say("b"))
    stream = server.stream("first", conversation=made["id"])
    stream.until("response.output_text.delta")
    for body, path in [({"model": "scripted", "input": "gone", "conversation": made["id"]}, "/v1/responses"),
                       ({"items": [message("gone")]}, f"/v1/conversations/{made['id']}/items")]:
        connection = http.client.HTTPConnection(server.host, server.port)
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        time.sleep(0.2)
        connection.close()
    time.sleep(0.2)
    go.set()
    list(stream)
    server.create("second", conversation=made["id"])
    assert texts(items_of(server, made["id"])) == ["first", "ab", "second", "You said: second."]


def test_a_post_sent_again_adds_nothing(server):
    """The SDKs send POSTs again by themselves, with a count and no key."""
    def retry(n):
        return {"X-Stainless-Retry-Count": str(n)}

    made = server.post("/v1/conversations", {"metadata": {"a": "b"}}, headers=retry(0)).json
    assert server.post("/v1/conversations", {"metadata": {"a": "b"}}, headers=retry(1)).json == made
    assert server.post("/v1/conversations", {"metadata": {"a": "b"}}, headers=retry(0)).json != made
    path, body = f"/v1/conversations/{made['id']}/items", {"items": [message("once")]}
    first = server.post(path, body, headers=retry(0))
    for n in (1, 2):
        again = server.post(path, body, headers=retry(n))
        assert (again.status, again.json) == (200, first.json)
    other = make(server)
    assert texts(server.post(f"/v1/conversations/{other['id']}/items", body, headers=retry(1)).json["data"]) == ["once"]
    assert texts(items_of(server, made["id"])) == texts(items_of(server, other["id"])) == ["once"]
    refused = server.post(path, {"items": []}, headers=retry(0))
    assert server.post(path, {"items": []}, headers=retry(1)).json == refused.json


def test_a_post_whose_client_leaves_is_not_made_twice(engine, servers):
    server = servers(engine, env={"ANTIPHON_SERVER_LOOPS": "1"})  # the first post is read before the second
    made = make(server)
    path = f"/v1/conversations/{made['id']}/items"
    for i in range(30):
        body = json.dumps({"items": [message(f"item {i}")]})
        connection = http.client.HTTPConnection(server.host, server.port)
        connection.request("POST", path, body, {"Content-Type": "application/json", "X-Stainless-Retry-Count": "0"})
        if i % 3:
            time.sleep(0.002 * (i % 3))
        connection.close()
        answer = server.post(path, body, headers={"X-Stainless-Retry-Count": "1"})
        assert answer.status == 200 and texts(answer.json["data"]) == [f"item {i}"]
    assert sorted(texts(items_of(server, made["id"]))) == sorted(f"item {i}" for i in range(30))


def test_eight_clients_on_one_conversation(server, engine):
    """Turns, posts and deletions race; what comes out is one history that every turn saw whole."""
    made = make(server)
    path = f"/v1/conversations/{made['id']}/items"
    engine.always(lambda request: [pause(random.random() / 100), say(f"heard {len(request.body['messages'])}: ", request.last_text)])
    responses, posted, removed, errors = [], [], [], []

    def client(i):
        r = random.Random(i)
        try:
            for k in range(8):
                what = r.random()
                if what < 0.6:
                    responses.append(server.create(f"turn {i}.{k}", conversation=made["id"], store=r.random() < 0.8))
                elif what < 0.9:
                    answer = server.post(path, {"items": [message(f"post {i}.{k}.{n}", "assistant") for n in range(3)]})
                    assert answer.status == 200, answer
                    posted.append(answer.json["data"])
                elif posted:
                    item = r.choice(r.choice(posted))
                    answer = server.delete(f"{path}/{item['id']}")
                    assert answer.status in (200, 404), answer
                    if answer.status == 200:
                        removed.append(item["id"])
        except Exception as e:
            errors.append(e)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    assert not errors, errors[0]
    listed = items_of(server, made["id"], limit=7)
    at = {item["id"]: i for i, item in enumerate(listed)}
    assert len(at) == len(listed) == 2 * len(responses) + sum(map(len, posted)) - len(removed)
    assert not set(removed) & set(at)
    for post in posted:  # together, in order
        places = [at[item["id"]] for item in post if item["id"] in at]
        kept = [item["id"] for item in post if item["id"] not in removed]
        assert places == list(range(places[0], places[0] + len(kept))) if kept else not places
    order = {}
    for response in responses:
        place = at[response["output"][0]["id"]]
        order[place] = response
        question = texts([listed[place - 1]])[0]
        assert listed[place - 1]["role"] == "user" and text_of(response).endswith(": " + question), "its own question stands before"
    for place, response in order.items():
        # It saw all that stands before it, and what was removed since: never less.
        heard = int(text_of(response).split()[1].rstrip(":"))
        assert heard >= place_without_merge(listed[:place])
        if not response["store"]:
            continue
        stood = []
        after = ""
        while True:
            page = server.get(f"/v1/responses/{response['id']}/input_items?order=asc&limit=100{after}").json
            stood += page["data"]
            if not page["has_more"]:
                break
            after = "&after=" + page["last_id"]
        assert [item["id"] for item in stood if item["id"] in at] == [item["id"] for item in listed[:place]]
        assert {item["id"] for item in stood} - set(at) <= set(removed)


def place_without_merge(items):
    """Messages as the engine gets them: neighbours of one role are one."""
    return sum(1 for i, item in enumerate(items) if i == 0 or items[i - 1]["role"] != item["role"])


# --- kill -9 ---

@pytest.mark.slow
def test_kill_9(tmp_path):
    """A turn and its items in the conversation are both there afterwards, or neither; what was acknowledged is."""
    engine = ScriptedEngine()
    engine.always(lambda request: [say("You said: "), pause(random.random() / 200), say(request.last_text, ".")])
    data, rng = str(tmp_path / "data"), random.Random(4)
    talks, turns, begun, posts = [], {}, set(), []
    try:
        for round in range(int(os.environ.get("KILL_ROUNDS", 20)) // 2):
            server = Server(engine, data=data)
            while len(talks) < 4:
                talks.append(make(server)["id"])
            killing = threading.Event()

            def client(i):
                k = 0
                try:
                    while True:
                        k += 1
                        id = talks[i % len(talks)]
                        if k % 4 == 3:
                            answer = server.post(f"/v1/conversations/{id}/items", {"items": [message("p", "assistant"), message("q", "assistant")]})
                            posts.append((id, [item["id"] for item in answer.json["data"]]))
                            continue
                        for event in server.stream(f"turn {round}.{i}.{k}", conversation=id):
                            if event.type == "response.created":
                                begun.add((id, event.data["response"]["id"]))
                            if event.type == "response.completed":
                                turns[event.data["response"]["id"]] = (id, event.data["response"])
                except Exception:
                    assert killing.is_set() or not server.alive()

            threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
            for t in threads:
                t.start()
            time.sleep(0.2 + rng.random() * 0.5)
            killing.set()
            server.kill()
            for t in threads:
                t.join(60)
            server.erase()
        server = Server(engine, data=data)
        listed = {id: [item["id"] for item in items_of(server, id)] for id in talks}
        assert len(turns) > 20
        for id, response in turns.values():
            place = listed[id].index(response["output"][0]["id"])
            stood = server.get(f"/v1/responses/{response['id']}/input_items?limit=1").json["data"]
            assert stood[0]["id"] == listed[id][place - 1]
            assert server.get("/v1/responses/" + response["id"]).json["output"] == response["output"]
        owners = {}
        for id, response in begun:
            answer = server.get("/v1/responses/" + response)
            if answer.status == 200:
                owners.setdefault(id, set()).add(answer.json["output"][0]["id"])
                assert answer.json["output"][0]["id"] in listed[id], "a turn without its items"
        for id, ids in posts:
            place = listed[id].index(ids[0])
            assert listed[id][place:place + 2] == ids
        for id in talks:
            answers = [item["id"] for item in items_of(server, id) if item["role"] == "assistant"]
            assert len(answers) <= len(owners.get(id, ())) + sum(1 for talk, _ in begun if talk == id)
            assert set(owners.get(id, ())) <= set(answers)
            questions = [item["content"][0]["text"] for item in items_of(server, id) if item["content"][0]["text"] not in "pq"]
            for q, a in zip(questions[::2], questions[1::2]):
                assert a == f"You said: {q}.", "never half a turn"
        server.create("still going", conversation=talks[0])
        server.stop()
        server.erase()
    finally:
        engine.close()
