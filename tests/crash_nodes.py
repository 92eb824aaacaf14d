#!/usr/bin/env python3
"""Several nodes on one PostgreSQL, used by several clients and killed at any moment, and the database with them.

    crash_nodes.py [--kills 30] [--database 3] [--nodes 3] [--clients 6] [--seed N]      ANTIPHON_BIN names the binary

Each client speaks to any node. What was acknowledged is remembered, and looked at again on every node: no fact is lost or
changed, no turn of a conversation overlooks another, no run is made twice in silence, an event keeps its number and its text, and
each queued run has ended 30 s after the last kill. Prints its seed, and what was broken."""
import argparse
import http.client
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time

from engine_script import ScriptedEngine, pause, say
from harness import PATIENCE, Stream, postgres, text_of
from nodes_script import Nodes

RUNNING = ("queued", "in_progress")
END_SECONDS = 30
ENDS = [f"response.{end}" for end in ("completed", "incomplete", "failed", "cancelled")]
GONE = (OSError, http.client.HTTPException, ValueError)


class Broken(Exception):
    pass


class Facts:
    """What was acknowledged, by all clients."""

    def __init__(self):
        self.lock = threading.Lock()
        self.responses = {}      # id: the JSON as it was first seen after its end
        self.chains = {}         # id: the tokens that its context must have, in order
        self.conversations = {}  # id: tokens of the turns that were acknowledged, and of those that may have happened
        self.runs = {}           # id: events by number, as any reader saw them
        self.keys = {}           # Idempotency-Key: ids of the answers
        self.calls = {}          # token: how often the engine was asked for it
        self.broken, self.done, self.tokens = [], {}, 0

    def token(self):
        with self.lock:
            self.tokens += 1
            return f"t{self.tokens:06d}"

    def count(self, what):
        with self.lock:
            self.done[what] = self.done.get(what, 0) + 1

    def expect(self, ok, what):
        if not ok:
            with self.lock:
                self.broken.append(what)
            raise Broken(what)


