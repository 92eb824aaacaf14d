"""A Chat Completions engine that says what a test tells it to.

In a test:

    engine = ScriptedEngine()                       # listens on a free port of 127.0.0.1
    engine.next(say("Hel", "lo"))                   # the next call is answered so, in two pieces
    engine.next(call("f", '{"a":', "1}"), finish("tool_calls"))
    engine.always(lambda request: [say("You said: " + request.last_text)])
    engine.requests[-1].body["messages"]            # what came

A script is a row of steps; where it names no end, `finish("stop")`, usage and `[DONE]` follow. Calls that find no script
waiting get what `always` says; without it they get "You said: <last user message>." in three pieces.

By hand: python3 engine_script.py [--port N] runs one with that default behaviour.
"""
import hashlib
import json
import re
import select
import socket
import threading
import time

REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error",
           503: "Service Unavailable"}


# --- steps: functions of (answer) that write to it ---

def _deltas(key, pieces, **beside):
    def run(answer):
        for piece in pieces:
            answer.chunk({key: piece}, **beside)
    return run


def say(*pieces, logprobs=None):
    """Text in pieces. logprobs: the OpenAI object that goes beside each delta."""
    return _deltas("content", pieces, **({"logprobs": logprobs} if logprobs else {}))


def think(*pieces, key="reasoning_content"):
    return _deltas(key, pieces)


def refuse(*pieces):
    return _deltas("refusal", pieces)


def call(name, *pieces, index=0, id=None):
    """One tool call, its arguments in pieces."""
    def run(answer):
        answer.called = True
        head = {"index": index, "id": id or f"call_script{index}", "type": "function",
                "function": {"name": name, "arguments": pieces[0] if pieces else ""}}
        answer.chunk({"tool_calls": [head]})
        for piece in pieces[1:]:
            answer.chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    return run


def calls_interleaved(*calls):
    """Parallel calls whose arguments come in turns: each call is (name, id, [pieces])."""
    def run(answer):
        answer.called = True
        answer.chunk({"tool_calls": [{"index": i, "id": id, "type": "function",
                                      "function": {"name": name, "arguments": ""}}
                                     for i, (name, id, _) in enumerate(calls)]})
        for k in range(max(len(pieces) for _, _, pieces in calls)):
            for i, (_, _, pieces) in enumerate(calls):
                if k < len(pieces):
                    answer.chunk({"tool_calls": [{"index": i, "function": {"arguments": pieces[k]}}]})
    return run


def finish(reason, usage=None):
    """The end: finish_reason, usage (a dict, or False for none) and [DONE]."""
    def run(answer):
        answer.finish(reason, usage)
    return run


def pause(seconds):
    def run(answer):
        answer.wait(seconds)
    return run


def hold(gate):
    """Goes on when the test sets gate.open; gate.reached says that the engine has come here."""
    def run(answer):
        gate.reached.set()
        while not gate.open.is_set():
            answer.wait(0.02)
    return run


class Gate:
    def __init__(self):
        self.reached, self.open = threading.Event(), threading.Event()


def hang():
    """Says nothing more until the caller leaves."""
    def run(answer):
        while True:
            answer.wait(3600)
    return run


def cut():
    """Closes the connection in the middle of the answer."""
    def run(answer):
        answer.begin()
        raise Cut
    return run


def raw(data):
    """These bytes as a part of the event stream, whatever they are."""
    def run(answer):
        answer.begin()
        answer.write(data)
    return run


def raw_socket(data):
    """These bytes instead of an HTTP answer; then the connection is closed."""
    def run(answer):
        answer.begun = True
        answer.request.socket.sendall(data)
        raise Cut
    return run


def big_line(n):
    """One event line of n bytes."""
    def run(answer):
        answer.begin()
        answer.write(b'data: {"choices":[{"index":0,"delta":{"content":"')
        block = b"a" * 65536
        left = n
        while left > 0:
            answer.write(block[:min(left, len(block))])
            left -= len(block)
        answer.write(b'"}}]}\n\n')
    return run


def status(code, error=None, headers=(), body=None):
    """An answer that is no stream."""
    def run(answer):
        answer.plain(code, body if body is not None else json.dumps({"error": error or {
            "code": code, "message": f"scripted {code}", "type": "server_error"}}).encode(), headers)
    return run


def overflow(prompt_tokens=9000, context=4096):
    """llama.cpp's answer to a prompt that is too long."""
    return status(400, {"code": 400, "message": f"request ({prompt_tokens} tokens) exceeds the available context size "
                        f"({context} tokens), try increasing it", "type": "exceed_context_size_error",
                        "n_prompt_tokens": prompt_tokens, "n_ctx": context})


def loading():
    """llama.cpp's answer while it loads its model."""
    return status(503, {"message": "Loading model", "type": "unavailable_error", "code": 503})


