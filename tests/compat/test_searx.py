"""A real search provider: Debian's searx, with an engine that reads a local source, asked by web_search."""
import http.server
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import pytest

from engine_script import call, say
from harness import PATIENCE

RUN = "/usr/bin/searx-run"
SHARE = "/usr/share/python3-searx"
pytestmark = [pytest.mark.compat, pytest.mark.skipif(not os.path.exists(RUN), reason="Debian's package searx is not installed")]

# Where Debian keeps no defaults, everything must be said.
SETTINGS = {
    "general": {"debug": False, "instance_name": "test", "contact_url": False, "enable_stats": True},
    "search": {"safe_search": 0, "autocomplete": "", "default_lang": "en", "ban_time_on_fail": 5, "max_ban_time_on_fail": 120,
               "formats": ["html", "json"]},
    "server": {"bind_address": "127.0.0.1", "secret_key": "of a test", "base_url": False, "image_proxy": False,
               "http_protocol_version": "1.0", "method": "GET", "default_http_headers": {}},
    "outgoing": {"request_timeout": 5.0, "useragent_suffix": "", "pool_connections": 10, "pool_maxsize": 5, "enable_http2": False},
    "ui": {"static_path": SHARE + "/static", "templates_path": SHARE + "/templates", "default_theme": "oscar",
           "default_locale": "en", "theme_args": {"oscar_style": "logicodev"}, "advanced_search": False,
           "results_on_new_tab": False, "center_alignment": False, "infinite_scroll": False},
    "plugins": [], "doi_resolvers": {"x": "https://doi.example"}, "default_doi_resolver": "x", "preferences": {"lock": []},
    "locales": {"en": "English"},
}
PAGES = {
    "tower": ("The Eiffel Tower", "<title>The Eiffel Tower</title><p>It opened to the public in <b>1889</b>.</p><script>no()</script>"),
    "bridge": ("A bridge", "<p>It crosses a river."),
}


class Source(http.server.BaseHTTPRequestHandler):
    """A small site with a search of its own, which searx is told to use."""

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/search.json":
            words = urllib.parse.parse_qs(url.query)["q"][0].lower().split()
            hits = [{"link": f"http://{self.headers['Host']}/{name}", "name": title, "words": f"About the {name}."}
                    for name, (title, _) in PAGES.items() if name in words]
            kind, body = "application/json", json.dumps({"hits": hits})
        else:
            kind, body = "text/html; charset=utf-8", PAGES[url.path[1:]][1]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def source():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Source)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def searx(source):
    home, port = tempfile.mkdtemp(prefix="antiphon-searx-"), free_port()
    engine = {"name": "local", "engine": "json_engine", "shortcut": "l", "categories": "general", "enable_http": True,
              "search_url": source + "/search.json?q={query}", "results_query": "hits", "url_query": "link",
              "title_query": "name", "content_query": "words", "paging": False, "timeout": 5.0}
    settings = {**SETTINGS, "engines": [engine], "server": {**SETTINGS["server"], "port": port}}
    with open(os.path.join(home, "settings.yml"), "w") as f:
        json.dump(settings, f)  # YAML too
    env = {"PATH": "/usr/bin:/bin", "HOME": home, "SEARX_SETTINGS_PATH": f.name}
    with open(os.path.join(home, "log"), "w") as log:
        process = subprocess.Popen([RUN], env=env, stdout=log, stderr=log, cwd=home)
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(url + "/search?q=x&format=json", timeout=PATIENCE).close()
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < end, open(log.name).read()[-3000:]
            time.sleep(0.1)
    yield url
    process.kill()
    process.wait()
    shutil.rmtree(home)


def test_search_open_and_cite(servers, engine, searx, source):
    server = servers(engine, args=["--set", "web_search.provider=searxng", "--set", f"web_search.url={searx}",
                                   "--set", "fetch.allow=127.0.0.1"])
    engine.next(call("web_search", '{"query":"eiffel tower opening"}'))
    engine.next(call("web_search", json.dumps({"url": source + "/tower"})))
    engine.next(say("It opened in 1889 [1]."))
    made = server.create("When did it open?", tools=[{"type": "web_search"}], include=["web_search_call.action.sources"])
    search, opened, message = made["output"]
    assert search["status"] == opened["status"] == message["status"] == "completed"
    assert search["action"]["sources"] == [{"type": "url", "url": source + "/tower"}]
    assert opened["action"] == {"type": "open_page", "url": source + "/tower"}
    assert "It opened to the public in 1889." in engine.last.body["messages"][-1]["content"]
    part, = message["content"]
    note, = part["annotations"]
    assert (note["title"], note["url"]) == ("The Eiffel Tower", source + "/tower")
    assert part["text"][note["start_index"]:note["end_index"]] == f"([127.0.0.1]({source}/tower))"


def test_nothing_found(servers, engine, searx):
    server = servers(engine, args=["--set", "web_search.provider=searxng", "--set", f"web_search.url={searx}"])
    engine.next(call("web_search", '{"query":"zebra"}'))
    engine.next(say("Nothing."))
    made = server.create("zebra?", tools=[{"type": "web_search"}])
    assert made["output"][0]["status"] == "completed" and "No results" in engine.last.body["messages"][-1]["content"]
