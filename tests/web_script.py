"""Search providers and web sites that say what a test tells them to.

    web = ScriptedWeb()                                # on a free port of 127.0.0.1
    web.results = [hit("https://a.example", "A", "text"), ...]
    web.pages["/page"] = ("text/html", "<p>...")
    web.requests                                       # (method, path with query, headers, body)
    Server(engine, args=web.args("searxng"))

It answers in the documented shape of the provider whose path is asked for."""
import http.server
import json
import threading
import urllib.parse


def hit(url, title="A title", text="Some text."):
    return {"url": url, "title": title, "text": text}


class ScriptedWeb:
    def __init__(self):
        self.results = [hit("https://one.example/a", "First", "The first text."), hit("https://www.two.example/b", "Second", "The second.")]
        self.pages, self.requests = {}, []
        self.override = None  # (status, type, body) instead of results
        self.gate = None      # a Gate: searches wait there
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                web.requests.append((self.command, self.path, dict(self.headers), body))
                path = urllib.parse.urlsplit(self.path).path
                if path in web.pages:
                    kind, page = web.pages[path]
                    return self.send(302, kind, "", page) if kind == "redirect" else self.send(200, kind, page)
                if web.gate:
                    web.gate.reached.set()
                    web.gate.open.wait(60)
                if web.override:
                    return self.send(*web.override)
                found = web.found(path)
                if found is None:
                    return self.send(404, "text/plain", "no such page")
                self.send(200, "application/json", json.dumps(found))

            def send(self, status, kind, body, location=None):
                body = body if isinstance(body, bytes) else body.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                if location:
                    self.send_header("Location", location)
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def found(self, path):
        results = self.results() if callable(self.results) else self.results
        if path == "/res/v1/web/search":
            return {"type": "search", "query": {"original": "q"}, "web": {"type": "search", "results": [
                {"type": "search_result", "title": r["title"], "url": r["url"], "description": r["text"]} for r in results]}}
        if path == "/search":
            return {"query": "q", "number_of_results": 0, "answers": [], "results": [
                {"title": r["title"], "url": r["url"], "content": r["text"], "engine": "scripted", "score": 1.0} for r in results]}
        return None

    def args(self, provider="searxng", **settings):
        rows = {"web_search.provider": provider, "web_search.url": self.url, **{k.replace("__", "."): v for k, v in settings.items()}}
        return [word for k, v in rows.items() for word in ("--set", f"{k}={v}")]

    def close(self):
        if self.gate:
            self.gate.open.set()
        self.server.shutdown()
        self.server.server_close()
