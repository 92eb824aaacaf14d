"""Reasoning that the client keeps (include: reasoning.encrypted_content): it comes back as it left, or not at all."""
import os
import stat

import pytest

from engine_script import call, say, think
from harness import command, make_key, rows_of

INCLUDE = {"include": ["reasoning.encrypted_content"]}
TOOLS = {"tools": [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}]}
PLAN = "first the map, \"then\" the café"
GONE = {"code": "invalid_encrypted_content", "type": "invalid_request_error"}


def reasoning_of(response):
    (item,) = [item for item in response["output"] if item["type"] == "reasoning"]
    return item


def sealed_only(item):
    """As a client keeps it that was given the encrypted form alone."""
    return {"type": "reasoning", "id": item["id"], "summary": [], "encrypted_content": item["encrypted_content"]}


def ask(server, engine, key=None, **more):
    """A first step: the model thinks, then calls a tool."""
    engine.next(think(PLAN[:10], PLAN[10:]), call("look", "{}"))
    return server.create("where", key=key, **{**INCLUDE, **TOOLS, "store": False, **more})


def next_input(first, reasoning):
    """What a client that keeps no state here sends next."""
    (called,) = [item for item in first["output"] if item["type"] == "function_call"]
    return [{"role": "user", "content": "where"}, reasoning, called,
            {"type": "function_call_output", "call_id": called["call_id"], "output": "north"}]


def told(engine):
    """The reasoning that the engine was last given."""
    return [m["reasoning_content"] for m in engine.last.body["messages"] if m.get("reasoning_content")]


def refused(server, engine, item, first, key=None):
    calls = len(engine.requests)
    answer = server.post("/v1/responses", {"model": "scripted", "input": next_input(first, item), **TOOLS}, key=key)
    assert answer.status == 400, answer
    assert {k: answer.error[k] for k in GONE} == GONE and answer.error["param"] == "input[1].encrypted_content"
    assert "could not be verified" in answer.error["message"]
    assert len(engine.requests) == calls
    return answer.error["message"]


def test_round_trip_without_store(server, engine):
    first = ask(server, engine)
    item = reasoning_of(first)
    assert item["content"] == [{"type": "reasoning_text", "text": PLAN}]
    assert PLAN[:9] not in item["encrypted_content"]
    assert list(item) == ["id", "type", "content", "encrypted_content", "summary"]
    second = server.create(next_input(first, sealed_only(item)), store=False, **TOOLS, **INCLUDE)
    assert second["status"] == "completed"
    assert told(engine) == [PLAN]
    # In clear as well: what was sealed is what counts, once.
    changed = {**item, "content": [{"type": "reasoning_text", "text": "another"}]}
    for again in (item, changed):
        server.create(next_input(first, again), store=False, **TOOLS)
        assert told(engine) == [PLAN]
    # Nothing encrypted is as good as none; the text in clear still counts.
    for none in (None, ""):
        server.create(next_input(first, {**item, "encrypted_content": none}), store=False, **TOOLS)
        assert told(engine) == [PLAN]


def test_only_when_asked_for(server, engine):
    for stream in (False, True):
        engine.next(think(PLAN), say("there"))
        if stream:
            events = list(server.stream("where", include=["message.output_text.logprobs"]))
            assert not any("encrypted_content" in e.text for e in events)
        else:
            assert "encrypted_content" not in reasoning_of(server.create("where"))


def test_in_a_stream(server, engine):
    engine.next(think(PLAN[:10], PLAN[10:]), call("look", "{}"))
    events = list(server.stream("where", **INCLUDE, **TOOLS))
    items = {kind: next(e.data["item"] for e in events if e.type == kind and e.data["item"]["type"] == "reasoning")
             for kind in ("response.output_item.added", "response.output_item.done")}
    first = next(e.data["response"] for e in events if e.type == "response.completed")
    added, done = items["response.output_item.added"], items["response.output_item.done"]
    assert done == reasoning_of(first)
    assert reasoning_of(server.get("/v1/responses/" + first["id"]).json) == done
    # As live: the first event carries some already, of what has been thought until then.
    assert added["encrypted_content"] and added["encrypted_content"] != done["encrypted_content"]
    server.create(next_input(first, sealed_only(done)), **TOOLS)
    assert told(engine) == [PLAN]
    server.create(next_input(first, sealed_only(added)), **TOOLS)
    assert told(engine) == []
    server.create(next_input(first, {**done, "encrypted_content": added["encrypted_content"]}), **TOOLS)
    assert told(engine) == [PLAN]


