"""Images and files in requests: by id, by URL, as data; what the engine is given, and what is refused before it is asked."""
import base64
import http.client
import http.server
import io
import json
import shutil
import struct
import subprocess
import threading
import zipfile
import zlib

import openai
import pytest

from engine_script import ScriptedEngine, call, overflow, say
from harness import eventually, make_key, text_of
from test_files import form, part, put, send
from test_websocket import Socket


def png(width=1, height=1):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(b"\0" + b"\xff\0\0" * width)) + chunk(b"IEND", b""))


PNG = png()
GIF = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


def data_url(data, kind="image/png"):
    return f"data:{kind};base64," + base64.b64encode(data).decode()


def message(*parts):
    return [{"role": "user", "content": [{"type": "input_text", "text": "What is this?"}, *parts]}]


def image(**more):
    return {"type": "input_image", **more}


def file(**more):
    return {"type": "input_file", **more}


def refused(server, *parts, path="/v1/responses"):
    answer = server.post(path, {"model": "scripted", "input": message(*parts)})
    assert answer.status in (400, 404), answer
    return answer.error


def images_in(request):
    return [p["image_url"] for m in request.body["messages"] if isinstance(m["content"], list)
            for p in m["content"] if p["type"] == "image_url"]


def texts_in(request):
    return [p["text"] if isinstance(p, dict) else p for m in request.body["messages"]
            for p in (m["content"] if isinstance(m["content"], list) else [m["content"]])
            if isinstance(p, str) or p and p["type"] == "text"]


class Site:
    """A web server on loopback: PATH -> (status, type, body, headers)."""

    def __init__(self):
        site = self
        self.pages, self.asked = {}, []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                site.asked.append(self.path)
                status, kind, body, headers = (*site.pages.get(self.path, (404, "text/plain", b"no", {})), {})[:4]
                self.send_response(status)
                for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def site():
    s = Site()
    yield s
    s.close()


@pytest.fixture
def engine():
    e = ScriptedEngine(vision=True)
    yield e
    e.close()


INSIDE = ["--set", "fetch.allow=127.0.0.0/8"]


# --- images ---


def test_image_by_id(engine, server):
    made = put(server, PNG, "dot.png", "vision")
    response = server.create(message(image(file_id=made["id"], detail="low")))
    assert images_in(engine.last) == [{"url": data_url(PNG), "detail": "low"}]
    kept = server.get(f"/v1/responses/{response['id']}/input_items").json["data"][0]["content"][1]
    assert kept["file_id"] == made["id"] and not kept.get("image_url")  # as it was given
    server.create("And now?", previous_response_id=response["id"])
    assert images_in(engine.last) == [{"url": data_url(PNG), "detail": "low"}]


def test_image_by_url(engine, servers, site):
    server = servers(engine, args=INSIDE)
    site.pages["/a"] = (200, "text/plain", GIF)  # what it is called does not count
    site.pages["/go"] = (302, "text/plain", b"", {"Location": "/a"})
    response = server.create(message(image(image_url=site.url + "/go"), image(image_url=data_url(PNG))))
    assert [i["url"] for i in images_in(engine.last)] == [data_url(GIF, "image/gif"), data_url(PNG)]
    item = server.get(f"/v1/responses/{response['id']}/input_items?include[]=message.input_image.image_url").json["data"][0]
    assert item["content"][1]["image_url"] == site.url + "/go"


def test_in_function_outputs(engine, server):
    made = put(server, PNG, "dot.png", "vision")
    note = put(server, b"forty-two", "note.txt")
    engine.next(call("look", "{}", id="c"))
    tools = [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}, "required": [],
                                                                 "additionalProperties": False}}]
    first = server.create("Look.", tools=tools)
    call_id = first["output"][0]["call_id"]
    server.create([{"type": "function_call_output", "call_id": call_id, "output": [
        image(file_id=made["id"]), file(file_id=note["id"])]}], previous_response_id=first["id"], tools=tools)
    assert images_in(engine.last) == [{"url": data_url(PNG)}]
    assert any('[File "note.txt"]\nforty-two\n' in t for t in texts_in(engine.last))


