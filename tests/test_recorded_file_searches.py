"""Recorded streams and answers with file_search, played: the live model's queries and texts become the engine's script, the files it cited real
ones in a vector store. Our events must be as recorded, the citations at the recorded places."""
import pytest

from file_script import Library
from harness import Stream
from recorded_search import cited, rounds, sessions
from test_recorded_streams import shapes

RESULTS = "file_search_call.results"


CASES = list(sessions("file_search_call"))


def marked(text, notes, numbers):
    """The text as the model wrote it: a number in brackets where something was cited."""
    for note in sorted(notes, key=lambda n: -n["index"]):
        text = text[:note["index"]] + f"[{numbers[note['file_id']]}]" + text[note["index"]:]
    return text


def tidied(text, notes):
    """The live API leaves the space that stood before a marker in the text (" ."); we take it out with the marker."""
    for note in sorted(notes, key=lambda n: -n["index"]):
        at = note["index"]
        if text[at - 1:at] == " " and text[at:at + 1] in (".", ",", ""):
            text = text[:at - 1] + text[at:]
            for other in notes:
                if other["index"] >= at:
                    other["index"] -= 1
    return text, notes


@pytest.mark.parametrize("recorded, events, items", CASES)
def test_played(servers, engine, recorded, events, items):
    server = servers(engine, args=["--set", "index.embedder=none", "--set", "tools.sources_listed=0"])
    names = list(dict.fromkeys(n["filename"] for n in cited(items))) or ["file.txt"]
    words = " ".join(q for i in items if i["type"] == "file_search_call" for q in i["queries"])
    library = Library(server, {name: f"{words} {name}" for name in names})
    theirs = {n["file_id"]: n["filename"] for n in cited(items)}
    assert len(names) == 1  # so it has the first number
    numbers = {id: 1 for id in theirs}
    for steps in rounds(items, lambda part: marked(part["text"], part["annotations"], numbers),
                        lambda item: ("file_search", {"queries": item["queries"]})):
        engine.next(*steps)
    shown = any(i.get("results") for i in items)
    body = {"model": "scripted", "input": "Go on.", "stream": True, "tools": [library.tool], **({"include": [RESULTS]} if shown else {})}
    mine = [e.data for e in Stream(*server.open("POST", "/v1/responses", body)) if e.data]
    output = mine[-1]["response"]["output"]
    assert mine[-1]["type"] == "response.completed"
    if events:
        assert shapes(mine) == shapes(events)
    assert [i["type"] for i in output] == [i["type"] for i in items]
    for ours, theirs in zip(output, items):
        assert sorted(set(ours) - {"content", "encrypted_content"}) == sorted(set(theirs) - {"content", "encrypted_content"}), (ours, theirs)
        if ours["type"] == "message":
            part, = theirs["content"]
            text, notes = tidied(part["text"], [dict(n) for n in part["annotations"]])
            assert ours["content"][0]["text"] == text
            assert [(n["filename"], n["index"]) for n in ours["content"][0]["annotations"]] == [(n["filename"], n["index"]) for n in notes]
        elif ours["type"] == "file_search_call":
            assert ours["queries"] == theirs["queries"] and ours["status"] == "completed"
            for result in theirs["results"] or []:
                assert set(result) <= set(ours["results"][0]) and ours["results"][0]["vector_store_id"] == library.id


def test_what_is_played():
    assert len(CASES) >= 6 and sum(bool(case.values[1]) for case in CASES) >= 3
    assert sum(len(cited(case.values[2])) for case in CASES) >= 6
