"""`antiphon backup`: a copy of the data folder, made while the server works, whole or not there, and a server that goes on with it."""
import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from file_script import upload
from harness import BINARY, command, environment, eventually

pytestmark = pytest.mark.sqlite


def backup(server, to, *more):
    return command("backup", str(to), "--data", server.data, *more, home=server.home)


def blobs(data):
    return sorted(name for name in os.listdir(os.path.join(data, "files")) if len(name) == 16)


def container_file(server, container, name, text):
    body = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n{text}\r\n--x--\r\n'
    answer = server.request("POST", f"/v1/containers/{container}/files", body, {"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status == 200, answer
    return answer.json["id"]


def test_a_copy_is_a_data_folder(server, servers, engine, tmp_path):
    first = server.create("first")
    conversation = server.post("/v1/conversations", {}).json["id"]
    server.create("in a conversation", conversation=conversation)
    file = upload(server, "notes.txt", "the words of a file")
    container = server.post("/v1/containers", {"name": "box"}).json["id"]
    inner = container_file(server, container, "data.txt", "forty-two")
    asked = [f"/v1/responses/{first['id']}", f"/v1/responses/{first['id']}/input_items", f"/v1/files/{file}",
             f"/v1/conversations/{conversation}/items", f"/v1/containers/{container}/files", f"/v1/files/{file}/content",
             f"/v1/containers/{container}/files/{inner}/content"]
    before = {path: server.get(path).body for path in asked}
    done = backup(server, tmp_path / "copy")
    assert done.returncode == 0, done.stderr
    assert "2 files (28 bytes), checked" in done.stdout
    assert sorted(os.listdir(tmp_path)) == ["copy"] and oct(os.stat(tmp_path / "copy").st_mode)[-3:] == "700"
    shutil.copytree(tmp_path / "copy", tmp_path / "restored")
    server.kill()
    again = servers(engine, data=str(tmp_path / "restored"))
    assert {path: again.get(path).body for path in asked} == before
    assert again.create("go on", previous_response_id=first["id"])["previous_response_id"] == first["id"]
    assert again.create("go on", conversation=conversation)["status"] == "completed"


def test_without_a_server(server, tmp_path):
    id = server.create("x")["id"]
    server.stop()
    assert backup(server, tmp_path / "copy/").returncode == 0
    with sqlite3.connect(tmp_path / "copy" / "antiphon.db") as db:
        assert db.execute("SELECT count(*) FROM response").fetchone() == (1,)
    server.start()
    assert server.get(f"/v1/responses/{id}").status == 200


def test_everything_that_was_acknowledged_before_is_in_it(server, servers, engine, tmp_path):
    made, stop, lock = [], threading.Event(), threading.Lock()

    def work(n):
        while not stop.is_set():
            id = server.create(f"from {n}")["id"]
            file = upload(server, "f.txt", id)
            if n % 2:
                assert server.delete(f"/v1/files/{file}").status == 200
                file = None
            with lock:
                made.append((id, file))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    copies = []
    try:
        for n in range(3):
            seen = len(made)
            eventually(lambda: len(made) > seen + 5)
            with lock:
                known = list(made)
            done = backup(server, tmp_path / f"copy{n}")
            assert done.returncode == 0, done.stderr
            copies.append((tmp_path / f"copy{n}", known))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for path, known in copies[::2]:
        again = servers(engine, data=str(path))
        for id, file in known:
            assert again.get(f"/v1/responses/{id}").status == 200
            assert file is None or again.get(f"/v1/files/{file}/content").body == id.encode()
        again.stop()


def test_bytes_stay_while_somebody_copies(server):
    one, two = upload(server, "a.txt", "a"), upload(server, "b.txt", "b")
    hold = os.open(os.path.join(server.data, "files"), os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(hold, fcntl.LOCK_SH)
        assert server.delete(f"/v1/files/{one}").status == 200
        assert server.get(f"/v1/files/{one}").status == 404
        server.stop()
        assert len(blobs(server.data)) == 2
        server.start()
        assert len(blobs(server.data)) == 2
        assert server.delete(f"/v1/files/{two}").status == 200
        server.stop()
        assert len(blobs(server.data)) == 2
    finally:
        os.close(hold)
    server.start()
    assert not blobs(server.data)


def test_killed_in_the_middle(server, tmp_path):
    for n in range(20):
        upload(server, f"{n}.txt", "x" * 100000)
    ended = 0
    for wait in (0, 0.02, 0.05, 0.1, 0.2):
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        process = subprocess.Popen([BINARY, "backup", tmp_path / "copy", "--data", server.data], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=environment(server.home))
        eventually(lambda: (tmp_path / "copy.partial" / "antiphon.db").exists() or process.poll() is not None)
        time.sleep(wait)  # somewhere in it, or behind its end: both are fine
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if (tmp_path / "copy").exists():
            ended += 1
            assert len(blobs(tmp_path / "copy")) == 20 and not (tmp_path / "copy.partial").exists()
    shutil.rmtree(tmp_path / "copy", ignore_errors=True)
    (tmp_path / "copy.partial" / "files").mkdir(parents=True, exist_ok=True)
    (tmp_path / "copy.partial" / "files" / "0123456789abcdef").write_text("of one that was cut off")
    done = backup(server, tmp_path / "copy")
    assert done.returncode == 0, done.stderr
    assert len(blobs(tmp_path / "copy")) == 20 and os.listdir(tmp_path) == ["copy"]


def test_refusals_name_the_way_out(server, tmp_path):
    assert "antiphon backup FOLDER" in command("backup", home=server.home).stderr
    (tmp_path / "there").mkdir()
    done = backup(server, tmp_path / "there")
    assert done.returncode == 1 and "is there already" in done.stderr
    file = upload(server, "a.txt", "abc")
    assert file
    os.unlink(os.path.join(server.data, "files", blobs(server.data)[0]))
    done = backup(server, tmp_path / "copy")
    assert done.returncode == 1 and "is missing" in done.stderr and not (tmp_path / "copy").exists()
    with open(os.path.join(server.data, "files", "0" * 16), "w"):
        pass
    done = command("backup", str(tmp_path / "x"), "--data", str(tmp_path / "nowhere"), home=server.home)
    assert done.returncode == 1 and "nowhere" in done.stderr


@pytest.mark.parametrize("name", ["backup", "record", "replay", "export", "import", "erase"])
def test_the_help_fits_a_screen(name, tmp_path):
    done = command(name, "--help", home=str(tmp_path))
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and f"antiphon {name}" in lines[0]
    assert len(lines) <= 24 and max(map(len, lines)) <= 80, [line for line in lines if len(line) > 80]


def test_one_tar_file(server, servers, engine, tmp_path):
    id = server.create("first")["id"]
    file = upload(server, "notes.txt", "the words of a file")
    done = backup(server, tmp_path / "copy.tar")
    assert done.returncode == 0 and "1 file" in done.stdout and os.listdir(tmp_path) == ["copy.tar"], done
    assert oct(os.stat(tmp_path / "copy.tar").st_mode)[-3:] == "600"
    assert backup(server, tmp_path / "copy.tar").returncode == 1  # it is there already
    streamed = subprocess.run([BINARY, "backup", "-", "--data", server.data], capture_output=True, env=environment(server.home))
    assert streamed.returncode == 0 and b"checked" in streamed.stderr and "backup" not in os.listdir(server.data), streamed.stderr
    (tmp_path / "streamed.tar").write_bytes(streamed.stdout)
    server.kill()
    for name in ("copy", "streamed"):
        os.mkdir(tmp_path / name, 0o700)
        subprocess.run(["tar", "-xf", tmp_path / f"{name}.tar", "-C", tmp_path / name, "--strip-components=1"], check=True)
        again = servers(engine, data=str(tmp_path / name))
        assert again.get(f"/v1/responses/{id}").status == 200 and again.get(f"/v1/files/{file}/content").body == b"the words of a file"
        assert again.create("go on", previous_response_id=id)["status"] == "completed"
        again.stop()


def test_a_tar_that_cannot_be_written(server, tmp_path):
    server.create("x")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BINARY, "backup", "-", "--data", server.data], stdout=full, stderr=subprocess.PIPE, env=environment(server.home))
    assert done.returncode == 1 and b"cannot write the tar file" in done.stderr and "backup" not in os.listdir(server.data)
