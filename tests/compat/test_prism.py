"""Prism between the SDKs and the server (tools/compat.sh runs the SDKs' tests so): it sees what it is there for."""
import http.server
import os
import threading
import types
import urllib.error
import urllib.request

import pytest

from harness import PATIENCE

pytestmark = [pytest.mark.compat, pytest.mark.skipif(not os.environ.get("ANTIPHON_PRISM"), reason="without Prism")]
GOOD = (200, "application/json", b'{"object":"list","data":[]}')
CASES = {
    "good": (GOOD, None),
    "body": ((200, "application/json", b'{"object":"list"}'), "response.body Response body must have required property 'data'"),
    "content type": ((200, "text/html", GOOD[2]), "response The received media type"),
    "status": ((418, *GOOD[1:]), "response Unable to match the returned status code"),
    "error": ((404, "application/json", b'{"error":"no"}'), "response.body.error Response body property error must be object"),
}


@pytest.fixture
def faulty(front):
    """A server behind Prism that answers what it is told."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, kind, body = self.server.answer
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", CASES)
def test_prism_sees(front, faulty, name):
    faulty.answer, complaint = CASES[name]
    base = front.before(types.SimpleNamespace(host="127.0.0.1", port=faulty.server_port))
    request = urllib.request.Request(base + "/models", headers={"Authorization": "Bearer any"})
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=PATIENCE).read()
    except urllib.error.HTTPError as e:
        e.read()
    said = front.complaints()
    assert (not said) if complaint is None else any(complaint in line for line in said), said
