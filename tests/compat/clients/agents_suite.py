"""OpenAI's Agents SDK for Python, unmodified, with nothing set but the base URL and a key. tools/compat.sh runs it in its own environment."""
import asyncio
import json

import agents
import openai
import pytest
from agents import (Agent, AgentOutputSchema, ApplyPatchTool, CodeInterpreterTool, Computer, ComputerTool, CustomTool, GuardrailFunctionOutput, HostedMCPTool,
                    InputGuardrailTripwireTriggered, ModelSettings, OpenAIChatCompletionsModel, OpenAIConversationsSession,
                    OpenAIResponsesCompactionSession, OpenAIResponsesModel, OutputGuardrailTripwireTriggered, ProgrammaticToolCallingTool, Runner, ShellTool,
                    SQLiteSession, ToolOutputImage, ToolOutputText, ToolSearchTool, WebSearchTool,
                    function_tool, handoff, input_guardrail, output_guardrail)
from openai.types.shared import Reasoning
from pydantic import BaseModel

from engine_script import call, calls_interleaved, finish, say, status, think
from harness import Server
from mcp_script import McpServer
from web_script import ScriptedWeb

pytestmark = pytest.mark.compat
DOT = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg"
       "==")


@pytest.fixture(autouse=True)
def client(server, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-any")
    agents.set_tracing_disabled(True)
    one = openai.AsyncOpenAI(max_retries=0)
    agents.set_default_openai_client(one, use_for_tracing=False)
    return one


LOOP = asyncio.Runner()  # one loop for all: the SDK's client keeps its connections between runs


def run(agent, input, **more):
    return LOOP.run(Runner.run(agent, input, **more))


def stream(agent, input, **more):
    """All events of a streamed run, and its result."""
    async def go():
        result = Runner.run_streamed(agent, input, **more)
        return [event async for event in result.stream_events()], result
    return LOOP.run(go())


def roles(request):
    return [m["role"] for m in request.body["messages"]]


@function_tool
def get_weather(city: str, days: int = 1) -> str:
    """The weather of a city.

    Args:
        city: Its name.
        days: How many days from now on.
    """
    return f"{city}: {days} days of sun"


class City(BaseModel):
    name: str
    inhabitants: int | None


def test_text(engine):
    engine.next(say("Hel", "lo."))
    result = run(Agent(name="a", instructions="Be brief."), "Hi")
    assert result.final_output == "Hello." and roles(engine.last) == ["system", "user"]
    usage = result.context_wrapper.usage
    assert usage.requests == 1 and usage.input_tokens > 0 and usage.total_tokens == usage.input_tokens + usage.output_tokens


def test_function_tool(engine):
    engine.next(call("get_weather", '{"city":"Par', 'is","days":2}'))
    engine.next(say("Sunny."))
    result = run(Agent(name="a", tools=[get_weather]), "Weather?")
    assert result.final_output == "Sunny."
    tool = engine.requests[0].body["tools"][0]["function"]
    assert tool["name"] == "get_weather" and tool["strict"] is True
    assert tool["parameters"]["properties"]["city"]["description"] == "Its name."
    *_, asked, answered = engine.last.body["messages"]
    assert answered == {"role": "tool", "tool_call_id": asked["tool_calls"][0]["id"], "content": "Paris: 2 days of sun"}


def test_parallel_tools(engine):
    engine.next(calls_interleaved(("get_weather", "call_1", ['{"city":"A",', '"days":1}']),
                                  ("get_weather", "call_2", ['{"city":"B",', '"days":3}'])))
    engine.next(say("Both."))
    result = run(Agent(name="a", tools=[get_weather], model_settings=ModelSettings(parallel_tool_calls=True)), "Two cities")
    assert result.final_output == "Both."
    assert [m["content"] for m in engine.last.body["messages"] if m["role"] == "tool"] == ["A: 1 days of sun", "B: 3 days of sun"]
    assert engine.requests[0].body["parallel_tool_calls"] is True


def test_tool_that_fails(engine):
    @function_tool
    def broken() -> str:
        """Never works."""
        raise ValueError("no luck")
    engine.next(call("broken", "{}"))
    engine.next(say("Sorry."))
    assert run(Agent(name="a", tools=[broken]), "Try").final_output == "Sorry."
    assert "An error occurred" in engine.last.body["messages"][-1]["content"]


def test_forced_tool(engine):
    engine.next(call("get_weather", '{"city":"Rome","days":1}'))
    agent = Agent(name="a", tools=[get_weather], model_settings=ModelSettings(tool_choice="get_weather"),
                  tool_use_behavior="stop_on_first_tool")
    assert run(agent, "Weather").final_output == "Rome: 1 days of sun"


def test_tool_with_image(engine):
    @function_tool
    def look() -> list:
        """Looks."""
        return [ToolOutputText(text="a dot"), ToolOutputImage(image_url=DOT)]
    engine.next(call("look", "{}"))
    engine.next(say("A dot."))
    assert run(Agent(name="a", tools=[look]), "Look").final_output == "A dot."
    assert DOT in json.dumps(engine.last.body["messages"])


def test_handoff(engine):
    spanish = Agent(name="Spanish agent", instructions="Speak Spanish.", handoff_description="Speaks Spanish")
    triage = Agent(name="Triage", instructions="Hand off.", handoffs=[spanish])
    engine.next(call("transfer_to_spanish_agent", "{}"))
    engine.next(say("Hola."))
    result = run(triage, "Hola, que tal?")
    assert result.final_output == "Hola." and result.last_agent is spanish
    assert engine.last.body["messages"][0]["content"] == "Speak Spanish."
    assert "Spanish agent" in engine.last.body["messages"][-1]["content"]


def test_handoff_with_input(engine):
    class Reason(BaseModel):
        why: str
    seen = []
    expert = Agent(name="Expert")
    engine.next(call("transfer_to_expert", '{"why":', '"hard"}'))
    engine.next(say("Solved."))
    triage = Agent(name="Triage", handoffs=[handoff(expert, on_handoff=lambda ctx, r: seen.append(r.why), input_type=Reason)])
    assert run(triage, "Help").final_output == "Solved." and seen == ["hard"]


def test_agent_as_tool(engine):
    inner = Agent(name="inner", instructions="Translate.")
    outer = Agent(name="outer", tools=[inner.as_tool("translate", "Translates text.")])
    engine.next(call("translate", '{"input":"yes"}'))
    engine.next(say("si"))
    engine.next(say("It is 'si'."))
    assert run(outer, "yes in Spanish?").final_output == "It is 'si'."
    assert engine.last.body["messages"][-1]["content"] == "si"


def test_session_on_a_conversation(engine, client):
    session = OpenAIConversationsSession()
    agent = Agent(name="a", tools=[get_weather])

    async def go():
        engine.next(think("Let me see."), call("get_weather", '{"city":"Oslo","days":1}'))
        engine.next(say("Sunny."))
        first = await Runner.run(agent, "Weather in Oslo?", session=session)
        engine.next(say("Oslo."))
        second = await Runner.run(agent, "Which city?", session=session)
        items = await session.get_items()
        last = await session.get_items(limit=2)
        popped = await session.pop_item()
        left = await session.get_items()
        stored = await client.conversations.retrieve(session.session_id)
        await session.clear_session()
        return first, second, items, last, popped, left, stored
    first, second, items, last, popped, left, stored = LOOP.run(go())
    assert (first.final_output, second.final_output) == ("Sunny.", "Oslo.")
    kinds = ["message", "reasoning", "function_call", "function_call_output", "message", "message", "message"]
    assert [i["type"] for i in items] == kinds and len({i["id"] for i in items}) == len(items)
    assert last == items[-2:] and popped == items[-1] and left == items[:-1]
    assert stored.id.startswith("conv_")
    said = [m.get("content") for m in engine.last.body["messages"]]
    assert said[-1] == "Which city?" and "Oslo: 1 days of sun" in said and "Sunny." in said


def test_session_takes_many_items(engine):
    """More than the twenty that one request may bring."""
    session = OpenAIConversationsSession()

    async def go():
        await session.add_items([{"role": "user", "content": f"item {i}"} for i in range(45)])
        return [i["content"][0]["text"] for i in await session.get_items()], await session.get_items(limit=3)
    texts, last = LOOP.run(go())
    assert texts == [f"item {i}" for i in range(45)]
    assert [i["content"][0]["text"] for i in last] == ["item 42", "item 43", "item 44"]


def test_conversation_id(engine, client):
    agent = Agent(name="a", tools=[get_weather])

    async def go():
        conversation = await client.conversations.create()
        engine.next(call("get_weather", '{"city":"Bern","days":1}'))
        engine.next(say("Sunny."))
        await Runner.run(agent, "Weather in Bern?", conversation_id=conversation.id)
        engine.next(say("Bern."))
        result = await Runner.run(agent, "Which city?", conversation_id=conversation.id)
        return result, [i async for i in client.conversations.items.list(conversation.id, order="asc")]
    result, items = LOOP.run(go())
    assert result.final_output == "Bern."
    assert [i.type for i in items] == ["message", "function_call", "function_call_output", "message", "message", "message"]
    assert "Bern: 1 days of sun" in [m.get("content") for m in engine.last.body["messages"]]


@pytest.mark.parametrize("streamed", [False, True])
def test_previous_response_id(engine, streamed):
    """The SDK sends what is new alone; the server knows the rest."""
    agent = Agent(name="a", tools=[get_weather])
    go = (lambda *a, **m: stream(*a, **m)[1]) if streamed else run
    engine.next(call("get_weather", '{"city":"Lima","days":1}'))
    engine.next(say("Sunny."))
    first = go(agent, "Weather in Lima?", auto_previous_response_id=True)
    engine.next(say("Lima."))
    second = go(agent, "Which city?", previous_response_id=first.last_response_id)
    assert second.final_output == "Lima."
    assert roles(engine.last) == ["user", "assistant", "tool", "assistant", "user"]


def test_history_by_hand(engine):
    """to_input_list() sends the server's own output items back as input."""
    agent = Agent(name="a", tools=[get_weather], model_settings=ModelSettings(store=False))
    engine.next(think("Hm."), say("Looking. "), call("get_weather", '{"city":"Kyiv","days":1}'))
    engine.next(say("Sunny."))
    first = run(agent, "Weather in Kyiv?")
    engine.next(say("Kyiv."))
    second = run(agent, first.to_input_list() + [{"role": "user", "content": "Which city?"}])
    assert second.final_output == "Kyiv." and roles(engine.last) == ["user", "assistant", "tool", "assistant", "user"]


def test_encrypted_reasoning(engine):
    settings = ModelSettings(store=False, reasoning=Reasoning(effort="high", summary="auto"),
                             response_include=["reasoning.encrypted_content"])
    engine.next(think("Secret ", "plan."), call("get_weather", '{"city":"Rome","days":1}'))
    engine.next(say("Sunny."))
    result = run(Agent(name="a", tools=[get_weather], model_settings=settings), "Weather?")
    reasoning = next(i for i in result.to_input_list() if i.get("type") == "reasoning")
    assert reasoning["encrypted_content"] and reasoning["summary"][0]["text"] == "Secret plan."
    assert result.final_output == "Sunny." and "Secret plan." in json.dumps(engine.last.body["messages"])


def test_streaming(engine):
    agent = Agent(name="a", tools=[get_weather], model_settings=ModelSettings(reasoning=Reasoning(summary="detailed")))
    engine.next(think("Let me ", "look."), say("One ", "moment. "), call("get_weather", '{"city":', '"Rome","days":1}'))
    engine.next(say("Sun", "ny."))
    events, result = stream(agent, "Weather?")
    assert result.final_output == "Sunny."
    raw = [e.data for e in events if e.type == "raw_response_event"]
    kinds = [e.type for e in raw]
    assert kinds.count("response.created") == kinds.count("response.completed") == 2
    assert {"response.in_progress", "response.output_item.added", "response.content_part.added", "response.output_text.delta",
            "response.output_text.done", "response.content_part.done", "response.output_item.done",
            "response.function_call_arguments.delta", "response.function_call_arguments.done",
            "response.reasoning_summary_text.delta", "response.reasoning_summary_part.done"} <= set(kinds)
    assert "".join(e.delta for e in raw if e.type == "response.output_text.delta") == "One moment. Sunny."
    names = [e.name for e in events if e.type == "run_item_stream_event"]
    assert names == ["reasoning_item_created", "message_output_created", "tool_called", "tool_output", "message_output_created"]


def test_streamed_handoff(engine):
    other = Agent(name="Other")
    engine.next(call("transfer_to_other", "{}"))
    engine.next(say("Here."))
    events, result = stream(Agent(name="First", handoffs=[other]), "Go")
    assert [e.new_agent.name for e in events if e.type == "agent_updated_stream_event"] == ["First", "Other"]
    assert result.final_output == "Here."


def test_structured_output(engine):
    engine.next(say('{"name":"Bern","inha', 'bitants":130000}'))
    result = run(Agent(name="a", output_type=City), "A city")
    assert result.final_output == City(name="Bern", inhabitants=130000)
    assert engine.last.body["response_format"]["json_schema"]["strict"] is True
    engine.next(say('{"response":["a","b"]}'))
    assert run(Agent(name="a", output_type=list[str]), "A list").final_output == ["a", "b"]
    engine.next(say('{"k":1}'))
    loose = AgentOutputSchema(dict[str, int], strict_json_schema=False)
    assert run(Agent(name="a", output_type=loose), "A map").final_output == {"k": 1}


def test_guardrails(engine):
    @input_guardrail
    async def no_maths(ctx, agent, input):
        checked = await Runner.run(Agent(name="guard", output_type=bool), input)
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=checked.final_output)

    @output_guardrail
    async def no_secrets(ctx, agent, output):
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered="secret" in output)

    def behave(request):
        if "response_format" in request.body:
            return [say(json.dumps({"response": "maths" in request.last_text}))]
        return [say("a secret" if "tell" in request.last_text else "fine")]
    engine.always(behave)
    agent = Agent(name="a", input_guardrails=[no_maths], output_guardrails=[no_secrets])
    assert run(agent, "Hello").final_output == "fine"
    with pytest.raises(InputGuardrailTripwireTriggered):
        run(agent, "Do my maths")
    with pytest.raises(OutputGuardrailTripwireTriggered):
        run(agent, "Please tell")


