"""llmprobe, a conformance suite for inference servers: each of its assertions on our surfaces, with a model by rule that thinks,
calls tools, keeps a prefix cache and tells log probabilities, so that none is left undecided for want of a model's help."""
import json
import os
import re
import subprocess

import pytest

from engine_script import ScriptedEngine, finish, say, think
from harness import PATIENCE, Server, environment
from sensible import sensible

pytestmark = pytest.mark.compat
PROBE = os.path.join(os.environ.get("COMPAT_CACHE", ""), "llmprobe", "node_modules", ".bin", "llmprobe")
# What it asks for and OpenAI's API does not do; each with the evidence.
DIFFERENT = {
    "responses-finish-length": "asks for max_output_tokens 1; OpenAI's description of the API has a minimum of 16",
}
DIFFERENT_THINKING = {
    "responses-streaming": "knows response.reasoning.delta and .done; OpenAI's description of the API, its SDKs and the recorded "
                           "traffic have response.reasoning_text.delta and .done",
}
# What it leaves undecided on purpose.
UNDECIDED = {
    "chat-assistant-prefill": "the model answers an assistant's last message as a new turn, in neither of the two words it knows",
}
UNDECIDED_SILENT = {
    "chat-reasoning-cap": "the model does not think",
    "responses-reasoning-cap": "the model does not think",
}
THOUGHTS = ("Let ", "me ", "think", " about", " that", ". ")
SURFACES = ("models", "chat", "responses")


def text_of(message):
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(p.get("text", "") for p in content)


class Model(ScriptedEngine):
    """Thinks, if it is one that does, unless it is told not to, and remembers the prompts it has read."""

    def __init__(self, thinks):
        super().__init__(vision=True)
        self.thinks, self.read = thinks, []
        self.always(self.answer)

    def _probe(self, request):
        code, body = super()._probe(request)
        if request.path.split("?")[0] == "/props":
            body["chat_template"] = "{% if enable_thinking %}"
        return code, body

    def usage(self, body, made):
        prompt = json.dumps(body["messages"]).rstrip("]")
        cached = max((len(os.path.commonprefix([prompt, old])) for old in self.read), default=0) // 4
        self.read.append(prompt)
        n = len(prompt) // 4 + 1
        return {"prompt_tokens": n, "completion_tokens": made, "total_tokens": n + made,
                "prompt_tokens_details": {"cached_tokens": min(cached, n - 1)}}

    def answer(self, request):
        body = request.body
        limit = body.get("max_tokens") or body.get("max_completion_tokens") or 1 << 20
        steps, made, reason = [], 0, "stop"
        if self.thinks and (body.get("chat_template_kwargs") or {}).get("enable_thinking", True):
            thoughts = THOUGHTS * (8 if "at length" in request.last_text else 1)
            steps.append(think(*thoughts[:limit]))
            made = min(limit, len(thoughts))
        if made == limit:
            return steps + [finish("length", self.usage(body, made))]
        known = re.search(r"[Mm]y name is (\w+)", " ".join(text_of(m) for m in body["messages"] if m["role"] == "user"))
        if "What is my name" in request.last_text and known:
            answer = [say(known[1])]
        elif body.get("logprobs"):
            answer = [say(word, logprobs={"content": [self.logprob(word, body.get("top_logprobs") or 0)]})
                      for word in ("Sure, ", "I ", "say ", "so.")[:limit - made]]
        else:
            answer = sensible(request, thinks=False, limit=limit - made)
        return [*steps, *answer, lambda out: out.finish("tool_calls" if out.called else "length" if out.pieces > limit else reason,
                                                        self.usage(body, min(out.pieces, limit)))]

    @staticmethod
    def logprob(word, top):
        one = {"token": word, "logprob": -0.1, "bytes": list(word.encode())}
        return {**one, "top_logprobs": [one, *({**one, "token": f"x{i}", "logprob": -3.0 - i} for i in range(top - 1))][:top]}


@pytest.fixture(scope="module", params=[True, False], ids=["thinks", "thinks not"])
def report(request, tmp_path_factory):
    home = tmp_path_factory.mktemp("probe")
    engine = Model(request.param)
    server = Server(engine)
    try:
        done = subprocess.run(["node", PROBE, server.url, "--full", "--no-bench", "--no-save", "--no-color", "--model", "scripted",
                               "--save", str(home / "report.json")], capture_output=True, text=True, timeout=10 * PATIENCE,
                              env=environment(str(home)))
        assert (home / "report.json").exists(), done.stdout + done.stderr
        with open(home / "report.json") as f:
            yield {"thinks": request.param, **json.load(f)}
        server.stop()
    finally:
        server.erase()
        engine.close()


def judged(report, outcome):
    return {r["id"]: r for r in report["conformance"]["results"] if r["surface"] in SURFACES and r["outcome"] == outcome}


def test_every_assertion_holds(report):
    failed, known = judged(report, "fail"), DIFFERENT | (DIFFERENT_THINKING if report["thinks"] else {})
    assert set(failed) == set(known), json.dumps({k: v for k, v in failed.items() if k not in known}, indent=1)
    assert len(judged(report, "pass")) >= 70
    if report["thinks"]:  # its thoughts alone: each piece and their end
        assert [f["id"] for f in failed["responses-streaming"]["failures"]] == ["responses-stream-chunk-schema"] * (len(THOUGHTS) + 1)


def test_nothing_is_left_undecided(report):
    undecided = {r["id"]: r["reason"] for r in report["conformance"]["inconclusive"] if r["id"].split("-")[0] in SURFACES}
    assert set(undecided) <= set(UNDECIDED | ({} if report["thinks"] else UNDECIDED_SILENT)), undecided


def test_what_is_not_there(report):
    """No rate is limited yet; two are llmprobe's own gaps; the last asks for max_output_tokens 8 (DIFFERENT)."""
    missing = {"chat-rate-limit-headers", "responses-rate-limit-headers", "responses-mcp-tools", "responses-reasoning-roundtrip"}
    if not report["thinks"]:
        missing.add("responses-prompt-caching")
    assert set(judged(report, "unsupported")) == missing
