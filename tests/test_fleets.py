"""Several engines for one model: which is asked, what happens when one is sick, comes or goes (docs/design/fleets.md)."""
import json
import os
import socket
import struct
import threading

import pytest

from engine_script import Gate, ScriptedEngine, cut, hold, pause, raw_socket, say, status
from harness import command, eventually, text_of

LONG = "A system prompt of many words that all of them share. " * 60  # 3 KB: some blocks of it


@pytest.fixture
def fleet():
    """make(n): so many scripted engines."""
    made = []

    def make(n, **how):
        made.extend(ScriptedEngine(**how) for _ in range(n))
        return made[-n:]
    yield make
    for one in made:
        one.close()


def urls(engines):
    return ",".join(e.url for e in engines)


def serve(servers, engines, *more, ready=True):
    args = ["--set", "engines[0].url=" + (engines if isinstance(engines, str) else urls(engines))]
    server = servers(None, args=args + [a for pair in more for a in ("--set", pair)])
    if not isinstance(engines, str):
        eventually(lambda: states(server) == ["up"] * len(engines), what="all are up")
    return server


def listed(server):
    return server.get("/console/api/live").json["engines"]


def states(server):
    return [e["state"] for e in listed(server)]


def state_of(server, engine):
    return next((e["state"] for e in listed(server) if e["name"].endswith(f":{engine.port}")), None)


def counts(engines):
    return [e.count for e in engines]


def test_equals_take_turns(servers, fleet):
    engines = fleet(3)
    server = serve(servers, engines)
    for i in range(12):
        assert text_of(server.create(f"{i}")) == f"You said: {i}."
    assert min(counts(engines)) >= 2, counts(engines)
    names = [e["name"] for e in listed(server)]
    assert names == [f"fleet-1/127.0.0.1:{e.port}" for e in engines]
    assert {e["fleet"] for e in listed(server)} == {"fleet-1"}


def test_a_chain_stays_where_it_was_read(servers, fleet):
    engines = fleet(4)
    server = serve(servers, engines)
    for talk in range(3):
        before = counts(engines)
        response = server.create(f"talk {talk}: " + LONG)
        for turn in range(4):
            response = server.create(f"turn {turn} of talk {talk}", previous_response_id=response["id"])
        grown = [now - was for now, was in zip(counts(engines), before)]
        assert sorted(grown) == [0, 0, 0, 5], grown
    said = server.get("/metrics").body.decode()
    assert 'antiphon_engine_choices_total{type="prefix"} 12' in said, said


def test_chat_completions_go_the_same_way(servers, fleet):
    engines = fleet(4)
    server = serve(servers, engines)
    messages = [{"role": "system", "content": LONG}]
    for turn in range(5):
        messages.append({"role": "user", "content": f"turn {turn}"})
        answer = server.post("/v1/chat/completions", {"model": "scripted", "messages": messages})
        messages.append(answer.json["choices"][0]["message"])
    assert sorted(counts(engines)) == [0, 0, 0, 5], counts(engines)


def test_a_cache_key_has_its_engine(servers, fleet):
    engines = fleet(4)
    server = serve(servers, engines)
    for i in range(5):
        server.create(f"{i} short", prompt_cache_key="mine")
    assert sorted(counts(engines)) == [0, 0, 0, 5], counts(engines)


def test_who_has_read_it_but_is_full_is_not_waited_for(servers, fleet):
    engines = fleet(2, slots=1)
    server = serve(servers, engines)
    first = server.create(LONG)
    home = next(e for e in engines if e.count)
    other = next(e for e in engines if not e.count)
    gate = Gate()
    home.next(hold(gate), say("late"))
    stream = server.stream("holds the slot", previous_response_id=first["id"])
    assert gate.reached.wait(20)
    assert text_of(server.create("next", previous_response_id=first["id"])) == "You said: next."
    assert other.count == 1
    gate.open.set()
    assert list(stream)[-2].type == "response.completed"