def test_shown_as_references(engine, server):
    """What lists and items show of pictures and files; the next turn still has them whole, also where what was shown comes back."""
    text = data_url(b"forty-two", "text/plain")
    content = message(image(image_url=data_url(PNG)), file(filename="a.txt", file_data=text))
    asks = "include[]=message.input_image.image_url"
    response = server.create(content)
    conversation = server.post("/v1/conversations", {"items": content}).json
    places = [f"/v1/responses/{response['id']}/input_items", f"/v1/conversations/{conversation['id']}/items"]
    for place in places:
        for query, url in (("", None), ("?" + asks, data_url(PNG))):
            item, = server.get(place + query).json["data"]
            assert item["content"][1] == {"type": "input_image", "detail": "auto", "image_url": url, "file_id": None}
            assert item["content"][2] == {"type": "input_file", "filename": "a.txt"}
    single = server.get(f"{places[1]}/{item['id']}").json
    assert single["content"][1]["image_url"] is None and "file_data" not in single["content"][2]
    assert server.get(f"{places[1]}/{item['id']}?{asks}").json["content"][1]["image_url"] == data_url(PNG)
    added = server.post(f"{places[1]}?{asks}", {"items": content}).json["data"][0]
    assert added["content"][1]["image_url"] == data_url(PNG) and "file_data" not in added["content"][2]
    for more in ({"previous_response_id": response["id"]}, {"conversation": conversation["id"]}):
        server.create("And now?", **more)
        assert images_in(engine.last)[0]["url"] == data_url(PNG) and "forty-two" in str(engine.last.body)


def test_streamed_background_and_counted(engine, servers, site):
    server = servers(engine, args=INSIDE)
    site.pages["/a"] = (200, "image/png", PNG)
    content = message(image(image_url=site.url + "/a"))
    events = list(server.stream(content))
    assert events[0].type == "response.created" and events[-2].type == "response.completed"
    assert images_in(engine.last) == [{"url": data_url(PNG)}]
    response = server.create(content, background=True)
    eventually(lambda: server.get(f"/v1/responses/{response['id']}").json["status"] == "completed")
    assert images_in(engine.last) == [{"url": data_url(PNG)}] and len(site.asked) == 2
    answer = server.post("/v1/responses/input_tokens", {"model": "scripted", "input": content})
    assert answer.status == 200 and data_url(PNG) in str(engine.probes[-1].body)


def test_background_fails_with_the_reason(engine, servers, site):
    server = servers(engine, args=INSIDE)
    response = server.create(message(image(image_url=site.url + "/none")), background=True)
    ended = eventually(lambda: (r := server.get(f"/v1/responses/{response['id']}").json)["status"] == "failed" and r)
    assert "Upstream status code: 404" in ended["error"]["message"]


def test_images_that_are_refused(engine, servers, site):
    server = servers(engine, args=INSIDE + ["--set", "api.image_bytes=5000", "--set", "api.image_pixels=1000"])
    site.pages |= {"/html": (200, "image/png", b"<html>"), "/empty": (200, "image/png", b""),
                   "/big": (200, "image/png", PNG + b"\0" * 6000), "/cut": (200, "image/png", PNG[:12])}
    rows = [
        ({"image_url": site.url + "/none"}, "failed_to_download_image", "Upstream status code: 404"),
        ({"image_url": site.url + "/html"}, "unsupported_image_media_type", "unsupported image"),
        ({"image_url": site.url + "/empty"}, "empty_image_file", "empty"),
        ({"image_url": site.url + "/big"}, "image_file_too_large", "5000 bytes"),
        ({"image_url": site.url + "/cut"}, "image_parse_error", "valid image"),
        ({"image_url": "http://127.0.0.1:1/x"}, "failed_to_download_image", "unreachable"),
        ({"image_url": "http://no-such-host.invalid/x"}, "failed_to_download_image", "unknown_host"),
        ({"image_url": "http://169.254.169.254/x"}, "invalid_image_url", "169.254"),
        ({"image_url": "data:image/png;base64,####"}, "invalid_base64_image", "base64"),
        ({"image_url": "data:image/png;base64,"}, "empty_image_file", "empty"),
        ({"image_url": data_url(b"BMxxxxxxxxxxxxxxxxxxxxx")}, "unsupported_image_media_type", "unsupported"),
        ({"image_url": data_url(PNG[:16])}, "image_parse_error", "valid image"),
        ({"image_url": data_url(png(1001))}, "image_too_large", "1001 x 1"),
        ({"image_url": data_url(PNG + b"\0" * 6000)}, "image_file_too_large", "5000 bytes"),
        ({"file_id": "file-x"}, "image_file_not_found", "No such File object: file-x"),
    ]
    for given, code, text in rows:
        error = refused(server, image(**given))
        assert (error["code"], error["param"]) == (code, "input[0].content[1]") and text in error["message"], (given, error)
    assert not engine.requests
    error = refused(server, image(image_url=data_url(PNG)), image(image_url=site.url + "/none"))
    assert error["param"] == "input[0].content[2]"


