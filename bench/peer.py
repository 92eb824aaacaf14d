"""A peer of bench/search.py, run with its own Python: peer.py NAME CHUNKS FOLDER. One vector of 384 dimensions a chunk, no words; the
vectors are mixtures of topics as those of search.c are. The first run fills FOLDER, the second opens it again and searches, each in
its own process. Prints its rows as JSON lines."""
import json, os, sys, time

import numpy

DIMS, TOPICS, OWN, QUERIES, FILE, BATCH = 384, 4, 0.85, 100, 100, 1000
name, n, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
random = numpy.random.default_rng(1)
centres = random.normal(size=(300, DIMS)).astype(numpy.float32)


def made(n):
    v = OWN * random.normal(size=(n, DIMS)).astype(numpy.float32)
    for _ in range(TOPICS):
        v += centres[random.integers(0, 300, n)] * random.exponential(size=(n, 1)).astype(numpy.float32)
    return v / numpy.linalg.norm(v, axis=1, keepdims=True)


class Chroma:
    """Its index is a graph (HNSW) in memory, its rows are in SQLite."""
    def __init__(self, folder):
        import chromadb
        client = chromadb.PersistentClient(folder, chromadb.Settings(anonymized_telemetry=False))
        self.rows = client.get_or_create_collection("bench", metadata={"hnsw:space": "cosine"}, embedding_function=None)

    def add(self, first, vectors):
        numbers = range(first, first + len(vectors))
        self.rows.add(ids=[str(i) for i in numbers], embeddings=vectors, metadatas=[{"file": i // FILE} for i in numbers])

    def find(self, vector, one_in_hundred=None):
        where = {"file": {"$in": list(range(one_in_hundred, n // FILE, 100))}} if one_in_hundred is not None else None
        return [int(i) for i in self.rows.query(query_embeddings=[vector], n_results=10, where=where, include=["distances"])["ids"][0]]


class SqliteVec:
    """Looks at each vector."""
    def __init__(self, folder):
        import sqlite3
        import sqlite_vec
        self.db = sqlite3.connect(folder + "/v.db")
        self.db.enable_load_extension(True)
        sqlite_vec.load(self.db)
        self.db.execute(f"CREATE VIRTUAL TABLE IF NOT EXISTS v USING vec0(file integer, e float[{DIMS}])")

    def add(self, first, vectors):
        self.db.executemany("INSERT INTO v(rowid, file, e) VALUES(?, ?, ?)",
                            ((first + i, (first + i) // FILE % 100, v.tobytes()) for i, v in enumerate(vectors)))
        self.db.commit()

    def find(self, vector, one_in_hundred=None):
        where, values = ("", ()) if one_in_hundred is None else (" AND file = ?", (one_in_hundred,))
        return [row[0] for row in self.db.execute("SELECT rowid FROM v WHERE e MATCH ? AND k = 10" + where, (vector.tobytes(),) + values)]


def memory():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def say(row, **facts):
    print(json.dumps({"chunks": n, "row": f"{name}, {row}", **facts}), flush=True)


def timed(row, one, queries):
    wall, cpu, found = [], [], []
    for q in queries:
        began, spent = time.perf_counter(), time.process_time()
        found.append(one(q))
        wall.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - spent) * 1000)
    at = lambda values, share: sorted(values)[int(len(values) * share)]
    say(row, p50=at(wall, 0.5), p99=at(wall, 0.99), cpu_p50=at(cpu, 0.5), cpu_p99=at(cpu, 0.99))
    return found


def main():
    kind = {"chromadb": Chroma, "sqlite-vec": SqliteVec}[name]
    queries = made(QUERIES)
    best = numpy.full((QUERIES, 10), -2.0), numpy.zeros((QUERIES, 10), int)
    if not os.path.exists(folder + "/filled"):
        peer, took, exact, spent = kind(folder), 0, 0, time.process_time()
        for first in range(0, n, BATCH):
            began = time.process_time()
            vectors = made(BATCH)
            scores = numpy.hstack([best[0], queries @ vectors.T])
            numbers = numpy.hstack([best[1], numpy.tile(numpy.arange(first, first + BATCH), (QUERIES, 1))])
            order = numpy.argsort(-scores, axis=1)[:, :10]
            best = numpy.take_along_axis(scores, order, 1), numpy.take_along_axis(numbers, order, 1)
            exact += time.process_time() - began
            began = time.perf_counter()
            peer.add(first, vectors)
            took += time.perf_counter() - began
        say("filled", chunks_a_second=round(n / took), cpu_ms_a_chunk=round((time.process_time() - spent - exact) / n * 1000, 3))
        numpy.savez(folder + "/exact.npz", queries=queries, best=best[1])
        open(folder + "/filled", "w").close()
        return
    kept = numpy.load(folder + "/exact.npz")
    rss, began, spent = memory(), time.perf_counter(), time.process_time()
    peer = kind(folder)
    peer.find(kept["queries"][0])
    say("restart to the first search", seconds=round(time.perf_counter() - began, 3), cpu_seconds=round(time.process_time() - spent, 3),
        resident_a_chunk=round((memory() - rss) / n))
    found = timed("search", peer.find, kept["queries"])
    say("recall@10 against exact", recall=round(sum(len(set(f) & set(b)) for f, b in zip(found, kept["best"])) / QUERIES / 10, 3))
    timed("filter 1 %", lambda q: peer.find(q, 7), kept["queries"][:20])


main()
