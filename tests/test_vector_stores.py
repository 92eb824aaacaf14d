"""/v1/vector_stores: the official SDK and its helpers, indexing, filters, deletion, what a kill -9 leaves, who sees what."""
import glob
import http.client
import json
import os

import openai
import pytest

from engine_script import Gate, ScriptedEngine, hold, say, status
from harness import eventually, make_key, rows_of


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as c:
        yield c


def put(client, name, text, **more):
    data = text if isinstance(text, bytes) else text.encode()
    return client.files.create(file=(name, data), purpose="assistants", **more).id


def ready(client, store, n=None):
    def done():
        got = client.vector_stores.retrieve(store)
        return got if got.status == "completed" and (n is None or got.file_counts.total == n) else None
    return eventually(done)


def found(client, store, query, **more):
    return [(hit.filename, hit.content[0].text) for hit in client.vector_stores.search(store, query=query, **more)]


FRUIT = {"apple.txt": "The apple is red and grows on trees.", "pear.md": "# Pear\n\nThe pear is green.",
         "fig.csv": "name,colour\nfig,purple\ndate,brown\n", "plum.json": '{"plum": {"colour": "blue"}}',
         "lime.py": "def lime():\n    return 'sour and green'\n"}


def test_create_and_poll(client):
    store = client.vector_stores.create(name="fruit", metadata={"a": "b"}, description="of trees")
    assert store.id.startswith("vs_") and store.status == "completed" and store.file_counts.total == 0
    assert store.usage_bytes == 0 and store.expires_at is None and store.name == "fruit"
    for name, text in FRUIT.items():
        one = client.vector_stores.files.create_and_poll(put(client, name, text), vector_store_id=store.id)
        assert one.status == "completed" and one.last_error is None and one.usage_bytes == len(text), name
    assert found(client, store.id, "purple")[0][0] == "fig.csv"
    assert found(client, store.id, "apples on a tree")[0] == ("apple.txt", FRUIT["apple.txt"])
    assert found(client, store.id, "blue")[0][0] == "plum.json"
    assert found(client, store.id, "sour")[0][0] == "lime.py"
    got = client.vector_stores.retrieve(store.id)
    assert got.file_counts.completed == got.file_counts.total == 5
    assert got.usage_bytes == sum(map(len, FRUIT.values()))


def test_upload_and_poll(client):
    store = client.vector_stores.create()
    one = client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("a.txt", b"alpha beta"))
    assert one.status == "completed"
    batch = client.vector_stores.file_batches.upload_and_poll(store.id, files=[("b.txt", b"gamma"), ("c.txt", b"delta")])
    assert batch.status == "completed" and batch.file_counts.completed == 2 and batch.id.startswith("vsfb_")
    assert len(list(client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id))) == 2
    assert sorted(n for n, _ in found(client, store.id, "alpha gamma delta")) == ["a.txt", "b.txt", "c.txt"]


def test_recorded_shapes(client, server):
    ids = [put(client, f"{i}.txt", "x" * 21) for i in range(3)]
    answer = server.post("/v1/vector_stores", {"file_ids": ids[:1], "name": None,
                                               "expires_after": {"anchor": "last_active_at", "days": 3}})
    store = answer.json
    assert list(store) == ["id", "object", "created_at", "name", "description", "usage_bytes", "file_counts", "status",
                           "expires_after", "expires_at", "last_active_at", "metadata"]
    assert store["expires_at"] == store["last_active_at"] + 3 * 86400 and store["metadata"] == {}
    sid = store["id"]
    one = server.post(f"/v1/vector_stores/{sid}/files",
                      {"file_id": ids[1], "chunking_strategy": {"type": "static", "static": {
                          "max_chunk_size_tokens": 1200, "chunk_overlap_tokens": 250}}}).json
    assert one["chunking_strategy"]["static"] == {"max_chunk_size_tokens": 1200, "chunk_overlap_tokens": 250}
    assert one["id"] == ids[1] and one["object"] == "vector_store.file" and one["attributes"] == {}
    auto = server.post(f"/v1/vector_stores/{sid}/files", {"file_id": ids[2], "chunking_strategy": {"type": "auto"}}).json
    assert auto["chunking_strategy"] == {"type": "static", "static": {"max_chunk_size_tokens": 800,
                                                                      "chunk_overlap_tokens": 400}}
    assert [f["id"] for f in server.get(f"/v1/vector_stores/{sid}/files").json["data"]] == ids[::-1]
    page = server.get(f"/v1/vector_stores/{sid}/files?limit=2&order=asc").json
    assert [f["id"] for f in page["data"]] == ids[:2] and page["has_more"] and page["last_id"] == ids[1]
    back = server.get(f"/v1/vector_stores/{sid}/files?order=asc&before={ids[2]}").json
    assert [f["id"] for f in back["data"]] == ids[:2]
    ready(client, sid, 3)
    assert [f["id"] for f in server.get(f"/v1/vector_stores/{sid}/files?filter=completed").json["data"]] == ids[::-1]
    assert server.get(f"/v1/vector_stores/{sid}/files?filter=failed").json["data"] == []
    gone = server.request("DELETE", f"/v1/vector_stores/{sid}/files/{ids[0]}").json
    assert gone == {"id": ids[0], "object": "vector_store.file.deleted", "deleted": True}
    gone = server.request("DELETE", f"/v1/vector_stores/{sid}").json
    assert gone == {"id": sid, "object": "vector_store.deleted", "deleted": True}
    assert server.get(f"/v1/vector_stores/{sid}").status == 404


