"""`antiphon erase`: a project or an end user for good, in rows, files, indexes and free pages, whatever is killed."""
import json
import os
import threading
import time

from engine_script import say
from file_script import Library, upload
from harness import command, eventually, make_key, rows_of

WORD = "xyzzyplugh"


def erase(server, *more):
    return command("erase", *more, "--data", server.data, home=server.home)


def receipt(server, *more):
    done = erase(server, *more, "--yes")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def holders(folder, word=WORD):
    """The files below the folder that hold the word."""
    found = []
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            if not os.path.islink(path) and os.path.isfile(path):
                with open(path, "rb") as f:
                    if word.encode() in f.read():
                        found.append(os.path.relpath(path, folder))
    return found


def fill(server, engine, key, word=WORD):
    """Something of each kind; what to ask for, and must be gone afterwards."""
    engine.always(lambda request: [say(f"The answer has {word}, too.")])
    first = server.create(f"the word is {word}", key=key, metadata={"k": word})["id"]
    server.create("and on", previous_response_id=first, key=key)
    conversation = server.post("/v1/conversations", {"metadata": {"w": word}}, key=key).json["id"]
    server.create(f"say {word}", conversation=conversation, key=key)
    chat = server.post("/v1/chat/completions", {"model": "scripted", "store": True, "messages": [{"role": "user", "content": word}]}, key=key).json
    prompt = server.post("/v1/prompts", {"name": "p", "instructions": word}, key=key)
    assert prompt.status == 200, prompt
    library = Library(server, {"notes.txt": f"a text with {word} in it"}, key=key)
    run = server.post("/v1/responses", {"model": "scripted", "input": word, "background": True}, key=key).json["id"]
    eventually(lambda: server.get(f"/v1/responses/{run}", key=key).json["status"] == "completed")
    deleted = server.create(f"once {word}", key=key)["id"]
    assert server.delete(f"/v1/responses/{deleted}", key=key).status == 200
    return [f"/v1/responses/{first}", f"/v1/conversations/{conversation}", f"/v1/responses/{run}", f"/v1/vector_stores/{library.id}",
            f"/v1/files/{library.files['notes.txt']}", f"/v1/chat/completions/{chat['id']}", f"/v1/prompts/{prompt.json['id']}"]


def test_a_project_is_gone_from_the_disk(server, engine):
    key, _ = make_key(server, "one", project="apart")
    other, _ = make_key(server, "two")
    asked = fill(server, engine, key)
    container = server.post("/v1/containers", {"name": WORD}, key=key).json["id"]
    body = f'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n{WORD}\r\n--x--\r\n'
    assert server.request("POST", f"/v1/containers/{container}/files", body, {"Content-Type": "multipart/form-data; boundary=x"}, key=key).status == 200
    engine.always(lambda request: [say("Fine.")])
    stays = server.create("this stays", key=other)
    assert holders(server.data)
    done = erase(server, "--project", "apart")
    assert done.returncode == 0 and json.loads(done.stdout)["erased"] is False and "--yes" in done.stderr
    assert server.get(asked[0], key=key).status == 200
    got = receipt(server, "--project", "apart")
    assert got["erased"] and got["project"] == "apart"
    counts = got["counts"]
    assert counts["response"] == 4 and counts["run"] == 1 and counts["file"] == 1 and counts["vector_store"] == 1 and counts["container"] == 1
    assert all("why" in one for one in got["left"]) and "api_key" in [one["what"] for one in got["left"]]
    for path in asked + [f"/v1/containers/{container}"]:
        assert server.get(path, key=key).status == 404, path
    assert holders(server.data) == []
    assert server.get(f"/v1/responses/{stays['id']}", key=other).status == 200
    assert server.create("again", key=key)["status"] == "completed"
    assert set(receipt(server, "--project", "apart")["counts"].values()) <= {0, 1, 2}
    done = command("check", "--data", server.data, home=server.home)
    assert "store is not sound" not in done.stdout + done.stderr


