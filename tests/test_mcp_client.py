"""`antiphon mcp` against servers of every revision of MCP, and against those that misbehave."""
import os
import subprocess

import pytest


BIN = os.environ["ANTIPHON_BIN"]


def run(*args):
    got = subprocess.run([BIN, "mcp", *args], capture_output=True, text=True, timeout=60)
    return got.returncode, got.stdout, got.stderr


@pytest.mark.parametrize("way, requests", [("modern", 1), ("pages", 4), ("moved", 2), ("legacy", 4), ("bridge", 1), ("sse", 6)])
def test_the_ladder_finds_the_tools(mcp, way, requests):
    code, out, err = run(mcp.url(way))
    assert code == 0, err
    assert [line.split("\t")[0] for line in out.splitlines()] == [
        "add (says: reads only)", "boom", "slow", "picture", "ask", "big", "write"]
    assert [line.split("\t")[1] for line in out.splitlines()] == [
        "Add two integers.", "Raises.", "Takes its time.", "", "", "", "Changes something."]
    assert len(mcp.methods()) == requests


def test_a_session_is_ended_with_the_program(mcp):
    assert run(mcp.url("legacy"), "add", '{"a": 2, "b": 3}', "-H", "X-Key: k")[0] == 0
    ended, = mcp.ended()
    assert not mcp.sessions and ended["X-Key"] == "k" and ended["Mcp-Session-Id"] and ended["MCP-Protocol-Version"] == "2025-11-25"
    run(mcp.url("modern"))
    assert len(mcp.ended()) == 1, "what has no session has nothing to end"


@pytest.mark.parametrize("way", ["modern", "legacy", "dead400", "bridge", "polling", "sse"])
def test_a_tool_is_called(mcp, way):
    assert run(mcp.url(way), "add", '{"a": 2, "b": 3}') == (0, "5\n", "")
    code, out, err = run(mcp.url(way), "boom")
    assert (code, out) == (1, "the database is down\n")
    code, out, err = run(mcp.url(way), "nope")
    assert code == 1 and "Unknown tool: nope" in err and "-32602" in err
    code, out, err = run(mcp.url(way), "big")
    assert code == 0 and len(out) == 300001
    assert run(mcp.url(way), "picture")[1] == (
        "here\n[image: image/png, 72 bytes]\ninside\n[link to two: demo://2]\n[audio: audio/wav, 3 bytes]\n")


def test_a_server_that_asks_is_refused_at_once(mcp):
    assert run(mcp.url("legacy"), "ask")[1] == "refused with -32601\n"
    code, _, err = run(mcp.url("modern"), "ask")
    assert code == 1 and "-32021" in err


def test_a_bridge_is_called_within_a_session(mcp):
    run(mcp.url("bridge"), "add", '{"a": 1, "b": 1}')
    assert mcp.methods() == ["tools/list", "initialize", "notifications/initialized", "tools/call"]


@pytest.mark.parametrize("way, words, requests", [
    ("auth", "it wants authorization (401)", 1),       # never an older protocol after a refusal
    ("forbidden", "status 403", 1),
    ("broken", "status 500", 1),
    ("none", "no MCP server answers there (status 404)", 3),
    ("away", "it redirects to another origin", 1),
    ("sse-away", "its endpoint is at another origin", 3),
    ("noise", "it is no MCP server", None),
    ("endless", "its list of tools has no end", 2),
])
def test_the_reason_is_told(mcp, way, words, requests):
    code, out, err = run(mcp.url(way))
    assert code == 1 and not out
    if requests:
        assert len(mcp.log) == requests
        assert words in err
    assert "secret" not in err


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_stay_within_the_origin(mcp, status):
    """Whatever the kind: method, body and headers go on within the origin, and nowhere else. 303 would be a GET, which asks nothing."""
    mcp.redirect = status
    code, out, err = run(mcp.url("moved"), "add", '{"a": 2, "b": 3}', "-H", "X-Key: k")
    assert {verb for _, verb, _, _ in mcp.log} == {"POST"}
    assert (code, out) == (0, "5\n") if status != 303 else (code == 1 and "status 303" in err), err
    mcp.log.clear()
    code, _, err = run(mcp.url("away"), "-H", "X-Key: k")
    assert code == 1 and ("it redirects to another origin" if status != 303 else "status 303") in err and len(mcp.log) == 1


def test_credentials_are_sent_along(mcp):
    code, out, _ = run(mcp.url("auth"), "-H", "Authorization: Bearer good")
    assert code == 0 and "add" in out


def test_who_is_not_there(mcp):
    for url, words in (("http://127.0.0.1:1/", "cannot be reached"), ("http://nowhere.invalid/", "host is unknown"),
                       ("ftp://127.0.0.1/", "URL cannot be used")):
        code, _, err = run(url)
        assert code == 1 and words in err


def test_a_slow_call_is_given_up_and_the_server_told(mcp):
    mcp.slow = 3
    code, _, err = run(mcp.url("legacy"), "slow", "--set", "mcp.call_ms=700")
    assert code == 1 and "in time" in err
    assert mcp.methods()[-1] == "notifications/cancelled"
    mcp.slow = 0.01


def test_silence_is_noticed(mcp):
    mcp.slow = 3
    code, _, err = run(mcp.url("legacy"), "slow", "--set", "mcp.idle_ms=300")
    assert code == 1 and "in time" in err
