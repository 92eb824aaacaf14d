"""The README's programs, as they stand, on the real default model and the release build; and ./run itself."""
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from harness import TREE, Server, environment
from test_sdk_node import names, run_node

pytestmark = pytest.mark.seed
ENGINE = os.path.join(os.environ.get("XDG_DATA_HOME", os.path.expanduser("~/.local/share")), "antiphon", "engine")

ONE = '''
from openai import OpenAI
client = OpenAI()
response = client.responses.create(model="gpt-4.1-mini", input="Summarize the key features of the Response API in 3 lines.")
print(response.output_text)
assert response.output_text.strip()
'''
TWO = '''
from openai import OpenAI
client = OpenAI()
response = client.chat.completions.create(model="gpt-4o", messages=[{"role":"user","content":"Explain the OpenAI Responses API."}])
print(response.choices[0].message.content)
print(response.choices[0].finish_reason)
print(response.usage)
assert response.choices[0].message.content.strip()
assert response.choices[0].finish_reason in ("stop", "length")
assert response.usage.total_tokens == response.usage.prompt_tokens + response.usage.completion_tokens > 0
'''
THREE = '''
from openai import OpenAI
client = OpenAI()
response = client.responses.create(model="gpt-4o-mini", input="tell me a joke")
print(response.output[0].content[0].text)
fetched = client.responses.retrieve(response_id=response.id)
print(fetched.output[0].content[0].text)
assert fetched.output[0].content[0].text == response.output[0].content[0].text
'''
CONTINUED = THREE + '''
second = client.responses.create(model="gpt-4o-mini", previous_response_id=response.id, input="tell me another")
print(second.output[0].content[0].text)
assert second.previous_response_id == response.id and second.output_text.strip()
assert second.usage.input_tokens > response.usage.input_tokens
'''
FORKED = CONTINUED + '''
forked = client.responses.create(model="gpt-4o-mini", previous_response_id=response.id,
    input="I didn't like that joke, tell me another and tell me the difference between the two jokes")
print(forked.output[0].content[0].text)
assert forked.previous_response_id == response.id and forked.output_text.strip() and forked.id != second.id
'''
STREAMED = '''
from openai import OpenAI
client = OpenAI()
def ask(**request):
    text = ""
    with client.responses.stream(model="gpt-4o-mini", **request) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                text += event.delta
        response = stream.get_final_response()
    assert text and text == response.output[0].content[0].text == response.output_text, response
    assert client.responses.retrieve(response.id).output_text == text
    return response
ask(input="Summarize the key features of the Response API in 3 lines.")
joke = ask(input="tell me a joke")
another = ask(previous_response_id=joke.id, input="tell me another")
fork = ask(previous_response_id=joke.id, input="I didn't like that joke, tell me another and tell me the difference between the two jokes")
assert another.previous_response_id == fork.previous_response_id == joke.id
with client.chat.completions.stream(model="gpt-4o", messages=[{"role":"user","content":"Explain the OpenAI Responses API."}]) as stream:
    for event in stream:
        pass
    assert stream.get_final_completion().choices[0].message.content
'''
PARIS = '''
from openai import OpenAI
print(OpenAI().responses.create(model="gpt-4o-mini", input="What is the capital of France?").output_text)
'''


@pytest.fixture(scope="module")
def server():
    s = Server(args=["--set", f"engine.dir={ENGINE}", "--set", "engine.offer=false"])
    try:
        yield s
        s.stop()
    finally:
        s.erase()


def run_program(text, server):
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=300, cwd=server.home,
                          env=environment(server.home, {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "sk-any"}))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name,text", [("1", ONE), ("2", TWO), ("3", THREE), ("3 continued", CONTINUED),
                                       ("3 forked", FORKED), ("streamed", STREAMED)],
                         ids=lambda v: v if len(v) < 20 else "")
def test_program(server, name, text):
    print(run_program(text, server))


COUNTED = """
from openai import OpenAI
client = OpenAI()
tool = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}}
previous = None
for body in ({"input": "hi"}, {"input": "Grüße aus 東京 🙂", "instructions": "Be brief."}, {"input": "More.", "previous": True},
             {"input": "The weather?", "tools": [tool]}, {"input": [{"role": "developer", "content": "x"}]}):
    if body.pop("previous", None):
        body["previous_response_id"] = previous
    counted = client.responses.input_tokens.count(model="gpt-4o-mini", **body).input_tokens
    response = client.responses.create(model="gpt-4o-mini", max_output_tokens=16, **body)
    assert counted == response.usage.input_tokens, (body, counted, response.usage)
    previous = response.id
"""


