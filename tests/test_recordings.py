"""The recorded traffic of the live API against src/model: requests, response objects, events and items.

Plain python3, no packages. The verdicts come from build/tests/check_request (or $CHECK_REQUEST, or the
first argument). Counts are printed, so that a look at the log says what is covered and what is not.
"""

import collections
import gzip
import json
import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
FILES = ["pydantic-ai", "vercel-ai", "vllm-responses"]

# What this version refuses by name, and why it is not part of it. The key is what the refusal itself names.
OUT_OF_SCOPE = {
}
# Refusals of the live API that other floors make, or that we do not make.
ELSEWHERE = {
    "model_not_found": "the engine table knows the models",
    "context_length_exceeded": "the engine knows its context",
    "unsupported_file": "found by fetching a file_url, which the engine floor refuses",
    "was provided without its required following item": "accepted: local engines have no such rule",
}
# What a recording repeats otherwise than any other does.
EDITED = {("vllm-responses 2", "tools"): "edited by hand: messages without a role, and a memory_limit that was sent is gone"}
# Events that the live API sends outside the union of the SDKs, whose stream helpers throw on them.
FOREIGN_EVENTS = {
    "response.apply_patch_call_operation_diff.delta",
    "response.apply_patch_call_operation_diff.done",
}
# Keys that a recording carries and we leave out: a proxy's own, and those added when an event is sent.
NOT_OURS = {"copilot_usage", "obfuscation"}


def tool_path():
    if os.environ.get("CHECK_REQUEST"):
        return os.environ["CHECK_REQUEST"]
    return str(HERE.parent / "build" / "tests" / "check_request")