def test_called_what_it_is_not(engine, server):
    server.create(message(image(image_url=data_url(GIF, "image/png"))))
    assert images_in(engine.last) == [{"url": data_url(GIF, "image/gif")}]


def test_the_inside_is_not_reached(engine, servers, site):
    """Nothing of this machine's network unless it is listed, and no redirect leads there."""
    server = servers(engine)
    site.pages["/a"] = (200, "image/png", PNG)
    for url in (site.url + "/a", site.url.replace("127.0.0.1", "localhost") + "/a", site.url.replace("127.0.0.1", "2130706433"),
                site.url.replace("127.0.0.1", "[::ffff:127.0.0.1]")):
        for given in (image(image_url=url), file(file_url=url)):
            error = refused(server, given)
            assert error["code"] in ("invalid_image_url", "invalid_value"), error
    assert not site.asked and not engine.requests


def test_no_vision(servers, site):
    blind, seeing = ScriptedEngine(), ScriptedEngine(models=("eyes",), vision=True)
    made = None
    try:
        server = servers(blind, args=INSIDE)
        for given in (image(image_url=data_url(PNG)), image(image_url=site.url + "/a"), image(file_id="file-x")):
            for more in ({}, {"background": True}):
                answer = server.post("/v1/responses", {"model": "scripted", "input": message(given), **more})
                assert answer.status == 400 and answer.error["param"] == "input[0].content[1]"
                assert "'scripted' does not take images" in answer.error["message"]
        assert not site.asked and not blind.requests
        server = servers(blind, args=["--engine", seeing.url[:-len("/v1")], "--set", "engine.vision_model=eyes"])
        made = server.create(message(image(image_url=data_url(PNG))))
        assert made["model"] == "eyes" and images_in(seeing.last) == [{"url": data_url(PNG)}]
        assert server.create("No image.")["model"] == "scripted"
        assert server.create("Another.", previous_response_id=made["id"])["model"] == "eyes"
    finally:
        blind.close()
        seeing.close()


def test_gone_from_the_history(engine, servers, site):
    """A conversation goes on when a page, or a file, of an earlier turn is gone; the model is told."""
    server = servers(engine, args=INSIDE)
    site.pages["/a"] = (200, "image/png", PNG)
    made = put(server, b"forty-two", "note.txt")
    first = server.create(message(image(image_url=site.url + "/a"), file(file_id=made["id"])))
    del site.pages["/a"]
    server.delete(f"/v1/files/{made['id']}")
    server.create("And now?", previous_response_id=first["id"])
    notes = [t for t in texts_in(engine.last) if "cannot be had any more" in t]
    assert len(notes) == 1 and "An image" in notes[0] and "A file" in notes[0] or len(notes) == 2
    assert not images_in(engine.last)


