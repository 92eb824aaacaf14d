"""Background responses: queued, polled, streamed again, cancelled, cut off by kill -9 and gone on with."""
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine_script import Gate, ScriptedEngine, call, cut, hang, hold, pause, say, status, think
from harness import PATIENCE, Server, Stream, eventually, make_key, rows_of, text_of
from test_websocket import Socket

KILLS = int(os.environ.get("BACKGROUND_KILLS", 12))
RUNNING = ("queued", "in_progress")


def limits(**settings):
    return [word for name, value in settings.items() for word in ("--set", f"api.{name}={value}")]


def get(server, id, **more):
    answer = server.get("/v1/responses/" + id, **more)
    assert answer.status == 200, answer
    return answer.json


def ended(server, id, **more):
    return eventually(lambda: (r := get(server, id, **more))["status"] not in RUNNING and r, what=f"the end of {id}")


def cancel(server, id, **more):
    return server.post(f"/v1/responses/{id}/cancel", {}, **more)


def follow(server, id, after=None, query="", **more):
    query = "?stream=true" + (f"&starting_after={after}" if after is not None else "") + query
    return Stream(*server.open("GET", f"/v1/responses/{id}{query}", **more), "GET")


def told(stream):
    """The events as texts; the stream must end properly."""
    assert stream.status == 200, stream.response.read()
    events = list(stream)
    assert events and events[-1].type == "[DONE]"
    return events[:-1]


def texts(events):
    return [e.text for e in events]


def in_order(events, first=0):
    assert [e.data["sequence_number"] for e in events] == list(range(first, first + len(events)))


# --- polling ---

def test_queued_then_completed(server, engine):
    made = server.create("hi", background=True, metadata={"a": "b"})
    assert made["status"] == "queued" and made["background"] is True and made["output"] == []
    assert made["completed_at"] is None and made["usage"] is None and "billing" not in made
    end = ended(server, made["id"])
    assert end["status"] == "completed" and text_of(end) == "You said: hi." and end["completed_at"] and end["usage"]
    assert {k for k in end if made.get(k) != end[k]} == {"status", "billing", "completed_at", "output", "usage",
                                                         "service_tier"}
    items = server.get(f"/v1/responses/{made['id']}/input_items").json["data"]
    assert [part["text"] for item in items for part in item["content"]] == ["hi"]


def test_in_progress_is_seen(server, engine):
    gate = Gate()
    engine.next(say("a"), hold(gate), say("b"))
    made = server.create("hi", background=True)
    gate.reached.wait(PATIENCE)
    seen = eventually(lambda: (r := get(server, made["id"]))["status"] == "in_progress" and r)
    assert seen["output"] == [] and seen["usage"] is None and "billing" not in seen
    gate.open.set()
    assert text_of(ended(server, made["id"])) == "ab"


def test_invalid_is_refused_at_once(server):
    for body in ({"input": []}, {"input": "x", "temperature": 9}, {"input": "x", "previous_response_id": "resp_none"}):
        answer = server.post("/v1/responses", {"model": "scripted", "background": True, **body})
        assert answer.status == 400, answer


def test_chains(server, engine):
    one = server.create("one")
    two = ended(server, server.create("two", background=True, previous_response_id=one["id"])["id"])
    three = server.create("three", previous_response_id=two["id"])
    assert text_of(three) == "You said: three."
    assert [m["content"] for m in engine.last.body["messages"] if m["role"] == "user"] == ["one", "two", "three"]


def test_not_continued_while_it_runs(server, engine):
    gate = Gate()
    engine.next(hold(gate), say("x"))
    made = server.create("hi", background=True)
    answer = server.post("/v1/responses", {"model": "scripted", "input": "y", "previous_response_id": made["id"]})
    assert answer.status == 400 and answer.error["param"] == "previous_response_id", answer
    gate.open.set()
    ended(server, made["id"])
    server.create("y", previous_response_id=made["id"])


