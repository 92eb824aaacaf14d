"""An engine that can more than chat: speech, transcriptions, rerankings, moderations, images; real sounds and pictures.

    engine = AbilityEngine({"/v1/audio/speech": speak})
    engine.asked[-1].raw                # what came to one of its paths; engine.asked_empty: probes with {}

A path's function gets the request and gives (status, content type, bytes or a list of pieces), or raises Cut."""
import base64
import email.parser
import email.policy
import io
import json
import struct
import wave
import zlib

from engine_script import Answer, Cut, Left, ScriptedEngine


def png(width=2, height=2, colour=(255, 0, 0), alpha=False):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    pixel = bytes(colour) + (b"\0" if alpha else b"")
    rows = (b"\0" + pixel * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 6 if alpha else 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def wav(seconds=0.1, rate=8000):
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(b"".join(struct.pack("<h", (i * 257) % 20000) for i in range(int(seconds * rate))))
    return out.getvalue()


def b64(data):
    return base64.b64encode(data).decode()


def form_of(request):
    """The parts of a multipart request: a list of (name, file name or None, type or None, bytes)."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request.raw)
    return [(p.get_param("name", header="content-disposition"), p.get_filename(), p.get("content-type"), p.get_payload(decode=True))
            for p in message.iter_parts()]


def answer_json(body, status=200):
    return status, "application/json", json.dumps(body).encode()


class AbilityEngine(ScriptedEngine):
    def __init__(self, paths, **more):
        self.paths, self.asked, self.asked_empty = paths, [], []
        super().__init__(**more)

    def _answer(self, request):
        path = request.path.split("?")[0]
        if request.method != "POST" or path not in self.paths:
            if request.method == "POST" and not path.endswith("/chat/completions"):
                self.asked_empty.append(request)
                Answer(self, request).plain(404, b'{"detail":"Not Found"}')
                return True
            return super()._answer(request)
        if request.raw == b"{}":
            self.asked_empty.append(request)
            Answer(self, request).plain(422, b'{"detail":[{"loc":["body","input"],"msg":"Field required"}]}')
            return True
        self.asked.append(request)
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            Answer(self, request).plain(401, b'{"error":{"message":"Invalid API Key sk-of-the-engine"}}')
            return True
        try:
            code, kind, body = self.paths[path](request)
            answer = Answer(self, request)
            if isinstance(body, bytes):
                answer.plain(code, body, kind=kind)
                return True
            request.socket.sendall(f"HTTP/1.1 {code} OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
            for piece in body:
                answer.write(piece)
            answer.end()
            return True
        except (Cut, Left, OSError):
            request.left.set()
        return False
