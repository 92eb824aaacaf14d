"""The embedder that Antiphon starts itself: at the first need, again when it ends, never longer than the server; and what is found
while it cannot be fetched. A script stands in the place of its engine; test_seed.py has the real one."""
import os
import re
import signal
import sys

import pytest

from file_script import Library, upload
from harness import TREE, command, eventually

PETS = {"a.txt": "The dog sleeps.", "b.txt": "The cat eats."}


class Own:
    """An engine's folder as the set-up leaves it."""

    def __init__(self, folder, model=True):
        self.folder = str(folder)
        os.makedirs(self.folder + "/venv/bin")
        os.makedirs(self.folder + "/models")
        python = self.folder + "/venv/bin/python"
        with open(python, "w") as f:
            f.write(f"#!/bin/sh\nexec '{sys.executable}' '{TREE}/tests/own_embedder.py' '{self.folder}' \"$@\"\n")
        os.chmod(python, 0o700)
        with open(TREE + "/tools/engine-install.sh") as f:
            script = f.read()
        engine, checksum = re.search(r"^engine='(\S+)'", script, re.M)[1], re.search(r"^engine_sha=(\S+)", script, re.M)[1]
        with open(self.folder + "/installed", "w") as f:
            f.write(f"{engine} {checksum}\n")
        if model:
            self.bring()
        else:
            open(self.folder + "/offline", "w").close()

    def bring(self):
        open(self.folder + "/models/all-minilm-l6-v2.gguf", "w").close()

    @property
    def args(self):
        return ["--set", "index.embedder=managed", "--set", f"engine.dir={self.folder}"]

    def pids(self):
        path = self.folder + "/pids"
        return [int(line) for line in open(path)] if os.path.exists(path) else []


@pytest.fixture
def own(tmp_path):
    return Own(tmp_path / "engine")


def ended(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def search(server, store, query):
    """(names of the files that are found, what the header says)"""
    answer = server.post(f"/v1/vector_stores/{store}/search", {"query": query})
    assert answer.status == 200, answer
    return [hit["filename"] for hit in answer.json["data"]], answer.headers.get("antiphon-not-applied")


def test_started_at_the_first_need(engine, servers, own):
    server = servers(engine, args=own.args)
    empty = Library(server, {})
    server.get(f"/v1/vector_stores/{empty.id}")
    assert own.pids() == []
    pets = Library(server, PETS)
    assert len(own.pids()) == 1
    names, lacks = search(server, pets.id, "canine")
    assert names[0] == "a.txt" and lacks is None
    assert "antiphon-not-applied" not in server.get(f"/v1/vector_stores/{pets.id}").headers
    answer = server.post("/v1/embeddings", {"model": "text-embedding-3-small", "input": ["dog", "canine"]})
    one, other = (d["embedding"] for d in answer.json["data"])
    assert len(one) == 384 and one == other and len(own.pids()) == 1
    assert server.post("/v1/embeddings", {"model": "m", "input": "word " * 400}).error["code"] == "context_length_exceeded"
    server.stop()
    assert ended(own.pids()[0])
    server = servers(engine, args=own.args, data=server.data)
    assert search(server, pets.id, "feline") == (["b.txt", "a.txt"], None)  # a search starts it, too
    assert len(own.pids()) == 2


def test_it_dies_and_so_do_we(engine, servers, own):
    server = servers(engine, args=own.args)
    pets = Library(server, PETS)
    os.kill(own.pids()[0], signal.SIGKILL)
    eventually(lambda: len(own.pids()) == 2)
    eventually(lambda: search(server, pets.id, "canine") == (["a.txt", "b.txt"], None))
    server.kill()
    eventually(lambda: all(map(ended, own.pids())), what="the embedder's end")


def test_it_rests(engine, servers, own):
    server = servers(engine, args=own.args + ["--set", "index.embedder_idle_seconds=1"])
    pets = Library(server, PETS)
    eventually(lambda: ended(own.pids()[0]), what="the embedder's rest")
    assert search(server, pets.id, "canine") == (["a.txt", "b.txt"], None)
    assert len(own.pids()) == 2 and server.get("/ready").status == 200


def test_it_cannot_be_fetched(engine, servers, tmp_path):
    own = Own(tmp_path / "engine", model=False)
    args = own.args + ["--set", "index.embedder_again_ms=3600000"]
    server = servers(engine, args=args)
    pets = Library(server, PETS)  # its files are indexed by their words
    assert search(server, pets.id, "dog") == (["a.txt"], "embeddings") and own.pids() == []
    assert server.get(f"/v1/vector_stores/{pets.id}").headers["antiphon-not-applied"] == "embeddings"
    answer = server.post("/v1/embeddings", {"model": "m", "input": "a"})
    assert answer.status == 503 and "could not be fetched: ERROR: no way to the package index" in answer.error["message"]
    said = command("check", "--data", server.data, *own.args, home=server.home).stdout
    assert re.search(r"vector stores.*searched by words alone: the embedder could not be fetched: ERROR: no way", said), said
    server.stop()

    server = servers(engine, args=own.args + ["--set", "index.embedder_again_ms=50"], data=server.data)
    upload(server, "c.txt", "unrelated")
    eventually(lambda: server.stderr().count("there is no embedder") > 1)
    own.bring()
    eventually(lambda: search(server, pets.id, "canine") == (["a.txt", "b.txt"], None))
    said = command("check", "--data", server.data, *own.args, home=server.home).stdout
    assert re.search(r"vector stores.*by words and by meaning \(all-minilm-l6-v2, 384 dimensions\)", said), said


def test_the_setting(engine, servers, tmp_path):
    for wrong in ("url", "ftp://127.0.0.1", "Managed"):
        done = command("serve", "--data", str(tmp_path), "--engine", engine.url, "--set", f"index.embedder={wrong}", home=str(tmp_path))
        assert done.returncode == 1 and f"index.embedder: '{wrong}' is none of: managed, none," in done.stderr
    server = servers(engine, env={"ANTIPHON_INDEX_EMBEDDER": "none"})
    said = command("check", "--data", server.data, "--set", "index.embedder=none", home=server.home).stdout
    assert "searched by words alone: there is no embedder" in said
    store = server.post("/v1/vector_stores", {})
    assert store.headers["antiphon-not-applied"] == "embeddings"
