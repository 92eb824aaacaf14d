"""What a crash test knows of the history: every fact that was acknowledged, and how it must look after any crash.

Texts are tokens: input item n says "tN", the engine answers it with "rN", so that any list of items and any prompt can be read
as a row of tokens. A group is what was put into a conversation at once: a turn's input and output, or added items."""
import collections
import json
import re
import threading
import time

TOKEN = re.compile(r"\b[tr]\d+\b")
RUNNING = ("queued", "in_progress")
ENDS = ("response.completed", "response.failed", "response.incomplete")
NO, MAYBE, YES = "no", "maybe", "yes"


class Wrong(AssertionError):
    """A promise that was broken; `about`: the things whose history is to be shown."""

    def __init__(self, text, *about):
        super().__init__(text)
        self.about = {a.name if hasattr(a, "name") else a for a in about}


def expect(condition, text, *about):
    if not condition:
        raise Wrong(text, *about)


def squeezed(tokens):
    """Without repeats: a run taken up again says its answer again."""
    return [t for i, t in enumerate(tokens) if i == 0 or tokens[i - 1] != t]


def tokens_of(items):
    return squeezed([t for item in items for part in item.get("content") or () for t in TOKEN.findall(part.get("text") or "")])


def prompt_tokens(messages):
    found = []
    for m in messages:
        parts = [m["content"]] if isinstance(m["content"], str) else [p.get("text", "") for p in m["content"] or ()]
        found += [t for p in parts for t in TOKEN.findall(p)]
    return squeezed(found)


def plain(response):
    return {k: v for k, v in response.items() if k != "billing"}  # JSON answers carry it, events do not


class Thing:
    """A response or a conversation. `gone`: NO, MAYBE (a DELETE was sent) or YES (it was acknowledged)."""

    def __init__(self, name, project):
        self.name, self.project, self.gone = name, project, NO


class Response(Thing):
    def __init__(self, name, project, token, path, store=True, background=False, group=None):
        super().__init__(name, project)
        self.token, self.store, self.background, self.group = token, store, background, group
        self.path = path            # tokens of its context, its own input last
        self.end = None             # as acknowledged
        self.cancelled = False      # that it is cancelled was acknowledged
        self.unsaved = False        # its failure was told, so that it is absent, or failed
        self.events, self.life = {}, None  # life: the server's life that streamed a foreground one
        self.shell = self.looked = False    # it runs a command; what was left of that was looked at

    def hear(self, number, text, padded):
        expect(self.events.setdefault((padded, number), text) == text, f"event {number} is another one than before:\n"
               f"{self.events[padded, number]}\n{text}", self)

    def ended(self, response):
        response = plain(response)
        expect(self.end in (None, response), f"its end changed:\n{self.end}\n{response}", self)
        expect(not self.cancelled or response["status"] == "cancelled", f"it was cancelled, then {response['status']}", self)
        self.end = response
        if self.group and self.background:
            self.group.state = YES if response["status"] in ("completed", "incomplete") else NO
            self.group.ended = self.group.ended or time.monotonic()


class Group:
    def __init__(self, tokens):
        self.tokens, self.state, self.begun, self.ended = tokens, MAYBE, time.monotonic(), None

    def settle(self, state):
        self.state, self.ended = state, time.monotonic()