def test_web_search_is_refused_where_there_is_none(engine):
    with pytest.raises(openai.BadRequestError) as error:
        run(Agent(name="a", tools=[WebSearchTool()]), "News?")
    assert error.value.param.startswith("tools[0]") and "web_search" in error.value.message
    assert not engine.requests
    engine.next(say("Nothing cached."))
    assert run(Agent(name="a", tools=[WebSearchTool(external_web_access=False)]), "News?").final_output == "Nothing cached."


@pytest.mark.parametrize("streamed", [False, True])
def test_web_search(engine, streamed):
    """The SDK's hosted tool, with a provider: its items, and the citations of the message."""
    web = ScriptedWeb()
    server = Server(engine, args=web.args())
    try:
        client = openai.AsyncOpenAI(base_url=server.base_url, api_key="sk-any", max_retries=0)
        agent = Agent(name="a", tools=[WebSearchTool(search_context_size="low"), get_weather],
                      model=OpenAIResponsesModel(model="scripted", openai_client=client))
        engine.next(calls_interleaved(("web_search", "1", ['{"query":"news"}']), ("get_weather", "2", ['{"city":"Rome"}'])))
        engine.next(say("So [1], and ", "sunny."))
        result = stream(agent, "News?")[1] if streamed else run(agent, "News?")
        assert result.final_output == "So ([one.example](https://one.example/a)), and sunny."
        kinds = [getattr(item.raw_item, "type", None) for item in result.new_items]
        assert kinds[0] == "web_search_call" and kinds[-1] == "message"
        note, = result.new_items[-1].raw_item.content[0].annotations
        assert (note.type, note.url, note.title) == ("url_citation", "https://one.example/a", "First")
        assert "The first text." in json.dumps(engine.last.body["messages"])
        LOOP.run(client.close())
        server.stop()
    finally:
        server.erase()
        web.close()


