"""The tool image_generation: pictures made and changed by an image engine, told as recorded, kept, and refused by name."""
import base64
import contextlib
import json
import os
import threading

import openai
import pytest
from openai import OpenAI

from ability_script import AbilityEngine, answer_json, b64, form_of, png
from engine_script import Gate, call, hold, say
from harness import Stream, eventually, make_key, rows_of
from test_recorded_streams import shapes
from test_recordings import events_of, exchanges, items_of
from web_script import ScriptedWeb

RED, BLUE = png(), png(3, 1, (0, 0, 255))
USAGE = {"input_tokens": 11, "input_tokens_details": {"image_tokens": 0, "text_tokens": 11}, "output_tokens": 6240,
         "output_tokens_details": {"image_tokens": 6240, "text_tokens": 0}, "total_tokens": 6251}
TOOL = {"type": "image_generation"}


def draw(request):
    return answer_json({"created": 1, "data": [{"b64_json": b64(RED)}] * request.body.get("n", 1), "usage": USAGE})


def change(request):
    return answer_json({"created": 1, "data": [{"b64_json": b64(BLUE)}]})


@pytest.fixture
def painter():
    e = AbilityEngine({"/v1/images/generations": draw, "/v1/images/edits": change})
    yield e
    e.close()


def start(servers, engine, painter, family="openai", *more):
    engine.vision = True
    return servers(engine, args=["--set", f"images.engine={painter.url}", "--set", f"images.family={family}", *more])


@pytest.fixture
def served(servers, engine, painter):
    return start(servers, engine, painter)


def paints(engine, **args):
    engine.next(call("image_generation", json.dumps({"prompt": "a cat", **args})))
    engine.next(say("Here."))


def test_a_picture(served, engine, painter):
    paints(engine, size="64x64")
    response = served.create("Paint a cat", tools=[TOOL])
    picture, message = response["output"]
    assert {k: v for k, v in picture.items() if k != "id"} == {
        "type": "image_generation_call", "status": "completed", "background": "auto", "output_format": "png", "quality": "auto",
        "result": b64(RED), "revised_prompt": "a cat", "size": "2x2"}
    assert picture["id"].startswith("ig_") and message["content"][0]["text"] == "Here."
    assert painter.asked[-1].body == {"prompt": "a cat", "n": 1, "size": "64x64"}
    assert response["tool_usage"]["image_gen"] == USAGE
    assert response["tools"] == [{"type": "image_generation", "background": "auto", "moderation": "auto", "n": 1,
                                  "output_compression": 100, "output_format": "png", "quality": "auto", "size": "auto"}]
    assert b64(RED) not in json.dumps(engine.last.body)  # no chat model reads pictures as text
    assert served.get(f"/v1/responses/{response['id']}").json["output"] == response["output"]


def events(stream):
    return [e.data["type"] for e in stream if e.data]


ORDER = ["response.output_item.added", "response.image_generation_call.in_progress", "response.image_generation_call.generating",
         "response.image_generation_call.completed", "response.output_item.done"]


def test_streamed_replayed_and_rebuilt(served, engine):
    paints(engine)
    live = [e.data for e in served.stream("Paint", tools=[TOOL]) if e.data]
    names = [e["type"] for e in live]
    at = names.index(ORDER[1]) - 1
    assert names[at:at + 5] == ORDER
    assert sorted(live[at]["item"]) == ["id", "status", "type"] and live[at + 4]["item"]["result"] == b64(RED)
    again = Stream(*served.open("GET", f"/v1/responses/{live[-1]['response']['id']}?stream=true"))
    plain = [{k: v for k, v in e.items() if k != "obfuscation"} for e in live]
    assert [{k: v for k, v in e.data.items() if k != "obfuscation"} for e in again if e.data] == plain
    paints(engine)
    silent = served.create("Paint", tools=[TOOL])
    rebuilt = events(Stream(*served.open("GET", f"/v1/responses/{silent['id']}?stream=true")))
    assert rebuilt == names


