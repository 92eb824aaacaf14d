"""Codex, started and looked at: its settings, its events, and what it said to the server."""
import json
import os
import re
import subprocess

from harness import PATIENCE, command

BIN = os.environ.get("CODEX_BIN", "codex")
# The least that Codex can be told of a provider: everything else is its own default.
PLAIN = """model = "{model}"
model_provider = "local"
[model_providers.local]
name = "{name}"
base_url = "{url}"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""
QUIET = """check_for_update_on_startup = false
{}
[analytics]
enabled = false
"""
EXEC = ["--skip-git-repo-check", "--json"]
FREE = [*EXEC, "--dangerously-bypass-approvals-and-sandbox"]  # its work folder is a throw-away
OFFLINE = ["-c", 'web_search="disabled"']  # free, it would ask for searches of the live web


class Codex:
    """Codex with a home and a work folder of its own; the home is no temporary folder, which it warns of."""

    def __init__(self, server, relay, home, work, websocket):
        self.server, self.relay, self.home, self.work, self.websocket = server, relay, home, str(work), websocket

    # --- settings ---

    def settings(self, text, websocket=None):
        if self.websocket if websocket is None else websocket:
            text = text.replace('wire_api = "responses"\n', 'wire_api = "responses"\nsupports_websockets = true\n')
        with open(os.path.join(self.home, "config.toml"), "w") as f:
            f.write(QUIET.format(text))

    def plain(self, model="gpt-5.5", name="local", top="", more=""):
        """The base URL and no more; gpt-5.5 is a model that Codex knows."""
        self.settings(top + PLAIN.format(model=model, name=name, url=self.relay.base_url) + more)

    def printed(self):
        """What `antiphon codex` prints for the server as it runs."""
        done = command("codex", "--data", self.server.data, home=self.server.home)
        assert done.returncode == 0, done.stderr
        self.settings(done.stdout.replace(self.server.base_url, self.relay.base_url))

    # --- runs ---

    def start(self, *args, env=None):
        """(exit status, events, lines of standard error)"""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "CODEX_", "RUST_"))
                     and k.lower() not in ("http_proxy", "https_proxy", "all_proxy")}
        inherited.update(CODEX_HOME=self.home, HOME=self.home, **(env or {}))
        done = subprocess.run([BIN, "exec", *args], cwd=self.work, env=inherited, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=3 * PATIENCE)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.splitlines()

    def run(self, *args, complaint=None, env=None):
        """The events of a run that must succeed without a word of warning; complaint: but this one."""
        code, events, lines = self.start(*args, env=env)
        assert code == 0, (events, lines)
        said = [e.get("message") or e["item"]["message"] for e in events
                if "error" in e["type"] or e.get("item", {}).get("type") == "error"]
        said += [line for line in lines if re.search("warn|error", line, re.I)]
        assert len(said) == (complaint is not None), (said, events)
        assert not complaint or complaint in said[0], said
        return events

    def fails(self, *args, env=None):
        """What Codex says of a turn that must fail."""
        code, events, lines = self.start(*args, env=env)
        assert code == 1 and events[-1]["type"] == "turn.failed", (code, events, lines)
        return events[-1]["error"]["message"]

    # --- what it said ---

    @property
    def bodies(self):
        """What it asked of /v1/responses, in either form, warm-ups left out."""
        return [s.json for s in self.relay.said if (s.method == "WS" or s.path == "/v1/responses") and s.body
                and s.json.get("generate") is not False]

    def check_transport(self):
        posts = [s for s in self.relay.said if s.method == "POST" and s.path == "/v1/responses"]
        frames = [s for s in self.relay.said if s.method == "WS"]
        assert not (posts if self.websocket else frames), self.relay.said


def texts(events):
    return [e["item"]["text"] for e in events if e["type"] == "item.completed" and e["item"]["type"] == "agent_message"]


def outputs(request):
    """What the engine is told of its calls."""
    return [m["content"] for m in request.body["messages"] if m["role"] == "tool"]


def names(request):
    return {t["function"]["name"] for t in request.body["tools"]}