def test_other_projects(engine, servers):
    server = servers(engine)
    mine, _ = make_key(server, "mine", "one")
    other, _ = make_key(server, "other", "two")
    made = put(server, PNG, key=mine)
    body = {"model": "scripted", "input": message(image(file_id=made["id"]))}
    answer = server.post("/v1/responses", body, key=other)
    assert (answer.status, answer.error["code"]) == (400, "image_file_not_found")
    body["input"] = message(file(file_id=made["id"]))
    assert server.post("/v1/responses", body, key=other).status == 404
    assert not engine.requests


def test_audio(engine, server):
    sound = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    error = refused(server, sound)
    assert error["param"] == "input[0].content[1]" and "'scripted' does not take audio" in error["message"]
    answer = server.post("/v1/chat/completions", {"model": "scripted", "messages": [{"role": "user", "content": [sound]}]})
    assert answer.status == 400 and "does not take audio" in answer.error["message"]


def test_audio_where_the_engine_takes_it(servers):
    engine = ScriptedEngine(audio=True)
    try:
        server = servers(engine)
        for format, data in ("wav", b"RIFF$\0\0\0WAVEfmt "), ("mp3", b"ID3\x04\0\0\0\0\0\0"):
            sound = {"type": "input_audio", "input_audio": {"data": base64.b64encode(data).decode(), "format": format}}
            body = {"model": "scripted", "input": message(sound)}
            first = server.post("/v1/responses", body)
            assert first.status == 200, first
            assert sound in engine.requests[-1].body["messages"][-1]["content"]
            chained = server.post("/v1/responses", {"model": "scripted", "input": "again", "previous_response_id": first.json["id"]})
            assert chained.status == 200 and sound in engine.requests[-1].body["messages"][0]["content"]
            asked = server.post("/v1/chat/completions", {"model": "scripted", "messages": [{"role": "user", "content": [sound]}]})
            assert asked.status == 200 and engine.requests[-1].body["messages"][-1]["content"] == [sound]
        count = len(engine.requests)
        for audio, param in (({"data": "UklGRg==", "format": "ogg"}, "format"), ({"data": "??", "format": "wav"}, "data"),
                             ({"data": "", "format": "wav"}, "data")):
            bad = server.post("/v1/responses", {"model": "scripted", "input": message({"type": "input_audio", "input_audio": audio})})
            assert bad.status == 400 and bad.error["param"] == f"input[0].content[1].input_audio.{param}", (audio, bad)
        assert len(engine.requests) == count
    finally:
        engine.close()


def test_too_many(engine, servers):
    server = servers(engine, args=["--set", "api.attachments=2", "--set", "api.attach_bytes=2000"])
    dot = image(image_url=data_url(PNG))
    assert refused(server, dot, dot, dot)["param"] == "input"
    large = image(image_url=data_url(PNG + b"\0" * 1000))
    assert refused(server, large, large)["code"] == "file_too_large"
    server.create(message(dot, dot))


def test_leaving_while_it_is_fetched(engine, servers, site):
    """A client that leaves does not wait for the page, and nothing breaks."""
    gate = threading.Event()

    class Slow(bytes):
        def __len__(self):
            gate.wait(30)
            return 0

    server = servers(engine, args=INSIDE)
    site.pages["/slow"] = (200, "image/png", Slow())
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    connection.request("POST", "/v1/responses", json.dumps({"model": "scripted", "input": message(
        image(image_url=site.url + "/slow"))}), {"Content-Type": "application/json"})
    eventually(lambda: "/slow" in site.asked)
    connection.close()
    gate.set()
    assert server.create("Still there?")["status"] == "completed" and len(engine.requests) == 1