def test_update_and_lists(client):
    stores = [client.vector_stores.create(name=str(i)).id for i in range(3)]
    assert [s.id for s in client.vector_stores.list()] == stores[::-1]
    assert [s.id for s in client.vector_stores.list(limit=1, order="asc")] == stores
    got = client.vector_stores.update(stores[0], name="n", metadata={"k": "v"},
                                      expires_after={"anchor": "last_active_at", "days": 1})
    assert (got.name, got.metadata, got.expires_after.days) == ("n", {"k": "v"}, 1)
    got = client.vector_stores.update(stores[0], name="m")
    assert (got.name, got.metadata, got.expires_after.days) == ("m", {"k": "v"}, 1)


def test_tables(client):
    """A chunk begins with the header's line; a line that is no header is not put before each."""
    store = client.vector_stores.create().id
    rows = "".join(f"{i},town{i},{i:05}\n" for i in range(300))
    files = {"towns.csv": "id,town,zip\n" + rows, "quoted.csv": '"id of\na town",town,zip\n' + rows.replace("town", "city"),
             "line.csv": ",".join(f"value{i}" for i in range(8000))}
    for name, text in files.items():
        assert client.vector_stores.files.create_and_poll(put(client, name, text), vector_store_id=store).status == "completed"
    best = dict(found(client, store, "town299 city299", max_num_results=2))
    assert best["towns.csv"].startswith("id,town,zip\n2") and best["quoted.csv"].startswith('"id of\na town",town,zip\n')
    assert all(len(text) < 8000 for _, text in found(client, store, "value7990"))


def test_a_strategy_each(client):
    """The files of a batch have attributes and a strategy of their own; one that is attached again with another is indexed anew, and is still one."""
    def whole(size):
        return {"type": "static", "static": {"max_chunk_size_tokens": size, "chunk_overlap_tokens": 0}}

    def chunks(name):
        hits = client.vector_stores.search(store, query="sentence", max_num_results=50, filters={"type": "eq", "key": "name", "value": name})
        assert {hit.filename for hit in hits} == {name + ".txt"} and {hit.attributes["name"] for hit in hits} == {name}
        return len(list(hits))

    store = client.vector_stores.create().id
    ids = {n: put(client, n + ".txt", "".join(f"This is sentence {i} of the file {n}. " for i in range(120))) for n in ("small", "large", "auto")}
    sizes = {"small": whole(100), "large": whole(4096)}
    batch = client.vector_stores.file_batches.create_and_poll(store, files=[
        {"file_id": i, "attributes": {"name": n}, **({"chunking_strategy": sizes[n]} if n in sizes else {})} for n, i in ids.items()])
    assert batch.file_counts.completed == 3
    small = chunks("small")
    assert small > 6 and chunks("large") == 1 and 1 < chunks("auto") < small
    shown = {f.id: f.chunking_strategy.static for f in client.vector_stores.files.list(store)}
    assert [shown[ids[n]].max_chunk_size_tokens for n in ids] == [100, 4096, 800] and shown[ids["auto"]].chunk_overlap_tokens == 400
    client.vector_stores.files.create_and_poll(ids["large"], vector_store_id=store, attributes={"name": "large"}, chunking_strategy=whole(100))
    assert chunks("large") == small and client.vector_stores.retrieve(store).file_counts.total == 3


