"""Programs that call a shell in a container: both items say whose the call is; what ran is never run again, over requests and kill -9."""
import json
import pathlib

import pytest

from engine_script import say
from harness import Stream, eventually
from test_background import ended, follow
from test_programs import NOTE, PROGRAMS, answers, items, kinds, program, result, run, told

SHELL = {"type": "shell", "environment": {"type": "container_auto"}, "allowed_callers": ["programmatic"]}
TOOLS = [PROGRAMS, SHELL]
ONCE = "await tools.shell({commands: ['echo x >> /mnt/data/n']});\n"
COUNT = "text((await tools.shell({commands: ['wc -l < /mnt/data/n']}))[0].stdout.trim())"


def test_a_call(server, engine):
    engine.next(program("const [a, b] = await tools.shell({timeout_ms: 5000, commands: ['echo hi', 'exit 3']}); text(a.stdout.trim(), b.outcome.exit_code)"))
    engine.next(say("Done."))
    made = server.create("go", tools=TOOLS)
    assert kinds(made) == ["program", "shell_call", "shell_call_output", "program_output", "message"], made
    item, called, came, output, _ = made["output"]
    caller = {"type": "program", "caller_id": item["call_id"]}
    assert list(called) == ["id", "type", "status", "action", "call_id", "caller", "environment"] and called["status"] == "completed"
    assert list(came) == ["id", "type", "status", "call_id", "caller", "max_output_length", "output"] and came["status"] == "completed"
    assert called["caller"] == came["caller"] == caller and called["call_id"] == came["call_id"]
    assert called["action"] == {"commands": ["echo hi", "exit 3"], "max_output_length": None, "timeout_ms": 5000}
    assert output["result"] == "hi 3" and told(engine) == "hi 3"
    function, = (t["function"] for t in engine.requests[0].body["tools"])
    assert function["name"] == "program" and "tools.shell({" in function["description"] and "stderr" in function["description"]
    assert [m["role"] for m in engine.requests[-1].body["messages"]] == ["user", "assistant", "tool"]
    assert server.get("/v1/responses/" + made["id"]).json == made


def test_streams_tell_the_same(server, engine):
    engine.next(program("text((await tools.shell({commands: ['echo a', 'echo b']})).length)"))
    engine.next(say("Done."))
    live = [e for e in server.stream("go", tools=TOOLS) if e.data]
    id = live[0].data["response"]["id"]
    again = [e for e in Stream(*server.open("GET", f"/v1/responses/{id}?stream=true")) if e.data]
    types = [e.type for e in live if "shell" in e.type or "item" in e.type and e.data["item"]["type"].startswith("shell")]
    assert types == ["response.output_item.added", *["response.shell_call_command." + k for k in ("added", "delta", "done")] * 2, "response.output_item.done",
                     "response.output_item.added", *["response.shell_call_output_content." + k for k in ("delta", "done")] * 2, "response.output_item.done"], types
    assert [e.type for e in again] == [e.type for e in live]


@pytest.mark.parametrize("keep", [True, False])
def test_over_requests(server, engine, keep):
    """What ran in an earlier request does not run again when the program does."""
    tools = [*TOOLS, NOTE]
    first = run(server, engine, ONCE + "await tools.note({});\n" + COUNT, tools=tools, store=keep)
    assert kinds(first) == ["program", "shell_call", "shell_call_output", "function_call"]
    engine.next(say("So."))
    if keep:
        last = server.create(answers(first, "ok"), previous_response_id=first["id"], tools=tools)
    else:
        last = server.create([{"role": "user", "content": "go"}, *first["output"], *answers(first, "ok")], tools=tools, store=False)
    assert kinds(last) == ["shell_call", "shell_call_output", "program_output", "message"] and items(last, "program_output")[0]["result"] == "1", last
    environments = {i["environment"]["container_id"] for r in (first, last) for i in items(r, "shell_call")}
    assert len(environments) == 1


