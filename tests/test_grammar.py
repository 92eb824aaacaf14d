"""Custom tools with a grammar: enforced while the model writes, where the call is forced and the engine takes grammars."""
import re

import pytest

from engine_script import ScriptedEngine, call, finish, say
from harness import Server
from test_seed import ENGINE

REGEX = r"SELECT [a-z]{1,8}(, [a-z]{1,8}){0,2} FROM (users|orders)( WHERE [a-z]{1,6} = [0-9]{1,3})?;"
LARK = """
start: command ("then" command)*
command: "move" DIRECTION NUMBER | "stop"
DIRECTION: "left" | "right" | "up" | "down"
NUMBER: /[1-9][0-9]?/
%import common.WS_INLINE
%ignore WS_INLINE
"""
LARK_MEANS = r"\s*(move\s*(left|right|up|down)\s*[1-9][0-9]?|stop)\s*(then\s*(move\s*(left|right|up|down)\s*[1-9][0-9]?|stop)\s*)*"
RECURSIVE = 'start: a\na: a "x" | "y"'


def tool(syntax, definition, name="tool"):
    return {"type": "custom", "name": name, "description": "What to do", "format": {
        "type": "grammar", "syntax": syntax, "definition": definition}}


NAMED = {"type": "custom", "name": "tool"}


@pytest.fixture(scope="module", params=[True, False], ids=["tools", "no tools"])
def engine(request):
    engine = ScriptedEngine(tools=request.param)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def server(engine):
    server = Server(engine)
    yield server
    server.stop()
    server.erase()


def ask(server, tools, **more):
    return server.post("/v1/responses", {"model": "scripted", "input": "go", "tools": tools, **more})


@pytest.mark.parametrize("syntax, definition", [("regex", "[a-c]+"), ("lark", LARK)])
@pytest.mark.parametrize("choice", [NAMED, "required"])
def test_the_engine_is_held_to_it(engine, server, syntax, definition, choice):
    engine.next(say("a", "b\n", "c") if syntax == "lark" else say("a", "bc"), finish("stop"))
    answer = ask(server, [tool(syntax, definition)], tool_choice=choice)
    assert answer.status == 200, answer
    sent = engine.last.body
    assert sent["grammar"].startswith("root ::= ")
    assert not {"tools", "tool_choice", "response_format", "parallel_tool_calls"} & set(sent)
    assert "Use the tool tool now" in sent["messages"][0]["content"]
    [item] = answer.json["output"]
    assert (item["type"], item["name"], item["status"]) == ("custom_tool_call", "tool", "completed")
    assert item["input"] == ("ab\nc" if syntax == "lark" else "abc")
    assert "tools[0].format" not in answer.headers.get("antiphon-not-applied", "")
    # Its events, and the call's output afterwards.
    engine.next(say("a", "bc"), finish("stop"))
    stream = server.stream("go", tools=[tool(syntax, definition)], tool_choice=choice)
    events = list(stream)
    assert "".join(e.data["delta"] for e in events if e.type == "response.custom_tool_call_input.delta") == "abc"
    made = events[-2].data["response"]
    assert made["status"] == "completed" and made["output"][0]["input"] == "abc"
    engine.next(say("fine"))
    again = server.create([{"type": "custom_tool_call_output", "call_id": made["output"][0]["call_id"], "output": "ok"}],
                          previous_response_id=made["id"])
    assert again["output"][0]["content"][0]["text"] == "fine"


@pytest.mark.parametrize("tools, choice, named", [
    ([tool("lark", LARK)], "auto", True), ([tool("lark", RECURSIVE)], NAMED, True), ([tool("regex", "a(?=b)")], NAMED, False),
    ([tool("lark", LARK), tool("lark", LARK, "other")], "required", True), ([tool("regex", "[a-c]+")], "auto", False)])
def test_what_stays_as_it_was(engine, server, tools, choice, named):
    engine.next(call("tool", '{"input":"ab"}') if engine.tools else say('{"name": "tool", "arguments": {"input": "ab"}}'))
    answer = ask(server, tools, tool_choice=choice)
    assert answer.status == 200, answer
    assert "grammar" not in engine.last.body
    assert answer.json["output"][0]["input"] == "ab"
    assert ("tools[0].format" in answer.headers.get("antiphon-not-applied", "")) == named


