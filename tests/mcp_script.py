"""An MCP server as a script: one port, a path for each way in which servers behave (as recorded in tests/data/mcp).

    with McpServer() as mcp:
        mcp.url("modern")   # /modern: 2026-07-28; /legacy; /sse; /bridge; /strict; /auth; /polling; ...

`mcp.log` has every request: (path, method of HTTP, JSON or None, headers)."""
import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}
NONE = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {}}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAAAABJRU5ErkJggg=="


def tools():
    return [
        {"name": "add", "description": "Add two integers.", "inputSchema": SCHEMA, "annotations": {"readOnlyHint": True}},
        {"name": "boom", "description": "Raises.", "inputSchema": NONE},
        {"name": "slow", "description": "Takes its time.", "inputSchema": NONE},
        {"name": "picture", "inputSchema": NONE},
        {"name": "ask", "inputSchema": NONE},
        {"name": "big", "inputSchema": NONE},
        {"name": "write", "description": "Changes something.", "inputSchema": NONE},
    ]


class McpServer:
    def __init__(self):
        self.log, self.sessions, self.streams, self.polls = [], set(), {}, {}
        self.slow = 0.3            # seconds of the tool `slow`
        self.tools = tools()
        self.written = 0           # calls of the tool `write`
        self.redirect = 307        # the status of /moved and /away
        self.result = None         # what the tool `picture` answers instead
        self.on_call = None        # called with (name, arguments) before a call is answered
        self.refusals = queue.Queue()
        self.running = self.most = 0
        self.lock = threading.Lock()

    def __enter__(self):
        outer = self

        class Handler(Answers):
            script = outer
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    @property
    def port(self):
        return self.http.server_address[1]

    def url(self, way):
        return f"http://127.0.0.1:{self.port}/{way}"

    def methods(self, way=None):
        return [(m or {}).get("method") for path, verb, m, _ in self.log if verb != "DELETE" and way in (None, path.strip("/").split("/")[0])]

    def ended(self):
        """Headers of the requests that ended a session."""
        return [h for _, verb, _, h in self.log if verb == "DELETE"]

    def call(self, name, args):
        """The result of a call; None: JSON-RPC error -32602."""
        if self.on_call:
            self.on_call(name, args)
        text = lambda s, **more: {"content": [{"type": "text", "text": s}], **more}
        if name == "add":
            try:
                return text(str(args["a"] + args["b"]), structuredContent={"result": args["a"] + args["b"]})
            except (KeyError, TypeError) as e:
                return text(f"Input validation error: {e}", isError=True)
        if name == "boom":
            return text("the database is down", isError=True)
        if name == "slow":
            with self.lock:
                self.running += 1
                self.most = max(self.most, self.running)
            time.sleep(self.slow)
            with self.lock:
                self.running -= 1
            return text("done")
        if name == "picture" and self.result:
            return self.result
        if name == "picture":
            return {"content": [{"type": "text", "text": "here"}, {"type": "image", "mimeType": "image/png", "data": PNG},
                                {"type": "resource", "resource": {"uri": "demo://1", "text": "inside"}},
                                {"type": "resource_link", "uri": "demo://2", "name": "two"},
                                {"type": "audio", "mimeType": "audio/wav", "data": "AAAA"}]}
        if name == "big":
            return text("x" * 300000)
        if name == "write":
            with self.lock:
                self.written += 1
            return text(f"written {json.dumps(args, sort_keys=True)}")
        return None


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script = None

    def log_message(self, *_):
        pass

    def send(self, status, body=b"", kind="application/json", **headers):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send_response(status)
        if body:
            self.send_header("Content-Type", kind)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, **headers):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def event(self, message, first=""):
        self.wfile.write(f"{first}event: message\r\ndata: {json.dumps(message)}\r\n\r\n".encode())
        self.wfile.flush()

    def body(self):
        n = int(self.headers.get("Content-Length") or 0)
        try:
            return json.loads(self.rfile.read(n)) if n else None
        except ValueError:
            return None

    def way(self):
        return self.path.split("?")[0].strip("/").split("/")[0]

    def handle_one(self, kind):
        m = self.body() if kind == "POST" else None
        self.script.log.append((self.path, kind, m, dict(self.headers)))
        try:
            getattr(self, "way_" + self.way().replace("-", "_"), self.way_nothing)(kind, m)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_POST(self):
        self.handle_one("POST")

    def do_GET(self):
        self.handle_one("GET")

    def do_DELETE(self):
        self.handle_one("DELETE")

    # --- what all have in common
    def result(self, m, modern=False):
        """The answer to a request, as JSON-RPC."""
        p = m.get("params") or {}
        answer = {"jsonrpc": "2.0", "id": m.get("id")}
        if m["method"] == "tools/list":
            answer["result"] = self.page(p.get("cursor"))
        elif m["method"] == "tools/call":
            got = self.script.call(p.get("name"), p.get("arguments") or {})
            if got is None:
                return {**answer, "error": {"code": -32602, "message": f"Unknown tool: {p.get('name')}"}}
            answer["result"] = got
        else:
            return {**answer, "error": {"code": -32601, "message": "Method not found"}}
        if modern:
            answer["result"] = {**answer["result"], "resultType": "complete"}
        return answer

    def page(self, cursor):
        if self.way() == "endless":
            return {"tools": [], "nextCursor": "again"}
        if self.way() == "pages":
            at = int(cursor or 0)
            more = {"nextCursor": str(at + 2)} if at + 2 < len(self.script.tools) else {}
            return {"tools": self.script.tools[at:at + 2], **more}
        return {"tools": self.script.tools}

    def is_modern(self, m):
        meta = ((m or {}).get("params") or {}).get("_meta") or {}
        return "io.modelcontextprotocol/protocolVersion" in meta

    def greet(self, m, **headers):
        self.send(200, {"result": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                                   "serverInfo": {"name": "script", "version": "1"}}, "jsonrpc": "2.0", "id": m["id"]}, **headers)

    # --- 2026-07-28
    def way_modern(self, kind, m):
        if kind != "POST" or not self.is_modern(m) or self.headers.get("MCP-Protocol-Version") != "2026-07-28":
            return self.send(400, {"jsonrpc": "2.0", "id": None, "error": {"code": -32022, "message": "Unsupported protocol version",
                                                                        "data": {"supported": ["2026-07-28"]}}})
        if self.headers.get("Mcp-Method") != m["method"]:
            return self.send(400, {"jsonrpc": "2.0", "id": m["id"], "error": {"code": -32020, "message": "header mismatch"}})
        if m["method"] == "tools/call" and m["params"]["name"] == "ask":
            return self.send(400, {"jsonrpc": "2.0", "id": m["id"], "error": {"code": -32021, "message": "no elicitation capability"}})
        answer = self.result(m, True)
        self.send(200 if "result" in answer or answer["error"]["code"] != -32601 else 404, answer)

    way_pages = way_endless = way_other = way_modern

    def way_auth(self, kind, m):
        if self.headers.get("Authorization") != "Bearer good":
            return self.send(401, {"error": "invalid_token"}, WWW_Authenticate='Bearer error="invalid_token", '
                             f'resource_metadata="http://127.0.0.1:{self.script.port}/.well-known/x"')
        self.way_modern(kind, m)

    def way_forbidden(self, kind, m):
        self.send(403, b"<html>secret inside</html>", "text/html")

    def way_broken(self, kind, m):
        self.send(500, b"<html>secret inside</html>", "text/html")

    def way_nothing(self, kind, m):
        self.send(404, b"<html>secret inside</html>", "text/html")

    def way_moved(self, kind, m):
        self.send(self.script.redirect, Location="/modern")

    def way_away(self, kind, m):
        self.send(self.script.redirect, Location=f"http://localhost:{self.script.port}/modern")

    def way_noise(self, kind, m):
        self.send(200, b"{oops")

    # --- 2025-11-25: initialize, a session, streams that begin with an id and no data
    def way_legacy(self, kind, m):
        s = self.script
        if kind == "GET":
            return self.send(405)
        session = self.headers.get("Mcp-Session-Id")
        if kind == "DELETE":
            s.sessions.discard(session)
            return self.send(200)
        if m.get("method") == "initialize":
            session = f"s{len(s.log)}"
            s.sessions.add(session)
            return self.greet(m, Mcp_Session_Id=session)
        if session not in s.sessions:
            status = 404 if session else 400
            return self.send(status, {"jsonrpc": "2.0", "id": "server-error", "error": {"code": -32600, "message":
                             "Session not found" if session else "Bad Request: Missing session ID"}})
        if "method" not in m:
            s.refusals.put(m)
            return self.send(202)
        if "id" not in m:
            return self.send(202)
        self.stream()
        self.wfile.write(b"id: 1\r\ndata: \r\n\r\n: ping\r\n\r\n")
        if m["method"] == "tools/call" and m["params"]["name"] == "ask":
            self.event({"jsonrpc": "2.0", "id": 0, "method": "elicitation/create", "params": {}})
            refused = s.refusals.get(timeout=10)
            return self.event({"jsonrpc": "2.0", "id": m["id"], "result": {"isError": True, "content": [
                {"type": "text", "text": f"refused with {refused['error']['code']}"}]}})
        token = (m.get("params") or {}).get("_meta", {}).get("progressToken")
        if token is not None:
            self.event({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token, "progress": 1}})
        self.event(self.result(m), "id: 2\r\n")

    way_legacy_two = way_legacy

    def way_dead400(self, kind, m):
        """As server-everything: 400 where others say 404."""
        session = self.headers.get("Mcp-Session-Id")
        if m and session and session not in self.script.sessions:
            return self.send(400, {"jsonrpc": "2.0", "error": {"code": -32000, "message": "Bad Request: No valid session ID provided"}})
        self.way_legacy(kind, m)

    def way_bridge(self, kind, m):
        """Answers anything without a handshake, and without resultType; a call wants a session."""
        if kind == "POST" and m.get("method") == "tools/list" and not self.headers.get("Mcp-Session-Id"):
            return self.send(200, self.result(m))
        self.way_legacy(kind, m)

    # --- an answer that has to be asked for (SEP-1699)
    def way_polling(self, kind, m):
        s = self.script
        if kind == "GET" and self.headers.get("Last-Event-ID"):
            waiting = s.polls.pop(self.headers.get("Mcp-Session-Id"), None)
            self.stream()
            self.wfile.write(b"id: 9\r\nretry: 1\r\ndata: \r\n\r\n")
            if waiting:
                self.event(waiting, "id: 10\r\n")
            return None
        if kind == "POST" and m.get("method") == "tools/call":
            s.polls[self.headers.get("Mcp-Session-Id")] = self.result(m)
            self.stream()
            return self.wfile.write(b"id: 8\r\ndata: \r\nretry: 1\r\n\r\n")
        return self.way_legacy(kind, m)

    # --- 2024-11-05
    def way_sse(self, kind, m):
        s = self.script
        if kind == "GET":
            key = str(len(s.log))
            s.streams[key] = queue.Queue()
            self.stream()
            self.wfile.write(f"event: endpoint\r\ndata: /messages/?session_id={key}\r\n\r\n".encode())
            while True:
                got = s.streams[key].get(timeout=20)
                self.event(got)
        self.send(405, b"Method Not Allowed", "text/plain")

    def way_messages(self, kind, m):
        answers = self.script.streams[self.path.split("=")[1]]
        self.send(202, b"Accepted", "text/plain")
        if m.get("method") == "initialize":
            answers.put({"jsonrpc": "2.0", "id": m["id"], "result": {"protocolVersion": "2024-11-05", "capabilities": {}}})
        elif "id" in m and "method" in m:
            answers.put(self.result(m))

    def way_sse_away(self, kind, m):
        if kind != "GET":
            return self.send(405)
        self.stream()
        self.wfile.write(f"event: endpoint\ndata: http://localhost:{self.script.port}/messages/?session_id=1\n\n".encode())
        return None

    way_none = way_nothing