def test_changed(server, engine):
    first = ask(server, engine)
    item = sealed_only(reasoning_of(first))
    text = item["encrypted_content"]
    for i in (0, 1, 5, 6, 7, 20, 38, 60, len(text) - 30, len(text) - 2, len(text) - 1):
        other = "B" if text[i] == "A" else "A"
        refused(server, engine, {**item, "encrypted_content": text[:i] + other + text[i + 1:]}, first)
    for odd in (text[:-1], text[:40], text + "A", text + "=", " " + text, "\u00e9" + text[1:], "A", "caf\u00e9"):
        refused(server, engine, {**item, "encrypted_content": odd}, first)
    # Of another server, and of the one whose API this is.
    message = refused(server, engine, {**item, "encrypted_content": "gAAAAABo5kfxLc0mW1za" + "A" * 100 + "DQ=="}, first)
    assert message.startswith("The encrypted content gAAA...DQ== could not be verified. Reason: "), message
    # A stream says so before it begins.
    stream = server.stream(next_input(first, {**item, "encrypted_content": text[:-1]}), **TOOLS)
    assert stream.status == 400
    stream.leave()
    server.create(next_input(first, item), store=False, **TOOLS)
    assert told(engine) == [PLAN]


def test_of_another_project(server, engine):
    mine, _ = make_key(server, "mine", "one")
    same, _ = make_key(server, "same", "one")
    other, _ = make_key(server, "other", "two")
    first = ask(server, engine, key=mine)
    item = sealed_only(reasoning_of(first))
    assert "another project" in refused(server, engine, item, first, key=other)
    for key in (mine, same):
        server.create(next_input(first, item), key=key, store=False, **TOOLS)
        assert told(engine) == [PLAN]


def test_stored_items_that_hold_it_alone(server, engine):
    """A chain and a reference give the reasoning to the engine too; the items are listed as they came."""
    first = ask(server, engine)
    item = sealed_only(reasoning_of(first))
    items = next_input(first, item)
    engine.next(call("look", "{}"))
    second = server.create(items, **TOOLS)
    listed = server.get(f"/v1/responses/{second['id']}/input_items?order=asc").json["data"]
    kept = next(i for i in listed if i["type"] == "reasoning")
    assert kept["encrypted_content"] == item["encrypted_content"] and not kept.get("content")
    (called,) = [i for i in second["output"] if i["type"] == "function_call"]
    output = {"type": "function_call_output", "call_id": called["call_id"], "output": "far north"}
    server.create([output], previous_response_id=second["id"], **TOOLS)
    assert told(engine) == [PLAN]
    server.create([items[0], {"type": "item_reference", "id": kept["id"]}, *items[2:]], store=False, **TOOLS)
    assert told(engine) == [PLAN]


def test_a_chain_says_what_the_first_request_said(server, engine):
    """Also where a client changed the text in clear: the same history is the same prompt."""
    first = ask(server, engine)
    items = next_input(first, {**reasoning_of(first), "content": [{"type": "reasoning_text", "text": "another"}]})
    engine.next(call("look", "{}"))
    second = server.create(items, **TOOLS)
    (called,) = [i for i in second["output"] if i["type"] == "function_call"]
    said = engine.last.body["messages"]
    server.create([{"type": "function_call_output", "call_id": called["call_id"], "output": "x"}],
                  previous_response_id=second["id"], **TOOLS)
    assert engine.last.body["messages"][:len(said)] == said


