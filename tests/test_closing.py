"""Each thing that a client can hold is closed at each of its steps, with the timers short: nothing that is pending may outlive
what it works on (src/loop/loop.h, rule 4). The build with AddressSanitizer ends when memory goes in which something is
pending; what leaks is told when the server stops."""
import http.server
import json
import socket
import struct
import threading

import pytest

from engine_script import Gate, ScriptedEngine, hang, hold, say
from harness import PATIENCE, eventually

SHORT = [arg for pair in ["net.ping_seconds=1", "net.body_seconds=1", "net.head_seconds=1", "net.idle_seconds=1", "net.stall_seconds=1",
                          "net.linger_seconds=1", "api.socket_seconds=1", "api.retry_grace_ms=50", "api.keepalive_seconds=1",
                          "api.conversation_wait_ms=300", "api.turn_seconds=3", "fetch.allow=127.0.0.0/8"] for arg in ("--set", pair)]
UPGRADE = (b"GET /v1/responses HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


def frame(payload, opcode=1, fin=True):
    n = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode, 0x80 | (n if n < 126 else 126)]) + (struct.pack(">H", n) if n >= 126 else b"")
    return head + b"\0\0\0\0" + payload


def post(path, body, *headers):
    text = body if isinstance(body, bytes) else json.dumps({"model": "scripted", **body}).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", f"Content-Length: {len(text)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + text


CREATE = frame(json.dumps({"type": "response.create", "model": "scripted", "input": "x"}).encode())
CHAT = {"messages": [{"role": "user", "content": "x"}]}
RETRIES = "x-stainless-retry-count: 0"

# What is sent, piece by piece; None: the engine is asked before it goes on.
WALKS = {
    "connection": [b"POST /v1/resp", b"onses HTTP/1.1\r\nHost: localhost\r\n", b"Content-Type: application/json\r\nContent-Length: 50\r\n\r\n",
                   b'{"model":'],
    "pipeline": [post("/v1/responses", {"input": "x"}), None, post("/v1/responses", {"input": "y"}), b"GET /v1/mod"],
    "websocket": [UPGRADE[:60], UPGRADE[60:], frame(b"", 9), frame(b'{"ty', fin=False), frame(b"", 10), frame(b'pe":1}', 0)],
    "websocket turn": [UPGRADE, CREATE, None, CREATE, frame(b'{"ty', fin=False), frame(b"\x03\xe8", 8)],
    "websocket breach": [UPGRADE, CREATE, None, frame(b"x", 3)],
    "json": [post("/v1/responses", {"input": "x"}), None],
    "json that retries": [post("/v1/responses", {"input": "x"}, RETRIES), None],
    "stream": [post("/v1/responses", {"input": "x", "stream": True}), None],
    "stream that retries": [post("/v1/responses", {"input": "x", "stream": True}, RETRIES), None],
    "chat": [post("/v1/chat/completions", CHAT), None],
    "chat that retries": [post("/v1/chat/completions", {**CHAT, "store": True}, RETRIES), None],
    "chat stream": [post("/v1/chat/completions", {**CHAT, "stream": True, "n": 3}), None],
    "background": [post("/v1/responses", {"input": "x", "background": True, "stream": True}), None],
    "compact": [post("/v1/responses/compact", {"input": "x"}), None],
}


def close(sock, how):
    if how == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif how == "half":
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(PATIENCE)
        try:
            while sock.recv(65536):
                pass
        except OSError:
            pass
    sock.close()


def walk(server, engine, pieces, how):
    with socket.create_connection((server.host, server.port), PATIENCE) as sock:
        for piece in pieces:
            asked = len(engine.requests)
            if piece is None:
                eventually(lambda: asked or len(engine.requests) > asked)
                continue
            try:
                sock.sendall(piece)
            except OSError:  # it was closed on us, which is an answer too
                break
        close(sock, how)


def walk_and_go(server, engine, pieces):
    """Goes after each piece, in each way; the server is there all the while, and ends as it should."""
    for n in range(len(pieces) + 1):
        threads = [threading.Thread(target=walk, args=(server, engine, pieces[:n], how)) for how in ("reset", "close", "half")]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert server.alive(), server.stderr()
    assert server.get("/health").status == 200
    server.stop()


@pytest.mark.parametrize("speaks", ["never", "slowly"])
@pytest.mark.parametrize("name", WALKS)
def test_a_client_goes_at_each_step(engine, servers, name, speaks):
    server = servers(engine, args=SHORT)
    engine.always(lambda request: [hang()] if speaks == "never" else [say("Once"), say(" upon"), hang()])
    walk_and_go(server, engine, WALKS[name])


class Slow:
    """A server that takes a request and answers it once the gate opens."""

    def __init__(self):
        self.gate, self.asked = threading.Event(), []
        slow = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                slow.asked.append(self.path)
                slow.gate.wait(PATIENCE)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("path", ["/v1/responses", "/v1/chat/completions"])
def test_a_client_goes_while_files_are_read(servers, path, how):
    engine, site = ScriptedEngine(vision=True), Slow()
    server = servers(engine, args=SHORT)
    url = site.url + "/picture"
    body = {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}] * 3}]} if "responses" in path else \
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}] * 3}]}
    for _ in range(4):
        before = len(site.asked)
        with socket.create_connection((server.host, server.port), PATIENCE) as sock:
            sock.sendall(post(path, body))
            eventually(lambda: len(site.asked) > before)
            close(sock, how)
    site.gate.set()
    assert server.get("/health").status == 200
    server.stop()
    engine.close()


@pytest.mark.parametrize("when", ["asked", "answered"])
def test_the_server_goes_while_a_webhook_is_sent(servers, engine, when):
    site = Slow()
    server = servers(engine, args=SHORT + ["--set", "api.drain_seconds=1"])
    made = server.post("/v1/webhook_endpoints", {"name": "mine", "url": site.url + "/hook", "event_types": ["response.completed"]})
    assert made.status == 200, made
    server.create("x", background=True)
    eventually(lambda: site.asked)
    if when == "answered":
        site.gate.set()
    server.stop()
    site.gate.set()


def test_followers_go_at_each_step(engine, servers):
    """Readers of one background response, gone before, between and after its events."""
    server, gate = servers(engine, args=SHORT + ["--set", "api.background_seconds=60"]), Gate()
    engine.always(lambda request: [say("Once"), hold(gate), say(" upon")])
    id = server.create("x", background=True)["id"]
    engine.wait_for(1)
    ask = f"GET /v1/responses/{id}?stream=true HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    for how in ("reset", "close", "reset", "close"):
        with socket.create_connection((server.host, server.port), PATIENCE) as sock:
            sock.sendall(ask)
            if how == "close":
                assert sock.recv(1000)
            close(sock, how)
    with socket.create_connection((server.host, server.port), PATIENCE) as sock:
        sock.sendall(ask)
        gate.open.set()
        close(sock, "half")
    eventually(lambda: server.get("/v1/responses/" + id).json["status"] == "completed")
    server.stop()
