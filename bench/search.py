#!/usr/bin/env python3
"""Searches of vector stores: how fast, how much memory, how good; a table for docs/performance or a log.

    bench/search.py BUILD_DIR [--chunks 10000,100000] [--searches 200] [--no-questions] [--no-peer]

1. One store's index of so many chunks of made-up vectors and words (bench/search.c): p50 and p99 of a search by words and by vectors with
   its ten texts, with a filter that one file in a hundred passes, and while another store is being indexed; its opening to the first
   search; bytes of memory a chunk. "cpu" is the searching thread's own, which others' load does not change.
2. The peer, in the same run: sqlite-vec, the same number of vectors of 384 dimensions, the ten nearest by brute force, without words.
3. The questions of questions.py over Debian's documentation packages, through the server with its own embedder: the place of the first
   chunk that holds the answer. The packages are fetched with apt-get download, not installed.
"""
import argparse, glob, json, os, re, subprocess, sys, tempfile, time, urllib.error, urllib.request
from concurrent.futures import ThreadPoolExecutor

from questions import QUESTIONS

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "antiphon", "bench")
PACKAGES = {"pg": ("postgresql-doc-15", "usr/share/doc/postgresql-doc-15/html/*.html"), "git": ("git-doc", "usr/share/doc/git-doc/*.html"),
            "debian": ("debian-handbook", "usr/share/doc/debian-handbook/html/en-US/*.html")}
PEER = """
import json, random, sqlite3, struct, sys, time
import sqlite_vec
n = int(sys.argv[1])
db = sqlite3.connect(sys.argv[2])
db.enable_load_extension(True)
sqlite_vec.load(db)
db.execute("CREATE VIRTUAL TABLE v USING vec0(e float[384])")
pack = lambda: struct.pack("384f", *[random.gauss(0, 1) for _ in range(384)])
some = [pack() for _ in range(2000)]
db.executemany("INSERT INTO v(rowid, e) VALUES(?, ?)", ((i + 1, some[i % 2000]) for i in range(n)))
db.commit()
wall, cpu = [], []
for _ in range(30):
    q, a, c = pack(), time.perf_counter(), time.thread_time()
    db.execute("SELECT rowid FROM v WHERE e MATCH ? ORDER BY distance LIMIT 10", (q,)).fetchall()
    wall.append((time.perf_counter() - a) * 1000); cpu.append((time.thread_time() - c) * 1000)
wall.sort(); cpu.sort()
print(json.dumps({"chunks": n, "row": "sqlite-vec, one vector a chunk, no words", "p50": wall[15], "p99": wall[29], "cpu_p50": cpu[15], "cpu_p99": cpu[29]}))
"""


def show(row):
    if "p50" in row:
        text = f"p50 {row['p50']:8.2f}  p99 {row['p99']:8.2f}  cpu p50 {row['cpu_p50']:7.2f}  p99 {row['cpu_p99']:7.2f} ms"
    else:
        text = "  ".join(f"{k} {v}" for k, v in row.items() if k not in ("chunks", "row"))
    print(f"{row['chunks']:>9,}  {row['row']:<42} {text}", flush=True)


def speed(program, chunks, searches):
    with tempfile.TemporaryDirectory(prefix="antiphon-bench-") as folder:
        done = subprocess.Popen([program, folder, str(chunks), str(searches)], stdout=subprocess.PIPE, text=True)
        for line in done.stdout:
            row = json.loads(line)
            if row["row"] != "warm-up":
                show(row)
        assert done.wait() == 0
        size = sum(os.path.getsize(path) for path in glob.glob(folder + "/1.db*"))
        print(f"{chunks:>9,}  {'on disk':<42} {size / chunks:.0f} bytes a chunk")


def peer(chunks):
    python = os.path.join(CACHE, "peer", "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", os.path.dirname(os.path.dirname(python))], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "sqlite-vec==0.1.6"], check=True)
    with tempfile.TemporaryDirectory(prefix="antiphon-bench-") as folder:
        done = subprocess.run([python, "-c", PEER, str(chunks), folder + "/v.db"], capture_output=True, text=True)
    if done.returncode:
        print(f"the peer does not run: {done.stderr.strip().splitlines()[-1]}")
    else:
        show(json.loads(done.stdout))


# --- questions ---


