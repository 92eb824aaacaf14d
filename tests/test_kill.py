"""kill -9 under load: every acknowledged turn is there afterwards, equal, and the database is whole."""
import glob
import os
import random
import sqlite3
import threading

import pytest

from engine_script import ScriptedEngine, pause, say
from harness import STORE, Server

ROUNDS = int(os.environ.get("KILL_ROUNDS", 20))


class Load:
    """Clients that make turns until the server is gone, and note what was acknowledged."""

    def __init__(self, server, n=8):
        self.server, self.acknowledged, self.lock = server, {}, threading.Lock()
        self.errors, self.killing = [], False
        self.seen = set()  # ids of turns that began: present whole, or absent
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(n)]
        for t in self.threads:
            t.start()

    def run(self, i):
        last, k = None, 0
        try:
            while True:
                k += 1
                more = {"previous_response_id": last} if last and k % 4 else {}
                if i % 2:
                    response = self.server.create(f"turn {i}.{k}", **more)
                else:
                    response = self.streamed(f"turn {i}.{k}", more)
                with self.lock:
                    self.acknowledged[response["id"]] = response
                last = response["id"]
        except Exception as e:  # whatever a dying server looks like from outside
            if self.server.alive() and not self.killing:
                self.errors.append(e)

    def streamed(self, text, more):
        for event in self.server.stream(text, **more):
            if event.type == "response.created":
                self.seen.add(event.data["response"]["id"])
            if event.type == "response.completed":
                return event.data["response"]
            assert event.type not in ("error", "response.failed"), event
        raise ConnectionError("the stream ended early")

    def join(self):
        for t in self.threads:
            t.join(60)
            assert not t.is_alive()


def integrity(data):
    files = [f for f in glob.glob(data + "/**/*", recursive=True) if os.path.isfile(f)
             and open(f, "rb").read(16) == b"SQLite format 3\0"]
    assert files or STORE != "sqlite", os.listdir(data)
    for file in files:
        db = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        db.close()


@pytest.mark.slow
def test_kill_9_under_load(tmp_path):
    engine = ScriptedEngine()
    engine.always(lambda request: [say("You said: "), pause(random.random() / 200), say(request.last_text, ".")])
    data, acknowledged, begun, server = str(tmp_path / "data"), {}, set(), None
    random.seed(20)
    try:
        for round in range(ROUNDS):
            server = Server(engine, data=data)
            load = Load(server)
            threading.Event().wait(0.3 + random.random() * 0.7)
            load.killing = True
            server.kill()
            load.join()
            assert not load.errors, load.errors[0]
            server.erase()
            acknowledged.update(load.acknowledged)
            begun |= load.seen
            integrity(data)
        assert len(acknowledged) > ROUNDS * 5, f"hardly any load: {len(acknowledged)} turns"
        server = Server(engine, data=data)
        lost, changed, half = [], [], []
        for id, response in acknowledged.items():
            answer = server.get("/v1/responses/" + id)
            if answer.status != 200:
                lost.append(id)
            elif answer.json != response:
                now = answer.json
                changed.append({k: (response.get(k), now.get(k)) for k in {*response, *now} if response.get(k) != now.get(k)})
                if set(changed[-1]) <= {"billing"}:  # only JSON answers carry it, streams do not
                    changed.pop()
        for id in begun - set(acknowledged):
            answer = server.get("/v1/responses/" + id)
            if answer.status == 200 and answer.json["status"] not in ("completed", "failed", "incomplete", "cancelled"):
                half.append(answer.json)
        print(f"{len(acknowledged)} turns acknowledged over {ROUNDS} kills, {len(lost)} lost, {len(changed)} changed")
        assert not lost, f"{len(lost)} of {len(acknowledged)} lost"
        assert not changed, changed[0]
        assert not half, half[0]
        # A turn in the last chain still continues.
        some = list(acknowledged)[-1]
        server.create("go on", previous_response_id=some)
        server.stop()
        server.erase()
        integrity(data)
    finally:
        if server:
            server.erase()
        engine.close()