@pytest.mark.parametrize("streamed", [False, True])
def test_code_interpreter(engine, client, streamed):
    """The SDK's hosted tool: its items, the file that the answer links to, variables in the next run."""
    tool = CodeInterpreterTool(tool_config={"type": "code_interpreter", "container": {"type": "auto"}})
    agent = Agent(name="a", tools=[tool])
    engine.next(call("python", json.dumps({"code": "x = 6\nopen('/mnt/data/x.txt', 'w').write(str(x))\nx * 7"})))
    engine.next(say("It is [here](sandbox:/mnt/data/x.txt)."))
    result = stream(agent, "Compute")[1] if streamed else run(agent, "Compute")
    assert [item.raw_item.type for item in result.new_items] == ["code_interpreter_call", "message"]
    note, = result.new_items[-1].raw_item.content[0].annotations
    content = LOOP.run(client.containers.files.content.retrieve(note.file_id, container_id=note.container_id))
    assert note.type == "container_file_citation" and content.read() == b"6"
    assert "42" in engine.last.body["messages"][-1]["content"]
    engine.next(call("python", json.dumps({"code": "x + 1"})))
    engine.next(say("Seven."))
    again = run(agent, result.to_input_list() + [{"role": "user", "content": "And one more?"}])
    assert again.final_output == "Seven." and engine.last.body["messages"][-1]["content"] == "7\n"