def test_filters_come_first(client):
    store = client.vector_stores.create().id
    files = [{"file_id": put(client, f"{i}.txt", f"common words, and number {i} is unlike the others"),
              "attributes": {"n": i, "even": i % 2 == 0, "name": f"f{i:02}"}} for i in range(80)]
    batch = client.vector_stores.file_batches.create_and_poll(store, files=files)
    assert batch.file_counts.completed == 80
    rows = [({"type": "eq", "key": "n", "value": 77}, [77]),
            ({"type": "in", "key": "name", "value": ["f03", "f70"]}, [3, 70]),
            ({"type": "and", "filters": [{"type": "gte", "key": "n", "value": 70},
                                         {"type": "eq", "key": "even", "value": True}]}, [70, 72, 74, 76, 78]),
            ({"type": "eq", "key": "n", "value": "77"}, []), ({"type": "eq", "key": "missing", "value": 1}, [])]
    for filters, want in rows:
        got = found(client, store, "common words", filters=filters, max_num_results=50)
        assert sorted(int(n.split(".")[0]) for n, _ in got) == want, filters
    assert len(found(client, store, "common words", max_num_results=50)) == 50
    client.vector_stores.files.update(files[77]["file_id"], vector_store_id=store, attributes={"n": -1})
    assert found(client, store, "common", filters=rows[0][0]) == []


def test_what_cannot_be_read(client):
    store = client.vector_stores.create().id
    rows = [("a.bin", b"\x00\xff\x80binary", "unsupported_file"), ("empty.txt", b"", "invalid_file"),
            ("blank.md", b" \n \n", "invalid_file"), ("broken.pdf", b"%PDF-1.4 not really", "invalid_file")]
    for name, data, code in rows:
        one = client.vector_stores.files.create_and_poll(put(client, name, data), vector_store_id=store)
        assert one.status == "failed" and one.last_error.code == code and one.last_error.message, name
    assert client.vector_stores.retrieve(store).file_counts.failed == len(rows)
    assert client.vector_stores.retrieve(store).status == "completed"


def test_deletion(client):
    store, other = client.vector_stores.create().id, client.vector_stores.create().id
    a, b = put(client, "a.txt", "shared word alpha"), put(client, "b.txt", "shared word beta")
    for s in (store, other):
        client.vector_stores.file_batches.create_and_poll(s, file_ids=[a, b])
    client.vector_stores.files.delete(a, vector_store_id=store)
    assert [n for n, _ in found(client, store, "shared")] == ["b.txt"]
    assert sorted(n for n, _ in found(client, other, "shared")) == ["a.txt", "b.txt"]
    client.files.delete(b)
    assert found(client, store, "shared") == [] and [n for n, _ in found(client, other, "shared")] == ["a.txt"]
    assert client.vector_stores.retrieve(other).file_counts.total == 1
    client.vector_stores.files.create_and_poll(a, vector_store_id=store)
    assert [n for n, _ in found(client, store, "shared")] == ["a.txt"]


def test_content(client):
    store = client.vector_stores.create().id
    text = "".join(f"line {i} of a long text\n" for i in range(20000))
    one = client.vector_stores.files.create_and_poll(put(client, "long.txt", text), vector_store_id=store)
    parts = list(client.vector_stores.files.content(one.id, vector_store_id=store))
    assert len(parts) > 1 and "".join(p.text for p in parts) == text


def test_search_options(client, server):
    store = client.vector_stores.create().id
    twice = "the very same text about whales"
    for name, text in (("1.txt", twice), ("2.txt", twice), ("3.txt", "whales and ships"), ("4.txt", "only ships")):
        client.vector_stores.files.create_and_poll(put(client, name, text), vector_store_id=store)
    page = client.vector_stores.search(store, query=["whales", "ships"])
    hits = list(page)
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True) and all(0 <= h.score <= 1 for h in hits)
    assert len(hits) == 3 and sum(h.content[0].text == twice for h in hits) == 1
    assert page.model_extra["search_query"] == ["whales", "ships"]
    assert len(list(client.vector_stores.search(store, query="whales", max_num_results=1))) == 1
    best = list(client.vector_stores.search(store, query="whales"))[0].score  # what scores less than the threshold is left out
    for threshold, n in ((best, 1), (best + 1e-9, 0), (1.0, 0)):
        assert len(list(client.vector_stores.search(store, query="whales", max_num_results=1, ranking_options={"score_threshold": threshold}))) == n
    assert list(client.vector_stores.search(store, query="whales nowhere"))[0].score < best  # a share of what was asked for
    answer = server.post(f"/v1/vector_stores/{store}/search", {"query": "whales"})
    assert answer.headers["antiphon-not-applied"] == "embeddings"


def rewritten(server, store, query, **more):
    answer = server.post(f"/v1/vector_stores/{store}/search", {"query": query, "rewrite_query": True}, **more)
    assert answer.status == 200, answer
    return answer.json["search_query"], answer.headers["antiphon-not-applied"], [h["filename"] for h in answer.json["data"]]


