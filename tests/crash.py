#!/usr/bin/env python3
"""Random operations of several clients, killed in the middle: kill -9, power cuts and failing writes, again and again.

    crash.py [--kills 40] [--seed N] [--clients 6] [--store postgres]      ANTIPHON_BIN names the binary

On PostgreSQL it is the server that is killed, and the database (as by pg_ctl stop -m immediate) while the server goes on.

After every restart all that was acknowledged is compared with what is there (crash_model.py). Prints its seed, and, when a
promise is broken, the history of the thing it broke for."""
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
from concurrent.futures import ThreadPoolExecutor

import crash_boxes
import harness
from crash_boxes import SHELL, BoxClient, BoxRun
from crash_model import ENDS, MAYBE, NO, RUNNING, YES, Container, Conversation, Document, History, Library, Response, Skill, Wrong, expect, plain, prompt_tokens, squeezed, tokens_of
from engine_script import ScriptedEngine, pause, say, think
from faulty_server import FULL, PLACES, SYNC, WRITE, FaultyServer, a_seed
from file_script import form
from harness import PATIENCE, Server, Stream, command, eventually, make_key, rows_of

QUICK = {"store.linger_seconds": [0, 600], "store.sweep_seconds": [1], "api.on_restart": ["auto", "retry", "fail"],
         "server.loops": [1, 2], "store.sweep_rows": [10, 200], "store.inlay_bytes": [1024, 65536], "store.encrypt": [0, 1],
         "api.lease_seconds": [600],  # a start frees leases, not time
         "index.threads": [1, 2], "index.slice": [1, 64], "index.tries": [100], "index.again_ms": [50],
         "containers.project": [100000], "session.pool": [0, 1]}


class Stopped(Exception):
    """The server is gone, or about to be; what was asked may have happened or not."""


