"""Recorded sessions with a search tool, read: the items of each, and how the engine has to speak to make them again."""
import json

import pytest

from engine_script import call, say, think
from test_recordings import events_of, exchanges, items_of


def sessions(kind):
    """(the request, its events, its items) of each recording whose output is calls of that kind, reasoning and messages."""
    for place, request, response in exchanges():
        events, items = events_of(response), items_of(response)
        kinds = {i["type"] for i in items}
        if kind in kinds and kinds <= {"message", "reasoning", kind}:
            yield pytest.param(request, events, items, id=place)


def cited(items):
    return [note for item in items if item["type"] == "message" for part in item["content"] for note in part["annotations"]]


def rounds(items, marked, called):
    """The engine's answers: each ends in a call of the tool, the last in the text. marked(part): a part's text as the model wrote
    it, called(item): (name, arguments)."""
    steps = []
    for item in items:
        if item["type"] == "reasoning":
            steps.append(think("Hm."))
        elif item["type"] == "message":
            part, = item["content"]
            text = marked(part)
            steps.append(say(*[text[i:i + 7] for i in range(0, len(text), 7)]))
        else:
            name, arguments = called(item)
            yield [*steps, call(name, json.dumps(arguments))]
            steps = []
    yield steps
