"""A relay in front of the server that keeps what a client sends: requests, and the texts of its WebSockets."""
import json
import socket
import struct
import threading


class Said:
    """A request, or with method "WS" a text frame of a WebSocket."""

    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.method} {self.path} {self.body[:200]!r}>"


class Tap:
    """Reads from one socket; what was read goes to the other when it is passed on."""

    def __init__(self, source, sink):
        self.source, self.sink, self.got = source, sink, b""

    def need(self, n):
        while len(self.got) < n:
            piece = self.source.recv(65536)
            if not piece:
                raise EOFError
            self.got += piece
        out, self.got = self.got[:n], self.got[n:]
        return out

    def passed(self, n):
        out = self.need(n)
        self.sink.sendall(out)
        return out

    def head(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.need(1)
        return head.decode("latin-1").split("\r\n")[:-2]


class Relay:
    """eats_upgrades: as a proxy that knows nothing of WebSockets."""

    def __init__(self, server, eats_upgrades=False):
        self.server, self.eats_upgrades, self.said = server, eats_upgrades, []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection((self.server.host, self.server.port))
            except OSError:  # it is down: so are we
                client.close()
                continue
            threading.Thread(target=self._down, args=(server, client), daemon=True).start()
            threading.Thread(target=self._up, args=(client, server), daemon=True).start()

    def _down(self, server, client):
        try:
            while (piece := server.recv(65536)):
                client.sendall(piece)
        except OSError:
            pass
        end(client)

    def _up(self, client, server):
        tap = Tap(client, server)
        try:
            while not self._request(tap):
                pass
            while True:
                self.said.append(Said("WS", "", {}, text(tap)))
        except (EOFError, OSError):
            pass
        end(server)

    def _request(self, tap):
        """true: it asked for a WebSocket."""
        lines = tap.head()
        if self.eats_upgrades:
            lines = [line for line in lines if not line.lower().startswith(("upgrade:", "connection:"))]
        tap.sink.sendall("\r\n".join(lines + ["", ""]).encode("latin-1"))
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        method, path, _ = lines[0].split(" ")
        body = tap.passed(int(headers.get("content-length", 0)))
        self.said.append(Said(method, path, headers, body))
        return "upgrade" in headers


def text(tap):
    """The payload of the next frame that is a whole text; other frames are passed on."""
    while True:
        first, n = tap.passed(2)
        n &= 127
        if n >= 126:
            n, = struct.unpack(">H" if n == 126 else ">Q", tap.passed(2 if n == 126 else 8))
        mask, data = tap.passed(4), tap.passed(n)
        if first == 0x81:
            return bytes(b ^ mask[i % 4] for i, b in enumerate(data))


def end(sock):
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