class Client(threading.Thread):
    def __init__(self, run, number):
        super().__init__(daemon=True)
        self.run_, self.facts, self.dice = run, run.facts, random.Random(f"{run.seed}.{number}")
        self.mine = {}  # conversation: the lock under which this process's clients do not care
        self.start()

    def run(self):
        verbs = [self.chain] * 4 + [self.talk] * 4 + [self.background] * 3 + [self.again] * 2 + [self.look] * 3
        while not self.run_.over.is_set():
            try:
                verb = self.dice.choice(verbs)
                verb()
                self.facts.count(verb.__name__)
            except GONE:
                time.sleep(0.02)
            except Broken:
                return
            except Exception as e:  # noqa: BLE001 - whatever it is, it is reported
                self.facts.broken.append(f"{type(e).__name__}: {e}")
                return

    def node(self):
        return self.run_.node(self.dice)

    def create(self, body, headers=None, fine=()):
        """The response; None: it was refused as a server may refuse while something is down."""
        answer = self.node().post("/v1/responses", {"model": "scripted", **body}, headers=headers)
        if answer.status == 200:
            return answer.json
        self.facts.expect(answer.status in (429, 500, 503, *fine), f"{body}: {answer}")
        return None

    def keep(self, response):
        with self.facts.lock:
            self.facts.responses.setdefault(response["id"], response)

    # --- verbs ---

    def chain(self):
        token = self.facts.token()
        with self.facts.lock:
            known = list(self.facts.chains)
        parent = self.dice.choice(known) if known and self.dice.random() < 0.7 else None
        made = self.create({"input": token, **({"previous_response_id": parent} if parent else {})})
        if made and made["status"] == "completed":
            self.facts.expect(text_of(made) == "r" + token[1:], f"{token}: {made}")
            self.keep(made)
            with self.facts.lock:
                self.facts.chains[made["id"]] = self.facts.chains.get(parent, []) + [token, "r" + token[1:]]

    def talk(self):
        with self.facts.lock:
            known = list(self.facts.conversations)
        if len(known) < 4:
            answer = self.node().post("/v1/conversations", {})
            if answer.status == 200:
                with self.facts.lock:
                    self.facts.conversations[answer.json["id"]] = ([], [])
            return
        name, token = self.dice.choice(known), self.facts.token()
        said, maybe = self.facts.conversations[name]
        with self.facts.lock:
            maybe.append(token)
        made = self.create({"input": token, "conversation": name}, fine=(400, 409))
        if made and made["status"] == "completed":
            self.keep(made)
            with self.facts.lock:
                said.append(token)

    def background(self):
        token = self.facts.token()
        made = self.create({"input": token + " slowly", "background": True})
        if not made:
            return
        with self.facts.lock:
            self.facts.runs.setdefault(made["id"], {})
        if self.dice.random() < 0.5:
            self.follow(made["id"])
        elif self.dice.random() < 0.3:
            answer = self.node().post(f"/v1/responses/{made['id']}/cancel", {})
            self.facts.expect(answer.status in (200, 400, 500, 503), f"cancel: {answer}")

    def follow(self, id):
        for event in Stream(*self.node().open("GET", f"/v1/responses/{id}?stream=true"), "GET"):
            if event.data is None or "sequence_number" not in event.data:
                continue
            with self.facts.lock:
                was = self.facts.runs[id].setdefault(event.data["sequence_number"], event.text)
            self.facts.expect(was == event.text, f"{id}: event changed: {was[:200]} -> {event.text[:200]}")

    def again(self):
        """One request with one key, sent to two nodes at once."""
        key, token = f"k{self.facts.token()}", self.facts.token()
        ids = []

        def send():
            try:
                made = self.create({"input": token}, {"Idempotency-Key": key}, fine=(409,))
                if made and made["status"] == "completed":
                    ids.append(made["id"])
                    self.keep(made)
            except (*GONE, Broken):
                pass

        other = threading.Thread(target=send)
        other.start()
        send()
        other.join()
        with self.facts.lock:
            self.facts.keys.setdefault(key, set()).update(ids)
        self.facts.expect(len(set(ids)) <= 1, f"{key} was answered by {ids}")

    def look(self):
        with self.facts.lock:
            known = list(self.facts.responses)
        if known:
            self.compare(self.node(), self.dice.choice(known))

    def compare(self, node, id):
        answer = node.get("/v1/responses/" + id)
        if answer.status in (500, 503):
            return
        self.facts.expect(answer.status == 200 and answer.json == self.facts.responses[id], f"{id} on {node.port}: {answer}")


