"""Webhooks: endpoints, signed deliveries that are never lost, and addresses that are never reached."""
import http.client
import http.server
import json
import re
import threading
import time

import openai
import pytest
from openai import OpenAI

from engine_script import Gate, finish, hang, hold, say, status
from harness import PATIENCE, eventually, make_key

ALL = ["response.completed", "response.failed", "response.cancelled", "response.incomplete", "batch.completed", "batch.failed",
       "batch.expired", "batch.cancelled", "budget.warning"]
HERE = ("--set", "fetch.allow=127.0.0.1", "--set", "api.webhook_retry_ms=50")


class Receiver:
    """A web server that keeps what it is sent. Answers with the statuses of `script`, then with 200."""

    def __init__(self):
        self.got, self.script, self.location, self.gate, self.answer = [], [], None, None, b""
        self.arrived = threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                outer.take(self)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def take(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        with self.arrived:
            code = self.script.pop(0) if self.script else 200
            self.got.append(Delivery(request.path, dict(request.headers), body.decode()))
            self.arrived.notify_all()
        if self.gate:
            self.gate.wait(PATIENCE)
        try:
            request.send_response(code)
            if 300 <= code < 400:
                request.send_header("Location", self.location or self.url)
            request.send_header("Content-Length", str(len(self.answer)))
            request.end_headers()
            request.wfile.write(self.answer)
        except OSError:
            pass

    def wait(self, n=1):
        """What came, once there are so many."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.got) >= n, PATIENCE), f"{len(self.got)} of {n} came"
            return list(self.got)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Delivery:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body
        self.id = {k.lower(): v for k, v in headers.items()}["webhook-id"]
        self.json = json.loads(body)

    def unwrap(self, secret):
        return OpenAI(api_key="any", webhook_secret=secret).webhooks.unwrap(self.body, self.headers)


@pytest.fixture
def receiver():
    r = Receiver()
    yield r
    r.close()


@pytest.fixture
def hooked(servers, engine):
    return servers(engine, args=HERE)


def endpoint(server, url, types=ALL, **more):
    answer = server.post("/v1/webhook_endpoints", {"name": "mine", "url": url, "event_types": types}, **more)
    assert answer.status == 200, answer
    return answer.json


def background(server, text="hi", **more):
    return server.create(text, background=True, **more)


# --- endpoints ---

@pytest.mark.sdk
def test_endpoints(hooked, receiver):
    client = OpenAI(base_url=hooked.base_url, api_key="sk-any", max_retries=0)
    assert client.webhooks.event_types.list().data == ALL
    made = client.webhooks.create(name="mine", url=receiver.url, event_types=["response.completed", "response.failed"])
    assert made.id.startswith("whe_") and made.object == "webhook_endpoint" and made.url == receiver.url
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made.signing_secret)
    assert made.signing_secret_hint.startswith("whsec_...") and made.signing_secret_hint.endswith(made.signing_secret[-4:])
    assert made.created_at == made.updated_at and abs(made.created_at - time.time()) < PATIENCE
    shown = {k: v for k, v in made.to_dict().items() if k != "signing_secret"}
    assert client.webhooks.retrieve(made.id).to_dict() == shown
    assert client.webhooks.update(made.id).to_dict() == shown
    changed = client.webhooks.update(made.id, name="yours", event_types=["response.cancelled"])
    assert changed.name == "yours" and changed.event_types == ["response.cancelled"] and changed.url == receiver.url
    assert client.webhooks.retrieve(made.id) == changed
    rotated = client.webhooks.rotate_secret(made.id)
    assert rotated.signing_secret != made.signing_secret and rotated.signing_secret_hint != made.signing_secret_hint
    more = [client.webhooks.create(name=str(i), url=receiver.url, event_types=ALL).id for i in range(5)]
    assert [w.id for w in client.webhooks.list(limit=2)] == [*reversed(more), made.id]  # through all pages
    page = hooked.get("/v1/webhook_endpoints?limit=3").json
    assert page["has_more"] and page["first_id"] == more[4] and page["last_id"] == more[2] == page["data"][2]["id"]
    assert "signing_secret" not in json.dumps([{k: v for k, v in w.items() if k != "signing_secret_hint"} for w in page["data"]])
    gone = client.webhooks.delete(made.id)
    assert (gone.id, gone.object, gone.deleted) == (made.id, "webhook_endpoint.deleted", True)
    for lost in (client.webhooks.retrieve, client.webhooks.delete, client.webhooks.update, client.webhooks.rotate_secret):
        with pytest.raises(openai.NotFoundError):
            lost(made.id)


def test_bodies_are_checked(hooked, receiver):
    good = {"name": "n", "url": receiver.url, "event_types": ALL}
    for change, param in (({"name": None}, "name"), ({"event_types": ["video.completed"]}, "event_types[0]"),
                          ({"url": "ftp://example.com"}, "url"), ({"url": "https://me:you@example.com/"}, "url"),
                          ({"secret": "mine"}, "secret"), ({"event_types": []}, "event_types")):
        answer = hooked.post("/v1/webhook_endpoints", {**good, **change})
        assert answer.status == 400 and answer.error["param"] == param, answer
    made = endpoint(hooked, receiver.url)
    path = "/v1/webhook_endpoints/" + made["id"]
    assert hooked.post(path, {"url": "nonsense"}).error["param"] == "url"
    assert hooked.post(path + "/rotate_secret", {"keep": True}).error["param"] == "keep"
    assert hooked.post(path + "/test", {}).error["param"] == "event_type"
    assert hooked.get("/v1/webhook_endpoints?order=asc").error["param"] == "order"
    assert hooked.get("/v1/webhook_endpoints?after=whe_x").error["param"] == "after"
    answer = hooked.post(path + "/rotate_secret", "x", headers={"Content-Type": "text/plain"})
    assert answer.status == 415, answer


def test_another_project_sees_nothing(hooked, engine, receiver):
    mine, theirs = make_key(hooked, "a", "one")[0], make_key(hooked, "b", "two")[0]
    made = endpoint(hooked, receiver.url, key=mine)
    path = "/v1/webhook_endpoints/" + made["id"]
    assert hooked.get("/v1/webhook_endpoints", key=theirs).json["data"] == []
    for answer in (hooked.get(path, key=theirs), hooked.post(path, {"name": "x"}, key=theirs), hooked.delete(path, key=theirs),
                   hooked.post(path + "/rotate_secret", {}, key=theirs),
                   hooked.post(path + "/test", {"event_type": ALL[0]}, key=theirs)):
        assert answer.status == 404, answer
    assert hooked.get(path, key=mine).json["name"] == "mine"
    # Nor is the endpoint told of what others do.
    background(hooked, "theirs", key=theirs)
    made = background(hooked, "mine", key=mine)
    assert receiver.wait()[0].json["data"]["id"] == made["id"]


def test_a_project_has_so_many(servers, engine):
    server = servers(engine, args=("--set", "api.webhook_endpoints=2"))
    for _ in range(2):
        made = endpoint(server, "https://example.com/hook")
    answer = server.post("/v1/webhook_endpoints", {"name": "n", "url": "https://example.com", "event_types": ALL})
    assert answer.status == 400 and "webhook_endpoints" in answer.error["message"]
    server.delete("/v1/webhook_endpoints/" + made["id"])
    endpoint(server, "https://example.com/hook")


# --- addresses ---

@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "10.0.0.1", "192.168.1.1", "[::1]",
                                  "[::ffff:127.0.0.1]", "169.254.169.254", "[fd00:ec2::254]"])
def test_private_addresses_are_refused(server, host):
    answer = server.post("/v1/webhook_endpoints", {"name": "n", "url": f"http://{host}:8080/hook", "event_types": ALL})
    assert answer.status == 400 and answer.error["param"] == "url" and "fetch.allow" in answer.error["message"], answer


def test_private_addresses_are_refused_at_delivery(servers, engine, receiver, tmp_path):
    """What was allowed when the endpoint was made may not be so now."""
    data = str(tmp_path / "data")
    first = servers(engine, args=HERE, data=data)
    made = endpoint(first, receiver.url)
    first.stop()
    server = servers(engine, args=("--set", "api.webhook_retry_ms=50"), data=data)
    answer = server.post(f"/v1/webhook_endpoints/{made['id']}/test", {"event_type": ALL[0]})
    assert answer.status == 400 and "refused_address" in answer.error["message"], answer
    background(server)
    eventually(lambda: "fault=refused_address" in server.stderr())
    server.stop()
    assert not receiver.got
    # It was kept, and is delivered once it may be.
    servers(engine, args=HERE, data=data)
    receiver.wait()


def test_redirects_are_failures(hooked, engine, receiver):
    other = Receiver()
    try:
        receiver.script, receiver.location = [307], other.url
        endpoint(hooked, receiver.url)
        background(hooked)
        one, two = receiver.wait(2)
        assert one.id == two.id and not other.got
    finally:
        other.close()


# --- deliveries ---

@pytest.mark.sdk
def test_every_end_is_told(hooked, engine, receiver):
    secret = endpoint(hooked, receiver.url)["signing_secret"]
    engine.next(say("done"))
    ends = {"response.completed": background(hooked, "a")["id"]}
    receiver.wait(1)
    engine.next(say("half"), finish("length"))
    ends["response.incomplete"] = background(hooked, "b")["id"]
    receiver.wait(2)
    engine.next(status(400, "no"))
    ends["response.failed"] = background(hooked, "c")["id"]
    receiver.wait(3)
    gate = Gate()
    engine.next(hold(gate), hang())
    ends["response.cancelled"] = background(hooked, "d")["id"]
    gate.reached.wait(PATIENCE)
    assert hooked.post(f"/v1/responses/{ends['response.cancelled']}/cancel", {}).json["status"] == "cancelled"
    gate.open.set()
    got = receiver.wait(4)
    events = [d.unwrap(secret) for d in got]
    assert {e.type: e.data.id for e in events} == ends
    assert all(e.object == "event" and e.id.startswith("evt_") and abs(e.created_at - time.time()) < PATIENCE for e in events)
    assert len({e.id for e in events}) == len({d.id for d in got}) == 4
    headers = {k.lower(): v for k, v in got[0].headers.items()}
    assert headers["content-type"] == "application/json" and headers["user-agent"].startswith("antiphon/")
    assert got[0].path == "/hook" and got[0].id.startswith("wh_")
    with pytest.raises(openai.InvalidWebhookSignatureError):
        got[0].unwrap("whsec_" + "A" * 43 + "=")


def test_foreground_is_not_told(hooked, engine, receiver):
    endpoint(hooked, receiver.url)
    hooked.create("foreground")
    made = background(hooked, "background")
    assert [d.json["data"]["id"] for d in receiver.wait()] == [made["id"]]


def test_only_wanted_types(hooked, engine, receiver):
    endpoint(hooked, receiver.url, ["response.failed"])
    first = background(hooked, "a")
    eventually(lambda: hooked.get("/v1/responses/" + first["id"]).json["status"] == "completed")
    engine.next(status(400, "no"))
    failed = background(hooked, "b")
    assert [d.json["data"]["id"] for d in receiver.wait()] == [failed["id"]]


@pytest.mark.sdk
def test_retried_until_it_arrives(hooked, engine, receiver):
    secret = endpoint(hooked, receiver.url)["signing_secret"]
    receiver.script = [500, 404, 302]
    made = background(hooked)
    got = receiver.wait(4)
    assert len({d.id for d in got}) == 1 and len({d.body for d in got}) == 1
    assert got[-1].unwrap(secret).data.id == made["id"]
    eventually(lambda: hooked.stderr().count("a webhook was not delivered") == 3)
    again = background(hooked, "again")  # nothing is left of the first
    assert [d.json["data"]["id"] for d in receiver.wait(5)][4:] == [again["id"]]


def signed_in(server):
    """Headers of a console's page."""
    own = {"x-antiphon-console": "1"}
    made = server.request("POST", "/console/api/sign_in", {}, headers=own)
    return {**own, "Cookie": made.headers["set-cookie"].split(";")[0]}


def test_what_was_told_is_kept_and_sent_again(hooked, engine, receiver):
    secret, at, headers = (made := endpoint(hooked, receiver.url))["signing_secret"], f"/console/api/webhooks/{made['id']}/deliveries", signed_in(hooked)
    receiver.script = [503]
    first = background(hooked)
    receiver.wait(2)
    told = lambda: hooked.get(at, headers=headers).json["data"]
    one, = eventually(lambda: (rows := told())[0]["status"] == "delivered" and rows)
    assert one["subject"] == first["id"] and one["type"] == "response.completed" and one["tries"] == 2 and one["answer"] == 200 and one["reason"] == ""
    assert one["id"] == receiver.got[0].json["id"] and one["ended_at"] >= one["created_at"]
    again = hooked.request("POST", f"{at}/{one['id']}", {}, headers=headers)
    assert again.json == {"id": one["id"], "status": "waiting"}
    got = receiver.wait(3)
    assert len({d.id for d in got}) == 1 and len({d.body for d in got}) == 1  # the same webhook-id, the same event
    assert got[2].unwrap(secret).data.id == first["id"]
    eventually(lambda: told()[0]["status"] == "delivered" and told()[0]["tries"] == 1)
    hooked.kill()
    hooked.start()
    headers = signed_in(hooked)
    assert [d["status"] for d in told()] == ["delivered"]
    second = background(hooked)
    receiver.wait(4)
    eventually(lambda: [d["status"] for d in told()] == ["delivered"] * 2)
    page = hooked.get(f"{at}?limit=1", headers=headers).json
    assert page["data"][0]["subject"] == second["id"]
    assert [d["subject"] for d in hooked.get(f"{at}?limit=1&before={page['next']}", headers=headers).json["data"]] == [first["id"]]
    for path in (f"{at}/evt_{'0' * 40}", f"/console/api/webhooks/whe_{'0' * 40}/deliveries/{one['id']}"):
        assert hooked.request("POST", path, {}, headers=headers).status == 404
    assert hooked.get(f"/console/api/webhooks/whe_{'0' * 40}/deliveries", headers=headers).status == 404
    assert hooked.request("POST", f"{at}/{one['id']}", {}, headers={**headers, "Origin": "http://evil.example"}).status == 403
    assert hooked.request("POST", f"{at}/{one['id']}", {}).status == 401 and len(receiver.got) == 4


def test_what_was_given_up_is_sent_again(servers, engine, receiver):
    server = servers(engine, args=(*HERE, "--set", "api.webhook_keep_seconds=60", "--set", "api.webhook_retry_ms=3600000",
                                   "--set", "api.webhook_retry_most_ms=86400000"))
    at, headers = f"/console/api/webhooks/{endpoint(server, receiver.url)['id']}/deliveries", signed_in(server)
    receiver.script = [500]
    background(server)
    row = eventually(lambda: (rows := server.get(at, headers=headers).json["data"]) and rows[0]["status"] == "given_up" and rows[0])
    assert row["answer"] == 500 and "500" in row["reason"] and row["tries"] == 1
    server.request("POST", f"{at}/{row['id']}", {}, headers=headers)
    assert len({d.id for d in receiver.wait(2)}) == 1
    eventually(lambda: server.get(at, headers=headers).json["data"][0]["status"] == "delivered")


def test_what_waits_is_sent_now(servers, engine, receiver):
    server = servers(engine, args=(*HERE, "--set", "api.webhook_retry_ms=3600000", "--set", "store.past_deliveries=0"))
    at, headers = f"/console/api/webhooks/{endpoint(server, receiver.url)['id']}/deliveries", signed_in(server)
    receiver.script = [500]
    background(server)
    row = eventually(lambda: (rows := server.get(at, headers=headers).json["data"]) and rows[0]["tries"] and rows[0])
    assert row["status"] == "waiting" and row["answer"] == 500 and row["next_try_at"] > time.time() + 600
    server.request("POST", f"{at}/{row['id']}", {}, headers=headers)
    receiver.wait(2)
    eventually(lambda: server.get(at, headers=headers).json["data"] == [])  # none are kept


def test_given_up_in_the_end(servers, engine, receiver):
    server = servers(engine, args=(*HERE, "--set", "api.webhook_keep_seconds=60", "--set", "api.webhook_retry_ms=3600000",
                                   "--set", "api.webhook_retry_most_ms=86400000"))
    endpoint(server, receiver.url)
    receiver.script = [500]
    background(server)
    eventually(lambda: "a webhook is given up" in server.stderr())
    assert len(receiver.got) == 1


@pytest.mark.sdk
def test_both_secrets_count_for_a_day(hooked, engine, receiver):
    made = endpoint(hooked, receiver.url)
    path = f"/v1/webhook_endpoints/{made['id']}/rotate_secret"
    rotated = hooked.post(path, {"keep_old_secret_active_for_24_hours": True}).json
    background(hooked, "a")
    one = receiver.wait(1)[0]
    one.unwrap(made["signing_secret"])
    one.unwrap(rotated["signing_secret"])
    assert len({k.lower(): v for k, v in one.headers.items()}["webhook-signature"].split(" ")) == 2
    last = hooked.post(path, None).json
    background(hooked, "b")
    two = receiver.wait(2)[1]
    two.unwrap(last["signing_secret"])
    for old in (made, rotated):
        with pytest.raises(openai.InvalidWebhookSignatureError):
            two.unwrap(old["signing_secret"])


@pytest.mark.sqlite
def test_secrets_are_sealed_on_disk(hooked, receiver):
    secret = endpoint(hooked, receiver.url)["signing_secret"]
    with open(hooked.data + "/antiphon.db", "rb") as f, open(hooked.data + "/antiphon.db-wal", "rb") as wal:
        disk = f.read() + wal.read()
    assert b"/hook" in disk and secret[6:].encode() not in disk


def test_a_deleted_endpoint_is_left_alone(hooked, engine, receiver):
    made = endpoint(hooked, receiver.url)
    receiver.script = [500] * 1000
    background(hooked)
    receiver.wait(2)
    assert hooked.delete("/v1/webhook_endpoints/" + made["id"]).status == 200
    endpoint(hooked, receiver.url.replace("/hook", "/other"))
    receiver.script = []
    background(hooked, "more")
    eventually(lambda: any(d.path == "/other" for d in receiver.got))
    count = len([d for d in receiver.got if d.path == "/hook"])
    background(hooked, "even more")
    eventually(lambda: len([d for d in receiver.got if d.path == "/other"]) == 2)
    assert len([d for d in receiver.got if d.path == "/hook"]) <= count + 1  # one may have been on its way


def test_a_slow_endpoint_keeps_nobody_waiting(hooked, engine, receiver):
    slow = Receiver()
    slow.gate = threading.Event()
    try:
        endpoint(hooked, slow.url)
        endpoint(hooked, receiver.url)
        for i in range(6):
            background(hooked, str(i))
        receiver.wait(6)
        assert len(slow.got) <= 2  # webhook_sends_endpoint
        slow.gate.set()
        slow.wait(6)
        assert {d.json["data"]["id"] for d in slow.got} == {d.json["data"]["id"] for d in receiver.got}
    finally:
        slow.gate.set()
        slow.close()


def test_an_endpoint_that_never_answers(servers, engine, receiver):
    server = servers(engine, args=(*HERE, "--set", "api.webhook_timeout_ms=200"))
    endpoint(server, receiver.url)
    receiver.gate = threading.Event()
    background(server)
    one, two = receiver.wait(2)[:2]
    assert one.id == two.id and "fault=timeout" in server.stderr()
    receiver.gate.set()


def test_a_long_answer_is_a_delivery(servers, engine, receiver):
    """Nobody needs what it says."""
    server = servers(engine, args=(*HERE, "--set", "api.webhook_answer_bytes=1024"))
    endpoint(server, receiver.url)
    receiver.answer = b"x" * (8 << 20)
    made = [background(server, str(i))["id"] for i in range(2)]
    got = [d.json["data"]["id"] for d in receiver.wait(2)]
    last = background(server, "last")["id"]
    assert sorted(got) == sorted(made) and receiver.wait(3)[2].json["data"]["id"] == last
    assert "was not delivered" not in server.stderr()


def test_so_many_samples_at_once(servers, engine, receiver):
    server = servers(engine, args=(*HERE, "--set", "server.loops=1", "--set", "api.webhook_sends=1", "--set",
                                   "api.webhook_queue=1"))
    path = f"/v1/webhook_endpoints/{endpoint(server, receiver.url)['id']}/test"
    receiver.gate = threading.Event()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(server.post(path, {"event_type": ALL[0]}))) for _ in range(4)]
    threads[0].start()
    receiver.wait()  # one is sent ...
    for thread in threads[1:]:
        thread.start()
    eventually(lambda: len(answers) == 2)  # ... one waits
    assert all(a.status == 503 and a.headers["retry-after"] == "1" for a in answers), answers
    receiver.gate.set()
    for thread in threads:
        thread.join()
    assert sorted(a.status for a in answers) == [200, 200, 503, 503]