@pytest.mark.parametrize("fault", ["503", "500", "429", "cut", "garbage"])
def test_before_the_first_byte_another_answers(servers, fleet, fault):
    steps = {"503": [status(503)], "500": [status(500)], "429": [status(429, headers=[("Retry-After", "60")])],
             "cut": [raw_socket(b"")], "garbage": [raw_socket(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")]}[fault]
    sick, well = fleet(2)
    sick.always(lambda request: steps)
    server = serve(servers, [sick, well])
    for i in range(6):
        assert text_of(server.create(f"{i}")) == f"You said: {i}."
    assert sick.count >= 1 and well.count == 6


def test_what_brings_down_one_is_not_tried_on_all(servers, fleet):
    """A request that ends engines may end two of them, and no more."""
    engines = fleet(5)
    for e in engines:
        e.always(lambda request: [raw_socket(b"")] if "poison" in request.last_text else [say("fine")])
    server = serve(servers, engines)
    assert server.post("/v1/responses", {"model": "scripted", "input": "poison"}).status >= 500
    assert sum(n > 0 for n in counts(engines)) == 2, counts(engines)  # a kept connection that is closed is opened anew once
    assert text_of(server.create("and now")) == "fine"


def test_after_the_first_byte_nothing_is_made_again(servers, fleet):
    engines = fleet(2)
    for e in engines:
        e.always(lambda request: [say("Hel"), cut()])
    server = serve(servers, engines)
    assert server.post("/v1/responses", {"model": "scripted", "input": "x"}).status >= 500
    assert sum(counts(engines)) == 1


def test_one_dies_with_a_queue_before_it(servers, fleet):
    """Nobody stands behind it: those who wait are answered by the other."""
    engines = fleet(2, slots=1)
    gate = Gate()
    for e in engines:
        e.next(hold(gate), say("held"))
    server = serve(servers, engines)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(server.post("/v1/responses", {"model": "scripted", "input": "x"}))) for _ in range(8)]
    for t in threads:
        t.start()
    eventually(lambda: listed(server)[0]["waiting"] == 6, what="six wait")
    engines[0].close()
    gate.open.set()
    for t in threads:
        t.join(60)
    assert [a.status for a in answers] == [200] * 8, answers
    assert engines[1].count >= 7
    eventually(lambda: state_of(server, engines[0]) == "down")


def test_a_slow_one_gets_less(servers, fleet):
    slow, quick = fleet(2, slots=4)
    gate = Gate()
    slow.always(lambda request: [hold(gate), say("late")])
    server = serve(servers, [slow, quick])
    streams = []
    while slow.count < 2:  # what the slow one holds counts as its load
        streams.append(server.stream("x"))
        eventually(lambda n=len(streams): slow.count + quick.count >= n)
    before = quick.count
    for i in range(6):
        assert text_of(server.create(f"{i}")) == f"You said: {i}."
    assert quick.count == before + 6 and slow.count == 2
    gate.open.set()
    for s in streams:
        assert list(s)[-2].type == "response.completed"


def test_calls_of_others_count(servers, fleet):
    """What an engine tells of its load, beyond our own calls, is somebody else's and keeps ours away."""
    crowded, free = fleet(2)
    crowded.metrics = 'vllm:num_requests_running{model_name="scripted"} 3.0\nvllm:num_requests_waiting{model_name="scripted"} 4.0\n'
    server = serve(servers, [crowded, free], "fleet.load_ms=100")
    asked = lambda e: sum(p.path.endswith("/metrics") for p in list(e.probes))
    eventually(lambda: asked(crowded) > 1 and asked(free) > 0)
    for i in range(6):
        server.create(f"{i}")
    assert counts([crowded, free]) == [0, 6]
    assert asked(free) == 1  # it has nothing to tell: it is not asked again
    crowded.metrics = "vllm:num_requests_running 0\nvllm:num_requests_waiting 0\n"
    seen = asked(crowded)
    eventually(lambda: asked(crowded) > seen + 1)
    for i in range(6):
        server.create(f"again {i}")
    assert crowded.count >= 2


# --- a second request when the first byte does not come ---

def hedged(servers, fleet, percent=50):
    slow, quick = fleet(2)
    server = serve(servers, [slow, quick], f"fleet.hedge_percent={percent}", "fleet.hedge_ms=50", "fleet.call_bytes=0")
    for i in range(4):  # a share is one of calls
        server.create(f"{i}")
    return server, slow, quick


def held_at(engine, gate):
    """It says nothing, not even the head, until the gate opens."""
    engine.always(lambda request: [hold(gate), say("late")])


def test_a_second_engine_is_asked_when_the_first_is_silent(servers, fleet):
    server, *both = hedged(servers, fleet)
    first = server.create(LONG)  # who has read it is asked again
    slow = max(both, key=lambda e: sum(LONG[:40] in json.dumps(r.body) for r in e.requests))
    quick = next(e for e in both if e is not slow)
    gate = Gate()
    held_at(slow, gate)
    before = quick.count
    response = server.create("hedge me", previous_response_id=first["id"])
    assert text_of(response) == "You said: hedge me." and quick.count == before + 1
    assert slow.last.last_text == "hedge me" and slow.last.body["messages"] == quick.last.body["messages"]
    assert slow.last.left.wait(20)  # the loser was cancelled
    assert 'antiphon_engine_choices_total{type="hedge"} 1' in server.get("/metrics").body.decode()
    eventually(lambda: all(e["busy"] == 0 for e in listed(server)))  # both slots were given back
    gate.open.set()


def test_the_first_may_still_win(servers, fleet):
    server, *both = hedged(servers, fleet)
    first = server.create(LONG)
    slow = max(both, key=lambda e: sum(LONG[:40] in json.dumps(r.body) for r in e.requests))
    other = next(e for e in both if e is not slow)
    mine, never = Gate(), Gate()
    held_at(slow, mine)
    held_at(other, never)
    stream = server.stream("x", previous_response_id=first["id"])
    assert never.reached.wait(20) and mine.reached.is_set()
    mine.open.set()
    events = list(stream)
    assert "".join(e.data["delta"] for e in events if e.type == "response.output_text.delta") == "late"
    assert other.last.left.wait(20)
    eventually(lambda: all(e["busy"] == 0 for e in listed(server)))


def test_no_more_than_a_share_is_hedged(servers, fleet):
    server, *both = hedged(servers, fleet, percent=1)  # the first of a hundred calls may be
    for engine in both:
        engine.always(lambda request: [pause(0.5), say("late")])  # ten times as long as a call waits before it is hedged
    before = sum(counts(both))
    assert text_of(server.create("x")) == "late"
    assert sum(counts(both)) == before + 1


def test_the_breaker_opens_and_closes(servers, fleet):
    sick, well = fleet(2)
    sick.always(lambda request: [status(500)])
    server = serve(servers, [sick, well], "fleet.breaker_failures=2", "fleet.breaker_ms=300", "fleet.breaker_most_ms=300")
    eventually(lambda: server.create("x") and state_of(server, sick) == "broken", what="the breaker opens")
    assert f'antiphon_engine_up{{engine="fleet-1/127.0.0.1:{sick.port}"}} 0' in server.get("/metrics").body.decode()
    for i in range(6):
        assert text_of(server.create(f"{i}")) == f"You said: {i}."
    shown = command("check", "--data", server.data, "--set", "engines[0].url=" + urls([sick, well]), home=server.home)
    assert f"fleet-1/127.0.0.1:{sick.port}: broken" in shown.stdout, shown.stdout
    sick.always(lambda request: [say("well again")])
    eventually(lambda: server.create("x") and state_of(server, sick) == "up", what="it is tried and taken back")


def test_all_down_then_back(servers, fleet):
    engines = fleet(2)
    server = serve(servers, engines, "engine.retries=1")
    for e in engines:
        e.close()
    answer = server.post("/v1/responses", {"model": "scripted", "input": "x"})
    assert answer.status >= 500 and answer.error["message"], answer
    eventually(lambda: set(states(server)) == {"down"})
    assert server.get("/ready").status == 503
    engines[1].listen_again()
    eventually(lambda: "up" in states(server))
    assert text_of(server.create("back")) == "You said: back."


def test_models_may_differ(servers, fleet):
    """A call goes to a member that has its model; one for another model does not hold it up."""
    (a,), (b,) = fleet(1, models=("small",), slots=1), fleet(1, models=("large",), slots=1)
    server = serve(servers, [a, b])
    gate = Gate()
    a.next(hold(gate), say("late"))
    first = server.stream("x", model="small")
    assert gate.reached.wait(20)
    second = server.stream("x", model="small")  # waits for a's only slot
    eventually(lambda: listed(server)[0]["waiting"] == 1)
    assert text_of(server.create("y", model="large")) == "You said: y."
    gate.open.set()
    for s in (first, second):
        assert list(s)[-2].type == "response.completed"
    assert counts([a, b]) == [2, 1]


# --- members that come and go ---

def test_members_of_a_file(servers, fleet, tmp_path):
    a, b = fleet(2)
    path = tmp_path / "engines"
    path.write_text(f"# engines\n{a.url}  # the first\n\n")
    server = serve(servers, f"file:{path}", "fleet.lookup_ms=100")
    eventually(lambda: states(server) == ["up"])
    gate = Gate()
    a.next(say("Hel"), hold(gate), say("lo"))
    stream = server.stream("x")
    assert gate.reached.wait(20)
    path.write_text(f"{b.url}\n")  # a leaves while it answers
    eventually(lambda: (state_of(server, a), state_of(server, b)) == ("leaving", "up"))
    assert text_of(server.create("y")) == "You said: y." and b.count == 1 and a.count == 1
    gate.open.set()
    assert list(stream)[-2].data["response"]["output"][0]["content"][0]["text"] == "Hello"
    eventually(lambda: state_of(server, a) is None)
    path.write_text("")  # nothing in it: who is there stays
    os.utime(path)
    path.with_name("other").write_text("")
    for _ in range(3):
        assert text_of(server.create("z")) == "You said: z."
    assert state_of(server, b) == "up"
    path.write_text(f"{a.url}\n{b.url}\n")
    eventually(lambda: (state_of(server, a), state_of(server, b)) == ("up", "up"))


def test_a_file_that_comes_later(servers, fleet, tmp_path):
    (a,) = fleet(1)
    path = tmp_path / "engines"
    server = servers(None, args=["--set", f"engines[0].url=file:{path}", "--set", "fleet.lookup_ms=100"], ready=False)
    assert server.get("/ready").status == 503
    path.write_text(a.url)
    server.wait_ready()
    assert text_of(server.create("x")) == "You said: x."


class Names:
    """A DNS server on a port of its own. records: {(name, type): [rdata]}; types: 1 A, 28 AAAA, 33 SRV."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.at = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.records, self.asked = {}, []
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.socket.close()

    @staticmethod
    def name(text):
        return b"".join(bytes([len(p)]) + p.encode() for p in text.split(".")) + b"\0"

    def srv(self, port, target="localhost"):
        return struct.pack(">HHH", 0, 0, port) + self.name(target)

    def _serve(self):
        while True:
            try:
                question, who = self.socket.recvfrom(4096)
            except OSError:
                return
            at, labels = 12, []
            while question[at]:
                labels.append(question[at + 1:at + 1 + question[at]].decode())
                at += 1 + question[at]
            kind = struct.unpack(">H", question[at + 1:at + 3])[0]
            asked = (".".join(labels).lower(), kind)
            self.asked.append(asked)
            answers = self.records.get(asked, [])
            known = any(name == asked[0] for name, _ in self.records)
            head = question[:2] + struct.pack(">HHHHH", 0x8180 | (0 if known else 3), 1, len(answers), 0, 0)
            body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, len(a)) + a for a in answers)
            self.socket.sendto(head + question[12:at + 5] + body, who)


@pytest.fixture
def names():
    one = Names()
    yield one
    one.close()


def test_members_by_srv(servers, fleet, names):
    a, b = fleet(2)
    service = ("_http._tcp.engines.test", 33)
    names.records[service] = [names.srv(a.port)]
    server = serve(servers, "srv:" + service[0], "fleet.lookup_ms=100", "fleet.resolver=" + names.at)
    eventually(lambda: state_of(server, a) == "up")
    assert text_of(server.create("x")) == "You said: x." and a.count == 1
    names.records[service] = [names.srv(b.port)]
    eventually(lambda: (state_of(server, a), state_of(server, b)) == (None, "up"))
    assert text_of(server.create("y")) == "You said: y." and b.count == 1
    names.records.clear()  # there is no such name any more: who is there stays
    seen = len(names.asked)
    eventually(lambda: len(names.asked) > seen + 2)
    assert text_of(server.create("z")) == "You said: z." and state_of(server, b) == "up"


def test_members_by_addresses(servers, fleet, names):
    (a,) = fleet(1)
    names.records[("engines.test", 1)] = [bytes([127, 0, 0, 1])]
    server = serve(servers, f"dns:engines.test:{a.port}", "fleet.lookup_ms=100", "fleet.resolver=" + names.at)
    eventually(lambda: state_of(server, a) == "up")
    assert text_of(server.create("x")) == "You said: x."
    assert ("engines.test", 28) in names.asked


# --- by hand ---

def test_draining_by_hand(servers, fleet):
    engines = fleet(2)
    server = serve(servers, engines)
    name = f"fleet-1/127.0.0.1:{engines[0].port}"
    done = command("engines", "drain", name, "--data", server.data, home=server.home)
    assert done.returncode == 0 and "draining" in done.stdout, done
    for i in range(6):
        server.create(f"{i}")
    assert counts(engines) == [0, 6]
    assert state_of(server, engines[0]) == "draining"
    done = command("engines", "resume", name, "--data", server.data, home=server.home)
    assert done.returncode == 0 and "draining" not in done.stdout
    for i in range(6):
        server.create(f"again {i}")
    assert engines[0].count >= 2
    done = command("engines", "drain", "nobody", "--data", server.data, home=server.home)
    assert done.returncode == 1 and "nobody" in done.stderr
