"""The hosted shell: a scripted engine writes the commands, the box that runs them is real; items, events, containers, files, failures."""
import json
import os
import pathlib
import re

import openai
import pytest

from engine_script import Gate, call, finish, hold, say, status
from harness import Stream, eventually
from test_background import ended, in_order, texts
from test_code_interpreter import age, streamed, told
from test_egress import host, kept, policy, start  # noqa: F401 (fixtures)
from test_skills import inline, zipped, MATTER, put
from test_websocket import Socket

AUTO = {"type": "shell", "environment": {"type": "container_auto"}}
COMMAND = ["response.shell_call_command.added", "response.shell_call_command.delta", "response.shell_call_command.done"]
OUTPUT = ["response.shell_call_output_content.delta", "response.shell_call_output_content.done"]


def shell(*commands, index=0, **more):
    text = json.dumps({"commands": list(commands), **more})
    return call("shell", text[:17], text[17:], index=index)


def pairs(response):
    """The calls and what came of them."""
    output = response["output"]
    return [(one, next(o for o in output if o["type"] == "shell_call_output" and o["call_id"] == one["call_id"]))
            for one in output if one["type"] == "shell_call"]


def stdout(result, at=0):
    return result["output"][at]["stdout"]


def ask(server, engine, *commands, answer="Done.", **more):
    for one in commands:
        engine.next(shell(one))
    engine.next(say(answer))
    more.setdefault("tools", [AUTO])
    return server.create("go", **more)


def container_of(response):
    return response["tools"][0]["environment"]["container_id"]


# --- items and events ---

def test_items(server, engine):
    made = ask(server, engine, "echo hello; echo no >&2; exit 3")
    assert [i["type"] for i in made["output"]] == ["shell_call", "shell_call_output", "message"] and made["status"] == "completed"
    (one, result), = pairs(made)
    assert list(one) == ["id", "type", "status", "action", "call_id", "environment"] and re.fullmatch("sh_[0-9a-f]{40}", one["id"])
    assert one["action"] == {"commands": ["echo hello; echo no >&2; exit 3"], "max_output_length": None, "timeout_ms": None}
    reference = {"type": "container_reference", "container_id": container_of(made)}
    assert one["status"] == "completed" and one["environment"] == reference
    assert made["tools"] == [{"type": "shell", "environment": reference}]
    assert list(result) == ["id", "type", "status", "call_id", "max_output_length", "output"] and re.fullmatch("sho_[0-9a-f]{40}", result["id"])
    entry = {"outcome": {"type": "exit", "exit_code": 3}, "stderr": "no\n", "stdout": "hello\n"}
    assert result["output"] == [entry] and result["status"] == "completed" and result["max_output_length"] is None
    assert json.loads(told(engine)) == [entry]
    function = engine.requests[0].body["tools"][0]["function"]
    assert function["name"] == "shell" and list(function["parameters"]["properties"]) == ["commands", "timeout_ms", "max_output_length"]
    assert server.get("/v1/responses/" + made["id"]).json == made
    assert server.get("/v1/containers/" + container_of(made)).json["name"] == "auto"


def test_streamed(server, engine):
    engine.next(shell("echo one", "echo two"))
    engine.next(say("Two."))
    events = streamed(server, "go", tools=[AUTO])
    in_order(events)
    types = [e.type for e in events]
    at = types.index(COMMAND[0])
    kinds = [t for i, t in enumerate(types[at - 1:]) if t != types[at - 2 + i]]
    assert kinds[:13] == ["response.output_item.added", *COMMAND, *COMMAND, "response.output_item.done", "response.output_item.added",
                          *OUTPUT, *OUTPUT]
    made = events[-1].data["response"]
    (one, result), = pairs(made)
    added = [e.data["item"] for e in events if e.type == "response.output_item.added"]
    assert added[0] == {**one, "status": "in_progress", "action": {"commands": [], "max_output_length": None, "timeout_ms": None}}
    assert added[1] == {**result, "output": []}
    told = [[e.data["delta"] for e in events if e.type == COMMAND[1] and e.data["command_index"] == i] for i in (0, 1)]
    assert ["".join(t) for t in told] == one["action"]["commands"] == ["echo one", "echo two"]
    done = [e.data for e in events if e.type == OUTPUT[1]]
    assert [d["output"] for d in done] == [[entry] for entry in result["output"]] and [d["command_index"] for d in done] == [0, 1]
    assert [e.data["delta"] for e in events if e.type == OUTPUT[0]] == [{"stdout": "one\n"}, {"stdout": "two\n"}]
    assert events[0].data["response"]["tools"] == made["tools"]
    again = [e for e in Stream(*server.open("GET", f"/v1/responses/{made['id']}?stream=true")) if e.data]
    assert texts(again) == texts(events)