@pytest.mark.parametrize("streamed", [False, True])
def test_hosted_shell(engine, client, streamed):
    """ShellTool with a container of the server: its items, the file that the answer links to, the same container in the next run."""
    agent = Agent(name="a", tools=[ShellTool(environment={"type": "container_auto"})])
    engine.next(call("shell", json.dumps({"commands": ["echo six > x.txt; cat x.txt", "exit 3"]})))
    engine.next(say("It is [here](sandbox:/mnt/data/x.txt)."))
    result = stream(agent, "Go")[1] if streamed else run(agent, "Go")
    kinds = [i["type"] if isinstance(i, dict) else i.type for i in (item.raw_item for item in result.new_items)]
    assert kinds == ["shell_call", "shell_call_output", "message"]
    note, = result.new_items[-1].raw_item.content[0].annotations
    content = LOOP.run(client.containers.files.content.retrieve(note.file_id, container_id=note.container_id))
    assert note.type == "container_file_citation" and content.read() == b"six\n"
    told = engine.last.body["messages"][-1]["content"]
    assert '"stdout":"six\\n"' in told and '"exit_code":3' in told
    engine.next(call("shell", json.dumps({"commands": ["cat x.txt"]})))
    engine.next(say("Six."))
    again = run(agent, result.to_input_list() + [{"role": "user", "content": "And now?"}])
    assert again.final_output == "Six." and '"stdout":"six\\n"' in engine.last.body["messages"][-1]["content"]