def test_leaving_gives_back_what_was_read(engine, servers, site):
    """One image is read at once, another never comes: a client that leaves leaves nothing behind."""
    gate = threading.Event()

    class Slow(bytes):
        def __len__(self):
            gate.wait(60)
            return 0

    server = servers(engine, args=INSIDE)
    site.pages["/slow"] = (200, "image/png", Slow())
    small = image(image_url=data_url(PNG))

    def once(path, text):
        before = len(site.asked)
        connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
        connection.request("POST", path, text, {"Content-Type": "application/json"})
        eventually(lambda: len(site.asked) > before)
        connection.close()

    slow = image(image_url=site.url + "/slow")
    parts = [{"type": "image_url", "image_url": {"url": p["image_url"]}} for p in (small, slow)]
    for _ in range(3):
        once("/v1/responses", json.dumps({"model": "scripted", "input": message(small, slow)}))
        once("/v1/chat/completions", json.dumps({"model": "scripted", "messages": [{"role": "user", "content": parts}]}))
    gate.set()
    assert server.create("Still there?")["status"] == "completed" and len(engine.requests) == 1
    server.stop()  # what is leaked is told at the end


def test_stopping_while_it_is_fetched(engine, servers, site):
    """SIGTERM does not wait for somebody else's page."""
    gate = threading.Event()

    class Slow(bytes):
        def __len__(self):
            gate.wait(60)
            return 0

    server = servers(engine, args=INSIDE + ["--set", "api.drain_seconds=1"])
    site.pages["/slow"] = (200, "image/png", Slow())
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    connection.request("POST", "/v1/responses", json.dumps({"model": "scripted", "input": message(
        image(image_url=site.url + "/slow"))}), {"Content-Type": "application/json"})
    eventually(lambda: "/slow" in site.asked)
    server.stop(patience=20)
    gate.set()
    connection.close()
    assert not engine.requests


def test_over_a_websocket(engine, server):
    made = put(server, PNG, "dot.png", "vision")
    with Socket(server) as ws:
        assert ws.run(message(image(file_id=made["id"])))["status"] == "completed"
        assert images_in(engine.last) == [{"url": data_url(PNG)}]
        assert ws.refused(message(image(file_id="file-x")))["error"]["code"] == "image_file_not_found"


# --- files ---


def test_files_as_text(engine, servers, site):
    server = servers(engine, args=INSIDE)
    site.pages["/t.csv"] = (200, "text/csv", b"a,b\n1,2\n")
    made = put(server, "# naïve".encode(), "n.md")
    server.create(message(file(file_id=made["id"]), file(file_url=site.url + "/t.csv"),
                          file(filename="d.json", file_data=data_url(b'{"x": 1}', "application/json"))))
    text = "\n".join(texts_in(engine.last))
    assert '[File "n.md"]\n# naïve\n[End of the file]' in text and "a,b\n1,2\n" in text and '[File "d.json"]\n{"x": 1}' in text


def test_files_that_are_refused(engine, servers):
    server = servers(engine, args=["--set", "api.document_bytes=2000", "--set", "api.document_chars=1000"])
    rows = [
        (b"", "empty_file"),
        (b"\0\1\2", "unsupported_file"),
        (PNG, "unsupported_file"),
        ("é".encode("latin1") * 10, "unsupported_file"),
        (b"x" * 1001, "file_too_large"),
        (b"x" * 2001, "file_too_large"),
    ]
    for data, code in rows:
        for given in (file(file_id=put(server, data)["id"]), file(filename="x", file_data=data_url(data, "text/plain"))):
            error = refused(server, given)
            assert (error["code"], error["param"]) == (code, "input[0].content[1]"), (data[:20], error)
            assert ("file_search" in error["message"]) == (len(data) == 1001)
    assert refused(server, file(file_id="file-x"))["message"] == "No such File object: file-x"
    assert not engine.requests


