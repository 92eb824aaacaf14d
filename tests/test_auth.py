"""Who may ask: keys and projects, and pages in a browser."""
import subprocess

import pytest

from engine_script import say
from harness import BINARY, command, environment, make_key, text_of

SOME_ID = "resp_0123456789abcdef0123456789abcdef0123456789abcdef01"


def test_without_keys_any_key_will_do(server):
    for key in (None, "sk-anything", "x"):
        assert text_of(server.create("hi", key=key)) == "You said: hi."


def test_the_first_key_closes_the_door(server):
    secret, _ = make_key(server, "first")
    for key in (None, "sk-wrong", secret[:-1], secret + "x", secret.upper()):
        answer = server.post("/v1/responses", {"model": "scripted", "input": "hi"}, key=key)
        assert answer.status == 401, answer
        assert answer.error["type"] == "invalid_request_error"
        if key:
            assert answer.error["code"] == "invalid_api_key"
            assert key not in answer.body.decode() or len(key) < 12, "the key comes back in the error"
    assert text_of(server.create("hi", key=secret)) == "You said: hi."


def test_making_the_first_key_hides_nothing(server):
    made = server.create("before any key")
    secret, _ = make_key(server, "first")
    assert server.get("/v1/responses/" + made["id"], key=secret).status == 200


def test_health_needs_no_key(server):
    make_key(server, "first")
    assert server.get("/health").status == 200
    assert server.get("/ready").status == 200
    assert server.get("/v1/models").status == 401


def test_a_revoked_key_is_refused_at_once_and_deletes_nothing(server):
    one, one_id = make_key(server, "one")
    two, _ = make_key(server, "two")
    made = server.create("hi", key=one)
    done = command("keys", "revoke", one_id, "--data", server.data, home=server.home)
    assert done.returncode == 0, done.stderr
    assert server.get("/v1/models", key=one).status == 401
    assert server.get("/v1/responses/" + made["id"], key=two).status == 200


def test_revoking_the_last_key_does_not_open_the_door(server):
    only, only_id = make_key(server, "only")
    done = command("keys", "revoke", only_id, "--data", server.data, home=server.home)
    assert done.returncode == 0, done.stderr
    assert server.get("/v1/models", key=only).status == 401
    assert server.get("/v1/models", key="any").status == 401


def test_keys_of_one_project_share_its_state(server):
    one, _ = make_key(server, "one", "red")
    two, _ = make_key(server, "two", "red")
    made = server.create("hi", key=one)
    assert server.get("/v1/responses/" + made["id"], key=two).json == made


def test_another_projects_ids_are_404_on_every_route(server, engine):
    mine, _ = make_key(server, "mine", "red")
    other, _ = make_key(server, "other", "blue")
    made = server.create("secret of red", key=mine)
    id, item = made["id"], made["output"][0]["id"]
    missing = SOME_ID
    for method, path in (("GET", "/v1/responses/%s"), ("GET", "/v1/responses/%s?stream=true"),
                         ("GET", "/v1/responses/%s/input_items"), ("POST", "/v1/responses/%s/cancel"), ("DELETE", "/v1/responses/%s")):
        theirs = server.request(method, path % id, key=other)
        nobodys = server.request(method, path % missing, key=other)
        assert theirs.status == nobodys.status == 404, (method, path, theirs, nobodys)
        # Nothing tells an id of somebody else from one that never was.
        assert theirs.body.replace(id.encode(), b"ID") == nobodys.body.replace(missing.encode(), b"ID")
    before = len(engine.requests)
    answer = server.post("/v1/responses", {"model": "scripted", "input": "go on", "previous_response_id": id}, key=other)
    assert answer.status in (400, 404) and answer.error["code"] == "previous_response_not_found", answer
    answer = server.post("/v1/responses", {"model": "scripted", "input": [{"type": "item_reference", "id": item}]}, key=other)
    assert answer.status in (400, 404), answer
    assert len(engine.requests) == before, "the engine was asked with another project's state"
    assert server.get("/v1/responses/" + id, key=mine).json == made


def test_project_header(server):
    key, _ = make_key(server, "one", "red")
    assert server.get("/v1/models", key=key, headers={"OpenAI-Project": "red"}).status == 200
    answer = server.get("/v1/models", key=key, headers={"OpenAI-Project": "blue"})
    assert answer.status == 401 and answer.error["code"] == "mismatched_project", answer


def test_key_from_the_environment(servers, engine):
    server = servers(engine, env={"ANTIPHON_API_KEY": "sk-from-the-environment"})
    assert server.get("/v1/models").status == 401
    assert server.get("/v1/models", key="sk-from-the-environment").status == 200


def test_keys_outlive_a_restart(servers, engine):
    server = servers(engine)
    secret, _ = make_key(server, "one")
    server.stop()
    again = servers(engine, data=server.data)
    assert again.get("/v1/models").status == 401
    assert again.get("/v1/models", key=secret).status == 200


def test_the_store_holds_no_secret(server):
    secret, _ = make_key(server, "one")
    server.create("hi", key=secret)
    found = subprocess.run(["grep", "-rlF", secret, server.data], capture_output=True, text=True)
    assert found.stdout == ""


def test_files_are_private(server):
    server.create("hi")
    found = subprocess.run(["find", server.data, "-type", "f", "-perm", "/077"], capture_output=True, text=True)
    assert found.stdout == ""


