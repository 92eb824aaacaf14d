"""Prompt templates: /v1/prompts, `prompt` on a response in every form, and `antiphon prompts`."""
import json

import openai
import pytest

from engine_script import Gate, ScriptedEngine, echo, hold, say
from harness import Server, command, eventually, make_key, text_of
from test_websocket import Socket

PATH = "/v1/prompts"
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
BODY = {"name": "greet", "model": "scripted", "instructions": "Be {{how}}.", "temperature": 0.25,
        "input": [{"role": "user", "content": "Greet {{ name }} in one line."}], "metadata": {"team": "a"}}
VARIABLES = {"how": "kind", "name": "Ann"}
FILLED = [{"type": "message", "role": "developer", "content": "Be kind."},
          {"type": "message", "role": "user", "content": "Greet Ann in one line."}]


@pytest.fixture(scope="module")
def engine():
    engine = ScriptedEngine(vision=True)
    engine.always(echo)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def server(engine):
    server = Server(engine)
    yield server
    server.stop()
    server.erase()


def make(server, path="", **body):
    answer = server.post(PATH + path, body)
    assert answer.status == 200, answer
    return answer.json


@pytest.fixture(scope="module")
def prompt(server):
    return make(server, **BODY)


def respond(server, id, **more):
    variables = more.pop("variables", VARIABLES)
    version = {"version": more.pop("version")} if "version" in more else {}
    return server.post("/v1/responses", {"prompt": {"id": id, **version, "variables": variables}, **more})


def sent(engine):
    return engine.requests[-1].body


# --- the routes ---

def test_the_object(server, prompt):
    assert prompt == {**{k: v for k, v in BODY.items()}, "id": prompt["id"], "object": "prompt", "created_at": prompt["created_at"],
                      "version": "1", "version_created_at": prompt["created_at"], "is_default": True, "default_version": "1",
                      "latest_version": "1", "variables": ["how", "name"]}
    assert prompt["id"].startswith("pmpt_")
    assert server.get(f"{PATH}/{prompt['id']}").json == prompt


def test_versions(server):
    first = make(server, **BODY)["id"]
    second = make(server, f"/{first}/versions", instructions="two")
    assert (second["version"], second["is_default"], second["latest_version"], second["name"]) == ("2", True, "2", "greet")
    assert "model" not in second and second["variables"] == []
    third = make(server, f"/{first}/versions", input="three", is_default=False)
    assert (third["version"], third["is_default"], third["default_version"], third["latest_version"]) == ("3", False, "2", "3")
    assert server.get(f"{PATH}/{first}").json["version"] == "2"
    assert server.get(f"{PATH}/{first}?version=1").json["instructions"] == BODY["instructions"]
    assert server.get(f"{PATH}/{first}?version=9").status == 404
    updated = server.post(f"{PATH}/{first}", {"name": "new", "metadata": {"x": "y"}, "default_version": "3"}).json
    assert (updated["name"], updated["metadata"], updated["version"]) == ("new", {"x": "y"}, "3")
    answer = server.post(f"{PATH}/{first}", {"default_version": "4"})
    assert (answer.status, answer.error["param"]) == (400, "default_version")
    assert server.get(f"{PATH}/{first}").json == updated
    listed = server.get(f"{PATH}/{first}/versions?limit=2").json
    assert ([v["version"] for v in listed["data"]], listed["last_id"], listed["has_more"]) == (["3", "2"], "2", True)
    rest = server.get(f"{PATH}/{first}/versions?limit=2&after=2").json
    assert ([v["version"] for v in rest["data"]], rest["has_more"]) == (["1"], False)


def test_list_and_delete(engine):
    server = Server(engine)
    made = [make(server, name=f"p{i}", input="x")["id"] for i in range(5)]
    page = server.get(PATH + "?limit=3&order=asc").json
    assert [p["id"] for p in page["data"]] == made[:3] and page["has_more"]
    page = server.get(f"{PATH}?limit=3&order=asc&after={page['last_id']}").json
    assert [p["id"] for p in page["data"]] == made[3:] and not page["has_more"]
    assert [p["id"] for p in server.get(PATH).json["data"]] == made[::-1]
    assert server.delete(f"{PATH}/{made[0]}").json == {"id": made[0], "object": "prompt.deleted", "deleted": True}
    for answer in (server.get(f"{PATH}/{made[0]}"), server.delete(f"{PATH}/{made[0]}"), server.post(f"{PATH}/{made[0]}", {}),
                   server.post(f"{PATH}/{made[0]}/versions", {"input": "x"}), server.get(f"{PATH}/{made[0]}/versions"),
                   respond(server, made[0], model="scripted", variables={})):
        assert answer.status == 404
        assert answer.error["message"] == f"Prompt with id '{made[0]}' not found."
        assert answer.error["code"] is None
    assert [p["id"] for p in server.get(PATH).json["data"]] == made[:0:-1]
    server.stop()
    server.erase()


