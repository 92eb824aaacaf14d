"""What holds a loop: the worst inputs of a megabyte at most, beside a client that asks /health every millisecond.

Each row is the longest answer that client waited for while an input was worked on, less noise: the least over some
repetitions. Nothing may hold a loop for more than 20 ms in a release build. Used by bench/run.py (row `held`)."""
import base64, json, os, subprocess, time, urllib.error, urllib.request

MOST_MS = 20
MEGABYTE = 1000000


def fitting(make, most=MEGABYTE):
    """The largest input make(n) that a megabyte holds, n by halves."""
    n = 1 << 20
    while len(json.dumps(make(n))) > most:
        n //= 2
    return make(n)


def create(**more):
    return {"model": "bench", "input": "hello", **more}


def message(content):
    return create(input=[{"role": "user", "content": content}])


def schema(properties):
    return create(text={"format": {"type": "json_schema", "name": "s", "strict": False, "schema": properties}})


def function(i):
    return {"type": "function", "name": f"tool_{i}", "strict": False, "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}


def nested(n):
    v = {"type": "string"}
    for _ in range(min(n, 60)):
        v = {"type": "object", "properties": {"a": v, "b": v}} if n < 12 else {"type": "object", "properties": {"a": v}}
    return v


def grammar(n, syntax):
    text = "start: " + " | ".join(f'"word{i}"' for i in range(n)) if syntax == "lark" else "|".join(f"word{i}[a-z]{{1,9}}" for i in range(n))
    return create(tools=[{"type": "custom", "name": "t", "format": {"type": "grammar", "syntax": syntax, "definition": text}}],
                  tool_choice={"type": "custom", "name": "t"})


INPUTS = {
    "a long text": lambda: message("word " * (MEGABYTE // 5 - 50)),
    "a text of escapes": lambda: message('"\\\n' * (MEGABYTE // 6 - 50)),
    "many items": lambda: fitting(lambda n: create(input=[{"role": "user", "content": "x"}] * n)),
    "many parts": lambda: fitting(lambda n: message([{"type": "input_text", "text": "x"}] * n)),
    "calls and outputs": lambda: fitting(lambda n: create(input=[
        item for i in range(n) for item in ({"type": "function_call", "call_id": f"c{i}", "name": "f", "arguments": "{}"},
                                            {"type": "function_call_output", "call_id": f"c{i}", "output": "x"})])),
    "a thousand tools": lambda: create(tools=[function(i) for i in range(1000)]),
    "many tools": lambda: fitting(lambda n: create(tools=[function(i) for i in range(n)])),
    "a wide schema": lambda: fitting(lambda n: schema({"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(n)}})),
    "a deep schema": lambda: schema(nested(60)),
    "a long enum": lambda: fitting(lambda n: schema({"type": "object", "properties": {"a": {"enum": [f"v{i}" for i in range(n)]}}})),
    "many references": lambda: fitting(lambda n: schema({"type": "object", "$defs": {f"d{i}": {"$ref": f"#/$defs/d{i + 1}"} for i in range(n)}})),
    "a grammar (lark)": lambda: fitting(lambda n: grammar(n, "lark"), 60000),
    "a grammar (regex)": lambda: fitting(lambda n: grammar(n, "regex"), 60000),
    "an image": lambda: message([{"type": "input_image", "image_url": "data:image/png;base64," + base64.b64encode(os.urandom(740000)).decode()}]),
    "an odd image": lambda: message([{"type": "input_image", "image_url": "data:image/png;base64," + "A" * 990000 + "!"}]),
    "a file": lambda: message([{"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64," + base64.b64encode(b"word " * 148000).decode()}]),
    "odd members": lambda: fitting(lambda n: create(**{f"member_{i}": 1 for i in range(n)})),
    "brackets": lambda: b'{"model":"bench","input":' + b"[" * (MEGABYTE - 100),
    "an arguments object": lambda: create(input=[{"type": "function_call", "call_id": "c", "name": "f", "arguments": json.dumps(["x"] * 180000)},
                                                 {"type": "function_call_output", "call_id": "c", "output": "x"}]),
    "multipart": lambda: b"".join(b"--b\r\n\r\n\r\n" for _ in range(95000)) + b"--b--\r\n",
}


def send(port, body):
    multipart = isinstance(body, bytes) and body.startswith(b"--b")
    kind = "multipart/form-data; boundary=b" if multipart else "application/json"
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/{'files' if multipart else 'responses'}", raw, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=60) as r:
            r.read()
            return r.status
    except urllib.error.HTTPError as e:
        e.read()
        return e.code


def measure(load_bin, port, repeat=5):
    """(name, status, milliseconds) of each input, the longest held first."""
    rows = []
    for name, make in INPUTS.items():
        body, held, status = make(), [], 0
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        for _ in range(repeat):
            beat = subprocess.Popen([load_bin, "beat", str(port), "1", "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            time.sleep(0.05) # it beats by then
            status = send(port, body)
            beat.stdin.close()
            held.append(json.loads(beat.stdout.read())["most_ms"])
            beat.wait()
        rows.append((name, status, min(held)))
    return sorted(rows, key=lambda r: -r[2])
