"""Compaction through the official Python SDK."""
import pytest
from openai import OpenAI

from engine_script import finish, say

pytestmark = pytest.mark.sdk
MODEL = "scripted"


@pytest.fixture
def client(server):
    with OpenAI(base_url=server.base_url, api_key="sk-any", max_retries=0) as c:
        yield c


def test_compact(client, engine):
    engine.next(say("A greeting."))
    compacted = client.responses.compact(model=MODEL, input=[{"role": "user", "content": "hi"}], instructions="Be brief.")
    assert compacted.object == "response.compaction" and [item.type for item in compacted.output] == ["message", "compaction"]
    assert compacted.usage.total_tokens > 0 and compacted.output[0].content[0].text == "hi"
    response = client.responses.create(model=MODEL, input=[*compacted.output, {"role": "user", "content": "on"}])
    assert "A greeting." in str(engine.last.body["messages"]) and response.output_text
    again = client.responses.compact(model=MODEL, previous_response_id=response.id)
    assert [item.type for item in again.output] == ["message", "message", "compaction"]


def test_context_management(client, engine):
    engine.next(say("long"), finish("stop", {"prompt_tokens": 2000, "completion_tokens": 1,
                                                                         "total_tokens": 2001}))
    with client.responses.stream(model=MODEL, input="hi", context_management=[
            {"type": "compaction", "compact_threshold": 1000}]) as stream:
        kinds = [event.type for event in stream]
        response = stream.get_final_response()
    assert [item.type for item in response.output] == ["message", "compaction"] and kinds[-1] == "response.completed"
