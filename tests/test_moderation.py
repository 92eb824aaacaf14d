"""The parameter `moderation` of a response: input and output judged by a configured engine."""
import json

import openai
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


# --- chat completions ---

CHAT = {"model": "scripted", "messages": [{"role": "system", "content": "Be brief."},
                                           {"role": "user", "content": [{"type": "text", "text": "Hello"}]}]}
PATH = "/v1/chat/completions"


def results(*flagged):
    return {"type": "moderation_results", "model": "omni-moderation-latest", "results": [result(f) for f in flagged]}


def test_chat(served, engine, guard):
    client = openai.OpenAI(base_url=served.url + "/v1", api_key="any")
    engine.next(say("I will not kill."))
    engine.next(say("Hi"))
    made = client.chat.completions.create(**CHAT, **ASKED, n=2)
    assert sorted(r.flagged for r in made.moderation.output.results) == [False, True]
    assert made.moderation.input.to_dict() == results(False)
    assert guard.asked[-1].body["input"][0] == "Be brief.\nHello" and len(guard.asked[-1].body["input"]) == 3
    assert "moderation" not in served.post(PATH, CHAT).json and len(guard.asked) == 1


@pytest.mark.parametrize("store", [False, True])
def test_chat_streamed(served, engine, store):
    engine.next(say("kill"))
    told = [json.loads(line[6:]) for line in served.post(PATH, {
        **CHAT, **ASKED, "stream": True, "store": store, "stream_options": {"include_usage": True}}).body.decode().splitlines()
        if line.startswith("data: {")]
    judged, usage = told[-2:]
    assert judged["choices"] == [] and judged["moderation"] == {"input": results(False), "output": results(True)}
    assert judged["usage"] is None and usage["usage"] and not any("moderation" in chunk for chunk in told[:-2])
    if store:
        assert served.get(f"{PATH}/{usage['id']}").json["moderation"] == judged["moderation"]


def test_chat_that_cannot_be_judged(served, engine, guard):
    guard.paths["/v1/moderations"] = lambda request: answer_json({"error": {"message": "no"}}, 500)
    engine.next(say("Hi"))
    made = served.post(PATH, {**CHAT, **ASKED}).json
    assert {v["type"] for v in made["moderation"].values()} == {"error"} and made["choices"][0]["message"]["content"] == "Hi"
    blocked = {"moderation": {**ASKED["moderation"], "policy": {"output": {"mode": "block"}}}}
    assert served.post(PATH, {**CHAT, **blocked}).headers["antiphon-not-applied"] == "moderation.policy.output.mode"


def test_chat_refused_without_an_engine(server):
    got = server.post(PATH, {**CHAT, **ASKED})
    assert got.status == 400 and got.error["param"] == "moderation" and "moderations.engine" in got.error["message"]
