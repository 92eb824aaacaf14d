"""SIGTERM: new work is refused, running turns end, everything acknowledged is kept."""
import http.client
import os
import signal
import socket
import threading
import time

import pytest

from engine_script import Gate, hang, hold, say
from harness import Stream, eventually, text_of


def term(server):
    server.process.send_signal(signal.SIGTERM)


def refused(server):
    """New work: 503 with Retry-After, or the listener is closed already."""
    try:
        answer = server.post("/v1/responses", {"model": "no-such", "input": "late"})  # takes no script
    except OSError:
        return True
    if answer.status == 503:
        assert int(answer.headers["retry-after"]) >= 0
        return True
    return False


def test_idle_ends_at_once(server):
    began = time.monotonic()
    server.stop(20)
    assert time.monotonic() - began < 20


def test_running_turns_are_finished(servers, engine):
    server = servers(engine)
    gate = Gate()
    engine.next(say("Once"), hold(gate), say(" upon"))
    stream = server.stream("x")
    stream.until("response.output_text.delta")
    term(server)
    eventually(lambda: refused(server), what="new work being refused")
    assert server.alive()
    gate.open.set()
    events = list(stream)
    assert events[-2].type == "response.completed" and text_of(events[-2].data["response"]) == "Once upon"
    id = events[-2].data["response"]["id"]
    server.stop()
    again = servers(engine, data=server.data)
    assert text_of(again.get("/v1/responses/" + id).json) == "Once upon"


def test_after_the_drain_time_turns_are_cancelled_and_kept(servers, engine):
    server = servers(engine, ["--set", "api.drain_seconds=1"])
    engine.next(say("Once upon"), hang())
    stream = server.stream("x")
    id = stream.until("response.output_text.delta")[0].data["response"]["id"]
    server.stop(40)
    again = servers(engine, data=server.data)
    kept = again.get("/v1/responses/" + id)
    assert kept.status == 200 and kept.json["status"] == "cancelled", kept
    assert engine.requests[0].left.wait(30)


def test_after_the_drain_time_chats_are_answered(servers, engine):
    """Not cut: 503 where nothing was said yet, an error in the stream where something was."""
    server = servers(engine, ["--set", "api.drain_seconds=1"])
    engine.always(lambda request: [hang()] if request.last_text == "json" else [say("Once upon"), hang()])
    message = lambda text: [{"role": "user", "content": text}]
    stream, got = server.stream(message("sse"), path="/v1/chat/completions"), []
    it = iter(stream)
    next(it)
    reader = threading.Thread(target=lambda: got.append(server.post("/v1/chat/completions",
                                                                    {"model": "scripted", "messages": message("json")})))
    reader.start()
    engine.wait_for(2)
    server.stop(40)
    reader.join()
    assert got[0].status == 503 and "shutting down" in got[0].error["message"]
    assert "shutting down" in [e.data for e in it if e.data][-1]["error"]["message"]


def test_a_second_signal_hurries(servers, engine):
    server = servers(engine)
    engine.next(say("Once upon"), hang())
    stream = server.stream("x")
    stream.until("response.output_text.delta")
    term(server)
    eventually(lambda: refused(server), what="new work being refused")
    server.stop(20)


def test_an_idle_keep_alive_connection_does_not_hold_it(server):
    connection = http.client.HTTPConnection(server.host, server.port)
    connection.request("GET", "/health")
    connection.getresponse().read()
    server.stop(20)
    connection.close()


def test_a_client_that_reads_nothing_does_not_hold_it_for_ever(servers, engine):
    server = servers(engine, ["--set", "api.drain_seconds=1"])
    engine.next(*[say("word " * 10000) for _ in range(200)])
    stream = server.stream("x")
    engine.wait_for(1)
    server.stop(60)
    stream.leave()


def test_taken_port_and_taken_folder_are_errors(server, engine):
    from harness import command
    done = command("serve", "--listen", f"127.0.0.1:{server.port}", "--data", server.home + "/other", "--engine",
                   engine.url, home=server.home)
    assert done.returncode != 0 and str(server.port) in done.stderr, done.stderr
    done = command("serve", "--listen", "127.0.0.1:0", "--data", server.data, "--engine", engine.url, home=server.home)
    assert done.returncode != 0 and str(server.process.pid) in done.stderr, done.stderr


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_is_told(servers, engine, tmp_path, abstract):
    name = f"\0antiphon-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name)
        manager.settimeout(60)
        server = servers(engine, env={"NOTIFY_SOCKET": name.replace("\0", "@")})
        assert manager.recv(100) == b"READY=1"
        server.stop()
        assert manager.recv(100) == b"STOPPING=1"


def test_a_service_manager_that_is_gone_is_let_be(servers, engine, tmp_path):
    server = servers(engine, env={"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    assert text_of(server.create("hi")) == "You said: hi."
    assert "the service manager was not told" in server.stderr()
