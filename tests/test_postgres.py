"""Rows in PostgreSQL: what is refused at the start, a connection cut in flight, a server that dies, what its errors become."""
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

import pytest

import postgres
from engine_script import say
from harness import Server, command, eventually, text_of

pytestmark = pytest.mark.skipif(not postgres.programs(), reason="PostgreSQL is not installed: tools/install.sh --tests")


@pytest.fixture(scope="module")
def database():
    server = postgres.Postgres()
    yield server
    server.close()


class Store:
    """A schema of the database for one test, and servers on it."""
    made = 0

    def __init__(self, database, tmp_path):
        Store.made += 1
        self.database, self.folder, self.name = database, tmp_path, f"store{Store.made}"
        self.database.sql(f"CREATE SCHEMA {self.name}")

    def url(self, port=None):
        return self.database.url("postgres", port=port) + f"?options=-csearch_path%3D{self.name}"

    def sql(self, text):
        return self.database.sql(f"SET search_path = {self.name}; {text}")

    def serve(self, engine, *settings, port=None):
        args = ["--store", self.url(port)] + [w for s in ("store.node_beat_ms=60000", *settings) for w in ("--set", s)]
        return Server(engine, args=args, data=str(self.folder / "data"))


@pytest.fixture
def store(database, tmp_path):
    return Store(database, tmp_path)


def refused(url, tmp_path, *more):
    done = command("serve", "--listen", "127.0.0.1:0", "--engine", "http://127.0.0.1:9", "--data", str(tmp_path / "data"), "--store", url, *more, home=str(tmp_path))
    assert done.returncode != 0 and not done.stdout.startswith("listening"), done
    return done.stderr


# --- what is refused at the start ------------------------------------------------------------------------------------


def test_refused(database, tmp_path):
    database.sql("CREATE ROLE guarded LOGIN PASSWORD 'right-horse'")
    hba = os.path.join(database.data, "pg_hba.conf")
    with open(hba) as f:
        lines = f.read()
    with open(hba, "w") as f:
        f.write("host all guarded 127.0.0.1/32 scram-sha-256\n" + lines)
    database.sql("SELECT pg_reload_conf()")
    wrong = database.url("postgres").replace("antiphon@", "guarded:battery-staple@")
    eventually(lambda: "password authentication failed" in refused(wrong, tmp_path))
    said = refused(wrong, tmp_path)
    assert "correct the user or the password in store.url" in said and "battery" not in said
    said = refused(database.url("nowhere"), tmp_path)
    assert 'database "nowhere" does not exist' in said and "createdb" in said
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        said = refused(database.url("postgres", port=s.getsockname()[1]), tmp_path)
    assert "Connection refused" in said and "is PostgreSQL running there?" in said
    said = refused("postgres://antiphon@127.0.0.1/x?sslmod=require", tmp_path)
    assert "sslmod" in said
    said = refused("mysql://x", tmp_path)
    assert "known: sqlite:PATH, postgres://USER@HOST/DATABASE" in said


@pytest.mark.parametrize("begin, says, mends", [
    ("ALTER DATABASE {} SET synchronous_commit = off", "synchronous_commit=off", "Turn it on"),
    ("CREATE TABLE invoices(id int)", "holds tables of another program", "createdb"),
    ("CREATE TABLE antiphon_schema(version bigint); INSERT INTO antiphon_schema VALUES(9999)", "written by a newer antiphon (schema 9999",
     "start that version"),
])
def test_refused_databases(database, tmp_path, begin, says, mends):
    name = "db" + str(abs(hash(says)) % 10**8)
    url = database.create(name)
    database.sql(begin.format(name), name)
    said = refused(url, tmp_path)
    assert says in said and mends in said, said
    if "synchronous" in says:
        server = Server("http://127.0.0.1:9", ready=False, args=["--store", url, "--set", "store.sync=normal"])
        server.stop()
        server.erase()


def test_other_encodings_are_refused(database, tmp_path):
    database.sql("CREATE DATABASE latin ENCODING 'SQL_ASCII' TEMPLATE template0")
    assert "ENCODING 'UTF8'" in refused(database.url("latin"), tmp_path)


def test_a_number_is_one_process(store, engine, tmp_path):
    server = store.serve(engine, "store.node=3")
    said = refused(store.url(), tmp_path / "other", "--set", "store.node=3")
    assert re.search(r"node 3 of the database postgres is another process .*pg_terminate_backend\(\d+\)", said), said
    server.kill()  # its connections end with it
    server.start()
    server.stop()
    server.erase()