def test_commands_while_they_are_written(server, engine):
    """The item and the first pieces of a command are out before the engine has written the rest."""
    gate = Gate()
    text = json.dumps({"commands": ["echo 'one'", "echo \"two\""], "timeout_ms": 9000})
    engine.next(call("shell", text[:20]), hold(gate), lambda answer: answer.chunk(
        {"tool_calls": [{"index": 0, "function": {"arguments": text[20:]}}]}))
    engine.next(say("Done."))
    stream = server.stream("go", tools=[AUTO])
    seen = [e for e in stream.until(COMMAND[1])]
    assert seen[-1].data["delta"] and "echo 'one'".startswith(seen[-1].data["delta"])
    gate.open.set()
    rest = [e for e in stream if e.data]
    (one, _), = pairs(rest[-1].data["response"])
    assert one["action"] == {"commands": ["echo 'one'", "echo \"two\""], "max_output_length": None, "timeout_ms": 9000}


def test_rebuilt_stream(server, engine):
    made = ask(server, engine, "echo 1; echo 2 >&2", "true")
    events = [e for e in Stream(*server.open("GET", f"/v1/responses/{made['id']}?stream=true")) if e.data]
    types = [e.type for e in events]
    at = types.index(COMMAND[0])
    assert types[at - 1:at + 8] == ["response.output_item.added", *COMMAND, "response.output_item.done", "response.output_item.added",
                                    *OUTPUT, "response.output_item.done"]
    assert events[at + 5].data["delta"] == {"stderr": "2\n", "stdout": "1\n"}
    assert events[at + 4].data["item"] == {**pairs(made)[0][1], "output": []}
    silent = types.index(COMMAND[0], at + 5)
    assert types[silent + 5] == OUTPUT[1]  # what puts out nothing has no delta
    assert events[-1].data["response"]["output"] == made["output"]


def test_round_trip(server, engine):
    """Items sent back, without a store too, are told to the engine as they were told when they ran, and mean the same container."""
    made = ask(server, engine, "echo a", store=False)
    live = engine.requests[-1].body["messages"]
    engine.next(say("x"))
    again = server.create([{"role": "user", "content": "go"}, *made["output"], {"role": "user", "content": "more"}], tools=[AUTO])
    messages = engine.requests[-1].body["messages"]
    assert messages[1]["tool_calls"][0]["function"] == live[1]["tool_calls"][0]["function"] and messages[2]["content"] == live[2]["content"]
    assert messages[2]["tool_call_id"] == messages[1]["tool_calls"][0]["id"] and container_of(again) == container_of(made)
    kept = ask(server, engine, "echo b > /mnt/data/b; echo b")
    live = engine.requests[-1].body["messages"]
    engine.next(say("x"))
    server.create("more", tools=[AUTO], previous_response_id=kept["id"])
    assert engine.requests[-1].body["messages"][:3] == live


def test_sealed(server, engine):
    """What only the model was told of a result comes back with a client that keeps the items itself."""
    asked = {"store": False, "include": ["reasoning.encrypted_content"]}
    made = ask(server, engine, "touch /mnt/data/made", **asked)
    live = engine.requests[-1].body["messages"]
    assert "Files made or changed: /mnt/data/made" in live[2]["content"]
    engine.next(say("x"))
    server.create([{"role": "user", "content": "go"}, *made["output"], {"role": "user", "content": "more"}], tools=[AUTO], **asked)
    assert engine.requests[-1].body["messages"][:3] == live


# --- commands ---

