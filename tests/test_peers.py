#!/usr/bin/env python3
"""Hostile and odd peers against the HTTP floor.

Against the echo server of src/net (built by meson; ECHO_SERVER names the binary) everything is tried. With ANTIPHON_URL set
to a running antiphon's base URL (http://HOST:PORT), what needs no special route is tried against that; ANTIPHON_LIMITS
("head_seconds=1 body_seconds=1 body_bytes=1048576") tells which limits it was started with.
Under pytest (the flows) the echo server is the one beside ANTIPHON_BIN.
"""
import gzip
import json
import os
import re
import resource
import socket
import struct
import subprocess
import time
import unittest
import zlib

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.dirname(os.path.abspath(os.environ.get("ANTIPHON_BIN", os.path.join(TREE, "build", "antiphon"))))
ECHO = os.environ.get("ECHO_SERVER", os.path.join(BUILD, "src", "net", "echo_server"))
URL = os.environ.get("ANTIPHON_URL")
PATIENCE = 30  # seconds until a test gives up; no test waits so long when all is well
LIMITS = {"head_seconds": 1, "body_seconds": 1, "body_bytes": 1 << 20, "stall_seconds": 1, "linger_seconds": 2}
if URL:
    LIMITS = {k: int(v) for k, v in (x.split("=") for x in os.environ.get("ANTIPHON_LIMITS", "").split())}
POST_PATH = "/v1/responses"