def test_listening_elsewhere_without_keys_is_refused(tmp_path, engine):
    done = subprocess.run([BINARY, "serve", "--listen", "0.0.0.0:0", "--data", str(tmp_path / "d"), "--engine", engine.url],
                          capture_output=True, text=True, timeout=60, env=environment(str(tmp_path)))
    assert done.returncode != 0
    assert "key" in done.stderr and "--allow-anonymous" in done.stderr, done.stderr


def test_listening_elsewhere_when_allowed(servers, engine):
    server = servers(engine, ["--allow-anonymous"], listen="0.0.0.0:0", ready=False)
    assert server.url.startswith("http://0.0.0.0:")


# --- a page in a browser is not a client: Host, Origin and Content-Type while there are no keys ---

PLAIN = {"Content-Type": "application/json"}
ATTACKS = [
    ("DNS rebinding", "POST", "/v1/responses", {**PLAIN, "Host": "evil.example"}, 403),
    ("DNS rebinding with our port", "POST", "/v1/responses", {**PLAIN, "Host": "evil.example:8080"}, 403),
    ("rebinding, GET", "GET", "/v1/models", {"Host": "evil.example"}, 403),
    ("a name that starts like ours", "GET", "/v1/models", {"Host": "localhost.evil.example"}, 403),
    ("a name that ends like ours", "GET", "/v1/models", {"Host": "evil-localhost"}, 403),
    ("an address that starts like ours", "GET", "/v1/models", {"Host": "127.0.0.1.evil.example"}, 403),
    ("another address", "GET", "/v1/models", {"Host": "10.0.0.1"}, 403),
    ("foreign page", "POST", "/v1/responses", {**PLAIN, "Origin": "https://evil.example"}, 403),
    ("foreign page, GET", "GET", "/v1/models", {"Origin": "https://evil.example"}, 403),
    ("page from a file", "POST", "/v1/responses", {**PLAIN, "Origin": "null"}, 403),
    ("foreign page that deletes", "DELETE", "/v1/responses/" + SOME_ID, {"Origin": "https://evil.example"}, 403),
    ("name in the page's origin", "POST", "/v1/responses", {**PLAIN, "Origin": "http://localhost.evil.example"}, 403),
    ("text/plain post", "POST", "/v1/responses", {"Content-Type": "text/plain"}, 415),
    ("text/plain with json in a parameter", "POST", "/v1/responses", {"Content-Type": "text/plain; application/json"}, 415),
    ("form post", "POST", "/v1/responses", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ("post without a type", "POST", "/v1/responses", {"Content-Type": ""}, 415),
    ("WebSocket from a page", "GET", "/v1/responses", {"Connection": "Upgrade", "Upgrade": "websocket",
     "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": "https://evil.example"}, 403),
]
ALLOWED = [
    ("localhost", {**PLAIN, "Host": "localhost"}),
    ("localhost with a port", {**PLAIN, "Host": "localhost:8080"}),
    ("capitals", {**PLAIN, "Host": "LOCALHOST"}),
    ("IPv4", {**PLAIN, "Host": "127.0.0.1:1"}),
    ("IPv6", {**PLAIN, "Host": "[::1]:8080"}),
    ("with a charset", {"Content-Type": "application/json; charset=utf-8"}),
    ("a name from server.hosts", {**PLAIN, "Host": "my.box"}),
]


@pytest.mark.parametrize("name,method,path,headers,status", ATTACKS, ids=[a[0] for a in ATTACKS])
def test_attack_by_a_page(server, engine, name, method, path, headers, status):
    body = b'{"model": "scripted", "input": "x"}' if method == "POST" else None
    answer = server.request(method, path, body, headers)
    assert answer.status == status, answer
    assert set(answer.error) == {"message", "type", "param", "code"}
    assert "access-control-allow-origin" not in answer.headers
    assert not engine.requests


@pytest.mark.parametrize("name,headers", ALLOWED, ids=[a[0] for a in ALLOWED])
def test_no_attack(servers, engine, name, headers):
    server = servers(engine, ["--set", "server.hosts=my.box"])
    assert server.request("POST", "/v1/responses", b'{"model": "scripted", "input": "x"}', headers).status == 200


def test_with_keys_any_host_will_do(server):
    secret, _ = make_key(server, "one")
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x"}, key=secret, headers={"Host": "api.my.house"})
    assert answer.status == 200, answer


def test_cors_when_configured(servers, engine):
    server = servers(engine, ["--set", "server.cors=https://my.page"])
    answer = server.request("OPTIONS", "/v1/responses", headers={
        "Origin": "https://my.page", "Access-Control-Request-Method": "POST"})
    assert answer.status in (200, 204) and answer.headers["access-control-allow-origin"] == "https://my.page", answer
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x"}, headers={"Origin": "https://my.page"})
    assert answer.status == 200 and answer.headers["access-control-allow-origin"] == "https://my.page"
    assert server.post("/v1/responses", {}, headers={"Origin": "https://other.page"}).status == 403


def test_requests_say_who_they_are(server):
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x"})
    assert answer.headers["x-request-id"].startswith("req_")
    assert int(answer.headers["openai-processing-ms"]) >= 0
    assert answer.headers["openai-version"]
    assert server.get("/v1/nothing").headers["x-request-id"].startswith("req_")