def test_side_by_side(server, engine):
    """Commands of one call run at once: each waits for the other."""
    wait = "touch {0}; for i in $(seq 600); do [ -e {1} ] && echo met && exit; sleep 0.05; done"
    engine.next(shell(wait.format("a", "b"), wait.format("b", "a")))
    engine.next(say("Done."))
    (_, result), = pairs(server.create("go", tools=[AUTO]))
    assert [o["stdout"] for o in result["output"]] == ["met\n", "met\n"]


def test_many_commands(servers, engine):
    server = servers(engine, args=["--set", "tools.commands=10", "--set", "tools.commands_parallel=3"])
    engine.next(shell(*(f"echo {i}" for i in range(10))))
    engine.next(shell(*("true" for _ in range(11))))
    engine.next(say("Done."))
    first, second = pairs(server.create("go", tools=[AUTO]))
    assert [o["stdout"] for o in first[1]["output"]] == [f"{i}\n" for i in range(10)]
    assert second[1]["status"] == "incomplete" and "At most 10 commands" in told(engine)


def test_timeout(server, engine):
    engine.next(shell("echo begun; sleep 60", "echo quick", timeout_ms=700))
    engine.next(shell("echo next"))
    engine.next(say("Done."))
    (one, result), (_, after) = pairs(server.create("go", tools=[AUTO]))
    assert one["action"]["timeout_ms"] == 700 and result["status"] == "completed"
    assert result["output"][0] == {"outcome": {"type": "timeout"}, "stderr": "", "stdout": "begun\n"}
    assert result["output"][1]["outcome"] == {"type": "exit", "exit_code": 0} and "The time was over: 700 ms" in told(engine, 1)
    assert stdout(after) == "next\n"


def test_bounded_time(servers, engine):
    server = servers(engine, args=["--set", "tools.shell_ms=900"])
    engine.next(shell("sleep 60", timeout_ms=3600000))
    engine.next(say("Done."))
    (_, result), = pairs(server.create("go", tools=[AUTO]))
    assert result["output"][0]["outcome"] == {"type": "timeout"}
    assert "900 at most" in engine.requests[0].body["tools"][0]["function"]["description"]


def test_max_output_length(server, engine):
    engine.next(shell("printf 'ä%.0s' $(seq 100)", "printf 0123456789; printf abcdefghij >&2", "printf x", max_output_length=10))
    engine.next(say("Done."))
    (_, result), = pairs(server.create("go", tools=[AUTO]))
    assert result["max_output_length"] == 10
    first, second, third = result["output"]
    assert first["stdout"] == "äääää\n[90 characters left out]\näääää"
    assert second["stdout"] == "012\n[5 characters left out]\n89" and second["stderr"] == "abc\n[5 characters left out]\nij"
    assert third["stdout"] == "x"


def test_too_much_output(servers, engine):
    server = servers(engine, args=["--set", "session.output_bytes=2000", "--set", "tools.told_bytes=1024"])
    engine.next(shell("yes", timeout_ms=500))
    engine.next(shell("head -c 5000 /dev/zero | tr '\\0' a"))
    engine.next(say("Done."))
    first, second = pairs(server.create("go", tools=[AUTO]))
    assert first[1]["output"][0]["outcome"] == {"type": "timeout"} and len(stdout(first[1])) < 2200
    assert "[3000 bytes left out]" in stdout(second[1]) and len(stdout(second[1])) < 2200 and len(told(engine)) < 1500


def test_end_of_much_output(servers, engine):
    """Of what is more than is kept the end is there as well as the beginning, whole characters of it, in both streams."""
    server = servers(engine, args=["--set", "session.output_bytes=2000"])
    much = "echo first{0}; head -c 5000 /dev/zero | tr '\\0' a{0}; echo last{0}"
    engine.next(shell(much.format("") + "; " + much.format(" >&2"), "printf 'ä%.0s' $(seq 3000)"))
    engine.next(shell(much.format(""), max_output_length=20))
    engine.next(say("Done."))
    first, second = pairs(server.create("go", tools=[AUTO]))
    one, two = first[1]["output"]
    for text in (one["stdout"], one["stderr"]):
        assert text.startswith("first\naaa") and text.endswith("aaalast\n") and "a\n[3011 bytes left out]\na" in text
    assert re.fullmatch("ä{500}\n\\[4000 bytes left out\\]\nä{500}", two["stdout"])
    assert stdout(second[1]) == "first\naaaa\n[1980 characters and 3011 bytes left out]\naaaaalast\n"


