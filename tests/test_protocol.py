"""What holds on every route, read from the table of routes and OpenAI's OpenAPI file: methods, HEAD, query parameters, refusals' texts."""
import os
import re

import pytest

from file_script import upload
from harness import TREE
from skill_zips import zipped
from test_files import TYPE, form as skill_form, part

METHODS = ["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"]


def rows():
    with open(os.path.join(TREE, "src", "api", "routes.def")) as f:
        return re.findall(r'ROUTE\((\w+), "([^"]*)", (\w+), ([^)]*)\)', f.read())


def paths():
    """Each path with the methods that it has; the rows for WebSockets count for none."""
    found = {}
    for method, path, _, flags in rows():
        if "ROUTE_SOCKET" not in flags:
            found.setdefault(path, set()).update({method, "HEAD"} if method == "GET" else {method})
    for path, methods in found.items():  # a word where another row has a parameter has that row's methods as well
        for other, more in found.items():
            if other != path and "{" not in path.rsplit("/", 1)[1] and re.fullmatch(re.sub(r"{\w+}", "[^/]+", other), path):
                methods |= more
    return found


PATHS = paths()


@pytest.fixture(scope="module")
def server():
    from engine_script import ScriptedEngine
    from harness import Server
    engine = ScriptedEngine()
    one = Server(engine)
    yield one
    one.stop()
    one.erase()
    engine.close()


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_method_is_405_and_names_the_right_ones(server, path):
    url = re.sub(r"{\w+}", "x", path)
    for method in METHODS:
        if method in PATHS[path]:
            continue
        answer = server.request(method, url)
        assert answer.status == 405, (method, answer)
        assert sorted(answer.headers["allow"].split(", ")) == sorted(PATHS[path]), method
        if method != "HEAD":
            assert answer.error["code"] == "method_not_supported" and answer.error["param"] is None


@pytest.mark.parametrize("path", [path for path, methods in PATHS.items() if "HEAD" in methods])
def test_head_is_get_without_its_body(server, path):
    url = re.sub(r"{\w+}", "x", path)
    head, get = server.request("HEAD", url), server.get(url)
    assert head.status == get.status and head.body == b"" and head.headers["content-type"] == get.headers["content-type"]


# --- query parameters ---

def made(server):
    """Values of path parameters that exist."""
    conversation = server.post("/v1/conversations", {"items": [{"role": "user", "content": "x"}]}).json["id"]
    chat = {"model": "scripted", "messages": [{"role": "user", "content": "x"}], "store": True}
    file, store = upload(server, "a.txt", "a text"), server.post("/v1/vector_stores", {}).json["id"]
    batch = server.post(f"/v1/vector_stores/{store}/file_batches", {"file_ids": [file]}).json["id"]
    skill = server.post("/v1/skills", skill_form(part("files", zipped(), "math.zip")), headers={"Content-Type": TYPE}).json["id"]
    return {"skill_id": skill, "container_id": server.post("/v1/containers", {"name": "c"}).json["id"], "vector_store_id": store, "batch_id": batch, "file_id": file, "response_id": server.create("hi")["id"], "conversation_id": conversation,
            "item_id": server.get(f"/v1/conversations/{conversation}/items").json["data"][0]["id"],
            "completion_id": server.post("/v1/chat/completions", chat).json["id"], "model": "scripted",
            "prompt_id": server.post("/v1/prompts", {"name": "p", "instructions": "x"}).json["id"]}


def queries(openapi):
    """(path of the file, parameter) of the GETs that we serve."""
    served = {re.sub(r"{\w+}", "{}", path) for method, path, _, _ in rows() if method == "GET"}
    for path, operations in openapi.doc["paths"].items():
        if "/v1" + re.sub(r"{\w+}", "{}", path) in served and "get" in operations:
            for one in operations["get"].get("parameters", []):
                if one["in"] == "query":
                    yield path, one


