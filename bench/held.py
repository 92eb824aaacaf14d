"""What holds a loop: the worst inputs of a megabyte at most, beside a client that asks /health every millisecond.

Each row is the longest answer that client waited for while an input was worked on, less noise: the least over some
repetitions; beside it what CPU the server took within one answer, its other threads included, which a loaded machine does not
change much. Nothing may hold a loop for more than 20 ms in a release build. An input is taken, so that all of the work is
done; those that are refused say so in their name, and have a neighbour that is the most of its kind that is taken. Used by
bench/run.py (row `held`).

2026-11-29, two cores, others at work on them: CPU within the longest answer, ms: many items (compact) 17.8; many messages (chat)
17.3, with eight answers 15.4 (before slices 59.6); a megabyte of logit_bias 16.8; a program 13.2; references to nothing 13.2; tools
of an item 12.9; many items (WebSocket) 12.6; allowed tools 11.2; many items (background) 11.2; calls and outputs 10.3; 128 strict
tools 10.1; tools of many items 9.5; compactions 8.4; tools that were found 8.0; many items 8.0 (before slices 21.2); all others
below 8."""
import base64, io, json, os, random, socket, struct, subprocess, threading, time, urllib.error, urllib.request, zipfile, zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MOST_MS = 20
MEGABYTE = 1000000


class Input:
    """One request; `after`, given its answer, says whether what it started is done. `socket`: over a WebSocket."""

    def __init__(self, body, path="/responses", kind="application/json", after=None, socket=False):
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.path, self.kind, self.after, self.socket = path, kind, after, socket


def fitting(make, most=MEGABYTE, first=1 << 20):
    """The largest input make(n) that a megabyte holds: n by halves from the first, then by eighths of it."""
    n = first
    while len(json.dumps(make(n))) > most:
        n //= 2
    step = n // 8
    while step and len(json.dumps(make(n + step))) <= most:
        n += step
    return make(n)


def create(**more):
    return {"model": "bench", "input": "hello", **more}


def message(content):
    return create(input=[{"role": "user", "content": content}])


def schema(properties, strict=False):
    return create(text={"format": {"type": "json_schema", "name": "s", "strict": strict, "schema": properties}})


def closed(properties):
    """As a strict schema has to be."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def strict_function(i, n):
    return {**function(i), "strict": True, "parameters": closed({f"p{k}": {"type": "string"} for k in range(n)})}


def function(i):
    return {"type": "function", "name": f"tool_{i}", "strict": False, "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}


def wide_function(i, n):
    return {**function(i), "parameters": {"type": "object", "properties": {f"p{k}": {"type": "string"} for k in range(n)}}}


def nested(n):
    v = {"type": "string"}
    for _ in range(min(n, 60)):
        v = {"type": "object", "properties": {"a": v, "b": v}} if n < 12 else {"type": "object", "properties": {"a": v}}
    return v


def nested_strict(n):
    v = {"type": "string"}
    for _ in range(n):
        v = closed({"a": v})
    return v


def grammar(n, syntax):
    """Both take what the bench's engine answers: word1a."""
    text = "start: " + " | ".join(f'"word{i}a"' for i in range(n)) if syntax == "lark" else "|".join(f"word{i}[a-z]{{1,9}}" for i in range(n))
    return create(tools=[{"type": "custom", "name": "t", "format": {"type": "grammar", "syntax": syntax, "definition": text}}],
                  tool_choice={"type": "custom", "name": "t"})


CHAT_PATH, FORM = "/chat/completions", "multipart/form-data; boundary=b"
CHAT = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "x"}]
MCP_SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def chat_function(i):
    f = function(i)
    return {"type": "function", "function": {k: v for k, v in f.items() if k != "type"}}


def chat(**more):
    return Input({"model": "bench", "messages": CHAT, **more}, CHAT_PATH)