CROWD = """python3 -c "
import subprocess, time
while True:
    try: subprocess.Popen(['sleep', '1000'])
    except OSError: time.sleep(0.01)" >/dev/null 2>&1 & echo kept > kept"""


def test_crowded_box(servers, engine):
    """What was left running and takes all processes is ended when a command cannot be started for it: the container is of use again."""
    server = servers(engine, args=["--set", "session.processes=12"])
    made = ask(server, engine, CROWD)

    def crowded():
        nonlocal made
        made = ask(server, engine, "echo in", previous_response_id=made["id"])
        return pairs(made)[0][1]["output"][0]["outcome"] == {"type": "exit", "exit_code": 126}

    eventually(crowded, what="a full box")
    assert "too many programs run in this box. They were ended; files stay." in pairs(made)[0][1]["output"][0]["stderr"]
    again = ask(server, engine, "cat kept", previous_response_id=made["id"])
    assert stdout(pairs(again)[0][1]) == "kept\n" and container_of(again) == container_of(made)


def test_bytes_that_are_no_text(server, engine):
    made = ask(server, engine, "printf '\\377\\000\\033[31mred\\033[0m\\n'")
    text = stdout(pairs(made)[0][1])
    assert text.endswith("red\n") and not set(text) & {"\x1b", "\0"}


# --- arguments, limits, choice ---

def test_wrong_arguments(server, engine):
    """What a model got wrong is an item whose result says why; it may try again."""
    for text, commands in (('{"commands":"ls"}', []), ('{"commands":["ls"],"timeout_ms":"x"}', ["ls"]), ('{"commands":["a","b', ["a", "b"]),
                           ('{"commands":[]}', [])):
        engine.next(call("shell", text[:9], text[9:]))
        engine.next(shell("echo right"))
        engine.next(say("Done."))
        events = streamed(server, "go", tools=[AUTO])
        first, second = pairs(events[-1].data["response"])
        assert first[0]["action"]["commands"] == commands and first[1]["status"] == "incomplete", text
        assert "cannot be run" in first[1]["output"][0]["stderr"] and "cannot be run" in told(engine, -2)
        assert first[1]["output"][0]["outcome"] == {"type": "exit", "exit_code": 126} and stdout(second[1]) == "right\n"
        closed = [e for e in events if e.type == COMMAND[2] and e.data["output_index"] == 0]
        assert len(closed) == len([e for e in events if e.type == COMMAND[0] and e.data["output_index"] == 0]) == len(commands)


def test_choice_and_limits(server, engine):
    engine.next(shell("echo 1"), shell("echo 2", index=1))
    engine.next(say("Done."))
    made = server.create("go", tools=[AUTO], tool_choice={"type": "shell"}, max_tool_calls=1)
    (_, one), (_, two) = pairs(made)
    assert stdout(one) == "1\n" and two["status"] == "incomplete" and "limit of 1 calls" in two["output"][0]["stderr"]
    first = engine.requests[0].body["tool_choice"]
    assert first == "required" or first["function"]["name"] == "shell"
    assert engine.requests[-1].body.get("tool_choice", "none") == "none" or "tools" not in engine.requests[-1].body