def test_side_by_side(server, engine):
    code = ("const all = await Promise.all([tools.shell({commands: ['echo a']}), tools.note({}), tools.shell({commands: ['echo b']})]);\n"
            "text(all[0][0].stdout.trim(), all[1], all[2][0].stdout.trim())")
    tools = [*TOOLS, NOTE]
    first = run(server, engine, code, tools=tools)
    assert kinds(first).count("shell_call") == 2 and kinds(first).count("function_call") == 1
    engine.next(say("So."))
    last = server.create(answers(first, "noted"), previous_response_id=first["id"], tools=tools)
    assert kinds(last) == ["program_output", "message"] and last["output"][0]["result"] == "a noted b"


def test_limits(server, engine):
    code = "for (let i = 0; i < 3; i++) { const [one] = await tools.shell({commands: ['echo ' + i]}); text(one.outcome.exit_code, one.stdout.trim(), one.stderr) }"
    output = result(server, engine, code, tools=TOOLS, max_tool_calls=3)
    assert output["result"].splitlines() == ["0 0 ", "0 1 ", "126  This call was not made: the limit of calls is reached."], output
    for wrong in ("{}", "{commands: []}", "{commands: 'ls'}", "{commands: ['ls'], timeout_ms: 0}"):
        output = result(server, engine, f"await tools.shell({wrong})", tools=TOOLS)
        assert output["status"] == "incomplete" and ("commands" in output["result"] or "timeout_ms" in output["result"]), output
    output = result(server, engine, "await tools.shell({commands: ['ls'], cwd: '/'})", tools=TOOLS)
    assert output["status"] == "incomplete" and "takes one object with the members commands" in output["result"]


# --- kill -9 ---

def test_killed_between(servers, engine):
    """A background program goes on from what is in its log: what ran is not run again."""
    server = servers(engine)
    wait = "for (const end = Date.now() + 0, n = [0]; n[0] < 3e7; n[0]++);\n"
    engine.next(program(ONCE + wait + COUNT))
    made = server.create("go", tools=TOOLS, background=True)
    for event in follow(server, made["id"]):  # what is told is in the log
        if event.type == "response.output_item.done" and event.data["item"]["type"] == "shell_call_output":
            break
    server.kill()
    engine.always(lambda request: [say("So.")])
    server.start()
    over = ended(server, made["id"])
    assert over["status"] == "completed", over
    assert kinds(over) == ["program", "shell_call", "shell_call_output", "shell_call", "shell_call_output", "program_output", "message"]
    assert items(over, "program_output")[0]["result"] == "1" and all("caller" in i for i in over["output"][1:5])


@pytest.mark.parametrize("rule", ["auto", "retry"])
def test_killed_in_a_call(servers, engine, rule):
    """It has begun, durably: it is never run again by itself, and says so."""
    server = servers(engine, args=["--set", f"api.on_restart={rule}"])
    engine.next(program("await tools.shell({commands: ['echo x >> /mnt/data/n; sleep 100']}).then(([one]) => text(one.outcome.exit_code, one.stderr));\n" + COUNT))
    made = server.create("go", tools=TOOLS, background=True)
    for event in follow(server, made["id"]):
        if event.type == "response.output_item.done" and event.data["item"]["type"] == "shell_call":
            break
    eventually(lambda: any(pathlib.Path(server.data).rglob("n")), what="the command")
    server.kill()
    engine.always(lambda request: [say("So.")])
    server.start()
    over = ended(server, made["id"])
    came = items(over, "shell_call_output")[0]
    assert came["status"] == "incomplete" and "may have run in part, and was not run again" in json.dumps(came["output"])
    output, = items(over, "program_output")
    if rule == "auto":
        assert over["status"] == "failed" and output["status"] == "incomplete", over
    else:
        assert over["status"] == "completed", over
        assert output["result"].startswith("137 It was cut off") and output["result"].endswith("\n1"), output
