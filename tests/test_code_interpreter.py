"""code_interpreter: a scripted engine writes the code, the Python that runs it is real; items, events, files, citations, failures."""
import base64
import fcntl
import glob
import json
import os
import pathlib
import re
import struct

import openai
import pytest

from engine_script import Gate, ScriptedEngine, call, hold, say, status, think
from harness import TREE, Stream, command, eventually, make_key, rows_of, text_of
from test_background import ended, in_order, texts
from test_websocket import Socket

OUTPUTS = "code_interpreter_call.outputs"
AUTO = {"type": "code_interpreter", "container": {"type": "auto"}}
# A picture without any package.
PNG = """
import struct, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
def png(rows):
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    body = zlib.compress(b"".join(b"\\0" + bytes(r) for r in rows))
    return b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
class Picture:
    def __init__(self, rows): self.rows = rows
    def _repr_png_(self): return png(self.rows)
"""


def python(code, *cuts, **more):
    text = json.dumps({"code": code})
    return call("python", text[:9], text[9:], **more)


def streamed(server, *args, **more):
    return [e for e in server.stream(*args, **more) if e.data]


def calls(response):
    return [i for i in response["output"] if i["type"] == "code_interpreter_call"]


def notes(response):
    return [a for i in response["output"] if i["type"] == "message" for p in i["content"] for a in p["annotations"]]


def told(engine, at=-1):
    content = engine.requests[at].body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(p.get("text", "") for p in content)


def logs(item):
    return [o["logs"] for o in item["outputs"] if o["type"] == "logs"]


def ask(server, engine, *codes, answer="Done.", **more):
    for code in codes:
        engine.next(python(code))
    engine.next(say(answer))
    more.setdefault("tools", [AUTO])
    return server.create("go", include=[OUTPUTS], **more)


# --- items and events ---

def test_value(server, engine):
    made = ask(server, engine, "x = 6\nprint('hello')\nx * 7")
    assert [i["type"] for i in made["output"]] == ["code_interpreter_call", "message"] and made["status"] == "completed"
    item, = calls(made)
    assert list(item) == ["id", "type", "status", "code", "container_id", "outputs"] and re.fullmatch("ci_[0-9a-f]{40}", item["id"])
    assert item["status"] == "completed" and item["code"] == "x = 6\nprint('hello')\nx * 7"
    assert logs(item) == ["hello\n", "42"] and re.fullmatch("cntr_[0-9a-f]{40}", item["container_id"])
    assert made["tools"] == [AUTO] and told(engine) == "hello\n42\n"
    function = engine.requests[0].body["tools"][0]["function"]
    assert function["name"] == "python" and list(function["parameters"]["properties"]) == ["code"]
    assert server.get("/v1/responses/" + made["id"]).json["output"][0]["outputs"] is None
    assert server.get(f"/v1/responses/{made['id']}?include={OUTPUTS}").json["output"] == made["output"]
    container = server.get("/v1/containers/" + item["container_id"]).json
    assert container["name"] == "auto" and container["status"] == "running" and container["memory_limit"] == "1g"


def test_without_include(server, engine):
    engine.next(python("1 + 1"))
    engine.next(say("2"))
    assert calls(server.create("go", tools=[AUTO]))[0]["outputs"] is None


def test_streamed(server, engine):
    engine.next(think("hm"), python("print(1)\n2"))
    engine.next(say("Two."))
    events = streamed(server, "go", tools=[AUTO])
    in_order(events)
    types = [e.type for e in events]
    at = types.index("response.code_interpreter_call.in_progress")
    kinds = [t for i, t in enumerate(types[at - 1:]) if t != types[at - 2 + i]]
    assert kinds[:7] == ["response.output_item.added", "response.code_interpreter_call.in_progress",
                         "response.code_interpreter_call_code.delta", "response.code_interpreter_call_code.done",
                         "response.code_interpreter_call.interpreting", "response.code_interpreter_call.completed",
                         "response.output_item.done"]
    added, done = (next(e.data["item"] for e in events if e.type == f"response.output_item.{w}" and
                        e.data["item"]["type"] == "code_interpreter_call") for w in ("added", "done"))
    assert added == {"id": done["id"], "type": "code_interpreter_call", "status": "in_progress", "code": "",
                     "container_id": done["container_id"], "outputs": None}
    deltas = [e.data for e in events if e.type == "response.code_interpreter_call_code.delta"]
    assert "".join(d["delta"] for d in deltas) == done["code"] == "print(1)\n2" and "obfuscation" in deltas[0]
    assert {"item_id", "output_index", "sequence_number", "type", "delta", "obfuscation"} == set(deltas[0])
    id = events[0].data["response"]["id"]
    again = [e for e in Stream(*server.open("GET", f"/v1/responses/{id}?stream=true")) if e.data]
    assert texts(again) == texts(events)


