"""Recorded streams and answers with code_interpreter, played: the live model's code and texts become the engine's script, and our Python runs
the code. Our events must be as recorded, what the code printed too, the citations at the recorded places. Code that needs packages is
replaced by code that makes the same files and one picture."""
import json
import re

import pytest

from engine_script import call, say, think
from harness import Stream
from test_code_interpreter import OUTPUTS, PNG
from test_recorded_streams import shapes
from test_recordings import events_of, exchanges, items_of

SPOKEN = {"message", "reasoning", "code_interpreter_call", "function_call"}
# Streams whose shape is compared with nothing, and why.
ODD = {"vllm-responses 2": "trimmed by hand: no role, no end",
       "vllm-responses 0": "of two thoughts one has a summary: an engine's thoughts all have one, or none"}


def outputs():
    for place, _, response in exchanges():
        events, items = events_of(response), items_of(response)
        kinds = {i["type"] for i in items}
        if "code_interpreter_call" in kinds and kinds <= SPOKEN:
            yield pytest.param(place, events, items, id=place)


CASES = list(outputs())
# Printed as the live API printed it: what is random, or names a module of the live kernel, is not.
RANDOM = re.compile("random|numpy|pandas|matplotlib")


def notes_of(items):
    return [note for item in items if item["type"] == "message" for part in item["content"] for note in part["annotations"]]


def runnable(item, items):
    """The code as recorded; the newlines of one tape are written as two characters."""
    code = item["code"]
    if re.search("numpy|pandas|matplotlib", code):
        names = [n["filename"] for n in notes_of(items) if n["start_index"]]
        code = "".join(f"open('/mnt/data/{name}', 'w').close()\n" for name in names)
        shows = any(o["type"] == "image" for o in item["outputs"] or [])
        return code + (PNG + "Picture([[0]])" if shows else "None")
    return code.replace("\\n", "\n") if "\n" not in code else code


def rounds(items):
    """The engine's answers: each ends in calls, the last in the text or in a call of the client's own function."""
    steps = []
    for item in items:
        if item["type"] == "reasoning":
            steps.append(think("\n".join(part["text"] for part in item["summary"]) or "Hm."))
        elif item["type"] == "message":
            text = "".join(part["text"] for part in item["content"])
            steps.append(say(*[text[i:i + 7] for i in range(0, len(text), 7)]))
        elif item["type"] == "function_call":
            steps.append(call(item["name"], item["arguments"], id=item["call_id"]))
        else:
            code = json.dumps({"code": runnable(item, items)})
            yield [*steps, call("python", code[:12], code[12:])]
            steps = []
    yield steps


def printed(item):
    return [o["logs"].strip() for o in item["outputs"] or [] if o["type"] == "logs"]


@pytest.mark.parametrize("place, events, items", CASES)
def test_played(server, engine, place, events, items):
    for steps in rounds(items):
        engine.next(*steps)
    tools = [{"type": "code_interpreter", "container": {"type": "auto"}}]
    tools += [{"type": "function", "name": i["name"], "parameters": None, "strict": False} for i in items if i["type"] == "function_call"]
    shown = any(i.get("outputs") is not None for i in items)
    body = {"model": "scripted", "input": "Go on.", "stream": True, "tools": tools, **({"include": [OUTPUTS]} if shown else {}),
            **({"reasoning": {"summary": "auto"}} if any(i.get("summary") for i in items) else {})}
    mine = [e.data for e in Stream(*server.open("POST", "/v1/responses", body)) if e.data]
    assert mine[-1]["type"] == "response.completed"
    output = mine[-1]["response"]["output"]
    assert [i["type"] for i in output] == [i["type"] for i in items]
    if events and place not in ODD:
        assert shapes(mine) == shapes(events)
    random = any(RANDOM.search(i["code"]) for i in items if i["type"] == "code_interpreter_call")
    for ours, theirs in zip(output, items):
        if ours["type"] == "code_interpreter_call":
            assert set(ours) == set(theirs) - {"role"} and ours["status"] == theirs["status"]
            assert (ours["outputs"] is None) == (not shown)
            if not random and theirs["outputs"]:
                assert printed(ours) == [text.replace("\\n", "\n").strip() for text in printed(theirs)]
    assert [(n["type"], n["start_index"], n["end_index"], n["start_index"] and n["filename"]) for n in notes_of(output)] == \
        [(n["type"], n["start_index"], n["end_index"], n["start_index"] and n["filename"]) for n in notes_of(items)]


def test_what_is_played():
    assert len(CASES) >= 14 and sum(bool(case.values[1]) for case in CASES) >= 7
    assert sum(len(notes_of(case.values[2])) for case in CASES) >= 8