@pytest.mark.parametrize("stream", [False, True])
def test_files_over_the_context(servers, stream):
    """No prompt has room for it: refused before anything is streamed or asked, with the way out. What is nearer the engine counts."""
    engine = ScriptedEngine(context=1000)
    server = servers(engine)
    made = put(server, b"many words " * 1000, "big.txt")
    answer = server.post("/v1/responses", {"model": "scripted", "input": message(file(file_id=made["id"])), "stream": stream})
    assert answer.status == 400 and (answer.error["code"], answer.error["param"]) == ("context_length_exceeded", "input[0].content[1]")
    assert "file_search" in answer.error["message"] and "1000 tokens" in answer.error["message"] and not engine.requests
    engine.always(lambda r: [overflow(1500, 1000)])
    near = put(server, b"many words " * 500, "near.txt")
    answer = server.post("/v1/responses", {"model": "scripted", "input": message(file(file_id=near["id"]))})
    assert answer.status == 400 and answer.error["code"] == "context_length_exceeded" and "file_search" in answer.error["message"]
    answer = server.post("/v1/responses", {"model": "scripted", "input": "many words " * 500})
    assert answer.error["code"] == "context_length_exceeded" and "file_search" not in answer.error["message"]
    engine.close()


def test_files_over_the_context_by_every_way(servers):
    """The same on a WebSocket, in the background, in chat and where only tokens are counted: by name, with the way out, nothing asked."""
    engine = ScriptedEngine(context=1000)
    server = servers(engine)
    made = put(server, b"many words " * 1000, "big.txt")
    body = {"model": "scripted", "input": message(file(file_id=made["id"]))}
    chat = {"model": "scripted", "messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": made["id"]}}]}]}

    def check(error, param):
        assert (error["code"], error["param"]) == ("context_length_exceeded", param), error
        assert "file_search" in error["message"] and "1000 tokens" in error["message"] and not engine.requests

    with Socket(server) as ws:
        check(ws.refused(body["input"])["error"], "input[0].content[1]")
    for stream in (False, True):
        answer = server.post("/v1/chat/completions", {**chat, "stream": stream})
        assert answer.status == 400
        check(answer.error, "messages[0].content[0]")
    queued = server.post("/v1/responses", {**body, "background": True}).json
    ended = eventually(lambda: (r := server.get("/v1/responses/" + queued["id"]).json)["status"] == "failed" and r)
    assert ended["error"]["code"] == "context_length_exceeded"
    assert "file_search" in ended["error"]["message"] and "1000 tokens" in ended["error"]["message"] and not engine.requests
    answer = server.post("/v1/responses/input_tokens", body)
    assert answer.status == 400
    check(answer.error, "input[0].content[1]")
    engine.close()


def pdf(*texts):
    """A PDF file with a page for each text."""
    kids = " ".join(f"{10 + 2 * i} 0 R" for i in range(len(texts)))
    out = (f"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[{kids}]/Count {len(texts)}>>endobj\n"
           "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n")
    for i, text in enumerate(texts):
        stream = f"BT /F 24 Tf 20 40 Td ({text}) Tj ET"
        out += (f"{10 + 2 * i} 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 100]/Contents {11 + 2 * i} 0 R"
                f"/Resources<</Font<</F 5 0 R>>>>>>endobj\n{11 + 2 * i} 0 obj<</Length {len(stream)}>>stream\n{stream}\nendstream endobj\n")
    return (out + "trailer<</Root 1 0 R>>\n%%EOF\n").encode()


def sandboxed():
    walls = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    return all(shutil.which(p) for p in ("bwrap", "prlimit", "pdftotext", "pdftoppm")) and subprocess.run(walls).returncode == 0


@pytest.mark.skipif(not sandboxed(), reason="needs bubblewrap and poppler-utils")
def test_pdf(servers):
    blind, seeing = ScriptedEngine(), ScriptedEngine(vision=True)
    limits = ["--set", "api.document_images=2", "--set", "api.document_pages=3"]
    try:
        server = servers(blind, args=limits)
        made = put(server, pdf("Alpha", "Beta"), "r.pdf")
        server.create(message(file(file_id=made["id"])))
        text = "\n".join(texts_in(blind.last))
        assert '[File "r.pdf"]' in text and "Alpha" in text and "Beta" in text and "[End of the file]" in text
        rows = [(pdf("a", "b", "c", "d"), "file_too_large", "more than 3 pages"), (b"%PDF-1.7 no", "file_parse_error", "damaged"),
                (pdf(""), "file_parse_error", "no text in it")]
        for data, code, words in rows:
            error = refused(server, file(filename="x.pdf", file_data=data_url(data, "application/pdf")))
            assert (error["code"], error["param"]) == (code, "input[0].content[1]") and words in error["message"], error
        server = servers(seeing, args=limits)
        server.create(message(file(filename="x.pdf", file_data=data_url(pdf("Alpha", "Beta", "Gamma"), "application/pdf"))))
        assert "of whose 3 pages 1 to 2 follow as images" in "\n".join(texts_in(seeing.last))
        small = images_in(seeing.last)
        assert len(small) == 2 and all(i["url"].startswith("data:image/png;base64,iVBOR") for i in small)
        server.create(message(file(filename="x.pdf", detail="high", file_data=data_url(pdf("Alpha"), "application/pdf"))))
        large = base64.b64decode(images_in(seeing.last)[0]["url"].split(",")[1])
        assert struct.unpack(">I", large[16:20])[0] == 1536
    finally:
        blind.close()
        seeing.close()