class Conversation(Thing):
    def __init__(self, name, project):
        super().__init__(name, project)
        self.groups, self.items = {}, {}                    # by token; id -> JSON as first seen
        self.removed, self.gone_items = set(), set()        # tokens that may be absent; ids that must be
        self.metadata = [{}]                                # the acknowledged one, then those that may have come to be
        self.lock = threading.Lock()                        # of who changes the metadata: its order is known so

    def add(self, tokens):
        group = Group(tokens)
        for t in tokens:
            self.groups[t] = group
        return group

    def check(self, items, known, removed):
        """`items` is a list that was asked for after the groups `known` were acknowledged, and the items `removed` removed."""
        for item in items:
            first = self.items.setdefault(item["id"], item)
            expect(first == item, f"item {item['id']} changed:\n{first}\n{item}", self)
            expect(item["id"] not in removed, f"{item} was removed and is back", self)
        row = tokens_of(items)
        expect(len(set(row)) == len(row), f"twice in the list: {row}", self)
        where = {t: i for i, t in enumerate(row)}
        for t in row:
            group = self.groups.get(t)
            expect(group, f"{t} in {row} is nobody's", self)
            expect(group.state != NO, f"{t} was refused, or its turn did not complete, and it is in {row}", self)
            rest = [u for u in group.tokens if u in where]
            missing = [u for u in group.tokens if u not in where and u not in self.removed]
            expect(not missing, f"half a group: {missing} of {group.tokens} are not in {row}", self)
            at = where[rest[0]]
            expect(row[at:at + len(rest)] == rest, f"{group.tokens} is torn apart in {row}", self)
        for group in known:
            for t in group.tokens:
                expect(t in where or t in self.removed, f"{t} of {group.tokens} is lost from {row}", self)
        groups = list(dict.fromkeys(self.groups[t] for t in row))
        for a, b in zip(groups, groups[1:]):
            expect(not (b.ended and a.begun > b.ended), f"{a.tokens} began after {b.tokens} had ended and stands before it", self)
        return row

    def known(self):
        return [g for g in set(self.groups.values()) if g.state == YES], set(self.gone_items)

    def check_prompts(self, row, prompts):
        """Each turn saw all that stood before it: nothing was overlooked."""
        for i, t in enumerate(row):
            if t not in prompts or len(self.groups[t].tokens) < 2 or self.groups[t].tokens[1] != "r" + t[1:]:
                continue
            prompt, before = prompts[t][:-1], [u for u in row[:i]]
            expect([u for u in prompt if u in before] == before, f"{t} stands after {before} and was shown {prompt}", self)
            extra = [u for u in prompt if u not in before and u not in self.removed]
            expect(not extra, f"{t} was shown {extra}, which is not before it in {row}", self)


class Container(Thing):
    """Files that were acknowledged, by id; code and commands append their token to a file of that name, once."""

    def __init__(self, name, project, skill=None):
        super().__init__(name, project)
        self.skill = skill
        self.files = {}     # id -> bytes
        self.tried = set()  # tokens of calls since it was last looked at

    def check_command(self, result, token):
        """A command's output: what it appended, then what its skill has."""
        printed = result["output"][0]["stdout"]
        expect(printed.startswith(token), f"printed: {printed[:80]}", self, token)
        rest = printed[len(token):].encode()
        fit = [b""] if not self.skill else [v["s/note"] for v in [*self.skill.versions.values(), *self.skill.tried]]
        expect(rest in fit, f"its skill says {rest[:80]}, of {len(rest)} bytes", self, token)

    def check(self, listed, read):
        """`listed`: its files, asked for after those of self.files were acknowledged; read(id): their bytes."""
        found = {f["id"]: f for f in listed}
        expect(len({f["path"] for f in listed}) == len(listed), f"a path twice: {listed}", self)
        for id, content in list(self.files.items()):
            expect(id in found and found[id]["bytes"] == len(content), f"file {id} is lost: {found.get(id)}", self)
            now = read(id)
            expect(now == content, f"file {id} is another than before: {len(now)} bytes, {now[:80]}; {len(content)} bytes, {content[:80]}", self)
        for f in listed:
            name = f["path"].rsplit("/", 1)[1]
            if TOKEN.fullmatch(name):
                expect(read(f["id"]) in (name.encode(), b""), f"{name} was run twice: {read(f['id'])}", self)


class Program(Thing):
    """A program of two pieces of code with a call of the client's between them. The first is run once, the second at most once a
    try; `waiting`: (a background response whose end is not known, is it of the second half?)."""

    def __init__(self, name, project):
        super().__init__(name, project)
        self.first = self.end = self.waiting = None
        self.asked = self.tries = 0

    def made_again(self):
        """A start with api.on_restart=retry: each try that had not ended may be made once more."""
        self.tries += self.asked

    @staticmethod
    def code(token):
        def python(n):
            path = f"/mnt/data/{token}.{n}"
            code = f"saved = open('{path}', 'a').write('x'); print('got=' + open('{path}').read())"
            return f"/got=(x*)/.exec(await tools.python({{code: {json.dumps(code)}}}))[1]"
        return f"const a = {python(1)};\nconst b = await tools.step({{}});\nconst c = {python(2)};\ntext([a, b, c].join(' '));"

    def arrived(self, response, last, excused):
        """The end of a try. excused: a fault or an end of the server may have stopped it."""
        self.waiting, kinds = None, [i["type"] for i in response["output"]]
        whole = ["code_interpreter_call", "program_output", "message"] if last else ["program", "code_interpreter_call", "function_call"]
        done = response["status"] == "completed" and kinds == whole and all(i.get("status") in (None, "completed", "in_progress")
                                                                            for i in response["output"])
        expect(done or excused, f"{response['status']}: {response['output']}", self)
        for item in response["output"]:
            expect(item.get("status") != "incomplete" or item["type"] != "program_output" or item["result"], "cut off without a word", self)
        if done and last:
            result = response["output"][1]["result"].strip()
            expect(re.fullmatch(f"x s{self.name[1:]} x{{1,{self.tries}}}", result), f"its result is {result}, in {self.tries} tries", self)
            self.end = response
        elif done:
            self.first = response