def test_bounds(engine):
    server = Server(engine, args=["--set", "api.prompts=2", "--set", "api.prompt_versions=3", "--set", "api.prompt_bytes=2000",
                                  "--set", "api.prompt_filled_bytes=65536"])
    first = make(server, name="a", input="x{{v}}" * 100)["id"]
    make(server, name="b", input="x")
    answer = server.post(PATH, {"name": "c", "input": "x"})
    assert answer.status == 400 and "api.prompts" in answer.error["message"]
    for _ in range(2):
        make(server, f"/{first}/versions", input="x{{v}}" * 100)
    answer = server.post(f"{PATH}/{first}/versions", {"input": "x"})
    assert answer.status == 400 and "api.prompt_versions" in answer.error["message"]
    assert server.post(PATH, {"name": "c", "input": "x" * 3000}).status == 413
    answer = respond(server, first, model="scripted", variables={"v": "y" * 1000})
    assert (answer.status, answer.error["param"]) == (413, "prompt")
    server.stop()
    server.erase()


def test_a_project_sees_its_own(engine):
    server = Server(engine)
    a, _ = make_key(server, "a", "one")
    b, _ = make_key(server, "b", "two")
    server.key = a
    made = make(server, **BODY)["id"]
    server.key = b
    for answer in (server.get(f"{PATH}/{made}"), server.delete(f"{PATH}/{made}"), server.post(f"{PATH}/{made}", {"name": "x"}),
                   server.post(f"{PATH}/{made}/versions", {"input": "x"}), respond(server, made)):
        assert answer.status == 404
    assert server.get(PATH).json["data"] == []
    server.key = a
    assert respond(server, made).status == 200
    server.stop()
    server.erase()


# --- on a response ---

def test_json(engine, server, prompt):
    answer = respond(server, prompt["id"])
    assert answer.status == 200, answer
    response = answer.json
    assert sent(engine)["messages"] == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Greet Ann in one line."}]
    assert sent(engine)["temperature"] == 0.25
    assert text_of(response) == "You said: Greet Ann in one line.."
    assert response["prompt"] == {"id": prompt["id"], "variables": VARIABLES, "version": "1"}
    assert response["instructions"] == FILLED
    assert response["temperature"] == 0.25 and response["model"] == "scripted"
    stored = server.get(f"/v1/responses/{response['id']}").json
    assert {k: stored[k] for k in response} == response
    assert server.get(f"/v1/responses/{response['id']}/input_items").json["data"] == []


def test_the_requests_own_members_win(engine, server, prompt):
    response = respond(server, prompt["id"], instructions="Be rude.", temperature=0, input="And me?", model="scripted",
                       tools=[{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}]).json
    system, user = sent(engine)["messages"]
    assert system == {"role": "system", "content": "Be rude."}
    assert user["content"].startswith("Greet Ann in one line.") and user["content"].endswith("And me?")
    assert sent(engine)["temperature"] == 0
    assert response["instructions"][0]["content"] == "Be rude."
    assert [t["name"] for t in response["tools"]] == ["f"]
    items = server.get(f"/v1/responses/{response['id']}/input_items").json["data"]
    assert [i["content"][0]["text"] for i in items] == ["And me?"]