def test_rewritten_queries(client, server, engine):
    store = client.vector_stores.create().id
    for name, text in (("a.txt", "whales"), ("b.txt", "ships")):
        client.vector_stores.files.create_and_poll(put(client, name, text), vector_store_id=store)
    engine.next(say("whales", " animals\n"))
    asked = "Hi!\nWould you tell me about big animals of the sea?"
    assert rewritten(server, store, asked) == (["whales animals"], "embeddings", ["a.txt"])
    assert engine.last.body["messages"][-1] == {"role": "user", "content": "Hi! Would you tell me about big animals of the sea?"}
    assert 0 < engine.last.body.get("max_tokens", engine.last.body.get("max_completion_tokens")) <= 100
    engine.next(say('1. "ships"\n\n- whales\n'))
    said, lacks, names = rewritten(server, store, ["x", "y"])
    assert (said, lacks, sorted(names)) == (["ships", "whales"], "embeddings", ["a.txt", "b.txt"])
    plain = ["ships", "y"]
    for bad in (say("one line"), say("three\n", "lines\n", "here"), say(" \n"), say("x" * 3000, "\nships"), status(400, "no")):
        engine.next(bad)
        assert rewritten(server, store, plain) == (plain, "embeddings, rewrite_query", ["b.txt"]), bad


def test_rewriting_is_bounded(engine, servers):
    gate = Gate()
    server = servers(engine, args=["--set", "index.rewrite_ms=200"])
    store = server.post("/v1/vector_stores", {}).json["id"]
    engine.next(hold(gate), say("late"))
    assert rewritten(server, store, "x") == (["x"], "embeddings, rewrite_query", [])
    gate.open.set()


def test_who_asks_for_a_phrase_leaves(engine, server):
    gate = Gate()
    store = server.post("/v1/vector_stores", {}).json["id"]
    engine.next(hold(gate), say("late"))
    connection = http.client.HTTPConnection(server.host, server.port)
    connection.request("POST", f"/v1/vector_stores/{store}/search", '{"query": "x", "rewrite_query": true}', {"Content-Type": "application/json"})
    engine.wait_for(1)
    connection.close()
    assert engine.last.left.wait(60)  # the call ends with its client
    gate.open.set()
    assert rewritten(server, store, "x")[0] != []


def nested(levels):
    one = {"type": "eq", "key": "a", "value": 1}
    for _ in range(levels):
        one = {"type": "and", "filters": [one]}
    return one


def test_refusals(client, server):
    store = client.vector_stores.create().id
    file = put(client, "a.txt", "a")
    big = {f"k{i}": i for i in range(17)}
    rows = [
        ("", {"nme": "x"}, 400, "nme"), ("", {"file_ids": [file] * 501}, 400, "file_ids"),
        ("", {"expires_after": {"anchor": "last_active_at", "days": 366}}, 400, "expires_after.days"),
        ("", {"file_ids": ["file-nope"]}, 404, None),
        (f"/{store}/files", {}, 400, "file_id"), (f"/{store}/files", {"file_id": "file-" + "0" * 40}, 404, None),
        (f"/{store}/files", {"file_id": file, "attributes": big}, 400, "attributes"),
        (f"/{store}/files", {"file_id": file, "attributes": {"a": None}}, 400, "attributes.a"),
        (f"/{store}/files", {"file_id": file, "chunking_strategy": {"type": "static", "static": {
            "max_chunk_size_tokens": 99, "chunk_overlap_tokens": 0}}}, 400,
         "chunking_strategy.static.max_chunk_size_tokens"),
        (f"/{store}/files", {"file_id": file, "chunking_strategy": {"type": "static", "static": {
            "max_chunk_size_tokens": 100, "chunk_overlap_tokens": 51}}}, 400,
         "chunking_strategy.static.chunk_overlap_tokens"),
        (f"/{store}/file_batches", {}, 400, "file_ids"),
        (f"/{store}/file_batches", {"file_ids": [file], "files": [{"file_id": file}]}, 400, "files"),
        (f"/{store}/search", {}, 400, "query"), (f"/{store}/search", {"query": ""}, 400, "query"),
        (f"/{store}/search", {"query": "a", "max_num_results": 51}, 400, "max_num_results"),
        (f"/{store}/search", {"query": "a", "filters": {"type": "eq", "key": "a"}}, 400, "filters.value"),
        (f"/{store}/search", {"query": "a", "ranking_options": {"ranker": "best"}}, 400, "ranking_options.ranker"),
        (f"/{store}/search", {"query": "a", "filters": {"type": "xor", "key": "a", "value": 1}}, 400, "filters.type"),
        (f"/{store}/search", {"query": "a", "filters": nested(15)}, 200, None),
        (f"/{store}/search", {"query": "a", "filters": nested(16)}, 400,
         "filters.filters[0].filters[0].filters[0]...[0]" + ".filters[0]" * 7),
        *((f"/{store}/search", {"query": "a", "ranking_options": {"hybrid_search": dict(zip(("embedding_weight", "text_weight"), weights))}}, 400,
           "ranking_options.hybrid_search" + place)
          for *weights, place in ((0, 0, ""), (-1, 1, ".embedding_weight"), (1, -0.5, ".text_weight"), (1e308, 1e308, ".embedding_weight"))),
        (f"/{store}/files", {"file_id": file, "attributes": {"k" * 65: 1}}, 400, "attributes." + "k" * 65),
        (f"/{store}/files", {"file_id": file, "attributes": {"\U0001d11e" * 64: None}}, 400, "attributes." + "\U0001d11e" * 7 + "..." + "\U0001d11e" * 21),
        *((f"/{store}/search", {"query": "a", "filters": {"type": kind, "key": "a", "value": value}}, 400, "filters" + place)
          for kind, value, place in (("in", 1, ".value"), ("gt", True, ".value"), ("lte", False, ".value"), ("nin", "x", ".value"), ("in", [1, None], ".value[1]"), ("eq", [1], ".value"),
                                     ("eq", None, ".value"), ("gt", {}, ".value"), ("nin", [[1]], ".value[0]"))),
        ("/vs_nope/search", {"query": "a"}, 404, None), ("/vs_nope/files", {"file_id": file}, 404, None),
    ]
    for path, body, status, param in rows:
        answer = server.post("/v1/vector_stores" + path, body)
        assert (answer.status, answer.json.get("error", {}).get("param")) == (status, param), (path, body, answer)
    for path in (f"/{store}/files/{file}", f"/{store}/files/{file}/content", f"/{store}/file_batches/vsfb_1", "/vs_1"):
        assert server.get("/v1/vector_stores" + path).status == 404
    assert len(list(client.vector_stores.list())) == 1  # the refused ones left nothing


