"""In the place of the managed engine's Python (test_embedder.py): what Antiphon starts as its own embedder, and what its set-up
asks to fetch. As engine.py it serves embeddings on a unix socket, where words of one meaning have one vector; as pip it fails
while FOLDER/offline is there. FOLDER/pids gets a line for each that served."""
import hashlib
import json
import os
import socketserver
import sys
from http.server import BaseHTTPRequestHandler

FOLDER = sys.argv[1]
MEANINGS = {"canine": "dog", "feline": "cat"}


def vector(text):
    v = [0.0] * 384
    for word in text.lower().split():
        word = MEANINGS.get(word.strip("."), word.strip("."))
        v[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "little") % len(v)] += 1.0
    length = sum(x * x for x in v) ** 0.5 or 1.0
    return [x / length for x in v]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def do_POST(self):
        texts = json.loads(self.rfile.read(int(self.headers["content-length"])))["input"]
        status, answer = 200, {"data": [{"index": i, "embedding": vector(t)} for i, t in enumerate(texts)], "usage": {"prompt_tokens": 3}}
        if any(len(t.split()) > 300 for t in texts):
            status, answer = 500, {"error": {"message": "input (602 tokens) is too large to process."}}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def main():
    if "pip" in sys.argv[2:]:
        sys.exit("ERROR: no way to the package index" if os.path.exists(FOLDER + "/offline") else 0)
    if sys.argv[2:3] == ["-c"]:
        return
    socket = sys.argv[4]
    with open(FOLDER + "/pids", "a") as f:
        f.write(f"{os.getpid()}\n")
    with socketserver.ThreadingUnixStreamServer(socket, Handler) as server:
        server.daemon_threads = True
        print("ready", socket, flush=True)
        server.serve_forever()


main()
