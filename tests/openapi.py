"""OpenAI's OpenAPI file as a judge of answers and events: which rules does a body break?

    api = OpenApi()
    api.answer("GET", "/v1/responses/resp_1", 200, "application/json", body)   # rules broken, as lines of text
    api.event(event)

A broken rule is named by the place it was broken at, where members of lists are named by their type:
`Response output[message].status: is required`. So the same breach has the same name wherever it occurs. Where the live API itself breaks
the file, data/openapi/overlay.json amends the file, with the recording that shows it: test_openapi.py.
"""
import copy
import gzip
import json
import pathlib
import re
import urllib.parse

import jsonschema_rs

HERE = pathlib.Path(__file__).resolve().parent
FILE = HERE / "data" / "openapi" / "openai.json.gz"
OVERLAY = HERE / "data" / "openapi" / "overlay.json"
BESIDE = HERE / "data" / "openapi" / "beside.json"
# Events of the live API that came after the file.
BESIDE_THE_FILE = {"keepalive", "response.compaction.compacting", "response.steer.failed", "response.steer.accepted",
                   "response.steer.pending"}


def overlay_rows():
    return json.loads(OVERLAY.read_text())["amendments"]


def _modern(node):
    """OpenAPI 3.0's `nullable`, of which the 3.1 file has some left, in the words of 3.1."""
    if isinstance(node, list):
        return [_modern(one) for one in node]
    if not isinstance(node, dict):
        return node
    node = {key: _modern(one) for key, one in node.items()}
    if node.get("nullable") is True:
        del node["nullable"]
        return {"anyOf": [node, {"type": "null"}]}
    return node


def document(without=None):
    """The OpenAPI file with our overlay laid over it; without: but for this amendment."""
    with gzip.open(FILE, "rt") as f:
        doc = _modern(json.load(f))
    beside = json.loads(BESIDE.read_text())
    doc["paths"].update(beside["paths"])
    doc["components"]["schemas"].update(beside["components"]["schemas"])
    overlay = json.loads(OVERLAY.read_text())
    for path in doc["paths"].values():
        for operation in path.values():
            for status in [*overlay["statuses"], *overlay["our_statuses"]]:
                operation["responses"][status] = {"$ref": "#/components/responses/Refused"}
    for name, what in overlay["components"]["responses"].items():
        doc["components"].setdefault("responses", {})[name] = what
    for row in overlay["amendments"]:
        if row == without:
            continue
        node = doc
        *steps, last = [step.replace("~1", "/") for step in row["at"].split("/")]
        for step in steps:
            node = node[int(step)] if isinstance(node, list) else node[step]
        if "remove" in row:
            node[last].remove(row["remove"])
        else:
            node[last] = row["set"]
    return doc


def _kind(value):
    return value.get("type") if isinstance(value, dict) and isinstance(value.get("type"), str) else ""


def _place(root, path):
    """output.0.content.0.text of an object as `output[message].content[output_text].text`."""
    text, node = "", root
    for step in path:
        node = node[step]
        text += "" if isinstance(step, int) else f".{step}"
        text += f"[{_kind(node)}]" if _kind(node) else ""
    return text.lstrip(".")


def _leaves(error, instance):
    """The errors that matter of an error about alternatives: those of the alternative that was meant."""
    context = getattr(error.kind, "context", None)
    if error.kind.name == "oneOf" and not context:
        return []  # fits more than one: the discriminator says which
    if not context:
        return [error]
    at = list(error.instance_path)

    def distance(branch):
        wrong_type = any(list(e.instance_path) in (at, at + ["type"], at + ["object"]) and
                         e.kind.name in ("enum", "const", "type") for e in branch)
        return (wrong_type, len(branch))

    best = min(context, key=distance)
    return [leaf for one in best for leaf in _leaves(one, instance)]