def test_projects(engine, servers):
    server = servers(engine)
    keys = [make_key(server, f"k{i}", f"p{i}")[0] for i in range(2)]
    one, two = (openai.OpenAI(base_url=server.base_url, api_key=k, max_retries=0) for k in keys)
    store = one.vector_stores.create(name="mine").id
    file = put(one, "a.txt", "secret")
    one.vector_stores.files.create_and_poll(file, vector_store_id=store)
    assert list(two.vector_stores.list()) == []
    for call in (lambda: two.vector_stores.retrieve(store), lambda: two.vector_stores.delete(store),
                 lambda: two.vector_stores.search(store, query="secret"),
                 lambda: two.vector_stores.files.list(store), lambda: two.vector_stores.update(store, name="x")):
        with pytest.raises(openai.NotFoundError):
            call()
    with pytest.raises(openai.NotFoundError):
        two.vector_stores.create(file_ids=[file])
    assert found(one, store, "secret")


def test_no_route_knows_another_project(engine, servers):
    """Whatever is asked of another project's store, file or batch: not found, and nothing of it changed."""
    server = servers(engine)
    mine, other = (make_key(server, f"k{i}", f"p{i}")[0] for i in range(2))
    one = openai.OpenAI(base_url=server.base_url, api_key=mine, max_retries=0)
    file, loose = put(one, "a.txt", "secret"), put(one, "b.txt", "loose")
    store = one.vector_stores.create(name="mine").id
    batch = one.vector_stores.file_batches.create_and_poll(store, file_ids=[file]).id
    before = one.vector_stores.retrieve(store), one.vector_stores.files.retrieve(file, vector_store_id=store)
    at, tool = f"/v1/vector_stores/{store}", {"type": "file_search", "vector_store_ids": [store]}
    theirs = server.post("/v1/vector_stores", {}, key=other).json["id"]
    for method, path, body in (
        ("GET", at, None), ("POST", at, {"name": "x"}), ("DELETE", at, None), ("POST", at + "/search", {"query": "secret"}),
        ("GET", at + "/files", None), ("POST", at + "/files", {"file_id": loose}), ("GET", f"{at}/files/{file}", None),
        ("POST", f"{at}/files/{file}", {"attributes": {"a": 1}}), ("DELETE", f"{at}/files/{file}", None), ("GET", f"{at}/files/{file}/content", None),
        ("POST", at + "/file_batches", {"file_ids": [loose]}), ("GET", f"{at}/file_batches/{batch}", None),
        ("POST", f"{at}/file_batches/{batch}/cancel", None), ("GET", f"{at}/file_batches/{batch}/files", None),
        ("POST", f"/v1/vector_stores/{theirs}/files", {"file_id": loose}), ("POST", f"/v1/vector_stores/{theirs}/file_batches", {"file_ids": [loose]}),
        ("GET", f"/v1/vector_stores/{theirs}/files/{file}/content", None), ("GET", f"/v1/vector_stores/{theirs}/file_batches/{batch}", None),
    ):
        answer = server.request(method, path, body, key=other)
        assert answer.status == 404 and b"secret" not in answer.body, (method, path, answer)
    for more in ({}, {"stream": True}, {"background": True}):
        answer = server.post("/v1/responses", {"model": "scripted", "input": "go", "tools": [tool], **more}, key=other)
        if answer.status == 200:
            ended = eventually(lambda: (r := server.get("/v1/responses/" + answer.json["id"], key=other).json)["status"] == "failed" and r)
            assert store in ended["error"]["message"], ended
        else:
            assert (answer.status, answer.error["code"]) == (400, "vector_store_not_found"), answer
    assert not engine.requests and (one.vector_stores.retrieve(store), one.vector_stores.files.retrieve(file, vector_store_id=store)) == before
    assert found(one, store, "secret")


