"""A model that does the sensible thing by rule, for suites that judge what a model answers: it calls the tool that it must or
that the question is about, fills schemas from the question's words, and says what a tool gave it.

Where a real model would choose freely this one has one fixed choice; the server is what is under test, never the answer's worth.
"""
import json
import re

from engine_script import call, calls_interleaved, finish, say, think

IDLE = {"the", "and", "for", "with", "what", "get", "use", "tool", "you", "are", "from", "that", "your", "this"}


class Facts:
    """What a question names, each given once: numbers, quoted words, names."""

    def __init__(self, text):
        self.text = text
        self.numbers = re.findall(r"-?\d+(?:\.\d+)?", text)
        self.quoted = re.findall(r"['\"\u2018\u201c]([^'\"\u2019\u201d]+)['\"\u2019\u201d]", text)
        self.names = re.findall(r"(?<!^)(?<![.?!] )\b[A-Z]\w+(?:[ ,]+[A-Z]\w+)*", text)

    def number(self):
        return float(self.numbers.pop(0)) if self.numbers else 7.0

    def word(self, otherwise):
        for found in (self.quoted, self.names):
            if found:
                return found.pop(0)
        return otherwise


def resolve(schema, root):
    while "$ref" in schema:
        path, schema = schema["$ref"], root
        for key in path.lstrip("#/").split("/") if path != "#" else []:
            schema = schema[key]
    return schema


def instance(schema, facts, root=None, name="value"):
    """A value that fits the schema."""
    root = root or schema
    schema = resolve(schema, root)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return instance(schema[choice][0], facts, root, name)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return next((v for v in schema["enum"] if str(v).lower() in facts.text.lower()), schema["enum"][0])
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {k: instance(v, facts, root, k) for k, v in schema.get("properties", {}).items()}
    if kind == "array":
        return [instance(schema.get("items", {}), facts, root, name) for _ in range(max(1, schema.get("minItems", 1)))]
    if kind in ("integer", "number"):
        return int(facts.number()) if kind == "integer" else facts.number()
    return {"boolean": True, "null": None}.get(kind, None) if kind != "string" else facts.word(f"some {name}")


def words(text):
    """Its words, without what is common, by their first five letters: "cities" is about a "city"."""
    return {w[:5] for w in re.findall(r"[a-z]{3,}", text.lower().replace("_", " ")) if w not in IDLE}


def chosen(body, text):
    """The functions to call: the one that is named, one that must be, or those that the question names."""
    tools = [t["function"] for t in body.get("tools", [])]
    choice = body.get("tool_choice", "auto")
    if not tools or choice == "none":
        return []
    if isinstance(choice, dict) and choice.get("function"):
        return [t for t in tools if t["name"] == choice["function"]["name"]]
    asked = words(text)
    ranked = sorted(tools, key=lambda t: -len(asked & words(t["name"] + " " + t.get("description", ""))))
    best = [t for t in ranked if asked & words(t["name"])]
    return best[:1] or (ranked[:1] if choice == "required" else [])


def wants_json(body, text):
    format = body.get("response_format") or {}
    if format.get("type") == "json_schema":
        return instance(format["json_schema"]["schema"], Facts(text))
    if format.get("type") == "json_object":
        return {key: f"some {key}" for key in re.findall(r"['\"](\w+)['\"]", text)} or {"answer": "some answer"}
    return None


def in_pieces(text, n=7):
    return [text[i:i + n] for i in range(0, len(text), n)] or [""]


def sensible(request, thinks=None, limit=None):
    """thinks: always or never; else when it is asked to. limit: pieces of text; else what the request says."""
    body, text, last = request.body, request.last_text, request.body["messages"][-1]
    thinks = bool(re.search(r"\bthink\b", text, re.I)) if thinks is None else thinks
    steps = [think("Let me think ", "about it.")] if thinks else []
    if last["role"] == "tool":
        content = last["content"] if isinstance(last["content"], str) else "".join(p.get("text", "") for p in last["content"])
        value = wants_json(body, text + " " + content)
        return steps + [say(*in_pieces(json.dumps(value) if value is not None else "The tool says: " + content))]
    calls = chosen(body, text)
    if calls:
        times = 2 if re.search(r"\b(both|two|parallel)\b", text) and body.get("parallel_tool_calls") is not False else 1
        facts = Facts(text)
        made = [json.dumps(instance(calls[0].get("parameters", {}), facts), ensure_ascii=False) for _ in range(times)]
        return steps + [calls_interleaved(*[(calls[0]["name"], f"call_{i}", in_pieces(a)) for i, a in enumerate(made)])]
    value = wants_json(body, text)
    answer = json.dumps(value, ensure_ascii=False) if value is not None else "Sure: you said, " + text
    for stop in [body["stop"]] if isinstance(body.get("stop"), str) else body.get("stop") or []:
        answer = answer.partition(stop)[0]
    limit = limit or body.get("max_tokens") or body.get("max_completion_tokens")
    pieces = in_pieces(answer)
    if limit and len(pieces) > limit:
        return steps + [say(*pieces[:limit]), finish("length")]
    return steps + [say(*pieces)]