def _rule(error):
    kind = error.kind
    if kind.name == "required":
        return f"{kind.property} is required"
    if kind.name == "type":
        return f"must be {'/'.join(sorted(kind.types))}" if hasattr(kind, "types") else re.sub(r"^.* is not of", "is not of", error.message)
    if kind.name in ("enum", "const"):
        return f"{json.dumps(error.instance)} is no value of it"
    return kind.name


class OpenApi:
    def __init__(self, doc=None):
        self.doc = doc or document()
        self.checkers = {}
        self.routes = []
        for template, operations in self.doc["paths"].items():
            pattern = re.compile("/v1" + re.sub(r"\{[^}]*\}", "[^/]+", template))
            self.routes.append((template.count("{"), pattern, template, operations))
        self.routes.sort(key=lambda row: row[0])

    def operation(self, method, path):
        """(template, operation) of a request; (None, None): the file knows no such path."""
        path = path.split("?")[0]
        for _, pattern, template, operations in self.routes:
            if pattern.fullmatch(path) and method.lower() in operations:
                return template, operations[method.lower()]
        return None, None

    def schema(self, name, value, called=None):
        """The rules of a schema of the file that a value breaks."""
        return self._check("#/components/schemas/" + name, called or name, value)

    def event(self, event):
        """The rules that an event of a response breaks; an error outside of a response carries its status instead."""
        kind = event.get("type", "event")
        if kind == "error" and "status" in event:
            return self.schema("ErrorResponse", event)
        if kind in BESIDE_THE_FILE:
            return [] if "sequence_number" in event else [f"{kind}: sequence_number is required"]
        return self.schema("ResponseStreamEvent", event, kind)

    def streamed(self, path, event):
        """The same of whatever a stream of that path carries."""
        if path.startswith("/v1/responses"):
            return self.event(event)
        if path.startswith("/v1/chat/completions"):
            return self.schema("ErrorResponse" if "error" in event else "CreateChatCompletionStreamResponse", event)
        return []

    def answer(self, method, path, status, kind, body):
        """The rules that an answer breaks; body as bytes."""
        if method == "HEAD":
            return []
        template, operation = self.operation(method, path)
        if operation is None:
            return [] if status < 400 else self._json("#/components/schemas/ErrorResponse", "error", body)
        where = f"{method} {template} {status}"
        told = operation["responses"].get(str(status))
        if told is None:
            return [f"{where}: no such status"]
        while "$ref" in told:
            told = self._at(told["$ref"])
        kind = (kind or "").split(";")[0].strip()
        if "*/*" in told.get("content", {}):
            return []
        if kind not in told.get("content", {}):
            return [] if not body and not told.get("content") else [f"{where}: content type {kind!r}"]
        if kind != "application/json":
            return []
        schema = told["content"][kind]["schema"]
        name = schema.get("$ref", "").rsplit("/", 1)[-1] or where
        if "$ref" in schema:
            return self._json(schema["$ref"], name, body)
        steps = ["paths", template, method.lower(), "responses", str(status), "content", kind, "schema"]
        pointer = "#/" + "/".join(urllib.parse.quote(step.replace("/", "~1"), safe="~") for step in steps)
        return self._json(pointer, name, body)

    def _json(self, pointer, name, body):
        try:
            value = json.loads(body)
        except ValueError:
            return [f"{name}: is no JSON"]
        return self._check(pointer, name, value)

    def _at(self, pointer):
        node = self.doc
        for step in pointer[2:].split("/"):
            node = node[step.replace("~1", "/").replace("~0", "~")]
        return node

    def _check(self, pointer, name, value):
        if pointer not in self.checkers:
            schema = {**copy.copy(self.doc), "$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": pointer}
            self.checkers[pointer] = jsonschema_rs.Draft202012Validator(schema)
        if self.checkers[pointer].is_valid(value):
            return []
        found = []
        for error in self.checkers[pointer].iter_errors(value):
            for leaf in _leaves(error, value):
                place = _place(value, leaf.instance_path)
                line = f"{name} {place}: {_rule(leaf)}" if place else f"{name}: {_rule(leaf)}"
                if line not in found:
                    found.append(line)
        return found
