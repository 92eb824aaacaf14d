#!/usr/bin/env python3
"""Hours in minutes: mixed load with clients that leave, restarts of the engine, and a look at what grows.

    soak.py [--minutes 30]      ANTIPHON_BIN names the binary

Ends with one line of figures; status 1 when memory or descriptors keep growing, a turn is lost or the server complains."""
import argparse
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_script import ScriptedEngine, call, cut, pause, say, status  # noqa: E402
from harness import Server  # noqa: E402


def behave(request):
    kind = random.random()
    if kind < 0.02:
        return [say("Once"), cut()]
    if kind < 0.04:
        return [status(503, headers=[("Retry-After", "0")])]
    if kind < 0.2:
        return [say("Let me see."), call("f", '{"a":', "1}")]
    return [say("You said: "), pause(random.random() / 50), say(request.last_text, ".")]


class Soak:
    def __init__(self, server):
        self.server, self.ending = server, threading.Event()
        self.kept, self.turns, self.left, self.problems = [], 0, 0, []

    def client(self):
        while not self.ending.is_set():
            try:
                self.turn()
            except Exception as e:  # noqa: BLE001 - whatever it is, it is reported
                self.problems.append(repr(e))

    def turn(self):
        kind = random.random()
        more = {"previous_response_id": random.choice(self.kept)} if self.kept and kind < 0.6 else {}
        stream = self.server.stream("word " * random.randint(1, 200), **more)
        if stream.status == 400 and more:  # the chosen one ended in a call that waits for its output
            stream.response.read()
            return
        for event in stream:
            if kind > 0.9 and event.type == "response.output_text.delta":
                stream.leave()
                self.left += 1
                return
            if event.type == "response.completed":
                self.turns += 1
                if len(self.kept) > 500:
                    self.server.delete("/v1/responses/" + self.kept.pop(random.randrange(len(self.kept))))
                self.kept.append(event.data["response"]["id"])


def usage(pid):
    with open(f"/proc/{pid}/status") as f:
        memory = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
    return memory, len(os.listdir(f"/proc/{pid}/fd"))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=30)
    minutes = options.parse_args().minutes
    engine = ScriptedEngine()
    engine.always(behave)
    server = Server(engine)
    soak = Soak(server)
    clients = [threading.Thread(target=soak.client) for _ in range(16)]
    for c in clients:
        c.start()
    end, samples = time.monotonic() + minutes * 60, []
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, minutes * 6))
        engine.requests.clear()
        samples.append(usage(server.process.pid))
        print(f"{samples[-1][0]} kB, {samples[-1][1]} descriptors, {soak.turns} turns, {soak.left} left", flush=True)
    soak.ending.set()
    for c in clients:
        c.join(60)
    lost = [id for id in soak.kept if server.get("/v1/responses/" + id).status != 200]
    server.stop()
    server.erase()
    middle = samples[len(samples) // 2]
    grown = samples[-1][0] > middle[0] * 1.3 + 20_000 or samples[-1][1] > middle[1] + 50
    print(f"{soak.turns} turns, {soak.left} clients left, {len(lost)} lost, {len(soak.problems)} problems {soak.problems[:3]}, "
          f"memory {middle[0]} -> {samples[-1][0]} kB")
    sys.exit(1 if lost or grown or soak.problems else 0)


main()
