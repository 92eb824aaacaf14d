"""Codex, the real program, headless, against the server with a scripted engine. `make compat` fetches it."""
import json
import os
import re
import subprocess
import tempfile

import pytest

from engine_script import call, finish, say
from harness import PATIENCE, command

pytestmark = pytest.mark.compat
BIN = os.environ.get("CODEX_BIN", "codex")
PATCH = "*** Begin Patch\n*** Add File: made.txt\n+one \"two\"\n+\u00e9\n*** End Patch\n"
# The least that Codex can be told: everything else is its own default.
PLAIN = """model = "{model}"
model_provider = "local"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.local]
name = "local"
base_url = "{url}"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""


class Codex:
    """Codex with a home and a work folder of its own; the home is no temporary folder, which it warns of."""

    def __init__(self, server, home, work):
        self.server, self.home, self.work = server, home, str(work)

    def settings(self, text):
        with open(os.path.join(self.home, "config.toml"), "w") as f:
            f.write(text)

    def run(self, *args, complaint=None):
        """The events of one run, which must succeed without a word of warning; complaint: but this one."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "CODEX_", "RUST_"))
               and k.lower() not in ("http_proxy", "https_proxy", "all_proxy")}
        env.update(CODEX_HOME=self.home, HOME=self.home)
        done = subprocess.run([BIN, "exec", *args], cwd=self.work, env=env, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=3 * PATIENCE)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0, (done.stdout, done.stderr)
        errors = [e for e in events if "error" in e["type"] or e.get("item", {}).get("type") == "error"]
        lines = [line for line in done.stderr.splitlines() if re.search("warn|error", line, re.I)]
        assert not errors and len(lines) == (complaint is not None), (errors, done.stderr)
        assert not complaint or complaint in lines[0], lines
        return events

    def texts(self, events):
        return [e["item"]["text"] for e in events if e["type"] == "item.completed" and e["item"]["type"] == "agent_message"]


@pytest.fixture
def codex(server, tmp_path):
    cache = os.environ.get("COMPAT_CACHE") or os.path.expanduser("~/.cache/antiphon-compat")
    os.makedirs(cache, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="codex-home-", ignore_cleanup_errors=True) as home:
        one = Codex(server, home, tmp_path)
        printed = command("codex", "--data", server.data, home=server.home)
        assert printed.returncode == 0, printed.stderr
        one.settings("check_for_update_on_startup = false\n" + printed.stdout + "\n[analytics]\nenabled = false\n")
        yield one


EXEC = ["--skip-git-repo-check", "--json"]
FREE = [*EXEC, "--dangerously-bypass-approvals-and-sandbox"]  # its work folder is a throw-away


def outputs(request):
    return [m["content"] for m in request.body["messages"] if m["role"] == "tool"]


def test_text(engine, codex):
    engine.next(say("Hel", "lo."))
    events = codex.run(*EXEC, "Say hello")
    assert codex.texts(events) == ["Hello."]
    usage = events[-1]["usage"]
    assert events[-1]["type"] == "turn.completed" and usage["input_tokens"] > 0 and usage["output_tokens"] > 0
    assert [m["role"] for m in engine.last.body["messages"]] == ["system", "user"]
    assert "client_metadata" not in engine.last.body


def test_shell_loop(engine, codex):
    for i in range(3):
        engine.next(call("exec_command", json.dumps({"cmd": f"echo turn-{i} | tee -a log.txt"})))
    engine.next(say("Done."))
    events = codex.run(*FREE, "Run three commands")
    assert codex.texts(events) == ["Done."] and len(engine.requests) == 4
    for i, request in enumerate(engine.requests):
        assert [f"turn-{n}" in out for n, out in enumerate(outputs(request))] == [True] * i
    with open(os.path.join(codex.work, "log.txt")) as f:
        assert f.read() == "turn-0\nturn-1\nturn-2\n"
    ran = [e["item"] for e in events if e["type"] == "item.completed" and e["item"]["type"] == "command_execution"]
    assert [item["exit_code"] for item in ran] == [0, 0, 0]


def test_apply_patch(engine, codex):
    engine.next(call("apply_patch", *[json.dumps({"input": PATCH})[i:i + 9] for i in range(0, 200, 9)]))
    engine.next(say("Patched."))
    events = codex.run(*FREE, "Make a file")
    tool = next(t for t in engine.requests[0].body["tools"] if t["function"]["name"] == "apply_patch")
    assert "begin_patch" in tool["function"]["description"]  # the grammar is shown to the model
    with open(os.path.join(codex.work, "made.txt"), encoding="utf-8") as f:
        assert f.read() == 'one "two"\n\u00e9\n'
    assert codex.texts(events) == ["Patched."] and "made.txt" in outputs(engine.last)[0]
    sent = next(m for m in engine.last.body["messages"] if m.get("tool_calls"))["tool_calls"][0]["function"]
    assert sent["name"] == "apply_patch" and json.loads(sent["arguments"]) == {"input": PATCH}


def test_bad_patch_goes_on(engine, codex):
    """What the model got wrong is Codex's to say; the model may try again."""
    engine.next(call("apply_patch", '{"input":"nonsense"}'))
    engine.next(call("apply_patch", json.dumps({"input": PATCH})))
    engine.next(say("Patched."))
    events = codex.run(*FREE, "Make a file", complaint="apply_patch verification failed")
    assert codex.texts(events) == ["Patched."] and "*** Begin Patch" in outputs(engine.requests[1])[0]
    assert os.path.exists(os.path.join(codex.work, "made.txt"))


def test_every_default_tool(engine, server, codex):
    """A model that Codex knows, nothing but the base URL told: web search, tool search, namespaces."""
    codex.settings(PLAIN.format(model="gpt-5.5", url=server.base_url))
    engine.next(call("web_search", '{"query":"antiphon"}'))
    engine.next(say("Nothing found, searching for tools."), call("tool_search", '{"query":"agent"}'))
    engine.next(say("Enough."))
    events = codex.run(*EXEC, "Look")
    assert codex.texts(events)[-1] == "Enough." and len(engine.requests) == 3
    names = [t["function"]["name"] for t in engine.requests[0].body["tools"]]
    assert {"exec_command", "apply_patch", "tool_search", "web_search"} <= set(names)
    assert "No results" in outputs(engine.requests[1])[0] and len(outputs(engine.requests[2])) == 2


def test_namespaces(engine, codex):
    engine.next(call("multi_agent_v1__close_agent", '{"target":"nobody"}'))
    engine.next(say("No such agent."))
    events = codex.run(*EXEC, "Close it", complaint="invalid agent id nobody")  # said by the tool that was meant
    assert codex.texts(events) == ["No such agent."] and "invalid agent id nobody" in outputs(engine.last)[0]


def test_schema_and_resume(engine, codex):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"],
              "additionalProperties": False}
    path = os.path.join(codex.work, "schema.json")
    with open(path, "w") as f:
        json.dump(schema, f)
    engine.next(say('{"n":', "7}"))
    assert codex.texts(codex.run(*EXEC, "--output-schema", path, "A number")) == ['{"n":7}']
    assert engine.last.body["response_format"]["json_schema"]["schema"] == schema
    engine.next(say("Seven."))
    assert codex.texts(codex.run("resume", "--last", *EXEC, "In words")) == ["Seven."]
    said = [m["content"] for m in engine.last.body["messages"] if m["role"] == "assistant"]
    assert said == ['{"n":7}']
