"""`antiphon record` and `antiphon replay`: a response in a file, and a server that gives it again from that file alone."""
import json
import os
import subprocess
import threading

import pytest

from engine_script import call, finish, say, think
from harness import BINARY, Server, command, environment, make_key
from mcp_script import McpServer
from web_script import ScriptedWeb

FUNCTION = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
OWN = {"id", "created_at", "completed_at", "previous_response_id", "conversation", "call_id", "item_id", "response_id", "sequence_number",
       "encrypted_content", "obfuscation", "background", "billing", "headers"}


def record(server, id, *more):
    done = command("record", id, "--data", server.data, *more, home=server.home)
    assert done.returncode == 0, done.stderr
    return done.stdout


def lines_of(recording):
    lines = [json.loads(line) for line in recording.splitlines()]
    assert lines[0]["type"] == "recording" and lines[1]["type"] == "request" and lines[-1]["type"] == "response"
    return lines


def bare(value):
    """Without what is new in each run: ids and times."""
    if isinstance(value, list):
        return [bare(one) for one in value]
    if isinstance(value, dict):
        return {name: bare(one) for name, one in value.items() if name not in OWN}
    return value


class Replay:
    def __init__(self, path, home):
        self.process = subprocess.Popen([BINARY, "replay", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=environment(home))
        self.url = self.process.stdout.readline().split()[2]
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def close(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def played(servers, tmp_path):
    """A function of a recording's text: a server that has nothing else."""
    replays = []

    def play(recording):
        path = tmp_path / f"run{len(replays)}.jsonl"
        path.write_text(recording)
        replays.append(Replay(path, str(tmp_path)))
        return servers(replays[-1].url, args=["--set", f"api.replay={path}"])
    yield play
    for replay in replays:
        replay.close()


def check(recording, server):
    """The request of the recording gives its response again: answered, streamed, and once more."""
    lines = lines_of(recording)
    wanted, body = lines[-1]["body"], lines[1]["body"]
    answer = server.post("/v1/responses", body)
    assert answer.status == 200, answer
    assert bare(answer.json) == bare(wanted)
    events = list(server.stream(body.pop("input"), **body))
    assert bare(events[-2].data["response"]) == bare(wanted)
    return answer.json


def test_a_plain_response(server, engine, played):
    engine.next(think("Hm.", " Yes."), say("Hel", "lo ✓"))
    made = server.create("Say hello", instructions="Be brief.", temperature=0.5, metadata={"a": "b"})
    recording = record(server, made["id"])
    assert check(recording, played(recording))["output"][1]["content"][0]["text"] == "Hello ✓"
    assert record(server, made["id"]) == recording
    lines = lines_of(recording)
    assert lines[0]["answers"] == "rendered" and [line["type"] for line in lines[2:-1]] == ["answer"]


def test_a_context_and_calls_of_functions(server, engine, played):
    engine.next(call("weather", '{"city":', '"Paris"}'), finish("tool_calls"))
    first = server.create("How is it?", tools=[FUNCTION])
    assert check(record(server, first["id"]), played(record(server, first["id"])))["output"][0]["name"] == "weather"
    engine.next(say("Rain."))
    output = {"type": "function_call_output", "call_id": first["output"][0]["call_id"], "output": "rain"}
    second = server.create([output], previous_response_id=first["id"], tools=[FUNCTION])
    recording = record(server, second["id"])
    assert len(lines_of(recording)[1]["body"]["input"]) == 3
    assert check(recording, played(recording))["output"][0]["content"][0]["text"] == "Rain."


def test_hosted_tools_answer_from_it(servers, engine, played):
    web = ScriptedWeb()
    server = servers(engine, args=web.args())
    engine.next(call("web_search", json.dumps({"query": "rain"})))
    engine.next(say("Größe: it rains [1", "]. So it says [2]."))
    made = server.create("x", tools=[{"type": "web_search"}], include=["web_search_call.action.sources"])
    recording = record(server, made["id"])
    web.close()
    tools = [line for line in lines_of(recording) if line["type"] == "tool"]
    assert len(tools) == 1 and json.loads(tools[0]["arguments"])["query"] == "rain"
    again = check(recording, played(recording))
    assert len(again["output"][1]["content"][0]["annotations"]) == 2


def test_servers_of_functions_answer_from_it(servers, engine, played, mcp):
    server = servers(engine, args=["--set", f"mcp.allow=http://127.0.0.1:{mcp.port}"])
    tool = {"type": "mcp", "server_label": "s", "server_url": mcp.url("modern"), "require_approval": "never", "authorization": "secret-token-of-mine",
            "headers": {"X-Secret": "another-secret"}}
    engine.next(call("s__add", json.dumps({"a": 2, "b": 3})))
    engine.next(say("Done."))
    made = server.create("x", tools=[tool])
    recording = record(server, made["id"])
    assert "secret-token-of-mine" not in recording and "another-secret" not in recording
    again = check(recording, played(recording))
    assert [item["type"] for item in again["output"]] == [item["type"] for item in made["output"]]


def test_secrets_stay(server, engine, played):
    engine.next(say("Use Authorization: Bearer abcdefghijklmnopqrst."))
    made = server.create("my key is sk-abcdefghijklmnopqrstuv, keep it", user="u")
    recording = record(server, made["id"])
    assert "abcdefghijklmnop" not in recording and "sk-[removed], keep it" in recording
    assert recording.count("[removed]") == 3
    check(recording, played(recording))


def test_a_failed_response_fails_again(server, engine, played):
    engine.next(say("So f"), finish("length"))
    made = server.create("x", max_output_tokens=16)
    assert made["status"] == "incomplete"
    recording = record(server, made["id"])
    assert check(recording, played(recording))["incomplete_details"] == {"reason": "max_output_tokens"}


def test_projects_and_refusals(server, tmp_path):
    key, _ = make_key(server, "one", project="apart")
    made = server.create("x", key=key)
    done = command("record", made["id"], "--data", server.data, home=server.home)
    assert done.returncode == 1 and "not found" in done.stderr
    assert lines_of(record(server, made["id"], "--project", "apart"))
    remote = command("record", made["id"], home=server.home, env={"OPENAI_BASE_URL": server.url + "/v1", "OPENAI_API_KEY": key})
    assert remote.returncode == 0 and lines_of(remote.stdout)
    for bad, why in (("", "not whole"), ("{}", "line 1: it is no recording"), ("x\n", "line 1:"),
                     ('{"type":"recording","format":9,"model":"m"}', "of a form"), ('{"type":"recording","format":1,"model":"m"}', "not whole")):
        (tmp_path / "bad").write_text(bad)
        done = command("replay", str(tmp_path / "bad"), home=server.home)
        assert done.returncode == 1 and why in done.stderr, done
        with pytest.raises(AssertionError, match="first line"):
            Server("http://127.0.0.1:1", args=["--set", f"api.replay={tmp_path / 'bad'}"])
