"""The rig itself: the scripted engine as the official SDK sees it, without the program under test."""
import openai
import pytest
from openai import OpenAI

from engine_script import call, calls_interleaved, cut, hang, overflow, say, status

MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.fixture
def client(engine):
    with OpenAI(base_url=engine.url, api_key="k", max_retries=0) as c:
        yield c


def ask(client):
    with client.chat.completions.stream(model="scripted", messages=MESSAGES) as stream:
        for _ in stream:
            pass
        return stream.get_final_completion().choices[0]


def test_default(client, engine):
    assert ask(client).message.content == "You said: hi."
    assert engine.last.done.wait(5)


def test_calls(client, engine):
    engine.next(calls_interleaved(("f", "a", ["{", "}"]), ("g", "b", ["[", "1", "]"])))
    choice = ask(client)
    assert [c.function.arguments for c in choice.message.tool_calls] == ["{}", "[1]"]
    assert choice.finish_reason == "tool_calls"
    engine.next(call("f", "{", "}"))
    assert ask(client).message.tool_calls[0].function.arguments == "{}"


def test_failures(client, engine):
    engine.next(status(429))
    with pytest.raises(openai.RateLimitError):
        ask(client)
    engine.next(overflow())
    with pytest.raises(openai.BadRequestError):
        ask(client)
    engine.next(say("Hel"), cut())
    with pytest.raises(Exception):
        ask(client)
    assert ask(client).message.content == "You said: hi."


def test_it_notices_a_client_that_leaves(client, engine):
    engine.next(say("Hel"), hang())
    stream = client.chat.completions.create(model="scripted", messages=MESSAGES, stream=True)
    next(stream)
    stream.close()
    assert engine.wait_for(1).left.wait(10)


def test_gone_and_back(client, engine):
    assert ask(client)
    engine.close()
    with pytest.raises(openai.APIConnectionError):
        ask(client)
    engine.listen_again()
    assert ask(client)
