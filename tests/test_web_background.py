"""web_search in background runs, over WebSockets and through the official SDK."""
import base64
import copy
import json

import pytest
from openai import OpenAI

from engine_script import Gate, ScriptedEngine, call, hold, say
from harness import eventually, text_of
from test_background import cancel, ended, follow, get, in_order, limits, restart, texts, told
from test_websocket import Socket

SEARCH = {"type": "web_search"}
ONE = "([one.example](https://one.example/a))"
PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture
def engine():
    e = ScriptedEngine(vision=True)
    yield e
    e.close()


def search(query="news"):
    return call("web_search", json.dumps({"query": query}))


# --- cut off ---

def test_kill_between_call_and_result(servers, engine, web):
    """The call is in the log before it is made; cut off it stays, failed, and the run goes on."""
    server = servers(engine, args=web.args())
    web.gate = Gate()
    engine.next(search())
    engine.next(search())
    engine.next(say("So [1]."))
    stream = server.stream("hi", background=True, tools=[SEARCH])
    first = stream.until("response.web_search_call.in_progress")
    id = first[0].data["response"]["id"]
    assert web.gate.reached.wait(60)
    restart(server)
    web.gate.open.set()
    end = ended(server, id)
    assert end["status"] == "completed", end
    assert [(i["type"], i["status"]) for i in end["output"]] == [
        ("web_search_call", "failed"), ("web_search_call", "completed"), ("message", "completed")]
    assert [m["role"] for m in engine.last.body["messages"]] == ["user", "assistant", "tool"]  # of the first it is told nothing
    assert text_of(end) == f"So {ONE}." and len(end["output"][2]["content"][0]["annotations"]) == 1
    assert end["tool_usage"]["web_search"]["num_requests"] == 1
    all = told(follow(server, id))
    in_order(all)
    assert texts(all[:len(first)]) == texts(first) and all[-1].data["response"]["output"] == end["output"]
    server.create("on", previous_response_id=id)  # what is left of it can be continued


def test_kill_and_fail(servers, engine, web):
    server = servers(engine, args=[*web.args(), *limits(on_restart="fail")])
    web.gate = Gate()
    engine.next(search())
    id = server.stream("hi", background=True, tools=[SEARCH]).until("response.web_search_call.in_progress")[0].data["response"]["id"]
    assert web.gate.reached.wait(60)
    restart(server)
    end = ended(server, id)
    assert end["status"] == "failed" and "stopped while" in end["error"]["message"]
    assert [(i["type"], i["status"]) for i in end["output"]] == [("web_search_call", "failed")]


def test_kill_after_the_result(servers, engine, web):
    """What was found is in the log with the call: the model is told the same again, and its numbers still count."""
    server, gate = servers(engine, args=web.args()), Gate()
    engine.next(search())
    engine.next(hold(gate))
    first = server.stream("hi", background=True, tools=[SEARCH]).until("response.output_item.done")
    id = first[0].data["response"]["id"]
    engine.wait_for(2)
    engine.next(say("So [1]."))
    restart(server)
    gate.open.set()
    end = ended(server, id)
    assert [i["type"] for i in end["output"]] == ["web_search_call", "message"] and text_of(end) == f"So {ONE}."
    assert engine.last.body["messages"] == engine.requests[1].body["messages"] and len(web.requests) == 1
    assert end["tool_usage"]["web_search"]["num_requests"] == 1
    all = told(follow(server, id))
    in_order(all)
    assert texts(all[:len(first)]) == texts(first) and not any("antiphon" in e.text for e in all)
    stored = server.get(f"/v1/responses/{id}?include=web_search_call.results").json
    assert stored["output"][0]["results"][0]["title"] == "First"


def test_cancelled_in_the_middle(servers, engine, web):
    server = servers(engine, args=web.args())
    web.gate = Gate()
    engine.next(search())
    made = server.create("hi", background=True, tools=[SEARCH])
    assert web.gate.reached.wait(60)
    assert cancel(server, made["id"]).json["status"] in ("in_progress", "cancelled")
    end = ended(server, made["id"])
    assert end["status"] == "cancelled" and end["output"] == []
    web.gate.open.set()
    assert text_of(server.create("on")) == "You said: on."


def test_streamed_again_from_anywhere(servers, engine, web):
    server = servers(engine, args=web.args())
    engine.next(search())
    engine.next(say("So ", "[1]."))
    all = [e for e in server.stream("hi", background=True, tools=[SEARCH]) if e.data]
    in_order(all)
    id = all[0].data["response"]["id"]
    for after in (3, 5, 8, len(all) - 2):
        assert texts(told(follow(server, id, after))) == texts(all[after + 1:])
    assert get(server, id)["output"] == all[-1].data["response"]["output"]


# --- WebSocket ---

def test_over_a_websocket(servers, engine, web):
    server = servers(engine, args=web.args())
    with Socket(server) as ws:
        engine.next(search())
        engine.next(say("So [1]."))
        response = ws.run("go", tools=[SEARCH], store=False)
        assert text_of(response) == f"So {ONE}." and [i["type"] for i in response["output"]] == ["web_search_call", "message"]
        engine.next(say("Still [1]."))
        again = ws.run("on", tools=[SEARCH], store=False, previous_response_id=response["id"])
        assert text_of(again) == f"Still {ONE}." and "The first text." in json.dumps(engine.last.body["messages"])


# --- the seed's programs, through the official SDK ---

@pytest.fixture
def client(servers, engine, web):
    with OpenAI(base_url=servers(engine, args=web.args(fetch__allow="127.0.0.1")).base_url, api_key="any", max_retries=0) as c:
        yield c


def check(response):
    ws, message = response.output
    part = message.content[0]
    note, = part.annotations
    assert (ws.type, ws.status, ws.action.type, note.type) == ("web_search_call", "completed", "search", "url_citation")
    assert part.text[note.start_index:note.end_index] == ONE and note.title == "First" and response.output_text == f"So {ONE}."


NEWS = dict(model="gpt-4o", input="What's the latest news about AI?", tools=[{"type": "web_search"}])
KEYWORDS = dict(model="gpt-4o", tools=[{"type": "web_search"}], input=[{"role": "user", "content": [
    {"type": "input_text", "text": "Come up with keywords related to the image, and search on the web using the search tool for any "
     "news related to the keywords, summarize the findings and cite the sources."},
    {"type": "input_image", "image_url": PICTURE}]}])


@pytest.mark.sdk
@pytest.mark.parametrize("what", ["news", "picture", "picture by URL"])
@pytest.mark.parametrize("form", ["json", "stream", "background"])
def test_programs(client, engine, web, what, form):
    program = copy.deepcopy(NEWS if what == "news" else KEYWORDS)
    if what == "picture by URL":
        web.pages["/picture.png"] = ("image/png", base64.b64decode(PICTURE.split(",")[1]))
        program["input"][0]["content"][1]["image_url"] = web.url + "/picture.png"
    engine.next(search())
    engine.next(say("So [", "1]."))
    if form == "json":
        check(client.responses.create(**program))
    elif form == "stream":
        with client.responses.stream(**program) as stream:
            kinds = [event.type for event in stream]
            check(stream.get_final_response())
        assert "response.output_text.annotation.added" in kinds and "response.web_search_call.searching" in kinds
    else:
        made = client.responses.create(**program, background=True)
        check(eventually(lambda: (r := client.responses.retrieve(made.id)).status == "completed" and r))
        events = list(client.responses.retrieve(made.id, stream=True, starting_after=3))
        assert events[0].sequence_number == 4
        check(events[-1].response)