def test_a_call_that_was_cut(engine, server):
    engine.next(say("ab"), finish("length"))
    answer = ask(server, [tool("regex", "[a-c]+")], tool_choice=NAMED)
    made = answer.json
    assert made["status"] == "incomplete" and made["incomplete_details"] == {"reason": "max_output_tokens"}
    assert [(i["status"], i["input"]) for i in made["output"]] == [("incomplete", "ab")]


def test_an_engine_that_does_not_keep_to_it(engine, server):
    engine.next(say("xyz"), finish("stop"))
    answer = ask(server, [tool("regex", "[a-c]+")], tool_choice=NAMED)
    assert answer.status == 502 and "does not match its grammar" in answer.error["message"]


def test_an_engine_without_grammars():
    engine = ScriptedEngine(props=False)
    server = Server(engine)
    engine.next(call("tool", '{"input":"ab"}'))
    answer = ask(server, [tool("lark", LARK)], tool_choice=NAMED)
    assert "grammar" not in engine.last.body and engine.last.body["tools"]
    assert answer.headers["antiphon-not-applied"] == "tools[0].format"
    assert answer.json["output"][0]["input"] == "ab"
    server.stop()
    server.erase()
    engine.close()


# --- the real engine ---

@pytest.fixture(scope="module")
def real():
    server = Server(args=["--set", f"engine.dir={ENGINE}", "--set", "engine.offer=false"])
    yield server
    server.stop()
    server.erase()


@pytest.mark.seed
@pytest.mark.parametrize("input", ["List the names of all users.", "Hello!", "What is the capital of France?"])
@pytest.mark.parametrize("syntax, definition, means", [
    ("regex", REGEX, REGEX), ("regex", r"\d{3}-\d{4}", r"\d{3}-\d{4}"), ("lark", LARK, LARK_MEANS),
    ("regex", "(?:é|😀|\\[x\\]|\"|\\\\){2,4}", "(?:é|😀|\\[x\\]|\"|\\\\){2,4}"),
    ("lark", 'start: pair ("," pair)* \npair: CNAME "=" INT\n%import common (CNAME, INT)\n',
     r"[_A-Za-z][_A-Za-z0-9]*=[0-9]+(,[_A-Za-z][_A-Za-z0-9]*=[0-9]+)*")])
def test_a_small_model_keeps_to_it(real, input, syntax, definition, means):
    answer = real.post("/v1/responses", {"model": "gpt-4o-mini", "input": input, "tools": [tool(syntax, definition)],
                                         "tool_choice": NAMED, "max_output_tokens": 100})
    assert answer.status == 200, answer
    [item] = answer.json["output"]
    assert item["type"] == "custom_tool_call"
    if answer.json["status"] == "completed":
        assert re.fullmatch(means, item["input"]), item["input"]
    else:  # it would have gone on for ever
        assert answer.json["status"] == "incomplete" and syntax == "lark", answer.json
    assert "antiphon-not-applied" not in answer.headers


@pytest.mark.seed
def test_every_notation_is_taken_by_the_engine(real):
    """A grammar that the engine cannot read would be a 400 there."""
    for syntax, definition in [
            ("regex", r"[^\"\\\n]{1,5}"), ("regex", r"(a|b?)c{2,}d{0,3}e{2}"), ("regex", r".\S\W\D"), ("regex", "((a?)+)?b"),
            ("regex", r"[\]\-^\[]\^"), ("lark", 'start: "a"i "b".."d" /x/s ["e"] ("f" | "g")~2..3'), ("lark", 'start: x\nx: "(" x ")" |'),
            ("lark", 'start: ESCAPED_STRING NUMBER\n%import common.ESCAPED_STRING\n%import common.NUMBER\n%import common.WS\n%ignore WS')]:
        answer = real.post("/v1/responses", {"model": "gpt-4o-mini", "input": "go", "tools": [tool(syntax, definition)],
                                             "tool_choice": NAMED, "max_output_tokens": 40})
        assert answer.status == 200, (definition, answer)