def test_background(served, engine):
    paints(engine)
    run = served.create("Paint", tools=[TOOL], background=True)
    done = eventually(lambda: (r := served.get(f"/v1/responses/{run['id']}").json)["status"] == "completed" and r)
    assert done["output"][0]["result"] == b64(RED)


def test_kill_while_it_is_made(served, engine, painter):
    """The call stays, failed, and the model is asked again."""
    reached, go = threading.Event(), threading.Event()

    def slow(request):
        reached.set()
        assert go.wait(60)
        return draw(request)

    painter.paths["/v1/images/generations"] = slow
    engine.next(call("image_generation", '{"prompt": "a cat"}'))
    paints(engine)
    run = served.create("Paint", tools=[TOOL], background=True)
    assert reached.wait(60)
    served.kill()
    go.set()
    served.start()
    done = eventually(lambda: (r := served.get(f"/v1/responses/{run['id']}").json)["status"] == "completed" and r, 90)
    assert [(i["type"], i["status"]) for i in done["output"]] == [
        ("image_generation_call", "failed"), ("image_generation_call", "completed"), ("message", "completed")]


def test_kill_when_it_is_made(served, engine, painter):
    """The picture is in the log, with what it used."""
    gate = Gate()
    engine.next(call("image_generation", '{"prompt": "a cat"}'))
    engine.next(hold(gate))
    first = served.stream("Paint", tools=[TOOL], background=True).until("response.output_item.done")  # so it is in the log
    run = first[0].data["response"]
    assert gate.reached.wait(60)
    engine.next(say("Here."))
    served.kill()
    gate.open.set()
    served.start()
    done = eventually(lambda: (r := served.get(f"/v1/responses/{run['id']}").json)["status"] == "completed" and r, 90)
    assert [i["type"] for i in done["output"]] == ["image_generation_call", "message"] and len(painter.asked) == 1
    assert done["output"][0]["result"] == b64(RED) and done["tool_usage"]["image_gen"] == USAGE


def test_changes_what_is_there(served, engine, painter):
    paints(engine)
    first = served.create("Paint a cat", tools=[TOOL])
    paints(engine, action="edit")
    second = served.create("Make it blue", tools=[{**TOOL, "input_image_mask": {"image_url": "data:image/png;base64," + b64(RED)}}],
                           previous_response_id=first["id"])
    parts = form_of(painter.asked[-1])
    assert [(p[0], p[3]) for p in parts if p[1]] == [("image", RED), ("mask", RED)]
    assert ("prompt", None, None, b"a cat") in parts and second["output"][0]["result"] == b64(BLUE)
    paints(engine, action="edit")  # a picture that is named by its id alone, and one of the user's
    message = {"role": "user", "content": [{"type": "input_text", "text": "Merge"},
                                           {"type": "input_image", "image_url": "data:image/png;base64," + b64(BLUE)}]}
    served.create([{"type": "image_generation_call", "id": first["output"][0]["id"]}, message], tools=[{**TOOL, "action": "edit"}])
    assert [(p[0], p[3]) for p in form_of(painter.asked[-1]) if p[1]] == [("image[]", RED), ("image[]", BLUE)]


def test_pictures_count_as_output(servers, engine, painter):
    server = start(servers, engine, painter, "openai", "--set", "api.output_bytes=65536")
    painter.paths["/v1/images/generations"] = lambda request: answer_json({"data": [{"b64_json": b64(png() + b"\0" * 60000)}]})
    paints(engine)
    got = server.post("/v1/responses", {"model": "scripted", "input": "a", "tools": [TOOL]})
    assert got.status == 502 and "api.output_bytes" in got.error["message"]


def test_large_pictures(served, engine, painter):
    """As large as live ones are: kept, streamed from a log, and changed."""
    large = png() + b"\1" * 2_500_000
    painter.paths["/v1/images/generations"] = lambda request: answer_json({"data": [{"b64_json": b64(large)}]})
    paints(engine)
    run = served.create("Paint", tools=[TOOL], background=True)
    done = eventually(lambda: (r := served.get(f"/v1/responses/{run['id']}").json)["status"] == "completed" and r)
    assert done["output"][0]["result"] == b64(large)
    again = [e.data for e in Stream(*served.open("GET", f"/v1/responses/{run['id']}?stream=true")) if e.data]
    assert again[-1]["response"]["output"] == done["output"]
    paints(engine, action="edit")
    served.create("Change it", tools=[TOOL], previous_response_id=run["id"])
    assert [p[3] for p in form_of(painter.asked[-1]) if p[1]] == [large]