def test_custom_tool(engine):
    got = []

    async def invoke(ctx, input):
        got.append(input)
        return "ran"
    tool = CustomTool(name="code", description="Runs code", on_invoke_tool=invoke, format={"type": "text"})
    engine.next(call("code", '{"input":"print(', "'\\u00e9')\"}"))
    engine.next(say("Done."))
    assert run(Agent(name="a", tools=[tool]), "Run").final_output == "Done."
    assert got == ["print('\u00e9')"] and engine.last.body["messages"][-1]["content"] == "ran"


def test_shell_tool(engine):
    async def executor(request):
        return "out:" + request.data.action.commands[0]
    engine.next(call("shell", '{"commands":["ls"]}'))
    engine.next(say("Done."))
    assert run(Agent(name="a", tools=[ShellTool(executor=executor)]), "List").final_output == "Done."
    assert "out:ls" in engine.last.body["messages"][-1]["content"]


def test_apply_patch_tool(engine):
    done = []

    class Editor:
        def create_file(self, operation):
            done.append((operation.type, operation.path, operation.diff))
            return "made"
        update_file = delete_file = create_file
    engine.next(call("apply_patch", '{"type":"create_file","path":"a.txt",', '"diff":"+hi\\n"}'))
    engine.next(say("Done."))
    assert run(Agent(name="a", tools=[ApplyPatchTool(editor=Editor())]), "Patch").final_output == "Done."
    assert done == [("create_file", "a.txt", "+hi\n")] and "made" in engine.last.body["messages"][-1]["content"]


