"""Chat completions that were made with store: true: kept before they are answered, listed, changed, deleted."""
import json
import threading

import openai
import pytest

from engine_script import Gate, ScriptedEngine, call, cut, echo, hold, say
from harness import Server, eventually, make_key, rows_of
from test_kill import integrity

MESSAGES = [{"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "there"}], "name": "ann"}]
PATH = "/v1/chat/completions"


@pytest.fixture(scope="module")
def engine():
    engine = ScriptedEngine()
    engine.always(echo)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def server(engine):
    server = Server(engine)
    yield server
    server.stop()
    server.erase()


def as_kept(made):
    """What the live API tells of a completion when it is read back: the usage without details, the message with these members."""
    choices = [{**c, "message": {"content": c["message"]["content"], "role": "assistant",
                                 "tool_calls": c["message"].get("tool_calls"), "function_call": c["message"].get("function_call")}}
               for c in made["choices"]]
    return {**made, "choices": choices, "usage": {k: made["usage"][k] for k in ("total_tokens", "completion_tokens", "prompt_tokens")}}


def chat(server, text="hi", **more):
    answer = server.post(PATH, {"model": "scripted", "messages": [{"role": "user", "content": text}], **more},
                         key=more.pop("key", None))
    assert answer.status == 200, answer
    return answer.json


def test_kept_whole(server):
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    made = server.post(PATH, {"model": "scripted", "messages": MESSAGES, "store": True, "metadata": {"a": "b"}, "n": 2,
                              "temperature": 0.5, "tools": tools, "user": "u", "seed": 7})
    assert made.status == 200
    kept = server.get(f"{PATH}/{made.json['id']}")
    assert kept.status == 200
    assert "metadata" not in made.json  # no POST's answer has it
    assert as_kept(made.json) == {k: v for k, v in kept.json.items() if k in made.json}
    assert {k: v for k, v in kept.json.items() if k not in made.json} == {
        "metadata": {"a": "b"},
        "request_id": made.headers["x-request-id"], "tool_choice": None, "seed": 7, "top_p": 1.0, "temperature": 0.5,
        "presence_penalty": 0.0, "frequency_penalty": 0.0, "input_user": "u", "tools": tools, "response_format": None}


@pytest.mark.parametrize("more", [{}, {"store": False}, {"store": None}])
def test_not_kept_unasked(server, more):
    made = chat(server, **more)
    answer = server.get(f"{PATH}/{made['id']}")
    assert answer.status == 404
    assert answer.error == {"message": f"Completion {made['id']} not found", "type": "invalid_request_error",
                            "param": "completion_id", "code": "not_found"}


def test_streamed(server):
    events = list(server.stream([{"role": "user", "content": "hi"}], PATH, store=True, n=2, stream_options={"include_usage": True}))
    assert events[-1].type == "[DONE]"
    chunks = [e.data for e in events[:-1]]
    text = ["", ""]
    for chunk in chunks:
        for choice in chunk["choices"]:
            text[choice["index"]] += choice["delta"].get("content") or ""
    kept = server.get(f"{PATH}/{chunks[0]['id']}").json
    assert [c["message"]["content"] for c in kept["choices"]] == text == ["You said: hi."] * 2
    assert [c["finish_reason"] for c in kept["choices"]] == ["stop"] * 2
    assert kept["usage"] == {k: chunks[-1]["usage"][k] for k in ("total_tokens", "completion_tokens", "prompt_tokens")}
    assert kept["metadata"] == {}
    assert isinstance(kept["seed"], int) and all("obfuscation" in c for c in chunks)


def test_calls_are_kept(engine, server):
    engine.next(call("f", '{"a":', "1}"))
    made = chat(server, store=True, tools=[{"type": "function", "function": {"name": "f"}}])
    kept = server.get(f"{PATH}/{made['id']}").json
    assert kept["choices"] == as_kept(made)["choices"]
    assert kept["choices"][0]["finish_reason"] == "tool_calls"


def test_the_end_waits_for_the_commit(engine, server):
    """A stream's finish_reason, and a JSON answer, leave only when the completion can be read."""
    stream = server.stream([{"role": "user", "content": "hi"}], PATH, store=True)
    for event in stream:
        if event.data and event.data["choices"][0]["finish_reason"]:
            assert server.get(f"{PATH}/{event.data['id']}").status == 200
            break
    else:
        raise AssertionError("no finish_reason")
    stream.leave()
    assert server.get(f"{PATH}/{chat(server, store=True)['id']}").status == 200


def test_what_failed_or_was_cut_is_not_kept(engine, server):
    before = [c["id"] for c in pages(server)]
    engine.next(say("Hel"), cut())
    events = list(server.stream([{"role": "user", "content": "x"}], PATH, store=True))
    assert "error" in events[-2].data
    gate = Gate()
    engine.next(say("Hel"), hold(gate))
    stream = server.stream([{"role": "user", "content": "x"}], PATH, store=True)
    next(iter(stream))
    gate.reached.wait(60)
    stream.leave()  # the engine holds on until it is left, too
    assert [c["id"] for c in pages(server)] == before
    after = chat(server, store=True)["id"]
    assert [c["id"] for c in pages(server)] == [after] + before


def pages(server, **query):
    query = {"limit": 100, **query}
    seen, after = [], None
    while True:
        text = "&".join(f"{k}={v}" for k, v in {**query, **({"after": after} if after else {})}.items())
        page = server.get(f"{PATH}?{text}")
        assert page.status == 200, page
        seen += page.json["data"]
        if page.json["data"]:
            assert page.json["first_id"] == page.json["data"][0]["id"]
            assert page.json["last_id"] == page.json["data"][-1]["id"]
        if not page.json["has_more"]:
            return seen
        after = page.json["last_id"]


def test_list_and_filters(engine, tmp_path):
    server = Server(engine)
    made = [chat(server, str(i), store=True, metadata={"even": str(i % 2 == 0), "i k": str(i)})["id"] for i in range(7)]
    ids = lambda **query: [c["id"] for c in pages(server, **query)]
    assert ids(limit=3) == made[::-1]
    assert ids(limit=3, order="desc") == made[::-1]
    assert ids(limit=3, order="asc") == made
    assert ids(**{"metadata[even]": "True"}, limit=2) == made[::2][::-1]
    assert ids(**{"metadata%5Beven%5D": "True", "metadata[i+k]": "4"}) == [made[4]]
    assert ids(model="scripted") == made[::-1]
    assert ids(model="other") == []
    assert len(server.get(PATH).json["data"]) == 7
    for query, param in [("limit=0", "limit"), ("limit=101", "limit"), ("order=up", "order"), ("after=x", "after"),
                         ("metadata=x", "metadata"), ("metadata[a=x", "metadata[a"), ("bogus=1", "bogus")]:
        answer = server.get(f"{PATH}?{query}")
        assert (answer.status, answer.error["param"]) == (400, param), query
    answer = server.get(PATH + "?" + "&".join(f"metadata[k{i}]=v" for i in range(17)))
    assert (answer.status, answer.error["code"]) == (400, "object_above_max_properties")
    server.stop()
    # A filter that would look through too many says so.
    server = Server(engine, data=server.data, args=["--set", "store.list_rows=100"])
    for i in range(100):
        chat(server, store=True, metadata={"m": "x"})
    answer = server.get(f"{PATH}?metadata[m]=x&model=other")
    assert answer.status == 400 and "store.list_rows" in answer.error["message"]
    server.stop()
    server.erase()


def test_messages(server):
    made = server.post(PATH, {"model": "scripted", "messages": MESSAGES, "store": True}).json["id"]
    page = server.get(f"{PATH}/{made}/messages").json
    assert page == {"object": "list", "first_id": made + "-0", "last_id": made + "-1", "has_more": False, "data": [
        {"id": made + "-0", "role": "system", "content": "Be brief.", "content_parts": None, "name": None},
        {"id": made + "-1", "role": "user", "content": "hithere", "name": "ann",
         "content_parts": [{**dict.fromkeys(["image_url", "input_audio", "file", "refusal"]), **p} for p in MESSAGES[1]["content"]]}]}
    first = server.get(f"{PATH}/{made}/messages?limit=1&order=desc").json
    assert (first["last_id"], first["has_more"]) == (made + "-1", True)
    second = server.get(f"{PATH}/{made}/messages?limit=1&order=desc&after={first['last_id']}").json
    assert (second["last_id"], second["has_more"]) == (made + "-0", False)
    for after in ("x", made, made + "-2", made + "--1", made + "-"):
        assert server.get(f"{PATH}/{made}/messages?after={after}").status == 400, after
    assert server.get(f"{PATH}/chatcmpl-x/messages").status == 404


def test_update_and_delete(server):
    made = chat(server, store=True, metadata={"a": "b"})["id"]
    assert server.post(f"{PATH}/{made}", {"metadata": {"c": "d"}}).json["metadata"] == {"c": "d"}
    assert server.get(f"{PATH}/{made}").json["metadata"] == {"c": "d"}
    assert [c["id"] for c in pages(server, **{"metadata[a]": "b"}) if c["id"] == made] == []
    assert [c["id"] for c in pages(server, **{"metadata[c]": "d"})] == [made]
    for body, param in [({}, "metadata"), ({"metadata": {"a": 1}}, "metadata.a"), ({"metadata": {}, "model": "x"}, "model")]:
        answer = server.post(f"{PATH}/{made}", body)
        assert (answer.status, answer.error["param"]) == (400, param), answer
    gone = server.delete(f"{PATH}/{made}")
    assert gone.json == {"object": "chat.completion.deleted", "id": made, "deleted": True}
    for answer in (server.get(f"{PATH}/{made}"), server.delete(f"{PATH}/{made}"), server.post(f"{PATH}/{made}", {"metadata": {}}),
                   server.get(f"{PATH}/{made}/messages")):
        assert answer.status == 404
        assert (answer.error["param"], answer.error["code"]) == ("completion_id", "not_found")
    assert server.request("PUT", f"{PATH}/{made}", {}).headers["allow"] == "GET, HEAD, POST, DELETE"


def test_a_project_sees_its_own(engine):
    server = Server(engine)
    a, _ = make_key(server, "a", "one")
    b, _ = make_key(server, "b", "two")
    server.key = a
    made = chat(server, store=True, metadata={"x": "y"})["id"]
    server.key = b
    for answer in (server.get(f"{PATH}/{made}"), server.post(f"{PATH}/{made}", {"metadata": {}}),
                   server.delete(f"{PATH}/{made}"), server.get(f"{PATH}/{made}/messages")):
        assert answer.status == 404
    assert server.get(PATH).json["data"] == [] == server.get(PATH + "?metadata[x]=y").json["data"]
    server.key = a
    assert [c["id"] for c in pages(server)] == [made]
    server.stop()
    server.erase()


def test_expiry(engine):
    server = Server(engine, args=["--set", "api.expire_days=1"])
    made = chat(server, store=True)["id"]
    assert server.get(f"{PATH}/{made}").status == 200
    server.stop()
    [(created, expires)] = rows_of(server.data, "SELECT created_at, expires_at FROM completion")
    assert expires == created + 86400
    server.erase()


def test_official_sdk(server):
    client = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
    made = client.chat.completions.create(model="scripted", messages=MESSAGES, store=True, metadata={"sdk": "py"})
    with client.chat.completions.stream(model="scripted", messages=[{"role": "user", "content": "s"}], store=True,
                                        metadata={"sdk": "py"}) as stream:
        streamed = stream.get_final_completion()
    ids = [c.id for c in client.chat.completions.list(metadata={"sdk": "py"}, limit=1)]
    assert ids == [streamed.id, made.id]
    got = client.chat.completions.retrieve(made.id)
    assert got.choices[0].message.content == made.choices[0].message.content and got.usage.total_tokens == made.usage.total_tokens
    assert client.chat.completions.update(made.id, metadata={"b": "c"}).metadata == {"b": "c"}
    messages = list(client.chat.completions.messages.list(made.id, limit=1))
    assert [m.id for m in messages] == [made.id + "-0", made.id + "-1"]
    gone = client.chat.completions.delete(made.id)
    assert gone.deleted and gone.object == "chat.completion.deleted"
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.retrieve(made.id)


def test_kill_9(tmp_path):
    """Acknowledged completions are there afterwards, equal; deleted ones stay gone; none is there by half."""
    engine, kept, gone, data = ScriptedEngine(), {}, set(), str(tmp_path / "data")
    engine.always(echo)
    lock = threading.Lock()

    def work(server, i):
        try:
            for k in range(10000):
                if i % 2:
                    made = chat(server, f"{i}.{k}", store=True, metadata={"i": str(i)})
                    text = made["choices"][0]["message"]["content"]
                else:
                    text, made, ended = "", None, False
                    for event in server.stream([{"role": "user", "content": f"{i}.{k}"}], PATH, store=True):
                        if event.type == "[DONE]":
                            ended = True
                            break
                        made = event.data
                        text += made["choices"][0]["delta"].get("content") or ""
                    if not ended:
                        return
                with lock:
                    kept[made["id"]] = text
                if k % 5 == 4:
                    with lock:
                        del kept[made["id"]]  # from here on it may be there or not ...
                    if server.delete(f"{PATH}/{made['id']}").status == 200:
                        with lock:
                            gone.add(made["id"])  # ... from here on it must not
        except Exception:
            assert killing.is_set() or not server.alive()

    for round in range(6):
        server, killing = Server(engine, data=data), threading.Event()
        threads = [threading.Thread(target=work, args=(server, i)) for i in range(6)]
        for t in threads:
            t.start()
        n = len(kept)
        eventually(lambda: len(kept) > n + 5 * (round + 1))
        killing.set()
        server.kill()
        for t in threads:
            t.join(60)
        server.erase()
        integrity(data)
    server = Server(engine, data=data)
    listed = {c["id"]: c["choices"][0]["message"]["content"] for c in pages(server)}
    assert {id: listed.get(id) for id in kept} == kept
    assert not gone & set(listed)
    assert all(text.startswith("You said: ") and text.endswith(".") for text in listed.values())
    assert gone
    server.stop()
    server.erase()
    engine.close()


FUNCTIONS = [{"name": "color", "description": "a month's color", "parameters": {"type": "object", "properties": {"month": {"type": "string"}}}}]


def test_functions(engine, server):
    """What tools were before: still served, in its own shape (openai-dotnet's live recording ChatToolTests/FunctionsWork)."""
    engine.next(call("color", '{"month":', '"May"}'))
    made = chat(server, functions=FUNCTIONS, store=True)
    assert made["choices"][0] == {"index": 0, "logprobs": None, "finish_reason": "function_call", "message": {
        "role": "assistant", "content": None, "function_call": {"name": "color", "arguments": '{"month":"May"}'}, "refusal": None,
        "annotations": []}}
    assert server.get(f"{PATH}/{made['id']}").json["choices"] == as_kept(made)["choices"]
    engine.next(call("color", '{"month":', '"May"}'))
    events = list(server.stream([{"role": "user", "content": "hi"}], PATH, functions=FUNCTIONS))
    deltas = [e.data["choices"][0]["delta"] for e in events[:-1]]
    told = [d["function_call"] for d in deltas if "function_call" in d]
    assert told[0] == {"name": "color", "arguments": ""} and "".join(d["arguments"] for d in told) == '{"month":"May"}'
    assert events[-2].data["choices"][0]["finish_reason"] == "function_call"
    history = [{"role": "user", "content": "hi"}, {"role": "assistant", "function_call": {"name": "color", "arguments": "{}"}},
               {"role": "function", "name": "color", "content": "chartreuse"}]
    assert server.post(PATH, {"model": "scripted", "messages": history, "functions": FUNCTIONS}).status == 200
    asked = engine.last.body["messages"]
    assert asked[1]["tool_calls"][0]["function"]["name"] == "color" and asked[2]["content"] == "chartreuse"
    assert asked[2]["role"] == "tool" and asked[2]["tool_call_id"] == asked[1]["tool_calls"][0]["id"]


@pytest.mark.parametrize("history", [
    [{"role": "function", "name": "color", "content": "red"}],                              # a result alone
    [{"role": "assistant", "content": "", "function_call": {"name": "color", "arguments": "{}"}}, {"role": "user", "content": "?"}],
    [{"role": "assistant", "content": None, "function_call": {"name": "color", "arguments": "{}"}}],  # a call alone
])
def test_functions_by_half(engine, server, history):
    answer = server.post(PATH, {"model": "scripted", "messages": [{"role": "user", "content": "hi"}, *history]})
    assert answer.status == 200, answer
    asked = engine.last.body["messages"]
    calls = [c["id"] for m in asked for c in m.get("tool_calls", [])]
    assert calls == [m["tool_call_id"] for m in asked if m["role"] == "tool"] and len(calls) == 1


@pytest.mark.parametrize("content", ["guess", [{"type": "text", "text": "guess"}]])
def test_prediction_is_advice(server, content):
    answer = server.post(PATH, {"model": "scripted", "messages": MESSAGES, "prediction": {"type": "content", "content": content}})
    assert answer.status == 200 and "prediction" in answer.headers["antiphon-not-applied"]


def test_added_up_deltas_come_back(engine, server):
    """What the SDKs' stream helpers make is sent back as it is."""
    one = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}", "parsed_arguments": {}}}
    history = [{"role": "user", "content": "hi"},
               {"role": "assistant", "content": "", "refusal": None, "function_call": None, "parsed": None, "tool_calls": [one]},
               {"role": "tool", "tool_call_id": "c1", "content": "ok"}]
    answer = server.post(PATH, {"model": "scripted", "messages": history})
    assert answer.status == 200, answer
    sent = json.dumps(engine.last.body["messages"])
    assert not any(key in sent for key in ("index", "parsed", "parsed_arguments"))