def test_projects_in_turn(engine, embedder, servers):
    """Who attaches many files does not keep others waiting for them all."""
    server = servers(engine, args=["--set", f"index.embedder={embedder.url}", "--set", "index.threads=1"])
    keys = [make_key(server, f"k{i}", f"p{i}")[0] for i in range(2)]
    embedder.stop_listening()
    order, embed = [], embedder._embed

    def watched(request):
        order.extend(json.loads(request.raw)["input"])
        return embed(request)
    embedder._embed = watched
    clients = [openai.OpenAI(base_url=server.base_url, api_key=k, max_retries=0) for k in keys]
    stores = [client.vector_stores.create().id for client in clients]
    for client, store, n in zip(clients, stores, (12, 3)):  # the first has them all in the queue before the other comes
        client.vector_stores.file_batches.create(store, file_ids=[put(client, f"{i}.txt", f"project{n} file{i}") for i in range(n)])
    embedder.listen_again()
    for client, store, n in zip(clients, stores, (12, 3)):
        ready(client, store, n)
        client.close()
    last = max(i for i, text in enumerate(order) if text.startswith("project3 "))
    assert sum(text.startswith("project12 ") for text in order[:last]) <= 5, order


def test_expiry(client, server):
    """Days after its last use: it is listed still, and nothing is done with it any more; a new date brings it back."""
    day = {"anchor": "last_active_at", "days": 1}
    store = client.vector_stores.create(expires_after=day)
    kept = client.vector_stores.create(name="kept")
    file = put(client, "a.txt", "apple")
    client.vector_stores.files.create_and_poll(file, vector_store_id=store.id)
    server.stop()
    rows_of(server.data, "UPDATE vector_store SET active_at = active_at - 2 * 86400")
    server.start()
    client = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
    got = client.vector_stores.retrieve(store.id)
    assert got.status == "expired" and got.expires_at == got.last_active_at + 86400
    assert {s.id: s.status for s in client.vector_stores.list()} == {store.id: "expired", kept.id: "completed"}
    path = f"/v1/vector_stores/{store.id}"
    for body, where in (({"query": "apple"}, "/search"), ({"file_id": file}, "/files"), ({"file_ids": [file]}, "/file_batches")):
        answer = server.post(path + where, body)
        assert answer.status == 400 and answer.error["message"] == f"Vector store '{store.id}' is expired.", (where, answer)
    assert client.vector_stores.update(store.id, expires_after={**day, "days": 9}).status == "completed"
    assert found(client, store.id, "apple") == [("a.txt", "apple")]
    got = client.vector_stores.retrieve(store.id)
    assert got.expires_at == got.last_active_at + 9 * 86400 and got.last_active_at >= kept.created_at  # the search was a use
    client.close()


def test_kill_in_the_midst(engine, servers):
    server = servers(engine)
    client = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
    text = "\n\n".join(f"Paragraph {i} speaks of thing{i} and of nothing else." for i in range(4000))
    files = [put(client, f"{i}.txt", f"file number{i}\n\n" + text) for i in range(6)]
    store = client.vector_stores.create(file_ids=files).id
    eventually(lambda: client.vector_stores.retrieve(store).file_counts.completed >= 1)
    server.kill()
    server.start()
    client = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
    assert ready(client, store).file_counts.completed == 6
    for i in (0, 5):
        assert found(client, store, f"number{i}")[0][0] == f"{i}.txt"


def test_a_lost_index_is_made_again(engine, servers):
    server = servers(engine)
    client = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
    store = client.vector_stores.create(file_ids=[put(client, "a.txt", "some words")]).id
    ready(client, store)
    server.stop()
    for f in glob.glob(server.data + "/index/*.db*"):
        os.unlink(f)
    server.start()
    client = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
    eventually(lambda: found(client, store, "words"))
    server.stop()
    for f in glob.glob(server.data + "/index/*.db"):
        open(f, "wb").write(b"no database at all" * 1000)
    server.start()
    client = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
    eventually(lambda: found(client, store, "words"))


