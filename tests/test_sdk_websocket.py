"""WebSocket mode through the official Python SDK: `client.responses.connect()`, waiting and async."""
import asyncio
import json
import ssl
import subprocess
import threading

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import ResponsesServerEvent
from pydantic import TypeAdapter
from websockets.exceptions import ConnectionClosed, InvalidStatus

from engine_script import Gate, ScriptedEngine, call, cut, hang, hold, say, status
from harness import PATIENCE, eventually, make_key

pytestmark = [pytest.mark.sdk,
              pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")]
MODEL = "scripted"
TOOL = {"type": "function", "name": "get_weather", "description": "The weather somewhere", "strict": True,
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
                       "additionalProperties": False}}
TERMINAL = ("response.completed", "response.incomplete", "response.failed")
EVENT = TypeAdapter(ResponsesServerEvent)


def known(event):
    """The event as the SDK's own types have it: the SDK itself builds anything without a look."""
    EVENT.validate_python(event.to_dict())
    return event


def until_end(connection):
    """Events up to the end of a response, or to the error that came in its place."""
    seen = []
    for event in connection:
        seen.append(known(event))
        if event.type in TERMINAL or (event.type == "error" and event.status):
            return seen
    raise AssertionError(seen)


def run(connection, input, **more):
    connection.response.create(model=MODEL, input=input, **more)
    last = until_end(connection)[-1]
    assert last.type == "response.completed", last
    return last.response


def refused(connection, input, **more):
    connection.response.create(model=MODEL, input=input, **more)
    events = until_end(connection)
    assert [e.type for e in events] == ["error"], events
    return events[0]


def client_of(server, key="sk-any", **more):
    return OpenAI(base_url=server.base_url, api_key=key, max_retries=0, **more)


def users(request):
    return [m["content"] for m in request.body["messages"] if m["role"] == "user"]


@pytest.fixture
def client(server):
    with client_of(server) as c:
        yield c


@pytest.fixture
def connection(client):
    with client.responses.connect() as c:
        yield c


# --- turns ---

def test_text(connection, client):
    connection.response.create(model=MODEL, input="hi")
    events = until_end(connection)
    kinds = [e.type for e in events]
    assert kinds[:2] == ["response.created", "response.in_progress"] and kinds[-1] == "response.completed"
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "You said: hi."
    assert [e.sequence_number for e in events] == list(range(len(events)))
    response = events[-1].response
    assert response.output_text == "You said: hi."
    assert client.responses.retrieve(response.id).output_text == "You said: hi."


@pytest.mark.parametrize("store", [True, False])
def test_continue(connection, client, engine, store):
    one = run(connection, "one", store=store)
    two = run(connection, "two", store=store, previous_response_id=one.id)
    run(connection, "three", store=store, previous_response_id=two.id)
    assert users(engine.last) == ["one", "two", "three"]
    if store:
        assert client.responses.create(model=MODEL, input="four", previous_response_id=two.id).status == "completed"
    else:
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(two.id)
        with pytest.raises(openai.BadRequestError):
            client.responses.create(model=MODEL, input="four", previous_response_id=two.id)


@pytest.mark.parametrize("store", [True, False])
def test_function_loop(connection, engine, store):
    for i, city in enumerate(("Paris", "Rome")):
        engine.next(call("get_weather", '{"city":', f'"{city}"}}', id=f"call_{i}"))
    engine.next(say("Mild, ", "warm."))
    response = run(connection, "The weather?", tools=[TOOL], store=store)
    asked = []
    while (calls := [item for item in response.output if item.type == "function_call"]):
        asked += [json.loads(item.arguments)["city"] for item in calls]
        outputs = [{"type": "function_call_output", "call_id": item.call_id, "output": "20 degrees"} for item in calls]
        response = run(connection, outputs, tools=[TOOL], previous_response_id=response.id, store=store)
    assert asked == ["Paris", "Rome"] and response.output_text == "Mild, warm."
    assert [m["role"] for m in engine.last.body["messages"]] == ["user", "assistant", "tool", "assistant", "tool"]