@pytest.mark.skipif(not sandboxed(), reason="needs poppler-utils")
def test_pdf_with_bounds_alone(engine, servers):
    """For containers that do not permit bubblewrap."""
    server = servers(engine, args=["--set", "api.sandbox=limits"])
    server.create(message(file(filename="x.pdf", file_data=data_url(pdf("Alpha"), "application/pdf"))))
    assert "Alpha" in "\n".join(texts_in(engine.last)) and len(images_in(engine.last)) == 1
    error = refused(server, file(filename="x.pdf", file_data=data_url(b"%PDF-1.7 no", "application/pdf")))
    assert error["code"] == "file_parse_error"


def archive(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, text in members.items():
            z.writestr(name.replace("__", "/") + ".xml", text)
    return out.getvalue()


@pytest.mark.skipif(not sandboxed() or not shutil.which("bsdtar"), reason="needs bubblewrap and bsdtar")
def test_office(engine, server):
    w, x = 'xmlns:w="urn:w"', 'xmlns="urn:x"'
    docx = archive(word__document=f"<w:document {w}><w:body><w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:t>One</w:t><w:tab/>"
                   "<w:t>&amp; two</w:t></w:r></w:p><w:p><w:r><w:t>Three</w:t></w:r></w:p></w:body></w:document>")
    slide = f"<w:sld {w}><w:p><w:t>%s</w:t></w:p></w:sld>"
    pptx = archive(ppt__presentation="<p/>", ppt__slides__slide1=slide % "First", ppt__slides__slide2=slide % "Second")
    xlsx = archive(xl__workbook="<w/>", xl__sharedStrings=f"<sst {x}><si><t>Name</t></si><si><r><t>A</t></r><r><t>nn</t></r></si></sst>",
                   xl__worksheets__sheet1=f'<worksheet {x}><sheetData><row><c r="A1" t="s"><v>0</v></c><c r="C1"><v>7</v></c></row><row>'
                   '<c r="A2" t="s"><v>1</v></c><c r="B2" t="inlineStr"><is><t>x</t></is></c></row></sheetData></worksheet>')
    for data, words in ((docx, "One\t& two\nThree"), (pptx, "[Slide 1]\nFirst\n[Slide 2]\nSecond"),
                        (xlsx, "[Sheet 1]\nName\t\t7\nAnn\tx")):
        server.create(message(file(file_id=put(server, data, "f")["id"])))
        assert words in "\n".join(texts_in(engine.last)), texts_in(engine.last)
    bomb = archive(word__document='<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    wide = archive(word__document='<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b "c">]><a><p><t>&b;</t></p></a>'.encode("utf-16"))
    for data, code in ((archive(a="<a/>"), "unsupported_file"), (docx[:-200], "file_parse_error"), (bomb, "file_parse_error"), (wide, "file_parse_error"),
                       (archive(word__document="<w:p>"), "file_parse_error")):
        assert refused(server, file(file_id=put(server, data, "f")["id"]))["code"] == code


def test_html(engine, servers, site):
    server = servers(engine, args=INSIDE)
    site.pages["/p"] = (200, "text/html; charset=latin1", "<title>T</title><p>caf\xe9<script>no()</script>".encode("latin1"))
    server.create(message(file(file_url=site.url + "/p")))
    text = "\n".join(texts_in(engine.last))
    assert "café" in text and "no()" not in text and "<p>" not in text


# --- chat completions ---


def test_chat(engine, servers, site):
    server = servers(engine, args=INSIDE)
    site.pages["/a"] = (200, "image/png", PNG)
    made = put(server, b"forty-two", "note.txt")
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        def ask(*parts, **more):
            return client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": [
                {"type": "text", "text": "What is this?"}, *parts]}], **more)
        ask({"type": "image_url", "image_url": {"url": site.url + "/a", "detail": "high"}},
            {"type": "file", "file": {"file_id": made["id"]}})
        assert images_in(engine.last) == [{"url": data_url(PNG), "detail": "high"}]
        assert any("forty-two" in t for t in texts_in(engine.last))
        assert "".join(c.choices[0].delta.content or "" for c in ask(
            {"type": "image_url", "image_url": {"url": site.url + "/a"}}, stream=True) if c.choices)
        n = len(engine.requests)
        for given in ({"type": "image_url", "image_url": {"url": site.url + "/none"}},
                      {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}},
                      {"type": "image_url", "image_url": {"url": "http://10.0.0.1/"}}):
            for stream in (False, True):
                with pytest.raises(openai.BadRequestError) as e:
                    ask(given, stream=stream)
                assert e.value.param == "messages[0].content[1]"
        assert len(engine.requests) == n