class Run:
    def __init__(self, seed, n_nodes, folder):
        self.seed, self.dice, self.facts, self.over = seed, random.Random(seed), Facts(), threading.Event()
        self.engine = ScriptedEngine()
        self.engine.always(self.script)
        self.nodes = Nodes(self.engine, folder, ["--set", "api.on_restart=retry", "--set", "server.loops=1", "--set", "api.background_keep_seconds=86400"])
        self.servers = [self.nodes.start() for _ in range(n_nodes)]
        self.clients = []

    def script(self, request):
        token = request.last_text.split()[0]
        self.facts.calls[token] = self.facts.calls.get(token, 0) + 1
        if "slowly" in request.last_text:
            return [step for i in range(5) for step in (say(f"{token}.{i} "), pause(0.03))]
        return [say("r" + token[1:])]

    def node(self, dice):
        living = [s for s in self.servers if s.alive()]
        return dice.choice(living or self.servers)

    def kill_node(self):
        server = self.dice.choice(self.servers)
        server.kill()
        time.sleep(self.dice.choice([0, 0.1, 1, 3]))  # the others may bury it before it is back
        server.start(ready=False)
        server.wait_ready()

    def kill_database(self):
        postgres().stop(signal.SIGQUIT)
        time.sleep(self.dice.choice([0, 0.3, 1]))
        postgres().start()
        for server in self.servers:
            server.wait_ready()

    # --- at the end ---

    def check_runs(self):
        end = time.monotonic() + END_SECONDS
        waiting = dict(self.facts.runs)
        while waiting and time.monotonic() < end:
            for id in list(waiting):
                answer = self.node(self.dice).get("/v1/responses/" + id)
                if answer.status == 200 and answer.json["status"] not in RUNNING:
                    del waiting[id]
            time.sleep(0.1)
        self.facts.expect(not waiting, f"runs that did not end: {list(waiting)}")
        for id, seen in self.facts.runs.items():
            for server in self.servers:
                events = [e for e in Stream(*server.open("GET", f"/v1/responses/{id}?stream=true"), "GET") if e.data]
                numbers = [e.data["sequence_number"] for e in events]
                self.facts.expect(numbers == list(range(len(numbers))), f"{id}: numbers {numbers}")
                told = {e.data["sequence_number"]: e.text for e in events}
                ended = events and events[-1].type in ENDS
                self.facts.expect(ended, f"{id} on {server.port}: the stream ends with {events[-1:]}")
                changed = {n: (text[:300], told.get(n, "")[:300]) for n, text in seen.items() if told.get(n) != text}
                self.facts.expect(not changed, f"{id} on {server.port}: events that were seen have changed: {changed}")

    def check_chains(self):
        for id, tokens in self.facts.chains.items():
            answer = self.node(self.dice).get(f"/v1/responses/{id}/input_items?limit=100&order=asc")
            if len(tokens) <= 100:
                shown = [part["text"] for item in answer.json["data"] for part in item["content"]]
                self.facts.expect(shown == tokens[:-1], f"{id}: {shown} is not {tokens[:-1]}")

    def check_conversations(self):
        for id, (said, maybe) in self.facts.conversations.items():
            for server in self.servers:
                texts, after = [], None
                while True:
                    more = f"&after={after}" if after else ""
                    page = server.get(f"/v1/conversations/{id}/items?limit=100&order=asc{more}").json
                    texts += [part["text"] for item in page["data"] for part in item["content"]]
                    if not page["has_more"]:
                        break
                    after = page["last_id"]
                asked = texts[::2]
                self.facts.expect(texts[1::2] == ["r" + t[1:] for t in asked], f"{id}: turns lie across each other: {texts}")
                self.facts.expect(len(set(asked)) == len(asked) and set(said) <= set(asked) <= set(maybe),
                                  f"{id}: {set(said) - set(asked)} lost, {set(asked) - set(maybe)} not asked for")

    def check(self):
        client = self.clients[0]
        for server in self.servers:
            for id in list(self.facts.responses):
                client.compare(server, id)
        self.check_runs()
        self.check_chains()
        self.check_conversations()

    def go(self, kills, database, clients, seconds=(0.3, 1.5)):
        self.clients = [Client(self, i) for i in range(clients)]
        ends = ["node"] * kills + ["database"] * database
        self.dice.shuffle(ends)
        for which in ends:
            time.sleep(self.dice.uniform(*seconds))
            if self.facts.broken:
                break
            (self.kill_node if which == "node" else self.kill_database)()
        time.sleep(1)
        self.over.set()
        for client in self.clients:
            client.join(PATIENCE)
        if not self.facts.broken:
            try:
                self.check()
            except Broken:
                pass
        return self.facts

    def close(self):
        self.nodes.close()
        self.engine.close()


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--kills", type=int, default=30)
    p.add_argument("--database", type=int, default=3)
    p.add_argument("--nodes", type=int, default=3)
    p.add_argument("--clients", type=int, default=6)
    p.add_argument("--seed", type=int, default=random.randrange(10 ** 6))
    o = p.parse_args()
    print(f"seed {o.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(o.seed, o.nodes, folder)
        facts = run.go(o.kills, o.database, o.clients)
        for what in facts.broken:
            print("BROKEN:", what)
        twice = {t: n for t, n in facts.calls.items() if n > 1}
        print(json.dumps({"kills": o.kills, "database": o.database, "done": facts.done, "responses": len(facts.responses),
                          "runs": len(facts.runs), "asked more than once": len(twice)}))
        if facts.broken:
            for server in run.servers:
                print(server.stderr()[-3000:])
                server.kill()
            postgres().close()
            os._exit(1)
        run.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
