"""What the crash driver (crash.py) does in boxes: containers, code and commands in them, programs, skills; and what must be so afterwards.

Code and commands append to a file of their own, so that its length says how often they were run. What ran without anyone
learning of its end has to be told to the model by the next call in that container."""
import io
import json
import random
import re
import zipfile

from crash_model import MAYBE, NO, RUNNING, YES, Container, Program, Skill, expect
from engine_script import call, say
from harness import eventually
from skill_zips import matter, zipped

SHELL = [{"type": "shell", "environment": {"type": "container_auto"}}]
STEP = {"type": "function", "name": "step", "parameters": {"type": "object", "properties": {}}, "strict": False,
        "allowed_callers": ["programmatic"]}
PROGRAM = [{"type": "programmatic_tool_calling"}, STEP,
           {"type": "code_interpreter", "container": {"type": "auto"}, "allowed_callers": ["programmatic"]}]
CUT = "The server stopped while an earlier call ran here"


def of_type(response, kind):
    return [i for i in response["output"] if i["type"] == kind]


def notes_of(response):
    return [n for i in of_type(response, "message") for p in i["content"] for n in p["annotations"]]


def all_files(ask, container):
    """All of its files, as ask(path) finds them; None: it is not there, or no answer was had."""
    listed, after = [], ""
    while True:
        page = ask(f"/v1/containers/{container}/files?order=asc&limit=100{after}")
        if page is None or page.status != 200:
            return None
        listed += page.json["data"]
        if not page.json["has_more"]:
            return listed
        after = "&after=" + page.json["last_id"]


def multipart(parts):
    """`parts`: (name, filename, bytes)."""
    body = b"".join(f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'.encode() + content + b"\r\n"
                    for name, filename, content in parts)
    return body + b"--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}


def unzipped(data):
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        return {i.filename: z.read(i) for i in z.infolist()}


