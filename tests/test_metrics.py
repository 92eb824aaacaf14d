"""GET /metrics: what it counts, who may ask, and the access log."""
import http.client
import json
import pathlib
import re
import shutil
import socket
import subprocess
import threading

import pytest

from engine_script import Gate, ScriptedEngine, call, hold, say, status
from harness import TREE, command, eventually, make_key
from web_script import ScriptedWeb

SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')


def parse(text):
    """{name: {labels as a sorted tuple of pairs: value}}"""
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            pairs = tuple(sorted(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")))
            assert pairs not in found.setdefault(name, {}), f"twice: {line}"
            found[name][pairs] = float(value)
    return found


def scrape(server):
    answer = server.get("/metrics")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/plain; version=0.0.4"), answer
    return parse(answer.body.decode())


def value(metrics, name, **labels):
    return metrics.get(name, {}).get(tuple(sorted(labels.items())), 0)


def test_a_turn_is_counted(server, engine):
    before = scrape(server)
    engine.next(say("one ", "two"))
    made = server.create("x")
    list(server.stream("y"))
    assert server.post("/v1/responses", {"model": "no-such", "input": "x"}).status == 400
    server.post("/v1/chat/completions", {"model": "scripted", "messages": [{"role": "user", "content": "x"}]})
    got = scrape(server)

    def grown(name, **labels):
        return value(got, name, **labels) - value(before, name, **labels)

    model = made["model"]
    assert grown("antiphon_turns_total", kind="response", status="completed", model=model) == 2
    assert grown("antiphon_turns_total", kind="response", status="refused", model="other") == 1
    assert grown("antiphon_turns_total", kind="chat", status="completed", model=model) == 1
    assert grown("antiphon_time_to_first_token_seconds_count", model=model) == 3
    assert grown("antiphon_tokens_total", type="output", model=model) >= made["usage"]["output_tokens"]
    assert grown("antiphon_http_requests_total", route="POST /v1/responses", code="200") == 2
    assert grown("antiphon_http_requests_total", route="POST /v1/responses", code="400") == 1
    assert grown("antiphon_engine_calls_total", engine=next(dict(k)["engine"] for k in got["antiphon_engine_slots"]), result="ok") == 3
    assert grown("antiphon_store_commits_total", result="ok") >= 2
    assert grown("antiphon_store_write_bytes_count") >= 2 and value(got, "antiphon_store_waiting") == 0
    assert value(got, "antiphon_turns_running") == 0
    assert grown("antiphon_turn_phase_seconds_total", type="answer") >= 0
    for name in ("antiphon_turn_phase_seconds_total", "antiphon_engine_queue_seconds_count"):
        assert got[name]


def test_names_of_clients_do_not_grow_the_tables(servers, engine):
    server = servers(engine)
    for i in range(50):
        server.post("/v1/responses", {"model": f"made-up-{i}", "input": "x"})
        server.get(f"/v1/nothing/{i}")
        server.get(f"/v1/responses/resp_{i}")
    got = server.get("/metrics").body.decode()
    assert "made-up" not in got and "nothing/" not in got and "resp_" not in got
    metrics = parse(got)
    assert value(metrics, "antiphon_http_requests_total", route="other", code="404") == 50
    assert value(metrics, "antiphon_http_requests_total", route="GET /v1/responses/{id}", code="404") == 50


def test_waiting_and_slots(servers):
    engine = ScriptedEngine(slots=1)
    server = servers(engine)
    gate = Gate()
    engine.next(hold(gate), say("first"))
    engine.next(say("second"))
    first, made = server.stream("a"), []
    assert gate.reached.wait(60)
    second = threading.Thread(target=lambda: made.append(server.create("b")))
    second.start()
    got = eventually(lambda: (m := scrape(server)) and 1 in m["antiphon_engine_waiting"].values() and m)
    assert list(got["antiphon_engine_slots_busy"].values()) == [1] and list(got["antiphon_engine_slots"].values()) == [1]
    assert value(got, "antiphon_turns_running") == 2
    gate.open.set()
    list(first)
    second.join()
    phases = server.get(f"/v1/responses/{made[0]['id']}/phases").json["phases"]
    assert any(p["type"] == "queue" and p["duration_us"] > 0 for p in phases), phases
    got = scrape(server)
    assert list(got["antiphon_engine_waiting"].values()) == [0] and value(got, "antiphon_engine_queue_seconds_count") == 2
    engine.close()


def test_tools_background_and_failures(servers, engine):
    web = ScriptedWeb()
    server = servers(engine, args=web.args())
    engine.next(call("web_search", json.dumps({"query": "news"})))
    engine.next(say("done"))
    server.create("x", tools=[{"type": "web_search"}])
    engine.next(say("later"))
    made = server.create("x", background=True)
    eventually(lambda: server.get(f"/v1/responses/{made['id']}").json["status"] == "completed")
    engine.next(status(400, {"message": "no"}))
    server.post("/v1/responses", {"model": "scripted", "input": "x"})
    got = eventually(lambda: (m := scrape(server)) and value(m, "antiphon_background_running") == 0 and m)
    assert value(got, "antiphon_tool_calls_total", tool="web_search", result="ok") == 1
    assert value(got, "antiphon_tool_call_seconds_count", tool="web_search") == 1
    assert value(got, "antiphon_background_queued_total") == 1 and value(got, "antiphon_background_wait_seconds_count") == 1
    assert value(got, "antiphon_turns_total", kind="background", status="completed", model=made["model"]) == 1
    assert sum(v for k, v in got["antiphon_turns_total"].items() if dict(k)["status"] == "failed") == 1
    assert sum(v for k, v in got["antiphon_engine_calls_total"].items() if dict(k)["result"] == "failed") == 1
    web.close()


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (package prometheus) is not installed")
def test_promtool_finds_nothing(server, engine):
    server.create("x")
    done = subprocess.run(["promtool", "check", "metrics"], input=server.get("/metrics").body, capture_output=True)
    assert done.returncode == 0 and not done.stdout and not done.stderr, (done.stdout, done.stderr)


def test_the_page_names_every_metric(server):
    page = (pathlib.Path(TREE) / "docs" / "operations.md").read_text()
    for name in re.findall(r"^# TYPE (\S+)", server.get("/metrics").body.decode(), re.M):
        assert f"`{name}`" in page, name


# --- who may ask ---

class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def test_never_open_to_keys(server):
    assert server.get("/metrics").status == 200  # this machine, and no key was ever made
    assert server.get("/metrics", headers={"Host": "evil.example"}).status == 403
    assert server.get("/metrics", headers={"Origin": "http://evil.example"}).status == 403
    key, _ = make_key(server, "one")
    assert server.get("/metrics").status == 401
    refused = server.get("/metrics", key=key)
    assert refused.status == 401 and "metrics.listen" in refused.error["message"]
    assert server.get("/metrics", headers={"x-antiphon-console": "1", "Cookie": "antiphon_console=guess"}).status == 401


def test_a_socket_of_the_api_is_not_its_owners(servers, engine, tmp_path):
    """A proxy in front may stand at server.listen=unix:...; what only the owner may ask is at the socket in the data folder."""
    path = tmp_path / "api.sock"
    server = servers(engine, args=["--listen", f"unix:{path}"])
    key, _ = make_key(server, "one", project="team")
    made = server.create("x", key=key)

    def ask(target, socket_path, **headers):
        with Unix(socket_path) as connection:
            connection.request("GET", target, headers=headers)
            return connection.getresponse().status

    own = next(p for p in pathlib.Path(server.data).glob("*.sock*"))
    for target in ("/metrics", "/console/api/live"):
        assert ask(target, path) == 401 and ask(target, own) == 200
    as_team = {"OpenAI-Project": "team"}
    assert ask(f"/v1/responses/{made['id']}", path, **as_team) == 401
    assert ask(f"/v1/responses/{made['id']}", own, **as_team) == 200 and ask(f"/v1/responses/{made['id']}", own) == 404


def test_a_listener_of_its_own(servers, engine, tmp_path):
    path = tmp_path / "metrics.sock"
    server = servers(engine, args=["--set", f"metrics.listen=unix:{path}"])
    make_key(server, "one")

    def ask(method, target, **headers):
        with Unix(path) as connection:
            connection.request(method, target, headers=headers)
            response = connection.getresponse()
            return response.status, response.read().decode()

    code, text = ask("GET", "/metrics")
    assert code == 200 and parse(text)["antiphon_build_info"]
    assert ask("GET", "/health")[0] == 200
    assert ask("GET", "/v1/models")[0] == 404 and ask("GET", "/console")[0] == 404
    assert ask("POST", "/metrics")[0] == 405
    assert ask("GET", "/metrics", **{"Sec-Fetch-Site": "cross-site"})[0] == 403
    assert ask("GET", "/metrics", **{"Sec-Fetch-Site": "none"})[0] == 200


def test_a_taken_port_is_told(servers, engine):
    server = servers(engine)
    done = command("serve", "--listen", "127.0.0.1:0", "--data", server.data + "2", "--engine", engine.url[:-3],
                   "--set", f"metrics.listen=127.0.0.1:{server.port}", home=server.home)
    assert done.returncode == 1 and str(server.port) in done.stderr, done


# --- the access log ---

def lines(server):
    return [dict(re.findall(r'(\w+)=(\S+)', line)) for line in server.stderr().splitlines() if " request  id=" in line]


def test_access_log(servers, engine):
    server = servers(engine, args=["--set", "server.access_log=true"])
    key, id = make_key(server, "one")
    answer = server.post("/v1/responses", {"model": "scripted", "input": "secret words"}, key=key)
    server.post("/v1/chat/completions", {"model": "scripted", "messages": [{"role": "user", "content": "x"}]}, key=key)
    server.get("/v1/models?after=secret")
    of_turn = eventually(lambda: [line for line in lines(server) if line["id"] == answer.headers["x-request-id"]])[0]
    assert of_turn["key"] == id and of_turn["method"] == "POST" and of_turn["path"] == "/v1/responses" and of_turn["status"] == "200"
    spent = sum(float(of_turn[p]) for p in ("load", "queue", "prompt", "answer", "save") if p in of_turn)
    assert "save" in of_turn and "prompt" in of_turn
    assert spent <= float(of_turn["ms"]) + 0.01  # and the rest is the writing of the answer
    chat = eventually(lambda: [line for line in lines(server) if line["path"] == "/v1/chat/completions"])[0]
    assert "prompt" in chat and chat["key"] == id
    refused = eventually(lambda: [line for line in lines(server) if line["path"] == "/v1/models"])[0]
    assert refused["status"] == "401" and refused["key"] == "-"
    assert "secret" not in "".join(line for line in server.stderr().splitlines() if " request  id=" in line)


def test_access_log_is_off_unless_asked(server):
    server.create("x")
    server.get("/v1/models")
    assert not lines(server)
