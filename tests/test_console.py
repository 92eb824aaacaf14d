"""The console over HTTP: who may sign in, what it shows, and that nobody else's page can ask."""
import json
import re
import time
from urllib.parse import urlencode

import pytest

from engine_script import say
from harness import command, eventually, make_key
from mcp_script import McpServer
from test_mcp import allow, ask

OURS = {"x-antiphon-console": "1"}


def cookie_of(answer):
    said = answer.headers["set-cookie"]
    assert "HttpOnly" in said and "SameSite=Strict" in said and "Path=/" in said
    return said.split(";")[0]


def link(server):
    done = command("console", "--data", server.data, home=server.home)
    assert done.returncode == 0, done.stderr
    return re.search(r"#sign-in=([\w-]+)", done.stdout)[1]


def sign_in(server, secret=None):
    return server.request("POST", "/console/api/sign_in", {"link": secret} if secret else {}, headers=OURS)


def test_page_and_files(server):
    assert server.get("/console").status == 307
    page = server.get("/console/index.html")
    assert page.status == 200 and "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(rb"<script(?! type=\"module\" src=)|\son\w+=|style=", page.body)
    total = len(page.body)
    for name in set(re.findall(r'(?:src|href)="([\w.]+)"', page.body.decode())) | {"ask.js", "draw.js", "lists.js", "keys.js", "limits.js", "mcp.js", "gauges.js", "runs.js", "webhooks.js", "responses.js", "conversations.js", "items.js", "tree.js", "engines.js", "settings.js", "usage.js", "approvals.js", "playground.js", "start.js"}:
        answer = server.get(f"/console/{name}")
        assert answer.status == 200 and answer.headers["x-content-type-options"] == "nosniff"
        assert b"innerHTML" not in answer.body and b"eval(" not in answer.body and b"https://" not in answer.body
        total += len(answer.body)
    assert total <= 100 * 1024
    assert server.get("/console/nothing.js").status == 404
    assert server.get("/console/..%2findex.html").status == 404


def test_this_machine_is_in_while_nothing_is_locked(server):
    assert server.get("/console/api/keys").status == 401  # no page of ours asks
    cookie = cookie_of(sign_in(server))
    made = server.request("POST", "/console/api/keys", {"name": "laptop", "project": "work"}, headers={**OURS, "Cookie": cookie}).json
    assert made["secret"].startswith("sk-") and made["project"] == "work"
    # The first key locks the door; who was in stays in, and nobody else.
    listed = server.get("/console/api/keys", headers={**OURS, "Cookie": cookie}).json["data"]
    assert [k["name"] for k in listed] == ["laptop"] and "secret" not in listed[0] and made["secret"] not in json.dumps(listed)
    assert sign_in(server).status == 401
    assert server.get("/console/api/keys", headers=OURS).status == 401
    assert server.get("/console/api/keys", headers={**OURS, "Cookie": "antiphon_console=" + "a" * 43}).status == 401
    assert server.get("/v1/models", key=made["secret"]).status == 200
    server.request("POST", f"/console/api/keys/{made['id']}/revoke", {}, headers={**OURS, "Cookie": cookie})
    assert server.get("/v1/models", key=made["secret"]).status == 401


def test_link_signs_in_once(server):
    make_key(server, "first")
    secret = link(server)
    answer = sign_in(server, secret)
    assert answer.status == 200
    cookie = cookie_of(answer)
    again = sign_in(server, secret)
    assert again.status == 401 and "used already" in again.error["message"]
    assert server.get("/console/api/overview", headers={**OURS, "Cookie": cookie}).json["keys"] is True
    # The API takes it as well, for the project that is named.
    assert server.get("/v1/files", headers={**OURS, "Cookie": cookie}).status == 200
    assert server.get("/v1/files", headers={"Cookie": cookie}).status == 401
    assert server.get("/v1/files", headers={**OURS, "Cookie": cookie, "openai-project": "nobodys"}).status >= 400
    out = server.request("POST", "/console/api/sign_out", {}, headers={**OURS, "Cookie": cookie})
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert server.get("/console/api/overview", headers={**OURS, "Cookie": cookie}).status == 401


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1.evil.example"])
def test_other_pages_are_refused(server, origin):
    cookie = cookie_of(sign_in(server))
    for method, path, body in [("GET", "/console/api/keys", None), ("POST", "/console/api/keys", {"name": "x"}),
                               ("POST", "/console/api/sign_in", {}), ("GET", "/v1/files", None)]:
        answer = server.request(method, path, body, headers={**OURS, "Cookie": cookie, "Origin": origin})
        assert answer.status == 403, (method, path)
    make_key(server, "first")
    assert server.get("/v1/files", headers={**OURS, "Cookie": cookie, "Origin": origin}).status == 403
    assert server.get("/console/api/keys", headers={**OURS, "Cookie": cookie, "Host": "evil.example"}).status in (200, 403)


