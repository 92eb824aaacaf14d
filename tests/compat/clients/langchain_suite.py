"""langchain-openai under langchain-tests' standard integration suite, over the Responses API and over Chat Completions."""
import json

import httpx
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, custom_tool
from langchain_tests.integration_tests import ChatModelIntegrationTests

from engine_script import call, say, think
from sensible import sensible

pytestmark = pytest.mark.compat
ENGINE = "    fetches_urls: true\n"  # as a cloud API is, which reads documents
PNG = (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\xdac"
       b"d\xf8\xcfP\x0f\x00\x03\x86\x01\x80Z4}k\x00\x00\x00\x00IEND\xaeB`\x82")
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj trailer<</Root 1 0 R>>\n%%EOF\n"


class Suite(ChatModelIntegrationTests):
    responses = True

    @pytest.fixture(autouse=True)
    def here(self, server, engine, monkeypatch):
        """The suite takes its picture and its document from the web: here it gets small ones."""
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-any")
        monkeypatch.setattr(httpx, "get", lambda url, **more: httpx.Response(200, content=PDF if url.endswith("pdf") else PNG))
        engine.always(sensible)

    @property
    def chat_model_class(self):
        return ChatOpenAI

    @property
    def chat_model_params(self):
        return {"model": "scripted", "use_responses_api": self.responses, "stream_usage": True, "max_retries": 0}

    supports_image_inputs = supports_image_urls = supports_pdf_inputs = True
    supports_json_mode = True
    supports_anthropic_inputs = True
    supports_model_override = True
    model_override_value = "scripted"
    supported_usage_metadata_details = {"invoke": ["reasoning_output", "cache_read_input"],
                                        "stream": ["reasoning_output", "cache_read_input"]}

    def made(self, stream, text):
        model = self.chat_model_class(**self.chat_model_params)
        if not stream:
            return model.invoke(text)
        full = None
        for chunk in model.stream(text):
            full = chunk if full is None else full + chunk
        assert isinstance(full, AIMessage)
        return full

    def invoke_with_reasoning_output(self, *, stream=False):
        message = self.made(stream, "Think hard, then say hello.")
        assert message.usage_metadata["output_token_details"]["reasoning"] > 0
        return message

    def invoke_with_cache_read_input(self, *, stream=False):
        return self.made(stream, "Hello")


class TestResponses(Suite):
    supports_image_tool_message = supports_pdf_tool_message = True


class TestChatCompletions(Suite):
    """Pictures and documents from tools are not for Chat Completions: OpenAI's, too, takes text alone there."""
    responses = False


# --- what the standard suite does not ask: the Responses API's own ---


@pytest.fixture
def chat(server, monkeypatch):
    def make(**settings):
        return ChatOpenAI(model="gpt-4o", base_url=server.base_url, api_key="sk-any", use_responses_api=True, max_retries=0,
                          **settings)
    return make


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"{city}: sunny"


def gathered(stream):
    full = None
    for chunk in stream:
        full = chunk if full is None else full + chunk
    return full


def test_previous_response_id(engine, chat):
    model = chat(use_previous_response_id=True)
    engine.next(say("I am fine."))
    first = model.invoke("How are you?")
    engine.next(say("I said so."))
    second = model.invoke([HumanMessage("How are you?"), first, HumanMessage("Again?")])
    assert second.text == "I said so." and first.response_metadata["id"].startswith("resp_")
    assert [m["content"] for m in engine.last.body["messages"]] == ["How are you?", "I am fine.", "Again?"]


@pytest.mark.parametrize("version", ["v0", "responses/v1", "v1"])
@pytest.mark.parametrize("streamed", [False, True])
def test_reasoning_goes_back(engine, chat, version, streamed):
    """The whole answer, reasoning included, is sent back by the client in each of LangChain's forms."""
    model = chat(output_version=version, store=False, reasoning={"effort": "high", "summary": "auto"},
                 include=["reasoning.encrypted_content"]).bind_tools([get_weather])
    go = (lambda m: gathered(model.stream(m))) if streamed else model.invoke
    engine.next(think("Secret ", "plan."), say("One moment. "), call("get_weather", '{"city":', '"Rome"}'))
    question = HumanMessage("Weather in Rome?")
    first = go([question])
    assert "Secret plan." in json.dumps(first.content_blocks) and first.text == "One moment. "
    assert [(c["name"], c["args"]) for c in first.tool_calls] == [("get_weather", {"city": "Rome"})]
    engine.next(say("It is ", "sunny."))
    second = go([question, first, ToolMessage("sunny", tool_call_id=first.tool_calls[0]["id"])])
    assert second.text == "It is sunny."
    sent = json.dumps(engine.last.body["messages"])
    assert "One moment. " in sent and ("Secret plan." in sent or version == "v0")


def test_custom_tool(engine, chat):
    @custom_tool
    def execute(code: str) -> str:
        """Runs code."""
        return "ran " + code
    model = chat().bind_tools([execute])
    engine.next(call("execute", '{"input":"print(1)"}'))
    first = model.invoke("Run it")
    assert first.tool_calls[0]["args"] == {"__arg1": "print(1)"}
    engine.next(say("Done."))
    assert model.invoke([HumanMessage("Run it"), first, execute.invoke(first.tool_calls[0])]).text == "Done."
    assert engine.last.body["messages"][-1]["content"] == "ran print(1)"


def test_schema_and_tool_together(engine, chat):
    schema = {"title": "city", "type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"],
              "additionalProperties": False}
    model = chat().bind_tools([get_weather], response_format=schema, strict=True)
    engine.next(say('{"name":', '"Rome"}'))
    assert model.invoke("A city").additional_kwargs["parsed"] == {"name": "Rome"}


def test_web_search_is_refused_where_there_is_none(engine, chat):
    with pytest.raises(openai.BadRequestError, match="web_search"):
        chat().bind_tools([{"type": "web_search"}]).invoke("News?")
    assert not engine.requests


def test_logprobs_and_verbosity(engine, chat):
    message = gathered(chat(verbosity="low", temperature=0, max_tokens=50, truncation="auto", metadata={"a": "b"}).stream("Hi"))
    assert message.text == "You said: Hi." and message.usage_metadata["total_tokens"] > 0