def test_on_a_conversation(server, engine):
    """Runs on a conversation wait their turn; asking for one does not."""
    conversation, gate = server.post("/v1/conversations", {}).json["id"], Gate()
    engine.next(hold(gate), say("one"))
    engine.next(say("two"))
    one = server.create("first", background=True, conversation=conversation)
    gate.reached.wait(PATIENCE)
    two = server.create("second", background=True, conversation=conversation)
    three = server.create("third", background=True, conversation=conversation)
    assert cancel(server, three["id"]).json["status"] == "cancelled"  # also while it waits
    assert get(server, two["id"])["status"] == "queued" and len(engine.requests) == 1
    gate.open.set()
    assert text_of(ended(server, one["id"])) == "one" and text_of(ended(server, two["id"])) == "two"
    assert [m["content"] for m in engine.last.body["messages"]] == ["first", "one", "second"]
    items = server.get(f"/v1/conversations/{conversation}/items?order=asc").json["data"]
    assert [part["text"] for item in items for part in item["content"]] == ["first", "one", "second", "two"]


def test_engine_failure(server, engine):
    engine.next(status(400, {"message": "no such thing", "type": "invalid_request_error", "code": 400}))
    failed = ended(server, server.create("hi", background=True)["id"])
    assert failed["status"] == "failed" and failed["error"]["message"], failed
    engine.next(say("some "), cut())
    made = server.create("hi", background=True)
    failed = ended(server, made["id"])
    assert failed["status"] == "failed" and failed["output"][0]["status"] == "incomplete" and text_of(failed) == "some "
    kinds = [e.type for e in told(follow(server, made["id"]))]
    assert kinds[-3:] == ["response.output_item.done", "error", "response.failed"]


def test_parent_deleted_meanwhile(server, engine):
    parent, gate = server.create("one"), Gate()
    engine.next(say("a"), hold(gate), say("b"))
    made = server.create("two", background=True, previous_response_id=parent["id"])
    gate.reached.wait(PATIENCE)
    assert server.delete("/v1/responses/" + parent["id"]).status == 200
    gate.open.set()
    end = ended(server, made["id"])  # what a turn began on lingers, so that it can still be kept
    assert end["status"] == "completed" and text_of(end) == "ab"


def test_deadline(servers, engine):
    server = servers(engine, args=limits(background_seconds=1))
    engine.next(say("a"), hang())
    end = ended(server, server.create("hi", background=True)["id"])
    assert end["status"] == "failed" and "1 seconds" in end["error"]["message"] and text_of(end) == "a"


def test_idempotency(server, engine):
    headers = {"Idempotency-Key": "k1"}
    made = server.create("hi", background=True, headers=headers)
    assert server.create("hi", background=True, headers=headers) == made
    ended(server, made["id"])
    assert server.create("hi", background=True, headers=headers) == made
    headers = {"Idempotency-Key": "k2"}
    first = told(server.stream("hi", background=True, headers=headers))
    again = told(server.stream("hi", background=True, headers=headers))
    assert [e.data["sequence_number"] for e in again] == [e.data["sequence_number"] for e in first]
    assert again[-1].data["response"] == first[-1].data["response"]
    assert len(engine.requests) == 2


# --- streams ---

def test_stream_and_resume(server, engine):
    engine.next(think("Let me", " see."), say("one ", "two ", "three"), call("f", '{"a":', "1}"))
    first = told(server.stream("hi", background=True))
    in_order(first)
    assert [(e.type, e.data["response"]["status"]) for e in first[:3]] == [
        ("response.created", "queued"), ("response.queued", "queued"), ("response.in_progress", "in_progress")]
    assert first[-1].type == "response.completed"
    assert {"response.reasoning_text.delta", "response.function_call_arguments.done"} <= {e.type for e in first}
    id = first[0].data["response"]["id"]
    assert first[-1].data["response"]["output"] == get(server, id)["output"]
    for after in [None, *range(len(first))]:
        rest = told(follow(server, id, after)) if after != len(first) - 1 else []
        assert texts(rest) == texts(first[(after if after is not None else -1) + 1:])
    # Past the last one: a stream with nothing in it.
    assert [e.type for e in follow(server, id, len(first) + 5)] == ["[DONE]"]