def test_parallel_calls(server, engine):
    """Two calls of one answer, and one of Python between them: the items in their order, and one message to the engine."""
    python = call("python", json.dumps({"code": "1 + 1"}), index=1)
    engine.next(shell("echo a"), python, shell("echo b", index=2))
    engine.next(say("Done."))
    made = server.create("go", tools=[AUTO, {"type": "code_interpreter", "container": {"type": "auto"}}])
    assert [i["type"] for i in made["output"]] == ["shell_call", "code_interpreter_call", "shell_call", "shell_call_output",
                                                   "shell_call_output", "message"]
    assert [stdout(r) for _, r in pairs(made)] == ["a\n", "b\n"]
    live = engine.requests[-1].body["messages"]
    assert [m["role"] for m in live] == ["user", "assistant", "tool", "tool", "tool"] and len(live[1]["tool_calls"]) == 3
    assert {m["tool_call_id"] for m in live[2:]} == {c["id"] for c in live[1]["tool_calls"]}
    engine.next(say("x"))
    server.create("more", tools=[AUTO], previous_response_id=made["id"])
    again = engine.requests[-1].body["messages"]
    assert [m["role"] for m in again] == ["user", "assistant", "tool", "tool", "tool", "assistant", "user"] and again[1:5] == live[1:5]


def test_beside_a_function_of_the_client(server, engine):
    """The client's turn comes behind ours, whichever was called first."""
    for first in (True, False):
        mine, theirs = shell("echo a", index=0 if first else 1), call("f", "{}", index=1 if first else 0)
        engine.next(*([mine, theirs] if first else [theirs, mine]))
        made = server.create("go", tools=[AUTO, {"type": "function", "name": "f"}])
        assert sorted(i["type"] for i in made["output"]) == ["function_call", "shell_call", "shell_call_output"]
        assert stdout(pairs(made)[0][1]) == "a\n" and made["status"] == "completed"
        output = {"type": "function_call_output", "output": "f!", "call_id": next(
            i["call_id"] for i in made["output"] if i["type"] == "function_call")}
        engine.next(say("x"))
        server.create([output], tools=[AUTO], previous_response_id=made["id"])
        assert [m["role"] for m in engine.requests[-1].body["messages"]] == ["user", "assistant", "tool", "tool"]


def test_beside_the_clients_shell(server, engine):
    """A shell of the client's stays the client's: its call ends the turn, and has no container."""
    engine.next(call("shell", '{"commands":["ls"]}'))
    made = server.create("go", tools=[{"type": "shell", "environment": {"type": "local"}}])
    item, = made["output"]
    assert item["environment"] == {"type": "local"} and server.get("/v1/containers").json["data"] == []
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "previous_response_id": made["id"]})
    assert answer.status == 400 and "No tool output found for shell call" in answer.error["message"]


# --- which container ---

def test_reuse(server, engine):
    made = ask(server, engine, "echo kept > /mnt/data/f; sleep 300 & echo $!", "cat /mnt/data/f")
    assert stdout(pairs(made)[1][1]) == "kept\n"
    again = ask(server, engine, "cat f", previous_response_id=made["id"])
    assert stdout(pairs(again)[0][1]) == "kept\n" and container_of(again) == container_of(made)
    fresh = ask(server, engine, "ls")
    assert container_of(fresh) != container_of(made) and stdout(pairs(fresh)[0][1]) == ""
    age(server)
    late = ask(server, engine, "ls", previous_response_id=made["id"])
    assert container_of(late) != container_of(made)
    assert "Earlier calls ran in another container" in engine.requests[-1].body["tools"][0]["function"]["description"]
    answer = server.post("/v1/responses", {"model": "scripted", "input": "go", "tools": [
        {"type": "shell", "environment": {"type": "container_reference", "container_id": container_of(made)}}]})
    assert answer.status == 400 and answer.error["message"] == "Container is expired."


def test_reference_and_files(server, engine):
    """A container of the client's own, shared with Python; files of the input; what commands make has ids and is cited."""
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        c = client.containers.create(name="mine")
        f = client.containers.files.create(c.id, file=("data.csv", b"a,b\n1,2\n"))
        tool = {"type": "shell", "environment": {"type": "container_reference", "container_id": c.id}}
        engine.next(call("python", json.dumps({"code": "open('/mnt/data/p', 'w').write('python')"})))
        engine.next(shell(f"wc -l < {f.path}; cat p; echo made > out.txt"))
        engine.next(say("See [it](sandbox:/mnt/data/out.txt)."))
        made = server.create("go", tools=[tool, {"type": "code_interpreter", "container": c.id}])
        assert made["tools"][0] == tool and stdout(pairs(made)[0][1]) == "2\npython"
        assert "Files made or changed: /mnt/data/out.txt" in told(engine)
        note, = made["output"][-1]["content"][0]["annotations"]
        assert note["type"] == "container_file_citation" and (note["container_id"], note["filename"]) == (c.id, "out.txt")
        assert client.containers.files.content.retrieve(note["file_id"], container_id=c.id).read() == b"made\n"
        assert f.path in engine.requests[0].body["tools"][0]["function"]["description"]
        one = client.files.create(file=("one.txt", b"first"), purpose="user_data").id
        auto = {"type": "shell", "environment": {"type": "container_auto", "file_ids": [one], "memory_limit": "1g",
                                                 "network_policy": {"type": "disabled"}}}
        made = ask(server, engine, f"cat {one}-one.txt", tools=[auto])
        assert stdout(pairs(made)[0][1]) == "first"