class Client(BoxClient):
    def __init__(self, run, number):
        self.run, self.history, self.dice = run, run.history, random.Random(f"{run.seed}.{run.round}.{number}")
        self.project = self.dice.choice(list(self.history.keys))
        self.thread = threading.Thread(target=self.work, name=f"client {run.round}.{number}")
        self.thread.start()

    # --- the loop ---

    def work(self):
        names = [name for name, (_, weight) in OPERATIONS.items() for _ in range(weight)]
        try:
            while not self.run.killing.is_set():
                self.project = self.dice.choice(list(self.history.keys)) if self.dice.random() < 0.1 else self.project
                name = self.dice.choice(names)
                OPERATIONS[name][0](self)
                with self.history.lock:
                    self.run.done[name] = self.run.done.get(name, 0) + 1
        except Stopped:
            pass
        except (OSError, http.client.HTTPException, ValueError) as e:
            if not self.run.killing.is_set():
                self.run.broken.append(Wrong(f"the connection broke in the server's life: {e!r}"))
        except Exception as e:  # noqa: BLE001 - whatever it is, it is reported
            self.run.broken.append(e if isinstance(e, Wrong) else Wrong(f"{type(e).__name__}: {e}"))

    # --- asking ---

    def ask(self, method, path, body=None, about=(), headers=None, fine=(), key=None):
        """The answer, 200 or of those in `fine`; None: it failed for the injected fault, so that nothing was done."""
        said = f"{len(body)} bytes" if isinstance(body, bytes) else json.dumps(body) if body else ""
        self.history.note(f"{method} {path} {said}", *about)
        try:
            answer = self.run.server.request(method, path, body, headers=headers, key=key or self.history.keys[self.project])
        except (OSError, http.client.HTTPException):
            raise Stopped from None
        self.history.note(f"{method} {path} -> {answer.status} {answer.body[:160]!r}", *about)
        if answer.status >= 500:
            self.at_fault(answer, about)
            return None
        expect(answer.status == 200 or answer.status in fine, f"{method} {path}: {answer}", *about)
        return answer

    def at_fault(self, answer, about):
        if self.run.killing.is_set():
            raise Stopped
        expect(self.run.faulty, f"{answer.status} without a fault: {answer}", *about)

    def events(self, stream, about=()):
        """Reads a stream, event by event, to its end or until the server is gone."""
        try:
            yield from stream
        except (OSError, http.client.HTTPException, ValueError):
            raise Stopped from None

    # --- turns ---

    def choose_parent(self):
        if self.dice.random() < 0.3:
            return None
        return self.history.some(self.dice, self.history.responses, self.project, lambda r: r.store and r.gone == NO and r.end
                                 and r.end["status"] == "completed" and len(r.path) < 60)

    def choose_conversation(self):
        return self.history.some(self.dice, self.history.conversations, self.project, lambda c: c.gone == NO)

    def context_of(self, parent):
        """What a turn that continues it is to be shown. On a conversation it stood on whatever was there when it began."""
        if parent is None:
            return []
        return (self.history.prompts[parent.token] if parent.group else parent.path) + tokens_of(parent.end["output"])

    def prepare(self, conversation=None, background=False):
        """Body of a new turn and what is known of it before it is sent."""
        shell = self.dice.random() < 0.12  # its token names a file
        token, store = self.history.token(1 if shell else self.dice.choice([1, 1, 1023])), self.dice.random() < 0.85
        parent = None if conversation else self.choose_parent()
        body = {"model": "scripted", "input": token, "store": store}
        if parent:
            body["previous_response_id"] = parent.name
        if conversation:
            body["conversation"] = conversation.name
        if background:
            body["background"] = True
        group = conversation.add([token, "r" + token[1:]]) if conversation else None
        response = Response(None, self.project, token, self.context_of(parent) + [token], store, background, group)
        if shell:
            response.shell = True
            body.update(input=token + " shell", tools=SHELL)
        return body, response, parent or conversation

    def named(self, response, id):
        if response.name is None:
            expect(id not in self.history.responses, f"the id {id} was given before", id)
            response.name = id
            self.history.responses[id] = response
            self.history.note(f"{response.token} is {id}", response.token, id)
        expect(response.name == id, f"{response.name} became {id}", response)

    def refusal(self, answer, response, base):
        """true: the turn was not made, for a reason that is fine."""
        if answer is not None and answer.status == 200:
            return False
        if answer is not None:
            code = answer.error.get("code")
            expect((base and base.gone != NO) or code == "conversation_locked" or answer.status == 429,
                   f"refused: {answer}", response.token, base)
        if response.group:
            response.group.settle(NO if answer is not None else MAYBE)
        return True

    def finished(self, response, json_response, base):
        """A foreground turn's end, as told."""
        response.life = self.run.round
        expect(json_response["status"] == "completed", f"it ended {json_response['status']}", response)
        response.end = plain(json_response)
        if response.group:
            response.group.settle(YES)
        elif base is None or base.gone == NO:
            shown = self.history.prompts.get(response.token)
            expect(shown == response.path, f"the engine was shown {shown}, not {response.path}", response)

    def turn(self, conversation=None, headers=None, **more):
        body, response, base = self.prepare(conversation)
        answer = self.ask("POST", "/v1/responses", {**body, **more}, (response.token, base), headers, fine=(400, 404, 429))
        if self.refusal(answer, response, base):
            return None
        self.named(response, answer.json["id"])
        self.finished(response, answer.json, base)
        return response

    def stream(self, conversation=None, background=False):
        body, response, base = self.prepare(conversation, background)
        body.update(stream=True, stream_options={"include_obfuscation": self.dice.random() < 0.5})
        self.history.note(f"POST /v1/responses {json.dumps(body)}", response.token, base)
        try:
            stream = Stream(*self.run.server.open("POST", "/v1/responses", body, key=self.history.keys[self.project]))
            if stream.status != 200:
                stream.body = stream.response.read()
        except (OSError, http.client.HTTPException):
            raise Stopped from None
        if stream.status >= 500:
            self.at_fault(stream, (response.token, base))
            return
        if stream.status != 200:
            expect((base and base.gone != NO) or stream.status == 429 or b"conversation_locked" in stream.body,
                   f"refused: {stream.status} {stream.body}", response.token, base)
            if response.group:
                response.group.settle(NO)
            return
        self.listen(stream, response, base, body["stream_options"]["include_obfuscation"], self.dice.random() < 0.15)

    def listen(self, stream, response, base, padded, leaves=False, first=0):
        """Hears the events of a stream; `leaves`: not to the end."""
        kinds, last, number = [], None, first
        for event in self.events(stream):
            if event.data is None:
                break
            kinds.append(event.type)
            if event.type == "keepalive":
                continue
            if kinds == ["response.created"] and first == 0:
                self.named(response, event.data["response"]["id"])
            expect(event.data["sequence_number"] == number, f"event {number} is missing: {event}", response)
            number += 1
            if response.background or response.life in (None, self.run.round):
                response.life = self.run.round
                response.hear(event.data["sequence_number"], event.text, padded)
            last = event
            if leaves and self.dice.random() < 0.1:
                stream.leave()
                self.history.note("left its stream", response)
                return
        if not kinds or kinds[-1] not in ENDS:
            if first == 0 or kinds:
                raise Stopped  # cut off: only by a kill
            return
        self.history.note(f"heard {kinds[-1]}", response)
        told = last.data["response"]
        if response.background:
            expect(kinds[-1] != "response.failed" or told["status"] in ("failed", "cancelled"), f"{told}", response)
            response.ended(told)
        elif kinds[-1] == "response.failed":
            expect(self.run.faulty or (base and base.gone != NO), f"it failed without a fault: {told['error']}", response)
            response.unsaved = True
        else:
            self.finished(response, told, base)

    def refer(self):
        """Input that names an item of another response."""
        source = self.history.some(self.dice, self.history.responses, self.project, lambda r: r.store and r.gone == NO and r.end
                                   and r.end["status"] == "completed")
        if not source:
            return
        items = [i for i in source.end["output"] if i["type"] == "message"]
        body, response, base = self.prepare()
        body["input"] = [{"type": "item_reference", "id": items[0]["id"]}, {"role": "user", "content": body["input"]}]
        response.path[-1:] = [*tokens_of(items[:1]), response.token]
        response.path = squeezed(response.path)
        answer = self.ask("POST", "/v1/responses", body, (response.token, base, source), fine=(400, 404, 429))
        if answer and answer.status != 200 and source.gone != NO:
            return
        if not self.refusal(answer, response, base):
            self.named(response, answer.json["id"])
            self.finished(response, answer.json, source if source.gone != NO else base)

    def unstored(self):
        response = self.turn()
        if response and not response.store:
            for method, body in (("GET", None), ("DELETE", None)):
                expect(self.ask(method, "/v1/responses/" + response.name, body, (response,), fine=(404,)).status == 404,
                       "it is there in spite of store: false", response)
            answer = self.ask("POST", "/v1/responses", {"model": "scripted", "input": "x", "previous_response_id": response.name},
                              (response,), fine=(400,))
            expect(answer is None or answer.status == 400, "it was continued in spite of store: false", response)

    # --- idempotency ---

    def keyed(self):
        fresh = not self.history.keyed or self.dice.random() < 0.5
        if fresh:
            body, response, base = self.prepare(background=self.dice.random() < 0.3)
            word = f"key {response.token[-20:]}"
            self.history.keyed[word] = [self.project, body, response, base, None]
        else:
            word = self.dice.choice(list(self.history.keyed)[-30:])
        self.keyed_again(word)

    def keyed_again(self, word):
        entry = self.history.keyed[word]
        project, body, response, base, known = entry
        answer = self.ask("POST", "/v1/responses", body, (response.token, base), {"Idempotency-Key": word},
                          fine=(400, 404, 409, 429), key=self.history.keys[project])
        if answer is None or answer.status in (409, 429):
            return
        if answer.status in (400, 404):
            expect(base and base.gone != NO, f"refused: {answer}", response.token)
            return
        now = plain(answer.json)
        if entry[4] is None:
            entry[4] = now
        expect(entry[4] == now, f"another answer under {word}:\n{entry[4]}\n{now}", response.token)
        self.named(response, now["id"])
        expect(response.background or self.history.calls[response.token] <= 1, f"made again under {word}", response.token)
        if now["status"] == "completed":
            response.end = now
        elif now["status"] == "failed":
            response.unsaved = True

    # --- encrypted reasoning ---

    def seal(self):
        token = self.history.token()
        body = {"model": "scripted", "input": token + " think", "store": False, "include": ["reasoning.encrypted_content"]}
        answer = self.ask("POST", "/v1/responses", body, (token,))
        if answer:
            self.history.sealed.append((self.project, [i for i in answer.json["output"] if i["type"] == "reasoning"][0]))

    def unseal(self):
        if not self.history.sealed:
            return
        project, item = self.dice.choice(self.history.sealed[-20:])
        blob = item["encrypted_content"]
        at = self.dice.randrange(len(blob) - 2)
        changed = {**item, "encrypted_content": blob[:at] + ("A" if blob[at] != "A" else "B") + blob[at + 1:]}
        other = next((k for n, k in self.history.keys.items() if n != project), None)
        for it, key, status in ((item, self.history.keys[project], 200), (changed, self.history.keys[project], 400), (item, other, 400)):
            body = {"model": "scripted", "store": False, "input": [{"role": "user", "content": self.history.token()}, it,
                                                                     {"role": "user", "content": self.history.token()}]}
            answer = self.ask("POST", "/v1/responses", body, (item["id"],), fine=(400,), key=key)
            expect(answer is None or answer.status == status, f"sealed: {status} expected, {answer}", item["id"])

    # --- background ---

    def background(self, conversation=None):
        body, response, base = self.prepare(conversation, background=True)
        answer = self.ask("POST", "/v1/responses", body, (response.token, base), fine=(400, 404, 429))
        if self.refusal(answer, response, base):
            return
        self.named(response, answer.json["id"])

    def choose_run(self, wanted=lambda r: True):
        return self.history.some(self.dice, self.history.responses, self.project, lambda r: r.background and r.gone == NO
                                 and not r.unsaved and wanted(r))

    def poll(self):
        if (r := self.choose_run()):
            answer = self.ask("GET", "/v1/responses/" + r.name, about=(r,), fine=(404,))
            if answer is None or (answer.status == 404 and r.gone != NO):
                return
            expect(answer.status == 200, f"it is gone: {answer}", r)
            if answer.json["status"] not in RUNNING:
                r.ended(answer.json)

    def follow(self):
        r = self.history.some(self.dice, self.history.responses, self.project, lambda r: r.gone == NO and not r.unsaved and
                              (r.background or (r.end and r.store and r.life == self.run.round and r.events)))
        if not r:
            return
        after = self.dice.choice([None, 0, 1, 3, 8])
        padded = self.dice.random() < 0.5
        path = f"/v1/responses/{r.name}?stream=true&include_obfuscation={str(padded).lower()}"
        path += f"&starting_after={after}" if after is not None else ""
        self.history.note("GET " + path, r)
        try:
            stream = Stream(*self.run.server.open("GET", path, key=self.history.keys[self.project]))
        except (OSError, http.client.HTTPException):
            raise Stopped from None
        if stream.status != 200:
            expect(r.gone != NO or self.run.faulty, f"cannot follow: {stream.status} {stream.response.read()}", r)
            return
        self.listen(stream, r, None, padded, self.dice.random() < 0.2, 0 if after is None else after + 1)

    def cancel(self):
        if (r := self.choose_run(lambda r: r.end is None) or self.choose_run()):
            answer = self.ask("POST", f"/v1/responses/{r.name}/cancel", {}, (r,), fine=(400, 404))
            if answer and answer.status == 200:
                r.cancelled = True
                r.ended(answer.json)
            elif answer:
                expect(answer.status == 400 or r.gone != NO, f"cannot cancel: {answer}", r)

    # --- deleting ---

    def delete(self):
        r = self.history.some(self.dice, self.history.responses, self.project, lambda r: r.store and r.gone == NO and r.end)
        if not r or not r.end or (r.background and r.end["status"] in RUNNING):
            return
        r.gone = MAYBE
        answer = self.ask("DELETE", "/v1/responses/" + r.name, about=(r,), fine=(404,))
        if answer:
            r.gone = YES

    # --- conversations ---

    def open_conversation(self):
        tokens = [self.history.token(self.dice.choice([1, 1023])) for _ in range(self.dice.randrange(4))]
        body = {"items": [{"role": "user", "content": t} for t in tokens], "metadata": {"n": "0"}}
        answer = self.ask("POST", "/v1/conversations", body, tokens)
        if answer:
            c = Conversation(answer.json["id"], self.project)
            c.metadata = [{"n": "0"}]
            if tokens:
                c.add(tokens).settle(YES)
            self.history.conversations[c.name] = c

    def add_items(self):
        if (c := self.choose_conversation()):
            tokens = [self.history.token(self.dice.choice([1, 1023])) for _ in range(self.dice.randrange(1, 4))]
            group = c.add(tokens)
            answer = self.ask("POST", f"/v1/conversations/{c.name}/items", {"items": [{"role": "user", "content": t} for t in tokens]},
                              (c,), fine=(400, 404))
            if answer and answer.status == 200:
                group.settle(YES)
            elif answer:
                expect(c.gone != NO or answer.error.get("code") == "conversation_locked", f"refused: {answer}", c)
                group.settle(NO)

    def converse(self):
        if (c := self.choose_conversation()):
            self.dice.choice([self.turn, self.stream, self.background])(c)

    def list_items(self):
        if (c := self.choose_conversation()):
            known, removed = c.known()
            items = all_items(lambda path: self.ask("GET", path, about=(c,), fine=(404,)), c)
            if items is None:
                expect(c.gone != NO or self.run.faulty, "its list is gone", c)
            else:
                c.check(items, known, removed)

    def remove_item(self):
        if not (c := self.choose_conversation()):
            return
        page = self.ask("GET", f"/v1/conversations/{c.name}/items?limit=5", about=(c,), fine=(404,))
        some = [i for i in page.json["data"] if i["type"] == "message"] if page and page.status == 200 else []
        if some:
            item = self.dice.choice(some)
            c.removed.update(tokens_of([item]))
            answer = self.ask("DELETE", f"/v1/conversations/{c.name}/items/{item['id']}", about=(c,), fine=(400, 404))
            if answer and answer.status == 200:
                c.gone_items.add(item["id"])

    def update(self):
        if (c := self.choose_conversation()):
            with c.lock:
                value = {"n": self.history.token()}
                c.metadata.append(value)
                answer = self.ask("POST", "/v1/conversations/" + c.name, {"metadata": value}, (c,), fine=(404,))
                if answer and answer.status == 200:
                    c.metadata = [value]
                now = self.ask("GET", "/v1/conversations/" + c.name, about=(c,), fine=(404,))
                if now and now.status == 200:
                    expect(now.json["metadata"] in c.metadata, f"metadata {now.json['metadata']}, not of {c.metadata}", c)

    def close_conversation(self):
        if self.dice.random() < 0.3 and (c := self.choose_conversation()):
            c.gone = MAYBE
            if self.ask("DELETE", "/v1/conversations/" + c.name, about=(c,), fine=(404,)):
                c.gone = YES

    # --- vector stores ---

    def choose_library(self):
        return self.history.some(self.dice, self.history.libraries, self.project, lambda l: l.gone == NO)

    def choose_document(self):
        if not (library := self.choose_library()):
            return None, None
        documents = [d for d in list(library.documents.values()) if d.gone == NO]
        return library, self.dice.choice(documents) if documents else None

    def open_library(self):
        answer = self.ask("POST", "/v1/vector_stores", {"name": self.history.token()})
        if answer:
            self.history.libraries[answer.json["id"]] = Library(answer.json["id"], self.project)

    def shelve(self):
        if not (library := self.choose_library()) or len(library.documents) > 30:
            return
        token = self.history.token()
        document = Document(None, self.project, token)
        self.history.note(f"uploads the file of {token}", token)
        try:
            answer = self.run.server.request("POST", "/v1/files", *form(token + ".md", document.text().encode()), key=self.history.keys[self.project])
        except (OSError, http.client.HTTPException):
            raise Stopped from None
        if answer.status >= 500:
            self.at_fault(answer, (token,))
            return
        document.name = answer.json["id"]
        library.documents[document.name] = document
        answer = self.ask("POST", f"/v1/vector_stores/{library.name}/files", {"file_id": document.name, "attributes": {"token": token}},
                          (document, library), fine=(404,))
        if answer and answer.status == 200:
            document.put = YES
        elif answer:
            expect(library.gone != NO or document.gone != NO, f"refused: {answer}", document, library)

    def search(self):
        library, document = self.choose_document()
        if document:
            removed, put = document.gone, document.put
            now = self.look_up(library, document, lambda *a: self.ask(*a, about=(library, document), fine=(404,)))
            if now is None:
                expect(library.gone != NO or self.run.faulty, "its store is gone", library)
                return
            document.gone, kept = removed, document.gone  # it is held against what was known before it was asked
            document.check(now, False)
            document.gone, document.put = kept, max(document.put, put, key=[NO, MAYBE, YES].index)

    @staticmethod
    def look_up(library, document, ask):
        """The texts that a search finds of one document; None: there is no such store."""
        body = {"query": document.token + "word7", "max_num_results": 50, "filters": {"type": "eq", "key": "token", "value": document.token}}
        answer = ask("POST", f"/v1/vector_stores/{library.name}/search", body)
        if answer is None or answer.status != 200:
            return None
        expect(all(hit["file_id"] == document.name for hit in answer.json["data"]), f"a filter lets another through: {answer}", document)
        return [hit["content"][0]["text"] for hit in answer.json["data"]]

    def take_out(self):
        library, document = self.choose_document()
        if document:
            document.gone = MAYBE
            path = "/v1/files/" if self.dice.random() < 0.3 else f"/v1/vector_stores/{library.name}/files/"
            answer = self.ask("DELETE", path + document.name, about=(document, library), fine=(404,))
            if answer and (answer.status == 200 or library.gone == NO):
                document.gone = YES if answer.status == 200 else MAYBE

    def close_library(self):
        if self.dice.random() < 0.2 and (library := self.choose_library()):
            library.gone = MAYBE
            if self.ask("DELETE", "/v1/vector_stores/" + library.name, about=(library,), fine=(404,)):
                library.gone = YES

    # --- others' things ---

    def pry(self):
        mine = self.project
        thing = self.dice.choice([self.history.responses, self.history.conversations, self.history.libraries, self.history.containers,
                                  self.history.skills])
        other = [t for t in list(thing.values())[-60:] if t.project != mine]
        if other:
            foreign(lambda *a, **k: self.ask(*a, fine=(400, 404), **k), self.dice.choice(other))