class BoxClient:
    """Operations of a client."""

    # --- containers ---

    def choose_container(self):
        return self.history.some(self.dice, self.history.containers, self.project, lambda c: c.gone == NO)

    def choose_skill(self):
        return self.history.some(self.dice, self.history.skills, self.project, lambda s: s.gone == NO)

    def open_container(self):
        """Some with a skill: what its default version was, or is becoming, lies in it."""
        skill, body = self.choose_skill() if self.dice.random() < 0.5 else None, {"name": self.history.token()}
        if skill:
            body["skills"] = [{"type": "skill_reference", "skill_id": skill.name}]
        answer = self.ask("POST", "/v1/containers", body, (skill,) if skill else (), fine=(400, 404))
        if answer and answer.status == 200:
            self.history.containers[answer.json["id"]] = Container(answer.json["id"], self.project, skill)
        elif answer:
            expect(answer.status == 400 or (skill and skill.gone != NO), f"refused: {answer}", *body.get("skills", ()) and (skill,))

    def put_file(self):
        if not (c := self.choose_container()):
            return
        content = self.dice.randbytes(self.dice.randrange(3000))
        body, headers = multipart([("file", "f", content)])
        answer = self.ask("POST", f"/v1/containers/{c.name}/files", body, (c,), headers, fine=(400, 404))
        if answer and answer.status == 200:
            c.files[answer.json["id"]] = content
        elif answer:
            expect(c.gone != NO, f"refused: {answer}", c)

    def compute(self):
        """Code or a command that appends to a file of its own: it is run once, or not at all."""
        if not (c := self.choose_container()):
            return
        token, kind = self.history.token(), self.dice.choice(["code_interpreter", "shell"])
        place = {"container": c.name} if kind == "code_interpreter" else {"environment": {"type": "container_reference", "container_id": c.name}}
        body = {"model": "scripted", "input": token + (" code" if kind == "code_interpreter" else " command"), "tools": [{"type": kind, **place}],
                "store": self.dice.random() < 0.5}
        c.tried.add(token)
        answer = self.ask("POST", "/v1/responses", body, (token, c), fine=(404, 429))
        if answer is None or answer.status != 200:
            expect(answer is None or c.gone != NO or answer.status == 429, f"refused: {answer}", token, c)
            return
        item = next(i for i in answer.json["output"] if i["type"] in ("code_interpreter_call", "shell_call_output"))
        if item["status"] != "completed":
            expect(c.gone != NO or self.run.faulty or self.run.killing.is_set(), f"it failed: {answer.json['output']}", token, c)
            return
        if kind == "shell" and c.gone == NO:
            c.check_command(item, token)
        notes = notes_of(answer.json)
        if c.gone == NO:
            expect([n["filename"] for n in notes] == [token], f"cited: {notes}", token, c)
        for note in notes:
            c.files[note["file_id"]] = token.encode()

    def look_into_container(self):
        if (c := self.choose_container()):
            known = dict(c.files)
            listed = all_files(lambda path: self.ask("GET", path, about=(c,), fine=(404,)), c.name)
            if listed is None:
                expect(c.gone != NO or self.run.faulty or self.run.killing.is_set(), "it is gone", c)
                return
            for id in self.dice.sample(sorted(known), min(2, len(known))):
                answer = self.ask("GET", f"/v1/containers/{c.name}/files/{id}/content", about=(c,), fine=(404,))
                if answer is None or c.gone != NO:
                    return
                expect(answer.body == known[id], f"file {id} is another than before", c)

    def drop_container(self):
        if self.dice.random() < 0.3 and (c := self.choose_container()):
            c.gone = MAYBE
            if self.ask("DELETE", "/v1/containers/" + c.name, about=(c,), fine=(404,)):
                c.gone = YES

    # --- programs ---

    def begin_program(self):
        """Code, then a call of the client's, then code again: the first request runs up to the call."""
        token = self.history.token()
        self.history.programs[token] = program = Program(token, self.project)
        self.step(program, {"input": token + " program"}, False)

    def continue_program(self):
        """Sends the answer, perhaps again: the end of an earlier try may be unknown, or it failed."""
        program = self.history.some(self.dice, self.history.programs, self.project, lambda p: p.first and not p.end and not p.waiting)
        if program:
            called, = of_type(program.first, "function_call")
            program.asked += 1
            program.tries += 1
            self.step(program, {"previous_response_id": program.first["id"], "input": [
                {"type": "function_call_output", "call_id": called["call_id"], "output": "s" + program.name[1:]}]}, True)

    def step(self, program, body, last):
        body = {"model": "scripted", "tools": PROGRAM, "background": self.dice.random() < 0.5, **body}
        answer = self.ask("POST", "/v1/responses", body, (program,), fine=(429,))
        if answer is None or answer.status != 200:
            return
        now = answer.json
        if now["status"] in RUNNING:
            program.waiting = now["id"], last
        while now["status"] in RUNNING:
            if not (answer := self.ask("GET", "/v1/responses/" + now["id"], about=(program,))):
                return
            now = answer.json
            self.run.killing.wait(0.02)
        program.arrived(now, last, self.run.faulty)

    # --- skills ---

    def version(self):
        """Files of a new version, and the form that brings them, as a zip or as a folder."""
        token = self.history.token()
        files = {"s/SKILL.md": matter("s-" + token).encode(), "s/note": token.encode() * self.dice.choice([1, 1, 5000])}
        if self.dice.random() < 0.5:
            return files, multipart([("files", "s.zip", zipped(files))])
        return files, multipart([("files[]", path, content) for path, content in files.items()])

    def make_skill(self):
        files, form = self.version()
        answer = self.ask("POST", "/v1/skills", form[0], headers=form[1])
        if answer:
            self.history.skills[answer.json["id"]] = Skill(answer.json["id"], self.project, files)

    def add_version(self):
        if (skill := self.choose_skill()):
            files, (body, headers) = self.version()
            skill.tried.append(files)
            answer = self.ask("POST", f"/v1/skills/{skill.name}/versions", body, (skill,), headers, fine=(404,))
            if answer and answer.status == 200:
                skill.number(answer.json["version"], files)
            elif answer:
                expect(skill.gone != NO, f"refused: {answer}", skill)

    def choose_default(self):
        if (skill := self.choose_skill()):
            with skill.lock:
                wanted = self.dice.choice(list(skill.versions))
                skill.defaults.append(wanted)
                answer = self.ask("POST", "/v1/skills/" + skill.name, {"default_version": wanted}, (skill,), fine=(400, 404))
                if answer and answer.status == 200:
                    skill.defaults = [wanted]
                elif answer:
                    expect(skill.gone != NO or wanted in skill.dropped, f"refused: {answer}", skill)

    def drop_version(self):
        if (skill := self.choose_skill()):
            with skill.lock:
                others = [v for v in list(skill.versions) if v not in skill.defaults and v not in skill.dropped]
                if others:
                    version = self.dice.choice(others)
                    skill.dropped[version] = MAYBE
                    answer = self.ask("DELETE", f"/v1/skills/{skill.name}/versions/{version}", about=(skill,), fine=(404,))
                    if answer and answer.status == 200:
                        skill.dropped[version] = YES

    def drop_skill(self):
        if self.dice.random() < 0.3 and (skill := self.choose_skill()):
            skill.gone = MAYBE
            if self.ask("DELETE", "/v1/skills/" + skill.name, about=(skill,), fine=(404,)):
                skill.gone = YES

    def read_skill(self):
        if (skill := self.choose_skill()):
            version, files = self.dice.choice(list(skill.versions.items()))
            answer = self.ask("GET", f"/v1/skills/{skill.name}/versions/{version}/content", about=(skill,), fine=(404,))
            if answer and answer.status == 200:
                expect(unzipped(answer.body) == files, f"version {version} is another than before", skill)
            elif answer:
                expect(skill.gone != NO or version in skill.dropped, f"version {version} is gone: {answer}", skill)


