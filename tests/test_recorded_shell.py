"""Recorded streams and answers with a shell in a container, played: the live model's commands and texts become the engine's script, and a
box of ours runs them. Our events and items must be as recorded; what the skill says is printed as recorded, too."""
import json
import re

import pytest

from engine_script import call, say
from harness import Stream
from test_recorded_streams import members, shapes
from test_recordings import body_of, events_of, exchanges, items_of
from test_skills import inline, zipped

SPOKEN = {"message", "shell_call", "shell_call_output"}


def outputs():
    for place, _, response in exchanges():
        events, items = events_of(response), items_of(response)
        kinds = {i["type"] for i in items}
        if "shell_call_output" in kinds and kinds <= SPOKEN:
            tools = (events[0]["response"] if events else body_of(response))["tools"]
            yield pytest.param(place, events, items, tools, id=place)


CASES = list(outputs())
FOLDER = re.compile("(/home/oai/skills/[a-z-]+-)[0-9a-f]{32}")  # another one each time


def rounds(items):
    """The engine's answers: each ends in a call, the last in the text."""
    for item in items:
        if item["type"] == "message":
            text = "".join(part["text"] for part in item["content"])
            yield say(*[text[i:i + 7] for i in range(0, len(text), 7)])
        elif item["type"] == "shell_call":
            text = json.dumps({k: [FOLDER.sub(r"\1*", c) for c in v] if k == "commands" else v
                               for k, v in item["action"].items() if v is not None})
            yield call("shell", text[:20], text[20:], id=item["call_id"])


def skill_of(items):
    """The skill that the recorded commands read, if they do."""
    for item in items:
        for entry in item.get("output", []):
            if entry["stdout"].startswith("---\n"):
                name, description = (re.search(f"^{word}: (.*)$", entry["stdout"], re.M)[1] for word in ("name", "description"))
                return [inline(zipped({f"{name}/SKILL.md": entry["stdout"].encode()}), name, description)]
    return []


@pytest.mark.parametrize("place, events, items, tools", CASES)
def test_played(server, engine, place, events, items, tools):
    for step in rounds(items):
        engine.next(step)
    tool = {"type": "shell", "environment": {"type": "container_auto", "skills": skill_of(items)}}
    body = {"model": "scripted", "input": "Go on.", "tools": [tool]}
    if events:
        mine = [e.data for e in Stream(*server.open("POST", "/v1/responses", {**body, "stream": True})) if e.data]
        assert shapes(mine) == shapes(events)
        made = mine[-1]["response"]
        assert mine[0]["response"]["tools"] == made["tools"]
    else:
        made = server.post("/v1/responses", body).json
    assert members(made["output"]) == members(items)
    assert [set(t) | set(t["environment"]) for t in made["tools"]] == [set(t) | set(t["environment"]) for t in tools]
    for ours, theirs in zip(made["output"], items):
        assert ours.get("status") == theirs.get("status")
        if ours["type"] == "shell_call_output":
            assert [list(e) for e in ours["output"]] == [list(e) for e in theirs["output"]]
            assert [e["outcome"] for e in ours["output"]] == [e["outcome"] for e in theirs["output"]]
            if "Linux" not in theirs["output"][0]["stdout"]:  # the machine's own name
                assert [FOLDER.sub(r"\1", e["stdout"]) for e in ours["output"]] == [FOLDER.sub(r"\1", e["stdout"]) for e in theirs["output"]]


def test_what_is_played():
    assert len(CASES) == 4 and sum(bool(case.values[1]) for case in CASES) == 2