def test_skills(server, engine):
    """Skills lie in the container, are told to the model, and the next turn with the same list has the same container."""
    stored = put(server)["id"]
    skills = [{"type": "skill_reference", "skill_id": stored}, inline(zipped({"m/SKILL.md": MATTER}))]
    tool = {"type": "shell", "environment": {"type": "container_auto", "skills": skills}}
    made = ask(server, engine, "ls -d /home/oai/skills/*; head -n 1 /home/oai/skills/*/SKILL.md; touch /home/oai/skills/x", tools=[tool])
    (_, result), = pairs(made)
    folders = re.findall("/home/oai/skills/[a-z-]+-[0-9a-f]{32}$", stdout(result), re.M)
    assert len(folders) == 2 and "---" in stdout(result) and "Read-only" in result["output"][0]["stderr"]
    described = engine.requests[0].body["tools"][0]["function"]["description"]
    assert all(f in described for f in folders) and "data" not in json.dumps(made["tools"])
    again = ask(server, engine, "ls", tools=[tool], previous_response_id=made["id"])
    assert container_of(again) == container_of(made)
    other = {"type": "shell", "environment": {"type": "container_auto", "skills": skills[:1]}}
    assert container_of(ask(server, engine, "ls", tools=[other], previous_response_id=made["id"])) != container_of(made)
    answer = server.post("/v1/responses", {"model": "scripted", "input": "go", "tools": [
        {"type": "shell", "environment": {"type": "container_auto", "skills": [{"type": "skill_reference", "skill_id": "skill_x"}]}}]})
    assert answer.status == 404 and answer.error["param"] == "tools[0].environment.skills[0].skill_id"


def test_network(start, engine, host):
    """A shell's container reaches the hosts of its policy; a secret of it is told nowhere."""
    server, secret = start(), "s3cret-of-the-host"
    secrets = [{"domain": "localhost", "name": "API_KEY", "value": secret}]
    tools = [{"type": "shell", "environment": {"type": "container_auto", "network_policy": policy("localhost", secrets=secrets)}}]
    get = f"import os, urllib.request as u; print(u.urlopen(u.Request('{host.https}/x', headers={{'X': os.environ['API_KEY']}})).status)"
    for background in (False, True):
        made = ask(server, engine, f'NO_PROXY= no_proxy= python3 -c "{get}"', tools=tools, background=background)
        made = ended(server, made["id"]) if background else made
        assert stdout(pairs(made)[0][1]) == "200\n"
        assert dict(host.asked[-1][1])["X"] == secret
        assert secret not in json.dumps(made) and secret not in json.dumps(engine.requests[-1].body)
        shown = server.get("/v1/containers/" + container_of(made)).json["network_policy"]
        assert shown == policy("localhost")
    server.stop()
    assert secret not in server.stderr() and kept(server, secret) == []


REFUSED = [({"type": "container_auto", "file_ids": ["file-nobody"]}, 404, None, "tools[0].environment.file_ids[0]"),
           ({"type": "container_auto", "memory_limit": "64g"}, 400, "unsupported_value", "tools[0].environment.memory_limit"),
           ({"type": "container_auto", "files": []}, 400, "unknown_parameter", "tools[0].environment.files"),
           ({"type": "container_reference"}, 400, "missing_required_parameter", "tools[0].environment.container_id"),
           ({"type": "container_reference", "container_id": "cntr_" + "0" * 40}, 404, None, None)]