def test_obfuscation_is_the_readers_choice(server):
    """Padded where it is asked for; a live background stream has none of its own accord."""
    assert not any("obfuscation" in e.data for e in told(server.stream("hi", background=True)))
    padded = told(server.stream("hi", background=True, stream_options={"include_obfuscation": True}))
    assert any("obfuscation" in e.data for e in padded)
    id = padded[0].data["response"]["id"]
    plain = told(follow(server, id, query="&include_obfuscation=false"))
    assert not any("obfuscation" in e.data for e in plain)
    assert [{k: v for k, v in e.data.items() if k != "obfuscation"} for e in padded] == [e.data for e in plain]
    assert texts(told(follow(server, id, query="&include_obfuscation=true"))) == texts(padded)


def test_created_without_stream(server):
    made = server.create("hi", background=True)
    events = told(follow(server, made["id"]))
    in_order(events)
    assert events[0].data["response"] == made and events[-1].type == "response.completed"


def test_several_readers_on_several_loops(servers, engine):
    server, gate = servers(engine, args=["--set", "server.loops=3"]), Gate()
    engine.next(say("a", "b", "c"), hold(gate), *[step for i in range(40) for step in (say(f"{i} "), pause(0.005))])
    stream = server.stream("hi", background=True)
    first = stream.until("response.output_text.delta")
    id = first[0].data["response"]["id"]
    with ThreadPoolExecutor(12) as pool:
        readers = [pool.submit(lambda n=n: told(follow(server, id, n if n >= 0 else None))) for n in range(-1, 9)]
        gate.open.set()
        all = first + told(stream)
        in_order(all)
        for n, reader in enumerate(readers, -1):
            assert texts(reader.result()) == texts(all[n + 1:])


def test_a_reader_that_leaves_changes_nothing(server, engine):
    gate = Gate()
    engine.next(say("a"), hold(gate), say("b"))
    stream = server.stream("hi", background=True)
    first = stream.until("response.output_text.delta")
    stream.leave()
    id = first[0].data["response"]["id"]
    other = follow(server, id)
    other.until("response.output_text.delta")
    other.leave()
    gate.open.set()
    assert text_of(ended(server, id)) == "ab"
    all = told(follow(server, id))
    assert texts(all[:len(first)]) == texts(first)


def test_leaving_at_created_leaves_nothing_queued(server, engine):
    ids = []
    for _ in range(10):
        stream = server.stream("hi", background=True)
        ids.append(stream.until("response.created")[0].data["response"]["id"])
        stream.leave()
    for id in ids:
        assert ended(server, id)["status"] == "completed"


def test_slow_readers_do_not_pause_it(servers, engine):
    server = servers(engine)
    engine.next(say(*["x" * 1000] * 3000))
    made = server.create("hi", background=True)
    stream = follow(server, made["id"])  # nobody reads it: more than the buffers hold waits
    end = ended(server, made["id"])
    assert end["status"] == "completed" and len(text_of(end)) == 3000000
    events = told(stream)
    in_order(events)
    assert sum(len(e.data["delta"]) for e in events if e.type == "response.output_text.delta") == 3000000


# --- cancel, delete ---

def test_cancel(server, engine):
    engine.next(say("so far"), hang())
    stream = server.stream("hi", background=True)
    first = stream.until("response.output_text.delta")
    id = first[0].data["response"]["id"]
    answer = cancel(server, id)
    assert answer.status == 200 and answer.json["status"] == "cancelled", answer
    assert answer.json["error"] is None and answer.json["completed_at"] is None
    assert text_of(answer.json) == "so far" and answer.json["output"][0]["status"] == "incomplete"
    assert cancel(server, id).json == answer.json == get(server, id)
    rest = told(stream)
    assert rest[-1].type == "response.failed" and rest[-1].data["response"]["status"] == "cancelled"
    assert "error" not in [e.type for e in rest]
    assert texts(told(follow(server, id))) == texts(first + rest)
    eventually(lambda: engine.last.left.is_set(), what="the engine's call being left")


def test_cancel_in_the_queue(servers, engine):
    server, gate = servers(engine, args=limits(background_running=1)), Gate()
    engine.next(hold(gate), say("one"))
    one = server.create("one", background=True)
    gate.reached.wait(PATIENCE)
    two, three = server.create("two", background=True), server.create("three", background=True)
    assert get(server, two["id"])["status"] == "queued"
    answer = cancel(server, two["id"])
    assert answer.status == 200 and answer.json["status"] == "cancelled" and answer.json["output"] == []
    assert [e.type for e in told(follow(server, two["id"]))] == ["response.created", "response.queued", "response.failed"]
    gate.open.set()
    assert text_of(ended(server, one["id"])) == "one" and text_of(ended(server, three["id"])) == "You said: three."
    assert get(server, two["id"])["status"] == "cancelled" and len(engine.requests) == 2