def test_kept_once_as_bytes(servers, engine, painter, tmp_path):
    """4 MB of base64: a small row, a file of the picture's own bytes, told whole wherever it is told, and gone with its last holder."""
    data = tmp_path / "data"
    large = png() + os.urandom(3_000_000)
    engine.vision = True

    def begin():
        return servers(engine, data=str(data), args=["--set", f"images.engine={painter.url}", "--set", "images.family=openai",
                                                     "--set", "store.linger_seconds=0", "--set", "store.sweep_seconds=1"])

    def kept():
        return [p.read_bytes() for p in (data / "files").iterdir() if p.is_file()]
    server = begin()
    painter.paths["/v1/images/generations"] = lambda request: answer_json({"data": [{"b64_json": b64(large)}]})
    paints(engine)
    first = server.create("Paint", tools=[TOOL])
    assert first["output"][0]["result"] == b64(large) and kept() == [large]
    assert rows_of(data, "SELECT max(length(json)) FROM item")[0][0] < 1000
    server.kill()
    server = begin()
    assert server.get(f"/v1/responses/{first['id']}").json["output"] == first["output"]
    assert kept() == [large]
    paints(engine, action="edit")
    second = server.create("Change it", tools=[TOOL], previous_response_id=first["id"])
    assert [p[3] for p in form_of(painter.asked[-1]) if p[1]] == [large] and kept() == [large]
    items = server.get(f"/v1/responses/{second['id']}/input_items").json["data"]
    assert [i["result"] for i in items if i["type"] == "image_generation_call"] == [b64(large)]
    again = [e.data for e in Stream(*server.open("GET", f"/v1/responses/{first['id']}?stream=true")) if e.data]
    assert again[-1]["response"]["output"] == first["output"]
    server.delete(f"/v1/responses/{first['id']}")
    server.kill()
    server = begin()
    assert kept() == [large]  # the second stands on it
    server.delete(f"/v1/responses/{second['id']}")
    eventually(lambda: not kept())


def test_tool_choice(served, engine):
    paints(engine)
    response = served.create("Hello", tools=[TOOL], tool_choice={"type": "image_generation"})
    assert [i["type"] for i in response["output"]] == ["image_generation_call", "message"]
    assert engine.requests[-2].body["tool_choice"] != "auto"


@pytest.mark.parametrize("answer, says", [
    ((200, {"data": [{"b64_json": b64(b"no picture")}]}), "no picture"),
    ((200, {"data": [{"b64_json": "%%%"}]}), "no picture"),
    ((200, {"data": [{"url": "http://x/y.png"}]}), "no picture in it"),
    ((200, {"data": []}), "no pictures"),
    ((200, {"data": [{"b64_json": b64(png(60000, 1))}]}), "too large"),
    ((400, {"error": {"message": "prompt is forbidden"}}), "prompt is forbidden"),
    ((401, {"error": {"message": "sk-secret"}}), "credentials"),
])
def test_failures_are_told(servers, engine, painter, answer, says):
    server = start(servers, engine, painter, "openai", "--set", "engine.picture_pixels=50000")
    painter.paths["/v1/images/generations"] = lambda request: answer_json(answer[1], answer[0])
    paints(engine)
    picture = server.create("Paint", tools=[TOOL])["output"][0]
    assert picture["status"] == "failed" and picture["result"] is None
    assert says in picture["error"]["message"] and "sk-secret" not in json.dumps(picture)
    assert says in json.dumps(engine.last.body["messages"])