def test_keys_that_were_lost(servers, engine, tmp_path):
    """Without the master secret a store starts with new keys: chains go on, what clients hold is refused."""
    data = str(tmp_path / "data")
    server = servers(engine, data=data)
    first = ask(server, engine)
    item = sealed_only(reasoning_of(first))
    items = next_input(first, item)
    engine.next(call("look", "{}"))
    second = server.create(items, **TOOLS)
    (called,) = [i for i in second["output"] if i["type"] == "function_call"]
    kept = next(i for i in server.get(f"/v1/responses/{second['id']}/input_items").json["data"]
                if i["type"] == "reasoning")
    server.stop()
    os.remove(data + "/master.key")
    rows_of(data, "DELETE FROM seal_key")
    server = servers(engine, data=data)
    refused(server, engine, item, first)
    output = {"type": "function_call_output", "call_id": called["call_id"], "output": "far north"}
    server.create([output], previous_response_id=second["id"], **TOOLS)
    assert told(engine) == []
    server.create([items[0], {"type": "item_reference", "id": kept["id"]}, *items[2:]], store=False, **TOOLS)
    assert told(engine) == []


def test_all_turns(server, engine):
    """Earlier turns' reasoning goes to the engine when the request says so, from store and from encrypted items."""
    engine.next(think(PLAN), say("there"))
    first = server.create("where", **INCLUDE)
    message = next(i for i in first["output"] if i["type"] == "message")
    answer = server.post("/v1/responses", {"model": "scripted", "input": "sure?", "previous_response_id": first["id"],
                                           "reasoning": {"context": "all_turns"}})
    assert answer.status == 200 and told(engine) == [PLAN]
    assert answer.json["reasoning"]["context"] == "all_turns" and "antiphon-not-applied" not in answer.headers
    by_hand = [{"role": "user", "content": "where"}, sealed_only(reasoning_of(first)), message,
               {"role": "user", "content": "sure?"}]
    server.create(by_hand, store=False, reasoning={"context": "all_turns"})
    assert told(engine) == [PLAN]
    for context in ("auto", "current_turn"):
        server.create(by_hand, store=False, reasoning={"context": context})
        assert told(engine) == []


def test_keys_outlive_the_process(servers, engine, tmp_path):
    data = str(tmp_path / "data")
    server = servers(engine, data=data)
    assert stat.S_IMODE(os.stat(data + "/master.key").st_mode) == 0o600
    first = ask(server, engine)
    server.stop()
    server = servers(engine, data=data)
    server.create(next_input(first, sealed_only(reasoning_of(first))), store=False, **TOOLS)
    assert told(engine) == [PLAN]


@pytest.mark.parametrize("way", ["environment", "file"])
def test_a_master_secret_of_the_operators(servers, engine, tmp_path, way):
    data, file = str(tmp_path / "data"), str(tmp_path / "secret")
    right, wrong = "right " * 8, "wrong " * 8

    def options(secret):
        if way == "environment":
            return {"env": {"ANTIPHON_MASTER_SECRET": secret}}
        with open(file, "w") as f:
            f.write(secret)
        return {"args": ["--set", "store.master_secret_file=" + file]}

    def fails(*args, env=None):
        done = command("serve", "--listen", "127.0.0.1:0", "--data", data, "--engine", engine.url[:-len("/v1")], *args,
                       home=str(tmp_path), env=env)
        assert done.returncode == 1 and "master secret" in done.stderr, done
        return done.stderr

    # Other commands do not need it.
    assert command("keys", "list", "--data", data, home=str(tmp_path)).returncode == 0
    server = servers(engine, data=data, **options(right))
    assert not os.path.exists(data + "/master.key")
    first = ask(server, engine)
    server.stop()
    more = options(wrong)
    said = fails(*more.get("args", ()), env=more.get("env"))
    assert (file if way == "file" else "ANTIPHON_MASTER_SECRET") in said
    assert "missing" in fails()
    assert not os.path.exists(data + "/master.key")
    assert "missing" in fails("--set", "store.master_secret_file=" + file + ".none")
    server = servers(engine, data=data, **options(right))
    server.create(next_input(first, sealed_only(reasoning_of(first))), store=False, **TOOLS)
    assert told(engine) == [PLAN]