def test_matrix(server, engine):
    """What may be cancelled, deleted and read again, state by state."""
    done = ended(server, server.create("hi", background=True)["id"])
    engine.next(status(400, {"message": "no", "type": "invalid_request_error", "code": 400}))
    failed = ended(server, server.create("hi", background=True)["id"])
    foreground = server.create("hi")
    for id, text in ((done["id"], "Cannot cancel a completed response."), (failed["id"], "Cannot cancel a failed response."),
                     (foreground["id"], "Cannot cancel a synchronous response.")):
        answer = cancel(server, id)
        assert answer.status == 400 and answer.error["message"] == text, answer
    assert cancel(server, "resp_none").status == 404 and cancel(server, done["id"][:-1] + "z").status == 404
    engine.next(say("a"), hang())
    stream = server.stream("hi")  # a foreground one in flight is nowhere yet
    id = stream.until("response.created")[0].data["response"]["id"]
    assert server.get("/v1/responses/" + id).status == 404 and cancel(server, id).status == 404
    stream.leave()
    # Deleting: not while it runs, then whole.
    engine.next(say("a"), hang())
    made = server.create("hi", background=True)
    answer = server.delete("/v1/responses/" + made["id"])
    assert answer.status == 400, answer
    assert cancel(server, made["id"]).status == 200
    assert server.delete("/v1/responses/" + made["id"]).json == {"id": made["id"], "object": "response.deleted", "deleted": True}
    for answer in (server.get("/v1/responses/" + made["id"]), server.delete("/v1/responses/" + made["id"]),
                   cancel(server, made["id"]), server.get(f"/v1/responses/{made['id']}?stream=true")):
        assert answer.status == 404, answer


def test_resume_background_only(servers, engine):
    server = servers(engine, args=["--set", "api.resume=background"])
    answer = server.get(f"/v1/responses/{server.create('hi')['id']}?stream=true")
    assert answer.status == 400 and answer.error["param"] == "stream"
    assert told(follow(server, server.create("hi", background=True)["id"]))[-1].type == "response.completed"


def test_cancel_races(servers, engine):
    """A 200 says cancelled and stays so; a 400 says that it had ended otherwise."""
    server = servers(engine, args=["--set", "server.loops=2"] + limits(background_running=4))
    engine.always(lambda request: [say("a"), pause(random.random() / 50), say("b")])

    def race(i):
        id = server.create(f"{i}", background=True)["id"]
        threading.Event().wait(random.random() / 20)
        answer = cancel(server, id)
        now = get(server, id)
        if answer.status == 200:
            assert answer.json["status"] == "cancelled" and now == answer.json
        else:
            assert answer.status == 400 and now["status"] == "completed", (answer, now)
        kinds = [e.type for e in told(follow(server, id))]
        assert kinds.count("response.completed") + kinds.count("response.failed") == 1
        assert kinds[-1] == ("response.failed" if answer.status == 200 else "response.completed")
        return answer.status

    random.seed(4)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(race, range(80)))
    assert {200, 400} == set(outcomes), outcomes


# --- store: false, projects, bounds ---

def test_without_store(server, engine):
    made = server.create("hi", background=True, store=False)
    end = ended(server, made["id"])
    assert end["status"] == "completed" and end["store"] is False and text_of(end) == "You said: hi."
    assert told(follow(server, made["id"]))[-1].data["response"]["output"] == end["output"]
    answer = server.post("/v1/responses", {"model": "scripted", "input": "y", "previous_response_id": made["id"]})
    assert answer.status == 400 and answer.error["code"] == "previous_response_not_found"
    assert cancel(server, made["id"]).error["message"] == "Cannot cancel a completed response."
    assert server.delete("/v1/responses/" + made["id"]).status == 200
    assert server.get("/v1/responses/" + made["id"]).status == 404


