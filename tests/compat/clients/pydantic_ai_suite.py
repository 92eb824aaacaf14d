"""pydantic-ai's two OpenAI models, unmodified: agents with tools, output types, streams, history, background, compaction."""
import asyncio
import json

import pytest
from pydantic import BaseModel
from pydantic_ai import (Agent, BinaryContent, ModelHTTPError, ModelRetry, NativeOutput, PromptedOutput, TextOutput, ToolOutput,
                         UnexpectedModelBehavior)
from pydantic_ai.capabilities import NativeTool, ToolSearch
from pydantic_ai.messages import CompactionPart, ModelResponse, TextPart, ThinkingPart, ToolCallPart
from pydantic_ai.models.openai import OpenAIChatModel, OpenAICompaction, OpenAIResponsesModel
from pydantic_ai.native_tools import MCPServerTool, WebSearchTool
from pydantic_ai.providers.openai import OpenAIProvider

from engine_script import call, calls_interleaved, finish, hold, say, status, think, Gate
from harness import Server
from mcp_script import McpServer

pytestmark = pytest.mark.compat
LOOP = asyncio.Runner()
DOT = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154785e6364f8cf500f0003860180"
                    "5a347d6b0000000049454e44ae426082")


class City(BaseModel):
    name: str
    inhabitants: int | None = None
    twins: list["City"] = []


@pytest.fixture
def provider(server):
    return OpenAIProvider(base_url=server.base_url, api_key="sk-any")


@pytest.fixture(params=["responses", "chat"])
def either(request, provider):
    """Tests that hold for both APIs."""
    return {"responses": OpenAIResponsesModel, "chat": OpenAIChatModel}[request.param]("gpt-5.2", provider=provider)


@pytest.fixture
def model(provider):
    return OpenAIResponsesModel("gpt-5.6", provider=provider)


def run(agent, *args, **more):
    return LOOP.run(agent.run(*args, **more))


def texts(request):
    return [m.get("content") for m in request.body["messages"]]


def weather(agent):
    @agent.tool_plain
    def get_weather(city: str, days: int = 1) -> str:
        """The weather of a city.

        Args:
            city: Its name.
            days: How many.
        """
        if city == "Atlantis":
            raise ModelRetry("There is no such city.")
        return f"{city}: {days} days of sun"
    return agent


# --- both APIs ---


def test_text(engine, either):
    engine.next(say("Hel", "lo."))
    result = run(Agent(either, instructions="Be brief."), "Hi")
    assert result.output == "Hello." and result.usage.input_tokens > 0 and result.usage.output_tokens > 0
    assert texts(engine.last) == ["Be brief.", "Hi"]
    response = result.all_messages()[-1]
    assert response.model_name == "scripted" and response.finish_reason == "stop" and response.provider_response_id


def test_tools(engine, either):
    agent = weather(Agent(either))
    engine.next(think("Two of them."), calls_interleaved(("get_weather", "a", ['{"city":', '"Rome"}']),
                                                         ("get_weather", "b", ['{"city":"Oslo",', '"days":2}'])))
    engine.next(say("Sunny."))
    assert run(agent, "Weather?").output == "Sunny."
    assert texts(engine.last)[-2:] == ["Rome: 1 days of sun", "Oslo: 2 days of sun"]


def test_retry(engine, either):
    engine.next(call("get_weather", '{"city":"Atlantis"}'))
    engine.next(call("get_weather", '{"city":"Athens"}'))
    engine.next(say("Sunny."))
    assert run(weather(Agent(either)), "Weather?").output == "Sunny."
    assert any("no such city" in (t or "") for t in texts(engine.last))


@pytest.mark.parametrize("kind", [NativeOutput, ToolOutput, PromptedOutput])
def test_output_types(engine, either, kind):
    value = '{"name":"Bern","inhabitants":130000,"twins":[{"name":"X","inhabitants":null,"twins":[]}]}'
    engine.next(call("final_result", value) if kind is ToolOutput else say(value[:9], value[9:]))
    assert run(Agent(either, output_type=kind(City)), "A city").output == City.model_validate_json(value)
    body = engine.last.body
    if kind is ToolOutput:
        assert body["tool_choice"] == "required" and body["tools"][0]["function"]["name"] == "final_result"
    else:
        assert body["response_format"]["type"] == ("json_schema" if kind is NativeOutput else "json_object")


