"""`store.encrypt`: nothing that was said stands open on the disk, older rows follow in the background, whatever is killed."""
import json
import os
import sqlite3

from engine_script import say
from harness import command, eventually, make_key
from test_erase import WORD, fill, holders, receipt

ON = ("--set", "store.encrypt=1")


def sealing(server, *more):
    done = command("sealing", *more, "--data", server.data, home=server.home)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kept(server):
    """The files of the data folder that hold the word, but for what lies open in any case (docs/security.md)."""
    return [name for name in holders(server.data) if not name.startswith(("index/", "files/"))]


def is_rewritten(server):
    eventually(lambda: "older ones follow" not in sealing(server))
    with sqlite3.connect(f"file:{server.data}/antiphon.db?mode=ro", uri=True) as db:
        eventually(lambda: db.execute("SELECT value FROM meta WHERE name = 'sealed'").fetchone()[0] != b"mixed")
    db.close()


def test_nothing_stands_open(servers, engine):
    server = servers(engine, ON)
    key, _ = make_key(server, "one")
    asked = fill(server, engine, key)
    said = {path: server.get(path, key=key).body for path in asked}
    assert any(WORD.encode() in body for body in said.values())
    assert kept(server) == []
    server.stop()
    assert kept(server) == []
    server.start()
    assert {path: server.get(path, key=key).body for path in asked} == said
    assert "texts are sealed" in sealing(server)
    on = server.create("go on", previous_response_id=asked[0].split("/")[-1], key=key)
    assert on["status"] == "completed" and WORD in json.dumps(engine.last.body)
    assert receipt(server, "--project", "default")["erased"]


def test_switched_on_rotated_and_off(servers, engine):
    server = servers(engine)
    key, _ = make_key(server, "one")
    asked = fill(server, engine, key)
    said = {path: server.get(path, key=key).body for path in asked}
    assert kept(server) and "lie open" in sealing(server)
    server.stop()
    server.command += ON
    server.start()
    is_rewritten(server)
    assert kept(server) == []  # free pages and the log, too
    assert {path: server.get(path, key=key).body for path in asked} == said
    assert "(key 2)" in sealing(server, "rotate")
    is_rewritten(server)
    assert {path: server.get(path, key=key).body for path in asked} == said
    server.stop()
    server.command = [one for one in server.command if one not in ON]
    server.start()
    eventually(lambda: kept(server))
    is_rewritten(server)
    assert {path: server.get(path, key=key).body for path in asked} == said


def test_an_end_user_is_found_in_what_is_sealed(servers, engine):
    server = servers(engine, ON)
    mine = server.create("hello", safety_identifier="ann%_\"quoted\"")["id"]
    other = server.create("hello", safety_identifier="annXX\"quoted\"")["id"]
    assert receipt(server, "--user", "ann%_\"quoted\"")["counts"]["response"] == 1
    assert server.get(f"/v1/responses/{mine}").status == 404 and server.get(f"/v1/responses/{other}").status == 200


def test_without_the_master_secret_it_does_not_open(servers, engine):
    server = servers(engine, ON)
    server.create("hello")
    server.stop()
    os.rename(f"{server.data}/master.key", f"{server.data}/../away.key")
    done = command(*server.command[1:], home=server.home)
    assert done.returncode != 0 and "master secret" in done.stderr and "put it back" in done.stderr
    with open(f"{server.data}/master.key", "w") as f:
        f.write("another one, of more than 32 characters, that is wrong\n")
    done = command(*server.command[1:], home=server.home)
    assert done.returncode != 0 and "is not the one" in done.stderr


def test_a_changed_row_is_that_row_alone(servers, engine):
    server = servers(engine, ON)
    engine.always(lambda request: [say("Fine.")])
    bad, good = server.create("one")["id"], server.create("two")["id"]
    server.stop()
    with sqlite3.connect(f"{server.data}/antiphon.db") as db:
        db.execute("UPDATE response SET body = substr(body, 1, 100) || 'AAAA' || substr(body, 105) WHERE key = (SELECT min(key) FROM response)")
    db.close()
    server.start()
    assert server.get(f"/v1/responses/{bad}").status == 500 and server.get(f"/v1/responses/{good}").status == 200
    assert "a sealed value does not open" in server.stderr() and "response.body" in server.stderr()