def all_items(ask, conversation):
    found, after = [], ""
    while True:
        answer = ask(f"/v1/conversations/{conversation.name}/items?order=asc&limit=100{after}")
        if answer is None or answer.status != 200:
            return None
        found += answer.json["data"]
        if not answer.json["has_more"]:
            return found
        after = "&after=" + answer.json["last_id"]


def foreign(ask, thing):
    """No route gives a project what is another's."""
    use = {"model": "scripted", "input": "x"}
    if isinstance(thing, Response):
        at = "/v1/responses/" + thing.name
        tries = [("GET", at, None), ("GET", at + "?stream=true", None), ("GET", at + "/input_items", None),
                 ("POST", at + "/cancel", {}), ("DELETE", at, None),
                 ("POST", "/v1/responses", {**use, "previous_response_id": thing.name}),
                 ("POST", "/v1/responses/input_tokens", {**use, "previous_response_id": thing.name})]
    elif isinstance(thing, Container):
        at = "/v1/containers/" + thing.name
        file = next(iter(list(thing.files)), "cfile_x")
        tries = [("GET", at, None), ("DELETE", at, None), ("GET", at + "/files", None), ("GET", f"{at}/files/{file}", None),
                 ("GET", f"{at}/files/{file}/content", None), ("DELETE", f"{at}/files/{file}", None),
                 ("POST", at + "/files", {"file_id": "file-x"}),
                 ("POST", "/v1/responses", {**use, "tools": [{"type": "code_interpreter", "container": thing.name}]})]
    elif isinstance(thing, Skill):
        at, used = "/v1/skills/" + thing.name, [{"type": "skill_reference", "skill_id": thing.name}]
        tries = [("GET", at, None), ("POST", at, {"default_version": "1"}), ("DELETE", at, None), ("GET", at + "/content", None),
                 ("GET", at + "/versions", None), ("GET", at + "/versions/1", None), ("GET", at + "/versions/1/content", None),
                 ("DELETE", at + "/versions/1", None), ("POST", "/v1/containers", {"name": "x", "skills": used}),
                 ("POST", "/v1/responses", {**use, "tools": [{"type": "shell", "environment": {"type": "container_auto", "skills": used}}]})]
    elif isinstance(thing, Library):
        at, file = "/v1/vector_stores/" + thing.name, next(iter(list(thing.documents)), "file-x")
        tries = [("GET", at, None), ("POST", at, {"name": "x"}), ("DELETE", at, None), ("POST", at + "/search", {"query": "x"}),
                 ("GET", at + "/files", None), ("GET", f"{at}/files/{file}/content", None), ("DELETE", f"{at}/files/{file}", None),
                 ("POST", at + "/files", {"file_id": file}), ("POST", "/v1/vector_stores", {"file_ids": [file]}),
                 ("POST", "/v1/responses", {**use, "tools": [{"type": "file_search", "vector_store_ids": [thing.name]}]})]
    else:
        at = "/v1/conversations/" + thing.name
        item = next(iter(thing.items), "msg_x")
        tries = [("GET", at, None), ("POST", at, {"metadata": {}}), ("GET", at + "/items", None), ("DELETE", at, None),
                 ("POST", at + "/items", {"items": [{"role": "user", "content": "x"}]}), ("GET", f"{at}/items/{item}", None),
                 ("DELETE", f"{at}/items/{item}", None), ("POST", "/v1/responses", {**use, "conversation": thing.name}),
                 ("POST", "/v1/responses", {**use, "input": [{"type": "item_reference", "id": item}]})]
    for method, path, body in tries:
        answer = ask(method, path, body, about=(thing,))
        expect(answer is None or answer.status in (400, 404), f"{method} {path} of another project: {answer}", thing)


