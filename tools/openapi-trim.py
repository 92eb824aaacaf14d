#!/usr/bin/env python3
"""openapi-trim.py - makes tests/data/openapi/openai.json.gz of OpenAI's OpenAPI file (JSON, plain or gzip).

    tools/openapi-trim.py FILE

Kept: the paths whose first part stands in KEPT or that begin as KEPT_BELOW says, and the schemas that they reach; without descriptions and examples.
"""
import gzip
import json
import pathlib
import sys

KEPT = {"responses", "conversations", "chat", "models", "files", "uploads", "vector_stores", "containers", "embeddings", "skills",
        "batches"}
KEPT_BELOW = ("/organization/usage/", "/organization/costs")
PROSE = {"description", "title", "summary", "example", "examples", "externalDocs", "x-oaiMeta", "x-stainless-const",
         "x-stainless-skip", "x-stainless-naming", "tags"}
HERE = pathlib.Path(__file__).resolve().parent.parent


def plain(node, names=False):
    """Without prose; names: the keys are names that somebody chose, not keywords."""
    if isinstance(node, list):
        return [plain(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {k: plain(v, k in ("properties", "schemas", "responses", "patternProperties")) for k, v in node.items()
            if names or k not in PROSE or not isinstance(v, (str, list)) and k in ("title", "summary")}


def references(node):
    if isinstance(node, list):
        for one in node:
            yield from references(one)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for one in node.values():
            yield from references(one)


def main():
    raw = pathlib.Path(sys.argv[1]).read_bytes()
    full = json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
    paths = {p: o for p, o in full["paths"].items() if p.split("/")[1] in KEPT and "?" not in p or p.startswith(KEPT_BELOW)}
    kept, waiting = {}, list(references(paths))
    while waiting:
        name = waiting.pop()
        if name not in kept:
            _, _, kind, one = name.split("/")
            kept[name] = (kind, one, full["components"][kind][one])
            waiting.extend(references(kept[name][2]))
    components = {"securitySchemes": full["components"]["securitySchemes"]}
    for kind, one, what in sorted(kept.values(), key=lambda row: row[:2]):
        components.setdefault(kind, {})[one] = what
    small = {"openapi": full["openapi"], "info": full["info"], "servers": full["servers"], "security": full["security"],
             "paths": paths, "components": components}
    small = plain(small)
    small["info"] = {"title": full["info"]["title"], **small["info"]}
    for path in small["paths"].values():  # which OpenAPI itself demands
        for operation in path.values():
            for response in operation.get("responses", {}).values():
                if "$ref" not in response:
                    response["description"] = ""
    for response in small["components"].get("responses", {}).values():
        response["description"] = ""
    text = json.dumps(small, ensure_ascii=False, separators=(",", ":"), sort_keys=False)
    out = HERE / "tests" / "data" / "openapi" / "openai.json.gz"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{len(paths)} paths, {len(kept)} components, {len(text)} bytes, {out.stat().st_size} packed")


if __name__ == "__main__":
    main()