def test_check(store, engine, tmp_path):
    (tmp_path / "data").mkdir(mode=0o700)
    ask = lambda: command("check", "--data", str(tmp_path / "data"), "--store", store.url(), home=str(tmp_path)).stdout
    assert re.search(r"PostgreSQL \d+.*, database postgres \(.*\), synchronous_commit=on, without TLS", ask())
    assert "there is no store in the database" in ask()
    server = store.serve(engine)
    engine.next(say("hello"))
    server.create("hi")
    assert re.search(r"ok +rows +are sound", ask(), re.I), ask()
    server.stop()
    store.sql("UPDATE item SET home = 7 WHERE key = (SELECT min(key) FROM item)")
    assert "1 items that nothing holds" in ask()
    server.erase()


# --- a connection that is cut ------------------------------------------------------------------------------------------


class Cutter:
    """A way to the database that can be cut: for the connection that writes, before its next transaction arrives ("question"), or
    once that is done and before its answer comes ("answer")."""

    def __init__(self, port):
        self.port, self.armed, self.cuts, self.closed = port, None, 0, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.closed:
                client.close()
                return
            server = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self.lead, args=(client, server), daemon=True).start()

    def lead(self, client, server):
        state = {"writes": False, "swallow": False}
        threading.Thread(target=self.back, args=(client, server, state), daemon=True).start()
        try:
            while data := client.recv(1 << 16):
                state["writes"] |= b"INSERT INTO antiphon_written" in data
                if state["writes"] and self.armed == "question":
                    self.armed, self.cuts = None, self.cuts + 1
                    break
                if state["writes"] and self.armed == "answer":
                    self.armed, state["swallow"] = None, True
                server.sendall(data)
        except OSError:
            pass
        self.end(client, server)

    def back(self, client, server, state):
        try:
            while data := server.recv(1 << 16):
                if state["swallow"]:
                    self.cuts += 1
                    break
                client.sendall(data)
        except OSError:
            pass
        self.end(client, server)

    @staticmethod
    def end(*sockets):
        for s in sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        """Nobody comes through any more."""
        self.closed = True
        self.listener.close()


def counted(store):
    return int(store.sql("SELECT coalesce(sum(requests), 0) FROM used WHERE kind = 0"))


@pytest.mark.parametrize("what, told", [("answer", "write in flight: committed"), ("question", "write in flight: not committed, again")])
def test_cut_in_flight(store, engine, what, told):
    """What was committed is neither lost nor written twice: usage counts each turn once."""
    way = Cutter(store.database.port)
    server = store.serve(engine, port=way.address)
    engine.always(lambda request: [say("a")])
    made = [server.create("first")["id"]]
    for n in range(6):
        way.armed = what
        made.append(server.create(f"turn {n}", previous_response_id=made[-1])["id"])
        eventually(lambda: way.armed is None, what="a cut")
    assert way.cuts == 6
    assert all(server.get(f"/v1/responses/{id}").status == 200 for id in made)
    assert counted(store) == len(made) == int(store.sql("SELECT count(*) FROM response"))
    assert server.stderr().count(told) == 6, server.stderr()
    server.stop()
    server.erase()
    way.close()


def test_nobody_can_say(store, engine):
    """The database stays away: the turn ends as failed, and says that it is not known."""
    way = Cutter(store.database.port)
    server = store.serve(engine, "store.doubt_seconds=1", "store.away_seconds=0", port=way.address)
    engine.always(lambda request: [say("a")])
    server.create("first")
    way.close()
    way.armed = "answer"
    answer = server.post("/v1/responses", {"model": "scripted", "input": "second"})
    assert answer.status >= 500 or answer.json["status"] == "failed", answer
    assert "nobody could say whether this was stored" in answer.body.decode(), answer
    assert server.get("/ready").status == 503
    again = server.post("/v1/responses", {"model": "scripted", "input": "third"})
    assert again.status >= 500 or again.json["status"] == "failed"
    server.kill()
    server.erase()


# --- a database that dies ----------------------------------------------------------------------------------------------