def test_code_while_it_is_written(server, engine):
    """The item and the first pieces of the code are out before the engine has written the rest."""
    gate = Gate()
    text = json.dumps({"code": "print('one')\nprint('two')"})
    engine.next(call("python", text[:16]), hold(gate), lambda answer: answer.chunk(
        {"tool_calls": [{"index": 0, "function": {"arguments": text[16:]}}]}))
    engine.next(say("Done."))
    stream = server.stream("go", tools=[AUTO])
    seen = [e for e in stream.until("response.code_interpreter_call_code.delta")]
    assert seen[-1].data["delta"] and "print('one')".startswith(seen[-1].data["delta"])
    gate.open.set()
    rest = [e for e in stream if e.data]
    assert rest[-1].type == "response.completed"


def test_rebuilt_stream(server, engine):
    made = ask(server, engine, "1")
    events = [e for e in Stream(*server.open("GET", f"/v1/responses/{made['id']}?stream=true&include={OUTPUTS}")) if e.data]
    types = [e.type for e in events]
    at = types.index("response.code_interpreter_call.in_progress")
    assert types[at:at + 5] == ["response.code_interpreter_call.in_progress", "response.code_interpreter_call_code.delta",
                                "response.code_interpreter_call_code.done", "response.code_interpreter_call.interpreting",
                                "response.code_interpreter_call.completed"]
    assert events[at - 1].data["item"] == {**made["output"][0], "status": "in_progress", "code": "", "outputs": []}
    assert events[-1].data["response"]["output"] == made["output"]


def test_nothing_printed(server, engine):
    made = ask(server, engine, "x = 1")
    assert calls(made)[0]["outputs"] == [] and told(engine) == "It ran, and printed nothing."


def test_raised(server, engine):
    """Code that raises has completed; the traceback is what was printed."""
    made = ask(server, engine, "print('before')\nundefined_name", "2")
    first, second = calls(made)
    assert first["status"] == "completed" and "before" in logs(first)[0]
    assert "NameError" in "".join(logs(first)) and "undefined_name" in told(engine, 1) and logs(second) == ["2"]


def test_variables_are_kept(server, engine):
    made = ask(server, engine, "a = 20", "a + 1")
    assert logs(calls(made)[1]) == ["21"] and len({i["container_id"] for i in calls(made)}) == 1
    again = ask(server, engine, "a + 2", previous_response_id=made["id"])
    assert logs(calls(again)[0]) == ["22"]
    items = [{"role": "user", "content": "go"}, *made["output"], {"role": "user", "content": "again"}]
    for code in ("a + 3",):
        engine.next(python(code))
    engine.next(say("x"))
    replayed = server.create(items, include=[OUTPUTS], tools=[AUTO])
    assert logs(calls(replayed)[0]) == ["23"]
    fresh = ask(server, engine, "a")
    assert "NameError" in logs(calls(fresh)[0])[0] and calls(fresh)[0]["container_id"] != calls(made)[0]["container_id"]


def test_parallel_calls_share_one_container(server, engine):
    engine.next(python("open('/mnt/data/a', 'w').write('a')", index=0), python("open('/mnt/data/b', 'w').write('b')", index=1))
    engine.next(python("import os; sorted(os.listdir('/mnt/data'))"))
    engine.next(say("Done."))
    made = server.create("go", include=[OUTPUTS], tools=[AUTO])
    assert [i["status"] for i in calls(made)] == ["completed"] * 3, engine.requests[-1].body["messages"]
    assert len({i["container_id"] for i in calls(made)}) == 1 and logs(calls(made)[2]) == ["['a', 'b']"]


