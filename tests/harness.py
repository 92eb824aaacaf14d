"""Starts the program under test, talks to it, stops it and looks at what it left behind."""
import atexit
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time

from postgres import Postgres

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.path.abspath(os.environ.get("ANTIPHON_BIN", os.path.join(TREE, "build", "antiphon")))
# What a sanitizer, an assert or the program itself says when something is broken.
STORE = os.environ.get("ANTIPHON_TEST_STORE", "sqlite")  # or postgres: what the servers keep their rows in
BROKEN = re.compile(r"ERROR: \w+Sanitizer|runtime error:|LeakSanitizer|Assertion .* failed|stack smashing")
PATIENCE = 60  # seconds that a thing which must happen may take; never a measure of speed
FRONT = None  # what the SDKs are led through: before(server) gives the base URL (crossing.py)
WITNESSES = []  # functions of (method, path, Answer) and (method, path, Event): they see all that flows through Server


def environment(home, extra=None):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("ANTIPHON_", "OPENAI_", "XDG_"))
           and k.lower() not in ("http_proxy", "https_proxy", "all_proxy")}
    env.update(HOME=home, XDG_RUNTIME_DIR=home, ASAN_OPTIONS="detect_leaks=1:exitcode=99:detect_stack_use_after_return=0",
               UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:exitcode=98")
    env["ANTIPHON_INDEX_EMBEDDER"] = "none"  # the default would be fetched from the network
    env.update(extra or {})
    return env


_postgres = []


def postgres():
    """The PostgreSQL server of this run, made at the first need."""
    if not _postgres:
        _postgres.append(Postgres())
        atexit.register(_postgres[0].close)
    return _postgres[0]


def schema_of(data):
    return "s" + hashlib.sha256(os.path.abspath(str(data)).encode()).hexdigest()[:16]


def store_of(data):
    """Environment for a program that works on that data folder: with STORE postgres its rows are in a schema of its own."""
    if STORE == "sqlite" or not data:
        return {}
    name = schema_of(data)
    postgres().schema(name)
    return {"ANTIPHON_STORE_URL": postgres().url("postgres") + f"?options=-csearch_path%3D{name}"}


def data_of(args):
    """What --data says among a command's arguments; None: nothing."""
    return next((value for flag, value in zip(args, args[1:]) if flag == "--data"), None)


def rows_of(data, sql, values=()):
    """What a statement gives (or does) in the database of a data folder, beside a server or while none runs; values: numbers
    and texts in place of its ?."""
    if STORE == "sqlite":
        with sqlite3.connect(os.path.join(str(data), "antiphon.db"), timeout=20) as db:
            rows = db.execute(sql, values).fetchall()
        db.close()
        return rows
    for value in values:
        sql = sql.replace("?", str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'", 1)
    lines = postgres().sql(f"SET search_path = {schema_of(data)}; {sql}").split("\n")
    return [tuple(int(cell) if re.fullmatch(r"-?\d+", cell) else cell for cell in line.split("|")) for line in lines if line]


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Event:
    """One server-sent event: its name, and its data read as JSON (None for [DONE])."""

    def __init__(self, name, data):
        self.name, self.text = name, data
        self.data = None if data == "[DONE]" else json.loads(data)
        self.type = "[DONE]" if self.data is None else self.data.get("type", name)

    def __repr__(self):
        return f"<event {self.type} {self.text[:200]}>"


class Stream:
    """An answer in parts, read event by event; leave() closes the connection in the middle of it."""

    def __init__(self, connection, response, method="POST", path="/v1/responses"):
        self.connection, self.response = connection, response
        self.method, self.path = method, path
        self.status, self.headers = response.status, {k.lower(): v for k, v in response.getheaders()}
        self.comments = 0

    def __iter__(self):
        name, data = None, []
        while (line := self.response.readline()):
            line = line.rstrip(b"\r\n").decode()
            if not line:
                if data:
                    event = Event(name, "\n".join(data))
                    witness(self.method, self.path, event)
                    yield event
                name, data = None, []
            elif line.startswith(":"):
                self.comments += 1
            elif line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                data.append(line[5:].lstrip(" "))
        self.connection.close()

    def until(self, kind):
        """The events up to the first of that type, which is included."""
        seen = []
        for event in self:
            seen.append(event)
            if event.type == kind:
                return seen
        raise AssertionError(f"no {kind} in {seen}")

    def leave(self):
        sock = self.connection.sock
        if sock is None:  # http.client gives the socket away on "Connection: close"
            sock = self.response.fp.raw._sock
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.response.close()
        self.connection.close()


def witness(method, path, what):
    for see in WITNESSES:
        see(method, path, what)


class Server:
    """`antiphon serve` on a free port with a data folder of its own.

    args: further options; data: a folder that outlives this server (a restart gives the same one)."""

    def __init__(self, engine=None, args=(), data=None, env=None, ready=True, listen="127.0.0.1:0", key=None, binary=BINARY):
        self.home = tempfile.mkdtemp(prefix="antiphon-test-")
        self.data = data or os.path.join(self.home, "data")
        self.engine, self.key, self.args, self.env = engine, key, list(args), env
        self.command = [binary, "serve", "--listen", listen, "--data", self.data]
        if engine is not None:
            self.command += ["--engine", engine if isinstance(engine, str) else engine.url[:-len("/v1")]]
        self.command += self.args
        self.log = os.path.join(self.home, "stderr")
        self.process = None
        self.start(ready)

    def start(self, ready=True):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.home,
                                            env=environment(self.home, {**store_of(self.data), **(self.env or {})}), start_new_session=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), f"first line {line!r}\n{self.stderr()}"
        self.url = line.split()[2]
        self.host, port = self.url.split("//")[1].rsplit(":", 1)
        self.port = int(port)
        # What more it prints must not fill the pipe.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        if ready:
            self.wait_ready()

    @property
    def base_url(self):
        return FRONT.before(self) if FRONT else self.url + "/v1"

    def wait_ready(self):
        end = time.monotonic() + PATIENCE
        while (answer := self.get("/ready")).status != 200:
            assert time.monotonic() < end, f"never ready: {answer}\n{self.stderr()}"
            time.sleep(0.02)

    def stderr(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    # --- requests ---

    def open(self, method, path, body=None, headers=None, key=None):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        headers = dict(headers or {})
        key = key or self.key
        if key:
            headers.setdefault("Authorization", f"Bearer {key}")
        if body is not None:
            if not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        connection.request(method, path, body, headers)
        return connection, connection.getresponse()

    def request(self, method, path, body=None, headers=None, key=None):
        connection, response = self.open(method, path, body, headers, key)
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        witness(method, path, answer)
        return answer

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body, **more):
        return self.request("POST", path, body, **more)

    def delete(self, path, **more):
        return self.request("DELETE", path, **more)

    def create(self, input, **more):
        """A response that must succeed; its JSON."""
        key, headers = more.pop("key", None), more.pop("headers", None)
        answer = self.post("/v1/responses", {"model": "scripted", "input": input, **more}, key=key, headers=headers)
        assert answer.status == 200, answer
        return answer.json

    def stream(self, input, path="/v1/responses", key=None, headers=None, **more):
        body = {"model": "scripted", "stream": True, **more}
        body.setdefault("input", input) if path == "/v1/responses" else body.setdefault("messages", input)
        return Stream(*self.open("POST", path, body, headers, key), "POST", path)

    # --- the end ---

    def stop(self, patience=PATIENCE):
        """SIGTERM; it must end by itself, with status 0 and nothing broken."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end within {patience} s of SIGTERM\n{self.stderr()[-4000:]}") from None
        self.process = None
        text = self.stderr()
        assert not BROKEN.search(text), text[-8000:]
        assert code == 0, f"exit status {code}\n{text[-4000:]}"

    def kill(self):
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def erase(self):
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)


def command(*args, home, env=None, input=None, patience=PATIENCE):
    """Runs `antiphon ARGS`; the finished process with its output as text."""
    done = subprocess.run([BINARY, *args], capture_output=True, text=True, input=input, timeout=patience,
                          env=environment(home, {**store_of(data_of(args)), **(env or {})}))
    assert not BROKEN.search(done.stderr), done.stderr
    return done


def make_key(server, name, project=None):
    """A key made while the server runs; (secret, id)."""
    args = ["keys", "create", name, "--data", server.data] + (["--project", project] if project else [])
    done = command(*args, home=server.home)
    assert done.returncode == 0, done.stderr
    secret = re.search(r"\bsk-\S+", done.stdout)
    assert secret, done.stdout
    listed = command("keys", "list", "--data", server.data, home=server.home)
    row = next(line for line in listed.stdout.splitlines() if re.search(rf"\b{re.escape(name)}\b", line))
    return secret[0], re.search(r"\bkey_\S+", row)[0]


def eventually(check, patience=PATIENCE, what="it"):
    """Waits until check() gives something true, and gives that."""
    end = time.monotonic() + patience
    while not (result := check()):
        assert time.monotonic() < end, f"{what} did not happen within {patience} s"
        time.sleep(0.02)
    return result


def text_of(response):
    return "".join(part["text"] for item in response["output"] if item["type"] == "message"
                   for part in item["content"] if part["type"] == "output_text")
