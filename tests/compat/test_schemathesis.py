"""schemathesis against every route that we serve and that OpenAI's OpenAPI file (or data/openapi/beside.json) knows: no 5xx, no hang, no crash, each answer as the file has it.

SCHEMATHESIS_SECONDS bounds the run: a minute in `make compat`, more in `make soak`.
"""
import json
import os
import re
import subprocess
import sys

import pytest

from harness import PATIENCE, TREE
from openapi import document

pytestmark = pytest.mark.compat
SECONDS = int(os.environ.get("SCHEMATHESIS_SECONDS", 60))
CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
          "unsupported_method", "allow_header_conformance", "use_after_free"]
# What a body must name to reach anything.
MODELS = {"ModelIdsResponses", "ModelIdsShared", "ModelIdsCompaction", "ModelIds"}


def served():
    """The routes of the source, parameters without their names."""
    with open(os.path.join(TREE, "src", "api", "routes.def")) as f:
        rows = re.findall(r'ROUTE\((\w+), "/v1([^"]*)"', f.read())
    return {(method.lower(), re.sub(r"{\w+}", "{}", path)) for method, path in rows}


def bend(node):
    """In place: no discriminators (schemathesis wants names where the file has types), our model, streams are ours to judge."""
    if isinstance(node, list):
        for one in node:
            bend(one)
    elif isinstance(node, dict):
        node.pop("discriminator", None)
        if "text/event-stream" in node:
            node["text/event-stream"] = {"schema": {}}
        if isinstance(node.get("properties"), dict) and node["properties"].get("model", {}).get("anyOf"):
            node["properties"]["model"] = {"type": "string", "enum": ["scripted"]}
        for one in node.values():
            bend(one)


def trimmed(ids):
    """The file with our routes alone; ids: values that path parameters take in half of the cases."""
    doc, known = document(), served()
    for path, operations in list(doc["paths"].items()):
        for method in list(operations):
            if (method, re.sub(r"{\w+}", "{}", path)) not in known:
                del operations[method]
        if not operations:
            del doc["paths"][path]
    bend(doc)
    for name in MODELS & set(doc["components"]["schemas"]):
        doc["components"]["schemas"][name] = {"type": "string", "enum": ["scripted"]}
    for operations in doc["paths"].values():
        for operation in operations.values():
            for one in operation.get("parameters", []):
                if one["in"] == "path" and one["name"] in ids:
                    one["schema"] = {"type": "string", "anyOf": [{"enum": [ids[one["name"]]]}, {"minLength": 1}]}
    return doc


def test_every_route(servers, engine, tmp_path):
    server = servers(engine, args=["--set", "fetch.allow=127.0.0.1"])
    conversation = server.post("/v1/conversations", {"items": [{"role": "user", "content": "x"}]}).json["id"]
    chat = {"model": "scripted", "messages": [{"role": "user", "content": "x"}], "store": True}
    hook = {"name": "w", "url": "http://127.0.0.1:9/", "event_types": ["response.completed"]}
    doc = trimmed({"response_id": server.create("hi")["id"], "conversation_id": conversation, "model": "scripted",
                   "item_id": server.get(f"/v1/conversations/{conversation}/items").json["data"][0]["id"],
                   "completion_id": server.post("/v1/chat/completions", chat).json["id"],
                   "prompt_id": server.post("/v1/prompts", {"name": "p", "instructions": "x"}).json["id"],
                   "webhook_endpoint_id": server.post("/v1/webhook_endpoints", hook).json["id"]})
    assert sum(len(operations) for operations in doc["paths"].values()) >= 35
    (tmp_path / "openapi.json").write_text(json.dumps(doc))
    program = os.path.join(os.path.dirname(sys.executable), "schemathesis")
    done = subprocess.run(
        [program, "run", str(tmp_path / "openapi.json"), "--url", server.base_url, "-H", "Authorization: Bearer any",
         "--checks", ",".join(CHECKS), "--max-time", str(SECONDS), "--max-examples", str(max(20, SECONDS // 4)),
         "--request-timeout", str(PATIENCE), "--continue-on-failure", "--no-color", "--warnings", "off"],
        cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS * 5 + 10 * PATIENCE)
    print(done.stdout[-1500:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert server.alive() and server.create("still here")["status"] == "completed"
