#!/usr/bin/env python3
"""Searches of vector stores: how fast, how much memory, how good; a table for docs/performance or a log.

    bench/search.py BUILD_DIR [--chunks 10000,100000] [--searches 200] [--sources debian] [--keep DIR] [--no-questions] [--peers '']

1. One store's index of so many chunks of made-up vectors and words (bench/search.c): p50 and p99 of a search by words and by vectors with
   its ten texts, with a filter that one file in a hundred passes, and while another store is being indexed; the rate of filling it; its
   opening to the first search; bytes of memory a chunk; how many of the ten nearest by all numbers are found. "cpu" is the searching thread's own, which others' load does not change.
2. Peers, in the same run (peer.py): chromadb, a graph in memory, and sqlite-vec, which looks at each vector; as many vectors of 384
   dimensions, without words.
3. Questions over Debian's documentation packages, through the server with its own embedder: the place of the first chunk that holds
   the answer, among the questions of the --sources that are there (all three: 18,000 windows to embed). Those of tuning.py are what the
   ranking's constants were chosen on, those of questions.py were not; the proof are those of fresh_questions.py, whose pages were drawn by lot. The packages are fetched with apt-get download, not installed.
   With --keep the server's data stay in DIR, and the next run searches there: what is embedded is embedded once.
"""
import argparse, glob, json, os, re, statistics, subprocess, sys, tempfile, time, urllib.error, urllib.request
from concurrent.futures import ThreadPoolExecutor

from fresh_questions import FRESH, HOW_MANY, drawn
from questions import QUESTIONS
from tuning import TUNING

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "antiphon", "bench")
PACKAGES = {"pg": ("postgresql-doc-15", "usr/share/doc/postgresql-doc-15/html/*.html"), "git": ("git-doc", "usr/share/doc/git-doc/*.html"),
            "debian": ("debian-handbook", "usr/share/doc/debian-handbook/html/en-US/*.html")}
WAYS = (("by words and meaning", {}), ("by meaning", {"ranker": "none"}),
        ("by words", {"hybrid_search": {"embedding_weight": 0, "text_weight": 1}}))
PEERS = {"chromadb": "chromadb==1.5.9", "sqlite-vec": "sqlite-vec==0.1.6"}


def show(row):
    if "p50" in row:
        text = f"p50 {row['p50']:8.2f}  p99 {row['p99']:8.2f}  cpu p50 {row['cpu_p50']:7.2f}  p99 {row['cpu_p99']:7.2f} ms"
    else:
        text = "  ".join(f"{k} {v}" for k, v in row.items() if k not in ("chunks", "row"))
    print(f"{row['chunks']:>9,}  {row['row']:<42} {text}", flush=True)


def speed(program, chunks, searches):
    with tempfile.TemporaryDirectory(prefix="antiphon-bench-") as folder:
        for _ in ("filled", "opened again"):
            done = subprocess.Popen([program, folder, str(chunks), str(searches)], stdout=subprocess.PIPE, text=True)
            for line in done.stdout:
                row = json.loads(line)
                if row["row"] != "warm-up":
                    show(row)
            assert done.wait() == 0
        size = sum(os.path.getsize(path) for path in glob.glob(folder + "/1.db*"))
        print(f"{chunks:>9,}  {'on disk':<42} {size / chunks:.0f} bytes a chunk")


def peer(name, chunks):
    python = os.path.join(CACHE, "peers", "bin", "python")
    if not os.path.exists(python):
        ours = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable  # it has to load extensions of SQLite
        subprocess.run([ours, "-m", "venv", os.path.dirname(os.path.dirname(python))], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "numpy", *PEERS.values()], check=True)
    with tempfile.TemporaryDirectory(prefix="antiphon-bench-") as folder:
        for _ in ("filled", "opened again"):
            done = subprocess.run([python, os.path.join(HERE, "peer.py"), name, str(chunks), folder], capture_output=True, text=True)
            if done.returncode:
                print(f"{name} does not run ({done.returncode}): {done.stderr.strip()[-300:]}")
                return
            for line in done.stdout.splitlines():
                show(json.loads(line))


# --- questions ---