def test_responses_are_listed_by_page(server):
    headers = {**OURS, "Cookie": cookie_of(sign_in(server))}
    ids = [server.create(f"number {i}")["id"] for i in range(7)]
    server.create("not kept", store=False)
    page = server.get("/console/api/responses?limit=3", headers=headers).json
    assert [r["id"] for r in page["data"]] == ids[:3:-1] and page["next"] and page["open"] == []
    assert page["data"][0]["status"] == "completed" and page["data"][0]["output_tokens"] > 0 and page["data"][0]["model"]
    rest = []
    while page["next"]:
        page = server.get(f"/console/api/responses?limit=3&before={page['next']}", headers=headers).json
        rest += [r["id"] for r in page["data"]]
    assert rest == ids[3::-1]
    assert server.get("/console/api/responses?status=failed", headers=headers).json["data"] == []
    assert server.get("/console/api/responses?model=another", headers=headers).json["data"] == []
    assert server.get("/console/api/responses?before=x", headers=headers).error["param"] == "before"
    make_key(server, "other", project="other")
    assert server.get("/console/api/responses", headers={**headers, "openai-project": "other"}).json["data"] == []


def test_responses_are_found_by_what_they_are(server, engine):
    headers = {**OURS, "Cookie": cookie_of(sign_in(server))}
    engine.next(say('He said "Ärger"\nand left.'))
    quoted = server.create("one")["id"]
    tool = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
    tooled = server.create("two, with a TOOL", tools=[tool])["id"]
    continued = server.create("three", previous_response_id=tooled)["id"]

    def found(**query):
        return [r["id"] for r in server.get(f"/console/api/responses?{urlencode(query)}", headers=headers).json["data"]]

    assert found() == [continued, tooled, quoted]
    assert found(text="with a tool") == [tooled]  # what it continues is not its own
    assert found(text='"Ärger"\nand') == [quoted] and found(text="nobody said this") == []
    assert found(tool="function") == [tooled] and found(tool="web_search") == []
    now = int(time.time())
    assert found(since=now - 60, until=now + 60) == [continued, tooled, quoted]
    assert found(until=now - 60) == [] and found(since=now + 60) == []
    listed = server.get("/console/api/responses", headers=headers).json["data"]
    assert [r["tools"] for r in listed] == [[], ["function"], []]
    assert server.get(f"/console/api/responses?text={'x' * 201}", headers=headers).error["param"] == "text"
    assert server.get("/console/api/responses?since=yesterday", headers=headers).error["param"] == "since"


def test_tree(server, engine):
    headers = {**OURS, "Cookie": cookie_of(sign_in(server))}
    first = server.create("how many?")["id"]
    engine.next(say("Seven."))
    left = server.create("are you sure?", previous_response_id=first)["id"]
    right = server.create("say it again", previous_response_id=first)["id"]
    got = server.get(f"/console/api/tree/{left}", headers=headers).json
    assert [(n["id"], n["parent"]) for n in got["data"]] == [(first, None), (left, 0), (right, 0)] and got["cut"] is False
    assert got["data"][1]["asked"] == "are you sure?" and got["data"][1]["said"] == "Seven." and got["data"][1]["status"] == "completed"
    server.delete(f"/v1/responses/{first}")
    assert [(n["id"], n["parent"]) for n in server.get(f"/console/api/tree/{right}", headers=headers).json["data"]] == [(None, None), (right, 0), (left, 0)]
    alone = server.create("alone", store=True)["id"]
    assert len(server.get(f"/console/api/tree/{alone}", headers=headers).json["data"]) == 1
    for id in (first, "resp_" + "0" * 40, "conv_" + "0" * 40, "x"):
        assert server.get(f"/console/api/tree/{id}", headers=headers).status == 404
    make_key(server, "other", project="other")
    assert server.get(f"/console/api/tree/{left}", headers={**headers, "openai-project": "other"}).status == 404