def test_the_format_is_checked(served, engine):
    paints(engine)
    picture = served.create("Paint", tools=[{**TOOL, "output_format": "webp"}])["output"][0]
    assert picture["status"] == "failed" and "in png, not in webp" in picture["error"]["message"]


def test_refused_without_an_engine(server):
    got = server.post("/v1/responses", {"model": "scripted", "input": "a", "tools": [TOOL]})
    assert got.status == 400 and got.error["param"] == "tools[0]" and "images.engine=" in got.error["message"]


@pytest.mark.parametrize("by", ["file_id", "image_url"])
def test_a_mask(served, engine, painter, by):
    mask = png(2, 2, alpha=True)
    with OpenAI(base_url=served.base_url, api_key="any") as client:
        file = client.files.create(file=("mask.png", mask), purpose="vision").id
        text = client.files.create(file=("mask.txt", b"no picture"), purpose="vision").id
    given = {"file_id": file} if by == "file_id" else {"image_url": "data:image/png;base64," + b64(mask)}
    paints(engine, action="edit")
    made = served.create([{"role": "user", "content": [{"type": "input_text", "text": "Change it"}, {
        "type": "input_image", "image_url": "data:image/png;base64," + b64(RED)}]}], tools=[{**TOOL, "input_image_mask": given}])
    assert made["output"][0]["status"] == "completed" and "input_image_mask" not in made["tools"][0], "as recorded: it is not echoed"
    assert {name: data for name, _, _, data in form_of(painter.asked[-1])}["mask"] == mask
    got = served.post("/v1/responses", {"model": "scripted", "input": "a", "tools": [{**TOOL, "input_image_mask": {"file_id": text}}]})
    assert got.status == 400 and got.error["code"] == "image_parse_error" and got.error["param"] == "tools[0].input_image_mask"


def test_a_mask_of_another_project(served, engine, painter):
    theirs = make_key(served, "b", "beta")[0]
    with OpenAI(base_url=served.base_url, api_key=theirs) as client:
        file = client.files.create(file=("mask.png", RED), purpose="vision").id
    tool = {**TOOL, "input_image_mask": {"file_id": file}}
    got = served.post("/v1/responses", {"model": "scripted", "input": "a", "tools": [tool]}, key=make_key(served, "a")[0])
    assert got.status == 400 and got.error["code"] == "image_file_not_found" and not painter.asked, got


@pytest.mark.parametrize("family, member, value", [
    ("generic", "output_format", "jpeg"), ("generic", "background", "transparent"), ("openai", "output_format", "svg"),
    ("openai", "output_format", "gif"), ("openai", "frame_count", 3), ("openai", "complexity", "low"),
    ("localai", "action", "edit"), ("openai", "size", "huge"), ("openai", "size", "99999x99999"),
    ("openai", "input_image_mask", {"file_id": "file-1"}), ("openai", "input_image_mask", {}),
    ("openai", "input_image_mask", {"image_url": "https://example.com/a.png"}), ("openai", "input_image_mask", {"image_url": "data:image/png;base64,YQ=="}),
    ("openai", "input_image_mask", {"file_id": "file-1", "image_url": "data:image/png;base64,YQ=="}), ("openai", "svg", {"model": "x"}),
])
def test_refused_by_name(servers, engine, painter, family, member, value):
    server = start(servers, engine, painter, family)
    got = server.post("/v1/responses", {"model": "scripted", "input": "a", "tools": [{**TOOL, member: value}]})
    assert got.status == 400 and (member in got.error["param"] or value == "edit"), got


@pytest.mark.parametrize("family, sent, unapplied", [
    ("generic", {"response_format": "b64_json"}, "tools[0].partial_images, tools[0].moderation, tools[0].quality"),
    ("openai", {"quality": "low", "moderation": "low"}, "tools[0].partial_images"),
])
def test_what_goes_out(servers, engine, painter, family, sent, unapplied):
    server = start(servers, engine, painter, family)
    paints(engine)
    tool = {**TOOL, "quality": "low", "moderation": "low", "partial_images": 2, "output_compression": 100}
    got = server.post("/v1/responses", {"model": "scripted", "input": "a", "tools": [tool]})
    assert got.headers["antiphon-not-applied"] == unapplied
    body = painter.asked[-1].body
    body.pop("output_compression", None)
    assert body == {"prompt": "a cat", "n": 1, **sent}