def test_killed_again_and_again(engine, tmp_path):
    """pg_ctl stop -m immediate under load: what was acknowledged is there, once."""
    own = postgres.Postgres()
    store = Store(own, tmp_path)
    server = store.serve(engine)
    engine.always(lambda request: [say("you said ", request.last_text)])
    acknowledged, stop = {}, threading.Event()

    def load(name):
        n = 0
        while not stop.is_set():
            n += 1
            answer = server.post("/v1/responses", {"model": "scripted", "input": f"{name}.{n}"})
            if answer.status == 200 and answer.json["status"] == "completed":
                acknowledged[answer.json["id"]] = f"{name}.{n}"

    threads = [threading.Thread(target=load, args=(i,)) for i in range(6)]
    try:
        for t in threads:
            t.start()
        for _ in range(4):
            enough = len(acknowledged) + 20
            eventually(lambda: len(acknowledged) >= enough, what="work")
            own.stop(signal.SIGQUIT)
            eventually(lambda: server.get("/ready").status == 503, what="/ready to say so")
            own.start()
            eventually(lambda: server.get("/ready").status == 200, what="/ready to say so")
        stop.set()
        for t in threads:
            t.join()
        for id, said in acknowledged.items():
            got = server.get(f"/v1/responses/{id}")
            assert got.status == 200 and text_of(got.json) == f"you said {said}", (id, said, got)
        assert len(acknowledged) <= int(store.sql("SELECT count(*) FROM response WHERE status = 'completed'")) <= len(engine.requests)
        server.stop()
    finally:
        stop.set()
        server.erase()
        own.close()


# --- its errors --------------------------------------------------------------------------------------------------------


def trouble(store, code, times):
    """The next `times` stored responses meet that error code."""
    store.sql("DROP SEQUENCE IF EXISTS met; CREATE SEQUENCE met;"
              "CREATE OR REPLACE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
              f" IF nextval('met') <= {times} THEN RAISE EXCEPTION 'trouble' USING ERRCODE = '{code}'; END IF; RETURN NEW; END $$;"
              "DROP TRIGGER IF EXISTS trouble ON response;"
              "CREATE TRIGGER trouble BEFORE INSERT ON response FOR EACH ROW EXECUTE FUNCTION trouble()")


def test_errors(store, engine):
    server = store.serve(engine)
    engine.always(lambda request: [say("a")])
    for code in ("40P01", "40001"):  # a deadlock: the same again
        trouble(store, code, 3)
        made = server.create("x")
        assert made["status"] == "completed" and server.get(f"/v1/responses/{made['id']}").status == 200
        assert store.sql("SELECT last_value FROM met") == "4"
    trouble(store, "40P01", 100)  # but not without end
    assert "busy with others" in server.post("/v1/responses", {"model": "scripted", "input": "x"}).body.decode()
    trouble(store, "53100", 100)
    full = server.post("/v1/responses", {"model": "scripted", "input": "x"})
    assert "The store is full" in full.body.decode(), full
    assert server.get(f"/v1/responses/{made['id']}").status == 200
    trouble(store, "53100", 0)
    eventually(lambda: server.get("/ready").status == 200, what="/ready to say so")
    server.create("x")
    server.stop()
    server.erase()


def test_a_statement_that_takes_too_long(store, engine):
    server = store.serve(engine, "store.statement_seconds=1")
    engine.always(lambda request: [say("a")])
    made = server.create("x")["id"]
    held = subprocess.Popen([os.path.join(store.database.bin, "psql"), "-qAtX", store.url()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    held.stdin.write("BEGIN; LOCK TABLE response; SELECT 'held';\n")
    held.stdin.flush()
    assert held.stdout.readline() == "held\n"
    answer = server.get(f"/v1/responses/{made}")
    assert answer.status == 500 and "store.statement_seconds" in answer.error["message"], answer
    assert "store.statement_seconds" in server.post("/v1/responses", {"model": "scripted", "input": "x"}).body.decode()
    held.communicate("COMMIT;\n")
    assert server.get(f"/v1/responses/{made}").status == 200
    server.create("x")
    server.stop()
    server.erase()


@pytest.mark.parametrize("text", ["a\0b", "\U0010ffff", "\U0010ffff00", "a\0\U0010ffff41\0", "é\u2028", "%_'\\"])
def test_any_text(store, engine, text):
    """PostgreSQL's texts have no NUL; what is found by such a text is found."""
    server = store.serve(engine)
    engine.always(lambda request: [say(text)])
    path = "/v1/chat/completions"
    made = server.post(path, {"model": "scripted", "store": True, "metadata": {"k": text}, "messages": [{"role": "user", "content": text}]})
    other = server.post(path, {"model": "scripted", "store": True, "metadata": {"k": text + "x"}, "messages": [{"role": "user", "content": "x"}]})
    assert made.status == other.status == 200, (made, other)
    found = server.get(f"{path}?metadata%5Bk%5D={urllib.parse.quote(text)}")
    assert [c["id"] for c in found.json["data"]] == [made.json["id"]] and found.json["data"][0]["metadata"] == {"k": text}
    turn = server.create(text, metadata={"k": text})
    got = server.get(f"/v1/responses/{turn['id']}").json
    assert text_of(got) == text and got["metadata"] == {"k": text}
    server.stop()
    server.erase()