@pytest.mark.parametrize("environment,status,code,param", REFUSED, ids=range(len(REFUSED)))
def test_refused(server, engine, environment, status, code, param):
    answer = server.post("/v1/responses", {"model": "scripted", "input": "go", "tools": [{"type": "shell", "environment": environment}]})
    assert (answer.status, answer.error["code"], answer.error["param"]) == (status, code, param), answer
    assert not engine.requests or all("messages" not in r.body for r in engine.requests)


UNKNOWN = [{"role": "user", "content": [{"type": "input_file", "file_id": "file-nobody"}]}]
NOTHING = {"a file of the tool's": {"tools": [{**AUTO, "environment": {"type": "container_auto", "file_ids": ["file-nobody"]}}]},
           "another tool": {"tools": [AUTO, {"type": "file_search", "vector_store_ids": ["vs_nobody"]}]},
           "a file of the input": {"tools": [AUTO], "input": UNKNOWN},
           "in the background": {"tools": [AUTO], "input": UNKNOWN, "background": True},
           "sealed reasoning": {"tools": [AUTO], "input": [{"role": "user", "content": "go"}, {"type": "reasoning", "summary": [], "encrypted_content": "x"}]},
           "a call without an answer": {"tools": [AUTO], "input": [{"type": "function_call_output", "call_id": "call_x", "output": "x"}]},
           "a server": {"tools": [AUTO, {"type": "mcp", "server_label": "x", "server_url": "http://127.0.0.1:9/"}]}}


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("what", NOTHING)
def test_refused_makes_nothing(servers, engine, what, stream):
    """Whatever it is refused for, before an engine was asked: no container is left of it, nor its folder."""
    server = servers(engine, args=["--set", "mcp.allow=127.0.0.1"])
    skills = [inline(zipped({"m/SKILL.md": MATTER}))]
    body = {"model": "scripted", "input": "go", "stream": stream, **NOTHING[what]}
    shell_tool = body["tools"][0]
    body["tools"] = [{**shell_tool, "environment": {"skills": skills, **shell_tool["environment"]}}, *body["tools"][1:]]
    answer = server.post("/v1/responses", body)
    if answer.status == 200 and stream:
        assert "response.failed" in answer.body.decode()
    elif answer.status == 200:
        assert ended(server, answer.json["id"])["status"] == "failed"
    assert server.get("/v1/containers").json["data"] == [], answer
    assert not any("messages" in r.body for r in engine.requests)
    eventually(lambda: not os.listdir(server.data + "/boxes"), what="the folder's end")


@pytest.mark.parametrize("background", [False, True], ids=["foreground", "background"])
def test_engine_that_fails_leaves_nothing(server, engine, background):
    """A container that nobody has used goes with the response that came to nothing; one that was used stays."""
    engine.next(status(400))
    made = server.post("/v1/responses", {"model": "scripted", "input": "go", "tools": [AUTO], "background": background})
    if background:
        assert ended(server, made.json["id"])["status"] == "failed"
    assert server.get("/v1/containers").json["data"] == []
    engine.next(shell("touch here"))
    engine.next(status(400))
    made = server.post("/v1/responses", {"model": "scripted", "input": "go", "tools": [AUTO], "background": background})
    if background:
        assert ended(server, made.json["id"])["status"] == "failed"
    assert len(server.get("/v1/containers").json["data"]) == 1


def test_leaving_leaves_nothing(server, engine):
    gate = Gate()
    engine.next(hold(gate), say("x"))
    stream = server.stream("go", tools=[AUTO])
    stream.until("response.in_progress")
    assert len(server.get("/v1/containers").json["data"]) == 1
    stream.leave()
    eventually(lambda: server.get("/v1/containers").json["data"] == [], what="the container's end")
    gate.open.set()


def test_counting_makes_nothing(server, engine):
    counted = server.post("/v1/responses/input_tokens", {"model": "scripted", "input": "go", "tools": [AUTO]})
    assert counted.status == 200 and server.get("/v1/containers").json["data"] == []


# --- ends ---