# --- /v1/images ---

@pytest.fixture
def client(served):
    return OpenAI(base_url=served.base_url, api_key="sk-of-the-client", max_retries=0)


@pytest.mark.beside_openapi
def test_generations(client, painter):
    got = client.images.generate(prompt="a cat", model="gpt-image-1", n=2, output_format="png", size="1024x1536", quality="low")
    assert [base64.b64decode(p.b64_json) for p in got.data] == [RED, RED] and got.usage.total_tokens == 6251
    assert (got.size, got.output_format, got.quality) == ("2x2", "png", "low")
    assert painter.asked[-1].body == {"prompt": "a cat", "n": 2, "output_format": "png", "size": "1024x1536", "quality": "low",
                                      "model": "gpt-image-1"}


@pytest.mark.beside_openapi
@pytest.mark.parametrize("several", [False, True])
def test_edits(servers, engine, painter, several):
    served = start(servers, engine, painter, "generic")
    client = OpenAI(base_url=served.base_url, api_key="x", max_retries=0)
    image = ("a.png", RED, "image/png")
    got = client.images.edit(image=[image, image] if several else image, mask=image, prompt="blue", model="m", n=1)
    assert base64.b64decode(got.data[0].b64_json) == BLUE
    parts = form_of(painter.asked[-1])
    assert sorted(p[0] for p in parts if p[1]) == (["image[]", "image[]", "mask"] if several else ["image", "mask"])
    assert {p[0]: p[3] for p in parts if not p[1]} == {"prompt": b"blue", "model": b"m", "n": b"1", "response_format": b"b64_json"}


def data_url(picture):
    return f"data:image/png;base64,{b64(picture)}"


@pytest.mark.beside_openapi
def test_edits_as_json(servers, engine, painter):
    """Pictures by data URL and by file, and a mask, as the form that engines know."""
    served = start(servers, engine, painter, "generic")
    client = OpenAI(base_url=served.base_url, api_key="x", max_retries=0)
    file = client.files.create(file=("b.png", BLUE), purpose="vision").id
    body = {"model": "m", "prompt": "blue", "n": 1, "images": [{"image_url": data_url(RED)}, {"file_id": file}],
            "mask": {"image_url": data_url(RED)}}
    got = served.post("/v1/images/edits", body)
    assert got.status == 200 and base64.b64decode(got.json["data"][0]["b64_json"]) == BLUE, got
    parts = form_of(painter.asked[-1])
    assert [(p[0], p[2], p[3]) for p in parts if p[1]] == [("image[]", "image/png", RED), ("image[]", "image/png", BLUE),
                                                           ("mask", "image/png", RED)]
    assert {p[0]: p[3] for p in parts if not p[1]} == {"prompt": b"blue", "model": b"m", "n": b"1", "response_format": b"b64_json"}
    got = served.post("/v1/images/edits", {"prompt": "x", "images": [{"file_id": file}], "quality": "low", "stream": True})
    assert b"event: image_edit.completed" in got.body and got.headers["antiphon-not-applied"] == "quality"
    assert [p[0] for p in form_of(painter.asked[-1]) if p[1]] == ["image"]
    client.files.delete(file)
    for change, param in (
            ({"images": [{"file_id": file}]}, "images[0]"), ({"images": []}, "images"), ({"images": None}, "images"),
            ({"images": [{"image_url": data_url(RED), "file_id": "file-1"}]}, "images[0]"), ({"images": [{}]}, "images[0]"),
            ({"images": [{"image_url": data_url(b"no picture")}]}, "images[0]"), ({"images": [{"image_url": data_url(RED)}] * 17}, "images"),
            ({"mask": {"image_url": "ftp://x/y"}}, "mask"), ({"images": [{"image_url": "http://127.0.0.1:1/x.png"}]}, "images[0]"),
            ({"image": "x"}, "image"), ({"prompt": ""}, "prompt"), ({"style": "loud"}, "style")):
        got = served.post("/v1/images/edits", {**body, "images": [{"image_url": data_url(RED)}], **change})
        assert got.status == 400 and got.error["param"] == param, (change, got)
    assert len(painter.asked) == 2
    no_edits = start(servers, engine, painter, "localai")
    got = no_edits.post("/v1/images/edits", {**body, "images": [{"image_url": data_url(RED)}]})
    assert got.status == 400 and "changes no pictures" in got.error["message"]