OPERATIONS = {
    "turn": (Client.turn, 6), "stream": (Client.stream, 6), "unstored": (Client.unstored, 1), "keyed": (Client.keyed, 4),
    "refer": (Client.refer, 2), "seal": (Client.seal, 1), "unseal": (Client.unseal, 1),
    "background": (Client.background, 4), "background stream": (lambda c: c.stream(background=True), 4), "poll": (Client.poll, 3),
    "follow": (Client.follow, 6), "cancel": (Client.cancel, 2), "delete": (Client.delete, 3),
    "open conversation": (Client.open_conversation, 2), "add items": (Client.add_items, 4), "converse": (Client.converse, 10),
    "list items": (Client.list_items, 3), "remove item": (Client.remove_item, 2), "update": (Client.update, 2),
    "close conversation": (Client.close_conversation, 1), "pry": (Client.pry, 2),
    "open library": (Client.open_library, 1), "shelve": (Client.shelve, 4), "search": (Client.search, 5),
    "take out": (Client.take_out, 2), "close library": (Client.close_library, 1),
    **crash_boxes.OPERATIONS,
}


class Run(BoxRun):
    """One data folder, many lives."""

    def __init__(self, seed, clients=6, args=(), endings=("kill", "kill", "kill", "power", "power", "fault", "fault", "stop"),
                 server=FaultyServer):
        self.seed, self.clients, self.args, self.endings, self.make = seed, clients, list(args), endings, server
        self.dice, self.round, self.done, self.ended = random.Random(seed), 0, {}, {}
        self.killing, self.faulty, self.broken, self.asked = threading.Event(), False, [], []
        self.folder = tempfile.TemporaryDirectory(prefix="antiphon-crash-")
        self.data = os.path.join(self.folder.name, "data")
        self.engine = ScriptedEngine(context=1 << 20)
        self.engine.dims, self.engine.embed_most = 32, 1 << 20
        self.engine.always(self.behave)
        self.server = self.make(self.engine, data=self.data)
        self.history = History({name: make_key(self.server, name, name)[0] for name in ("one", "two")})

    def behave(self, request):
        self.asked.append(1)
        in_box = self.script(request)
        tokens = prompt_tokens(request.body["messages"])
        self.history.prompts[tokens[-1]] = tokens
        self.history.calls[tokens[-1]] += request.body["messages"][-1]["role"] != "tool"
        if len(self.engine.requests) > 1000:
            del self.engine.requests[:500]
        if in_box:
            return in_box
        answer, dice = "r" + tokens[-1][1:], random.Random(f"{self.seed}.{tokens[-1]}")
        first = [think("hm", " so")] if "think" in request.last_text or dice.random() < 0.2 else []
        slow = pause(dice.random() / (20 if dice.random() < 0.5 else 200))
        return [*first, say(answer, " is"), slow, say(" the", " answer")]

    # --- lives ---

    def settings(self):
        quick = {**QUICK, "index.embedder": ["none", self.engine.url, self.engine.url]}  # what another made is made again
        return [w for name, values in quick.items() for w in ("--set", f"{name}={self.dice.choice(values)}")] + self.args

    def start(self):
        self.server.erase()
        args = self.settings()
        if "api.on_restart=retry" in args:
            for program in self.history.programs.values():
                program.made_again()
        self.server = self.make(self.engine, args=args, data=self.data)

    def life(self):
        """Work, and an end of some kind in the middle of it."""
        how = self.dice.choice(self.endings)
        self.round += 1
        self.history.note(f"--- life {self.round}, ends by {how}")
        self.killing.clear()
        self.faulty = how in ("fault", "database")
        if how == "fault":
            self.server.faults.fail(self.dice.choice(PLACES[:-2]), self.dice.choice([FULL, WRITE, SYNC]), self.dice.randrange(12),
                                    self.dice.choice([1, 1, 2, 30]))
        enough = sum(list(self.done.values())) + self.dice.randrange(10, 100)
        clients = [Client(self, n) for n in range(self.clients)]
        eventually(lambda: sum(list(self.done.values())) >= enough or self.broken, what="their work")
        self.killing.wait(self.dice.random() / 20)  # nobody sets it: somewhere within the next operations
        if how == "database":  # they work on while it dies and comes back
            harness.postgres().stop(signal.SIGQUIT)
            harness.postgres().start()
            self.killing.wait(self.dice.random())
        self.killing.set()
        if how == "power":
            self.server.power_cut(self.dice.randrange(1 << 16))
        elif how == "database":
            self.server.wait_ready()
            self.server.stop()
        elif how == "stop":
            self.server.stop()
        else:
            self.server.kill()
        for c in clients:
            c.thread.join(PATIENCE)
            expect(not c.thread.is_alive(), f"{c.thread.name} hangs")
        self.ended[how] = self.ended.get(how, 0) + 1
        if self.broken:
            raise self.broken[0]
        self.faulty = False
        self.start()

    # --- what must be so ---

    def ask(self, method, path, body=None, key=None, about=()):
        return self.server.request(method, path, body, key=key)

    def check_response(self, r):
        key = self.history.keys[r.project]
        answer = self.server.get("/v1/responses/" + r.name, key=key)
        if r.gone == YES or (not r.store and not r.background):
            expect(answer.status == 404, f"a thing deleted or not stored is there: {answer}", r)
            return
        if answer.status == 404:
            expect(r.gone == MAYBE or r.unsaved or not (r.end or r.background), f"it is lost: {answer}", r)
            return
        if r.background:
            now = eventually(lambda: (j := self.server.get("/v1/responses/" + r.name, key=key).json)["status"] not in RUNNING and j,
                             what=f"the end of {r.name}")
            r.ended(now)
            self.check_events(r, key)
        else:
            now = plain(answer.json)
            expect(now["status"] not in RUNNING, f"half a turn: {now}", r)
            expect(not r.unsaved or now["status"] == "failed" or self.seed is None, f"it was told as failed and is {now['status']}", r)
            expect(r.end in (None, now), f"it changed:\n{r.end}\n{now}", r)
        if r.shell and r.end:
            self.check_commands(r, key)
        if r.end and r.end["status"] == "completed" and not r.group:
            items = self.server.get(f"/v1/responses/{r.name}/input_items?order=asc&limit=100", key=key)
            if items.status == 200 and not items.json["has_more"]:
                expect(tokens_of(items.json["data"]) == r.path, f"stands on {tokens_of(items.json['data'])}, not {r.path}", r)

    def check_events(self, r, key):
        for padded in {p for p, _ in r.events} or {False}:
            stream = Stream(*self.server.open("GET", f"/v1/responses/{r.name}?stream=true&include_obfuscation={str(padded).lower()}", key=key))
            expect(stream.status == 200, f"its events are gone: {stream.status}", r)
            told = [e for e in stream if e.data is not None]
            for n, e in enumerate(told):
                expect(e.data["sequence_number"] == n, f"event {n} is {e.data['sequence_number']}", r)
                r.hear(n, e.text, padded)
            expect(max(n for p, n in r.events if p == padded) == len(told) - 1, "events were heard that are no more", r)
            ends = [e.type for e in told if e.type in ENDS]
            expect(len(ends) == 1 and told[-1].type == ends[0], f"ends {ends}", r)
            last = told[-1].data["response"]
            expect(last["status"] == r.end["status"] and last["output"] == r.end["output"], f"{last}\n{r.end}", r)
            added = [e.data["item"]["id"] for e in told if e.type == "response.output_item.added"]
            done = [e.data["item"] for e in told if e.type == "response.output_item.done"]
            expect(sorted(added) == sorted(i["id"] for i in done) and done == last["output"], f"items {added} {done}", r)

    def check_conversation(self, c):
        key = self.history.keys[c.project]
        answer = self.server.get("/v1/conversations/" + c.name, key=key)
        if c.gone == YES or (c.gone == MAYBE and answer.status == 404):
            expect(answer.status == 404, f"a deleted conversation is back: {answer}", c)
            return
        expect(answer.status == 200 and answer.json["metadata"] in c.metadata, f"{answer}, metadata of {c.metadata}", c)
        known, removed = c.known()
        row = c.check(all_items(lambda path: self.server.get(path, key=key), c), known, removed)
        c.check_prompts(row, self.history.prompts)

    def check_library(self, library):
        key = self.history.keys[library.project]
        at = "/v1/vector_stores/" + library.name
        answer = self.server.get(at, key=key)
        if library.gone == YES or (library.gone == MAYBE and answer.status == 404):
            expect(answer.status == 404, f"a deleted store is back: {answer}", library)
            return
        expect(answer.status == 200, f"it is lost: {answer}", library)
        eventually(lambda: self.server.get(at, key=key).json["file_counts"]["in_progress"] == 0, what=f"the indexing of {library.name}")
        listed = {f["id"]: f for f in self.server.get(at + "/files?limit=100", key=key).json["data"]}
        for document in list(library.documents.values()):
            entry = listed.pop(document.name, None)
            expect(document.put != YES or document.gone != NO or entry, "its entry is lost", document)
            expect(document.gone != YES or not entry, f"it was taken out and is listed: {entry}", document)
            expect(not entry or entry["status"] == "completed", f"it is {entry}", document)
            texts = Client.look_up(library, document, lambda method, path, body: self.server.request(method, path, body, key=key))
            expect(texts is not None and (not entry) == (not texts), f"listed as {entry}, found {texts}", document)
            document.check(texts, True)
            if not entry:
                document.gone = YES  # it never came, or it went: so it stays
            document.put = YES
        expect(not listed, f"files that nobody attached: {listed}", library)

    def check_keyed(self, word):
        project, body, response, base, known = self.history.keyed[word]
        if response.gone != NO or (known is None and base and base.gone != NO):
            return
        again = self.server.post("/v1/responses", body, headers={"Idempotency-Key": word}, key=self.history.keys[project])
        if known is None:  # whoever asked first was killed: the key is not left waiting for him
            expect(again.status == 200, f"a key whose request is gone: {again}", response.token)
            self.history.keyed[word][4] = known = plain(again.json)
            expect(response.background or self.history.calls[response.token] <= 1, f"made again under {word}", response.token)
        expect(again.status == 200 and plain(again.json) == known, f"another answer under {word}: {again}\n{known}", response.token)

    def check_usage(self):
        """What was told of was counted, and nothing more often than the engine was asked."""
        ends = [r for r in list(self.history.responses.values()) if r.store and r.end and r.end["status"] == "completed"]
        [(requests, output)] = rows_of(self.data, "SELECT coalesce(sum(requests), 0), coalesce(sum(output), 0) FROM used WHERE kind = 0")
        told = sum(r.end["usage"]["output_tokens"] for r in ends)
        expect(len(ends) <= requests <= len(self.asked), f"{requests} requests counted, {len(ends)} told of, {len(self.asked)} asked")
        expect(told <= output, f"{output} tokens counted, {told} told of")

    def check_foreign(self, thing):
        other = next(k for n, k in self.history.keys.items() if n != thing.project)
        foreign(lambda method, path, body, about: self.server.request(method, path, body, key=other), thing)

    def check(self, dice=None):
        """All of it, or (dice) what is young and a part of the rest."""
        def some(things):
            things = [t for t in things if t is not None]
            return things if dice is None else things[-25:] + dice.sample(things[:-25], min(8, len(things[:-25])))
        h = self.history
        responses = some(r for r in list(h.responses.values()) if r.name)
        with ThreadPoolExecutor(4) as pool:  # runs end while others are looked at
            list(pool.map(self.check_response, [r for r in responses if r.background]))
            list(pool.map(self.check_response, [r for r in responses if not r.background]))
            list(pool.map(self.check_conversation, some(h.conversations.values())))
            list(pool.map(self.check_container, some(h.containers.values())))
            list(pool.map(self.check_program, some(h.programs.values())))
            list(pool.map(self.check_skill, some(h.skills.values())))
            list(pool.map(self.check_library, some(h.libraries.values())))
            list(pool.map(self.check_keyed, some(h.keyed)))
            things = [*responses, *(t for kind in (h.conversations, h.libraries, h.containers, h.skills) for t in list(kind.values()))]
            list(pool.map(self.check_foreign, things if dice is None else dice.sample(things, min(3, len(things)))))
        self.check_usage()

    def finish(self):
        self.check()
        eventually(self.swept, what="the sweep")
        self.server.stop()
        expect(harness.STORE != "sqlite" or rows_of(self.data, "PRAGMA integrity_check") == [("ok",)], "the database is not whole")
        named = {f"{key & (1 << 64) - 1:016x}" for key, in rows_of(self.data, "SELECT inlay FROM item WHERE inlay > 0")}
        lost = named - set(os.listdir(os.path.join(self.data, "files")))
        expect(not lost, f"bytes of {len(lost)} items of {len(named)} are lost")
        self.done["items with bytes of their own"] = len(named)
        report = command("check", "--data", self.data, home=self.server.home)
        expect(("antiphon.db is sound" if harness.STORE == "sqlite" else "are sound") in report.stdout, report.stdout)

    def swept(self):
        return rows_of(self.data, "SELECT (SELECT count(*) FROM context WHERE dead_at > 0 AND children <= 0)"
                       " + (SELECT count(*) FROM conversation WHERE dead_at > 0)")[0][0] == 0 or True

    def go(self, kills, say=print):
        began = time.monotonic()
        try:
            for n in range(kills):
                self.life()
                self.check(random.Random(f"{self.seed}.{n}"))
                if n % 20 == 19:
                    say(f"{n + 1} of {kills}: {len(self.history.responses)} responses, {time.monotonic() - began:.0f} s", flush=True)
            self.finish()
        except Wrong as e:
            raise AssertionError(f"seed {self.seed}, life {self.round}: {e}\n{self.history.told(e)}") from None
        finally:
            self.server.erase()
            self.engine.close()
            self.folder.cleanup()
        ends = {}
        for r in self.history.responses.values():
            if r.background and r.end:
                ends[r.end["status"]] = ends.get(r.end["status"], 0) + 1
        say(f"seed {self.seed}: {sum(self.ended.values())} ends {self.ended}, {sum(list(self.done.values()))} operations, "
            f"{len(self.history.responses)} responses, {len(self.history.conversations)} conversations, {len(self.history.containers)} containers, "
            f"{sum(crash_boxes.CUT in t for t in self.history.told_of.values())} calls cut off, {len(self.history.skills)} skills, {len(self.history.programs)} programs, {sum(r.shell for r in self.history.responses.values())} shells, "
            f"{len(self.history.libraries)} stores with {sum(len(l.documents) for l in self.history.libraries.values())} files, background {ends}, "
            f"{time.monotonic() - began:.0f} s")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=40)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--clients", type=int, default=6)
    options.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    options.add_argument("--set", action="append", default=[], help="a setting of the server")
    o = options.parse_args()
    seed = a_seed() if o.seed is None else o.seed
    print(f"seed {seed}", flush=True)
    harness.STORE = o.store
    more = {"endings": ("kill", "kill", "kill", "database", "database", "stop"), "server": Server} if o.store == "postgres" else {}
    try:
        Run(seed, o.clients, [w for s in o.set for w in ("--set", s)], **more).go(o.kills)
    except AssertionError as e:
        print(e)
        sys.exit(1)


if __name__ == "__main__":
    main()