# --- the engine ---

class Cut(Exception):
    pass


class Left(Exception):
    pass


class Request:
    def __init__(self, sock, method, path, headers, body):
        self.socket, self.method, self.path, self.headers, self.raw = sock, method, path, headers, body
        self.body = json.loads(body) if body and "json" in headers.get("content-type", "json") else None
        self.left = threading.Event()   # the caller closed before the end
        self.done = threading.Event()   # the answer went out whole

    @property
    def last_text(self):
        for message in reversed(self.body["messages"]):
            if message["role"] == "user":
                content = message["content"]
                return content if isinstance(content, str) else "".join(p.get("text", "") for p in content)
        return ""


class Answer:
    def __init__(self, engine, request):
        self.engine, self.request = engine, request
        self.begun = self.ended = self.called = False
        self.pieces = 0
        self.id = f"chatcmpl-script-{engine.count}"

    def begin(self):
        if not self.begun:
            self.begun = True
            self.request.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                        b"Transfer-Encoding: chunked\r\n\r\n")
            self.chunk({"role": "assistant", "content": None})

    def write(self, data):
        try:
            self.request.socket.sendall(b"%x\r\n%s\r\n" % (len(data), data))
        except OSError:
            raise Left from None

    def event(self, obj):
        self.begin()
        obj = {"id": self.id, "object": "chat.completion.chunk", "created": 1700000000,
               "model": self.engine.models[0], **obj}
        self.write(b"data: " + json.dumps(obj, ensure_ascii=False).encode() + b"\n\n")

    def chunk(self, delta, reason=None, **beside):
        self.pieces += 1
        self.event({"choices": [{"index": 0, "delta": delta, "finish_reason": reason, **beside}]})

    def finish(self, reason, usage=None):
        self.chunk({}, reason)
        if usage is None:
            n = sum(len(json.dumps(m)) for m in self.request.body["messages"]) // 4
            usage = {"prompt_tokens": n, "completion_tokens": self.pieces, "total_tokens": n + self.pieces,
                     "prompt_tokens_details": {"cached_tokens": 0}}
        if usage:
            self.event({"choices": [], "usage": usage})
        self.write(b"data: [DONE]\n\n")
        self.end()

    def end(self):
        self.ended = True
        self.request.socket.sendall(b"0\r\n\r\n")

    def plain(self, code, body, headers=(), kind="application/json"):
        self.begun = self.ended = True
        head = f"HTTP/1.1 {code} {REASONS.get(code, 'Status')}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        head += "".join(f"{k}: {v}\r\n" for k, v in headers)
        self.request.socket.sendall(head.encode() + b"\r\n" + body)

    def wait(self, seconds):
        """Sleeps; raises Left when the caller closes meanwhile."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.engine.closing.is_set():
                raise Cut
            if select.select([self.request.socket], [], [], min(left, 0.2))[0]:
                try:
                    if not self.request.socket.recv(1, socket.MSG_PEEK):
                        raise Left
                    time.sleep(min(left, 0.02))  # a pipelined request: it waits its turn
                except OSError:
                    raise Left from None


def echo(request):
    return [say("You said: ", request.last_text, ".")]


class ScriptedEngine:
    """`props`: False = an engine without llama.cpp's extra routes; `tools`: its template takes tools."""

    def __init__(self, models=("scripted",), port=0, context=32768, slots=64, tools=True, props=True, vision=False,
                 audio=False, owner="scripted"):
        self.models, self.context, self.slots = list(models), context, slots
        self.tools, self.props, self.vision, self.audio = tools, props, vision, audio
        self.requests, self.probes, self.scripts = [], [], []
        self.behaviour, self.count = echo, 0
        self.owner, self.counting = owner, None  # counting: (status, body) of every question for a count
        self.dims, self.embed_most, self.meanings = 0, 512, {}  # dims: of its embeddings; 0: it has none
        self.metrics = None  # the text of GET /metrics; None: 404
        self.key = None  # when set, calls without it are 401
        self.lock, self.closing = threading.Lock(), threading.Event()
        self.sockets = set()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def next(self, *steps):
        """The script of the next call that has none yet."""
        with self.lock:
            self.scripts.append(list(steps))

    def always(self, behaviour):
        """A function of (request) that gives the steps of calls without a script."""
        self.behaviour = behaviour

    @property
    def last(self):
        return self.requests[-1]

    def wait_for(self, n, seconds=30):
        """Until n calls have come in all."""
        end = time.monotonic() + seconds
        while len(self.requests) < n:
            assert time.monotonic() < end, f"{len(self.requests)} calls came, {n} expected"
            time.sleep(0.01)
        return self.requests[n - 1]

    def stop_listening(self):
        """Gone: nobody listens any more, and what was open is closed."""
        self.closing.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            open_sockets = list(self.sockets)
        for s in open_sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    close = stop_listening

    def listen_again(self):
        self.closing = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=512)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    # --- inside ---

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.sockets.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            stream = sock.makefile("rb")
            while (request := self._read(sock, stream)) is not None:
                if not self._answer(request):
                    break
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.sockets.discard(sock)
            sock.close()

    def _read(self, sock, stream):
        line = stream.readline()
        if not line.strip():
            return None
        method, path, _ = line.decode("latin-1").split(" ", 2)
        headers = {}
        while (line := stream.readline().strip()):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while (size := int(stream.readline().split(b";")[0], 16)):
                body += stream.read(size)
                stream.readline()
            stream.readline()
        else:
            body = stream.read(int(headers.get("content-length", 0)))
        return Request(sock, method, path, headers, body)

    def _answer(self, request):
        """False: the connection is to be closed."""
        answer = Answer(self, request)
        if request.method == "GET" or not request.path.split("?")[0].endswith("/chat/completions"):
            with self.lock:
                self.probes.append(request)
            if self.metrics is not None and request.path.endswith("/metrics"):
                answer.plain(200, self.metrics.encode(), kind="text/plain")
                return True
            code, body = self._probe(request)
            answer.plain(code, json.dumps(body).encode())
            return True
        with self.lock:
            self.count += 1
            self.requests.append(request)
            script = self.scripts.pop(0) if self.scripts else None
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            script = [status(401, {"code": 401, "message": "Invalid API Key", "type": "authentication_error"})]
        elif script is None:
            script = self.behaviour(request)
        try:
            for step in script:
                step(answer)
                if answer.ended:
                    break
            if not answer.ended:
                answer.finish("tool_calls" if answer.called else "stop")
            request.done.set()
            return True
        except Cut:
            try:
                request.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        except (Left, OSError):
            request.left.set()
        return False

    def _embed(self, request):
        """Vectors in which a word and its translation in `meanings` stand for the same."""
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return 401, {"error": {"message": "Invalid API Key", "type": "authentication_error"}}
        body, data = json.loads(request.raw), []
        for i, text in enumerate([body["input"]] if isinstance(body["input"], str) else body["input"]):
            words = re.findall(r"\w+", text.lower()) if isinstance(text, str) else [f"token{t}" for t in text]
            if isinstance(text, list) and max(text) > 200000:
                return 400, {"error": {"code": 400, "message": "Prompt contains invalid tokens"}}
            if len(words) > self.embed_most:
                return 500, {"error": {"code": 500, "message": f"input ({len(words)} tokens) is too large to process"}}
            vector = [0.0] * self.dims
            for word in words:
                digest = hashlib.sha256(self.meanings.get(word, word).encode()).digest()
                for k in range(self.dims):
                    vector[k] += 1.0 if digest[k // 8 % 32] >> k % 8 & 1 else -1.0
            length = sum(x * x for x in vector) ** 0.5 or 1.0
            data.append({"object": "embedding", "index": i, "embedding": [x / length for x in vector]})
        return 200, {"object": "list", "data": data[::-1], "model": self.models[0],
                     "usage": {"prompt_tokens": 7, "total_tokens": 7}}

    def _probe(self, request):
        path = request.path.split("?")[0]
        if path == "/v1/embeddings" and self.dims:
            return self._embed(request)
        if path.endswith("/models"):
            return 200, {"object": "list", "data": [
                {"id": m, "object": "model", "created": 1700000000, "owned_by": self.owner, "meta": {"n_ctx": self.context}}
                for m in self.models]}
        if path == "/health":
            return 200, {"status": "ok"}
        if self.props and path == "/props":
            return 200, {"total_slots": self.slots, "model_alias": self.models[0], "chat_template": "",
                         "default_generation_settings": {"n_ctx": self.context},
                         "modalities": {"vision": self.vision, "audio": self.audio},
                         "chat_template_caps": {"supports_tools": self.tools, "supports_tool_calls": self.tools,
                                                "supports_parallel_tool_calls": self.tools,
                                                "supports_system_role": True}}
        if self.counting is not None:
            return self.counting
        if self.owner == "vllm" and path == "/tokenize":
            return 200, {"count": len(request.raw) // 4, "max_model_len": self.context, "tokens": [7] * 100000}
        if self.props and path.endswith("/input_tokens"):
            return 200, {"input_tokens": len(request.raw) // 4, "object": "response.input_tokens"}
        return 404, {"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}


def main():
    import argparse
    options = argparse.ArgumentParser(description="A scripted engine with its default behaviour")
    options.add_argument("--port", type=int, default=0)
    engine = ScriptedEngine(port=options.parse_args().port)
    print("listening on", engine.url, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