def test_instructions_alone(engine, server):
    made = make(server, name="i", instructions="Be {{how}}.")["id"]
    response = respond(server, made, model="scripted", input="hi", variables={"how": "brief"}).json
    assert response["instructions"] == "Be brief."
    assert sent(engine)["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]


@pytest.mark.beside_openapi  # a variable's image is echoed as it was given, without the detail that listed ones have
def test_images_and_files(engine, server):
    made = make(server, name="i", input=[{"role": "user", "content": "What is {{pic}} with {{note}}?"}])["id"]
    answer = respond(server, made, model="scripted", variables={"pic": {"type": "input_image", "image_url": PIXEL},
                                                                "note": {"type": "input_text", "text": "care"}})
    assert answer.status == 200, answer
    assert sent(engine)["messages"][-1]["content"] == [
        {"type": "text", "text": "What is "}, {"type": "image_url", "image_url": {"url": PIXEL, "detail": "auto"}}, {"type": "text", "text": " with care?"}]


def test_it_is_not_carried_over(engine, server, prompt):
    first = respond(server, prompt["id"]).json
    second = server.create("more", previous_response_id=first["id"])
    assert "prompt" not in second or second["prompt"] is None
    assert "Be kind." not in json.dumps(sent(engine)["messages"])


@pytest.mark.parametrize("more, status, param, code", [
    ({"variables": {"how": "kind"}}, 400, "prompt.variables.name", "missing_required_parameter"),
    ({"variables": {**VARIABLES, "x": "y"}}, 400, "prompt.variables.x", "unknown_parameter"),
    ({"variables": {**VARIABLES, "how": 7}}, 400, "prompt.variables.how", "invalid_type"),
    ({"variables": {**VARIABLES, "how": {"type": "input_image", "image_url": PIXEL}}}, 400, "prompt.variables.how", "invalid_type"),
    ({"variables": [1]}, 400, "prompt.variables", "invalid_type"),
    ({"version": "9"}, 404, None, None),
    ({"version": 1}, 400, "prompt.version", "invalid_type"),
    ({"bogus": 1}, 400, "bogus", "unknown_parameter"),
    ({"temperature": 3}, 400, "temperature", "decimal_above_max_value"),
])
@pytest.mark.parametrize("stream", [False, True])
def test_refused(server, prompt, more, status, param, code, stream):
    answer = respond(server, prompt["id"], stream=stream, **more)
    assert (answer.status, answer.error["param"], answer.error["code"]) == (status, param, code), answer


def test_refused_forms(server, prompt):
    for value, param in [("pmpt_1", "prompt"), ({}, "prompt.id"), ({"id": prompt["id"], "items": []}, "prompt.items"),
                         ({"id": prompt["id"], "bogus": 1}, "prompt.bogus")]:
        answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "prompt": value})
        assert (answer.status, answer.error["param"]) == (400, param), answer
    answer = server.post("/v1/responses", {"model": "scripted", "prompt": {"id": "pmpt_x"}})
    assert (answer.status, answer.error["message"]) == (404, "Prompt with id 'pmpt_x' not found.")
    made = make(server, name="n", input="no model in it")["id"]
    answer = server.post("/v1/responses", {"prompt": {"id": made}})
    assert (answer.status, answer.error["param"]) == (400, "model")
    answer = server.post("/v1/responses", {"model": "nope", "prompt": {"id": made}})
    assert (answer.status, answer.error["code"]) == (400, "model_not_found")
    assert server.post("/v1/responses/input_tokens", {"prompt": {"id": made}}).error["param"] == "prompt"


def test_stream(server, prompt):
    stream = server.stream("hi", prompt={"id": prompt["id"], "variables": VARIABLES}, service_tier="flex")
    assert "service_tier" in stream.headers["antiphon-not-applied"]
    events = list(stream)
    assert events[0].type == "response.created"
    assert events[0].data["response"]["prompt"]["version"] == "1"
    deltas = [e.data for e in events if e.type == "response.output_text.delta"]
    assert all("obfuscation" in d for d in deltas)
    assert events[-2].data["response"]["instructions"] == FILLED


def test_websocket(server, prompt):
    with Socket(server) as ws:
        made = ws.run(None, model=None, prompt={"id": prompt["id"], "variables": VARIABLES})
        assert text_of(made) == "You said: Greet Ann in one line.."
        ws.send({"type": "response.create", "prompt": {"id": "pmpt_x"}})
        error = ws.event()
        assert (error["type"], error["status"]) == ("error", 404)
        again = ws.run("go on", previous_response_id=made["id"], prompt={"id": prompt["id"], "variables": VARIABLES})
        assert again["previous_response_id"] == made["id"]