def test_conversations_are_listed(server):
    headers = {**OURS, "Cookie": cookie_of(sign_in(server))}
    ids = [server.post("/v1/conversations", {"metadata": {"n": str(i)}}).json["id"] for i in range(3)]
    turns = [server.create(f"turn {i}", conversation=ids[1])["id"] for i in range(2)]
    page = server.get("/console/api/conversations?limit=2", headers=headers).json
    assert [(c["id"], c["metadata"], c["turns"]) for c in page["data"]] == [(ids[2], {"n": "2"}, False), (ids[1], {"n": "1"}, True)]
    rest = server.get(f"/console/api/conversations?before={page['next']}", headers=headers).json
    assert [c["id"] for c in rest["data"]] == [ids[0]] and rest["next"] is None
    assert [n["id"] for n in server.get(f"/console/api/tree/{ids[1]}", headers=headers).json["data"]] == turns
    assert server.get(f"/console/api/tree/{ids[0]}", headers=headers).json["data"] == []
    server.delete(f"/v1/conversations/{ids[2]}")
    assert [c["id"] for c in server.get("/console/api/conversations", headers=headers).json["data"]] == [ids[1], ids[0]]
    assert server.get("/console/api/conversations?before=0", headers=headers).error["param"] == "before"


def test_settings_say_where_they_came_from(servers, engine, tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text(f"net:\n  head_bytes: 70000\nengines:\n  - url: {engine.url}\n    key: secret-word\naliases:\n  other-*: one\n")
    server = servers(None, args=["--config", str(path), "--set", "store.group=100", "--set", "server.cors=https://me:hidden-word@x.example,https://y.example"])
    headers = {**OURS, "Cookie": cookie_of(sign_in(server))}
    answer = server.get("/console/api/settings", headers=headers)
    assert b"secret-word" not in answer.body and b"hidden-word" not in answer.body
    rows = {r["name"]: r for r in answer.json["data"]}
    assert rows["net.head_bytes"]["value"] == 70000 and rows["net.head_bytes"]["from"] == f"{path}:2"
    assert rows["store.group"]["value"] == 100 and rows["store.group"]["from"] == "--set" and rows["store.group"]["default"] == "256"
    assert rows["server.allow_anonymous"]["value"] is False and rows["server.allow_anonymous"]["from"] == "default"
    assert rows["engines[0].key"]["value"] == "***" and rows["server.cors"]["value"] == ["https://***@x.example", "https://y.example"] and rows["engines[0].key"]["from"].startswith(str(path))
    assert rows["aliases.other-*"]["value"] == "one"
    assert rows["server.hosts"]["value"] == [] and rows["server.listen"]["from"] == "--listen"


def test_runs_that_have_not_ended_are_shown(server):
    headers = {**OURS, "Cookie": cookie_of(sign_in(server))}
    first = server.create("go", background=True)
    listed = server.get("/console/api/responses", headers=headers).json
    assert first["id"] in [r["id"] for r in listed["open"] + listed["data"]]
    server.create("in front")
    eventually(lambda: [r["id"] for r in server.get("/console/api/responses?background=true", headers=headers).json["data"]] == [first["id"]])
    assert len(server.get("/console/api/responses", headers=headers).json["data"]) == 2
    assert server.get("/console/api/responses?background=perhaps", headers=headers).error["param"] == "background"


def test_mcp_servers_are_shown(servers, engine):
    with McpServer() as mcp:
        server = servers(engine, args=allow(mcp, "--set", f"mcp.servers=docs={mcp.url('legacy')},far={mcp.url('broken')}?token=s3cret"))
        headers = {**OURS, "Cookie": cookie_of(sign_in(server))}
        told = lambda **more: server.get("/console/api/mcp", headers={**headers, **more})
        before = told()
        assert [(s["label"], s["url"], s["lists"]) for s in before.json["data"]] == [("docs", mcp.url("legacy"), 0), ("far", mcp.url("broken"), 0)]
        assert b"s3cret" not in before.body
        ask(server, engine, mcp, '{"text": "x"}', "write")
        server.post("/v1/responses", {"model": "gpt-4o-mini", "input": "x", "tools": [{"type": "mcp", "server_label": "docs"}]})
        server.post("/v1/responses", {"model": "gpt-4o-mini", "input": "x", "tools": [{"type": "mcp", "server_label": "far"}]})
        got = {s["label"] or s["url"]: s for s in told().json["data"]}
        assert list(got) == ["docs", "far", mcp.url("modern")]
        docs, far, modern = got.values()
        assert docs["revision"] == "2025-11-25" and docs["lists"] == 1 and docs["listed_at"] and not docs["failures"] and docs["fault"] is None
        assert far["failures"] == 1 and far["failed_at"] and far["fault"] and far["revision"] is None and far["tools"] == []
        assert modern["revision"] == "2026-07-28" and modern["calls"] == 0
        tools = {t["name"]: t["read_only"] for t in modern["tools"]}
        assert tools["write"] is False and True in tools.values()
        make_key(server, "other", project="other")
        assert [s["lists"] for s in told(**{"openai-project": "other"}).json["data"]] == [0, 0]
        assert server.get("/console/api/mcp").status == 401


def test_limits_are_set(server):
    headers = {**OURS, "Cookie": cookie_of(sign_in(server))}
    ask = lambda method, path, body=None: server.request(method, f"/console/api/{path}", body, headers=headers)
    key = ask("POST", "keys", {"name": "laptop", "project": "work"}).json
    assert ask("GET", "limits").json["data"] == [] and ask("GET", "keys").json["data"][0]["last_used_at"] == 0
    got = ask("POST", "limits", {"key": key["id"], "limits": {"requests_per_minute": "1", "budget_per_month": "2.50"}}).json["data"]
    assert got == [{"key": key["id"], "limits": {"budget_per_month": "2.50", "requests_per_minute": "1"}}]
    assert server.post("/v1/responses", {"model": "gpt-4o-mini", "input": "x"}, key=key["secret"]).status == 200
    assert server.post("/v1/responses", {"model": "gpt-4o-mini", "input": "x"}, key=key["secret"]).status == 429
    assert abs(ask("GET", "keys").json["data"][0]["last_used_at"] - time.time()) < 60
    ask("POST", "limits", {"project": "work", "limits": {"storage_bytes": "5"}})
    ask("POST", "limits", {"key": key["id"], "limits": {"requests_per_minute": "none", "budget_per_month": "none"}})
    assert ask("GET", "limits").json["data"] == [{"project": "work", "limits": {"storage_bytes": "5"}}]
    assert server.post("/v1/responses", {"model": "gpt-4o-mini", "input": "x"}, key=key["secret"]).status == 200
    for body, param in [({"key": key["id"], "limits": {"requests_per_minute": "many"}}, "requests_per_minute"), ({"key": key["id"], "limits": {"storage_bytes": "5"}}, "limits"),
                        ({"project": "work", "limits": {"nothing": "5"}}, "limits")]:
        answer = ask("POST", "limits", body)
        assert answer.status == 400 and answer.error["param"] == param, body
    assert ask("POST", "limits", {"key": "key_nobodys", "limits": {}}).status == 404
    for path in ("limits", "webhooks/whe_x/deliveries"):
        assert server.get(f"/console/api/{path}", key=key["secret"]).status == 401
        assert server.get(f"/console/api/{path}", headers={**headers, "Origin": "http://evil.example"}).status == 403


def test_when_a_key_was_used_outlives_the_server(server):
    secret, _ = make_key(server, "one")
    assert server.get("/v1/models", key=secret).status == 200
    server.stop()
    server.start()
    headers = {**OURS, "Cookie": cookie_of(sign_in(server, link(server)))}
    assert abs(server.get("/console/api/keys", headers=headers).json["data"][0]["last_used_at"] - time.time()) < 120


def test_command_without_a_server(tmp_path):
    done = command("console", home=tmp_path)
    assert done.returncode == 1 and "no server runs" in done.stderr