def test_other_projects_see_nothing(server):
    mine, _ = make_key(server, "mine", "a")
    theirs, _ = make_key(server, "theirs", "b")
    id = server.create("hi", background=True, key=mine)["id"]
    ended(server, id, key=mine)
    for answer in (server.get("/v1/responses/" + id, key=theirs), cancel(server, id, key=theirs),
                   server.get(f"/v1/responses/{id}?stream=true", key=theirs), server.delete("/v1/responses/" + id, key=theirs)):
        assert answer.status == 404, answer
    assert told(follow(server, id, key=mine))[-1].type == "response.completed"


def test_the_queue_is_bounded(servers, engine):
    server, gate = servers(engine, args=limits(background_running=1, background_queue=3)), Gate()
    engine.always(lambda request: [hold(gate), say("x")])
    ids = [server.create("0", background=True)["id"]]
    gate.reached.wait(PATIENCE)
    eventually(lambda: get(server, ids[0])["status"] == "in_progress")
    ids += [server.create(str(i), background=True)["id"] for i in range(1, 4)]
    for more in ({}, {"stream": True}):
        answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "background": True, **more})
        assert answer.status == 429 and answer.error["type"] == "rate_limit_error", answer
        assert answer.headers["retry-after"] == "1" and answer.headers["retry-after-ms"] == "1000"
    assert len(engine.requests) == 1
    gate.open.set()
    for id in ids:
        assert ended(server, id)["status"] == "completed"
    assert [r.last_text for r in engine.requests] == ["0", "1", "2", "3"]


def test_a_project_leaves_room_for_others(servers, engine):
    server, gate = servers(engine, args=limits(background_project=2, background_queue_project=3)), Gate()
    engine.always(lambda request: [hold(gate), say("x")])
    mine, _ = make_key(server, "mine", "a")
    theirs, _ = make_key(server, "theirs", "b")
    ids = [server.create("a", background=True, key=mine)["id"] for _ in range(2)]
    engine.wait_for(2)
    eventually(lambda: all(get(server, id, key=mine)["status"] == "in_progress" for id in ids))
    ids += [server.create("a", background=True, key=mine)["id"] for _ in range(3)]
    assert server.post("/v1/responses", {"model": "scripted", "input": "x", "background": True}, key=mine).status == 429
    other = server.create("b", background=True, key=theirs)["id"]
    assert engine.wait_for(3).last_text == "b"
    gate.open.set()
    ended(server, other, key=theirs)
    for id in ids:
        assert ended(server, id, key=mine)["status"] == "completed"


def test_projects_take_turns(servers, engine):
    """Two busy projects do not make a third wait for the end of their queues, whatever their order."""
    server, gate = servers(engine, args=limits(background_running=1)), Gate()
    keys = [make_key(server, name, name)[0] for name in "abcd"]
    engine.always(lambda request: [hold(gate), say("x")])
    first = server.create("first", background=True, key=keys[3])["id"]
    engine.wait_for(1)
    ids = [(server.create(name, background=True, key=key)["id"], key) for name, key in zip("aaaabbbb", [keys[0]] * 4 + [keys[1]] * 4)]
    ids.append((server.create("c", background=True, key=keys[2])["id"], keys[2]))
    gate.open.set()
    for id, key in [(first, keys[3]), *ids]:
        assert ended(server, id, key=key)["status"] == "completed"
    assert "".join(r.last_text for r in engine.requests[1:]) == "abcababab"


def test_refused_before_its_context_is_there(servers, engine):
    """Its conversation is gone when a worker takes it: that is its end, and the server's it is not."""
    server, gate = servers(engine, args=limits(background_running=1)), Gate()
    conversation = server.post("/v1/conversations", {}).json["id"]
    engine.next(hold(gate), say("x"))
    first = server.create("first", background=True)["id"]
    engine.wait_for(1)
    second = server.create("second", background=True, conversation=conversation)["id"]
    assert server.request("DELETE", f"/v1/conversations/{conversation}").status == 200
    gate.open.set()
    assert ended(server, first)["status"] == "completed"
    assert ended(server, second)["status"] == "failed"
    assert server.create("hi")["status"] == "completed"


