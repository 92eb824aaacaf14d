"""What engines were sent for a response, as the console shows it: the very bytes, whatever the dialect."""
import pathlib
import re

import pytest

from engine_script import call, say, status, think
from harness import Server, make_key
from test_console import OURS, cookie_of, sign_in

DIALECTS = re.findall(r'^DIALECT\(\w+, "([^"]+)"', (pathlib.Path(__file__).parents[1] / "src/engine/dialects.def").read_text(), re.M)
WEATHER = {"type": "function", "name": "get_weather", "strict": True, "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}}


def chats(engine):
    return [r.raw for r in engine.requests if r.path.split("?")[0].endswith("/chat/completions")]


def shown(server, id, **more):
    headers = {**OURS, "Cookie": cookie_of(sign_in(server)), **more}
    listed = server.get(f"/console/api/responses/{id}/requests", headers=headers)
    if listed.status != 200:
        return listed.status
    got = [server.get(f"/console/api/responses/{id}/requests/{r['number']}", headers=headers).body for r in listed.json["data"]]
    assert [r["bytes"] for r in listed.json["data"]] == [len(b) for b in got]
    assert not any("key" in r["path"] for r in listed.json["data"])
    assert server.get(f"/console/api/responses/{id}/requests/{len(got)}", headers=headers).status == 404
    return got


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_very_bytes(dialect, engine):
    url = engine.url.removesuffix("/v1")
    server = Server(args=["--set", f"engines[0].url={url}/v1?key=secret", "--set", f"engines[0].dialect={dialect}", "--set", "engines[0].models=scripted"])
    try:
        asked = {"tools": [WEATHER], "reasoning": {"effort": "low"}, "max_output_tokens": 500, "parallel_tool_calls": False, "temperature": 0.25,
                 "text": {"format": {"type": "json_object"}}, "instructions": 'Answer as JSON. "Grüße" \\ \n \u2028'}
        engine.next(think("hm"), call("get_weather", '{"city": "Paris"}'))
        first = server.create("What is the weather in JSON?", **asked)
        calls = [i for i in first["output"] if i["type"] == "function_call"]
        assert calls
        engine.next(think("so"), say('{"sun": true}'))
        second = server.create([{"type": "function_call_output", "call_id": calls[0]["call_id"], "output": "sun"}], previous_response_id=first["id"], **asked)
        sent = chats(engine)
        assert len(sent) == 2 and shown(server, first["id"]) + shown(server, second["id"]) == sent
    finally:
        server.stop()
        server.erase()


def test_every_try_and_round(server, engine):
    engine.next(status(503))
    engine.next(say("well"))
    made = server.create("again and again")
    assert shown(server, made["id"]) == chats(engine) and len(chats(engine)) == 2
    background = server.create("later", background=True)
    server.get(f"/v1/responses/{background['id']}?stream=true")
    assert shown(server, background["id"]) == chats(engine)[2:]


def test_who_may_see_them(server):
    headers = {**OURS, "Cookie": cookie_of(sign_in(server))}
    unkept, made = server.create("not stored", store=False), server.create("mine")
    make_key(server, "other", project="other")
    for id, status, more in [(unkept["id"], 404, {}), (made["id"], 200, {}), (made["id"], 404, {"openai-project": "other"}), (made["id"], 403, {"Origin": "http://evil.example"}), (made["id"], 401, {"Cookie": ""})]:
        for path in ("requests", "requests/0"):
            assert server.get(f"/console/api/responses/{id}/{path}", headers={**headers, **more}).status == status, (id, more)


def test_the_newest_are_remembered(servers, engine):
    server = servers(engine, args=["--set", "engine.sent_bytes=3000"])
    old = server.create("x" * 1000)
    assert len(shown(server, old["id"])) == 1
    new = server.create("y" * 2000)
    assert shown(server, old["id"]) == [] and shown(server, new["id"]) == chats(engine)[1:]
    large = server.create("z" * 4000)
    assert shown(server, large["id"]) == [] and len(shown(server, new["id"])) == 1
    assert server.delete(f"/v1/responses/{new['id']}").status == 200
    assert shown(server, new["id"]) == 404
