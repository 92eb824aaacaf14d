"""Chat templates on the real llama.cpp: what earlier turns held must fit those that want objects as arguments, and those that
want the roles to take turns."""
import os

import pytest

from harness import Server
from test_seed import ENGINE

pytestmark = pytest.mark.seed

# As those of Qwen and Hermes: tools are known, the arguments of a call are walked through as an object.
OBJECTS = """{%- if tools %}{{- '<|im_start|>system\\n# Tools\\n' }}{%- for tool in tools %}{{- tool | tojson }}{%- endfor %}
{{- '\\nAnswer with <tool_call>{"name": ..., "arguments": ...}</tool_call>.<|im_end|>\\n' }}{%- endif %}
{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.content %}{{- message.content }}{%- endif %}
{%- if message.tool_calls %}{%- for call in message.tool_calls %}
{{- '<tool_call>{"name": "' + call.function.name + '", "arguments": {' }}
{%- for key, value in call.function.arguments.items() %}{%- if not loop.first %}{{- ', ' }}{%- endif %}{{- '"' + key + '": ' }}{{- value | tojson }}{%- endfor %}
{{- '}}</tool_call>' }}{%- endfor %}{%- endif %}{{- '<|im_end|>\\n' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""

# As those of Mistral and Gemma: no tools, no system role, and a sentence that stops all when roles do not take turns.
TURNS = """{%- if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{%- endif %}
{%- for message in messages %}
{%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{%- endif %}
{{- '<|im_start|>' + message.role + '\\n' + (message.content | trim) + '<|im_end|>\\n' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""

TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}


def said(text):
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text, "annotations": []}]}


def called(arguments, id="c1"):
    return [{"type": "function_call", "call_id": id, "name": "look", "arguments": arguments},
            {"type": "function_call_output", "call_id": id, "output": "It rains."}]


@pytest.fixture(scope="module", params=[OBJECTS, TURNS], ids=["objects", "turns"])
def server(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "t.jinja"
    path.write_text(request.param)
    s = Server(args=["--set", f"engine.dir={ENGINE}", "--set", f"engine.template={path}", "--set", "engine.offer=false"])
    try:
        yield s
        s.stop()
    finally:
        s.erase()


def completes(server, input, **more):
    answer = server.post("/v1/responses", {"model": "gpt-4o-mini", "input": input, "max_output_tokens": 16, **more})
    assert answer.status == 200 and answer.json["status"] in ("completed", "incomplete"), answer
    return answer.json


@pytest.mark.parametrize("arguments", ['{"city": "Par', '{"value": ', "{bad", "{} {}", "[1]", '"text"', "", "null", "nonsense", '{"city":"Paris"}'])
def test_any_arguments_of_a_call(server, arguments):
    """And the turns after it, too: by chain, and with all items sent again."""
    user = {"role": "user", "content": "The weather?"}
    first = completes(server, [user, *called(arguments)], tools=[TOOL])
    completes(server, "Thanks. And tomorrow?", previous_response_id=first["id"], tools=[TOOL], tool_choice="none")
    completes(server, [user, *called(arguments), said("It rains."), {"role": "user", "content": "Sure?"}])


def test_turns_in_any_order(server):
    call, output = called('{"city":"Oslo"}')
    second = called('{"city":"Rome"}', "c2")
    user = {"role": "user", "content": "The weather?"}
    for input in ([user, said("\n\n"), call, said("\n"), output], [user, call, said("\n"), second[0], output, second[1]],
                  [{"role": "developer", "content": "Be brief."}, user, {"role": "user", "content": "Quick!"}],
                  [{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}, user, said("x"), said("y"), user],
                  [user, said("I say")], [user, call, output, said("It rains."), {"role": "developer", "content": "Now in French."}, user]):
        completes(server, input, tools=[TOOL])
        completes(server, input, instructions="Be kind.")


def test_a_template_that_is_not_there(server):
    with pytest.raises(AssertionError, match="chat template"):
        Server(args=["--set", f"engine.dir={ENGINE}", "--set", "engine.template=/nonexistent.jinja"]).stop()