def test_completion_windows(servers, engine):
    """What may wait does; what belongs with what has begun does not wait as long."""
    server, gate = servers(engine, args=limits(background_running=1)), Gate()
    engine.always(lambda request: [hold(gate), say("x")])
    first = server.create("first", background=True, background_options={"completion_window": None, "continuation_id": "c"})
    engine.wait_for(1)
    made = [server.create(name, background=True, background_options=options) for name, options in (
        ("8h", {"completion_window": "8h"}), ("2h", {"completion_window": "2h"}), ("soonest", {"completion_window": "soonest"}),
        ("related 8h", {"completion_window": "8h", "continuation_id": "c"}), ("none", None), ("related", {"continuation_id": "c"}))]
    assert all("background_options" not in m and m["status"] == "queued" for m in made)
    gate.open.set()
    for m in [first, *made]:
        assert ended(server, m["id"])["status"] == "completed"
    assert [r.last_text for r in engine.requests] == ["first", "related", "soonest", "none", "2h", "related 8h", "8h"]


def test_a_window_that_is_over_goes_first(servers, engine):
    server, gate = servers(engine, args=limits(background_running=1)), Gate()
    engine.always(lambda request: [hold(gate), say("x")])
    server.create("first", background=True)
    engine.wait_for(1)
    made = [server.create(name, background=True, **more) for name, more in (
        ("soonest", {}), ("early", {"service_tier": "priority"}), ("2h", {"background_options": {"completion_window": "2h"}}),
        ("8h", {"background_options": {"completion_window": "8h"}}))]
    server.kill()
    for hours, seconds in ((8, 28900), (2, 7400)):  # as if that time had gone by
        rows_of(server.data, "UPDATE run SET created_at = created_at - ?, due_at = due_at - ? WHERE due_at = created_at + 3600 * ?",
                (seconds, seconds, hours))
    gate.open.set()
    server.start()
    for m in made:
        assert ended(server, m["id"])["status"] == "completed"
    last = [r.last_text for r in engine.requests]
    assert [t for t in last if t != "first"] == ["2h", "8h", "early", "soonest"]


def test_windows_are_for_what_can_wait(server):
    for more in ({}, {"background": False}, {"background": True, "stream": True}, {"background": True, "service_tier": "priority"}):
        for window in ("2h", "8h"):
            answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "background_options": {"completion_window": window}, **more})
            assert (answer.status, answer.error["param"]) == (400, "background_options.completion_window"), answer
    for options in ({}, None, {"completion_window": "soonest"}, {"continuation_id": "x"}):
        assert server.create("x", background_options=options)["status"] == "completed"
    with Socket(server) as ws:
        assert ws.run("x", background_options={"completion_window": "soonest", "continuation_id": "x"})["status"] == "completed"
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "background_options": {"continuation_id": "x" * 257}})
    assert (answer.status, answer.error["param"]) == (400, "background_options.continuation_id")


# --- after a stop ---

def restart(server):
    server.kill()
    server.start()


@pytest.mark.parametrize("rule", ["auto", "retry", "fail"])
def test_kill_before_output(servers, engine, rule):
    server, gate = servers(engine, args=limits(on_restart=rule)), Gate()
    engine.next(hold(gate))
    stream = server.stream("hi", background=True)
    first = stream.until("response.in_progress")
    id = first[0].data["response"]["id"]
    engine.wait_for(1)
    restart(server)
    gate.open.set()
    all = told(follow(server, id))
    in_order(all)
    assert texts(all[:3]) == texts(first) and [e.type for e in all].count("response.in_progress") == 1
    end = ended(server, id)
    if rule == "fail":
        assert end["status"] == "failed" and "stopped" in end["error"]["message"]
    else:
        assert end["status"] == "completed" and text_of(end) == "You said: hi."