def test_the_end_of_the_server_waits_for_no_endpoint(hooked, engine, receiver):
    endpoint(hooked, receiver.url)
    receiver.gate = threading.Event()
    background(hooked)
    receiver.wait()
    hooked.stop(patience=8)  # less than the delivery may take
    receiver.gate.set()


@pytest.mark.sdk
def test_kill_between_end_and_delivery(servers, engine, receiver, tmp_path):
    """What was told as done is delivered, whatever happens before: with the same webhook-id."""
    data = str(tmp_path / "data")
    server = servers(engine, args=HERE, data=data)
    secret = endpoint(server, receiver.url)["signing_secret"]
    receiver.script = [500]
    receiver.gate = threading.Event()
    made = background(server)
    first = receiver.wait()[0]  # committed, and not yet acknowledged
    server.kill()
    receiver.gate.set()
    receiver.gate = None
    servers(engine, args=HERE, data=data)
    again = receiver.wait(2)[1]
    assert again.id == first.id and again.body == first.body
    assert again.unwrap(secret).data.id == made["id"]


def test_kill_while_nobody_listens(servers, engine, tmp_path):
    data = str(tmp_path / "data")
    dead = Receiver()
    server = servers(engine, args=HERE, data=data)
    endpoint(server, dead.url)
    port = dead.server.server_port
    dead.close()
    made = [background(server, str(i))["id"] for i in range(5)]
    for id in made:
        eventually(lambda: server.get("/v1/responses/" + id).json["status"] == "completed")
    server.kill()
    alive = Receiver()
    try:
        server = servers(engine, args=HERE, data=data)
        page = server.get("/v1/webhook_endpoints").json["data"][0]
        assert str(port) in page["url"]
        server.post("/v1/webhook_endpoints/" + page["id"], {"url": alive.url})
        eventually(lambda: {d.json["data"]["id"] for d in alive.got} >= set(made))
    finally:
        alive.close()