class Model:
    """The C program, one question a line."""

    def __init__(self):
        self.process = subprocess.Popen([tool_path()], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait()


def exchanges():
    for name in FILES:
        with gzip.open(HERE / "recordings" / f"{name}.jsonl.gz", "rt") as lines:
            for at, line in enumerate(lines):
                one = json.loads(line)
                yield f"{name} {at}", one["request"], one["response"]


def creates():
    for place, request, response in exchanges():
        if request and request["method"] == "POST" and request["path"].split("?")[0] == "/v1/responses":
            yield place, request["body"], response


def events_of(response):
    return [e for e in response.get("events") or [] if isinstance(e, dict)]


def body_of(response):
    """What was answered as JSON; {} where it was something else."""
    return response["body"] if isinstance(response.get("body"), dict) else {}


def items_of(response):
    """The items of the output, streamed or answered whole."""
    streamed = [e["item"] for e in events_of(response) if e["type"] == "response.output_item.done"]
    return streamed or body_of(response).get("output") or []


def objects_of(response):
    """(where it stood, response object)"""
    body = body_of(response)
    if body.get("object") == "response":
        yield "json", body
    for event in events_of(response):
        if isinstance(event.get("response"), dict):
            yield event["type"], event["response"]


def feature(error):
    """What an error of ours that refuses by name names: a type, or the last part of the parameter."""
    text = error["message"]
    if "This version does not serve" not in text:
        return None
    return text.split("'")[1].split(".")[-1]


def is_subsequence(short, long):
    rest = iter(long)
    return all(key in rest for key in short)


def is_raw(obj):
    """Some recordings had their keys sorted by the tool that made them."""
    return list(obj) != sorted(obj)


def listed_tools(tools, model):
    """The tools as we compare them: without a key that came later, and with functions that a search or an item brought
    as the newest model lists them; for the older ones each became a namespace of its own name."""
    flat = []
    tools = json.loads(json.dumps(tools, ensure_ascii=False).replace("\u2014", "--"))  # changed in a recording by hand
    for tool in tools:
        tool = {k: v for k, v in tool.items() if k != "output_schema"}
        if tool["type"] == "web_search":  # older models list fewer members, and absent filters as null
            tool = {k: v for k, v in tool.items() if v is not None and k not in ("return_token_budget", "search_content_types")}
        inner = [{k: v for k, v in one.items() if k != "output_schema"} for one in tool.get("tools") or []]
        if "tools" in tool:
            tool["tools"] = inner
        alone = len(inner) == 1 and inner[0]["name"] == tool["name"]
        flat.append(inner[0] if alone and not model.startswith("gpt-5.6") else tool)
    return flat if model.startswith("gpt-5.6") else sorted(flat, key=lambda t: json.dumps(t, sort_keys=True))


class Recordings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = Model()

    @classmethod
    def tearDownClass(cls):
        assert cls.model.close() == 0, "check_request ended badly"

    def test_requests(self):
        """Each recorded request passes, or is refused as the recording was, or is out of scope by name."""
        passed, refused, outside, elsewhere = 0, 0, collections.Counter(), collections.Counter()
        for place, body, response in creates():
            said = self.model.ask(request=body)
            recorded = response.get("body") if response.get("status") == 400 else None
            with self.subTest(place):
                error = said.get("error")
                if error and feature(error):
                    self.assertIn(feature(error), OUT_OF_SCOPE, error)
                    outside[feature(error)] += 1
                elif recorded and error:
                    self.assertEqual(recorded["error"], error)
                    refused += 1
                elif recorded:
                    text = json.dumps(recorded)
                    reasons = [reason for reason in ELSEWHERE if reason in text]
                    self.assertTrue(reasons, text)
                    elsewhere[reasons[0]] += 1
                else:
                    self.assertIsNone(error)
                    passed += 1
        print(f"\nrequests: {passed} pass, {refused} refused to the letter as recorded")
        for what, n in elsewhere.most_common():
            print(f"  {n:3} left to others: {what}: {ELSEWHERE[what]}")
        for what, n in outside.most_common():
            print(f"  {n:3} out of scope: {what}: {OUT_OF_SCOPE[what]}")
        self.assertGreater(passed, 100)
        self.assertEqual(set(outside), set(OUT_OF_SCOPE), "a row of the table that no recording needs")
        self.assertEqual(set(elsewhere), set(ELSEWHERE))

    def test_other_requests(self):
        """The bodies of /compact and /input_tokens pass as recorded, but for items that are out of scope."""
        passed = collections.Counter()
        for place, request, response in exchanges():
            kind = request["path"].rsplit("/", 1)[1] if request else None
            if kind not in ("compact", "input_tokens"):
                continue
            said = self.model.ask(request=request["body"], kind=kind)
            with self.subTest(place):
                self.assertEqual(response["status"], 200)
                self.assertTrue("error" not in said or feature(said["error"]) in OUT_OF_SCOPE, said)
                passed[kind] += "error" not in said
        print(f"\nother requests: {dict(passed)}")
        self.assertGreater(passed["compact"], 5)
        self.assertGreater(passed["input_tokens"], 3)

    def test_conversations(self):
        """The recorded conversations are made as recorded, and each response on one names it as recorded."""
        made, named = 0, 0
        for place, request, response in exchanges():
            if not request or request["method"] != "POST":
                continue
            with self.subTest(place):
                if request["path"] == "/v1/conversations":
                    mine = self.model.ask(conversation=request["body"])["conversation"]
                    self.assertEqual({**mine, "id": 0, "created_at": 0}, {**response["body"], "id": 0, "created_at": 0})
                    made += 1
                elif request["path"] == "/v1/responses" and request["body"].get("conversation"):
                    mine = self.model.ask(request=request["body"])["response"]["conversation"]
                    for _, obj in objects_of(response):
                        self.assertEqual(obj["conversation"], mine)
                        named += 1
        print(f"\nconversations: {made} made, {named} response objects name theirs as recorded")
        self.assertGreater(made, 4)
        self.assertGreater(named, 8)

    def test_response_keys(self):
        """Our response object has the keys of the newest recorded ones, and all keys of the older ones."""
        ours = list(self.model.ask(request={"model": "m", "input": "x"})["response"])
        newest, older, odd = 0, 0, 0
        for place, _, response in exchanges():
            for where, obj in objects_of(response):
                keys = set(obj) - {"input"}
                if "status_details" in keys or "safety_identifier" in keys and obj["safety_identifier"] == "sanitized" \
                        or "service_tier" in keys and len(keys) < 10 or "output_text" in keys:
                    odd += 1  # another server's, or trimmed by hand
                    continue
                mine = set(ours) - (set() if where == "json" else {"billing"})
                if "conversation" in keys:
                    mine |= {"conversation"}
                if "prompt_cache_options" in keys:
                    mine |= {"prompt_cache_options"}
                with self.subTest(place, where=where):
                    if "tool_usage" in keys:
                        # GET of a stored response carries no billing
                        self.assertEqual(keys | {"billing"}, mine | {"billing"})
                        newest += 1
                    else:
                        self.assertLessEqual(keys - {"billing"}, mine)
                        older += 1
                    if is_raw(obj) and list(obj)[0] == "id":
                        known = [k for k in obj if k in ours]
                        self.assertTrue(is_subsequence(known, ours), known)
        print(f"\nresponse objects: {newest} of the newest form, {older} of older ones, {odd} not of the API itself")
        self.assertGreater(newest, 50)

    def test_echoes(self):
        """What a response repeats of its request is repeated as the live API did it."""
        same = ["text", "tool_choice", "instructions", "parallel_tool_calls", "previous_response_id", "store",
                "truncation", "max_output_tokens", "max_tool_calls", "prompt_cache_key", "prompt_cache_options",
                "metadata", "user", "background", "error", "incomplete_details", "tools", "temperature",
                "top_logprobs", "frequency_penalty", "presence_penalty"]
        compared = 0
        for place, body, response in creates():
            said = self.model.ask(request=body)
            if "response" not in said:
                continue
            for where, obj in objects_of(response):
                if obj.get("status") not in ("completed", "in_progress"):
                    continue
                for key in same:
                    if key not in obj:
                        continue
                    if key == "store" and "store" not in body and body.get("background"):
                        continue  # an organisation without data retention
                    mine, theirs = said["response"].get(key), obj[key]
                    if key == "text":
                        mine = {k: v for k, v in mine.items() if k in theirs}
                    if key == "tools":
                        mine, theirs = (listed_tools(tools, body["model"]) for tools in (mine, theirs))
                        for ours, live in zip(mine, theirs):  # until 2025-11 the path was left out
                            if (live.get("server_url") or "").endswith("/<redacted>"):
                                live["server_url"] = ours["server_url"]
                    if (place, key) in EDITED:
                        continue
                    with self.subTest(place, where=where, key=key):
                        self.assertEqual(mine, theirs)
                        compared += 1
        print(f"\nechoes: {compared} members compared")
        self.assertGreater(compared, 1000)

    def test_events(self):
        """Each recorded event type is ours, with the keys and (where they are in wire order) the order recorded."""
        kinds, raw, foreign = collections.Counter(), 0, collections.Counter()
        for place, _, response in exchanges():
            for event in events_of(response):
                kind, keys = event["type"], [k for k in event if k not in NOT_OURS]
                if kind in FOREIGN_EVENTS:
                    foreign[kind] += 1
                    continue
                if "sequence_number" not in keys or kind.endswith("text.delta") and "logprobs" not in keys \
                        and kind == "response.output_text.delta":
                    foreign["events of other servers, with fewer keys"] += 1
                    continue
                mine = self.model.ask(event=kind)["event"] if kind not in kinds else self.samples[kind]
                with self.subTest(place, kind=kind):
                    self.assertIsNotNone(mine)
                    if not kinds[kind]:
                        self.samples[kind] = mine
                    kinds[kind] += 1
                    flat = {"code", "message", "param"} if kind == "error" else set()
                    if kind == "response.image_generation_call.partial_image":
                        flat = {"size", "quality", "background", "output_format"}
                        keys = [k for k in keys if k not in flat]
                    self.assertEqual(set(keys), set(mine) - flat)
                    if keys[:2] == ["type", "sequence_number"]:
                        self.assertEqual(keys, [k for k in mine if k not in flat])
                        raw += 1
        print(f"\nevents: {sum(kinds.values())} of {len(kinds)} types, {raw} in wire order")
        for what, n in foreign.most_common():
            print(f"  {n:3} not compared: {what}")
        self.assertGreater(len(kinds), 40)

    samples = {}

    def test_items(self):
        """Each recorded output item is taken back as input (or refused by name) and listed as it was."""
        listed, raw, outside, odd = collections.Counter(), 0, collections.Counter(), 0
        seen = set()
        for place, _, response in exchanges():
            for _, obj in objects_of(response):
                for item in obj.get("output") or []:
                    text = json.dumps(item)
                    if text in seen:
                        continue
                    seen.add(text)
                    if item["type"] == "message" and item.get("role") is None or "id" not in item:
                        odd += 1  # trimmed by hand
                        continue
                    said = self.model.ask(item=item)
                    with self.subTest(place, kind=item["type"]):
                        if "error" in said:
                            self.assertIsNotNone(feature(said["error"]), said["error"])
                            outside[feature(said["error"])] += 1
                            continue
                        mine = said["listed"]
                        for part in item.get("content") or []:
                            if part.get("type") == "output_text":
                                part.setdefault("annotations", [])
                                part.setdefault("logprobs", [])
                        self.assertEqual(item, {k: v for k, v in mine.items() if k in item})
                        self.assertLessEqual(set(mine) - set(item), {"status"})
                        listed[item["type"]] += 1
                        if is_raw(item) and list(item)[:3] == ["id", "type", "status"]:
                            self.assertEqual(list(item), list(mine))
                            raw += 1
        print(f"\nitems: {dict(listed)} listed as recorded, {raw} in wire order; {odd} trimmed by hand")
        for what, n in outside.most_common():
            print(f"  {n:3} out of scope: {what}")
        self.assertGreater(listed["message"], 100)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        os.environ["CHECK_REQUEST"] = sys.argv.pop(1)
    unittest.main(verbosity=1)
