"""The console over HTTP: who may sign in, what it shows, and that nobody else's page can ask."""
import json
import re

import pytest

from harness import command, make_key

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
    for name in set(re.findall(r'(?:src|href)="([\w.]+)"', page.body.decode())) | {"ask.js", "draw.js", "lists.js", "keys.js", "responses.js", "approvals.js", "playground.js", "start.js"}:
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


def test_runs_that_have_not_ended_are_shown(server):
    headers = {**OURS, "Cookie": cookie_of(sign_in(server))}
    first = server.create("go", background=True)
    listed = server.get("/console/api/responses", headers=headers).json
    assert first["id"] in [r["id"] for r in listed["open"] + listed["data"]]


def test_command_without_a_server(tmp_path):
    done = command("console", home=tmp_path)
    assert done.returncode == 1 and "no server runs" in done.stderr
