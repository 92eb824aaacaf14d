"""Peers that mean no good, or are broken: each gets its refusal, and the server goes on serving others."""
import gzip
import json
import re
import socket
import threading
import time

import pytest

from harness import eventually, text_of

BODY = b'{"model":"scripted","input":"x"}'
HEAD = b"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def talk(server, data, patience=30, end=False):
    """Sends bytes on a fresh connection; what comes until the server closes or has answered whole."""
    with socket.create_connection((server.host, server.port), patience) as s:
        try:
            s.sendall(data)
            if end:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return read_all(s)


def read_all(s):
    got = b""
    try:
        while (piece := s.recv(65536)):
            got += piece
            head, _, rest = got.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.I)
            if length and len(rest) >= int(length[1]):
                break
    except ConnectionResetError:
        pass
    return got


def status_of(answer):
    m = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(m[1]) if m else None


def serves(server):
    assert text_of(server.create("hi")) == "You said: hi."


def sized(body=BODY, *headers):
    return HEAD + b"".join(h + b"\r\n" for h in headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


BAD = {
    "both lengths": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 32\r\nContent-Length: 31\r\n\r\n" + BODY,
    "plus in the length": HEAD + b"Content-Length: +32\r\n\r\n" + BODY,
    "minus in the length": HEAD + b"Content-Length: -1\r\n\r\n",
    "hex length": HEAD + b"Content-Length: 0x20\r\n\r\n" + BODY,
    "length over 64 bits": HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "empty length": HEAD + b"Content-Length: \r\n\r\n",
    "space before the colon": b"GET /health HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "bare LF": b"GET /health HTTP/1.1\nHost: localhost\n\n",
    "bare CR": b"GET /health HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n",
    "folded header": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n",
    "chunk size 0x800": HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x20\r\n" + BODY + b"\r\n0\r\n\r\n",
    "chunk size with a plus": HEAD + b"Transfer-Encoding: chunked\r\n\r\n+20\r\n" + BODY + b"\r\n0\r\n\r\n",
    "chunk size over 64 bits": HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    "chunk without its end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}X\r\n0\r\n\r\n",
    "chunked is not last": HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "NUL in a header": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
    "no Host": b"GET /health HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40),
    "no method": b"/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "wrong version": b"GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_are_400(server, engine, name):
    answer = talk(server, BAD[name])
    assert status_of(answer) in (400, 505), answer[:300]
    assert b"connection: close" in answer.lower()
    assert not engine.requests
    serves(server)


def test_large_head(server):
    many = b"".join(b"X-%d: %s\r\n" % (i, b"a" * 1000) for i in range(100))
    assert status_of(talk(server, b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + many + b"\r\n")) == 431
    one = b"X: " + b"a" * 100_000 + b"\r\n"
    assert status_of(talk(server, b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + one + b"\r\n")) == 431
    target = talk(server, b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status_of(target) in (400, 414, 431)
    serves(server)


@pytest.fixture
def small(servers, engine):
    """A server whose bodies may have 64 KiB, and which waits a second for slow ones."""
    return servers(engine, ["--set", "net.body_bytes=65536", "--set", "net.head_seconds=1", "--set", "net.body_seconds=1",
                            "--set", "net.linger_seconds=2"])


def test_large_body_sized(small, engine):
    big = json.dumps({"model": "scripted", "input": "a" * 200_000}).encode()
    answer = talk(small, sized(big))
    assert status_of(answer) == 413, answer[:300]
    assert b'"error"' in answer
    assert not engine.requests
    serves(small)


def test_large_body_announced_only(small):
    answer = talk(small, HEAD + b"Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
    assert status_of(answer) in (413, 417), answer[:300]


def test_large_body_chunked(small):
    chunks = b"".join(b"4000\r\n" + b"a" * 0x4000 + b"\r\n" for _ in range(16))
    assert status_of(talk(small, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)) == 413
    serves(small)


def test_decompression_bomb(small, engine):
    bomb = gzip.compress(b'{"model":"scripted","input":"' + b"a" * 50_000_000 + b'"}')
    assert len(bomb) < 65536
    assert status_of(talk(small, sized(bomb, b"Content-Encoding: gzip"))) == 413
    assert not engine.requests
    serves(small)


def test_broken_compression(server, engine):
    packed = gzip.compress(BODY)
    for body in (packed[:-9], b"\x1f\x8b\x08garbage", packed + b"trailing"):
        assert status_of(talk(server, sized(body, b"Content-Encoding: gzip"))) == 400
    assert status_of(talk(server, sized(BODY, b"Content-Encoding: br"))) in (400, 415)
    assert not engine.requests


def test_compression(server):
    assert status_of(talk(server, sized(gzip.compress(BODY), b"Content-Encoding: gzip"))) == 200


def drip(server, data, seconds=30):
    """Two bytes a quarter second; the status that comes, or None when it was closed without one."""
    with socket.create_connection((server.host, server.port), seconds) as s:
        s.settimeout(0.25)
        end = time.monotonic() + seconds
        for i in range(0, len(data), 2):
            assert time.monotonic() < end, "still waiting"
            try:
                s.sendall(data[i:i + 2])
                got = s.recv(65536)
                return status_of(got)
            except TimeoutError:
                continue
            except OSError:
                return None


def test_a_dripped_head_is_ended(small):
    assert drip(small, b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 4000) in (408, None)
    serves(small)


def test_a_dripped_body_is_ended(small, engine):
    assert drip(small, HEAD + b"Content-Length: 4000\r\n\r\n" + b" " * 4000) in (408, None)
    assert not engine.requests
    serves(small)


def test_every_cut_of_a_request(server):
    """A request is understood wherever its bytes are cut."""
    request = b"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n" \
              b"Transfer-Encoding: chunked\r\n\r\n10\r\n" + BODY[:16] + b"\r\n10;a=b\r\n" + BODY[16:] + b"\r\n0\r\nT: t\r\n\r\n"
    for cut in range(1, len(request), 7):
        with socket.create_connection((server.host, server.port), 30) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.sendall(request[:cut])
            time.sleep(0.002)
            s.sendall(request[cut:])
            assert status_of(read_all(s)) == 200, cut


def test_pipelining(server):
    """Answers come in order, whole."""
    requests = b"".join(sized(json.dumps({"model": "scripted", "input": f"n{i}"}).encode()) for i in range(5))
    with socket.create_connection((server.host, server.port), 30) as s:
        s.sendall(requests + b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        got = b""
        while (piece := s.recv(65536)):
            got += piece
    assert re.findall(rb"You said: (n\d)\.", got) == [b"n%d" % i for i in range(5)]
    assert got.count(b"HTTP/1.1 200 OK") == 6


def test_head_and_continue(server):
    answer = server.request("HEAD", "/v1/models")
    assert answer.status == 200 and answer.body == b""
    with socket.create_connection((server.host, server.port), 30) as s:
        s.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        assert s.recv(100).startswith(b"HTTP/1.1 100 ")
        s.sendall(BODY)
        assert status_of(read_all(s)) == 200


def test_a_reader_that_stops_pauses_its_engine(servers, engine):
    server = servers(engine, ["--set", "net.stall_seconds=3", "--set", "api.output_bytes=1073741824"])
    total = 64 << 20
    sent = []

    def flood(answer):
        for i in range(total // 65536):
            answer.chunk({"content": "a" * 65536})
            sent.append(i)

    engine.next(flood)
    s = socket.create_connection((server.host, server.port), 60)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    body = b'{"model":"scripted","input":"x","stream":true,"store":false}'
    s.sendall(sized(body))
    s.recv(100)
    request = engine.wait_for(1)
    # Reads nothing more: the engine is held back, then the reader counts as gone and the call ends.
    assert request.left.wait(60), "the stalled reader holds the engine"
    assert len(sent) * 65536 < total / 2, "the engine was never paused"
    with open(f"/proc/{server.process.pid}/status") as f:
        peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
    assert peak < 400_000, f"{peak} kB"
    s.close()
    serves(server)


def test_connections_that_say_nothing(servers, engine):
    server = servers(engine, ["--set", "net.head_seconds=1", "--set", "net.idle_seconds=1"])
    silent = [socket.create_connection((server.host, server.port), 30) for _ in range(200)]
    serves(server)
    for s in silent:
        s.settimeout(30)
        while s.recv(1000):  # at most a 408, then the end
            pass
        s.close()


def test_out_of_file_descriptors(servers, engine):
    """accept() backs off instead of spinning, and goes on when there are descriptors again."""
    import resource
    server = servers(engine)
    limit = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (64, limit))
    held = []
    for _ in range(120):
        s = socket.socket()
        s.settimeout(5)
        s.connect((server.host, server.port))
        held.append(s)

    def cpu():
        with open(f"/proc/{server.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
            return int(fields[11]) + int(fields[12])

    before = cpu()
    time.sleep(2)
    assert cpu() - before < 100, "it spins: more than half of two seconds"  # clock ticks of 10 ms
    for s in held:
        s.close()
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
    eventually(lambda: server.get("/health").status == 200)
    serves(server)


def test_bodies_that_are_no_good(server, engine):
    bad = [b"", b"{", b"[]", b'"x"', b"null", b"1", b'{"model": "scripted", "input": "x"', b'{"model":"scripted","input":"\xff"}',
           b'{"model":"scripted","input":"x"} trailing', b"\xef\xbb\xbf{}", b"[" * 100_000, b'{"a":' * 10_000,
           b'{"model":"scripted","input":"\\ud800"}', b'{"model":"scripted","input":NaN}']
    for body in bad:
        answer = server.post("/v1/responses", body)
        assert answer.status == 400, (body[:50], answer)
        assert answer.error["type"] == "invalid_request_error" and answer.error["message"]
    assert not engine.requests
    serves(server)


def test_strange_text_survives(server, engine):
    for text in ("\0", "a\0b", "\u202e\ud7ff\ue000", "👩‍👩‍👧‍👦", "\x7f\x01", "</script>", "\\u0000", '"\\', "é" * 5000):
        response = server.create(text)
        assert text_of(response) == f"You said: {text}."
        assert server.get("/v1/responses/" + response["id"]).json == response


def test_wrong_paths_and_methods(server):
    answer = server.request("PUT", "/v1/responses", BODY)
    assert answer.status == 405 and "POST" in answer.headers["allow"], answer
    assert server.get("/v1/responses").status == 405
    for path in ("/responses", "/v1/v1/responses"):
        answer = server.post(path, BODY)
        assert answer.status == 404 and server.base_url.encode() in answer.body, answer
    for path in ("/v1/nothing", "/v1/responses/../../etc/passwd", "/v1/responses/%2e%2e", "/v1/responses/resp_%00",
                 "/v1/responses/" + "a" * 3000, "/v1/responses/resp_x/input_items/more"):
        answer = server.get(path)
        assert answer.status in (400, 404), (path, answer)
        assert "message" in answer.error
    assert b"/v1" in server.get("/").body


def test_many_at_once(server, engine):
    results = []

    def one(i):
        results.append(text_of(server.create(f"n{i}")))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(100)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(results) == sorted(f"You said: n{i}." for i in range(100))


HOSTILE_KEYS = {"NULs": "\0" * 65, "a NUL first": "\0" + "k" * 64, "a NUL last": "k" * 64 + "\0", "two bytes each": "é" * 65,
                "four bytes each": "\U0001f600" * 65, "thousands": "k" * 30000, "thousands of NULs": "\0" * 30000}


@pytest.mark.parametrize("kind", HOSTILE_KEYS)
@pytest.mark.parametrize("path, body", [
    ("/v1/responses", {"model": "scripted", "input": "x"}),
    ("/v1/chat/completions", {"model": "scripted", "messages": [{"role": "user", "content": "x"}]}),
    ("/v1/conversations", {}),
])
def test_keys_of_metadata(server, path, body, kind):
    answer = server.post(path, {**body, "metadata": {HOSTILE_KEYS[kind]: "v"}})
    assert answer.status == 400 and answer.error["code"] == "property_name_above_max_length", answer
    fits = server.post(path, {**body, "metadata": {HOSTILE_KEYS[kind][:64]: "\0" * 512}})
    assert fits.status == 200 and fits.json["metadata" if path != "/v1/chat/completions" else "object"], fits