def test_a_cloud_engine_fetches_itself(servers, site, tmp_path):
    engine = ScriptedEngine(vision=True)
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"engines": [{"name": "cloud", "url": engine.url, "fetches_urls": True}]}))
    try:
        server = servers(args=["--config", str(path)])
        server.create(message(image(image_url=site.url + "/a"), file(filename="x.pdf", file_data=data_url(b"%PDF-1.4 x", "application/pdf"))))
        assert images_in(engine.last) == [{"url": site.url + "/a"}] and not site.asked
        assert [p["file"] for p in engine.last.body["messages"][0]["content"] if p["type"] == "file"] == [
            {"filename": "x.pdf", "file_data": data_url(b"%PDF-1.4 x", "application/pdf")}]
    finally:
        engine.close()


def test_sdk(engine, server):
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        made = client.files.create(file=("dot.png", PNG), purpose="vision")
        response = client.responses.create(model="scripted", input=[{"role": "user", "content": [
            {"type": "input_image", "file_id": made.id, "detail": "auto"}]}])
        assert response.status == "completed" and text_of(response.model_dump())
    answer = send(server, form(part("purpose", "vision"), part("file", PNG, "a.png")))
    assert answer.status == 200


@pytest.mark.parametrize("shape", [
    lambda d: "data:image/png;charset=utf-8;base64," + d, lambda d: "DATA:image/png;base64," + d,
    lambda d: "data:image/png;base64," + "\r\n".join(d[i:i + 20] for i in range(0, len(d), 20)),
    lambda d: "data:image/png;base64," + d.rstrip("="), lambda d: "data:IMAGE/PNG;base64," + d,
    lambda d: "data:image/jpeg;base64," + d, lambda d: "data:image/png;base64, " + d + "\n"])
def test_pictures_are_written_anew(server, engine, shape):
    """Engines' decoders are strict; the next turn says the same bytes again, and the item keeps its own."""
    sent = shape(data_url(PNG).split(",")[1])
    image = {"role": "user", "content": [{"type": "input_image", "image_url": sent}]}
    made = server.create([image])
    server.create("and now?", previous_response_id=made["id"])
    server.post("/v1/chat/completions", {"model": "gpt-4o", "messages": [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": sent}}]}]})
    for request in engine.requests:
        part, = [p for p in request.body["messages"][0]["content"] if p["type"] == "image_url"]
        assert part["image_url"]["url"] == data_url(PNG)
    assert len(engine.requests) == 3