def test_cancelled(server, engine):
    """A call that is cut off has its result, so that the conversation can go on."""
    engine.next(shell("touch begun; sleep 60"))
    made = server.create("go", tools=[AUTO], background=True)
    container = container_of(made)
    eventually(lambda: running(server, "begun"), what="the command")
    server.post(f"/v1/responses/{made['id']}/cancel", {})
    done = ended(server, made["id"])
    (_, result), = pairs(done)
    assert done["status"] == "cancelled" and result["status"] == "incomplete" and "cut off" in result["output"][0]["stderr"]
    again = ask(server, engine, "ls", previous_response_id=made["id"])
    assert stdout(pairs(again)[0][1]) == "begun\n" and container_of(again) == container


def running(server, name):
    """Is a file of that name there?"""
    top = server.data + "/boxes"
    return any(name in os.listdir(os.path.join(top, d)) for d in os.listdir(top) if not d.startswith("."))


def test_background(server, engine):
    """The container that the first event names is that of the run."""
    engine.next(shell("echo far"))
    engine.next(say("Done."))
    made = server.create("go", tools=[AUTO], background=True)
    done = ended(server, made["id"])
    assert container_of(made) == container_of(done) == pairs(done)[0][0]["environment"]["container_id"]
    assert stdout(pairs(done)[0][1]) == "far\n"


def test_the_page_example(server, engine, capsys):
    """docs/shell.md as printed, through the official SDK."""
    page = (pathlib.Path(__file__).parent.parent / "docs" / "shell.md").read_text()
    engine.next(shell("seq 3 | tee count.txt"))
    engine.next(say("It is in [count.txt](sandbox:/mnt/data/count.txt)."))
    engine.next(shell("wc -c count.txt"))
    engine.next(say("Six bytes."))
    program, = re.findall(r"```python\n(.*?)```", page, re.S)
    exec(program.replace("http://127.0.0.1:8080/v1", server.base_url), {})
    wanted = [line.split("# ", 1)[1] for line in program.splitlines() if "print(" in line]
    assert capsys.readouterr().out.split("\n")[:len(wanted)] == wanted


def test_websocket(server, engine):
    engine.next(shell("echo wire"))
    engine.next(say("Done."))
    with Socket(server) as socket:
        socket.create("go", tools=[AUTO])
        events = socket.until_end()
    types = [e["type"] for e in events]
    assert OUTPUT[1] in types and types[-1] == "response.completed"


@pytest.mark.parametrize("rule", ["auto", "retry"])
def test_kill_while_it_runs(servers, engine, rule):
    """kill -9 in a call: it is never run again by itself. A background response fails, or goes on, with a result that says so."""
    server = servers(engine, args=["--set", "api.on_restart=" + rule])
    engine.next(shell("echo x >> /mnt/data/n; sleep 60"))
    made = server.create("go", tools=[AUTO], background=True)
    eventually(lambda: running(server, "n"), what="the command")
    server.kill()
    engine.next(say("Done."))
    server.start()
    done = ended(server, made["id"])
    (_, result), = pairs(done)
    assert done["status"] == ("failed" if rule == "auto" else "completed"), done
    assert result["status"] == "incomplete" and "not run again" in result["output"][0]["stderr"]
    assert container_of(done) == container_of(made)
    engine.scripts.clear()
    again = ask(server, engine, "cat /mnt/data/n", previous_response_id=made["id"])
    assert stdout(pairs(again)[0][1]) == "x\n" and "The server stopped while an earlier call ran here" in told(engine)


def test_cut_while_it_is_written(server, engine):
    """Half a call is an incomplete item, which the next turn does not stand on."""
    text = json.dumps({"commands": ["echo one", "echo two"]})
    engine.next(call("shell", text[:30]), finish("length"))
    made = server.create("go", tools=[AUTO])
    assert made["status"] == "incomplete"
    for item in made["output"]:
        assert item["type"] == "shell_call" and item["status"] == "incomplete" and item["action"]["commands"][0] == "echo one"
    engine.next(say("x"))
    server.create("more", previous_response_id=made["id"], tools=[AUTO])
    assert [m["role"] for m in engine.requests[-1].body["messages"]] == ["user"]