OPERATIONS = {
    "open container": (BoxClient.open_container, 1), "put file": (BoxClient.put_file, 3), "compute": (BoxClient.compute, 3),
    "look into container": (BoxClient.look_into_container, 2), "drop container": (BoxClient.drop_container, 1),
    "begin program": (BoxClient.begin_program, 1), "continue program": (BoxClient.continue_program, 2),
    "make skill": (BoxClient.make_skill, 1), "add version": (BoxClient.add_version, 2), "choose default": (BoxClient.choose_default, 1),
    "drop version": (BoxClient.drop_version, 1), "drop skill": (BoxClient.drop_skill, 1), "read skill": (BoxClient.read_skill, 2),
}


class BoxRun:
    """The engine's words, and what is looked at after an end."""

    def script(self, request):
        """What the engine says where the user asked for something in a box; None: he did not. What tools print may name other tokens."""
        word = re.match(r"([tr](\d+)) (code|command|program|look|shell)\b ?(.*)", request.last_text or "")
        if not word:
            return None
        token, number, kind, rest = word.groups()
        last = request.body["messages"][-1]
        if last["role"] == "tool":
            said = last["content"] if isinstance(last["content"], str) else "".join(p.get("text", "") for p in last["content"])
            self.history.told_of[token] = said
            path = {"code": token, "command": token, "shell": "f" + number}.get(kind)
            return [say(f"r{number} is [it](sandbox:/mnt/data/{path})" if path else f"r{number}")]
        slow = random.Random(f"{self.seed}.{token}").choice([0, 0, 0.2])  # so that some are cut off
        if kind == "code":
            code = f"import time\nsaved = open('/mnt/data/{token}', 'a').write('{token}')\ntime.sleep({slow})"
            return [call("python", json.dumps({"code": code}))]
        if kind == "program":
            return [call("program", json.dumps({"code": Program.code(token)}))]
        path = token if kind == "command" else "f" + number
        command = rest if kind == "look" else f"printf {path} >> {path}; sleep {slow}; cat {path} /home/oai/skills/*/note 2>/dev/null; true"
        return [call("shell", json.dumps({"commands": [command]}))]

    def check_left(self, key, about, container, names, **more):
        """After an end of the server: what `names` left behind, without a row of its own, is told by the next call there."""
        listed = all_files(lambda path: self.server.get(path, key=key), container)
        expect(listed is not None, f"container {container} is lost", *about)
        kept, token = {f["path"].rsplit("/", 1)[1] for f in listed}, self.history.token()
        answer = self.server.post("/v1/responses", {"model": "scripted", "store": False, "input": f"{token} look grep -H . {' '.join(names)}",
                                                    **more}, key=key)
        expect(answer.status == 200, f"no look into {container}: {answer}", *about)
        result, = of_type(answer.json, "shell_call_output")
        expect(result["status"] == "completed", f"no look into {container}: {result}", *about)
        found = dict(line.rsplit(":", 1) for line in (result["output"][0]["stdout"] + "\n").split("\n") if ":" in line)
        for name, content in found.items():
            expect(content == name, f"{name} was run more than once: {content}", *about)
        secret = set(found) - kept
        expect(not secret or CUT in self.history.told_of[token], f"{secret} ran, and nobody was told: {self.history.told_of[token]}", *about)

    def check_container(self, c):
        key = self.history.keys[c.project]
        answer = self.server.get("/v1/containers/" + c.name, key=key)
        if c.gone == YES or (c.gone == MAYBE and answer.status == 404):
            expect(answer.status == 404, f"a deleted container is back: {answer}", c)
            return
        expect(answer.status == 200 and answer.json["status"] == "running", f"{answer}", c)
        if c.tried:
            self.check_left(key, (c,), c.name, sorted(c.tried), tools=[{"type": "shell", "environment": {
                "type": "container_reference", "container_id": c.name}}])
            c.tried = set()

        def read(id):
            answer = self.server.get(f"/v1/containers/{c.name}/files/{id}/content", key=key)
            expect(answer.status == 200, f"file {id} cannot be read: {answer}", c)
            return answer.body

        c.check(all_files(lambda path: self.server.get(path, key=key), c.name), read)

    def check_commands(self, r, key):
        """A response with a shell of its own: the file that it cites is there, and what was cut off is known as such."""
        for result in of_type(r.end, "shell_call_output"):
            printed, said = result["output"][0]["stdout"], result["output"][0]["stderr"]
            expect(printed == "f" + r.token[1:] if result["status"] == "completed" else said, f"its command: {result}", r)
        for note in notes_of(r.end):
            answer = self.server.get(f"/v1/containers/{note['container_id']}/files/{note['file_id']}/content", key=key)
            expect(answer.status == 200 and answer.body == b"f" + r.token[1:].encode(), f"the file that it cites: {answer}", r)
        if r.end["status"] == "failed" and of_type(r.end, "shell_call") and not r.looked:
            r.looked = True
            place = of_type(r.end, "shell_call")[0]["environment"]["container_id"]
            self.check_left(key, (r,), place, ["f" + r.token[1:]], tools=[{"type": "shell", "environment": {
                "type": "container_reference", "container_id": place}}])

    def check_program(self, p):
        key = self.history.keys[p.project]
        if p.waiting:
            id, last = p.waiting
            now = eventually(lambda: (j := self.server.get("/v1/responses/" + id, key=key).json)["status"] not in RUNNING and j, what=f"the end of {id}")
            p.arrived(now, last, True)  # it may have been cut off
        for response in (p.first, p.end):
            expect(not response or self.server.get("/v1/responses/" + response["id"], key=key).json["output"] == response["output"],
                   "it changed", p)
        if p.first:
            place = of_type(p.first, "code_interpreter_call")[0]["container_id"]
            files = {f["path"].rsplit("/", 1)[1]: f for f in all_files(lambda path: self.server.get(path, key=key), place)}
            sizes = [files.get(f"{p.name}.{n}", {"bytes": 0})["bytes"] for n in (1, 2)]
            expect(sizes[0] == 1 and sizes[1] <= p.tries and (not p.end or sizes[1]), f"its code ran {sizes} times, in {p.tries} tries", p)

    def check_skill(self, s):
        key = self.history.keys[s.project]
        answer = self.server.get("/v1/skills/" + s.name, key=key)
        if s.gone == YES or (s.gone == MAYBE and answer.status == 404):
            expect(answer.status == 404, f"a deleted skill is back: {answer}", s)
            return
        expect(answer.status == 200 and answer.json["default_version"] in s.defaults, f"default of {s.defaults}: {answer}", s)
        listed = self.server.get(f"/v1/skills/{s.name}/versions?limit=100&order=asc", key=key).json["data"]
        for version in listed:
            content = self.server.get(f"/v1/skills/{s.name}/versions/{version['version']}/content", key=key)
            expect(content.status == 200, f"a version without content: {content}", s)
            s.number(version["version"], unzipped(content.body), version["name"])
        s.check([v["version"] for v in listed], answer.json)