@pytest.mark.parametrize("text", ["print(6 * 7)", "  x = [1]\nprint(42)".strip(), '"42"', "42"])
def test_raw_code(server, engine, text):
    """Some models write the code itself where JSON is asked for."""
    engine.next(call("python", text[:4], text[4:]))
    engine.next(say("x"))
    made = server.create("go", include=[OUTPUTS], tools=[AUTO])
    item, = calls(made)
    assert item["code"] == text and "42" in logs(item)[0]


def test_no_call_no_container(server, engine):
    engine.next(say("Nothing to compute."))
    server.create("hi", tools=[AUTO])
    assert server.get("/v1/containers").json["data"] == []


def test_choice_and_limits(server, engine):
    made = ask(server, engine, "1", tool_choice={"type": "code_interpreter"}, max_tool_calls=1)
    assert len(calls(made)) == 1
    first = engine.requests[0].body["tool_choice"]
    assert first == "required" or first["function"]["name"] == "python"
    assert engine.requests[-1].body.get("tool_choice", "none") == "none" or "tools" not in engine.requests[-1].body


# --- which container ---

def test_named_container(server, engine):
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        c = client.containers.create(name="mine")
        f = client.containers.files.create(c.id, file=("data.csv", b"a,b\n1,2\n"))
        tool = {"type": "code_interpreter", "container": c.id}
        made = ask(server, engine, f"open({f.path!r}).read()", tools=[tool])
        assert made["tools"] == [tool] and calls(made)[0]["container_id"] == c.id
        assert logs(calls(made)[0]) == [repr("a,b\n1,2\n")]
        assert f.path in engine.requests[0].body["tools"][0]["function"]["description"]


def test_files_of_the_request(server, engine):
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        one = client.files.create(file=("one.txt", b"first"), purpose="user_data").id
        two = client.files.create(file=("two.txt", b"second"), purpose="user_data").id
        engine.next(python(f"print(open('/mnt/data/{one}-one.txt').read(), open('/mnt/data/{two}-two.txt').read())"))
        engine.next(say("x"))
        tool = {"type": "code_interpreter", "container": {"type": "auto", "file_ids": [one]}}
        text = [{"type": "input_text", "text": "go"}, {"type": "input_file", "file_id": two}]
        made = server.create([{"role": "user", "content": text}], include=[OUTPUTS], tools=[tool])
        assert logs(calls(made)[0]) == ["first second\n"] and made["tools"] == [tool]
        described = engine.requests[0].body["tools"][0]["function"]["description"]
        assert f"/mnt/data/{one}-one.txt" in described and f"/mnt/data/{two}-two.txt" in described
        listed = client.containers.files.list(calls(made)[0]["container_id"])
        assert {(x.path, x.source) for x in listed} == {(f"/mnt/data/{one}-one.txt", "user"), (f"/mnt/data/{two}-two.txt", "user")}


def test_file_that_the_input_carries(server, engine):
    """file_data: there under a name of its bytes, once however often it is sent; not larger than there is room for."""
    data = base64.b64encode(b"month,sold\n1,3\n").decode()
    part = {"type": "input_file", "filename": "../up/sales.csv", "file_data": f"data:text/csv;base64,{data}"}
    code = "import os\nprint(sorted(os.listdir()), *(open(n).read() for n in os.listdir()))"
    first = last = None
    for more in ([], [{"type": "input_file", "file_data": "data:text/plain;base64,eA"}]):
        engine.next(python(code))
        engine.next(say("Done."))
        made = server.create([{"role": "user", "content": [{"type": "input_text", "text": "go"}, part, *more]}], tools=[AUTO],
                             include=[OUTPUTS], previous_response_id=first and first["id"])
        first, last = first or made, made
        printed, = logs(calls(made)[0])
        names = re.findall("'([0-9a-f]{32}-[^']*)'", printed)
        assert [n[33:] for n in names if n.endswith("csv")] == ["sales.csv"] and "month,sold" in printed
        assert f"/mnt/data/{names[-1]}" in engine.requests[-2].body["tools"][0]["function"]["description"]
    assert sorted(n[33:] for n in names) == ["file", "sales.csv"] and calls(first)[0]["container_id"] == calls(last)[0]["container_id"]
    files = server.get(f"/v1/containers/{calls(last)[0]['container_id']}/files").json["data"]
    assert sorted(f["source"] for f in files) == ["user", "user"]