def test_output_that_does_not_fit_is_tried_again(engine, either):
    engine.next(call("final_result", '{"name":7}'))
    engine.next(call("final_result", '{"name":"Bern"}'))
    assert run(Agent(either, output_type=ToolOutput(City, strict=False)), "A city").output.name == "Bern"
    engine.next(say("not a number"))
    engine.next(say("12"))

    def number(text: str) -> int:
        if not text.isdigit():
            raise ModelRetry("Digits only.")
        return int(text)
    assert run(Agent(either, output_type=TextOutput(number)), "A number").output == 12


def test_streams(engine, either):
    agent = weather(Agent(either))

    async def go():
        events = []
        async with agent.run_stream_events("Weather?") as stream:
            async for event in stream:
                events.append(event)
        engine.next(say("One, ", "two, ", "three."))
        async with agent.run_stream("Count", message_history=events[-1].result.all_messages()) as result:
            pieces = [p async for p in result.stream_text(delta=True, debounce_by=None)]
            return events, pieces, result.usage
    engine.next(think("Hm, ", "so."), say("Look: "), call("get_weather", '{"city":', '"Rome"', "}"))
    engine.next(say("Sun", "ny."))
    events, pieces, usage = LOOP.run(go())
    kinds = [e.event_kind for e in events]
    assert events[-1].result.output == "Sunny." and {"part_start", "part_delta", "part_end", "function_tool_call",
                                                     "function_tool_result", "final_result"} <= set(kinds)
    assert pieces == ["One, ", "two, ", "three."] and usage.output_tokens > 0
    assert [m["role"] for m in engine.last.body["messages"]] == ["user", "assistant", "tool", "assistant", "user"]


def test_streamed_output_type(engine, either):
    async def go():
        async with Agent(either, output_type=NativeOutput(City)).run_stream("A city") as result:
            return [c async for c in result.stream_output(debounce_by=None)]
    engine.next(say('{"name":"Be', 'rn","inhabitants"', ':5,"twins":[]}'))
    cities = LOOP.run(go())
    assert cities[0].name == "Be" and cities[-1] == City(name="Bern", inhabitants=5)


def test_history(engine, either):
    agent = weather(Agent(either))
    engine.next(think("Hm."), call("get_weather", '{"city":"Rome"}'))
    engine.next(say("Sunny."))
    first = run(agent, "Weather?")
    engine.next(say("Rome."))
    second = run(agent, "Where?", message_history=first.all_messages())
    assert second.output == "Rome." and [m["role"] for m in engine.last.body["messages"]] == [
        "user", "assistant", "tool", "assistant", "user"]


def test_picture(engine, either):
    engine.next(say("A dot."))
    assert run(Agent(either), ["What is this?", BinaryContent(DOT, media_type="image/png")]).output == "A dot."
    parts = engine.last.body["messages"][-1]["content"]
    assert parts[1]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")


def test_settings(engine, either):
    engine.next(say("Fine."))
    settings = {"max_tokens": 64, "temperature": 0.5, "top_p": 0.9, "parallel_tool_calls": False, "openai_reasoning_effort": "none",
                "openai_user": "me", "service_tier": "auto", "openai_text_verbosity": "low", "openai_prompt_cache_key": "k",
                "openai_logprobs": True, "openai_top_logprobs": 2}
    assert run(weather(Agent(either)), "Go", model_settings=settings).output == "Fine."
    assert engine.last.body["temperature"] == 0.5 and engine.last.body["top_p"] == 0.9


def test_errors(engine, either):
    engine.next(status(400, {"code": 400, "message": "no such thing", "type": "invalid_request_error"}))
    with pytest.raises(ModelHTTPError) as error:
        run(Agent(either), "Fail")
    assert error.value.status_code == 400
    engine.next(say("Half a"), finish("length"))
    assert run(Agent(either), "Talk").all_messages()[-1].finish_reason == "length"