@pytest.mark.parametrize("rule", ["auto", "retry", "fail"])
def test_kill_within_an_item(servers, engine, rule):
    server = servers(engine, args=limits(on_restart=rule))
    engine.next(think("hm"), say("one ", "two"), hang())
    stream, first = server.stream("hi", background=True, stream_options={"include_obfuscation": True}), []
    for event in stream:
        first.append(event)
        if event.data.get("delta") == "two":
            break
    id = first[0].data["response"]["id"]
    restart(server)
    all = told(follow(server, id, query="&include_obfuscation=true"))
    in_order(all)
    assert texts(all[:len(first)]) == texts(first)
    kinds = [e.type for e in all[len(first):]]
    assert kinds[:3] == ["response.output_text.done", "response.content_part.done", "response.output_item.done"]
    assert all[len(first) + 2].data["item"]["status"] == "incomplete"
    end = ended(server, id)
    assert end["output"][1]["content"][0]["text"] == "one two" and end["output"][1]["status"] == "incomplete"
    if rule == "retry":
        assert end["status"] == "completed" and end["output"][2]["content"][0]["text"] == "You said: hi."
        assert all[-1].type == "response.completed"
    else:
        assert end["status"] == "failed" and kinds[3:] == ["error", "response.failed"]
    assert all[-1].data["response"]["output"] == end["output"]
    # Nothing of it is left to the next start.
    restart(server)
    assert texts(told(follow(server, id, query="&include_obfuscation=true"))) == texts(all) and get(server, id) == end


def test_an_open_call_stays_incomplete(servers, engine):
    server = servers(engine, args=limits(on_restart="retry"))
    engine.next(call("f", '{"a":', "1"), hang())
    stream = server.stream("hi", background=True)
    id = stream.until("response.function_call_arguments.delta")[0].data["response"]["id"]
    restart(server)
    end = ended(server, id)
    assert [(i["type"], i["status"]) for i in end["output"]] == [("function_call", "incomplete"), ("message", "completed")]
    assert text_of(server.create("on", previous_response_id=id)) == "You said: on."


def test_kill_between_two_calls_of_the_engine(servers, engine):
    """What our own tool has said is not asked for again: the run goes on from there."""
    server, gate = servers(engine), Gate()
    engine.next(call("web_search", '{"query":"x"}'))
    engine.next(hold(gate))
    stream = server.stream("hi", background=True, tools=[{"type": "web_search", "external_web_access": False}])
    first = stream.until("response.output_item.done")
    id = first[0].data["response"]["id"]
    engine.wait_for(2)
    restart(server)
    gate.open.set()
    end = ended(server, id)
    assert [i["type"] for i in end["output"]] == ["web_search_call", "message"] and end["status"] == "completed"
    assert engine.last.body["messages"] == engine.requests[1].body["messages"] and len(engine.requests) == 3
    all = told(follow(server, id))
    in_order(all)
    assert texts(all[:len(first)]) == texts(first) and all[-1].data["response"]["output"] == end["output"]


def test_an_open_custom_call_stays_incomplete(servers, engine):
    server = servers(engine, args=limits(on_restart="retry"))
    engine.next(call("c", '{"input":"abc', "def"), hang())
    stream = server.stream("hi", background=True, tools=[{"type": "custom", "name": "c"}])
    id = stream.until("response.custom_tool_call_input.delta")[0].data["response"]["id"]
    restart(server)
    end = ended(server, id)
    assert [(i["type"], i["status"]) for i in end["output"]] == [("custom_tool_call", "incomplete"), ("message", "completed")]
    done = [e.data for e in told(follow(server, id)) if e.type == "response.custom_tool_call_input.done"]
    assert done[0]["input"] == end["output"][0]["input"] == "abcdef"


def test_a_poisonous_run_ends(servers, engine):
    server = servers(engine, args=limits(background_tries=2))
    engine.always(lambda request: [hang()])
    id = server.create("hi", background=True)["id"]
    for n in (1, 2):
        engine.wait_for(n)
        eventually(lambda: get(server, id)["status"] == "in_progress")
        restart(server)
    end = ended(server, id)
    assert end["status"] == "failed" and "2 times" in end["error"]["message"] and len(engine.requests) == 2


def test_queued_ones_survive(servers, engine):
    server, gate = servers(engine, args=limits(background_running=1)), Gate()
    engine.next(hold(gate))
    ids = [server.create(str(i), background=True)["id"] for i in range(5)]
    engine.wait_for(1)
    restart(server)
    gate.open.set()
    for i, id in enumerate(ids):
        assert text_of(ended(server, id)) == f"You said: {i}."


def test_a_drain_leaves_them_to_the_next_start(servers, engine):
    server = servers(engine, args=limits(drain_seconds=0))
    engine.next(hang())
    id = server.create("hi", background=True)["id"]
    engine.wait_for(1)
    server.stop()
    server.start()
    assert text_of(ended(server, id)) == "You said: hi."


