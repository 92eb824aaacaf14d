"""WebSockets in disorder: many peers that send good and bad things, read or do not, and leave when they like, while the
engine fails and dawdles. What they were told must be true, and the server must be whole in the end."""
import json
import random
import socket
import struct
import threading
import time

import pytest

from engine_script import call, cut, pause, say, status
from harness import text_of
from test_websocket import URL, Raw, frame, upgrade

SEED, PEERS, ROUNDS = 20261126, 10, 12
TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}


def engine_behaviour(rng):
    kinds = [lambda: [say("a", "b", "c")]] * 10 + [
        lambda: [say("x" * 2000)] * 50, lambda: [say("half"), cut()], lambda: [status(500, {"message": "x"})],
        lambda: [say("part"), pause(2)], lambda: [pause(rng.random() / 5), say("late")],
        lambda: [call("f", '{"a":1}', id=f"call_{rng.random()}")]]
    return lambda request: rng.choice(kinds)()


class Peer(threading.Thread):
    def __init__(self, server, number):
        super().__init__(daemon=True)
        self.server, self.rng = server, random.Random(SEED + number)
        self.ended, self.stored, self.unstored, self.wrong, self.begun = [], [], [], [], []

    def run(self):
        for _ in range(ROUNDS):
            s, head = upgrade(self.server)
            assert " 101 " in head
            self.ended = []
            if self.rng.random() < 0.85:  # the others never read
                threading.Thread(target=self.read, args=(Raw(s),), daemon=True).start()
            try:
                for _ in range(self.rng.randint(1, 25)):
                    s.sendall(self.something())
                    if self.rng.random() < 0.3:
                        time.sleep(self.rng.random() / 20)
                if self.rng.random() < 0.5:
                    time.sleep(self.rng.random())
                else:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
            except OSError:
                pass
            s.close()

    def read(self, raw):
        expected = {}  # the next sequence number of each lane's response
        try:
            while True:
                first, payload = raw.frame()
                if first == 0x81:
                    self.check(json.loads(payload), expected)
        except (EOFError, OSError):
            pass

    def check(self, event, expected):
        kind, lane = event["type"], event.get("stream_id")
        if "status" in event or kind.startswith("response.steer."):
            return
        if kind == "response.created":
            expected[lane] = 0
            self.begun.append(event["response"]["id"])
        if event["sequence_number"] != expected.get(lane):
            self.wrong.append((lane, expected.get(lane), event))
        expected[lane] = event["sequence_number"] + 1
        if kind == "response.completed":
            response = event["response"]
            self.ended.append(response["id"])
            (self.stored if response["store"] else self.unstored).append(response["id"])

    def something(self):
        rng, ended = self.rng, list(self.ended)
        k = rng.random()
        if k < 0.7:
            out = self.create(rng, ended)
        elif k < 0.8:
            out = frame(b"x" * rng.randint(0, 125), opcode=9)
        else:
            steer = {"type": "response.steer", "previous_response_id": self.begun[-1] if self.begun else "x", "input": "y"}
            out = rng.choice([frame(json.dumps(steer).encode()), frame(b"{"), frame(b"{"), frame(b'{"a":"\xff"}'),
                              frame(b"unfinished", fin=False), frame(struct.pack(">H", 1000), opcode=8),
                              bytes(rng.randrange(256) for _ in range(rng.randint(1, 40)))])
        return out[:rng.randint(1, len(out))] if rng.random() < 0.05 else out

    @staticmethod
    def create(rng, ended):
        body = {"type": "response.create", "model": "scripted", "input": "hi", "store": rng.random() < 0.4, "tools": [TOOL]}
        if rng.random() < 0.5:
            body["stream_id"] = f"l{rng.randint(0, 35)}"
        if ended and rng.random() < 0.6:
            body["previous_response_id"] = rng.choice(ended)
        body.update(rng.choice([{}] * 12 + [{"generate": False, "input": []}, {"temperature": 9}, {"input": "z" * 200000}]))
        text = json.dumps(body).encode()
        if rng.random() < 0.8:
            return frame(text)
        at = rng.randint(1, len(text) - 1)
        return frame(text[:at], fin=False) + frame(b"ping", opcode=9) + frame(text[at:], opcode=0)


@pytest.mark.slow
@pytest.mark.parametrize("leaving", ["cancel", "finish"])
def test_a_storm(engine, servers, leaving):
    settings = {"api.on_disconnect": leaving, "api.socket_seconds": 3, "api.socket_waiting": 8, "net.body_seconds": 1,
                "net.stall_seconds": 2, "api.drain_seconds": 1}
    server = servers(engine, args=[a for k, v in settings.items() for a in ("--set", f"{k}={v}")])
    engine.always(engine_behaviour(random.Random(SEED)))
    peers = [Peer(server, i) for i in range(PEERS)]
    for peer in peers:
        peer.start()
    for peer in peers:
        peer.join()
    engine.always(lambda request: [say("calm")])
    assert [peer.wrong for peer in peers if peer.wrong] == []
    stored, unstored = sum((p.stored for p in peers), []), sum((p.unstored for p in peers), [])
    assert stored and unstored
    assert all(server.get(f"{URL}/{id}").json["status"] == "completed" for id in stored)
    assert all(server.get(f"{URL}/{id}").status == 404 for id in unstored)
    assert text_of(server.create("hi")) == "calm"
