"""Where a response's time went: as it is kept, and how it is shown."""
import json

import pytest

from engine_script import Gate, call, hold, pause, say
from harness import command, eventually, make_key
from web_script import ScriptedWeb

SEARCH = {"type": "web_search"}


def phases(server, id, **more):
    answer = server.get(f"/v1/responses/{id}/phases", **more)
    assert answer.status == 200, answer
    got = answer.json
    at = 0
    for phase in got["phases"]:  # they follow each other without a gap, so their sum is the whole
        assert phase["start_us"] == at and (phase["duration_us"] is None) == (phase is got["phases"][-1]), got
        at += phase["duration_us"] or 0
    assert got["total_us"] == at
    return got


def kinds(got):
    return [phase["type"] for phase in got["phases"]]


def lasted(got, kind):
    return sum(phase["duration_us"] or 0 for phase in got["phases"] if phase["type"] == kind)


@pytest.mark.parametrize("stream", [False, True])
def test_a_plain_turn(server, engine, stream):
    engine.next(pause(0.2), say("Hel"), pause(0.3), say("lo"))
    made = list(server.stream("x"))[-2].data["response"] if stream else server.create("x")
    got = phases(server, made["id"])
    assert kinds(got)[0] == "load" and kinds(got)[-3:] == ["prompt", "answer", "save"], got
    assert got["model"] == made["model"] and got["status"] == "completed" and got["tools"] == []
    assert got["usage"]["output_tokens"] == made["usage"]["output_tokens"]
    assert abs(got["created_at"] - made["created_at"]) <= 2
    assert lasted(got, "prompt") >= 150_000 and lasted(got, "answer") >= 250_000


def test_tools_have_their_times(servers, engine):
    web = ScriptedWeb()
    server = servers(engine, args=web.args())
    engine.next(call("web_search", json.dumps({"query": "news"})))
    engine.next(say("So it is."))
    made = server.create("x", tools=[SEARCH])
    got = phases(server, made["id"])
    assert [k for k in kinds(got) if k in ("prompt", "tools", "answer")][-1] == "answer" and "tools" in kinds(got)
    tool, = got["tools"]
    assert tool["name"] == "web_search" and tool["ok"] and tool["duration_us"] > 0
    ran = next(phase for phase in got["phases"] if phase["type"] == "tools")
    assert ran["start_us"] <= tool["start_us"]
    assert tool["start_us"] + tool["duration_us"] <= ran["start_us"] + ran["duration_us"]
    web.close()


def test_a_background_run_waits_first(server, engine):
    engine.next(say("done"))
    made = server.create("x", background=True)
    eventually(lambda: server.get(f"/v1/responses/{made['id']}").json["status"] == "completed")
    got = phases(server, made["id"])
    assert kinds(got)[0] == "wait" and kinds(got)[-1] == "save"


def test_who_may_see_it(server, engine):
    made = server.create("x")
    key, _ = make_key(server, "other", project="elsewhere")
    assert server.get(f"/v1/responses/{made['id']}/phases", key=key).status == 404
    own, _ = make_key(server, "own")
    assert server.get(f"/v1/responses/{made['id']}/phases", key=own).status == 200
    assert server.get("/v1/responses/resp_nothing/phases", key=own).status == 404
    server.delete(f"/v1/responses/{made['id']}", key=own)
    assert server.get(f"/v1/responses/{made['id']}/phases", key=own).status == 404


# --- in a terminal ---

def show(server, *args, **more):
    done = command("show", *args, "--data", server.data, home=server.home, **more)
    assert done.returncode == 0 and not done.stderr, (done.stdout, done.stderr)
    return done.stdout


def test_show(server, engine):
    engine.next(pause(0.2), say("Hello \x1b[31mthere\nsecond line"))
    made = server.create("a question\x07", instructions="x")
    text = show(server, made["id"])
    assert made["id"] in text and "completed" in text and f"{made['usage']['output_tokens']} out" in text
    got = phases(server, made["id"])
    rows = [line for line in text.splitlines() if line.endswith("|")]
    assert [row.split()[0] for row in rows] == kinds(got)
    prompt = next(row for row in rows if row.split()[0] == "prompt")
    assert 0 < prompt.count("#") <= 40 and float(prompt.split()[1]) == round(lasted(got, "prompt") / 1000, 3)
    assert f"{got['total_us'] / 1000:.3f} ms" in text
    assert "> user" in text and "a question?" in text and "< assistant" in text and "Hello ?[31mthere..." in text
    assert "second line" not in text and "\x1b" not in text and "\x07" not in text


def test_show_what_is_not_there(server):
    for id in ("resp_nothing", "../../admin/keys", ""):
        done = command("show", id, "--data", server.data, home=server.home)
        assert done.returncode == 1 and done.stderr.startswith("antiphon: "), done
    done = command("show", "resp_x", "--data", server.data + "-other", home=server.home,
                   env={"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"})
    assert done.returncode == 1 and "no server answers" in done.stderr


def test_show_of_a_project_and_with_a_key(server, engine):
    key, _ = make_key(server, "one", project="team")
    made = server.create("x", key=key)
    assert made["id"] in show(server, made["id"], "--project", "team")
    assert command("show", made["id"], "--data", server.data, home=server.home).returncode == 1
    env = {"OPENAI_BASE_URL": server.url + "/v1", "OPENAI_API_KEY": key}
    assert made["id"] in show(server, made["id"], env=env)


def test_top(server, engine):
    gate = Gate()
    engine.next(say("one "), hold(gate), say("two"))
    stream = server.stream("x")
    assert gate.reached.wait(60)
    live = eventually(lambda: (v := server.get("/console/api/live").json)["turns"] and v["turns"][0]["phase"] == "answer" and v)
    turn, = live["turns"]
    assert turn["id"].startswith("resp_") and turn["kind"] == "response" and turn["pieces"] >= 1 and turn["seconds"] > 0
    engine_row, = live["engines"]
    assert engine_row["busy"] == 1 and engine_row["waiting"] == 0 and engine_row["state"] == "up"
    done = command("top", "--once", "--data", server.data, home=server.home)
    assert done.returncode == 0 and turn["id"] in done.stdout and "answer" in done.stdout and "ENGINE" in done.stdout, done
    gate.open.set()
    list(stream)
    eventually(lambda: not server.get("/console/api/live").json["turns"])
    make_key(server, "k")
    assert server.get("/console/api/live").status == 401
    assert command("top", "--data", server.data, home=server.home).returncode == 0  # the socket is its owner's
    assert command("top", "--data", server.data + "2", home=server.home).returncode == 1