def test_a_call_without_its_output(connection, engine):
    engine.next(call("get_weather", '{"city":"Paris"}'))
    response = run(connection, "The weather?", tools=[TOOL])
    error = refused(connection, "never mind", tools=[TOOL], previous_response_id=response.id)
    assert error.status == 400 and "No tool output found" in error.error.message


@pytest.mark.parametrize("store", [True, False])
def test_warm_up(connection, engine, store):
    warm = run(connection, "First.", instructions="Be brief.", tools=[TOOL], generate=False, store=store)
    assert warm.output == [] and warm.id and engine.requests == []
    assert run(connection, "Second.", previous_response_id=warm.id, tools=[TOOL], store=store).output_text
    assert len(engine.requests) == 1 and "First." in users(engine.last)[0]


def test_lanes(connection, engine):
    gates = {name: Gate() for name in "abc"}
    engine.always(lambda request: [hold(gates[request.last_text]), say("for " + request.last_text)])
    for name in gates:
        connection.response.create(model=MODEL, input=name, stream_id=name)
    eventually(lambda: all(g.reached.is_set() for g in gates.values()), what="three calls at once")
    for name in "cba":  # they end in the order in which the engine answers them
        gates[name].open.set()
        seen = []
        while not seen or seen[-1].type != "response.completed":
            event = known(connection.recv())
            if event.stream_id == name:
                seen.append(event)
        assert seen[-1].response.output_text == f"for {name}"
        done = [e.sequence_number for e in seen]
        assert done == sorted(set(done))


# --- errors ---

def test_errors_leave_it_usable(connection, engine):
    error = refused(connection, "x", temperature=7)
    assert (error.status, error.error.param, error.error.type) == (400, "temperature", "invalid_request_error")
    error = refused(connection, "x", previous_response_id="resp_0000", stream_id="lane")
    assert error.error.code == "previous_response_not_found" and error.stream_id == "lane"
    assert refused(connection, "x", background=True).error.param == "background"
    engine.next(status(500, {"message": "broken"}))
    connection.response.create(model=MODEL, input="x")
    events = until_end(connection)
    assert events[-1].type == "response.failed" and events[-1].response.error.code == "server_error"
    engine.next(say("half"), cut())
    connection.response.create(model=MODEL, input="x")
    assert until_end(connection)[-1].type == "response.failed"
    assert run(connection, "hi").output_text == "You said: hi."


def test_dispatch_raises_what_nobody_hears(connection):
    connection.response.create(model="nowhere", input="x")
    with pytest.raises(openai.OpenAIError, match="model_not_found"):
        connection.dispatch_events()


def test_steering(connection, engine):
    gate = Gate()
    engine.next(say("a"), hold(gate), say("b"))
    connection.response.create(model=MODEL, input="one", stream_id="lane")
    created = known(connection.recv())
    eventually(gate.reached.is_set)
    connection.response.steer(previous_response_id=created.response.id,
                              input=[{"type": "message", "role": "user", "content": "faster"}])
    event = known(connection.recv())
    while event.type != "response.steer.accepted":
        event = known(connection.recv())
    assert event.steer.previous_response_id == created.response.id and event.stream_id == "lane"
    gate.open.set()
    assert until_end(connection)[-1].response.output_text == "ab"
    after = until_end(connection)
    assert after[0].type == "response.created" and after[-1].response.previous_response_id == created.response.id
    assert after[-1].response.output_text == "You said: faster."


def test_steering_waits_for_outputs(connection, engine):
    gate = Gate()
    engine.next(call("get_weather", '{"city":', '"Rome"}'), hold(gate))
    connection.response.create(model=MODEL, input="one", tools=[TOOL])
    created = known(connection.recv())
    eventually(gate.reached.is_set)
    connection.response.steer(previous_response_id=created.response.id, input="in Fahrenheit")
    while known(connection.recv()).type != "response.steer.accepted":
        pass
    gate.open.set()
    until_end(connection)
    pending = known(connection.recv())
    assert pending.type == "response.steer.pending" and pending.reason == "waiting_for_required_input"
    stub, = pending.required_input
    assert (stub.type, stub.name) == ("function_call_output", "get_weather")
    got = run(connection, [{"type": stub.type, "call_id": stub.call_id, "output": "77"}], tools=[TOOL],
              previous_response_id=created.response.id)
    assert got.output_text == "You said: in Fahrenheit." and users(engine.requests[-1]) == ["one", "in Fahrenheit"]