# --- Responses alone ---


def test_reasoning_goes_back_encrypted(engine, model):
    agent = weather(Agent(model, model_settings={"openai_store": False, "openai_reasoning_effort": "high",
                                                 "openai_reasoning_summary": "auto"}))
    engine.next(think("Secret ", "plan."), call("get_weather", '{"city":"Rome"}'))
    engine.next(say("Sunny."))
    result = run(agent, "Weather?")
    part = result.all_messages()[1].parts[0]
    assert isinstance(part, ThinkingPart) and part.content == "Secret plan." and part.signature
    assert "Secret plan." in json.dumps(engine.last.body["messages"])


def test_previous_response_id(engine, model):
    agent = weather(Agent(model, model_settings={"openai_previous_response_id": "auto"}))
    engine.next(call("get_weather", '{"city":"Rome"}'))
    engine.next(say("Sunny."))
    first = run(agent, "Weather?")
    engine.next(say("Rome."))
    assert run(agent, "Where?", message_history=first.all_messages()).output == "Rome."
    assert [m["role"] for m in engine.last.body["messages"]] == ["user", "assistant", "tool", "assistant", "user"]


def test_conversation_id(engine, model, provider):
    async def go():
        conversation = await provider.client.conversations.create()
        agent = weather(Agent(model, model_settings={"openai_conversation_id": conversation.id}))
        engine.next(call("get_weather", '{"city":"Rome"}'))
        engine.next(say("Sunny."))
        await agent.run("Weather?")
        engine.next(say("Rome."))
        last = await agent.run("Where?")
        return last, conversation.id, [i async for i in provider.client.conversations.items.list(conversation.id, order="asc")]
    last, id, items = LOOP.run(go())
    assert last.output == "Rome." and last.all_messages()[-1].provider_details["conversation_id"] == id
    assert [i.type for i in items] == ["message", "function_call", "function_call_output", "message", "message", "message"]


def test_background(engine, model):
    agent = weather(Agent(model, model_settings={"openai_background": True}))
    engine.next(call("get_weather", '{"city":"Rome"}'))
    engine.next(say("Sunny."))
    assert run(agent, "Weather?").output == "Sunny."


def test_background_streamed(engine, model):
    async def go():
        async with Agent(model, model_settings={"openai_background": True}).run_stream("Count") as result:
            return [p async for p in result.stream_text(delta=True, debounce_by=None)]
    engine.next(say("One, ", "two."))
    assert "".join(LOOP.run(go())) == "One, two."


def test_cancelled_run_is_cancelled_on_the_server(engine, model, provider):
    """A background run whose client gives up is cancelled by the client: nothing goes on unseen."""
    gate = Gate()

    async def go():
        task = asyncio.create_task(Agent(model, model_settings={"openai_background": True}).run("Slow"))
        while not gate.reached.is_set():
            await asyncio.sleep(0.02)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    engine.next(say("One"), hold(gate))
    LOOP.run(go())
    assert engine.requests[0].left.wait(60)


def test_websocket(engine, model):
    agent = weather(Agent(model, model_settings={"openai_transport": "websocket"}))

    async def go():
        async with agent:
            first = await agent.run("Weather?")
            second = await agent.run("Where?", message_history=first.all_messages())
            async with agent.run_stream("Count", message_history=second.all_messages()) as result:
                return first, second, [p async for p in result.stream_text(delta=True, debounce_by=None)]
    engine.next(call("get_weather", '{"city":"Rome"}'))
    for text in ("Sunny.", "Rome.", "One."):
        engine.next(say(text))
    first, second, pieces = LOOP.run(go())
    assert (first.output, second.output, "".join(pieces)) == ("Sunny.", "Rome.", "One.")
    assert [m["role"] for m in engine.last.body["messages"]] == ["user", "assistant", "tool", "assistant"] + ["user", "assistant"] * 1 + [
        "user"]


