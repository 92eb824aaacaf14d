"""Where a response's time went: as it is kept, and how it is shown."""
import json

import pytest

from engine_script import call, pause, say
from harness import eventually, make_key
from web_script import ScriptedWeb

SEARCH = {"type": "web_search"}


def phases(server, id, **more):
    answer = server.get(f"/v1/responses/{id}/phases", **more)
    assert answer.status == 200, answer
    got = answer.json
    at = 0
    for phase in got["phases"]:  # they follow each other without a gap, so their sum is the whole
        assert phase["start_us"] == at and (phase["duration_us"] is None) == (phase is got["phases"][-1]), got
        at += phase["duration_us"] or 0
    assert got["total_us"] == at
    return got


def kinds(got):
    return [phase["type"] for phase in got["phases"]]


def lasted(got, kind):
    return sum(phase["duration_us"] or 0 for phase in got["phases"] if phase["type"] == kind)


@pytest.mark.parametrize("stream", [False, True])
def test_a_plain_turn(server, engine, stream):
    engine.next(pause(0.2), say("Hel"), pause(0.3), say("lo"))
    made = list(server.stream("x"))[-2].data["response"] if stream else server.create("x")
    got = phases(server, made["id"])
    assert kinds(got)[0] == "load" and kinds(got)[-3:] == ["prompt", "answer", "save"], got
    assert got["model"] == made["model"] and got["status"] == "completed" and got["tools"] == []
    assert got["usage"]["output_tokens"] == made["usage"]["output_tokens"]
    assert abs(got["created_at"] - made["created_at"]) <= 2
    assert lasted(got, "prompt") >= 150_000 and lasted(got, "answer") >= 250_000


def test_tools_have_their_times(servers, engine):
    web = ScriptedWeb()
    server = servers(engine, args=web.args())
    engine.next(call("web_search", json.dumps({"query": "news"})))
    engine.next(say("So it is."))
    made = server.create("x", tools=[SEARCH])
    got = phases(server, made["id"])
    assert [k for k in kinds(got) if k in ("prompt", "tools", "answer")][-1] == "answer" and "tools" in kinds(got)
    tool, = got["tools"]
    assert tool["name"] == "web_search" and tool["ok"] and tool["duration_us"] > 0
    ran = next(phase for phase in got["phases"] if phase["type"] == "tools")
    assert ran["start_us"] <= tool["start_us"]
    assert tool["start_us"] + tool["duration_us"] <= ran["start_us"] + ran["duration_us"]
    web.close()


def test_a_background_run_waits_first(server, engine):
    engine.next(say("done"))
    made = server.create("x", background=True)
    eventually(lambda: server.get(f"/v1/responses/{made['id']}").json["status"] == "completed")
    got = phases(server, made["id"])
    assert kinds(got)[0] == "wait" and kinds(got)[-1] == "save"


def test_who_may_see_it(server, engine):
    made = server.create("x")
    key, _ = make_key(server, "other", project="elsewhere")
    assert server.get(f"/v1/responses/{made['id']}/phases", key=key).status == 404
    own, _ = make_key(server, "own")
    assert server.get(f"/v1/responses/{made['id']}/phases", key=own).status == 200
    assert server.get("/v1/responses/resp_nothing/phases", key=own).status == 404
    server.delete(f"/v1/responses/{made['id']}", key=own)
    assert server.get(f"/v1/responses/{made['id']}/phases", key=own).status == 404