def test_computer_tool(engine):
    done = []

    class Screen(Computer):
        environment, dimensions = "browser", (800, 600)

        def screenshot(self):
            return DOT.partition(",")[2]

        def click(self, x, y, button):
            done.append(("click", x, y, button))

        def type(self, text):
            done.append(("type", text))
        double_click = scroll = wait = move = keypress = drag = lambda self, *a: done.append(a)
    engine.next(call("computer", '{"actions":[{"type":"click","button":"left","x":1,"y":2},{"type":"type","text":"hi"}]}'))
    engine.next(say("Done."))
    agent = Agent(name="a", model="gpt-5.4", tools=[ComputerTool(Screen())], model_settings=ModelSettings(truncation="auto"))
    assert run(agent, "Click").final_output == "Done."
    assert done == [("click", 1, 2, "left"), ("type", "hi")] and DOT in json.dumps(engine.last.body["messages"])


def test_namespaces(engine):
    @function_tool(name_override="lookup")
    def crm_lookup(id: str) -> str:
        """Looks a customer up."""
        return "customer " + id
    tools = agents.tool_namespace(name="crm", description="Customers", tools=[crm_lookup])
    engine.next(call("crm__lookup", '{"id":"7"}'))
    engine.next(say("Found."))
    assert run(Agent(name="a", tools=tools), "Find 7").final_output == "Found."
    assert engine.last.body["messages"][-1]["content"] == "customer 7"


@pytest.mark.parametrize("streamed", [False, True])
def test_tool_search(engine, streamed):
    @function_tool(defer_loading=True)
    def mortgage(amount: int) -> str:
        """Calculates a mortgage."""
        return f"{amount} a year"

    @function_tool(name_override="lookup", defer_loading=True)
    def crm_lookup(id: str) -> str:
        """Looks a customer up."""
        return "customer " + id
    tools = [mortgage, *agents.tool_namespace(name="crm", description="Customers", tools=[crm_lookup]), ToolSearchTool()]
    agent = Agent(name="a", model="gpt-5.4", tools=tools)
    engine.next(call("mortgage", '{"amount":', "7}"))
    engine.next(call("crm__lookup", '{"id":"9"}'))
    engine.next(say("Done."))
    result = stream(agent, "Go")[1] if streamed else run(agent, "Go")
    assert result.final_output == "Done."
    assert [m["content"] for m in engine.last.body["messages"] if m["role"] == "tool"] == ["7 a year", "customer 9"]
    assert [i.type for i in result.new_items].count("tool_search_output_item") == 2


def test_fields_of_new_tools(engine):
    """Members that newer SDKs send with a function."""
    @function_tool(allowed_callers=["direct"], output_json_schema={"type": "object", "properties": {"n": {"type": "integer"}},
                                                                   "required": ["n"], "additionalProperties": False})
    def count() -> dict:
        """Counts."""
        return {"n": 3}
    engine.next(call("count", "{}"))
    engine.next(say("Three."))
    assert run(Agent(name="a", tools=[count]), "Count").final_output == "Three."


class Stock(BaseModel):
    sku: str
    units: int


@function_tool(allowed_callers=["programmatic"])
def get_stock(sku: str) -> Stock:
    """Units in stock."""
    return Stock(sku=sku, units=len(sku))


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("chained", [False, True])
def test_programs(engine, streamed, chained):
    """Calls side by side, then one more; the SDK runs them, and gives the context back whole or by previous_response_id."""
    code = ("const all = await Promise.all(['lamp', 'desk!'].map(sku => tools.get_stock({sku})));\n"
            "const more = await tools.get_stock({sku: 'x'.repeat(all[0].units + all[1].units)});\ntext({sum: more.units});")
    engine.next(call("program", json.dumps({"code": code})))
    engine.next(say("Nine."))
    agent = Agent(name="a", tools=[ProgrammaticToolCallingTool(), get_stock], model_settings=ModelSettings(tool_choice="programmatic_tool_calling"))
    more = {"auto_previous_response_id": True} if chained else {}
    result = stream(agent, "Go", **more)[1] if streamed else run(agent, "Go", **more)
    assert result.final_output == "Nine." and len(engine.requests) == 2
    assert engine.last.body["messages"][-1]["content"] == '{"sum":9}' and roles(engine.last) == ["user", "assistant", "tool"]
    assert [i.type for i in result.new_items] == ["tool_call_item"] * 3 + ["tool_call_output_item"] * 2 + ["tool_call_item", "tool_call_output_item",
                                                                                                            "tool_call_output_item", "message_output_item"]
    engine.next(say("Sure."))
    assert run(agent.clone(model_settings=ModelSettings()), result.to_input_list() + [{"role": "user", "content": "Sure?"}]).final_output == "Sure."