def test_an_end_user(server, engine):
    engine.always(lambda request: [say(f"The answer has {WORD}.")])
    ann = {"safety_identifier": "ann%_\"quoted\""}
    conversation = server.post("/v1/conversations", {}).json["id"]
    mine = [server.create(WORD, **ann)["id"], server.create(WORD, conversation=conversation, **ann)["id"]]
    run = server.post("/v1/responses", {"model": "scripted", "input": WORD, "background": True, **ann}).json["id"]
    eventually(lambda: server.get(f"/v1/responses/{run}").json["status"] == "completed")
    engine.always(lambda request: [say("Fine.")])
    bob = server.create("hello", safety_identifier="annXX\"quoted\"")["id"]
    got = receipt(server, "--user", ann["safety_identifier"])
    assert got["counts"] == {"response": 3, "conversation": 1, "run": 0}  # what is kept of the run went with its response
    for id in mine + [run]:
        assert server.get(f"/v1/responses/{id}").status == 404
    assert server.get(f"/v1/conversations/{conversation}").status == 404 and server.get(f"/v1/responses/{bob}").status == 200
    assert holders(server.data) == []
    assert receipt(server, "--user", ann["safety_identifier"])["counts"] == {"response": 0, "conversation": 0, "run": 0}


def test_what_others_continue_stays_and_is_told(server, engine):
    first = server.create("mine", safety_identifier="ann")["id"]
    second = server.create("theirs", previous_response_id=first, safety_identifier="bob")["id"]
    left = receipt(server, "--user", "ann")["left"]
    assert {"what": "context", "count": 1} == {k: v for k, v in left[0].items() if k != "why"}
    assert server.get(f"/v1/responses/{first}").status == 404
    assert server.create("on", previous_response_id=second)["status"] == "completed"


def test_a_start_goes_on_with_what_was_killed(server, engine):
    key, _ = make_key(server, "one", project="apart")
    asked = fill(server, engine, key)
    server.kill()
    rows_of(server.data, "INSERT INTO meta(name, value) VALUES('erasing', 'project apart')")  # as a kill behind the first step leaves it
    server.start()
    eventually(lambda: all(server.get(path, key=key).status == 404 for path in asked))
    eventually(lambda: "an erasure that was cut off is done" in server.stderr())
    assert holders(server.data) == []


def test_killed_anywhere(server, engine):
    key, _ = make_key(server, "one", project="apart")
    for wait in (0.01, 0.1, 0.3):
        asked = fill(server, engine, key)
        thread = threading.Thread(target=erase, args=(server, "--project", "apart", "--yes"))
        thread.start()
        time.sleep(wait)  # anywhere in it
        server.kill()
        thread.join()
        server.start()
        receipt(server, "--project", "apart")
        assert all(server.get(path, key=key).status == 404 for path in asked) and holders(server.data) == []


def test_under_load_and_what_runs(server, engine):
    key, _ = make_key(server, "one", project="apart")
    other, _ = make_key(server, "two")
    fill(server, engine, key)
    engine.always(lambda request: [say("Fine.")])
    stop, made = threading.Event(), []

    def work():
        while not stop.is_set():
            made.append(server.create("x", key=other)["id"])

    thread = threading.Thread(target=work)
    thread.start()
    receipt(server, "--project", "apart")
    stop.set()
    thread.join()
    assert made and all(server.get(f"/v1/responses/{id}", key=other).status == 200 for id in made)
    assert holders(server.data) == []


def test_refusals_name_the_way_out(server):
    assert "--project NAME | --user" in erase(server).stderr
    assert "--project NAME | --user" in erase(server, "--project", "a", "--user", "b").stderr
    done = erase(server, "--project", "nobody", "--yes")
    assert done.returncode == 1 and 'no project "nobody"' in done.stderr
    server.stop()
    done = erase(server, "--project", "default", "--yes")
    assert done.returncode == 1 and "antiphon serve" in done.stderr
    server.start()