def corpus(sources):
    """{source: files}; a package that cannot be had is named."""
    os.makedirs(CACHE, exist_ok=True)
    found = {}
    for source in sources:
        package, pattern = PACKAGES[source]
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
        name = f"questions over {len(files)} files"
        kept = [one["id"] for one in self.ask("GET", "/vector_stores?limit=100")[0]["data"] if one["name"] == name]
        store = kept[0] if kept else self.ask("POST", "/vector_stores", {"name": "questions"})[0]["id"]
        if not kept:
            with ThreadPoolExecutor(4) as pool:
                ids = list(pool.map(lambda one: self.upload(*one), files))
            for at in range(0, len(ids), 500):
                self.ask("POST", f"/vector_stores/{store}/file_batches", {"file_ids": ids[at:at + 500]})
            self.ask("POST", f"/vector_stores/{store}", {"name": name})
        while (counts := self.ask("GET", f"/vector_stores/{store}")[0]["file_counts"])["in_progress"]:
            time.sleep(1)
        assert counts["failed"] < counts["total"] / 20, counts
        return store, counts


def rank_asked(server, store, embedder, options, question, pattern, source):
    answer, lacks = server.ask("POST", f"/vector_stores/{store}/search", {"query": question, "max_num_results": 10, "ranking_options": options})
    assert not lacks or embedder == "none", lacks
    return rank_of(answer["data"], pattern, source)


def rank_of(hits, pattern, source):
    for place, hit in enumerate(hits, 1):
        if re.match(source, hit["filename"]) and re.search(pattern, hit["content"][0]["text"]):
            return place
    return 0


def mrr(ranks):
    """With the bounds in which it lies nineteen times of twenty."""
    shares = [1 / r if r else 0 for r in ranks]
    error = 1.96 * statistics.stdev(shares) / len(shares)**0.5
    mean = statistics.mean(shares)
    return f"{mean:.2f} ({mean - error:.2f} to {mean + error:.2f})"


def questions(build, embedder, sources, keep):
    there = corpus(sources)
    files = [(source, path) for source, paths in there.items() for path in paths]
    print(f"questions: over {len(files)} files of {', '.join(there)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="antiphon-bench-") as data:
        server, began = Server(build, keep or data, embedder), time.monotonic()
        try:
            store, counts = server.fill(files)
            took = time.monotonic() - began
            print(f"questions: {counts['completed']} files indexed in {took:.0f} s, {counts['failed']} failed", flush=True)
            if set(HOW_MANY) <= set(there):
                same = [f"{source}-{page}" for source, page, *_ in drawn(there)] == [re.sub(r"\\(.)", r"\1", q[2][:-1]) for q in FRESH]
                print(f"questions: the lot draws {'the pages of fresh_questions.py' if same else 'other pages: other versions of the packages'}")
            for title, every in (("fresh", FRESH), ("given", QUESTIONS), ("tuning", TUNING)):
                asked = [q for q in every if not q[2] or q[2].split("-")[0] in there]
                print(f"questions: {title}, {len(asked)} of {len(every)}")
                for name, options in WAYS:
                    ranks = [rank_asked(server, store, embedder, options, *q) for q in asked]
                    n = len(ranks)
                    print(f"questions: {name:<22} hit@1 {sum(r == 1 for r in ranks) / n:.2f}  @5 {sum(0 < r <= 5 for r in ranks) / n:.2f}  "
                          f"MRR {mrr(ranks)}  places {ranks}", flush=True)
        finally:
            server.process.terminate()
            server.process.wait(30)


def main():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("build")
    o.add_argument("--chunks", default="10000,100000")
    o.add_argument("--searches", type=int, default=200)
    o.add_argument("--embedder", default="managed")
    o.add_argument("--sources", default="pg,git,debian")
    o.add_argument("--keep", metavar="DIR")
    o.add_argument("--no-questions", action="store_true")
    o.add_argument("--peers", default=",".join(PEERS), help="of chromadb, sqlite-vec; empty: none")
    args = o.parse_args()
    for chunks in filter(None, args.chunks.split(",")):
        speed(os.path.join(args.build, "bench", "bench-search"), int(chunks), args.searches)
        for name in args.peers.split(","):
            if name:
                peer(name, int(chunks))
    if not args.no_questions:
        questions(args.build, args.embedder, args.sources.split(","), args.keep)


main()
