"""Traces: what a collector is sent (read by OpenTelemetry's own protobuf classes), what engines and MCP servers are told."""
import base64
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from engine_script import call, say, status
from harness import eventually, text_of
from mcp_script import McpServer
from test_metrics import scrape, value
from web_script import ScriptedWeb

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CLIENT = f"00-{TRACE}-{PARENT}-01"


class Collector:
    """Takes POST /v1/traces, strictly: what OpenTelemetry's classes do not know is an error."""

    def __init__(self, code=200):
        self.spans, self.requests, self.wrong, self.code = [], [], [], code
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.take(self.path, self.headers, body)
                self.send_response(outer.code)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, path, headers, body):
        try:
            assert path == "/v1/traces" and headers["content-type"] == "application/json", (path, headers.items())
            sent = json.loads(body)
            for resource in sent["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    for span in scope["spans"]:
                        for name in ("traceId", "spanId", "parentSpanId"):
                            if name in span:  # OTLP's JSON has hexadecimal digits where protobuf's own has base64
                                span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
            got = json_format.Parse(json.dumps(sent), ExportTraceServiceRequest())
            self.requests.append((dict(headers), got))
            for resource in got.resource_spans:
                for scope in resource.scope_spans:
                    self.spans += list(scope.spans)
        except Exception as e:  # told to the test, which this thread cannot fail
            self.wrong.append(repr(e))

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def wait(self, n):
        eventually(lambda: len(self.spans) >= n or self.wrong, what=f"{n} spans")
        assert not self.wrong, self.wrong
        return self.spans


@pytest.fixture
def collector():
    c = Collector()
    yield c
    c.close()


def otel(collector, *more):
    return ["--set", f"otel.endpoint={collector.url}", "--set", "otel.batch_ms=20", *more]


def attributes(span):
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


def named(spans, name):
    return [s for s in spans if s.name == name]


def check_tree(spans):
    """One root, all others below it and within its time."""
    root, = [s for s in spans if s.kind == s.SPAN_KIND_SERVER]
    for s in spans:
        assert s.trace_id == root.trace_id and len(s.trace_id) == 16 and len(s.span_id) == 8
        assert root.start_time_unix_nano <= s.start_time_unix_nano <= s.end_time_unix_nano <= root.end_time_unix_nano
        assert s is root or s.parent_span_id == root.span_id
    assert len({s.span_id for s in spans}) == len(spans)
    return root


@pytest.mark.parametrize("door", ["responses", "chat"])
def test_a_turn(servers, engine, collector, door):
    server = servers(engine, args=otel(collector, "--set", "otel.headers=X-Token: t1", "--set", "otel.service=house"))
    headers = {"traceparent": CLIENT, "tracestate": "vendor=1"}
    engine.next(say("private ", "answer"))
    if door == "responses":
        made = server.create("private question", headers=headers)
        spans = collector.wait(3)
    else:
        made = server.post("/v1/chat/completions", {"model": "scripted", "messages": [{"role": "user", "content": "private question"}]},
                           headers=headers).json
        spans = collector.wait(3)
    root = check_tree(spans)
    assert root.trace_id.hex() == TRACE and root.parent_span_id.hex() == PARENT and root.trace_state == "vendor=1"
    seen = attributes(root)
    usage = made["usage"]
    assert seen["gen_ai.operation.name"] == "chat" and seen["gen_ai.response.id"] == made["id"]
    assert seen["gen_ai.request.model"] == seen["gen_ai.response.model"] == made["model"] and root.name == f"chat {made['model']}"
    assert seen["gen_ai.usage.output_tokens"] == usage.get("output_tokens", usage.get("completion_tokens"))
    assert seen["antiphon.status"] == "completed" and seen["antiphon.request_id"].startswith("req_")
    asked, = [s for s in spans if s.kind == s.SPAN_KIND_CLIENT]
    told = engine.requests[-1].headers
    assert told["traceparent"] == f"00-{TRACE}-{asked.span_id.hex()}-01" and told["tracestate"] == "vendor=1"
    assert named(spans, "store commit")  # of a chat that is not kept: what it used
    sent, got = collector.requests[0]
    assert sent["X-Token"] == "t1" and attributes(got.resource_spans[0].resource)["service.name"] == "house"
    assert "private" not in json.dumps([str(r) for _, r in collector.requests])


def test_texts_go_along_when_asked(servers, engine, collector):
    server = servers(engine, args=otel(collector, "--set", "otel.content=true"))
    engine.next(say("an ", "answer"))
    server.create("a question", instructions="be kind")
    seen = attributes(check_tree(collector.wait(3)))
    asked, said = json.loads(seen["gen_ai.input.messages"]), json.loads(seen["gen_ai.output.messages"])
    assert [m["role"] for m in asked] == ["system", "user"] and asked[1]["parts"] == [{"type": "text", "content": "a question"}]
    assert said == [{"role": "assistant", "parts": [{"type": "text", "content": "an answer"}]}]


def test_tools_and_servers(servers, engine, collector):
    web = ScriptedWeb()
    with McpServer() as mcp:
        server = servers(engine, args=otel(collector, *web.args(), "--set", f"mcp.allow=http://127.0.0.1:{mcp.port}"))
        engine.next(call("calc__add", '{"a": 2, "b": 3}'))
        engine.next(call("web_search", json.dumps({"query": "news"})))
        engine.next(say("done"))
        made = server.create("x", headers={"traceparent": CLIENT}, tools=[
            {"type": "web_search"},
            {"type": "mcp", "server_label": "calc", "server_url": mcp.url("modern"), "require_approval": "never"}])
        assert text_of(made).startswith("done")
        spans = collector.wait(7)
        check_tree(spans)
        assert len([s for s in spans if s.kind == s.SPAN_KIND_CLIENT]) == 3
        tools = {attributes(s)["gen_ai.tool.name"]: s for s in spans if s.name.startswith("execute_tool ")}
        assert set(tools) == {"calc__add", "web_search"}
        told = [h["traceparent"] for _, _, m, h in mcp.log if m and m.get("method") == "tools/call"]
        assert told == [f"00-{TRACE}-{tools['calc__add'].span_id.hex()}-01"]
        calls = sorted((s for s in spans if s.kind == s.SPAN_KIND_CLIENT), key=lambda s: s.start_time_unix_nano)
        assert [r.headers["traceparent"].split("-")[2] for r in engine.requests[-3:]] == [s.span_id.hex() for s in calls]
    web.close()


def test_failures_and_the_background(servers, engine, collector):
    server = servers(engine, args=otel(collector))
    engine.next(status(400, {"message": "no"}))
    server.post("/v1/responses", {"model": "scripted", "input": "x"})
    root = check_tree(collector.wait(2))
    assert root.status.code == root.status.STATUS_CODE_ERROR and root.status.message and attributes(root)["error.type"]
    collector.spans.clear()
    engine.next(say("later"))
    server.create("x", background=True)
    root = check_tree(collector.wait(3))
    assert not root.parent_span_id and attributes(root)["antiphon.kind"] == "background"


def test_a_trace_that_nobody_keeps(servers, engine, collector):
    server = servers(engine, args=otel(collector))
    server.create("x", headers={"traceparent": CLIENT[:-1] + "0"})
    server.create("y")
    assert {s.trace_id.hex() for s in collector.wait(3)} != {TRACE} and len({s.trace_id for s in collector.spans}) == 1
    assert engine.requests[0].headers["traceparent"].startswith(f"00-{TRACE}-") and engine.requests[0].headers["traceparent"].endswith("-00")


def test_without_a_collector_the_context_still_passes(servers, engine):
    server = servers(engine)
    server.create("x", headers={"traceparent": CLIENT})
    assert engine.requests[-1].headers["traceparent"].startswith(f"00-{TRACE}-")
    server.create("x")
    assert "traceparent" not in engine.requests[-1].headers


@pytest.mark.parametrize("how", ["nobody", "refuses", "silent"])
def test_a_collector_that_is_away(servers, engine, how):
    """Answers come as ever, and what is not sent is counted."""
    silent = socket.create_server(("127.0.0.1", 0))
    collector = Collector(503)
    url = {"nobody": "http://127.0.0.1:1", "refuses": collector.url, "silent": f"http://127.0.0.1:{silent.getsockname()[1]}"}[how]
    server = servers(engine, args=["--set", f"otel.endpoint={url}", "--set", "otel.batch_ms=10", "--set", "otel.timeout_ms=300",
                                   "--set", "otel.queue=6"])
    for _ in range(8):
        assert server.create("x")["status"] == "completed"
    eventually(lambda: value(scrape(server), "antiphon_trace_spans_total", result="failed") == 24, what="24 spans dropped")
    assert value(scrape(server), "antiphon_trace_spans_total", result="ok") == 0
    assert "does not take them" in server.stderr()
    server.stop()
    collector.close()
    silent.close()


def test_what_waits_is_sent_at_the_end(servers, engine, collector):
    server = servers(engine, args=["--set", f"otel.endpoint={collector.url}", "--set", "otel.batch_ms=60000"])
    server.create("x")
    assert not collector.spans
    server.stop()
    check_tree(collector.wait(3))