class Server:
    """An echo server with limits of its own."""

    def __init__(self, *args, files=None, host="127.0.0.1"):
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))) if files else None
        limits = [f"{k}={v}" for k, v in LIMITS.items()]
        # Freed memory that a sanitizer holds back would look like a leak.
        env = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}
        self.process = subprocess.Popen([ECHO, "--listen", host, *limits, *args], stdout=subprocess.PIPE, text=True, preexec_fn=limit, env=env)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the server does not start")
        self.host, self.port = host, int(line.rsplit(":", 1)[1])

    def stop(self):
        """Drains; the exit code tells of leaks under the sanitizers."""
        try:
            if self.process.poll() is None:
                ask(self, "GET", "/quit")
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

    def rss_kb(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Given:
    """The server of ANTIPHON_URL."""

    def __init__(self):
        m = re.match(r"http://\[?([^/\]]+?)\]?:(\d+)", URL)
        self.host, self.port = m[1], int(m[2])

    def stop(self):
        return 0


def connect(server, rcvbuf=None):
    if server.host.startswith("unix:"):
        s = socket.socket(socket.AF_UNIX)
        address = server.host[5:]
    else:
        s = socket.socket(socket.AF_INET6 if ":" in server.host else socket.AF_INET)
        address = (server.host, server.port)
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    s.settimeout(PATIENCE)
    try:
        s.connect(address)
    except OSError:
        s.close()
        raise
    return s


def head(method="GET", path="/health", *lines, version="HTTP/1.1"):
    return "\r\n".join([f"{method} {path} {version}", "Host: localhost", *lines, "", ""]).encode()


class Answer:
    def __init__(self, status, headers, body, closed):
        self.status, self.headers, self.body, self.closed = status, headers, body, closed

    def json(self):
        return json.loads(self.body)


class Reader:
    """Reads answers off a socket, one by one."""

    def __init__(self, sock):
        self.sock, self.buf, self.at, self.eof = sock, bytearray(), 0, False

    def more(self):
        try:
            got = self.sock.recv(1 << 20)
        except ConnectionResetError:
            got = b""
        self.eof = not got
        if self.at > 1 << 20:
            del self.buf[:self.at]
            self.at = 0
        self.buf += got
        return bool(got)

    def until(self, mark):
        while (end := self.buf.find(mark, self.at)) < 0:
            if not self.more():
                return None
        got = bytes(self.buf[self.at:end])
        self.at = end + len(mark)
        return got

    def exactly(self, n):
        while len(self.buf) - self.at < n and self.more():
            pass
        got = bytes(self.buf[self.at:self.at + n])
        self.at += len(got)
        return got

    def rest(self):
        self.closed()
        return self.exactly(len(self.buf) - self.at)

    def closed(self):
        while not self.eof:
            self.more()
        return True

    def answer(self, bodiless=False):
        text = self.until(b"\r\n\r\n")
        if text is None:
            return Answer(None, {}, self.rest(), True)
        lines = text.decode().split("\r\n")
        status = int(lines[0].split()[1])
        headers = {k.lower(): v for k, v in (x.split(": ", 1) for x in lines[1:])}
        body = bytearray()
        if bodiless or status in (100, 204, 304):
            pass
        elif headers.get("transfer-encoding") == "chunked":
            while (size := self.until(b"\r\n")) is not None:
                body += self.exactly(int(size, 16))
                self.exactly(2)
                if int(size, 16) == 0:
                    break
            else:
                return Answer(status, headers, bytes(body), True)
        elif "content-length" in headers:
            body = self.exactly(int(headers["content-length"]))
        else:
            body = self.rest()
        return Answer(status, headers, bytes(body), self.eof)


def send_all(sock, data):
    """The server may close while we send."""
    try:
        sock.sendall(data)
        return True
    except OSError:
        return False


def say(server, data, **kw):
    """One answer to raw bytes."""
    with connect(server) as s:
        send_all(s, data)
        return Reader(s).answer(**kw)


def ask(server, method="GET", path="/health", body=None, *lines, **kw):
    if body is not None:
        lines = (f"Content-Length: {len(body)}", "Content-Type: application/json", *lines)
    return say(server, head(method, path, *lines) + (body or b""), **kw)


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def zstd_block(kind, size, last):
    return struct.pack("<I", last | kind << 1 | size << 3)[:3]


def zstd(data):
    """A frame of raw blocks: no compressor is at hand."""
    blocks = [data[i:i + 65536] for i in range(0, len(data), 65536)] or [b""]
    return b"\x28\xb5\x2f\xfd\x00\x58" + b"".join(zstd_block(0, len(b), i == len(blocks) - 1) + b for i, b in enumerate(blocks))


def zstd_bomb(n):
    """n times 128 KB of zeros in 4 bytes each."""
    return b"\x28\xb5\x2f\xfd\x00\x58" + b"".join(zstd_block(1, 131072, i == n - 1) + b"\0" for i in range(n))


def summed(data):
    n = 0
    for b in data:
        n = (n * 31 + b) & 0xFFFFFFFFFFFFFFFF
    return str(n)


class Peers(unittest.TestCase):
    args, files = (), None

    @classmethod
    def setUpClass(cls):
        cls.server = Given() if URL else Server(*cls.args, files=cls.files)

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        assert code == 0, f"the server ended with {code}"

    def need(self, *limits):
        for name in limits:
            if name not in LIMITS:
                self.skipTest(f"{name} is not told in ANTIPHON_LIMITS")

    def eventually(self, what):
        end = time.monotonic() + PATIENCE
        while not what():
            self.assertLess(time.monotonic(), end, "it never happened")
            time.sleep(0.01)


class Refusals(Peers):
    """What any server of this floor must refuse, and go on living."""

    def tearDown(self):
        self.assertEqual(ask(self.server).status, 200, "the server no longer answers")

    def refused(self, data, status):
        with connect(self.server) as s:
            send_all(s, data)
            r = Reader(s)
            a = r.answer()
            self.assertEqual(a.status, status, (data[:200], a.body[:300]))
            self.assertIn("error", a.json())
            self.assertTrue(a.headers["x-request-id"].startswith("req_"))
            self.assertEqual(a.headers.get("connection"), "close")
            s.shutdown(socket.SHUT_WR)
            self.assertTrue(r.closed())

    def test_malformed(self):
        post = f"POST {POST_PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n".encode()
        cases = {
            "length and coding": post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "coding and length": post + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            "signed length": post + b"Content-Length: +2048\r\n\r\n",
            "negative length": post + b"Content-Length: -1\r\n\r\n",
            "hex length": post + b"Content-Length: 0x10\r\n\r\n",
            "two lengths": post + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "list of lengths": post + b"Content-Length: 5, 5\r\n\r\n",
            "huge length": post + b"Content-Length: 99999999999999999999999999\r\n\r\n",
            "space before colon": post + b"Content-Length : 5\r\n\r\nhello",
            "tab before colon": post + b"X-A\t: 5\r\n\r\n",
            "space in a name": post + b"X A: 5\r\n\r\n",
            "no name": post + b": 5\r\n\r\n",
            "no colon": post + b"nonsense\r\n\r\n",
            "bare LF": b"GET /health HTTP/1.1\nHost: localhost\n\n",
            "bare LF between headers": b"GET /health HTTP/1.1\r\nHost: localhost\nX-A: b\r\n\r\n",
            "bare LF at the end": b"GET /health HTTP/1.1\r\nHost: localhost\r\n\n",
            "bare CR": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: a\rb\r\n\r\n",
            "NUL in a value": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n",
            "NUL in a name": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX\0A: b\r\n\r\n",
            "NUL in the target": b"GET /hea\0lth HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "obs-fold": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: a\r\n b\r\n\r\n",
            "fold at the first header": b"GET /health HTTP/1.1\r\n Host: localhost\r\n\r\n",
            "no host": b"GET /health HTTP/1.1\r\nX-A: b\r\n\r\n",
            "two hosts": b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
            "odd host": b"GET /health HTTP/1.1\r\nHost: local host\r\n\r\n",
            "host with a path": b"GET /health HTTP/1.1\r\nHost: localhost/evil@\r\n\r\n",
            "0x chunk": post + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
            "0x800 chunk": post + b"Transfer-Encoding: chunked\r\n\r\n0x800\r\n" + b"a" * 0x800 + b"\r\n0\r\n\r\n",
            "signed chunk": post + b"Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
            "chunk with a space": post + b"Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
            "huge chunk": post + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
            "chunk too long": post + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloworld\r\n0\r\n\r\n",
            "chunk with bare LF": post + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
            "unknown coding": post + b"Transfer-Encoding: gzip\r\n\r\n",
            "coding before chunked": post + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "chunked twice": post + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "chunked not last": post + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            "odd chunked": post + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            "coding in 1.0": b"POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "version 2": b"GET /health HTTP/2.0\r\nHost: localhost\r\n\r\n",
            "version 1.2": b"GET /health HTTP/1.2\r\nHost: localhost\r\n\r\n",
            "version 0.9": b"GET /health HTTP/0.9\r\nHost: localhost\r\n\r\n",
            "no version": b"GET /health\r\n\r\n",
            "lower case method": b"get /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
            "garbage": bytes(range(128, 256)) * 4,
        }
        for name, data in cases.items():
            with self.subTest(name):
                self.refused(data, 400)

    def test_expectation(self):
        self.refused(head("POST", POST_PATH, "Expect: 200-ok", "Content-Length: 2"), 417)

    def test_large_heads(self):
        self.refused(head("GET", "/health", *[f"X-{i}: {'a' * 1000}" for i in range(100)]), 431)
        self.refused(head("GET", "/health", "X-A: " + "a" * 100000), 431)
        self.refused(head("GET", "/" + "a" * 100000), 431)
        self.refused(head("GET", "/health", *[f"X-{i}: b" for i in range(300)]), 431)
        self.refused(b"\r\n" * 60000, 431)

    def test_large_framing(self):
        post = head("POST", POST_PATH, "Transfer-Encoding: chunked", "Content-Type: application/json")
        self.refused(post + b"2;" + b"a" * 100000 + b"\r\n{}\r\n0\r\n\r\n", 431)
        self.refused(post + chunk(b"{}") + b"0\r\n" + b"X-Trailer: aaaaaaaaaaaaaaaaaaaa\r\n" * 5000 + b"\r\n", 431)

    def test_large_bodies(self):
        self.refused(head("POST", POST_PATH, "Content-Length: 99999999999", "Content-Type: application/json"), 413)
        self.need("body_bytes")
        limit = LIMITS["body_bytes"]
        # Everything is sent before the answer is read: only a lingering close lets it arrive.
        body = b"a" * (limit * 3)
        post = ("POST", POST_PATH, "Content-Type: application/json")
        self.refused(head(*post, f"Content-Length: {len(body)}") + body, 413)
        self.refused(head(*post, "Transfer-Encoding: chunked") + chunk(body[:limit]) + chunk(body[:limit]), 413)
        self.refused(head(*post, "Transfer-Encoding: chunked") + chunk(b"a") * (limit + 1), 413)

    def test_bombs(self):
        bombs = {"gzip": gzip.compress(bytes(200 << 20)), "deflate": zlib.compress(bytes(100 << 20)), "zstd": zstd_bomb(2000)}
        for coding, bomb in bombs.items():
            lines = ("Content-Type: application/json", f"Content-Encoding: {coding}")
            with self.subTest(coding):
                self.refused(head("POST", POST_PATH, *lines, f"Content-Length: {len(bomb)}") + bomb, 413)
                self.refused(head("POST", POST_PATH, *lines, "Transfer-Encoding: chunked") + chunk(bomb) + b"0\r\n\r\n", 413)

    def test_damaged_codings(self):
        good = {"gzip": gzip.compress(b"{}" * 500), "deflate": zlib.compress(b"{}" * 500), "zstd": zstd(b"{}" * 500)}
        for coding, body in good.items():
            post = ("POST", POST_PATH, "Content-Type: application/json", f"Content-Encoding: {coding}")
            for bad in (body[:-3], b"nonsense", b"\0" + body, body + b"x"):
                with self.subTest(coding, bad=bad[:10]):
                    self.refused(head(*post, f"Content-Length: {len(bad)}") + bad, 400)
        self.refused(head("POST", POST_PATH, "Content-Encoding: br", "Content-Length: 2", "Content-Type: application/json") + b"{}", 415)

    def test_dripped_head(self):
        self.need("head_seconds")
        with connect(self.server) as s:
            r, s2 = Reader(s), head("GET", "/health", "X-A: " + "a" * 60000)
            self.drip(s, s2)
            self.assertIn(r.answer().status, (408, None))
            self.assertTrue(r.closed())

    def test_dripped_body(self):
        self.need("body_seconds")
        for line in ("Content-Length: 60000", "Transfer-Encoding: chunked"):
            with connect(self.server) as s:
                s.sendall(head("POST", POST_PATH, "Content-Type: application/json", line))
                r = Reader(s)
                self.drip(s, chunk(b"a") * 10000)
                self.assertIn(r.answer().status, (408, None))
                self.assertTrue(r.closed())

    def drip(self, sock, data):
        """Two bytes now and then, until the server has had enough: a total deadline, not one between bytes."""
        end = time.monotonic() + PATIENCE
        sock.settimeout(0.05)
        for i in range(0, len(data), 2):
            self.assertLess(time.monotonic(), end, "dripped for ever")
            try:
                sock.sendall(data[i:i + 2])
                if sock.recv(1, socket.MSG_PEEK) is not None:
                    break
            except socket.timeout:
                continue
            except OSError:
                break
        sock.settimeout(PATIENCE)


class Manners(Peers):
    """What well-behaved clients may expect."""

    def test_headers_of_every_answer(self):
        for a in (ask(self.server), ask(self.server, "GET", "/nowhere"), ask(self.server, "POST", POST_PATH, b"{}")):
            self.assertRegex(a.headers["x-request-id"], r"^req_[0-9a-f]{32}$")
            self.assertRegex(a.headers["openai-processing-ms"], r"^\d+$")
            self.assertEqual(a.headers["openai-version"], "2020-10-01")

    def test_every_split(self):
        two = head("GET", "/health", "X-A: b") + head("POST", POST_PATH, "Content-Length: 2", "Content-Type: application/json") + b"{}"
        whole = self.statuses([two])
        for cut in range(1, len(two)):
            self.assertEqual(self.statuses([two[:cut], two[cut:]]), whole, f"cut at {cut}")
        self.assertEqual(self.statuses([two[i:i + 1] for i in range(len(two))]), whole)

    def statuses(self, pieces):
        with connect(self.server) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for p in pieces:
                s.sendall(p)
            r = Reader(s)
            return [r.answer().status for _ in range(2)]

    def test_keep_alive(self):
        with connect(self.server) as s:
            r = Reader(s)
            for _ in range(100):
                s.sendall(head())
                self.assertEqual(r.answer().status, 200)

    def test_pipelining(self):
        with connect(self.server) as s:
            s.sendall(head() * 50)
            r = Reader(s)
            self.assertEqual([r.answer().status for _ in range(50)], [200] * 50)

    def test_empty_lines_before_a_request(self):
        self.assertEqual(say(self.server, b"\r\n\r\n" + head()).status, 200)

    def test_old_clients(self):
        with connect(self.server) as s:
            s.sendall(head("GET", "/health", version="HTTP/1.0"))
            r = Reader(s)
            a = r.answer()
            self.assertEqual((a.status, a.headers["connection"]), (200, "close"))
            self.assertTrue(r.closed())
        with connect(self.server) as s:
            r = Reader(s)
            for _ in range(3):
                s.sendall(head("GET", "/health", "Connection: keep-alive", version="HTTP/1.0"))
                a = r.answer()
                self.assertEqual((a.status, a.headers["connection"]), (200, "keep-alive"))
        self.assertEqual(say(self.server, b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n").status, 200)

    def test_close(self):
        with connect(self.server) as s:
            s.sendall(head("GET", "/health", "Connection: close"))
            r = Reader(s)
            self.assertEqual(r.answer().headers["connection"], "close")
            self.assertTrue(r.closed())

    def test_half_close_after_the_request(self):
        with connect(self.server) as s:
            s.sendall(head())
            s.shutdown(socket.SHUT_WR)
            self.assertEqual(Reader(s).answer().status, 200)

    def test_absolute_target(self):
        self.assertEqual(ask(self.server, "GET", "http://localhost/health").status, 200)

    def test_upgrade_is_passed_over(self):
        with connect(self.server) as s:
            s.sendall(head("GET", "/health", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c") + head())
            r = Reader(s)
            self.assertEqual([r.answer().status, r.answer().status], [200, 200])

    def test_head(self):
        with connect(self.server) as s:
            s.sendall(head("HEAD") + head())
            r = Reader(s)
            a = r.answer(bodiless=True)
            self.assertIn("content-length", a.headers)
            self.assertEqual(r.answer().status, 200)

    def test_continue(self):
        with connect(self.server) as s:
            s.sendall(head("POST", POST_PATH, "Expect: 100-continue", "Content-Length: 2", "Content-Type: application/json"))
            r = Reader(s)
            self.assertEqual(r.answer().status, 100)
            s.sendall(b"{}")
            self.assertNotEqual(r.answer().status, 100)

    def test_no_continue_when_refused(self):
        with connect(self.server) as s:
            s.sendall(head("POST", POST_PATH, "Expect: 100-continue", "Content-Length: 99999999999", "Content-Type: application/json"))
            self.assertEqual(Reader(s).answer().status, 413)

    def test_chunked_with_trailers_and_extensions(self):
        a = say(self.server, head("POST", POST_PATH, "Transfer-Encoding: chunked", "Content-Type: application/json") +
                b'1;a=b;c="d"\r\n{\r\n1\r\n}\r\n0\r\nX-Trailer: a\r\n\r\n')
        self.assertEqual(a.status, ask(self.server, "POST", POST_PATH, b"{}").status)


@unittest.skipIf(URL, "needs the echo server's routes")
class Bodies(Peers):
    def echoed(self, wire, data, *lines):
        a = say(self.server, head("POST", "/e", *lines) + wire)
        self.assertEqual(a.status, 200, a.body)
        self.assertEqual((a.json()["bytes"], a.json()["sum"]), (len(data), summed(data)))

    def test_codings(self):
        data = os.urandom(50000) + bytes(200000)
        half = len(data) // 2
        wires = {
            "identity": data, "gzip": gzip.compress(data), "deflate": zlib.compress(data), "zstd": zstd(data),
            "x-gzip": gzip.compress(data[:half]) + gzip.compress(data[half:]),
        }
        for coding, wire in wires.items():
            with self.subTest(coding):
                self.echoed(wire, data, f"Content-Encoding: {coding}", f"Content-Length: {len(wire)}")
                pieces = b"".join(chunk(wire[i:i + 999]) for i in range(0, len(wire), 999))
                self.echoed(pieces + b"0\r\n\r\n", data, f"Content-Encoding: {coding}", "Transfer-Encoding: chunked")
        self.echoed(zstd(data[:half]) + zstd(data[half:]), data, "Content-Encoding: zstd", f"Content-Length: {len(zstd(data[:half]) + zstd(data[half:]))}")
        self.echoed(b"", b"", "Content-Encoding: gzip", "Content-Length: 0")

    def test_exact_limit(self):
        data = bytes(LIMITS["body_bytes"])
        self.echoed(data, data, f"Content-Length: {len(data)}")
        wire = gzip.compress(data)
        self.echoed(wire, data, "Content-Encoding: gzip", f"Content-Length: {len(wire)}")

    def test_pipelined_bodies(self):
        with connect(self.server) as s:
            bodies = [os.urandom(i * 37 % 3000) for i in range(60)]
            s.sendall(b"".join(head("POST", f"/{i}", f"Content-Length: {len(b)}") + b for i, b in enumerate(bodies)))
            r = Reader(s)
            for i, b in enumerate(bodies):
                a = r.answer().json()
                self.assertEqual((a["path"], a["sum"]), (f"/{i}", summed(b)))

    def test_refused_head_keeps_a_short_body_apart(self):
        with connect(self.server) as s:
            s.sendall(head("POST", "/refuse", "Content-Length: 50") + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n".ljust(50) + head("GET", "/next"))
            r = Reader(s)
            self.assertEqual(r.answer().status, 401)
            self.assertEqual(r.answer().json()["path"], "/next")

    def test_refused_head_with_a_long_body_closes(self):
        for line in ("Content-Length: 500000", "Transfer-Encoding: chunked"):
            with connect(self.server) as s:
                send_all(s, head("POST", "/refuse", line) + b"7a120\r\n" + b"a" * 400000)
                r = Reader(s)
                a = r.answer()
                self.assertEqual((a.status, a.headers["connection"]), (401, "close"))
                self.assertTrue(r.closed())

    def test_target(self):
        for target, path, query in (("/a%20b?c=d?e", "/a%20b", "c=d?e"), ("/a?", "/a", ""), ("http://h:1?x", "/", "x"), ("http://h/p", "/p", ""), ("/a#f?g", "/a", "")):
            a = ask(self.server, "GET", target).json()
            self.assertEqual((a["path"], a["query"]), (path, query))

    def test_nothing_stays_in_flight(self):
        self.eventually(lambda: ask(self.server, "GET", "/x").json()["inflight"] == 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
