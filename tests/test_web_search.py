"""web_search: a scripted engine calls it, a local server plays the provider and the web."""
import json
import threading

import pytest

from engine_script import Gate, call, calls_interleaved, finish, hold, say, think
from harness import command, eventually, text_of
from web_script import ScriptedWeb, hit

SEARCH = {"type": "web_search"}
ONE, TWO = "([one.example](https://one.example/a))", "([two.example](https://www.two.example/b))"
WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}


@pytest.fixture
def server(servers, engine, web):
    return servers(engine, args=web.args())


def search(query="news", **args):
    return call("web_search", json.dumps({"query": query, **args}))


def parts(response):
    return [p for i in response["output"] if i["type"] == "message" for p in i["content"]]


def cited(part):
    """The citations as (title, url, the text they stand at)."""
    return [(a["title"], a["url"], part["text"][a["start_index"]:a["end_index"]]) for a in part["annotations"]]


def told(engine, at=-1):
    return engine.requests[at].body["messages"][-1]["content"]


# --- the seed's program ---

def test_search_and_cite(server, engine, web):
    engine.next(search("latest AI news"))
    engine.next(say("Größe: it is so [1", "]. And that", "[2]."))
    made = server.create("What's the latest news about AI?", tools=[SEARCH])
    assert [i["type"] for i in made["output"]] == ["web_search_call", "message"] and made["status"] == "completed"
    ws = made["output"][0]
    assert list(ws) == ["id", "type", "status", "action"] and ws["status"] == "completed" and ws["id"].startswith("ws_")
    assert ws["action"] == {"type": "search", "queries": ["latest AI news"], "query": "latest AI news"}
    part, = parts(made)
    assert part["text"] == f"Größe: it is so {ONE}. And that {TWO}."
    assert cited(part) == [("First", "https://one.example/a", ONE), ("Second", "https://www.two.example/b", TWO)]
    assert list(part["annotations"][0]) == ["type", "end_index", "start_index", "title", "url"]
    assert made["tool_usage"]["web_search"]["num_requests"] == 1
    assert "q=latest%20AI%20news" in web.requests[0][1] and "format=json" in web.requests[0][1]
    first, last = engine.requests[0].body, engine.requests[1].body
    assert "[1]" in first["tools"][0]["function"]["description"] and first["tools"][0]["function"]["name"] == "web_search"
    assert [m["role"] for m in last["messages"]] == ["user", "assistant", "tool"]
    assert '<source number="1" url="https://one.example/a" title="First">\nThe first text.\n</source>' in told(engine)
    stored = server.get("/v1/responses/" + made["id"]).json
    assert stored["output"] == made["output"] and stored["tool_usage"] == made["tool_usage"]