def chat_calls(n):
    """Calls of tools and their answers, as an agent that keeps its own history sends them."""
    pair = lambda i: [{"role": "assistant", "content": None, "tool_calls": [{"id": f"c{i}", "type": "function", "function": {"name": "tool_1", "arguments": "{}"}}]},
                      {"role": "tool", "tool_call_id": f"c{i}", "content": "x"}]
    return {"model": "bench", "messages": [CHAT[0]] + [m for i in range(n) for m in pair(i)]}


def large(which):
    """The engine answers in one piece as much as it may."""
    f = {**function(1), "name": "t", "parameters": {"type": "object", "properties": {"input": {"type": "string"}}}}
    return create(input="LARGE_" + which, tools=[f] if which == "CALL" else [])


def many_items(n):
    return {"model": "bench", "input": [{"role": "user", "content": "x"}] * n}


def png(side, noise):
    """A true picture, RGB: of noise, which nothing makes smaller, or of one colour."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    row = side * 3
    raw = b"".join(b"\0" + (os.urandom(row) if noise else bytes(row)) for _ in range(side))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) + \
        chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def data_url(picture):
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def picture(side, noise):
    return message([{"type": "input_image", "image_url": data_url(png(side, noise))}])


def form(parts):
    """[(name, file name or None, bytes)] as a body."""
    out = b""
    for name, file, data in parts:
        named = f'; filename="{file}"' if file else ""
        out += f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + data + b"\r\n"
    return out + b"--b--\r\n"


def filters(n):
    """As large as they may be: groups of comparisons, one within the other."""
    one = [{"type": "in", "key": f"k{i % 16}", "value": [f"value {k}" for k in range(n)]} for i in range(16)]
    return {"type": "or", "filters": one}


# --- inputs that need something before them ---------------------------------------------------------------------

def post(port, path, body, kind="application/json"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    q = urllib.request.Request(f"http://127.0.0.1:{port}/v1{path}", raw, {"Content-Type": kind})
    with urllib.request.urlopen(q, timeout=120) as r:
        return json.load(r)


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1{path}", timeout=60) as r:
        return json.load(r)


def upload(port, name, data, purpose):
    return post(port, "/files", form([("purpose", None, purpose.encode()), ("file", name, data)]), FORM)["id"]


def wait(done, seconds=120):
    end = time.time() + seconds
    while not done() and time.time() < end:
        time.sleep(0.05)


def store_with_files(port):
    """A vector store of ten small files with attributes, which filters are asked of."""
    store = post(port, "/vector_stores", {"name": "bench"})["id"]
    for i in range(10):
        file = upload(port, f"{i}.txt", b"a word about a thing\n" * 20, "assistants")
        post(port, f"/vector_stores/{store}/files", {"file_id": file, "attributes": {f"k{k}": f"value {i}" for k in range(16)}})
    wait(lambda: get(port, f"/vector_stores/{store}")["file_counts"]["in_progress"] == 0)
    return store


def mcp_tool(i):
    return {"name": f"tool_{i}", "description": "Says something."}


class Mcp(BaseHTTPRequestHandler):
    """A server of as many tools as a megabyte holds."""
    protocol_version, tools = "HTTP/1.1", []

    def log_message(self, *_):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        result = {"tools": self.tools} if asked.get("method") == "tools/list" else \
            {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "bench", "version": "1"}}
        body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode() if "id" in asked else b""
        self.send_response(200 if body else 202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.send_error(405)

    do_DELETE = do_GET


def mcp_server(tools):
    handler = type("Tools", (Mcp,), {"tools": tools})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/mcp"


def mcp_create(n):
    listed = [{**mcp_tool(i), "inputSchema": MCP_SCHEMA} for i in range(n)]
    return create(tools=[{"type": "mcp", "server_label": "s", "server_url": mcp_server(listed), "require_approval": "never"}])


def approvals():
    """To requests that this server has never made: it looks for them."""
    url = mcp_server([{**mcp_tool(1), "inputSchema": MCP_SCHEMA}])
    return fitting(lambda n: create(
        tools=[{"type": "mcp", "server_label": "s", "server_url": url, "require_approval": "always"}],
        input=[{"type": "mcp_approval_request", "id": f"mcpr_{i}", "name": "tool_1", "server_label": "s", "arguments": "{}"} for i in range(n)] + [
            {"type": "mcp_approval_response", "approval_request_id": f"mcpr_{i}", "approve": False} for i in range(n)]))


def skill():
    """A zip of as many files as a skill may have."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as z:
        z.writestr("math/SKILL.md", "---\nname: basic-math\ndescription: Adds numbers.\n---\n\n# Adds\n")
        for i in range(480):
            z.writestr(f"math/{i}.txt", random.Random(i).randbytes(1800))
    return out.getvalue()


