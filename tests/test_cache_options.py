"""prompt_cache_options with a response to compare with: what the engine tells of its cache is told, and no more."""
import pytest

from engine_script import finish, say


@pytest.mark.beside_openapi
@pytest.mark.parametrize("cached, kind", [(5, "cache_hit"), (0, "unavailable")])
def test_diagnostics(server, engine, cached, kind):
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10, "prompt_tokens_details": {"cached_tokens": cached}}
    first = server.create("Hello")
    assert "prompt_cache_diagnostics" not in first
    engine.next(say("Hi"), finish("stop", usage))
    got = server.post("/v1/responses", {"model": "scripted", "input": "Hello", "prompt_cache_options": {
        "comparison_response_id": first["id"]}})
    assert got.json["prompt_cache_diagnostics"] == {"type": kind}
    assert got.json["prompt_cache_options"] == {"mode": "implicit", "ttl": "30m", "comparison_response_id": first["id"]}
    assert got.headers["antiphon-not-applied"] == "prompt_cache_options"