def test_program_fails(engine):
    """An error of the program's own, which the model mends; a tool without a schema for its output."""
    @function_tool(allowed_callers=["programmatic"])
    def note(text: str) -> str:
        """Notes a text."""
        return "noted " + text
    engine.next(call("program", json.dumps({"code": "await tools.nothing()"})))
    engine.next(call("program", json.dumps({"code": "return await tools.note({text: 'x'})"})))
    engine.next(say("Done."))
    result = run(Agent(name="a", tools=[ProgrammaticToolCallingTool(), note]), "Go")
    assert result.final_output == "Done." and engine.last.body["messages"][-1]["content"] == "noted x"


def test_program_calls_code(engine):
    """The SDK looks for a `caller` in items of code_interpreter, which the API's own types do not have: so both may call it here."""
    tool = CodeInterpreterTool(tool_config={"type": "code_interpreter", "container": {"type": "auto"}, "allowed_callers": ["direct", "programmatic"]})
    engine.next(call("program", json.dumps({"code": "return (await tools.python({code: 'print(6 * 7)'})).trim()"})))
    engine.next(say("Done."))
    assert run(Agent(name="a", tools=[ProgrammaticToolCallingTool(), tool, get_stock]), "Go").final_output == "Done."
    assert engine.last.body["messages"][-1]["content"] == "42"


@pytest.mark.parametrize("chained", [False, True])
def test_program_calls_shell_and_patches(engine, chained):
    """What the SDK itself holds to: who may call, the caller of items and of their outputs."""
    done = []

    class Editor:
        def create_file(self, operation):
            done.append((operation.type, operation.path, operation.diff))
            return "made"
        update_file = delete_file = create_file

    def executor(request):
        done.append(list(request.data.action.commands))
        return "a.txt"
    code = ("const out = await tools.shell({timeout_ms: 500, commands: ['ls']});\n"
            "const made = await tools.apply_patch({path: out[0].stdout.trim(), type: 'create_file', diff: '+hi\\n'});\nreturn made.status;")
    engine.next(call("program", json.dumps({"code": code})))
    engine.next(say("Done."))
    agent = Agent(name="a", tools=[ProgrammaticToolCallingTool(), ShellTool(executor=executor, allowed_callers=["programmatic"]),
                                   ApplyPatchTool(editor=Editor(), allowed_callers=["programmatic"])])
    assert run(agent, "Go", **({"auto_previous_response_id": True} if chained else {})).final_output == "Done."
    assert done == [["ls"], ("create_file", "a.txt", "+hi\n")] and engine.last.body["messages"][-1]["content"] == "completed"


def test_all_settings(engine):
    settings = ModelSettings(temperature=0.5, top_p=0.9, max_tokens=64, truncation="auto", verbosity="low", metadata={"k": "v"},
                             reasoning=Reasoning(effort="low", summary="concise"), top_logprobs=2, prompt_cache_retention="24h",
                             parallel_tool_calls=False, tool_choice="auto", response_include=["message.output_text.logprobs"],
                             extra_headers={"X-Mine": "1"})
    engine.next(say("Fine."))
    result = run(Agent(name="a", tools=[get_weather], model_settings=settings), "Go")
    assert result.final_output == "Fine." and engine.last.body["temperature"] == 0.5 and engine.last.body["top_logprobs"] == 2


def test_compaction_session(engine):
    session = OpenAIResponsesCompactionSession("s", SQLiteSession("s"), should_trigger_compaction=lambda context: False)
    agent = Agent(name="a")

    async def go():
        for i in range(3):
            engine.next(say(f"Answer {i}."))
            await Runner.run(agent, f"Question {i}", session=session)
        engine.next(say("They asked three questions."))
        await session.run_compaction({"force": True})
        items = await session.get_items()
        engine.next(say("Three."))
        return items, await Runner.run(agent, "How many?", session=session)
    items, result = LOOP.run(go())
    assert items[-1]["type"] == "compaction" and result.final_output == "Three."
    assert "They asked three questions." in json.dumps(engine.last.body["messages"])


