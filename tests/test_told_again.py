"""A stream and what is told again of its stored response, after a restart: the same events, but that each text is one piece."""
import json

import pytest

from engine_script import call, finish, refuse, say, think
from harness import Stream
from test_background import restart
from test_client_tools import KINDS, OURS, WAITING, pieces
from test_code_interpreter import AUTO, python
from test_compaction import TALK, TRIGGER
from test_mcp import ADD, allow, tool

LOGPROBS = {"content": [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}]}
INCLUDE = ("message.output_text.logprobs", "code_interpreter_call.outputs")
SEARCH = {"type": "web_search"}


@pytest.fixture
def server(servers, engine, web, mcp):
    return servers(engine, args=[*web.args(), *allow(mcp)])


def joined(events):
    """Without numbers and padding; deltas of one text as one, where the first stood, though others or citations come between."""
    told, open = [], {}
    for e in events:
        data = {k: v for k, v in e.data.items() if k not in ("sequence_number", "obfuscation")}
        data.get("response", {}).pop("billing", None)  # a stored response says it
        if not e.type.endswith(".delta"):
            open = open if e.type.endswith("annotation.added") else {}
        elif e.type in open:
            open[e.type]["delta"] += data["delta"]
            open[e.type].get("logprobs", []).extend(data.get("logprobs", []))
            continue
        else:
            open[e.type] = data
        told.append(data)
    return told


def searches(engine, *arguments):
    engine.next(call("web_search", json.dumps(arguments[0])))
    engine.next(say("So [1]", " and [", "2]."))


def script(engine, name, mcp):
    """The request of that name; its answers are put into the engine."""
    if name in KINDS:
        given, function, arguments, *_ = KINDS[name]
        engine.next(say("Let me", " see."), call(function, *pieces(arguments)))
        return {"tools": [given]}
    return MORE[name](engine, mcp)


def text(engine, mcp):
    engine.next(say("Hi", logprobs=LOGPROBS))
    return {"include": ["message.output_text.logprobs"]}


def refusal(engine, mcp):
    engine.next(refuse("I will", " not."))
    return {}


def thoughts(engine, mcp):
    engine.next(think("First", " this."), say("Done."))
    return {}


def summary(engine, mcp):
    engine.next(think("First", " this."), say("Done."))
    return {"reasoning": {"effort": "low", "summary": "auto"}}


def cut(engine, mcp):
    engine.next(say("Half of", " it"), finish("length"))
    return {}


def our_search(engine, mcp):
    engine.next(say("Let me see."), call("weather", '{"city":', '"Rome"}'))
    return {"tools": [OURS, WAITING]}


def web_search(engine, mcp):
    searches(engine, {"query": "news"})
    return {"tools": [SEARCH]}


def web_search_failed(engine, mcp):
    searches(engine, {"url": "http://127.0.0.1:1/"})
    return {"tools": [SEARCH]}


def code(engine, mcp):
    engine.next(python("print('a' * 3)\n6 * 7"))
    engine.next(say("Done."))
    return {"tools": [AUTO], "include": ["code_interpreter_call.outputs"]}


def mcp_calls(engine, mcp):
    engine.next(call("calc__add", ADD))
    engine.next(call("calc__boom", "{}"))
    engine.next(say("five"))
    return {"tools": [tool(mcp)]}


def mcp_asked(engine, mcp):
    engine.next(call("calc__add", ADD))
    return {"tools": [tool(mcp, approval="always")]}


def compaction(engine, mcp):
    engine.next(say("Sums were done."))
    return {"input": TALK + [TRIGGER]}


MORE = {f.__name__: f for f in (text, refusal, thoughts, summary, cut, our_search, web_search, web_search_failed, code, mcp_calls, mcp_asked, compaction)}


def test_the_same_story(server, engine, mcp):
    live, other = {}, {}
    for name in [*KINDS, *MORE]:
        request = script(engine, name, mcp)
        live[name] = events = [e for e in server.stream(request.pop("input", "go"), **request) if e.data]
        assert [e.data["sequence_number"] for e in events] == list(range(len(events)))
        assert events[-1].type == ("response.incomplete" if name == "cut" else "response.completed"), name
    restart(server)
    for name, events in live.items():
        id = events[0].data["response"]["id"]
        again = [e for e in Stream(*server.open("GET", f"/v1/responses/{id}?stream=true&include[]=" + "&include[]=".join(INCLUDE))) if e.data]
        one, two = joined(events)[2:], joined(again)[2:]
        differ = [(a, b) for a, b in zip(one, two) if a != b]
        if differ or len(one) != len(two):
            other[name] = differ[0] if differ else ([e["type"] for e in one], [e["type"] for e in two])
    assert not other


def test_a_reader_who_saw_more_events_gets_the_end(servers, engine):
    """After a restart a stream is told from its stored form, with fewer events than its reader may have seen."""
    server = servers(engine)
    engine.next(*[say(f"{i} ") for i in range(30)])
    events = [e for e in server.stream("hi") if e.data]
    id, last = events[0].data["response"]["id"], events[-1].data["sequence_number"]
    server.stop()
    server.start()
    for after in (last - 3, last, last + 50):
        told = [e for e in Stream(*server.open("GET", f"/v1/responses/{id}?stream=true&starting_after={after}"), "GET") if e.data]
        assert [e.type for e in told] == ["response.completed"] and told[0].data["sequence_number"] == after + 1