def test_when_to_ask_again(engine, embedder, servers):
    """The SDKs' polling helpers wait as long as a header says; without it a second, or five."""
    server = servers(engine, args=["--set", f"index.embedder={embedder.url}"])
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        store = client.vector_stores.create().id
        embedder.stop_listening()
        made = server.post(f"/v1/vector_stores/{store}/file_batches", {"file_ids": [file := put(client, "a.txt", "dog")]})
        paths = [f"/v1/vector_stores/{store}/files/{file}", f"/v1/vector_stores/{store}/file_batches/{made.json['id']}"]
        assert all(0 < int(server.get(path).headers["openai-poll-after-ms"]) < 1000 for path in paths)
        embedder.listen_again()
        ready(client, store, 1)
        assert not any("openai-poll-after-ms" in server.get(path).headers for path in paths)


def test_cancel(engine, servers):
    server = servers(engine)
    client = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
    text = "\n\n".join(f"Paragraph {i} speaks of thing{i}." for i in range(20000))
    files = [put(client, f"{i}.txt", f"number{i} " + text) for i in range(8)]
    store = client.vector_stores.create().id
    batch = client.vector_stores.file_batches.create(store, file_ids=files)
    got = client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store)
    assert got.status == "cancelled" and got.file_counts.cancelled >= 1 and got.file_counts.in_progress == 0
    assert found(client, store, "number7") == []
    assert client.vector_stores.retrieve(store).status == "completed"
    client.vector_stores.delete(store)


# --- embeddings ---


@pytest.fixture
def embedder():
    e = ScriptedEngine(models=("embedder",))
    e.dims, e.meanings = 64, {"canine": "dog", "feline": "cat", "automobile": "car"}
    yield e
    e.close()


@pytest.fixture
def by_meaning(engine, embedder, servers):
    server = servers(engine, args=["--set", f"index.embedder={embedder.url}"])
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as c:
        c.server = server
        yield c


def test_found_by_meaning(by_meaning):
    client = by_meaning
    store = client.vector_stores.create().id
    for name, text in (("a.txt", "dog"), ("b.txt", "cat"), ("c.txt", "car")):
        client.vector_stores.files.create_and_poll(put(client, name, text), vector_store_id=store)
    assert found(client, store, "canine")[0][0] == "a.txt"
    assert found(client, store, "automobile", ranking_options={"ranker": "none"})[0][0] == "c.txt"
    answer = client.server.post(f"/v1/vector_stores/{store}/search", {"query": "feline"})
    assert "antiphon-not-applied" not in answer.headers and answer.json["data"][0]["filename"] == "b.txt"
    words = {"ranking_options": {"hybrid_search": {"embedding_weight": 0, "text_weight": 1}}}
    assert found(client, store, "canine", **words) == []