@pytest.mark.beside_openapi
def test_variations(servers, engine, painter):
    """Where the engine has them; by its name where not."""
    served = start(servers, engine, painter, "generic")
    client = OpenAI(base_url=served.base_url, api_key="x", max_retries=0)
    with pytest.raises(openai.NotFoundError, match="images.engine"):
        client.images.create_variation(image=("a.png", RED))
    painter.paths["/v1/images/variations"] = change
    other = start(servers, engine, painter, "generic")
    client = OpenAI(base_url=other.base_url, api_key="x", max_retries=0)
    got = client.images.create_variation(image=("a.png", RED, "image/png"), n=1, response_format="b64_json", size="256x256")
    assert base64.b64decode(got.data[0].b64_json) == BLUE
    parts = {p[0]: p[3] for p in form_of(painter.asked[-1])}
    assert parts == {"image": RED, "n": b"1", "size": b"256x256", "response_format": b"b64_json"}
    with pytest.raises(openai.BadRequestError, match="Unknown parameter: 'prompt'"):
        client.images.create_variation(image=("a.png", RED), extra_body={"prompt": "x"})


def test_slow_pictures_beside_a_quick_search(servers, engine, painter):
    """More pictures than have threads wait for their engine; a search has threads of its own."""
    go, here = threading.Event(), threading.Semaphore(0)

    def slow(request):
        here.release()
        go.wait(60)
        return draw(request)
    painter.paths["/v1/images/generations"] = slow
    with contextlib.closing(ScriptedWeb()) as web:
        server = start(servers, engine, painter, "openai", *web.args(), "--set", "tools.threads=1", "--set", "tools.image_threads=2")
        engine.always(lambda request: [say("done")] if request.body["messages"][-1]["role"] == "tool" else
                      [call("image_generation", '{"prompt":"a cat"}')] if request.last_text == "paint" else
                      [call("web_search", '{"query":"x"}')])
        slow_ones = [server.create("paint", tools=[TOOL], background=True)["id"] for _ in range(8)]
        assert here.acquire(timeout=60) and here.acquire(timeout=60)
        made = server.create("quick", tools=[{"type": "web_search"}])
        assert [i["type"] for i in made["output"]] == ["web_search_call", "message"] and web.requests and not go.is_set()
        go.set()
        for id in slow_ones:
            done = eventually(lambda: (r := server.get(f"/v1/responses/{id}").json)["status"] == "completed" and r)
            assert done["output"][0]["result"] == b64(RED)


@pytest.mark.beside_openapi
def test_streams_without_partial_pictures(servers, engine, painter):
    served = start(servers, engine, painter, "sd.cpp")
    client = OpenAI(base_url=served.base_url, api_key="x", max_retries=0)
    seen = list(client.images.generate(prompt="a cat", stream=True, partial_images=2))
    assert [(e.type, e.b64_json, e.output_format) for e in seen] == [("image_generation.completed", b64(RED), "png")]
    assert painter.asked[-1].body == {"prompt": "a cat"}
    seen = list(client.images.edit(image=("a.png", RED), prompt="a cat", stream=True))
    assert [e.type for e in seen] == ["image_edit.completed"]
    got = served.post("/v1/images/generations", {"prompt": "a", "partial_images": 1})
    assert got.headers["antiphon-not-applied"] == "partial_images"
    # What only advises is named, too, when this engine does not take it; what it does anyhow is not.
    got = served.post("/v1/images/generations", {"prompt": "a", "quality": "low", "background": "auto", "output_format": "png"})
    assert got.status == 200 and got.headers["antiphon-not-applied"] == "quality"


