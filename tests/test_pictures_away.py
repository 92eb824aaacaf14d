"""Pictures inside items lie beside the database: they are copied, exported and erased with them, whether texts are sealed or not."""
import shutil

import pytest

from engine_script import ScriptedEngine, say
from harness import command, eventually, make_key
from test_attach import data_url, images_in, image, message, png
from test_backup import backup, blobs
from test_erase import WORD, receipt
from test_export import export, take_in

PICTURE = png() + WORD.encode() + bytes(range(256)) * 200  # long enough to be cut out of its item


@pytest.fixture
def engine():
    e = ScriptedEngine(vision=True)
    yield e
    e.close()


@pytest.fixture(params=[(), ("--set", "store.encrypt=1")], ids=["open", "sealed"])
def pictured(request, servers, engine):
    """A server, its key, a response with a picture, and what its items are."""
    server = servers(engine, request.param)
    key, _ = make_key(server, "one", project="apart")
    engine.always(lambda request: [say("A picture.")])
    id = server.create(message(image(image_url=data_url(PICTURE))), key=key)["id"]
    assert len(blobs(server.data)) == 1
    return server, key, id, items(server, id, key)


def items(server, id, key):
    return server.get(f"/v1/responses/{id}/input_items?include[]=message.input_image.image_url", key=key).json


def shows(server, engine, id, key, before):
    assert items(server, id, key) == before and before["data"][0]["content"][1]["image_url"] == data_url(PICTURE)
    server.create("and now?", previous_response_id=id, key=key)
    assert [i["url"] for i in images_in(engine.last)] == [data_url(PICTURE)]


def test_copied(pictured, servers, engine, tmp_path):
    server, key, id, before = pictured
    done = backup(server, tmp_path / "copy")
    assert done.returncode == 0 and "1 file" in done.stdout, done
    shutil.copytree(tmp_path / "copy", tmp_path / "restored")
    server.kill()
    shows(servers(engine, data=str(tmp_path / "restored")), engine, id, key, before)


def test_exported_and_taken_in(pictured, servers, engine, tmp_path):
    server, key, id, before = pictured
    export(server, tmp_path / "apart", "apart")
    assert take_in(tmp_path / "apart", tmp_path / "fresh", server.home).returncode == 0
    made = command("keys", "create", "new", "--project", "apart", "--data", str(tmp_path / "fresh"), home=server.home).stdout.split()[0]
    there = servers(engine, data=str(tmp_path / "fresh"))
    shows(there, engine, id, made, before)
    assert len(blobs(there.data)) == 1


def test_erased(pictured, servers, engine):
    server, key, id, _ = pictured
    assert receipt(server, "--project", "apart")["erased"]
    eventually(lambda: blobs(server.data) == [])