def corpus():
    """{source: files}; a package that cannot be had is named."""
    os.makedirs(CACHE, exist_ok=True)
    found = {}
    for source, (package, pattern) in PACKAGES.items():
        folder = os.path.join(CACHE, package)
        if not os.path.isdir(folder):
            done = subprocess.run(["apt-get", "download", package], cwd=CACHE, capture_output=True, text=True)
            debs = glob.glob(os.path.join(CACHE, package + "_*.deb"))
            if not debs:
                print(f"missing: {package} ({done.stderr.strip()}); its questions are left out")
                continue
            subprocess.run(["dpkg-deb", "-x", debs[0], folder], check=True)
        found[source] = sorted(glob.glob(os.path.join(folder, pattern)))
    return found


class Server:
    def __init__(self, build, data, embedder):
        self.process = subprocess.Popen([os.path.join(build, "antiphon"), "serve", "--listen", "127.0.0.1:0", "--data", data, "--engine",
                                         "http://127.0.0.1:9", "--set", f"index.embedder={embedder}", "--set", "index.threads=2"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = self.process.stdout.readline().split()[2] + "/v1"

    def ask(self, method, path, body=None, kind="application/json"):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": kind}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return json.loads(answer.read()), answer.headers.get("antiphon-not-applied")
        except urllib.error.HTTPError as e:
            sys.exit(f"{method} {path}: {e.code} {e.read().decode()}")

    def upload(self, source, path):
        with open(path, "rb") as f:
            body = f.read()
        name = f"{source}-{os.path.basename(path)}"
        form = (f"--bound7f3a9c51\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nassistants\r\n--bound7f3a9c51\r\nContent-Disposition: form-data; "
                f"name=\"file\"; filename=\"{name}\"\r\n\r\n").encode() + body + b"\r\n--bound7f3a9c51--\r\n"
        return self.ask("POST", "/files", form, "multipart/form-data; boundary=bound7f3a9c51")[0]["id"]

    def fill(self, files):
        store = self.ask("POST", "/vector_stores", {"name": "questions"})[0]["id"]
        with ThreadPoolExecutor(4) as pool:
            ids = list(pool.map(lambda one: self.upload(*one), files))
        for at in range(0, len(ids), 500):
            self.ask("POST", f"/vector_stores/{store}/file_batches", {"file_ids": ids[at:at + 500]})
        while (counts := self.ask("GET", f"/vector_stores/{store}")[0]["file_counts"])["in_progress"]:
            time.sleep(1)
        assert counts["failed"] < counts["total"] / 20, counts
        return store, counts


def rank_of(hits, pattern, source):
    for place, hit in enumerate(hits, 1):
        if hit["filename"].startswith(source) and re.search(pattern, hit["content"][0]["text"]):
            return place
    return 0


def questions(build, embedder):
    files = [(source, path) for source, paths in corpus().items() for path in paths]
    with tempfile.TemporaryDirectory(prefix="antiphon-bench-") as data:
        server, began = Server(build, data, embedder), time.monotonic()
        try:
            store, counts = server.fill(files)
            took = time.monotonic() - began
            print(f"questions: {counts['completed']} files indexed in {took:.0f} s, {counts['failed']} failed", flush=True)
            for name, options in (("by words and meaning", {}), ("by meaning", {"ranker": "none"}),
                                  ("by words", {"hybrid_search": {"embedding_weight": 0, "text_weight": 1}})):
                ranks = []
                for question, pattern, source in QUESTIONS:
                    answer, lacks = server.ask("POST", f"/vector_stores/{store}/search", {"query": question, "max_num_results": 10,
                                                                                        "ranking_options": options})
                    assert not lacks or embedder == "none", lacks
                    ranks.append(rank_of(answer["data"], pattern, source))
                n = len(ranks)
                print(f"questions: {name:<22} hit@1 {sum(r == 1 for r in ranks) / n:.2f}  @5 {sum(0 < r <= 5 for r in ranks) / n:.2f}  "
                      f"MRR {sum(1 / r for r in ranks if r) / n:.2f}  places {ranks}", flush=True)
        finally:
            server.process.terminate()
            server.process.wait(30)


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("build")
    o.add_argument("--chunks", default="10000,100000")
    o.add_argument("--searches", type=int, default=200)
    o.add_argument("--embedder", default="managed")
    o.add_argument("--no-questions", action="store_true")
    o.add_argument("--no-peer", action="store_true")
    args = o.parse_args()
    for chunks in filter(None, args.chunks.split(",")):
        speed(os.path.join(args.build, "bench", "bench-search"), int(chunks), args.searches)
        if not args.no_peer:
            peer(int(chunks))
    if not args.no_questions:
        questions(args.build, args.embedder)


main()