def test_steering_fails_by_name(connection, engine):
    connection.response.steer(previous_response_id="resp_00", input="faster")
    event = known(connection.recv())
    assert event.type == "response.steer.failed" and event.error.code == "response_not_found"
    assert event.steer.previous_response_id == "resp_00" and event.steer.input == "faster"


# --- who may ---

def test_keys_and_projects(server, engine):
    red, _ = make_key(server, "red", "red")
    blue, _ = make_key(server, "blue", "blue")
    for wrong in (client_of(server, "sk-wrong"), client_of(server, red, project="blue")):
        with pytest.raises(InvalidStatus) as e, wrong.responses.connect():
            pass
        assert e.value.response.status_code == 401
        assert json.loads(e.value.response.body)["error"]["type"] == "invalid_request_error"
    with client_of(server, red).responses.connect() as ours, client_of(server, blue).responses.connect() as theirs:
        one = run(ours, "one")
        assert refused(theirs, "two", previous_response_id=one.id).error.code == "previous_response_not_found"
        assert run(ours, "two", previous_response_id=one.id).output_text == "You said: two."
        with pytest.raises(openai.NotFoundError):
            client_of(server, blue).responses.retrieve(one.id)


def test_tls(servers, tmp_path):
    """wss: much in one message, and much in many."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem", "-out", "c.pem",
               "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    cert = str(tmp_path / "c.pem")
    engine = ScriptedEngine(context=100_000_000)
    server = servers(engine, ready=False, args=["--tls-cert", cert, "--tls-key", str(tmp_path / "k.pem")])
    trusting = {"ssl": ssl.create_default_context(cafile=cert)}
    with client_of(server).responses.connect(websocket_connection_options=trusting) as connection:
        engine.next(*[say("y" * 1000)] * 500)
        warm = run(connection, "x" * 2_000_000, generate=False, store=False)
        assert run(connection, "go on", previous_response_id=warm.id, store=False).output_text == "y" * 500_000
    assert len(engine.last.body["messages"][0]["content"]) > 2_000_000
    engine.close()


# --- the end ---

def test_sixty_minutes(engine, servers):
    server = servers(engine, args=["--set", "api.socket_seconds=1"])
    with client_of(server).responses.connect() as connection:
        assert run(connection, "hi")
        event = known(connection.recv())
        assert event.type == "error" and event.status == 400
        assert event.error.code == "websocket_connection_limit_reached"
        with pytest.raises(ConnectionClosed) as e:
            connection.recv()
        assert e.value.rcvd.code == 1001


def test_a_frame_over_the_limit(engine, servers):
    server = servers(engine, args=["--set", "net.frame_bytes=65536"])
    with client_of(server).responses.connect() as connection:
        connection.response.create(model=MODEL, input="x" * 70000)
        with pytest.raises(ConnectionClosed) as e:
            connection.recv()
        assert e.value.rcvd.code == 1009
    assert engine.requests == []


def test_reconnects_after_the_limit(engine, servers):
    """The SDK's own reconnect: the close is one that it takes for recoverable, and the chain goes on."""
    server = servers(engine, args=["--set", "api.socket_seconds=1"])
    closed = []

    def again(event):
        closed.append(event.close_code)

    with client_of(server).responses.connect(on_reconnecting=again, initial_delay=0.01) as connection:
        one = run(connection, "one")
        events = iter(connection)
        limit = next(events)
        assert limit.error.code == "websocket_connection_limit_reached"
        threading.Timer(0.1, lambda: eventually(lambda: closed) and connection.response.create(
            model=MODEL, input="two", previous_response_id=one.id)).start()
        while (event := next(events)).type != "response.completed":
            pass
        assert event.response.output_text == "You said: two." and set(closed) == {1001}
    assert users(engine.last) == ["one", "two"]