def values(openapi, schema):
    """(values that fit, values that do not) as text."""
    if "$ref" in schema:
        schema = openapi.doc["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if "enum" in schema:
        return schema["enum"], ["odd", ""]
    return {"boolean": (["true", "false"], ["yes", "1", ""]), "integer": (["1", "20"], ["x", "1.5", "-1", "", "99999999999999999999"]),
            }.get(schema.get("type"), ([], []))


# Parameters that go with others, and how.
BESIDE = {"starting_after": "stream=true&", "include_obfuscation": "stream=true&"}


def beside(openapi, path, name):
    """What a request must have beside that parameter."""
    required = [one["name"] for one in openapi.doc["paths"][path]["get"]["parameters"] if one["in"] == "query" and one.get("required")]
    return BESIDE.get(name, "") + "".join(f"{other}=0&" for other in required if other != name)


# Values of the file that are refused by name: what is not counted apart (docs/limits.md).
REFUSED = {("/organization/usage/images", "group_by"), ("/organization/usage/images", "sizes"), ("/organization/usage/images", "sources"),
           ("/organization/usage/web_search_calls", "group_by"), ("/organization/usage/file_search_calls", "group_by"), ("/organization/costs", "group_by")}


def test_query_parameters(server, openapi):
    """What the file allows passes; what it does not is a 400 that names the parameter."""
    ids, asked = made(server), 0
    for path, one in queries(openapi):
        url = "/v1" + re.sub(r"{(\w+)}", lambda m: ids[m[1]], path)
        schema = one["schema"]
        name, inner = (one["name"], schema["items"]) if schema.get("type") == "array" else (one["name"], schema)
        good, bad = values(openapi, inner)
        for form in ([name, name + "[]", name + "%5B%5D"] if schema.get("type") == "array" else [name]):
            for value in good:
                answer = server.get(f"{url}?{beside(openapi, path, name)}{form}={value}")
                refused = answer.status == 400 and (path, name) in REFUSED and value in answer.error["message"]
                assert answer.status == 200 or refused, (path, form, value, answer)
            for value in bad:
                answer = server.get(f"{url}?{beside(openapi, path, name)}{form}={value}")
                assert answer.status == 400 and (answer.error["param"] or "").split("[")[0] == name, (path, form, value, answer)
                asked += 1
    assert asked > 30


MOST = {"/files": 10000, "/organization/costs": 180}  # on one page; elsewhere 100, and days of usage 31


@pytest.mark.parametrize("value, code", [(lambda least, most: least - 1, "integer_below_min_value"),
                                         (lambda least, most: most + 1, "integer_above_max_value"), (lambda least, most: "x", "invalid_type")], ids=["less", "more", "no-number"])
def test_limits_of_pages(server, openapi, value, code):
    ids, asked = made(server), 0
    for path, one in queries(openapi):
        if one["name"] == "limit":
            url = "/v1" + re.sub(r"{(\w+)}", lambda m: ids[m[1]], path)
            most = MOST.get(path, 31 if path.startswith("/organization/usage/") else 100)
            answer = server.get(f"{url}?{beside(openapi, path, 'limit')}limit={value(one['schema'].get('minimum', 1), most)}")
            assert answer.status == 400 and (answer.error["code"], answer.error["param"]) == (code, "limit"), (path, answer)
            asked += 1
    assert asked >= 3


def test_beta_is_let_be(server):
    """The SDKs' beta namespace asks the same paths with ?beta=true."""
    made = server.post("/v1/responses?beta=true", {"model": "scripted", "input": "x"})
    assert made.status == 200
    at = f"/v1/responses/{made.json['id']}"
    for answer in (server.get(at + "?beta=true"), server.get(at + "/input_items?beta=true"), server.delete(at + "?beta=true")):
        assert answer.status == 200, answer


# --- the texts of refusals ---

TEMPLATES = {
    "unknown_parameter": r"Unknown parameter: '{}'\.( Did you mean '\w+'\?)?",
    "missing_required_parameter": r"Missing required parameter: '{}'\.|One of \"input\" or \"previous_response_id\" or 'prompt' or "
                                  r"'conversation' must be provided\.",
    "model_not_found": r"The requested model '.*' does not exist\.",
    "invalid_type": r"Invalid type for '{}': expected (an? |one of ).*, but got (an? .*|null) instead\.",
    "invalid_value": r"Invalid value: '.*'\. (Supported values are: .*|Value must be .*)\."
                     r"|Invalid '{}': '.*'\. Expected an ID that begins with '\w+'\.",
    "integer_below_min_value": r"Invalid '{}': integer below minimum value\. Expected a value >= -?\d+, but got -?\d+ instead\.",
    "integer_above_max_value": r"Invalid '{}': integer above maximum value\. Expected a value <= \d+, but got \d+ instead\.",
    "decimal_below_min_value": r"Invalid '{}': decimal below minimum value\. Expected a value >= -?[\d.]+, but got -?[\d.]+ instead\.",
    "decimal_above_max_value": r"Invalid '{}': decimal above maximum value\. Expected a value <= [\d.]+, but got [\d.]+ instead\.",
    "string_above_max_length": r"Invalid '{}': string too long\. Expected a string with maximum length \d+, but got a string with length \d+ instead\.",
    "empty_array": r"Invalid '{}': empty array\. Expected an array with minimum length 1, but got an empty array instead\.",
    "empty_string": r"Invalid '{}': empty string\. Expected a string with minimum length 1, but got an empty string instead\.",
    "object_above_max_properties": r"Invalid '{}': too many properties\. Expected an object with at most 16 properties, but got an object with \d+ properties instead\.",
}
ODD_VALUES = [True, 7, -7, 1e9, 0.5, "odd", "", "x" * 600, [], [7], ["odd"], {}, {"odd": 7}, {str(i): "x" for i in range(17)}, None]


# Where the file allows no null and we take it for "not given", as everywhere else.
NULLABLE = {"top_logprobs", "prompt_cache_options", "text", "tools", "tool_choice"}


def properties(openapi, name):
    """The top-level members of a body's schema."""
    schema = openapi.doc["components"]["schemas"][name]
    found = dict(schema.get("properties", {}))
    for part in schema.get("allOf", []):
        found.update(properties(openapi, part["$ref"].rsplit("/", 1)[1]) if "$ref" in part else part.get("properties", {}))
    return found


def test_texts_of_refusals(server, openapi):
    """Every member of a request with every kind of value: what the file refuses is refused, in the live API's words."""
    seen, wrong = set(), []
    for member in properties(openapi, "CreateResponse"):
        for value in ODD_VALUES:
            body = {"model": "scripted", "input": "x", member: value}
            answer = server.post("/v1/responses", body)
            assert answer.status in (200, 400), (member, value, answer)
            if answer.status == 200:
                broken = [line for line in openapi.schema("CreateResponse", body) if member in line]
                wrong += [(member, value, broken)] if broken and not (value is None and member in NULLABLE) else []
                continue
            param, code = answer.error["param"], answer.error["code"]
            fits = not code or re.fullmatch(TEMPLATES[code].format(re.escape(param or "")), answer.error["message"], re.S)
            if not fits or re.split(r"[.\[]", param or member)[0] != member:
                wrong.append((member, value, answer.error))
            seen.add(code)
    assert not wrong, "\n".join(map(repr, wrong))
    assert seen >= {"invalid_type", "invalid_value", "unknown_parameter", "integer_below_min_value", "decimal_above_max_value"}, seen