def test_a_count_is_what_usage_says(server):
    run_program(COUNTED, server)


def test_the_answer_is_right(server):
    assert "Paris" in run_program(PARIS, server)


@pytest.fixture(scope="module")
def node_results(server):
    return run_node("seed.test.mjs", server.base_url, server.home, 400)


@pytest.mark.parametrize("name", names("seed.test.mjs"))
def test_node_program(node_results, name):
    assert name in node_results, node_results
    assert node_results[name] is None, node_results[name]


def stat_of(pid):
    """State letter and parent of a process; ("X", 0) when there is none."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            state, parent = f.read().rsplit(")", 1)[1].split()[:2]
            return state, int(parent)
    except OSError:
        return "X", 0


def children(pid):
    return [int(p) for p in os.listdir("/proc") if p.isdigit() and stat_of(p)[1] == pid]


FOUND = """
from openai import OpenAI
client = OpenAI()
notes = {"whale.txt": "The blue whale is the largest animal that has ever lived.", "bread.txt": "Knead the dough and let it rise overnight.",
         "motor.txt": "Check the oil of the engine before a long drive.", "fever.txt": "Drink a lot and stay in bed when your temperature is high."}
store = client.vector_stores.create(name="notes")
batch = client.vector_stores.file_batches.upload_and_poll(store.id, files=[(n, t.encode()) for n, t in notes.items()])
assert batch.file_counts.completed == 4, batch
for query, name in (("huge creature of the ocean", "whale.txt"), ("baking a loaf", "bread.txt"), ("car maintenance", "motor.txt"),
                    ("what to do against the flu", "fever.txt")):
    answer = client.vector_stores.with_raw_response.search(store.id, query=query)
    assert "antiphon-not-applied" not in answer.headers, dict(answer.headers)
    assert answer.parse().data[0].filename == name, (query, answer.parse().data)
one, other, third = (d.embedding for d in client.embeddings.create(model="text-embedding-3-small", input=["dog", "puppy", "tax return"]).data)
near = lambda a, b: sum(x * y for x, y in zip(a, b))
assert len(one) == 384 and near(one, other) > 0.7 > 0.4 > near(one, third)
long = client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("hex.txt", bytes.hex(bytes(range(256)) * 16).encode()))
assert long.status == "completed", long.last_error
print("found by meaning")
"""


def test_found_by_meaning():
    """With the embedder of our own, the real one: fetched where it is not there yet, gone with the server."""
    s = Server(args=["--set", f"engine.dir={ENGINE}", "--set", "engine.offer=false", "--set", "index.embedder=managed"])
    try:
        before = children(s.process.pid)
        assert "found by meaning" in run_program(FOUND, s)
        pids = children(s.process.pid)
        assert len(pids) == len(before) + 1, "no embedder was started"
        s.stop()
        assert all(stat_of(p)[0] in "ZX" for p in pids)
    finally:
        s.erase()


def test_the_engine_dies_with_the_server():
    """Also when the server is killed: no llama.cpp is left behind."""
    s = Server(args=["--set", f"engine.dir={ENGINE}", "--set", "engine.offer=false"])
    try:
        pids = children(s.process.pid)
        assert pids, "no managed engine"
        s.kill()
        end = time.monotonic() + 30
        while any(stat_of(p)[0] not in "ZX" for p in pids):
            assert time.monotonic() < end, "the engine lives on"
            time.sleep(0.05)
    finally:
        s.erase()


def test_run_prints_lines_that_work(tmp_path):
    """./run: what it prints, done as printed."""
    env = {**environment(str(tmp_path)), "HOME": os.path.expanduser("~")}
    if "XDG_DATA_HOME" in os.environ:
        env["XDG_DATA_HOME"] = os.environ["XDG_DATA_HOME"]
    began = time.monotonic()
    server = subprocess.Popen([os.path.join(TREE, "run"), "--listen", "127.0.0.1:0", "--data", str(tmp_path / "data")],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env, cwd=tmp_path)
    try:
        printed = []
        for line in server.stdout:
            printed.append(line)
            if line.strip() == "PY":
                break
        ready = time.monotonic() - began
        text = "".join(printed)
        assert text.startswith("listening on http://127.0.0.1:"), text
        curl = re.search(r"^ *(curl .*)$", text, re.M)[1]
        python = re.search(r"^ *(\S+python - <<'PY'\n.*?^PY)$", text, re.M | re.S)[1]
        for command in (curl, python):
            done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=120, env=env)
            assert done.returncode == 0 and "Paris" in done.stdout, (command, done.stdout, done.stderr)
        print(f"ready after {ready:.1f} s")
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