def test_file_that_is_too_large_to_be_carried(servers, engine):
    server = servers(engine, args=["--set", "containers.input_bytes=1024"])
    part = {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64," + "eHh4" * 300}
    answer = server.post("/v1/responses", {"model": "scripted", "tools": [AUTO], "input": [{"role": "user", "content": [part]}]})
    assert answer.status == 413 and "containers.input_bytes" in answer.error["message"] and answer.error["param"] == "input", answer


REFUSED = [({"container": {"type": "auto", "file_ids": ["file-nobody"]}}, 404, None, "tools[0].container.file_ids[0]"),
           ({}, 400, "missing_required_parameter", "tools[0].container"),
           ({"container": {"type": "auto", "files": []}}, 400, "unknown_parameter", "tools[0].container.files"),
           ({"container": {"type": "auto", "memory_limit": "64g"}}, 400, "unsupported_value", "tools[0].container.memory_limit"),
           ({"container": {"type": "auto", "network_policy": {"type": "allowlist", "allowed_domains": ["a.example"]}}}, 400,
            "unsupported_value", "tools[0].container.network_policy"),
           ({"container": "cntr_" + "0" * 40}, 404, None, None), ({"container": "x"}, 404, None, None),
           ({"container": {"type": "auto"}, "skills": []}, 400, "unknown_parameter", "tools[0].skills")]


@pytest.mark.parametrize("tool,status,code,param", REFUSED, ids=range(len(REFUSED)))
def test_refused(server, engine, tool, status, code, param):
    answer = server.post("/v1/responses", {"model": "scripted", "input": "go", "tools": [{"type": "code_interpreter", **tool}]})
    assert (answer.status, answer.error["code"], answer.error["param"]) == (status, code, param), answer
    assert not engine.requests or all("messages" not in r.body for r in engine.requests)


def age(server):
    rows_of(server.data, "UPDATE container SET active_at = active_at - 3600, expires_at = expires_at - 3600")


def test_expired(server, engine):
    made = ask(server, engine, "a = 1")
    dead = calls(made)[0]["container_id"]
    age(server)
    answer = server.post("/v1/responses", {"model": "scripted", "input": "go", "tools": [{"type": "code_interpreter", "container": dead}]})
    assert answer.status == 400 and answer.error["message"] == "Container is expired." and answer.error["code"] is None
    again = ask(server, engine, "1", previous_response_id=made["id"])  # history only: a new one
    assert calls(again)[0]["container_id"] != dead and calls(again)[0]["status"] == "completed"
    ask(server, engine, "1", previous_response_id=again["id"])
    described = [r.body["tools"][0]["function"]["description"] for r in engine.requests if r.body["messages"][-1]["role"] == "user"]
    assert ["Earlier calls ran in another container, whose files and variables are not here." in d for d in described] == [False, True, False]


def test_foreign_ids_in_the_input(server, engine):
    """Replayed items name containers that are nobody's, and have no outputs."""
    engine.next(say("x"))
    item = {"type": "code_interpreter_call", "id": "ci_" + "1" * 40, "status": "completed", "container_id": "cntr_gone",
            "code": "1 + 1\r\n", "outputs": None}
    server.create([{"role": "user", "content": "a"}, item, {"role": "user", "content": "b"}], tools=[AUTO])
    messages = engine.requests[-1].body["messages"]
    assert json.loads(messages[1]["tool_calls"][0]["function"]["arguments"]) == {"code": "1 + 1\r\n"}
    assert "no longer at hand" in messages[2]["content"]


def test_projects(engine, servers):
    server = servers(engine)
    mine, theirs = (make_key(server, n, n)[0] for n in ("one", "two"))
    c = server.post("/v1/containers", {"name": "c"}, key=mine).json["id"]
    body = {"model": "scripted", "input": "go", "tools": [{"type": "code_interpreter", "container": c}]}
    answer = server.post("/v1/responses", body, key=theirs)
    assert answer.status == 404 and answer.error["message"] == f"Container with id '{c}' not found."
    item = {"type": "code_interpreter_call", "status": "completed", "container_id": c, "code": "1", "outputs": None}
    engine.next(python("1"))
    engine.next(say("x"))
    made = server.create([{"role": "user", "content": "a"}, item], tools=[AUTO], key=theirs)
    assert calls(made)[0]["container_id"] != c


# --- files and pictures ---

def test_picture(server, engine):
    made = ask(server, engine, PNG + "Picture([[0, 255], [255, 0]])", answer="There it is.")
    item, = calls(made)
    picture, = item["outputs"]
    data = base64.b64decode(picture["url"].removeprefix("data:image/png;base64,"))
    assert picture["type"] == "image" and data.startswith(b"\x89PNG") and struct.unpack(">II", data[16:24]) == (2, 2)
    assert "picture" in told(engine)
    note, = notes(made)
    assert list(note) == ["type", "container_id", "end_index", "file_id", "filename", "start_index"]
    assert note["type"] == "container_file_citation" and (note["start_index"], note["end_index"]) == (0, 0)
    assert note["filename"] == note["file_id"] + ".png" and note["container_id"] == item["container_id"]
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        got = client.containers.files.content.retrieve(note["file_id"], container_id=note["container_id"])
        assert got.read() == data and got.response.headers["content-type"] == "image/png"
        row = client.containers.files.retrieve(note["file_id"], container_id=note["container_id"])
        assert row.path == "/mnt/data/" + note["filename"] and row.source == "assistant"


def test_only_the_last_call_is_shown(server, engine):
    made = ask(server, engine, PNG + "Picture([[1]])", "1")
    assert notes(made) == []
    made = ask(server, engine, "1", PNG + "Picture([[1]])")
    assert len(notes(made)) == 1


def test_links(server, engine):
    text = "Größe: [a](sandbox:/mnt/data/a.txt), ![b](sandbox:/mnt/data/d/b c.csv), [no](sandbox:/mnt/data/none.txt)."
    code = "import os\nos.makedirs('/mnt/data/d')\nopen('/mnt/data/a.txt','w').write('aa')\nopen('/mnt/data/d/b c.csv','w').write('b')"
    engine.next(python(code))
    engine.next(say(text[:30], text[30:50], text[50:]))
    events = streamed(server, "go", tools=[AUTO])
    types = [e.type for e in events]
    last = len(types) - 1 - types[::-1].index("response.output_text.delta")
    assert types[last + 1:last + 4] == ["response.output_text.annotation.added"] * 2 + ["response.output_text.done"]
    made = events[-1].data["response"]
    assert text_of(made) == text
    one, two = notes(made)
    assert [text[n["start_index"]:n["end_index"]] for n in (one, two)] == ["sandbox:/mnt/data/a.txt", "sandbox:/mnt/data/d/b c.csv"]
    assert (one["filename"], two["filename"]) == ("a.txt", "b c.csv")
    path = f"/v1/containers/{one['container_id']}/files"
    assert server.get(f"{path}/{one['file_id']}/content").body == b"aa"
    assert "a.txt" in told(engine) and "Files made or changed" in told(engine)
    # Written again it keeps its id; what is gone loses it. A later turn can link to what an earlier one made.
    again = ask(server, engine, "open('/mnt/data/a.txt','w').write('other')\nos.remove('/mnt/data/d/b c.csv')",
                answer="[a](sandbox:/mnt/data/a.txt) [b](sandbox:/mnt/data/d/b c.csv)", previous_response_id=made["id"])
    assert [n["file_id"] for n in notes(again)][0] == one["file_id"]
    assert server.get(f"{path}/{one['file_id']}/content").body == b"other"
    assert server.get(f"{path}/{two['file_id']}").status == 404


def test_hostile_files(server, engine):
    """Links, pipes and odd names are no files of the container."""
    code = ("import os\nos.chdir('/mnt/data')\nos.symlink('/etc/passwd', 'passwd')\nos.mkfifo('pipe')\nos.mkdir('shut', 0)\n"
            "open('ok.txt', 'w').write('ok')\nopen(b'bad\\xff', 'w').write('x')\nopen('line\\nbreak', 'w').write('x')\n"
            "os.link('ok.txt', 'second') if False else None")
    made = ask(server, engine, code)
    listed = server.get(f"/v1/containers/{calls(made)[0]['container_id']}/files").json["data"]
    assert [f["path"] for f in listed] == ["/mnt/data/ok.txt"]
    row = listed[0]
    ask(server, engine, "os.remove('ok.txt')\nos.symlink('/etc/passwd', 'ok.txt')", previous_response_id=made["id"])
    answer = server.get(f"/v1/containers/{row['container_id']}/files/{row['id']}/content")
    assert answer.status == 404 and b"root:" not in answer.body


def test_pictures_are_seen(servers):
    """An engine with vision sees what was plotted, in this turn and in later ones; another is told that there was one."""
    seeing, blind = ScriptedEngine(vision=True), ScriptedEngine()
    try:
        for engine in (seeing, blind):
            server = servers(engine)
            made = ask(server, engine, PNG + "Picture([[0]])")
            url = calls(made)[0]["outputs"][0]["url"]
            for turn in range(2):
                message = next(m for m in engine.requests[-1].body["messages"] if m["role"] == "tool")
                pictures = re.findall("data:image/png;base64,[^\"]*", json.dumps(engine.requests[-1].body["messages"]))
                assert pictures == ([url] if engine is seeing else [])
                assert "a picture was shown to the user" in json.dumps(message)
                if not turn:
                    ask(server, engine, previous_response_id=made["id"])
    finally:
        seeing.close()
        blind.close()


# --- failures ---

def test_killed(servers, engine):
    server = servers(engine, args=["--set", "containers.memory=268435456", "--set", "session.watch_ms=10"])
    made = ask(server, engine, "a = 1\nx = bytearray(600_000_000)\nfor i in range(0, len(x), 4096): x[i] = 1", "a")
    first, second = calls(made)
    if first["status"] != "failed":  # the bound of one process came first: an exception, and the session lives
        assert "MemoryError" in "".join(logs(first))
        return
    assert "memory" in told(engine, 1) and second["status"] == "completed"
    assert "Variables and imports of earlier calls are gone" in told(engine)


def test_time(servers, engine):
    server = servers(engine, args=["--set", "tools.call_ms=2000"])
    made = ask(server, engine, "while True: pass", "1 + 1")
    first, second = calls(made)
    assert first["status"] == "failed" and "time was over" in told(engine, 1) and logs(second) == ["2"]


def test_too_much_output(servers, engine):
    server = servers(engine, args=["--set", "session.output_bytes=2000", "--set", "tools.told_bytes=1024"])
    made = ask(server, engine, "for i in range(100000): print(i)")
    assert calls(made)[0]["status"] == "completed" and "left out" in told(engine)


def test_restart(servers, engine):
    """A new process has no variables; files are there. It is said first, once."""
    server = servers(engine)
    made = ask(server, engine, "a = 1\nopen('/mnt/data/kept', 'w').write('kept')")
    server.stop()
    server.start()
    again = ask(server, engine, "open('/mnt/data/kept').read()", "1", previous_response_id=made["id"])
    assert logs(calls(again)[0]) == ["'kept'"] and calls(again)[0]["container_id"] == calls(made)[0]["container_id"]
    assert "Variables and imports of earlier calls are gone" in told(engine, -2) and told(engine) == "1\n"


def test_kill_while_it_runs(servers, engine):
    """kill -9 in a call: it is never run again by itself, and the next call in that container says so."""
    server = servers(engine)
    c = server.post("/v1/containers", {"name": "c"}).json["id"]
    tool = {"type": "code_interpreter", "container": c}
    engine.next(python("open('/mnt/data/n', 'a').write('x')\nimport time\ntime.sleep(60)"))
    stream = server.stream("go", tools=[tool])
    list(stream.until("response.code_interpreter_call.interpreting"))
    import os
    eventually(lambda: any("n" in files for _, _, files in os.walk(os.path.join(server.data, "boxes"))))
    server.kill()
    server.start()
    made = ask(server, engine, "open('/mnt/data/n').read()", "1", tools=[tool])
    assert logs(calls(made)[0]) == ["'x'"]
    assert "may have run in part" in told(engine, -2) and "may have run" not in told(engine)


def test_background(servers, engine):
    server = servers(engine)
    engine.next(python("6 * 7"))
    engine.next(say("42"))
    made = server.create("go", background=True, tools=[AUTO], include=[OUTPUTS])
    done = ended(server, made["id"])
    assert done["status"] == "completed" and calls(done)[0]["status"] == "completed"
    shown = server.get(f"/v1/responses/{made['id']}?include={OUTPUTS}").json
    assert logs(calls(shown)[0]) == ["42"]


def test_background_killed(servers, engine):
    """A background run that a kill -9 cut off in a call fails with its reason; its call is incomplete and is not run again."""
    server = servers(engine)
    engine.next(python("open('/mnt/data/n', 'a').write('x')\nimport time\ntime.sleep(60)"))
    made = server.create("go", background=True, tools=[AUTO])
    import os
    eventually(lambda: any("n" in files for _, _, files in os.walk(os.path.join(server.data, "boxes"))))
    server.kill()
    server.start()
    done = ended(server, made["id"])
    assert done["status"] == "failed" and "server stopped" in done["error"]["message"]
    item, = calls(done)
    assert item["status"] == "incomplete" and item["container_id"].startswith("cntr_") and "time.sleep" in item["code"]
    files = server.get(f"/v1/containers/{item['container_id']}/files").json["data"]
    assert files == []  # nobody has collected them yet
    again = ask(server, engine, "open('/mnt/data/n').read()", tools=[{"type": "code_interpreter", "container": item["container_id"]}])
    assert logs(calls(again)[0]) == ["'x'"] and "may have run in part" in told(engine)


def test_cancelled(server, engine):
    """Whoever leaves ends the code, not the container."""
    c = server.post("/v1/containers", {"name": "c"}).json["id"]
    tool = {"type": "code_interpreter", "container": c}
    engine.next(python("import time\nwhile True: time.sleep(0.1)"))
    stream = server.stream("go", tools=[tool])
    list(stream.until("response.code_interpreter_call.interpreting"))
    stream.leave()
    made = ask(server, engine, "2", tools=[tool])
    assert logs(calls(made)[0]) == ["2"]


def test_deleted_while_it_runs(server, engine):
    c = server.post("/v1/containers", {"name": "c"}).json["id"]
    engine.next(python("import time\ntime.sleep(60)"))
    engine.next(say("Oh."))
    stream = server.stream("go", tools=[{"type": "code_interpreter", "container": c}])
    list(stream.until("response.code_interpreter_call.interpreting"))
    server.delete(f"/v1/containers/{c}")
    events = [e for e in stream if e.data]
    item, = calls(events[-1].data["response"])
    assert item["status"] == "failed"


def test_no_blind_retry_after_a_run(server, engine):
    """An engine that fails after code has run: the SDK is told not to send the request again."""
    engine.next(python("open('/mnt/data/n', 'a').write('x')"))
    engine.always(lambda request: [status(500, "broken")])
    answer = server.post("/v1/responses", {"model": "scripted", "input": "go", "tools": [AUTO]})
    assert answer.status >= 500 and answer.headers["x-should-retry"] == "false"


# --- the official SDK ---

CSV = b"month,sold\n1,3\n2,9\n3,4\n"


def plot(path):
    return PNG + f"""
import csv
rows = [int(r["sold"]) for r in csv.DictReader(open({path!r}))]
grid = [[255 if y >= 10 - v else 0 for v in rows] for y in range(10)]
saved = open("/mnt/data/plot.png", "wb").write(png(grid))
"""


@pytest.mark.parametrize("form", ["json", "stream"])
def test_sdk_plots_a_csv(server, engine, form):
    """Plot this CSV and give me the PNG."""
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        file = client.files.create(file=("sales.csv", CSV), purpose="user_data")
        engine.next(python(plot(f"/mnt/data/{file.id}-sales.csv")))
        engine.next(say("Here is your plot: [plot.png](sandbox:/mnt/data/", "plot.png)."))
        program = dict(model="gpt-4o", input="Plot this CSV and give me the PNG.", include=[OUTPUTS],
                       tools=[{"type": "code_interpreter", "container": {"type": "auto", "file_ids": [file.id]}}])
        if form == "json":
            response = client.responses.create(**program)
        else:
            with client.responses.stream(**program) as stream:
                kinds = [event.type for event in stream]
                response = stream.get_final_response()
            assert "response.code_interpreter_call_code.delta" in kinds and "response.output_text.annotation.added" in kinds
        note, = response.output[1].content[0].annotations
        assert note.type == "container_file_citation" and note.filename == "plot.png"
        got = client.containers.files.content.retrieve(note.file_id, container_id=note.container_id).read()
        assert got.startswith(b"\x89PNG") and struct.unpack(">II", got[16:24]) == (3, 10)
        assert response.output[0].outputs == []


def test_the_page_example(server, engine, tmp_path, monkeypatch, capsys):
    """docs/code-interpreter.md as printed, through the official SDK."""
    page = (pathlib.Path(__file__).parent.parent / "docs" / "code-interpreter.md").read_text()
    (tmp_path / "sales.csv").write_bytes(CSV)
    monkeypatch.chdir(tmp_path)
    engine.next(python("import csv, glob\nrows = csv.DictReader(open(glob.glob('/mnt/data/*-sales.csv')[0]))\n"
                       "total = sum(int(r['sold']) for r in rows)\nopen('/mnt/data/total.txt', 'w').write(str(total))\ntotal"))
    engine.next(say("The sum is in [total.txt](sandbox:/mnt/data/total.txt)."))
    program, = re.findall(r"```python\n(.*?)```", page, re.S)
    exec(program.replace("http://127.0.0.1:8080/v1", server.base_url), {})
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "code_interpreter_call completed" and said[-3:] == ["16", "The sum is in [total.txt](sandbox:/mnt/data/total.txt).",
                                                                          "total.txt 16"]


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The folder of `antiphon sandbox install standard`, fetched once for this tree; its tests are skipped where no package index answers."""
    folder = os.path.join(TREE, "build-packages")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        setting = ["--set", f"session.packages={folder}/standard"]
        home = str(tmp_path_factory.mktemp("packages"))
        if "matplotlib" not in command("sandbox", "list", *setting, home=home).stdout:
            made = command("sandbox", "install", "standard", *setting, home=home, patience=600)
            if made.returncode:
                pytest.skip("no packages: " + made.stdout[-300:] + made.stderr[-300:])
    return setting


PLOT = """import glob
import matplotlib.pyplot as plt
import pandas as pd
sold = pd.read_csv(glob.glob('/mnt/data/*-sales.csv')[0])
plt.figure(figsize=(4, 3))
plt.plot(sold.month, sold.sold)
plt.title('Sold: 销售 販売 판매')
plt.savefig('/mnt/data/plot.png', dpi=100)
plt.show()"""


def test_matplotlib(servers, engine, packages):
    """"Plot this CSV and give me the PNG", by the official SDK: the file that the answer links to, and the picture that was shown."""
    server = servers(engine, args=packages)
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        file = client.files.create(file=("sales.csv", CSV), purpose="user_data")
        engine.next(python(PLOT))
        engine.next(say("Here: [plot.png](sandbox:/mnt/data/plot.png)."))
        made = client.responses.create(model="scripted", input="Plot this CSV and give me the PNG.", include=[OUTPUTS], tools=[
            {"type": "code_interpreter", "container": {"type": "auto", "file_ids": [file.id]}}])
        shown, = [o for o in made.output[0].outputs if o.type == "image"]
        assert base64.b64decode(shown.url.removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")
        linked, = [n for n in made.output[-1].content[0].annotations if n.filename == "plot.png"]
        png = client.containers.files.content.retrieve(linked.file_id, container_id=linked.container_id).read()
    assert png.startswith(b"\x89PNG") and struct.unpack(">II", png[16:24]) == (400, 300)
    if any(re.search("cjk|wqy", name, re.I) for name in glob.glob("/usr/share/fonts/**", recursive=True)):
        assert not [o.logs for o in made.output[0].outputs if o.type == "logs"]  # a letter that no font has is warned of


def test_websocket(server, engine):
    engine.next(python("6 * 7"))
    engine.next(say("42"))
    with Socket(server) as socket:
        socket.create("go", tools=[AUTO], include=[OUTPUTS])
        events = socket.until_end()
    assert "response.code_interpreter_call.interpreting" in [e["type"] for e in events]
    assert logs(calls(events[-1]["response"])[0]) == ["42"]
