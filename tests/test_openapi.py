"""The judge of openapi.py: the overlay's rows are what the recordings show, and a breach is seen."""
import gzip
import json
import os

import pytest

from harness import TREE
from openapi import OpenApi, document, overlay_rows
from test_recordings import exchanges


def recorded(place):
    name, line = place.split()
    with gzip.open(os.path.join(TREE, "tests", "recordings", f"{name}.jsonl.gz"), "rt") as lines:
        return json.loads(next(text for at, text in enumerate(lines) if at == int(line)))


def breaches(api, exchange):
    """The rules that an exchange of the live API breaks."""
    request, response = exchange["request"], exchange["response"]
    found = set()
    for event in response.get("events") or []:
        if isinstance(event, dict):
            found.update(api.event(event))
    if isinstance(response.get("body"), dict):
        request = request or {"method": "POST", "path": "/v1/responses"}
        body = json.dumps(response["body"]).encode()
        found.update(api.answer(request["method"], request["path"], response["status"], "application/json", body))
    return found


@pytest.mark.parametrize("row", [row for row in overlay_rows() if "allows" in row], ids=lambda row: row["at"])
def test_an_amendment_is_what_the_live_api_does(openapi, row):
    exchange = recorded(row["recorded"])
    assert row["allows"] in breaches(OpenApi(document(without=row)), exchange)
    assert row["allows"] not in breaches(openapi, exchange)


def test_amendments_without_a_recording_say_why():
    assert all(row.get("why") for row in overlay_rows() if "allows" not in row)


def test_recorded_exchanges_keep_the_rest(openapi):
    """What the newest exchanges of the live API break of the amended file: nothing."""
    newest = 0
    for place, request, response in exchanges():
        objects = [response.get("body")] + [e.get("response") for e in response.get("events") or [] if isinstance(e, dict)]
        if not any(isinstance(one, dict) and "tool_usage" in one for one in objects):
            continue
        broken = breaches(openapi, {"request": request, "response": response})
        known = {line for line in broken if "cache_write_tokens" in line or "sources[api]" in line}
        assert broken == known, place
        newest += 1
    assert newest > 50


GOOD = {"type": "response.output_text.delta", "sequence_number": 1, "item_id": "msg_1", "output_index": 0,
        "content_index": 0, "delta": "x", "logprobs": []}


@pytest.mark.parametrize("change, line", [
    ({}, None),
    ({"logprobs": None}, "response.output_text.delta logprobs: must be array"),
    ({"delta": 1}, "response.output_text.delta delta: must be string"),
    ({"sequence_number": "1"}, "response.output_text.delta sequence_number: must be integer"),
    ({"type": "response.output_text.odd"}, 'response.output_text.odd type: "response.output_text.odd" is no value of it')])
def test_breaches_are_seen(openapi, change, line):
    assert openapi.event({**GOOD, **change}) == ([line] if line else [])


def test_breaches_of_answers_are_seen(openapi, server):
    made = server.create("hi")
    at, path = made["id"], f"/v1/responses/{made['id']}"

    def judge(body, status=200, kind="application/json"):
        return openapi.answer("GET", path, status, kind, json.dumps(body).encode())

    assert judge(made) == []
    del made["output"][0]["content"][0]["annotations"]
    assert judge(made) == ["Response output[message].content[output_text]: annotations is required"]
    assert judge({"id": at}) and judge(made, 418) == ["GET /responses/{response_id} 418: no such status"]
    assert judge({"error": "no"}, 404) and judge(made, kind="text/plain")