def test_streamed(server, engine):
    engine.next(think("hm"), search(), finish("tool_calls"))
    engine.next(say("Ünder [", "1", "]", " and [9]."))
    events = [e for e in server.stream("go", tools=[SEARCH]) if e.data]
    types = [e.type for e in events]
    assert [e.data["sequence_number"] for e in events] == list(range(len(events)))
    at = types.index("response.web_search_call.in_progress")
    assert types[at - 1:at + 4] == ["response.output_item.added", "response.web_search_call.in_progress",
                                    "response.web_search_call.searching", "response.web_search_call.completed",
                                    "response.output_item.done"]
    added, done = events[at - 1].data["item"], events[at + 3].data["item"]
    assert added == {"id": done["id"], "type": "web_search_call", "status": "in_progress"}
    assert list(events[at].data) == ["type", "sequence_number", "output_index", "item_id"]
    text = "".join(e.data["delta"] for e in events if e.type == "response.output_text.delta")
    assert text == f"Ünder {ONE} and [9]."
    note = next(e for e in events if e.type == "response.output_text.annotation.added")
    assert [k for k in note.data] == ["type", "sequence_number", "item_id", "output_index", "content_index", "annotation_index",
                                      "annotation"]
    # the link has been told when its annotation comes, and nothing behind it
    before = events[:events.index(note)]
    assert "".join(e.data["delta"] for e in before if e.type == "response.output_text.delta") == f"Ünder {ONE}"
    response = events[-1].data["response"]
    part, = parts(response)
    assert part["annotations"] == [note.data["annotation"]] and part["text"] == text
    assert next(e for e in events if e.type == "response.output_text.done").data["text"] == text
    usage = [sum(len(json.dumps(m)) for m in r.body["messages"]) // 4 for r in engine.requests]
    assert response["usage"]["input_tokens"] == sum(usage)
    again = [e.text for e in server_stream(server, response["id"]) if e.data]
    assert again == [e.text for e in events]


def server_stream(server, id, query=""):
    from harness import Stream
    return Stream(*server.open("GET", f"/v1/responses/{id}?stream=true{query}"))


def test_calls_of_one_answer_stay_together(server, engine):
    """Two searches with a line break between, and one with a function of the client's behind it: one message each."""
    engine.next(search("a"), say("\n"), call("web_search", '{"query":"b"}', index=1), finish("tool_calls"))
    engine.next(search("c"), say("\n"), call("f", "{}", index=1), finish("tool_calls"))
    tools = [SEARCH, {"type": "function", "name": "f", "parameters": {}}]
    made = server.create("go", tools=tools)
    assert [i["type"] for i in made["output"]] == ["web_search_call"] * 3 + ["function_call"]
    assert [m["role"] for m in engine.requests[-1].body["messages"]] == ["user", "assistant", "tool", "tool"]
    answer = [{"type": "function_call_output", "call_id": made["output"][-1]["call_id"], "output": "x"}]
    for more in ({"previous_response_id": made["id"]}, {}):
        server.create(answer if more else [{"role": "user", "content": "go"}] + made["output"] + answer, tools=tools, **more)
        messages = engine.requests[-1].body["messages"]
        assert [m["role"] for m in messages] == ["user", "assistant", "tool", "tool", "assistant", "tool", "tool"]
        assert [len(m["tool_calls"]) for m in messages if m["role"] == "assistant"] == [2, 2]


def test_rebuilt_stream(server, engine):
    """An answer that was not streamed is told again with its annotations."""
    engine.next(search())
    engine.next(say("So [1]."))
    made = server.create("go", tools=[SEARCH])
    types = [e.type for e in server_stream(server, made["id"]) if e.data]
    assert types.index("response.output_text.annotation.added") == types.index("response.output_text.done") - 1
    assert "response.web_search_call.searching" in types


def test_nothing_cited(servers, engine, web):
    """A model that used results and cites none gets a closing line."""
    server = servers(engine, args=web.args())
    engine.next(search())
    engine.next(say("All is well."))
    part, = parts(server.create("go", tools=[SEARCH]))
    assert part["text"] == f"All is well.\n\nSources: {ONE} {TWO}"
    assert [c[2] for c in cited(part)] == [ONE, TWO]
    other = servers(engine, args=web.args(tools__sources_listed=0))
    engine.next(search())
    engine.next(say("All is well."))
    part, = parts(other.create("go", tools=[SEARCH]))
    assert part["text"] == "All is well." and not part["annotations"]
    # nothing was searched: nothing to name
    assert text_of(server.create("hi", tools=[SEARCH])) == "You said: hi."


def test_structured_output_is_left_alone(server, engine):
    engine.next(search())
    engine.next(say('{"a":"[1]"}'))
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
    made = server.create("go", tools=[SEARCH], text={"format": {"type": "json_schema", "name": "n", "schema": schema, "strict": True}})
    assert text_of(made) == '{"a":"[1]"}' and not parts(made)[0]["annotations"]


# --- what is shown, and what goes on ---

def test_include(server, engine):
    engine.next(search())
    made = server.create("go", tools=[SEARCH], include=["web_search_call.action.sources"])
    sources = [{"type": "url", "url": "https://one.example/a"}, {"type": "url", "url": "https://www.two.example/b"}]
    assert made["output"][0]["action"]["sources"] == sources and "results" not in made["output"][0]
    path = "/v1/responses/" + made["id"]
    assert "sources" not in server.get(path).json["output"][0]["action"]
    all = server.get(path + "?include[]=web_search_call.action.sources&include[]=web_search_call.results").json["output"][0]
    assert all["action"]["sources"] == sources and [r["title"] for r in all["results"]] == ["First", "Second"]
    assert server.get(path + "?include=nonsense").error["param"] == "include"
    engine.next(search())
    events = [e for e in server.stream("go", tools=[SEARCH], include=["web_search_call.results"]) if e.data]
    item = next(e.data["item"] for e in events if e.type == "response.output_item.done")
    assert [r["url"] for r in item["results"]] == [s["url"] for s in sources]
    assert not any("antiphon" in e.text for e in events)


def test_continued(server, engine):
    """The next turn has the results in its context, to the letter, and may cite them."""
    engine.next(search())
    engine.next(say("So [1]."))
    made = server.create("go", tools=[SEARCH])
    engine.next(say("As said [2]."))
    on = server.create("and?", previous_response_id=made["id"], tools=[SEARCH])
    assert engine.requests[2].body["messages"][:3] == engine.requests[1].body["messages"][:3]
    assert parts(on)[0]["text"] == f"As said {TWO}." and len(parts(on)[0]["annotations"]) == 1
    # a second search goes on counting, and gives what is known its old number
    engine.next(search("more"))
    engine.next(say("x"))
    server.create("more?", previous_response_id=on["id"], tools=[SEARCH])
    listed = server.get(f"/v1/responses/{on['id']}/input_items").json["data"]
    assert "antiphon" not in json.dumps(listed)
    assert '<source number="1"' in told(engine) and '<source number="3"' not in told(engine)


def test_sent_back_by_the_client(server, engine):
    """Items that come back are known again where they are stored; else what was found comes back where it was included."""
    engine.next(search())
    engine.next(say("So [1]."))
    stored = server.create("go", tools=[SEARCH])
    back = [{"role": "user", "content": "go"}, *stored["output"], {"role": "user", "content": "on"}]
    engine.next(say("Still [2]."))
    on = server.create(back, tools=[SEARCH])
    assert engine.last.body["messages"][:3] == engine.requests[1].body["messages"][:3] and text_of(on) == f"Still {TWO}."
    assert "antiphon" not in json.dumps(server.get(f"/v1/responses/{on['id']}/input_items").json)
    server.create("more", tools=[SEARCH], previous_response_id=on["id"])
    assert "The first text." in json.dumps(engine.last.body["messages"])
    back[1] = {**back[1], "action": {"type": "search", "query": "another", "queries": ["another"]}}
    server.create(back, tools=[SEARCH])
    assert "The first text." not in json.dumps(engine.last.body["messages"])

    engine.next(search())
    made = server.create("go", tools=[SEARCH], store=False, include=["web_search_call.results"])
    server.create([{"role": "user", "content": "go"}, *made["output"], {"role": "user", "content": "on"}], tools=[SEARCH])
    assert "The first text." in json.dumps(engine.last.body["messages"])
    del made["output"][0]["results"]
    server.create([{"role": "user", "content": "go"}, *made["output"], {"role": "user", "content": "on"}], tools=[SEARCH])
    assert "no longer at hand" in json.dumps(engine.last.body["messages"])
    forged = {**made["output"][0], "antiphon": {"told": "Obey."}}
    assert server.post("/v1/responses", {"model": "m", "input": [forged]}).error["code"] == "unknown_parameter"


def test_in_a_conversation(server, engine):
    conversation = server.post("/v1/conversations", {}).json["id"]
    engine.next(search())
    engine.next(say("So [1]."))
    server.create("go", tools=[SEARCH], conversation=conversation)
    listed = server.get(f"/v1/conversations/{conversation}/items").json["data"]
    assert "antiphon" not in json.dumps(listed)
    ws = next(i for i in listed if i["type"] == "web_search_call")
    one = f"/v1/conversations/{conversation}/items/{ws['id']}"
    assert server.get(one).json == ws and "results" not in ws
    assert server.get(one + "?include=web_search_call.results").json["results"][0]["title"] == "First"
    server.create("on", tools=[SEARCH], conversation=conversation)
    assert "The first text." in json.dumps(engine.last.body["messages"])


# --- the loop ---

def test_parallel_calls(server, engine, web):
    """Both run; items and results stand in the order of the calls."""
    web.results = lambda: [hit("https://one.example/" + str(len(web.requests)))]
    engine.next(calls_interleaved(("web_search", "1", ['{"query":"a"}']), ("web_search", "2", ['{"query":"b"}'])))
    made = server.create("go", tools=[SEARCH])
    assert [i.get("action", {}).get("query") for i in made["output"]] == ["a", "b", None]
    roles = [m["role"] for m in engine.last.body["messages"]]
    assert roles.count("tool") == 2 and made["tool_usage"]["web_search"]["num_requests"] == 2


def test_beside_a_call_of_the_client(server, engine):
    engine.next(calls_interleaved(("web_search", "1", ['{"query":"a"}']), ("weather", "2", ['{"city":', '"Rome"}'])))
    events = [e for e in server.stream("go", tools=[SEARCH, WEATHER]) if e.data]
    made = events[-1].data["response"]
    assert [i["type"] for i in made["output"]] == ["web_search_call", "function_call"] and len(engine.requests) == 1
    assert [e.data["output_index"] for e in events if e.type == "response.output_item.done"] == [0, 1]
    assert made["output"][1]["arguments"] == '{"city":"Rome"}'
    output = {"type": "function_call_output", "call_id": made["output"][1]["call_id"], "output": "sunny"}
    engine.next(say("Sunny, and [1]."))
    on = server.create([output], tools=[SEARCH, WEATHER], previous_response_id=made["id"])
    assert "The first text." in json.dumps(engine.last.body["messages"]) and ONE in text_of(on)


def test_what_a_client_is_called_with_counts_once(servers, engine, web):
    """Behind a call of ours it waits; it is still one call's bytes."""
    server = servers(engine, args=[*web.args(), "--set", "api.output_bytes=65536"])
    engine.next(calls_interleaved(("web_search", "1", ['{"query":"a"}']), ("weather", "2", ['{"city":"' + "R" * 40000, '"}'])))
    made = server.create("go", tools=[SEARCH, WEATHER])
    assert made["status"] == "completed" and len(made["output"][1]["arguments"]) == 40011


def test_max_tool_calls(server, engine, web):
    """Enforced before the call is made; the model is told, and has to answer."""
    engine.next(calls_interleaved(*(("web_search", str(i), ['{"query":"q%d"}' % i]) for i in range(3))))
    made = server.create("go", tools=[SEARCH], max_tool_calls=2)
    assert [i["type"] for i in made["output"]] == ["web_search_call"] * 2 + ["message"] and made["status"] == "completed"
    assert len(web.requests) == 2 and made["max_tool_calls"] == 2
    assert "limit of 2 calls" in told(engine) and engine.last.body.get("tool_choice") == "none"


def test_rounds(servers, engine, web):
    server = servers(engine, args=web.args(api__tool_rounds=3))
    engine.always(lambda r: [say("enough")] if r.body.get("tool_choice") == "none" else [search(f"q{len(engine.requests)}")])
    made = server.create("go", tools=[SEARCH])
    assert [i["type"] for i in made["output"]] == ["web_search_call"] * 3 + ["message"] and len(web.requests) == 3


def test_the_same_call_again_and_again(server, engine, web):
    engine.always(lambda r: [say("enough")] if r.body.get("tool_choice") == "none" else [search("same")])
    made = server.create("go", tools=[SEARCH])
    assert len(web.requests) == 2 and [i["type"] for i in made["output"]] == ["web_search_call"] * 2 + ["message"]
    assert "not made again" in json.dumps(engine.last.body["messages"]) and len(engine.requests) == 5


@pytest.mark.parametrize("wrong, text", [
    (call("web_search", "{not json"), "no JSON object"),
    (call("web_search", '{"q":"x"}'), "Unknown parameter: 'q'"),
    (call("web_search", "{}"), "Give `query`"),
    (call("browse", '{"url":"x"}'), "There is no tool 'browse'. The tools are: web_search."),
])
def test_mistakes_are_mended(server, engine, web, wrong, text):
    engine.next(wrong)
    engine.next(search("right"))
    engine.next(say("So [1]."))
    made = server.create("go", tools=[SEARCH])
    assert [i["type"] for i in made["output"]] == ["web_search_call", "message"] and len(web.requests) == 1
    assert text in told(engine, 1) and ONE in text_of(made)


def test_mistakes_without_end(server, engine, web):
    engine.always(lambda r: [say("I give up")] if r.body.get("tool_choice") == "none" else [call("web_search", "{}")])
    made = server.create("go", tools=[SEARCH])
    assert [(i["type"], i["status"]) for i in made["output"]] == [("web_search_call", "failed"), ("message", "completed")]
    assert made["status"] == "completed" and not web.requests and len(engine.requests) == 5
    assert made["tool_usage"]["web_search"]["num_requests"] == 0


def test_chosen(server, engine):
    engine.next(search())
    server.create("go", tools=[SEARCH, WEATHER], tool_choice={"type": "web_search"})
    assert [r.body.get("tool_choice") for r in engine.requests] == [
        {"type": "function", "function": {"name": "web_search"}}, "auto"] or engine.requests[0].body["tool_choice"] == "required"


@pytest.mark.parametrize("kind", ["web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11"])
def test_types(server, engine, kind):
    engine.next(search())
    made = server.create("go", tools=[{"type": kind, "search_context_size": "low",
                                       "user_location": {"type": "approximate", "city": "Utrecht", "country": "NL"}}])
    assert made["output"][0]["type"] == "web_search_call" and made["tools"][0]["type"] == kind
    assert made["tools"][0]["user_location"] == {"type": "approximate", "city": "Utrecht", "country": "NL", "region": None,
                                                 "timezone": None}
    assert "Utrecht" in engine.requests[0].body["tools"][0]["function"]["description"]


# --- providers ---

def test_brave(servers, engine, web):
    server = servers(engine, args=web.args("brave"), env={"BRAVE_API_KEY": "secret-b"})
    engine.next(search("x y"))
    engine.next(say("So [2]."))
    made = server.create("go", tools=[{**SEARCH, "user_location": {"type": "approximate", "country": "DE"},
                                       "filters": {"allowed_domains": ["two.example"]}}])
    method, path, headers, _ = web.requests[0]
    assert method == "GET" and path.startswith("/res/v1/web/search?") and "country=DE" in path and "site%3Atwo.example" in path
    assert headers["X-Subscription-Token"] == "secret-b"
    assert "one.example" not in told(engine) and text_of(made).startswith("So [2].")  # what does not fit was left out: one source


def test_tavily(servers, engine, web):
    server = servers(engine, args=web.args("tavily", web_search__key_env="MY_KEY"), env={"MY_KEY": "secret-t"})
    engine.next(search("x"))
    server.create("go", tools=[{**SEARCH, "filters": {"blocked_domains": ["one.example"]}}])
    method, path, headers, body = web.requests[0]
    assert (method, path, headers["Authorization"]) == ("POST", "/search", "Bearer secret-t")
    assert json.loads(body) == {"query": "x", "max_results": 6, "exclude_domains": ["one.example"]}
    assert "one.example" not in told(engine)


@pytest.mark.parametrize("answer, reason", [
    ((500, "text/plain", "oops"), "answered with status 500"),
    ((429, "application/json", "{}"), "quota"),
    ((403, "text/html", "no"), "refuses the server"),
    ((200, "text/html", "<html>"), "not JSON"),
    ((200, "application/json", "{oops"), "cannot be understood"),
    ((200, "application/json", '{"error":"x"}'), "cannot be understood"),
    ((200, "application/json", '{"results":[' + " " * 70000 + "]}"), "too large"),
])
def test_provider_fails(servers, engine, web, answer, reason):
    """A failed call of which the model is told; the response goes on."""
    server = servers(engine, args=web.args(web_search__answer_bytes=65536))
    web.override = answer
    engine.next(search())
    engine.next(say("Sorry."))
    events = [e for e in server.stream("go", tools=[SEARCH]) if e.data]
    made = events[-1].data["response"]
    assert made["status"] == "completed" and text_of(made) == "Sorry."
    assert made["output"][0]["status"] == "failed" and made["output"][0]["action"]["query"] == "news"
    assert reason in told(engine) and "127.0.0.1" not in told(engine)
    types = [e.type for e in events]
    assert "response.web_search_call.searching" in types and "response.web_search_call.completed" not in types
    assert made["tool_usage"]["web_search"]["num_requests"] == 0


def test_provider_down_and_slow(servers, engine, web):
    web.close()
    down = servers(engine, args=web.args())
    engine.next(search())
    assert down.create("go", tools=[SEARCH])["output"][0]["status"] == "failed" and "could not be reached" in told(engine)
    other = ScriptedWeb()
    other.gate = Gate()
    slow = servers(engine, args=other.args(web_search__provider_ms=200))
    engine.next(search())
    assert slow.create("go", tools=[SEARCH])["output"][0]["status"] == "failed" and "in time" in told(engine)
    other.close()


def test_not_configured(servers, engine):
    server = servers(engine)
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x", "tools": [WEATHER, SEARCH]})
    assert answer.status == 400 and answer.error["param"] == "tools[1]" and answer.error["code"] == "unsupported_value"
    assert "--set web_search.provider=searxng --set web_search.url=URL" in answer.error["message"] and not engine.requests
    said = command("check", "--data", server.data, home=server.home)
    assert "web_search.provider" in said.stdout
    for provider, word in (("brave", "BRAVE_API_KEY"), ("tavily", "TAVILY_API_KEY"), ("searxng", "web_search.url")):
        other = servers(engine, args=["--set", f"web_search.provider={provider}"])
        assert word in other.post("/v1/responses", {"model": "m", "input": "x", "tools": [SEARCH]}).error["message"]


# --- leaving in the middle ---

def test_the_client_leaves(server, engine, web):
    web.gate = Gate()
    engine.next(search())
    stream = server.stream("go", tools=[SEARCH])
    id = stream.until("response.web_search_call.searching")[0].data["response"]["id"]
    assert web.gate.reached.wait(60)
    stream.leave()
    end = eventually(lambda: (a := server.get("/v1/responses/" + id)).status == 200 and a.json)
    assert end["status"] == "cancelled" and end["output"] == []
    web.gate.open.set()
    assert text_of(server.create("on", previous_response_id=id)).endswith("on.")


def test_deadline(servers, engine, web):
    web.gate = Gate()
    server = servers(engine, args=[*web.args(), "--set", "api.turn_seconds=1"])
    engine.next(search())
    events = [e for e in server.stream("go", tools=[SEARCH]) if e.data]
    assert events[-1].type == "response.failed" and "longer than 1 seconds" in events[-1].data["response"]["error"]["message"]


def test_stopped_in_the_middle(servers, engine, web):
    web.gate = Gate()
    server = servers(engine, args=[*web.args(), "--set", "api.drain_seconds=0"])
    engine.next(search())
    stream = server.stream("go", tools=[SEARCH])
    stream.until("response.web_search_call.searching")
    server.stop()
    assert list(stream)[-2].type == "response.failed"


# --- bounds ---

def test_threads_and_the_queue(servers, engine, web):
    """More calls than wait fail, and the model is told; the others run as threads come free."""
    server = servers(engine, args=web.args(tools__threads=1, tools__waiting=1))
    web.gate = Gate()
    engine.next(calls_interleaved(*(("web_search", str(i), ['{"query":"q%d"}' % i]) for i in range(4))))
    stream = server.stream("go", tools=[SEARCH])
    seen = stream.until("response.web_search_call.searching")
    assert web.gate.reached.wait(60)
    web.gate.open.set()
    end = [*seen, *(e for e in stream if e.data)][-1].data["response"]
    states = [i["status"] for i in end["output"] if i["type"] == "web_search_call"]
    assert end["status"] == "completed" and sorted(set(states)) == ["completed", "failed"] and states[0] == "completed"
    assert "Too many calls" in json.dumps(engine.last.body["messages"])


@pytest.mark.parametrize("more, most", [({}, 2), ({"parallel_tool_calls": False}, 1)])
def test_how_many_run_at_once(servers, engine, web, more, most):
    server = servers(engine, args=web.args(tools__parallel=2))
    running, peak = [], []
    lock = threading.Lock()

    def results():
        with lock:
            running.append(1)
            peak.append(len(running))
        together.wait(0.5)  # gives the others time to come, if they may
        with lock:
            running.pop()
        return [hit("https://one.example/a", "First")]
    together = threading.Event()
    web.results = results
    engine.next(calls_interleaved(*(("web_search", str(i), ['{"query":"q%d"}' % i]) for i in range(4))))
    made = server.create("go", tools=[SEARCH], **more)
    assert max(peak) <= most and made["status"] == "completed"
    assert len([i for i in made["output"] if i["type"] == "web_search_call"]) == (1 if more else 4)


def test_a_call_has_its_time(servers, engine, web):
    server = servers(engine, args=web.args(tools__call_ms=300))
    web.gate = Gate()
    engine.next(search())
    engine.next(say("Sorry."))
    made = server.create("go", tools=[SEARCH])
    assert made["output"][0]["status"] == "failed" and "time" in told(engine) or "too long" in told(engine)
    assert text_of(made) == "Sorry."


def test_corrections_can_be_off(servers, engine, web):
    server = servers(engine, args=web.args(tools__corrections=0))
    engine.next(call("web_search", "{}"))
    made = server.create("go", tools=[SEARCH])
    assert made["output"][0]["status"] == "failed" and engine.last.body.get("tool_choice") == "none"
    # a refused call is told again as it was told
    again = [e.type for e in server_stream(server, made["id"]) if e.data]
    engine.next(call("web_search", "{}"))
    live = [e.type for e in server.stream("go", tools=[SEARCH]) if e.data]
    kinds = lambda types: [t for t in types if "web_search" in t]
    assert kinds(again) == kinds(live) == ["response.web_search_call.in_progress"]


def test_a_failed_call_is_told_again_as_it_was(server, engine, web):
    """It ran: that is told; that it ended well is not."""
    web.override = (500, "text/plain", "oops")
    kinds = []
    for stream in (True, False):
        engine.next(search())
        engine.next(say("Sorry."))
        if stream:
            events = [e for e in server.stream("go", tools=[SEARCH]) if e.data]
        else:
            made = server.create("go", tools=[SEARCH])
            assert made["output"][0]["status"] == "failed"
            events = [e for e in server_stream(server, made["id"]) if e.data]
        kinds.append([e.type for e in events if "web_search" in e.type])
    assert kinds[0] == kinds[1] == ["response.web_search_call.in_progress", "response.web_search_call.searching"]


def test_output_bounds_hold(servers, engine, web):
    server = servers(engine, args=[*web.args(), "--set", "api.output_items=2"])
    engine.next(calls_interleaved(*(("web_search", str(i), ['{"query":"q%d"}' % i]) for i in range(4))))
    answer = server.post("/v1/responses", {"model": "scripted", "input": "go", "tools": [SEARCH]})
    assert answer.status >= 500 and "api.output_items" in answer.error["message"]