class Skill(Thing):
    """Its versions, by number: files that were acknowledged, or seen; `tried`: files that may be a version."""

    def __init__(self, name, project, files):
        super().__init__(name, project)
        self.versions, self.tried, self.defaults, self.dropped = {"1": files}, [], ["1"], {}
        self.lock = threading.Lock()  # of who changes its default, or takes versions away

    def number(self, version, files, name=None):
        """A version has this number: it was acknowledged, or is listed."""
        if version not in self.versions:
            expect(files in self.tried, f"version {version} was never sent", self)
        expect(self.versions.setdefault(version, files) == files, f"version {version} is another than before", self)
        expect(name is None or f"name: {name}\n".encode() in files["s/SKILL.md"], f"version {version} is called {name}", self)

    def check(self, listed, skill):
        for version in list(self.versions):
            expect(version in listed or version in self.dropped, f"version {version} is lost", self)
            expect(self.dropped.get(version) != YES or version not in listed, f"version {version} is back", self)
        expect(skill["latest_version"] == listed[-1], f"latest is {skill['latest_version']} of {listed}", self)
        self.dropped = {v: YES if v not in listed else NO for v in self.dropped}
        self.dropped = {v: gone for v, gone in self.dropped.items() if gone == YES}
        self.defaults = [skill["default_version"]]


class Document(Thing):
    """A file in one vector store. Its text is parts that each hold its token and a number, so that what is found of it says whether
    it is there whole. `put`: MAYBE until the attachment was acknowledged; `gone`: of the attachment, the file or the store."""
    PARTS = 3

    def __init__(self, name, project, token):
        super().__init__(name, project)
        self.token, self.put, self.done = token, MAYBE, False

    def text(self):
        filling = " ".join(f"{self.token}word{n}" for n in range(60))
        return "\n\n".join(f"# {self.token} part{n}\n\n" + f"{filling} number{n}. " * 6 for n in range(self.PARTS))

    def check(self, texts, quiet):
        """`texts`: all chunks of it that a search found, which was asked for in full. quiet: nothing is in progress."""
        parts = {n for n in range(self.PARTS) if any(f"part{n}" in t for t in texts)}
        expect(len(parts) in (0, self.PARTS), f"half a file is found: parts {sorted(parts)}", self)
        expect(self.gone != YES or not parts, "it was taken out and is found", self)
        expect(not (quiet and self.put == YES and self.gone == NO) or parts, "it is indexed and not found", self)
        self.done |= bool(parts)


class Library(Thing):
    """A vector store and its documents, by file."""

    def __init__(self, name, project):
        super().__init__(name, project)
        self.documents = {}


class History:
    """All of it, from all clients."""

    def __init__(self, projects):
        self.keys = projects  # name -> API key
        self.responses, self.conversations, self.libraries = {}, {}, {}
        self.containers, self.programs, self.skills = {}, {}, {}
        self.told_of = {}  # by token: what the engine was told that came of its call
        self.prompts, self.calls = {}, collections.Counter()  # by own token: what the engine was shown last, and how often
        self.keyed, self.sealed, self.ids = {}, [], []
        self.lines = collections.deque(maxlen=200000)
        self.count, self.lock, self.began = 0, threading.Lock(), time.monotonic()

    def token(self, digits=1):
        """With 1,023 digits its text is what store.inlay_bytes of 1,024 keeps beside the database."""
        with self.lock:
            self.count += 1
            return f"t{self.count:0{digits}}"

    def note(self, text, *about):
        names = {a.name if isinstance(a, Thing) else a for a in about}
        self.lines.append((time.monotonic() - self.began, threading.current_thread().name, text, names))

    def told(self, wrong, most=30):
        """What happened to those things, the last of it."""
        about = set(wrong.about)
        for name in list(about):
            thing = self.responses.get(name)
            if isinstance(thing, Response):
                about |= {thing.token}
        lines = [line for line in self.lines if line[3] & about or line[2].startswith("---")]
        return "\n".join(f"{at:9.3f} {who:>10} {text}" for at, who, text, _ in lines[-most:])

    def some(self, dice, things, project, wanted):
        """One of them, a young one rather than an old one; None: there is none."""
        fit = [t for t in list(things.values())[-60:] if t.project == project and wanted(t)]
        return dice.choice(fit) if fit else None
