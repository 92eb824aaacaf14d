"""The parameter `moderation` of a response: input and output judged by a configured engine."""
import json

import pytest

from ability_script import AbilityEngine, answer_json
from engine_script import say
from harness import Stream, eventually
from test_recordings import exchanges

NAMES = ["harassment", "violence"]


def verdict(flagged):
    return {"flagged": flagged, "categories": {n: flagged for n in NAMES}, "category_scores": {n: 0.25 for n in NAMES},
            "category_applied_input_types": {n: ["text"] for n in NAMES}}


def judge(request):
    return answer_json({"id": "modr-1", "model": request.body["model"], "results": [verdict("kill" in t) for t in request.body["input"]]})


@pytest.fixture
def guard():
    e = AbilityEngine({"/v1/moderations": judge})
    yield e
    e.close()


@pytest.fixture
def served(servers, engine, guard):
    return servers(engine, args=["--set", f"moderations.engine={guard.url}"])


ASKED = {"moderation": {"model": "omni-moderation-latest"}}


def result(flagged):
    return {"type": "moderation_result", "model": "omni-moderation-latest", **verdict(flagged)}


def test_judged(served, engine, guard):
    engine.next(say("I will not kill."))
    response = served.create([{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}], **ASKED)
    assert response["moderation"] == {"input": result(False), "output": result(True)}
    assert guard.asked[-1].body == {"model": "omni-moderation-latest", "input": ["Hello", "I will not kill."]}
    assert served.get(f"/v1/responses/{response['id']}").json["moderation"] == response["moderation"]
    assert served.create("Hello")["moderation"] is None and len(guard.asked) == 1


def test_streamed_and_replayed(served, engine):
    engine.next(say("Hi"))
    live = [e.data for e in served.stream("kill", **ASKED) if e.data]
    told = [e["response"]["moderation"] for e in live if "response" in e]
    assert told[:-1] == [None, None] and told[-1] == {"input": result(True), "output": result(False)}
    again = Stream(*served.open("GET", f"/v1/responses/{live[-1]['response']['id']}?stream=true"))
    assert [e.data for e in again if e.data][-1]["response"] == live[-1]["response"]


def test_background(served, engine):
    engine.next(say("Hi"))
    run = served.create("kill", background=True, **ASKED)
    assert run["moderation"] is None
    done = eventually(lambda: (r := served.get(f"/v1/responses/{run['id']}").json)["status"] == "completed" and r)
    assert done["moderation"]["input"]["flagged"] is True


@pytest.mark.parametrize("answer", [(500, b"{}"), (200, b"no"), (200, b'{"results":[]}'), (401, b'{"error":{"message":"sk-secret"}}')])
def test_a_failing_judge_is_told(served, engine, guard, answer):
    guard.paths["/v1/moderations"] = lambda request: (answer[0], "application/json", answer[1])
    response = served.create("Hello", **ASKED)
    assert response["status"] == "completed"
    for side in ("input", "output"):
        assert set(response["moderation"][side]) == {"type", "code", "message"} and response["moderation"][side]["type"] == "error"
    assert "sk-secret" not in json.dumps(response)


def test_the_judge_is_gone(served, engine, guard):
    guard.close()
    assert served.create("Hello", **ASKED)["moderation"]["input"]["type"] == "error"


def test_block_is_named(served):
    policy = {"input": {"mode": "block"}, "output": {"mode": "score"}}
    got = served.post("/v1/responses", {"model": "scripted", "input": "kill", "moderation": {"model": "m", "policy": policy}})
    assert got.json["status"] == "completed" and got.headers["antiphon-not-applied"] == "moderation.policy.input.mode"


def test_refused_without_an_engine(server):
    got = server.post("/v1/responses", {"model": "scripted", "input": "a", **ASKED})
    assert (got.status, got.error["param"]) == (400, "moderation") and "moderations.engine=" in got.error["message"]


def recorded():
    for place, request, response in exchanges():
        body = request and request.get("body")
        made = response.get("body")
        if isinstance(body, dict) and body.get("moderation") and isinstance(made, dict) and made.get("moderation"):
            yield pytest.param(body, made["moderation"], id=place)


CASES = list(recorded())


@pytest.mark.parametrize("body, theirs", CASES)
def test_recorded(served, guard, body, theirs):
    given = [{k: v for k, v in theirs[side].items() if k not in ("type", "model")} for side in ("input", "output")]
    guard.paths["/v1/moderations"] = lambda request: answer_json({"model": theirs["input"]["model"], "results": given})
    got = served.post("/v1/responses", {"model": "scripted", "input": body["input"], "moderation": body["moderation"]})
    assert got.json["moderation"] == theirs


def test_what_is_played():
    assert len(CASES) >= 2