@pytest.mark.beside_openapi
def test_streams_of_an_engine_that_streams(client, painter):
    lines = [b'event: image_generation.partial_image\ndata: {"type":"image_generation.partial_image","b64_json":"a","partial_image_index":0}\n\n',
             b'event: image_generation.completed\ndata: {"type":"image_generation.completed","b64_json":"b"}\n\n']
    painter.paths["/v1/images/generations"] = lambda request: (200, "text/event-stream", lines)
    seen = [e.type for e in client.images.generate(prompt="a cat", stream=True, partial_images=1)]
    assert seen == ["image_generation.partial_image", "image_generation.completed"]
    assert painter.asked[-1].body == {"prompt": "a cat", "stream": True, "partial_images": 1}


@pytest.mark.beside_openapi
@pytest.mark.parametrize("family, body, param", [
    ("openai", {}, "prompt"), ("openai", {"prompt": "a", "n": 11}, "n"), ("openai", {"prompt": "a", "what": 1}, "what"),
    ("openai", {"prompt": "a", "response_format": "url"}, "response_format"),
    ("generic", {"prompt": "a", "output_format": "webp"}, "output_format"),
    ("generic", {"prompt": "a", "background": "transparent"}, "background"),
])
def test_images_refused_by_name(servers, engine, painter, family, body, param):
    got = start(servers, engine, painter, family).post("/v1/images/generations", body)
    assert (got.status, got.error["param"]) == (400, param)


@pytest.mark.beside_openapi
def test_pictures_are_looked_at(served, painter):
    painter.paths["/v1/images/generations"] = lambda request: answer_json({"data": [{"b64_json": b64(b"<svg>")}]})
    assert served.post("/v1/images/generations", {"prompt": "a"}).status == 502
    painter.paths["/v1/images/generations"] = draw
    got = served.post("/v1/images/generations", {"prompt": "a", "output_format": "jpeg"})
    assert got.status == 502 and "in png, not in jpeg" in got.error["message"]


@pytest.mark.beside_openapi
def test_images_without_an_engine(server):
    got = server.post("/v1/images/generations", {"prompt": "a"})
    assert got.status == 404 and "images.engine=" in got.error["message"]


def recorded():
    for place, request, response in exchanges():
        made, items = events_of(response), items_of(response)
        if any(i["type"] == "image_generation_call" for i in items):
            yield pytest.param(made, items, id=place)


CASES = list(recorded())


@pytest.mark.parametrize("made, items", CASES)
def test_recorded(served, engine, painter, made, items):
    """What was recorded, played: our items and events are of the same shape. No engine sends partial pictures."""
    item = next(i for i in items if i["type"] == "image_generation_call")
    painter.paths["/v1/images/generations"] = lambda request: answer_json({"data": [
        {"b64_json": b64(RED), "revised_prompt": item["revised_prompt"]}], "background": item["background"], "quality": item["quality"]})
    engine.next(call("image_generation", json.dumps({"prompt": item["revised_prompt"]})))
    engine.next(say("Here."))
    mine = [e.data for e in served.stream("Paint", tools=[TOOL]) if e.data]
    ours = next(i for i in mine[-1]["response"]["output"] if i["type"] == item["type"])
    assert sorted(ours) == sorted(item)
    assert {k: ours[k] for k in ("background", "quality", "revised_prompt", "status")} == {
        k: item[k] for k in ("background", "quality", "revised_prompt", "status")}
    if made:
        def of_picture(events):
            events = [e for e in events if e["type"] != "response.image_generation_call.partial_image"]
            id = next(e["item"]["id"] for e in events if e.get("item", {}).get("type") == "image_generation_call")
            events = [e for e in events if e.get("item_id") == id or e.get("item", {}).get("id") == id]
            return [{**e, "output_index": 0} for e in events]
        assert shapes(of_picture(mine)) == shapes(of_picture(made))


def test_what_is_played():
    assert len(CASES) >= 3 and any(case.values[0] for case in CASES)
