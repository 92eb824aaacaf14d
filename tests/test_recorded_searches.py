"""Recorded streams with web_search, played: the live model's calls and texts become the engine's script, what it cited the provider's
results and pages in the cache. Our events must be as recorded, and the text and its citations equal to the letter."""
import os
import sqlite3
import time

import pytest

from harness import Stream, rows_of
from recorded_search import cited, rounds, sessions
from test_recorded_streams import shapes
from web_script import ScriptedWeb, hit

CASES = [case for case in sessions("web_search_call") if case.values[1]]  # those that were streamed


def marked(text, notes, numbers):
    """The text as the model wrote it: a number in brackets where a link stands now."""
    for note in sorted(notes, key=lambda n: -n["start_index"]):
        text = text[:note["start_index"]] + f"[{numbers[note['url']]}]" + text[note["end_index"]:]
    return text


def arguments(action):
    if action["type"] == "search":
        return {"queries": action["queries"]} if action.get("queries") else {"query": action.get("query") or "what was trimmed"}
    return {k: v for k, v in action.items() if k in ("url", "pattern")}


def fill_cache(server, items, project):
    now = int(time.time())
    with sqlite3.connect(os.path.join(server.data, "web.db"), timeout=30) as db:
        for url in {i["action"]["url"] for i in items if i["type"] == "web_search_call" and i["action"].get("url")}:
            db.execute("INSERT INTO page(project, url, fetched, whole, bytes, title, body) VALUES(?, ?, ?, 1, 4, 'Page', 'text')",
                       (project, url, now))


@pytest.mark.parametrize("recorded, events, items", CASES)
def test_played(servers, engine, recorded, events, items):
    web = ScriptedWeb()
    notes = cited(items)
    urls = list(dict.fromkeys(n["url"] for n in notes))
    titles = {n["url"]: n["title"] for n in notes}
    web.results = [hit(url, titles[url], "text") for url in urls] or [hit("https://uncited.example/")]
    server = servers(engine, args=web.args(tools__sources_listed=0, tools__repeats=9, web_search__results_medium=50))
    [(project,)] = rows_of(server.data, "SELECT id FROM project WHERE name = 'default'")
    fill_cache(server, items, project)
    first = [i["action"]["type"] for i in items if i["type"] == "web_search_call"][0]
    assert first == "search"  # so the results have the first numbers
    numbers = {url: i + 1 for i, url in enumerate(urls)}
    for steps in rounds(items, lambda part: marked(part["text"], part["annotations"], numbers),
                        lambda item: ("web_search", arguments(item["action"]))):
        engine.next(*steps)
    sources = any("sources" in (i.get("action") or {}) for i in items)
    body = {"model": "scripted", "input": "Go on.", "stream": True, "tools": [{"type": "web_search"}],
            **({"include": ["web_search_call.action.sources"]} if sources else {})}
    if recorded and recorded["body"].get("max_tool_calls"):
        assert sum(i["type"] == "web_search_call" for i in items) > recorded["body"]["max_tool_calls"]  # we count more strictly
    mine = [e.data for e in Stream(*server.open("POST", "/v1/responses", body)) if e.data]
    assert mine[-1]["type"] == "response.completed"
    assert shapes(mine) == shapes(events)
    said = [i for i in mine[-1]["response"]["output"] if i["type"] == "message"]
    for ours, theirs in zip(said, [i for i in items if i["type"] == "message"]):
        assert ours["content"][0]["text"] == theirs["content"][0]["text"]
        assert ours["content"][0]["annotations"] == theirs["content"][0]["annotations"]
    calls = [i for i in mine[-1]["response"]["output"] if i["type"] == "web_search_call"]
    for ours, theirs in zip(calls, [i for i in items if i["type"] == "web_search_call"]):
        assert list(ours) == list(theirs) or sorted(ours) == sorted(theirs)
        assert ours["action"]["type"] == theirs["action"]["type"] and set(theirs["action"]) <= set(ours["action"])
    web.close()


def test_what_is_played():
    kinds = {i["action"]["type"] for case in CASES for i in case.values[2] if i["type"] == "web_search_call"}
    assert kinds == {"search", "open_page", "find_in_page"} and len(CASES) >= 8
    assert sum(len(cited(case.values[2])) for case in CASES) > 20