def test_reconnects_after_a_crash(engine, servers):
    """kill -9 in the middle of a turn, and a new server on the same port and folder."""
    server = servers(engine)
    engine.next(say("one"))
    engine.next(say("half"), hang())
    closed = []

    def again(event):
        closed.append(event.close_code)
        if not server.alive():
            server.command[3] = f"127.0.0.1:{server.port}"
            server.start()

    with client_of(server).responses.connect(on_reconnecting=again, initial_delay=0.01) as connection:
        one = run(connection, "one")
        connection.response.create(model=MODEL, input="two", previous_response_id=one.id)
        events = iter(connection)
        while next(events).type != "response.output_text.delta":
            pass
        server.kill()
        threading.Thread(target=lambda: eventually(lambda: len(closed) and server.alive()) and connection.response.create(
            model=MODEL, input="three", previous_response_id=one.id)).start()
        while (event := next(events)).type != "response.completed":
            pass
        assert event.response.output_text == "You said: three." and closed[0] == 1006
    assert users(engine.last) == ["one", "three"]


# --- the same without waiting ---

async def async_until_end(connection):
    async for event in connection:
        known(event)
        if event.type in TERMINAL or event.type == "error":
            return event
    raise AssertionError("closed")


def test_async(server, engine):
    async def several(client, name):
        async with client.responses.connect() as connection:
            previous = openai.omit
            for i in range(3):
                await connection.response.create(model=MODEL, input=f"{name}{i}", store=False, previous_response_id=previous)
                event = await async_until_end(connection)
                assert event.response.output_text == f"You said: {name}{i}."
                previous = event.response.id
            await connection.response.create(model=MODEL, input="x", top_p=7)
            event = await async_until_end(connection)
            assert event.type == "error" and event.error.param == "top_p"
            await connection.response.create(model=MODEL, input="warm", generate=False, stream_id="l")
            event = await async_until_end(connection)
            assert event.response.output == [] and event.stream_id == "l"

    async def main():
        async with AsyncOpenAI(base_url=server.base_url, api_key="sk-any", max_retries=0) as client:
            await asyncio.wait_for(asyncio.gather(*(several(client, name) for name in "abcdefgh")), PATIENCE)

    asyncio.run(main())
    assert len(engine.requests) == 24
    assert all(all(u[0] == users(r)[0][0] for u in users(r)) for r in engine.requests)


def test_async_wrong_key(server):
    make_key(server, "red", "red")

    async def main():
        async with AsyncOpenAI(base_url=server.base_url, api_key="sk-wrong", max_retries=0) as client:
            with pytest.raises(InvalidStatus) as e:
                async with client.responses.connect():
                    pass
            assert e.value.response.status_code == 401

    asyncio.run(main())


def test_async_reconnects(engine, servers):
    server = servers(engine, args=["--set", "api.socket_seconds=1"])
    closed = []

    async def main():
        async with AsyncOpenAI(base_url=server.base_url, api_key="sk-any", max_retries=0) as client:
            async with client.responses.connect(on_reconnecting=lambda e: closed.append(e.close_code),
                                                initial_delay=0.01) as connection:
                await connection.response.create(model=MODEL, input="one")
                one = (await async_until_end(connection)).response
                events = connection.__aiter__()
                assert (await events.__anext__()).error.code == "websocket_connection_limit_reached"

                async def go_on():
                    while not closed:
                        await asyncio.sleep(0.01)
                    await connection.response.create(model=MODEL, input="two", previous_response_id=one.id)

                task = asyncio.create_task(go_on())
                while (event := await events.__anext__()).type != "response.completed":
                    pass
                await task
                return event.response.output_text

    assert asyncio.run(main()) == "You said: two." and closed[0] == 1001