# --- a sample ---

@pytest.mark.sdk
def test_a_sample(hooked, receiver):
    client = OpenAI(base_url=hooked.base_url, api_key="sk-any", max_retries=0)
    made = client.webhooks.create(name="mine", url=receiver.url, event_types=["response.completed"])
    receiver.script = [200, 503]
    result = client.webhooks.test(made.id, event_type="response.failed")
    assert (result.status_code, result.success, result.event_type) == (200, True, "response.failed")
    assert result.webhook_endpoint_id == made.id and result.object == "webhook_endpoint.test"
    event = receiver.got[0].unwrap(made.signing_secret)
    assert event.type == "response.failed" and event.data.id.startswith("resp_")
    assert client.webhooks.test(made.id, event_type="response.failed").status_code == 503
    client.webhooks.update(made.id, url="http://127.0.0.1:1/")
    with pytest.raises(openai.BadRequestError, match="unreachable"):
        client.webhooks.test(made.id, event_type="response.failed")
    assert len(receiver.got) == 2  # a sample is not sent again


def test_a_client_that_leaves_its_sample(hooked, receiver):
    made = endpoint(hooked, receiver.url)
    receiver.gate = threading.Event()
    connection = http.client.HTTPConnection(hooked.host, hooked.port)
    connection.request("POST", f"/v1/webhook_endpoints/{made['id']}/test", json.dumps({"event_type": ALL[0]}),
                       {"Content-Type": "application/json"})
    receiver.wait()
    connection.close()
    receiver.gate.set()
    assert hooked.get("/health").status == 200