def test_compaction_on_demand(engine, model):
    agent = Agent(model, capabilities=[OpenAICompaction(message_count_threshold=3)])
    engine.next(say("One."))
    first = run(agent, "First")
    engine.next(say("Two."))
    second = run(agent, "Second", message_history=first.all_messages())
    engine.next(say("They counted to two."))
    engine.next(say("Three."))
    third = run(agent, "Third", message_history=second.all_messages())
    assert third.output == "Three."
    assert any(isinstance(p, CompactionPart) for m in third.all_messages() if isinstance(m, ModelResponse) for p in m.parts)
    assert "They counted to two." in json.dumps(texts(engine.last))


def test_compaction_by_the_server(engine, model):
    agent = Agent(model, capabilities=[OpenAICompaction(token_threshold=1000)])
    engine.next(say("One."))
    engine.next(say("Long words were said."))
    first = run(agent, "word " * 3000)
    assert first.output == "One." and isinstance(first.all_messages()[-1].parts[-1], CompactionPart)
    engine.next(say("Two."))
    assert run(agent, "Go on", message_history=first.all_messages()).output == "Two."
    assert "Long words were said." in json.dumps(texts(engine.requests[2]))


def test_web_search_is_refused_where_there_is_none(engine, model):
    with pytest.raises(ModelHTTPError) as error:
        run(Agent(model, capabilities=[NativeTool(WebSearchTool())]), "News?")
    assert error.value.status_code == 400 and "web_search" in str(error.value.body) and not engine.requests


def test_history_of_another_provider(engine, model):
    """Ids and signatures that are not ours come as they are."""
    foreign = [*run(Agent(model), "Hi").all_messages(),
               ModelResponse(parts=[ThinkingPart("Foreign thoughts.", id="rs_x", signature="abc", provider_name="anthropic"),
                                    TextPart("Foreign text.")])]
    engine.next(say("Fine."))
    assert run(Agent(model), "Go on", message_history=foreign).output == "Fine."
    assert "Foreign text." in json.dumps(texts(engine.last))


def strategy(deps, queries, tools):
    return [t.name for t in tools]


@pytest.mark.parametrize("search", [None, strategy])
def test_tool_search(engine, model, search):
    """Deferred tools: searched by the server, or, with a strategy of its own, by the client."""
    agent = Agent(model, capabilities=[ToolSearch(strategy=search)] if search else [])

    @agent.tool_plain(defer_loading=True)
    def mortgage(amount: int) -> str:
        """Calculates a mortgage."""
        return f"{amount} a year"
    if search:
        engine.next(call("tool_search", '{"queries":["mortgage"]}'))
    engine.next(call("mortgage", '{"amount":', "7}"))
    engine.next(say("Seven."))
    assert run(agent, "How much?").output == "Seven." and texts(engine.last)[-1] == "7 a year"


# --- hosted MCP ---

@pytest.mark.parametrize("streamed", [False, True])
def test_hosted_mcp(engine, tmp_path, streamed):
    """The SDK never asks for approvals; what it keeps of list and call comes back with the next run."""
    with McpServer() as mcp:
        server = Server(engine, args=["--set", f"mcp.allow=http://127.0.0.1:{mcp.port}"], data=str(tmp_path / "mcp"))
        try:
            model = OpenAIResponsesModel("gpt-5.6", provider=OpenAIProvider(base_url=server.base_url, api_key="sk-any"))
            agent = Agent(model, capabilities=[NativeTool(MCPServerTool(id="calc", url=mcp.url("modern"), authorization_token="secret",
                                                                        allowed_tools=["add"]))])
            engine.next(call("calc__add", '{"a": 2, "b": 3}'))
            engine.next(say("Five."))
            if streamed:
                async def go():
                    async with agent.run_stream("2+3?") as result:
                        return await result.get_output(), result.all_messages()
                output, past = LOOP.run(go())
            else:
                result = run(agent, "2+3?")
                output, past = result.output, result.all_messages()
            assert output == "Five." and mcp.methods().count("tools/call") == 1
            assert engine.last.body["messages"][-1]["role"] == "tool" and "5" in engine.last.body["messages"][-1]["content"]
            engine.next(say("Sure."))
            assert run(agent, "Sure?", message_history=past).output == "Sure." and mcp.methods().count("tools/list") == 1
        finally:
            server.stop()
            server.erase()
