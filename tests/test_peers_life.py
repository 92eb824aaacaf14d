#!/usr/bin/env python3
"""How the HTTP floor lives with peers over time: who leaves, stalls, floods; descriptors, TLS, unix sockets, draining.

Against the echo server of src/net only (ECHO_SERVER names the binary, see test_peers.py).
"""
import os
import re
import socket
import ssl
import stat
import struct
import subprocess
import tempfile
import time
import unittest

import test_peers
from test_peers import PATIENCE, URL, Reader, Server, ask, connect, head


class Peers(test_peers.Peers):
    def number(self, name):
        return ask(self.server, "GET", "/numbers").json()[name]


@unittest.skipIf(URL, "needs the echo server's routes")
class Sinks(Peers):
    """Bodies that are taken while they come (net/body_sink.h)."""

    def put(self, body, query="", *lines):
        with connect(self.server) as s:
            s.sendall(head("POST", "/sink" + query, f"Content-Length: {len(body)}", *lines))
            test_peers.send_all(s, body)
            return Reader(s).answer()

    def test_whole_and_in_breaks(self):
        body = os.urandom(150000).replace(b"X", b"x")
        for query, breaks in (("", 0), ("?20000", 1), ("?1", 1)):
            got = self.put(body, query).json()
            self.assertEqual((got["bytes"], got["sum"], got["body"]), (len(body), test_peers.summed(body), 0))
            self.assertGreaterEqual(got["breaks"], breaks)

    def test_larger_than_other_bodies_and_than_memory(self):
        """Beyond net.body_bytes, and what is held does not grow with it."""
        before = self.server.rss_kb()
        got = self.put(b"a" * (40 << 20), "?65536").json()
        self.assertEqual(got["bytes"], 40 << 20)
        self.assertLess(self.server.rss_kb() - before, 20000)

    def test_nothing_and_chunks(self):
        self.assertEqual(self.put(b"").json()["bytes"], 0)
        with connect(self.server) as s:
            s.sendall(head("POST", "/sink?1", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n" * 50 + b"0\r\n\r\n" + head())
            r = Reader(s)
            self.assertEqual(r.answer().json()["bytes"], 150)
            self.assertEqual(r.answer().status, 200)  # the connection goes on

    def test_refused(self):
        self.assertEqual(self.put(b"aXb").status, 400)
        self.assertEqual(self.put(b"X" + b"a" * 200000, "?1").status, 400)
        self.assertEqual(self.put(b"", "", "Content-Encoding: gzip").status, 200)  # nothing to be inflated
        self.assertEqual(self.put(b"a", "", "Content-Encoding: gzip").status, 415)
        with connect(self.server) as s:
            s.sendall(head("POST", "/sink", f"Content-Length: {(64 << 20) + 1}"))
            self.assertEqual(Reader(s).answer().status, 413)
        with connect(self.server) as s:
            s.sendall(head("POST", "/sink", "Content-Length: 5"))
            self.assertEqual(Reader(s).answer().status, 408)
        self.eventually(lambda: self.number("running") == 0)

    def test_leaves(self):
        for n in range(30):
            s = connect(self.server)
            s.sendall(head("POST", "/sink?1", "Content-Length: 100000") + b"a" * (n * 1000))
            s.close()
        self.eventually(lambda: self.number("running") == 0)


@unittest.skipIf(URL, "needs the echo server's routes")
class Leaving(Peers):
    def leaves(self, request, leave):
        gone = self.number("gone")
        s = connect(self.server)
        s.sendall(request)
        self.eventually(lambda: self.number("running") >= 1)
        leave(s)
        self.eventually(lambda: self.number("gone") == gone + 1 and self.number("running") == 0)
        s.close()

    def reset(self, s):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()

    def test_noticed(self):
        ways = {"close": lambda s: s.close(), "reset": self.reset, "half close": lambda s: s.shutdown(socket.SHUT_WR)}
        for name, leave in ways.items():
            for path in ("/wait", "/forever"):
                with self.subTest(name, path=path):
                    self.leaves(head("GET", path), leave)

    def test_noticed_behind_pipelined_bytes(self):
        self.leaves(head("GET", "/wait") + head() * 10, lambda s: s.close())

    def test_without_a_reader(self):
        """A handler that registered nothing keeps its exchange and ends it into the void."""
        for _ in range(20):
            s = connect(self.server)
            s.sendall(head("GET", "/bare"))
            s.close()
        self.eventually(lambda: self.number("running") == 0)

    def test_leaves_in_body(self):
        for n in range(50):
            s = connect(self.server)
            s.sendall(head("POST", "/e", "Content-Length: 100000") + b"a" * (n * 1000))
            s.close()
        self.eventually(lambda: self.number("inflight") == 0)

    def test_flood_while_running_closes(self):
        with connect(self.server) as s:
            s.sendall(head("GET", "/wait"))
            self.eventually(lambda: self.number("running") == 1)
            test_peers.send_all(s, b"a" * 1000000)
            self.assertTrue(Reader(s).closed())
        self.eventually(lambda: self.number("running") == 0)

    def test_little_is_kept_while_running(self):
        with connect(self.server) as s:
            s.sendall(head("GET", "/slow") + head("GET", "/slow") + head("GET", "/after") * 3)
            r = Reader(s)
            self.assertIn("slow", r.answer().json())
            self.assertIn("slow", r.answer().json())
            self.assertEqual([r.answer().json()["path"] for _ in range(3)], ["/after"] * 3)

    def test_abort_is_seen(self):
        a = ask(self.server, "GET", "/abort")
        self.assertEqual((a.status, a.body, a.closed), (200, b"piece", True))


@unittest.skipIf(URL, "needs the echo server's routes")
class Streams(Peers):
    def test_form(self):
        a = ask(self.server, "GET", "/stream?2")
        self.assertEqual(a.headers["content-type"], "text/event-stream; charset=utf-8")
        self.assertEqual((a.headers["cache-control"], a.headers["x-accel-buffering"]), ("no-cache", "no"))
        self.assertRegex(a.body.decode(), r'^(event: delta\ndata: \{"type":"delta",.*,"obfuscation":"[A-Za-z0-9]{16}"\}\n\n){2}data: \[DONE\]\n\n$')
        self.assertEqual(ask(self.server, "GET", "/stream?2").body, a.body)

    def test_old_client(self):
        with connect(self.server) as s:
            s.sendall(head("GET", "/stream?2", version="HTTP/1.0"))
            a = Reader(s).answer()
            self.assertNotIn("transfer-encoding", a.headers)
            self.assertTrue(a.body.endswith(b"data: [DONE]\n\n"))

    def test_head(self):
        with connect(self.server) as s:
            s.sendall(head("HEAD", "/stream?5") + head())
            r = Reader(s)
            self.assertEqual(r.answer(bodiless=True).headers["content-type"], "text/event-stream; charset=utf-8")
            self.assertEqual(r.answer().status, 200)

    def test_slow_reader_gets_all(self):
        rooms = self.number("rooms")
        n = 20000  # 23 MB: more than the kernel takes for us
        with connect(self.server, rcvbuf=65536) as s:
            s.sendall(head("GET", f"/stream?{n}"))
            self.eventually(lambda: self.number("running") == 1)
            a = Reader(s).answer()
        seen = [int(x) for x in re.findall(rb'"sequence_number":(\d+)', a.body)]
        self.assertEqual(seen, list(range(n)))
        self.assertGreater(self.number("rooms"), rooms, "the source was never paused")

    def test_stalled_reader_is_gone(self):
        gone, rss = self.number("gone"), self.server.rss_kb()
        socks = [connect(self.server, rcvbuf=4096) for _ in range(8)]
        for s in socks:
            s.sendall(head("GET", "/stream?1000000"))
        self.eventually(lambda: self.number("gone") == gone + len(socks))
        self.assertLess(self.server.rss_kb() - rss, 40000, "memory of stalled readers")
        for s in socks:
            s.close()


@unittest.skipIf(URL, "needs limits of its own")
class FewConnections(Peers):
    args = ("connections=5",)

    def test_refused_beyond(self):
        held = [connect(self.server) for _ in range(4)]
        for s in held:
            s.sendall(head())
            self.assertEqual(Reader(s).answer().status, 200)
        one = connect(self.server)
        one.sendall(head())
        self.assertEqual(Reader(one).answer().status, 200)
        with connect(self.server) as s:
            a = Reader(s).answer()
            self.assertEqual((a.status, a.headers["retry-after"]), (503, "1"))
        for s in [*held, one]:
            s.close()
        self.eventually(lambda: ask(self.server).status == 200)


@unittest.skipIf(URL, "needs limits of its own")
class LittleInFlight(Peers):
    args = ("inflight_bytes=100000",)

    def test_refused_beyond(self):
        with connect(self.server) as s:
            s.sendall(head("POST", "/slow", "Content-Length: 60000") + b"a" * 60000)
            self.eventually(lambda: self.number("inflight") == 60000)
            a = ask(self.server, "POST", "/e", b"b" * 60000)
            self.assertEqual((a.status, a.headers["retry-after"]), (503, "1"))
            self.assertEqual(Reader(s).answer().status, 200)
        self.eventually(lambda: self.number("inflight") == 0)
        self.assertEqual(ask(self.server, "POST", "/e", b"b" * 60000).status, 200)


@unittest.skipIf(URL, "needs limits of its own")
class SlowBodies(Peers):
    args = ("body_seconds=600",)

    def test_have_a_deadline_of_their_own(self):
        with connect(self.server) as s:
            s.sendall(head("POST", "/e", "Content-Length: 2"))
            time.sleep(test_peers.LIMITS["head_seconds"] + 0.5)
            s.sendall(b"{}")
            self.assertEqual(Reader(s).answer().status, 200)


@unittest.skipIf(URL, "needs limits of its own")
class FewDescriptors(Peers):
    files = 40

    def test_backs_off(self):
        held = []
        for _ in range(60):  # the kernel's queue takes those that the server cannot
            held.append(connect(self.server))
        late = held[-1]
        late.sendall(head())
        cpu = self.server.cpu()
        time.sleep(1)
        self.assertLess(self.server.cpu() - cpu, 0.5, "spins without descriptors")
        for s in held[:-1]:
            s.close()
        self.assertEqual(Reader(late).answer().status, 200)
        late.close()


@unittest.skipIf(URL, "needs a server of its own")
class Doors(unittest.TestCase):
    def certificate(self, folder):
        cert, key = os.path.join(folder, "c.pem"), os.path.join(folder, "k.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert], check=True, capture_output=True)
        return cert, key

    def test_tls(self):
        with tempfile.TemporaryDirectory() as d:
            cert, key = self.certificate(d)
            server = Server("--tls-cert", cert, "--tls-key", key, "idle_seconds=1")
            context = ssl.create_default_context(cafile=cert)
            context.set_alpn_protocols(["h2", "http/1.1"])
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context.maximum_version = version
                with context.wrap_socket(connect(server), server_hostname="localhost") as s:
                    self.assertEqual(s.selected_alpn_protocol(), "http/1.1")
                    r = Reader(s)
                    body = os.urandom(700000)
                    s.sendall(head("POST", "/e", f"Content-Length: {len(body)}") + body)
                    a = r.answer().json()
                    self.assertEqual((a["sum"], a["tls"]), (test_peers.summed(body), True))
                    s.sendall(head("GET", "/stream?10000"))
                    self.assertEqual(r.answer().body.count(b"sequence_number"), 10000)
                    s.sendall(head() * 20)
                    self.assertEqual([r.answer().status for _ in range(20)], [200] * 20)
            # Plain HTTP, nothing at all, and a cut handshake on a TLS port: closed, and the server lives.
            with connect(server) as s:
                s.sendall(head())
                self.assertTrue(Reader(s).closed())
            with connect(server) as s:
                self.assertTrue(Reader(s).closed())
            with connect(server) as s:
                s.sendall(b"\x16\x03\x01\x02\x00\x01")
            with context.wrap_socket(connect(server), server_hostname="localhost") as s:
                s.sendall(head("GET", "/quit"))
                self.assertEqual(Reader(s).answer().body, b"bye\n")
            self.assertEqual(server.process.wait(PATIENCE), 0)
            server.process.stdout.close()
            self.assertFails(["--tls-cert", key, "--tls-key", key], "certificate")
            self.assertFails(["--tls-cert", cert, "--tls-key", cert], "key")

    def assertFails(self, args, text):
        got = subprocess.run([test_peers.ECHO, *args], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(got.returncode, 1)
        self.assertRegex(got.stderr, text)

    def test_unix(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "s")
            server = Server(host="unix:" + path)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            a = ask(server).json()
            self.assertEqual((a["peer"], a["loopback"]), ("unix", True))
            self.assertFails(["--listen", "unix:" + path], "already taken")
            server.process.kill()
            server.process.wait()
            server.process.stdout.close()
            again = Server(host="unix:" + path)  # what a dead server left does not matter
            self.assertEqual(ask(again).status, 200)
            self.assertEqual(again.stop(), 0)
            self.assertFalse(os.path.exists(path))
            self.assertFails(["--listen", "unix:" + "a" * 108], "107 bytes")

    def test_ipv6(self):
        try:
            server = Server(host="::1")
        except RuntimeError:
            self.skipTest("no IPv6 here")
        a = ask(server).json()
        self.assertEqual((a["peer"], a["loopback"]), ("::1", True))
        self.assertEqual(server.stop(), 0)

    def test_taken_port(self):
        server = Server()
        self.assertFails(["--port", str(server.port)], rf"port {server.port} on 127.0.0.1 is already taken by \S+ \(pid {server.process.pid}\); stop that, or")
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.bind(("127.0.0.1", 0))
            other.listen()
            self.assertFails(["--port", str(other.getsockname()[1])], rf"\(pid {os.getpid()}\)")
        self.assertFails(["--listen", "192.0.2.1"], "cannot listen")
        self.assertFails(["--port", "70000"], "70000")
        self.assertEqual(server.stop(), 0)

    def test_drain(self):
        server = Server()
        idle, slow, stream = connect(server), connect(server), connect(server, rcvbuf=65536)
        idle.sendall(head())
        r = Reader(idle)
        self.assertEqual(r.answer().status, 200)
        slow.sendall(head("GET", "/slow"))
        stream.sendall(head("GET", "/stream?20000"))
        while ask(server).json()["running"] < 2:
            pass
        self.assertEqual(ask(server, "GET", "/quit").status, 200)
        self.assertTrue(r.closed())
        with self.assertRaises(OSError):
            connect(server)
        a = Reader(slow).answer()
        self.assertEqual((a.status, a.headers["connection"]), (200, "close"))
        self.assertTrue(Reader(stream).answer().body.endswith(b"data: [DONE]\n\n"))
        for s in (idle, slow, stream):
            s.close()
        self.assertEqual(server.process.wait(PATIENCE), 0)
        server.process.stdout.close()

    def test_idle_connections_end(self):
        server = Server("idle_seconds=1")
        with connect(server) as fresh, connect(server) as used:
            used.sendall(head())
            r = Reader(used)
            self.assertEqual(r.answer().status, 200)
            self.assertTrue(r.closed())
            self.assertTrue(Reader(fresh).closed())
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