def test_websocket(engine, server):
    """Several runs over one socket."""
    async def go():
        engine.next(call("get_weather", '{"city":"Rome","days":1}'))
        engine.next(say("Sunny."))
        agent = Agent(name="a", model="gpt-5.2", tools=[get_weather])
        async with agents.responses_websocket_session() as session:
            first = await session.run(agent, "Weather in Rome?", auto_previous_response_id=True)
            engine.next(say("Ro", "me."))
            result = session.run_streamed(agent, "Which city?", previous_response_id=first.last_response_id)
            events = [e async for e in result.stream_events()]
        return first, result, events
    first, result, events = LOOP.run(go())
    assert (first.final_output, result.final_output) == ("Sunny.", "Rome.")
    assert roles(engine.last)[-3:] == ["tool", "assistant", "user"]
    assert [e.data.type for e in events if e.type == "raw_response_event"][-1] == "response.completed"


def test_chat_completions_model(engine, client):
    agent = Agent(name="a", model=OpenAIChatCompletionsModel("gpt-4o", client), tools=[get_weather], output_type=City)
    engine.next(call("get_weather", '{"city":"Rome",', '"days":1}'))
    engine.next(say('{"name":"Rome","inhabitants":null}'))
    assert run(agent, "Weather?").final_output == City(name="Rome", inhabitants=None)
    engine.next(call("get_weather", '{"city":"Rome",', '"days":1}'))
    engine.next(say('{"name":"Rome",', '"inhabitants":3}'))
    events, result = stream(agent, "Weather?")
    assert result.final_output == City(name="Rome", inhabitants=3)
    assert "tool_called" in [e.name for e in events if e.type == "run_item_stream_event"]


def test_cut_off(engine):
    """The SDK takes an answer that its length ended for a failure, and says which; so it does with an engine's refusal."""
    engine.next(say("Half a sen"), finish("length"))
    with pytest.raises(agents.ModelBehaviorError, match="max_output_tokens"):
        run(Agent(name="a", model_settings=ModelSettings(max_tokens=16)), "Talk")
    engine.next(status(400, {"code": 400, "message": "no such thing", "type": "invalid_request_error"}))
    with pytest.raises(openai.BadRequestError):
        run(Agent(name="a"), "Fail")


# --- hosted MCP ---

@pytest.mark.parametrize("way", ["modern", "legacy", "sse"])
@pytest.mark.parametrize("approve", [None, True, False])
@pytest.mark.parametrize("streamed", [True, False])
def test_hosted_mcp(engine, tmp_path, monkeypatch, way, approve, streamed):
    """HostedMCPTool, with and without approvals, which the SDK's callback gives or refuses."""
    asked = []

    def on_approval(request):
        asked.append((request.data.name, request.data.arguments))
        return {"approve": approve, **({} if approve else {"reason": "too dangerous"})}

    with McpServer() as mcp:
        server = Server(engine, args=["--set", f"mcp.allow=http://127.0.0.1:{mcp.port}"], data=str(tmp_path / "mcp"))
        try:
            one = openai.AsyncOpenAI(base_url=server.base_url, api_key="sk-any", max_retries=0)
            tool = HostedMCPTool(tool_config={"type": "mcp", "server_label": "calc", "server_url": mcp.url(way),
                                              "require_approval": "never" if approve is None else "always"},
                                 on_approval_request=None if approve is None else on_approval)
            agent = Agent(name="a", model=OpenAIResponsesModel("scripted", one), tools=[tool])
            engine.next(call("calc__add", '{"a": 2, "b": 3}'))
            engine.next(say("done"))
            result = stream(agent, "2+3?")[1] if streamed else run(agent, "2+3?")
            assert result.final_output == "done"
            assert asked == ([] if approve is None else [("add", '{"a": 2, "b": 3}')])
            assert mcp.methods().count("tools/call") == (approve is not False)
            if approve is False:
                assert "too dangerous" in json.dumps(engine.requests[-1].body["messages"])
        finally:
            server.stop()