def batch(port, lines):
    """Its file is read in slices and its lines run; what is asked for is small."""
    text = b"".join(json.dumps({"custom_id": f"c{i}", "method": "POST", "url": "/v1/responses", "body": create()}).encode() + b"\n" for i in range(lines))
    file = upload(port, "lines.jsonl", text, "batch")
    over = lambda made: get(port, "/batches/" + made["id"])["status"] in ("completed", "failed")
    return Input({"input_file_id": file, "endpoint": "/v1/responses", "completion_window": "24h"}, "/batches", after=over)


def batch_of_one(port):
    text = json.dumps({"custom_id": "c", "method": "POST", "url": "/v1/responses", "body": message("word " * (MEGABYTE // 5 - 100))}).encode() + b"\n"
    file = upload(port, "line.jsonl", text, "batch")
    over = lambda made: get(port, "/batches/" + made["id"])["status"] in ("completed", "failed")
    return Input({"input_file_id": file, "endpoint": "/v1/responses", "completion_window": "24h"}, "/batches", after=over)


def compactions(port):
    """A summary that this server has sealed, again and again, behind what was said."""
    made = post(port, "/responses/compact", create())
    sealed = {"type": "compaction", "encrypted_content": next(i for i in made["output"] if i["type"] == "compaction")["encrypted_content"]}
    return Input(fitting(lambda n: create(input=[{"role": "user", "content": "x"}] * (4 * n) + [sealed] * n)))


def own_items(port, n, unknown):
    """References to an item that is there, or to n that are not."""
    made = post(port, "/responses", create())
    id = get(port, f"/responses/{made['id']}/input_items")["data"][0]["id"]
    return create(input=[{"type": "item_reference", "id": id[:-8] + f"{i:08x}" if unknown else id} for i in range(n)])


PREPARED = {
    "filters of a search (refused)": lambda port, store: Input(fitting(lambda n: {"query": "thing", "filters": filters(n)}), f"/vector_stores/{store}/search"),
    "filters of a search, the most": lambda port, store: Input({"query": "thing", "filters": filters(60)}, f"/vector_stores/{store}/search"),
    "filters of a tool (refused)": lambda port, store: Input(fitting(lambda n: create(
        tools=[{"type": "file_search", "vector_store_ids": [store], "filters": filters(n)}]))),
    "filters of a tool, the most": lambda port, store: Input(create(tools=[{"type": "file_search", "vector_store_ids": [store], "filters": filters(60)}])),
    "compactions": lambda port, store: compactions(port),
    "references to nothing (refused)": lambda port, store: Input(fitting(lambda n: own_items(port, n, True))),
    "MCP tools, a thousand": lambda port, store: Input(mcp_create(1000)),
    "MCP tools, a megabyte (refused)": lambda port, store: Input(mcp_create(8000)),
    "answers to approvals (refused)": lambda port, store: Input(approvals()),
    "a skill (zip)": lambda port, store: Input(form([("files", "math.zip", skill())]), "/skills", FORM),
    "a skill (parts)": lambda port, store: Input(form([("files[]", "math/SKILL.md", b"---\nname: basic-math\ndescription: Adds.\n---\n")] + [
        ("files[]", f"math/{i}.txt", b"x" * 1800) for i in range(480)]), "/skills", FORM),
    "a file": lambda port, store: Input(form([("purpose", None, b"assistants"), ("file", "a.txt", b"word " * (MEGABYTE // 5 - 50))]), "/files", FORM),
    "a batch of many lines": lambda port, store: batch(port, 300),
    "a batch of one long line": lambda port, store: batch_of_one(port),
}


# Each makes a body of POST /v1/responses, or an Input.
INPUTS = {
    "a long text": lambda: message("word " * (MEGABYTE // 5 - 50)),
    "a text of escapes": lambda: message('"\\\n' * (MEGABYTE // 6 - 50)),
    "many items": lambda: fitting(lambda n: create(input=[{"role": "user", "content": "x"}] * n)),
    "many parts": lambda: fitting(lambda n: message([{"type": "input_text", "text": "x"}] * n)),
    "calls and outputs": lambda: fitting(lambda n: create(input=[
        item for i in range(n) for item in ({"type": "function_call", "call_id": f"c{i}", "name": "f", "arguments": "{}"},
                                            {"type": "function_call_output", "call_id": f"c{i}", "output": "x"})])),
    "128 tools": lambda: fitting(lambda n: create(tools=[wide_function(i, n) for i in range(128)]), first=1024),
    "tools of an item": lambda: fitting(lambda n: create(input=[{"type": "additional_tools", "role": "developer", "tools": [
        function(i) for i in range(n)]}, {"role": "user", "content": "x"}])),
    "tools of many items": lambda: fitting(lambda n: create(input=[{"type": "additional_tools", "role": "developer", "tools": [function(i)]}
                                                                   for i in range(n)] + [{"role": "user", "content": "x"}])),
    "tools that were found": lambda: fitting(lambda n: create(tools=[{"type": "tool_search", "execution": "client"}], input=[
        {"role": "user", "content": "x"}, {"type": "tool_search_call", "call_id": "c", "execution": "client", "arguments": {}},
        {"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": [{**function(i), "defer_loading": True} for i in range(n)]}])),
    "thoughts": lambda: fitting(lambda n: create(input=[{"type": "reasoning", "id": f"rs_{i}", "summary": [{"type": "summary_text", "text": "x"}]}
                                                        for i in range(n)] + [{"role": "user", "content": "x"}])),
    "annotations": lambda: fitting(lambda n: create(input=[{"role": "assistant", "content": [{"type": "output_text", "text": "x", "annotations": [
        {"type": "url_citation", "start_index": 0, "end_index": 1, "url": "http://a", "title": "t"}] * n}]}, {"role": "user", "content": "x"}])),
    "pictures by id (refused)": lambda: fitting(lambda n: message([{"type": "input_image", "file_id": "file-x"}] * n)),
    "a long include": lambda: fitting(lambda n: create(include=["reasoning.encrypted_content"] * n)),
    "a thousand tools (refused)": lambda: create(tools=[function(i) for i in range(1000)]),
    "many tools (refused)": lambda: fitting(lambda n: create(tools=[function(i) for i in range(n)])),
    "a wide schema": lambda: fitting(lambda n: schema({"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(n)}})),
    "a deep schema": lambda: schema(nested(60)),
    "a long enum": lambda: fitting(lambda n: schema({"type": "object", "properties": {"a": {"enum": [f"v{i}" for i in range(n)]}}})),
    "many references": lambda: fitting(lambda n: schema({"type": "object", "$defs": {f"d{i}": {"$ref": f"#/$defs/d{i + 1}"} for i in range(n)}})),
    "a grammar (lark)": lambda: fitting(lambda n: grammar(n, "lark"), 60000),
    "a grammar (regex)": lambda: fitting(lambda n: grammar(n, "regex"), 60000),
    "a picture": lambda: picture(496, noise=True),
    "a picture of 49 megapixels": lambda: picture(7000, noise=False),
    "many pictures": lambda: message([{"type": "input_image", "image_url": data_url(png(4, True))}] * 100),
    "no picture (refused)": lambda: message([{"type": "input_image", "image_url": "data:image/png;base64," + base64.b64encode(os.urandom(740000)).decode()}]),
    "an odd picture (refused)": lambda: message([{"type": "input_image", "image_url": "data:image/png;base64," + "A" * 990000 + "!"}]),
    "a file in the input": lambda: message([{"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64," + base64.b64encode(b"word " * 148000).decode()}]),
    "odd members (refused)": lambda: fitting(lambda n: create(**{f"member_{i}": 1 for i in range(n)})),
    "brackets (refused)": lambda: b'{"model":"bench","input":' + b"[" * (MEGABYTE - 100),
    "an arguments object": lambda: create(input=[{"type": "function_call", "call_id": "c", "name": "f", "arguments": json.dumps(["x"] * 180000)},
                                                 {"type": "function_call_output", "call_id": "c", "output": "x"}]),
    "a hundred thousand parts (refused)": lambda: Input(b"".join(b"--b\r\n\r\n\r\n" for _ in range(95000)) + b"--b--\r\n", "/files", FORM),
    "a thousand tools (chat, refused)": lambda: Input({"model": "bench", "messages": CHAT, "tools": [chat_function(i) for i in range(1000)]}, CHAT_PATH),
    "many tools (chat, refused)": lambda: Input(fitting(lambda n: {"model": "bench", "messages": CHAT, "tools": [chat_function(i) for i in range(n)]}), CHAT_PATH),
    "many messages (chat)": lambda: Input(fitting(lambda n: {"model": "bench", "messages": CHAT * n}), CHAT_PATH),
    "allowed tools": lambda: create(tools=[function(i) for i in range(128)], tool_choice={
        "type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": f"tool_{i % 128}"} for i in range(15000)]}),
    "128 tools (chat)": lambda: Input(fitting(lambda n: {"model": "bench", "messages": CHAT, "tools": [
        {"type": "function", "function": {k: v for k, v in wide_function(i, n).items() if k != "type"}} for i in range(128)]}, first=1024), CHAT_PATH),
    "a list of MCP tools in the input": lambda: fitting(lambda n: create(input=[
        {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "s", "tools": [{**mcp_tool(i), "input_schema": MCP_SCHEMA} for i in range(n)]},
        {"role": "user", "content": "hello"}])),
    "a strict schema, wide (refused)": lambda: fitting(lambda n: schema(closed({f"p{i}": {"type": "string"} for i in range(n)}), True)),
    "a strict schema, the most (which the answer does not fit)": lambda: schema(closed({f"p{i}": {"type": "string"} for i in range(5000)}), True),
    "a strict schema, deep (refused)": lambda: schema(nested_strict(60), True),
    "a strict schema, much text (which the answer does not fit)": lambda: schema(closed({f"p{i}": {"type": "string", "description": "word " * 40} for i in range(4000)}), True),
    "128 strict tools": lambda: fitting(lambda n: create(tools=[strict_function(i, n) for i in range(128)]), first=1024),
    "logit_bias": lambda: chat(logit_bias={str(i): 1 for i in range(10000)}),
    "logit_bias, a megabyte": lambda: Input(fitting(lambda n: {"model": "bench", "messages": CHAT, "logit_bias": {str(i): 1 for i in range(n)}}), CHAT_PATH),
    "eight answers (chat)": lambda: chat(n=8, messages=CHAT[:1] + [{"role": "user", "content": "word " * (MEGABYTE // 5 - 100)}]),
    "calls and outputs (chat)": lambda: Input(fitting(chat_calls), CHAT_PATH),
    "many messages, eight answers (chat)": lambda: Input({**fitting(lambda n: {"model": "bench", "messages": CHAT * n}), "n": 8}, CHAT_PATH),
    "kept (chat)": lambda: Input({**fitting(lambda n: {"model": "bench", "messages": CHAT * n}), "store": True}, CHAT_PATH),
    "a long text (background)": lambda: create(background=True, input="word " * (MEGABYTE // 5 - 100)),
    "many items (background)": lambda: {**fitting(many_items), "background": True},
    "many items (input_tokens)": lambda: Input(fitting(many_items), "/responses/input_tokens"),
    "many items (compact)": lambda: Input(fitting(many_items), "/responses/compact"),
    "a conversation of many items (refused)": lambda: Input(fitting(lambda n: {"items": [{"role": "user", "content": "x"}] * n}), "/conversations"),
    "a conversation's twenty large items": lambda: Input({"items": [{"role": "user", "content": "word " * 9900}] * 20}, "/conversations"),
    "a prompt template": lambda: Input({"name": "p", "instructions": "{{a}} word " * 80000}, "/prompts"),
    "many items (WebSocket)": lambda: Input({"type": "response.create", **fitting(lambda n: many_items(n), MEGABYTE - 100)}, socket=True),
    "a long text (WebSocket)": lambda: Input({"type": "response.create", **message("word " * (MEGABYTE // 5 - 100))}, socket=True),
    "an answer, one chunk": lambda: large("TEXT"),
    "a call, one chunk": lambda: large("CALL"),
    "an answer, no stream": lambda: large("JSON"),
    "a program": lambda: create(input="LARGE_PROGRAM", tools=[{"type": "programmatic_tool_calling"}]),
    "metadata": lambda: create(metadata={f"key_{i}": "v" * 512 for i in range(16)}),
}



def send_frame(port, one):
    """One masked text (with the mask 0) on a WebSocket; 200 when the answer came to its end."""
    with socket.create_connection(("127.0.0.1", port), 120) as s, s.makefile("rb") as f:
        s.sendall(b"GET /v1/responses HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                  b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
        while f.readline() not in (b"\r\n", b""):
            pass
        s.sendall(b"\x81\xff" + struct.pack(">Q", len(one.body)) + bytes(4) + one.body)
        while len(lead := f.read(2)) == 2:
            n = {126: lambda: struct.unpack(">H", f.read(2))[0], 127: lambda: struct.unpack(">Q", f.read(8))[0]}.get(lead[1], lambda: lead[1])()
            event = json.loads(f.read(n)) if lead[0] & 15 == 1 else {}
            if event.get("type") in ("response.completed", "response.failed", "error"):
                return 200 if event["type"] == "response.completed" else event.get("status", 500)
    return 0


def send(port, one):
    if one.socket:
        return send_frame(port, one)
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1{one.path}", one.body, {"Content-Type": one.kind})
    try:
        with urllib.request.urlopen(request, timeout=120) as r:
            made = r.read()
            if one.after:
                wait(lambda: one.after(json.loads(made)))
            return r.status
    except urllib.error.HTTPError as e:
        e.read()
        return e.code


def inputs(port, only=""):
    """(name, Input) of all."""
    for name, make in INPUTS.items():
        if name.startswith(only):
            made = make()
            yield name, made if isinstance(made, Input) else Input(made)
    prepared = {name: make for name, make in PREPARED.items() if name.startswith(only)}
    store = store_with_files(port) if prepared else None
    for name, make in prepared.items():
        yield name, make(port, store)


def measure(load_bin, server, only="", repeat=5):
    """(name, status, milliseconds, those of the server's CPU) of each input whose name begins with `only`."""
    port = server.port
    for name, one in inputs(port, only):
        held, cpu, status = [], [], 0
        for _ in range(2 if one.after else repeat):
            beat = subprocess.Popen([load_bin, "beat", str(port), "1", "1", str(server.p.pid)],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            time.sleep(0.05) # it beats by then
            status = send(port, one)
            beat.stdin.close()
            r = json.loads(beat.stdout.read())
            held.append(r["most_ms"])
            cpu.append(r["most_cpu_ms"])
            beat.wait()
        yield name, status, min(held), min(cpu)
