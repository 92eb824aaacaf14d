"""A way round for the official SDKs: SDK > Prism (with OpenAI's OpenAPI file) > Crossing > server.

Prism's target is fixed when it starts, the tests' servers come and go: so it gets a Crossing, which hands each request to the server
that was started last, and shows harness.WITNESSES each event of the streams (Prism can judge no stream). Used by tools/compat.sh:
ANTIPHON_PRISM names the program; conftest.py does the rest.
"""
import http.client
import http.server
import json
import os
import re
import subprocess
import tempfile
import threading

from harness import PATIENCE, Event, eventually, witness
from openapi import document

HOP = {"connection", "keep-alive", "transfer-encoding", "host", "content-length"}
# Tests that are left out behind Prism: a piece of their id, and why.
PRISM_CANNOT = {
    "a client that aborts": "Prism reads a stream to its end before it gives any of it on",
    "websocket": "Prism speaks no WebSocket",
    "webhook": "the file knows no webhook endpoints",
    "prompts": "the file knows no prompts",
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _cross(self):
        size = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(size) if size else None
        connection = http.client.HTTPConnection(*self.server.target, timeout=PATIENCE)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        if "text/event-stream" in answer.getheader("content-type", ""):
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while (line := answer.readline()):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                if line.startswith(b"data: "):
                    witness(self.command, self.path, Event(None, line[6:].decode().strip()))
            self.wfile.write(b"0\r\n\r\n")
        else:
            data = answer.read()
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        connection.close()

    do_GET = do_POST = do_DELETE = _cross


class Crossing(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.target = None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # a client that left


def prism_document():
    """The OpenAPI file as Prism can use it: a stream is text to it."""
    doc = document()
    for path in doc["paths"].values():
        for operation in path.values():
            for answer in operation["responses"].values():
                if "text/event-stream" in answer.get("content", {}):
                    answer["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    return doc


class Prism:
    """Prism as a validating proxy before a Crossing; complaints(): what it said since it was last asked."""

    def __init__(self, program):
        self.crossing = Crossing()
        self.folder = tempfile.TemporaryDirectory(prefix="antiphon-prism-")
        path, log = (os.path.join(self.folder.name, name) for name in ("openapi.json", "log"))
        with open(path, "w") as f:
            json.dump(prism_document(), f)
        env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        command = [program, "proxy", path, f"http://127.0.0.1:{self.crossing.server_port}/v1", "-p", "0"]
        with open(log, "w") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env={**env, "NO_COLOR": "1"})
        self.log = open(log, errors="replace")
        self.said, self.asked = "", 0
        self.url = eventually(lambda: re.search(r"Prism is listening on (\S+)", self._listen()), what="Prism")[1]

    def _listen(self):
        assert self.process.poll() is None, self.said
        self.said += self.log.read()
        return self.said

    def before(self, server):
        """The base URL at which that server is reached through Prism, until another one is."""
        self.crossing.target = (server.host, server.port)
        return self.url

    def complaints(self):
        new, self.asked = self._listen()[self.asked:], len(self.said)
        return {line for line in re.findall(r"Violation: (.*)", new) if not line.startswith("request.body")}

    def close(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.crossing.shutdown()
        self.log.close()
        self.folder.cleanup()
