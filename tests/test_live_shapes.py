"""Small things of the live API that recordings show: members that are never null, prefixes of ids, texts of refusals."""
import pytest

from engine_script import call
from test_files import form, part, send
from test_prompts import make as make_prompt
from test_uploads import begin, cancel


@pytest.mark.parametrize("sent, shown", [
    ({}, "in_memory"), ({"prompt_cache_retention": None}, "in_memory"), ({"prompt_cache_retention": "in_memory"}, "in_memory"),
    ({"prompt_cache_retention": "in-memory"}, "in_memory"), ({"prompt_cache_retention": "24h"}, "24h")])
def test_cache_retention_is_never_null(server, sent, shown):
    made = server.create("hi", **sent)
    assert made["prompt_cache_retention"] == shown
    assert server.get(f"/v1/responses/{made['id']}").json["prompt_cache_retention"] == shown
    events = list(server.stream("hi", **sent))
    told = [e.data["response"]["prompt_cache_retention"] for e in events if e.data and "response" in e.data]
    assert told == [shown] * 3


@pytest.mark.parametrize("retention", ["in_memory", "in-memory", "24h"])
def test_chat_takes_each_spelling_of_cache_retention(server, retention):
    answer = server.post("/v1/chat/completions", {"model": "scripted", "messages": [{"role": "user", "content": "hi"}],
                                                  "prompt_cache_retention": retention})
    assert answer.status == 200


def test_ids_of_outputs(server, engine):
    engine.next(call("look", "{}", id="c"))
    tools = [{"type": "function", "name": "look"}]
    first = server.create("Look.", tools=tools)
    output = {"type": "function_call_output", "call_id": first["output"][0]["call_id"], "output": "seen"}
    second = server.create([output], previous_response_id=first["id"], tools=tools)
    item = server.get(f"/v1/responses/{second['id']}/input_items").json["data"][0]
    assert item["type"] == "function_call_output" and item["id"].startswith("fc_") and item["id"] != first["output"][0]["id"]
    conversation = server.post("/v1/conversations", {"items": [first["output"][0], {**output, "id": "fco_" + item["id"][3:]}]}).json
    places = f"/v1/conversations/{conversation['id']}/items"
    kept = server.get(places).json["data"][0]
    assert kept["type"] == "function_call_output"
    # an id as it was made before is read where ids are
    old = "fco_" + item["id"][3:]
    reference = server.create([first["output"][0], {"type": "item_reference", "id": old}], tools=tools)
    assert reference["status"] == "completed" and engine.last.body["messages"][-1]["content"] == "seen"


def test_prompt_without_variables(server):
    prompt = make_prompt(server, name="hello", input="Say hello.", model="scripted")
    made = server.post("/v1/responses", {"prompt": {"id": prompt["id"]}}).json
    assert made["prompt"] == {"id": prompt["id"], "variables": {}, "version": "1"}


def test_open_uploads_have_no_file(server):
    upload = begin(server)
    assert "file" not in upload and "file" not in cancel(server, upload).json


def test_texts(server):
    error = server.get("/v1/models/none").error
    assert error == {"message": "The model 'none' does not exist", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}
    error = send(server, form(part("purpose", "theft"), part("file", "x", "a"))).error
    assert error == {"message": "'theft' is not one of ['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals'] - 'purpose'",
                     "type": "invalid_request_error", "param": "purpose", "code": None}