def test_titles_are_embedded(by_meaning):
    """What a file says of itself stands in front of each of its windows, for the embedder alone."""
    store = by_meaning.vector_stores.create().id
    for name, form, word in (("a.html", "<title>{}</title><p>{}", "fish"), ("b.html", "<title>{}</title><p>{}", "Fish"),
                             ("c.md", "# {}\n\n{}", "fisH"), ("d.txt", "{}\n\n{}", "FISH")):
        title = " ".join(["parrot" if name in ("b.html", "c.md") else "hamster"] * 12)
        file = put(by_meaning, name, form.format(title, " ".join([word] * 600)))
        one = by_meaning.vector_stores.files.create_and_poll(file, vector_store_id=store, chunking_strategy={
            "type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}})
        assert one.status == "completed"
    hits = found(by_meaning, store, "parrot", max_num_results=50, ranking_options={"ranker": "none"})
    names = [name for name, text in hits if len(text.split()) > 50 and not {"parrot", "hamster"} & set(text.split())]
    assert sorted(names[:2]) == ["b.html", "c.md"] and sorted(names) == ["a.html", "b.html", "c.md", "d.txt"]


def test_without_its_embedder(by_meaning, embedder):
    client = by_meaning
    store = client.vector_stores.create().id
    client.vector_stores.files.create_and_poll(put(client, "a.txt", "dog food"), vector_store_id=store)
    embedder.stop_listening()
    answer = client.server.post(f"/v1/vector_stores/{store}/search", {"query": "food"})
    assert answer.headers["antiphon-not-applied"] == "embeddings" and len(answer.json["data"]) == 1
    late = client.vector_stores.files.create(store, file_id=put(client, "b.txt", "cat food"))
    assert client.vector_stores.files.retrieve(late.id, vector_store_id=store).status == "in_progress"
    embedder.listen_again()
    ready(client, store, 2)
    assert sorted(n for n, _ in found(client, store, "food")) == ["a.txt", "b.txt"]


def test_its_embedder_is_away_for_long(engine, embedder, servers):
    """That is not the file's doing, so it does not fail however often it was begun."""
    server = servers(engine, args=["--set", f"index.embedder={embedder.url}", "--set", "index.tries=2"])
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        store = client.vector_stores.create().id
        client.vector_stores.files.create_and_poll(put(client, "a.txt", "dog food"), vector_store_id=store)
        embedder.stop_listening()
        client.vector_stores.files.create(store, file_id=put(client, "b.txt", "cat food"))
        eventually(lambda: server.stderr().count("a file could not be indexed") > 3)
        embedder.listen_again()
        assert ready(client, store, 2).file_counts.failed == 0


def test_windows_that_are_too_long(by_meaning, embedder):
    """What our estimate of tokens takes for short enough may be too long for the embedder."""
    client = by_meaning
    embedder.embed_most = 20
    store = client.vector_stores.create().id
    one = client.vector_stores.files.create_and_poll(put(client, "a.txt", "many words of a dog " * 25), vector_store_id=store)
    assert one.status == "completed", one.last_error
    assert found(client, store, "canine")[0][0] == "a.txt"
    page = client.vector_stores.with_raw_response.search(store, query="a canine of " + "many words " * 20)
    assert "antiphon-not-applied" not in page.headers and page.parse().data[0].filename == "a.txt"


def test_embeddings(by_meaning, embedder, engine):
    client = by_meaning
    one = client.embeddings.create(model="text-embedding-3-small", input="dog")
    plain = client.embeddings.create(model="text-embedding-3-small", input=["canine", "cat"], encoding_format="float")
    assert len(one.data) == 1 and len(one.data[0].embedding) == 64 and one.usage.prompt_tokens == 7
    assert one.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-6)
    assert [d.index for d in plain.data] == [0, 1] and plain.model == "text-embedding-3-small"
    ids = client.embeddings.create(model="m", input=[9906, 11])
    assert ids.data[0].embedding == client.embeddings.create(model="m", input=[[9906, 11]]).data[0].embedding
    assert len(client.embeddings.create(model="m", input=[[1], [2, 3]]).data) == 2
    assert len(client.embeddings.create(model="m", input="a", dimensions=64).data[0].embedding) == 64
    engine.dims = 8  # the engine's own model is its own affair
    assert len(client.embeddings.create(model="scripted", input="a").data[0].embedding) == 8


def test_embeddings_refused(by_meaning):
    client = by_meaning
    rows = [({"input": "a", "dimensions": -42}, 400, None), ({"input": "a", "dimensions": 3}, 400, "dimensions"),
            ({"input": ""}, 400, "input"), ({"input": []}, 400, "input"), ({"input": ["a", ""]}, 400, "input[1]"),
            ({"input": ["a"] * 2049}, 400, "input"), ({"input": [1, -1]}, 400, "input[1]"), ({}, 400, "input"),
            ({"input": {"a": 1}}, 400, "input"), ({"input": "a", "encoding_format": "hex"}, 400, "encoding_format"),
            ({"input": "a", "size": 1}, 400, "size"), ({"input": "word " * 600}, 400, None), ({"input": [2000000000]}, 400, None)]
    for body, status, param in rows:
        answer = client.server.post("/v1/embeddings", {"model": "m", **body})
        assert (answer.status, answer.json["error"]["param"]) == (status, param), (body, answer)
    assert "less than the minimum of 1 - 'dimensions'" in client.server.post(
        "/v1/embeddings", {"model": "m", "input": "a", "dimensions": -42}).json["error"]["message"]


def test_no_embedder_no_embeddings(server):
    answer = server.post("/v1/embeddings", {"model": "m", "input": "a"})
    assert answer.status == 404 and answer.json["error"]["code"] == "model_not_found"


def test_another_embedder(engine, embedder, servers):
    """What was indexed without one is indexed anew in the background, and found all the while."""
    server = servers(engine)
    client = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
    store = client.vector_stores.create(file_ids=[put(client, f"{i}.txt", w) for i, w in enumerate(("dog", "cat"))]).id
    ready(client, store, 2)
    assert found(client, store, "canine") == []
    server.stop()
    server = servers(engine, data=server.data, args=["--set", f"index.embedder={embedder.url}"])
    client = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0)
    assert client.vector_stores.retrieve(store).status == "completed"
    eventually(lambda: len(found(client, store, "canine")) == 2)
    assert found(client, store, "canine")[0][0] == "0.txt" and found(client, store, "cat")[0][0] == "1.txt"
    assert client.vector_stores.retrieve(store).file_counts.completed == 2