def test_background_pins_its_version(engine):
    """A run that waits is made by the version that it was queued with, also when the template is gone meanwhile."""
    server = Server(engine, args=["--set", "api.background_running=1"])
    made = make(server, **BODY)["id"]
    gate = Gate()
    engine.next(say("first"), hold(gate))
    first = server.create("hold", background=True)
    gate.reached.wait(60)
    queued = respond(server, made, background=True).json
    assert queued["status"] == "queued" and queued["prompt"]["version"] == "1"
    make(server, f"/{made}/versions", instructions="other", input="other", model="scripted")
    server.delete(f"{PATH}/{made}")
    gate.open.set()
    ended = eventually(lambda: (r := server.get(f"/v1/responses/{queued['id']}").json)["status"] == "completed" and r)
    assert text_of(ended) == "You said: Greet Ann in one line.."
    assert ended["prompt"] == {"id": made, "variables": VARIABLES, "version": "1"}
    eventually(lambda: server.get(f"/v1/responses/{first['id']}").json["status"] == "completed")
    server.stop()
    server.erase()


def test_idempotency_key(server, prompt):
    headers = {"Idempotency-Key": "prompted"}
    body = {"prompt": {"id": prompt["id"], "variables": VARIABLES}}
    first = server.post("/v1/responses", body, headers=headers)
    again = server.post("/v1/responses", body, headers=headers)
    assert first.json == again.json
    assert server.post("/v1/responses", {**body, "metadata": {"a": "b"}}, headers=headers).status == 422


def test_kept_over_a_kill(engine, tmp_path):
    server = Server(engine, data=str(tmp_path / "data"))
    made = make(server, **BODY)
    second = make(server, f"/{made['id']}/versions", input="two", model="scripted")
    server.kill()
    server.erase()
    server = Server(engine, data=str(tmp_path / "data"))
    assert server.get(f"{PATH}/{made['id']}").json == second
    assert respond(server, made["id"], version="1").json["prompt"]["version"] == "1"
    server.stop()
    server.erase()


def test_official_sdk(server, prompt):
    client = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
    response = client.responses.create(prompt={"id": prompt["id"], "version": "1", "variables": VARIABLES})
    assert response.output_text == "You said: Greet Ann in one line.."
    assert response.prompt.id == prompt["id"] and response.prompt.version == "1"
    with client.responses.stream(input="hi", model="scripted", prompt={"id": prompt["id"], "variables": VARIABLES}) as stream:
        assert stream.get_final_response().prompt.variables == VARIABLES
    with pytest.raises(openai.NotFoundError):
        client.responses.create(prompt={"id": "pmpt_x"}, model="scripted")


# --- the command ---

def test_command(server, tmp_path):
    def prompts(*args, **more):
        return command("prompts", *args, "--data", server.data, home=server.home, **more)

    done = prompts("create", "shell", "Be {{how}}.")
    assert done.returncode == 0, done.stderr
    id = done.stdout.strip()
    assert server.get(f"{PATH}/{id}").json["instructions"] == "Be {{how}}."
    file = tmp_path / "p.json"
    file.write_text(json.dumps({"name": "other", "input": "x", "temperature": 1}))
    done = prompts("version", id, "-f", str(file))
    assert done.returncode == 1 and "name" in done.stderr
    file.write_text(json.dumps({"input": "x", "temperature": 1}))
    done = prompts("version", id, "-f", str(file))
    assert done.stdout.strip() == id and "Version 2" in done.stderr
    shown = json.loads(prompts("show", id).stdout)
    assert shown == server.get(f"{PATH}/{id}").json
    assert json.loads(prompts("show", id, "--version", "1").stdout)["version"] == "1"
    assert any(id in line and "shell" in line for line in prompts("list").stdout.splitlines())
    assert prompts("delete", id).stdout == f"deleted {id}\n"
    assert server.get(f"{PATH}/{id}").status == 404
    for args in (["show", id], ["delete", "x/y"], ["create", "n"], ["create"], ["bogus"], [], ["show", id, "--version", "x"]):
        done = prompts(*args)
        assert done.returncode == 1 and done.stderr.startswith("antiphon: "), args
    done = command("prompts", "list", "--data", str(tmp_path / "none"), home=str(tmp_path),
                   env={"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})
    assert done.returncode == 1 and "no server answers" in done.stderr and done.stdout == ""