class Clients:
    """Make, follow and cancel background responses until the server is gone, and note all they were told."""

    def __init__(self, server, known, seed, n=6):
        self.server, self.known, self.killing, self.errors = server, known, False, []
        self.threads = [threading.Thread(target=self.run, args=(random.Random(f"{seed}.{i}"),)) for i in range(n)]
        for t in self.threads:
            t.start()

    def run(self, dice):
        try:
            while True:
                self.step(dice)
        except Exception as e:  # whatever a dying server looks like from outside
            if self.server.alive() and not self.killing:
                self.errors.append(e)

    def note(self, id):
        return self.known.setdefault(id, {"events": {}, "end": None, "cancelled": False})

    def listen(self, stream, dice, id=None):
        for event in stream:
            if event.data is None or dice.random() < 0.01:
                break
            assert event.type != "error" or "stopped" in event.text, event
            id = id or event.data["response"]["id"]
            number, seen = event.data["sequence_number"], self.note(id)["events"]
            assert seen.setdefault(number, event.text) == event.text, f"{id} {number}: another event than before"
        stream.leave()
        return id

    def step(self, dice):
        what, server = dice.random(), self.server
        if what < 0.3:
            self.note(server.create("poll", background=True, store=dice.random() < 0.8)["id"])
        elif what < 0.7:
            self.listen(server.stream("stream", background=True), dice)
        elif self.known:
            id = dice.choice(list(self.known))
            seen = self.note(id)
            if what < 0.85:
                self.listen(follow(server, id), dice, id)
            elif what < 0.95:
                now = get(server, id)
                assert not seen["cancelled"] or now["status"] == "cancelled"
                if now["status"] not in RUNNING:
                    assert seen["end"] in (None, now), "an end changed"
                    seen["end"] = now
            elif cancel(server, id).status == 200:
                seen["cancelled"] = True

    def join(self):
        for t in self.threads:
            t.join(60)
            assert not t.is_alive()


@pytest.mark.slow
def test_kill_9_at_any_moment(tmp_path):
    """Nothing acknowledged is lost, half or changed; no number is given twice; every run ends."""
    engine = ScriptedEngine()
    engine.always(lambda request: [think("hm"), say("one "), pause(random.random() / 30), say("two "), pause(random.random() / 30),
                                   say("three")])
    data, known = str(tmp_path / "data"), {}
    dice = random.Random(9)
    try:
        for round in range(KILLS):
            args = limits(on_restart=dice.choice(["auto", "retry", "fail"])) + ["--set", "server.loops=2"]
            server = Server(engine, data=data, args=args)
            clients = Clients(server, known, round)
            threading.Event().wait(0.2 + dice.random() * 0.6)
            clients.killing = True
            server.kill()
            clients.join()
            assert not clients.errors, clients.errors[0]
            server.erase()
        server = Server(engine, data=data)
        outcomes = {}
        for id, seen in known.items():
            end = ended(server, id)
            outcomes[end["status"]] = outcomes.get(end["status"], 0) + 1
            assert seen["end"] in (None, end)
            assert not seen["cancelled"] or end["status"] == "cancelled"
            all = told(follow(server, id))
            in_order(all)
            for number, text in seen["events"].items():
                assert all[number].text == text, f"{id} {number} changed"
            kinds = [e.type for e in all]
            assert kinds[:2] == ["response.created", "response.queued"] and kinds.count("response.in_progress") <= 1
            assert sum(k in ("response.completed", "response.failed", "response.incomplete") for k in kinds) == 1
            last = all[-1].data["response"]
            assert last["status"] == end["status"] and last["output"] == end["output"]
            # Every item that was begun was ended, and the output is those items.
            added = [e.data["item"]["id"] for e in all if e.type == "response.output_item.added"]
            done = [e.data["item"] for e in all if e.type == "response.output_item.done"]
            assert sorted(added) == sorted(item["id"] for item in done) and done == end["output"]
        print(f"{len(known)} runs over {KILLS} kills: {outcomes}, {sum(len(s['events']) for s in known.values())} events heard")
        assert len(known) > KILLS * 3 and {"completed", "failed"} <= set(outcomes), outcomes
        server.stop()
        server.erase()
    finally:
        engine.close()
