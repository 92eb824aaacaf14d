#!/usr/bin/env python3
"""Benchmarks: Antiphon beside nginx (a plain proxy) in one interleaved run, over an engine that costs nothing.

    bench/run.py BUILD_DIR [--rounds 3] [--quick] [--only turn16,stream200] [--before OTHER_BUILD_DIR]

--before puts another build of Antiphon beside it, in the rows that it knows. Rows: turn* whole answers of 5 tokens over so
many connections, long16 such of 64 tokens, fg16 streams, back16 streams of background responses, ws16 turns over WebSockets, chain40 continued ones, get16
reads; resume-* a stream of 10,000 events told again; talk* a conversation of so many turns continued, beside one of as many
items that came without turns; stream200 slow streams of 200 tokens, of which the first and the last of all
are one in a hundred, so that their bursts are the p99; stream200-long such of 800, whose p99 is what goes on between; idle-* connections that are open, bytes each; held the
worst inputs of a megabyte, and how long a loop answered nobody else (bench/held.py; --held NAME: those whose names begin so).

The servers get processor 0, the engine and the load processor 1. CPU is user + system of the whole server
tree, read from /proc before and after. Figures are medians over the rounds; ratios are taken within a round.
"""
import argparse, atexit, held, json, os, resource, shutil, signal, socket, statistics, subprocess, sys, tempfile, time, urllib.error, urllib.request

HZ = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def tree(pid):
    pids = [pid]
    for p in pids:
        try:
            for t in os.listdir(f"/proc/{p}/task"):
                pids += [int(c) for c in open(f"/proc/{p}/task/{t}/children").read().split()]
        except OSError:
            pass
    return pids


def cpu_seconds(pid):
    total = 0
    for p in tree(pid):
        try:
            f = open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()
            total += int(f[11]) + int(f[12])
        except OSError:
            pass
    return total / HZ


def memory_mb(pid):
    kb = 0
    for p in tree(pid):
        try:
            for line in open(f"/proc/{p}/smaps_rollup"):
                if line.startswith("Pss:"):
                    kb += int(line.split()[1])
        except OSError:
            pass
    return kb / 1024


def wait_http(url, server, seconds=20):
    """Until it answers; whoever has ended meanwhile says why."""
    end, why = time.time() + seconds, None
    while time.time() < end and server.p.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as r:
                return r.read()
        except urllib.error.HTTPError as e:
            why = e.read().decode()
        except OSError as e:
            why = e
        time.sleep(0.002)
    raise SystemExit(f"bench: {url} does not answer: {why}\n{server.said()}")


class Server:
    def __init__(self, argv, port, cpu="0", env=None):
        self.port = port
        self.log = tempfile.TemporaryFile()
        self.p = subprocess.Popen(["taskset", "-c", cpu] + argv, stdout=self.log, stderr=self.log, env=env)
        atexit.register(self.stop) # a run that breaks off leaves nobody behind

    def said(self):
        """The last that it wrote."""
        self.log.seek(0)
        return self.log.read()[-2000:].decode(errors="replace")

    def stop(self):
        atexit.unregister(self.stop)
        self.p.send_signal(signal.SIGTERM)
        try:
            self.p.wait(5)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()


class Bench:
    def __init__(self, build, tmp, before=None):
        self.build, self.tmp, self.before = build, tmp, before
        self.load_bin, self.engine_bin = f"{build}/bench/bench-load", f"{build}/bench/bench-engine"

    def engine(self, tokens=5, per_second=0, path=None):
        """At `path` over a unix socket: an address has ports for 28,000 connections only."""
        port = 0 if path else free_port()
        where = f"unix:{path}" if path else str(port)
        if path and os.path.exists(path): # of an engine before this one: it would keep the address
            os.unlink(path)
        s = Server([self.engine_bin, where, str(tokens), str(per_second)], port, "1")
        s.url, s.upstream = (where, where) if path else (f"http://127.0.0.1:{port}", f"127.0.0.1:{port}")
        if not path:
            wait_http(f"http://127.0.0.1:{port}/health", s)
        while path and not os.path.exists(path):
            time.sleep(0.002)
        return s

    def antiphon(self, engine, normal=False, data=None, build=None, more=()):
        port = free_port()
        data = data or tempfile.mkdtemp(dir=self.tmp)
        argv = [f"{build or self.build}/antiphon", "serve", "--listen", f"127.0.0.1:{port}", "--data", data, "--engine",
                engine.url, "--set", "net.idle_seconds=600", *more]
        if normal:
            argv += ["--set", "store.sync=normal"]
        began = time.time()
        s = Server(argv, port)
        wait_http(f"http://127.0.0.1:{port}/ready", s)
        s.ready_ms = (time.time() - began) * 1000
        return s

    def pair(self, engine, more=()):
        """This build, and the one before when there is one."""
        servers = [("antiphon", self.antiphon(engine, more=more))]
        return servers + ([("before", self.antiphon(engine, build=self.before, more=more))] if self.before else [])

    def nginx(self, engine):
        port = free_port()
        d = tempfile.mkdtemp(dir=self.tmp)
        conf = f"""daemon off; {"user root; " if os.geteuid() == 0 else ""}worker_processes 1; error_log {d}/e.log crit; pid {d}/pid;
events {{ worker_connections 65536; }}
http {{ access_log off; client_body_temp_path {d}/b; proxy_temp_path {d}/p; fastcgi_temp_path {d}/f; uwsgi_temp_path {d}/u; scgi_temp_path {d}/s;
upstream e {{ server {engine.upstream}; keepalive 512; }}
server {{ listen 127.0.0.1:{port}; keepalive_requests 100000000;
location / {{ proxy_pass http://e; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }} }} }}"""
        open(f"{d}/nginx.conf", "w").write(conf)
        s = Server(["nginx", "-p", d, "-c", f"{d}/nginx.conf"], port)
        wait_http(f"http://127.0.0.1:{port}/health", s)
        return s

    def load(self, server, mode, conns, count, arg=""):
        before = cpu_seconds(server.p.pid)
        out = subprocess.run(["taskset", "-c", "1", self.load_bin, mode, str(server.port), str(conns), str(count)] + ([arg] if arg else []),
                             capture_output=True, text=True, timeout=600).stdout
        r = json.loads(out)
        r["cpu_s"] = cpu_seconds(server.p.pid) - before
        r["memory_mb"] = memory_mb(server.p.pid)
        return r

    def idle(self, server, mode, conns):
        """Opens them, looks at the server's memory, closes them."""
        before, cpu = memory_mb(server.p.pid), cpu_seconds(server.p.pid)
        load = subprocess.Popen(["taskset", "-c", "1", self.load_bin, mode, str(server.port), str(conns), str(conns)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        r = json.loads(load.stdout.readline())
        r["cpu_s"], r["memory_mb"] = cpu_seconds(server.p.pid) - cpu, memory_mb(server.p.pid)
        r["each"] = (r["memory_mb"] - before) * 1048576 / conns
        load.stdin.close()
        load.wait()
        return r


def call(port, path, body=None):
    q = urllib.request.Request(f"http://127.0.0.1:{port}/v1{path}", body and json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(q, timeout=60) as r:
        return r.read().decode()


def post(port, body):
    return json.loads(call(port, "/responses", {"model": "bench", "input": "hello", **body}))


class Rows:
    """What was measured, row by row; who: which server."""

    def __init__(self, only):
        self.only, self.rows = only.split(",") if only else [], {}

    def wanted(self, *names):
        return not self.only or any(name in self.only for name in names)

    def note(self, name, who, r):
        self.rows.setdefault((name, who), []).append(r)
        more = f"  {r['each'] / 1024:.1f} KB each" if "each" in r else ""
        if r["late_p99_ms"]:
            more += f"  cpu/event {r['cpu_s'] / max(1, r['events']) * 1e6:.1f} us  late p50 {r['late_p50_ms']} p99 {r['late_p99_ms']} ms"
        print(f"  {name:12} {who:16} cpu/req {r['cpu_s'] / max(1, r['requests']) * 1000:8.4f} ms  {r['per_second']:>8}/s  "
              f"p50 {r['p50_ms']:8.3f}  p99 {r['p99_ms']:8.3f}  errors {r['errors']}  {r['memory_mb']:.1f} MB{more}", flush=True)

    def ratio(self, a, b, of):
        """Median of a's figure over b's, within each round; a, b: (name, who)."""
        if a in self.rows and b in self.rows:
            return statistics.median(of(x) / max(1e-9, of(y)) for x, y in zip(self.rows[a], self.rows[b]))
        return None

    def report(self):
        med = statistics.median
        print("\nmedians" + " " * 24 + "cpu ms/req    per s   p50 ms   p99 ms   MB   cpu us/event  late p99 ms  KB each")
        for (name, who), rs in self.rows.items():
            ev = med([r["cpu_s"] / r["events"] * 1e6 if r["events"] else 0 for r in rs])
            print(f"{name:12} {who:16} {med([r['cpu_s'] / max(1, r['requests']) * 1000 for r in rs]):12.4f} {med([r['per_second'] for r in rs]):8.0f} "
                  f"{med([r['p50_ms'] for r in rs]):8.3f} {med([r['p99_ms'] for r in rs]):8.3f} {med([r['memory_mb'] for r in rs]):6.1f} {ev:8.1f} "
                  f"{med([r['late_p99_ms'] for r in rs]):10.3f} {med([r.get('each', 0) for r in rs]) / 1024:10.1f}")
        cpu = lambda r: r["cpu_s"] / max(1, r["requests"])
        p50 = lambda r: r["p50_ms"]
        names = list(dict.fromkeys(name for name, _ in self.rows))
        pairs = [((n, "antiphon"), (n, other)) for other in ("nginx", "before") for n in names]
        pairs += [(("ws16", "antiphon"), ("turn16", "antiphon")), (("back16", "antiphon"), ("fg16", "antiphon"))]
        rate = lambda r: r["per_second"]
        late = lambda r: r["late_p99_ms"]
        event = lambda r: r["cpu_s"] / max(1, r["events"])
        if (r := self.ratio(("get16", "antiphon"), ("long16", "nginx"), rate)) is not None:
            print(f"get16 antiphon / long16 nginx: answers a second {r:.2f}")
        for name, other in ((n, o) for n in ("stream200", "stream200-long") for o in ("nginx", "before")):
            a, b = (name, "antiphon"), (name, other)
            if (r := self.ratio(a, b, event)) is not None:
                added = med([late(x) - late(y) for x, y in zip(self.rows[a], self.rows[b])])
                print(f"{name} antiphon / {other}: CPU an event {r:.2f}, late p99 {added:+.3f} ms")
        pairs += [((n, "turns"), (n, "items")) for n in names] + [((n, "two calls"), (n, "without")) for n in names]
        for a, b in pairs:
            if (r := self.ratio(a, b, cpu)) is not None:
                print(f"{' '.join(a)} / {' '.join(b)}: CPU {r:.2f}, p50 {self.ratio(a, b, p50):.2f}")


def whole_answers(b, rows, scale):
    fast = b.engine()
    servers = b.pair(fast) + [("antiphon NORMAL", b.antiphon(fast, normal=True))]
    if shutil.which("nginx"):
        servers.append(("nginx", b.nginx(fast)))
    for name, conns, count in (("turn16", 16, 40000), ("turn1", 1, 4000), ("turn64", 64, 40000)):
        if rows.wanted(name):
            for who, s in servers:
                rows.note(name, who, b.load(s, "proxy" if who == "nginx" else "turn", conns, int(count * scale)))
    known = [("fg16", "stream", 16, 20000, ""), ("chain40", "chain", 8, 8 * 41 * 20, "41"), ("get16", "get", 16, 200000, "")]
    for name, mode, conns, count, arg in known:
        for who, s in servers[:2 if b.before else 1]:
            if rows.wanted(name):
                arg = post(s.port, {})["id"] if name == "get16" else arg
                rows.note(name, who, b.load(s, mode, conns, int(count * scale), arg))
    for name, mode in (("ws16", "ws"), ("back16", "back")):
        if rows.wanted(name):
            rows.note(name, "antiphon", b.load(servers[0][1], mode, 16, int(20000 * scale)))
    for _, s in servers + [("", fast)]:
        s.stop()


def long_answers(b, rows, scale):
    """Whole answers of 64 tokens: what a server costs beside its engine is told by long ones."""
    long = b.engine(64)
    servers = b.pair(long) + ([("nginx", b.nginx(long))] if shutil.which("nginx") else [])
    for who, s in servers:
        rows.note("long16", who, b.load(s, "proxy" if who == "nginx" else "turn", 16, int(20000 * scale)))
    for _, s in servers + [("", long)]:
        s.stop()


def searches(b, rows, scale):
    """A turn with two calls of web_search against the same turn without: three calls of the engine, two of the provider."""
    fast = b.engine()
    s = b.antiphon(fast, more=["--set", "web_search.provider=searxng", "--set", f"web_search.url=http://127.0.0.1:{fast.port}"])
    for conns in (1, 16):
        for who, mode in (("without", "turn"), ("two calls", "search")):
            rows.note(f"search{conns}", who, b.load(s, mode, conns, int((2000 if conns == 1 else 8000) * scale)))
    s.stop()
    fast.stop()


def resumed(b, rows, scale):
    """10,000 events told again: of a foreground response from memory, of a background one from the store."""
    long = b.engine(10000)
    servers = b.pair(long)
    for who, s in servers:
        told = call(s.port, "/responses", {"model": "bench", "input": "hello", "stream": True})
        id = json.loads(told.split("data: ", 2)[1].split("\n")[0])["response"]["id"]
        rows.note("resume-fg", who, b.load(s, "get", 1, int(100 * scale), id + "?stream=true"))
    s = servers[0][1]
    id = post(s.port, {"background": True})["id"]
    while json.loads(call(s.port, "/responses/" + id))["status"] in ("queued", "in_progress"):
        time.sleep(0.05)
    rows.note("resume-back", "antiphon", b.load(s, "get", 1, int(100 * scale), id + "?stream=true"))
    rows.note("resume-tail", "antiphon", b.load(s, "get", 1, int(100 * scale), id + "?stream=true&starting_after=9900"))
    for _, s in servers + [("", long)]:
        s.stop()


def talks(b, rows, scale):
    """A conversation continued: what counts is how many items go to the engine, not how many turns made them."""
    fast = b.engine()
    s = b.antiphon(fast)
    for turns in (10, 100, 1000):
        by_turns = json.loads(call(s.port, "/conversations", {}))["id"]
        b.load(s, "talk", 1, turns, by_turns)
        by_items = json.loads(call(s.port, "/conversations", {}))["id"]
        pair = [{"role": "user", "content": "Tell me something that is about as long as a usual question of a user."},
                {"role": "assistant", "content": "Hello Hello Hello Hello Hello "}]
        for n in range(0, turns, 10):
            call(s.port, f"/conversations/{by_items}/items", {"items": pair * 10})
        for who, id in (("turns", by_turns), ("items", by_items)):
            b.load(s, "talk", 1, 2, id)
            rows.note(f"talk{turns}", who, b.load(s, "talk", 1, int(100 * scale), id))
    s.stop()
    fast.stop()


def slow_streams(b, rows, name, tokens):
    slow = b.engine(tokens, 50)
    for who, s in (servers := b.pair(slow) + ([("nginx", b.nginx(slow))] if shutil.which("nginx") else [])):
        r = b.load(s, "proxy" if who == "nginx" else "stream", 200, 200)
        rows.note(name, who, r)
    for _, s in servers + [("", slow)]:
        s.stop()


def open_ones(b, rows, scale):
    """Many at once: WebSockets with nothing to do, and streams in the middle of their answer."""
    held = b.engine(5, -1, path=f"{b.tmp}/engine")
    more = ["--set", "engine.concurrency=100000", "--set", "api.turns=100000", "--set", "net.connections=100000"]
    most = (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200) // 2 # a stream has two files open: its client's and its engine's
    if rows.wanted("idle-ws"):
        s = b.antiphon(held, more=more)
        rows.note("idle-ws", "antiphon", b.idle(s, "idle-ws", min(int(10000 * scale), most)))
        s.stop()
    if rows.wanted("idle-sse"):
        for who, s in b.pair(held, more) + ([("nginx", b.nginx(held))] if shutil.which("nginx") else []):
            rows.note("idle-sse", who, b.idle(s, "idle-proxy" if who == "nginx" else "idle-sse", min(int(30000 * scale), most)))
            s.stop()
    held.stop()


def held_loops(b, only):
    fast = b.engine()
    s = b.antiphon(fast, more=["--set", "server.loops=1", "--set", "mcp.allow=127.0.0.0/8", "--set", "mcp.tools=1000", "--set", "index.embedder=none"])
    for name, status, ms, cpu_ms in held.measure(b.load_bin, s, only):
        print(f"  held         {name:40} {ms:8.2f} ms  CPU {cpu_ms:7.2f} ms  status {status}{'  TOO LONG' if ms > held.MOST_MS else ''}", flush=True)
    s.stop()
    fast.stop()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("build")
    ap.add_argument("--before")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--quick", action="store_true")
    ap.add_argument("--only", default="")
    ap.add_argument("--held", default="", metavar="NAME") # of its inputs those whose names begin so
    o = ap.parse_args()
    scale = 0.1 if o.quick else 1
    for most in (65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            break
        except (OSError, ValueError):
            pass
    tmp = tempfile.mkdtemp(prefix="antiphon-bench-")
    b, rows = Bench(os.path.abspath(o.build), tmp, o.before and os.path.abspath(o.before)), Rows(o.only)
    for i in range(o.rounds):
        print(f"round {i + 1} of {o.rounds}, load {os.getloadavg()[0]:.1f}", flush=True)
        if rows.wanted("turn16", "turn1", "turn64", "fg16", "chain40", "get16", "ws16", "back16"):
            whole_answers(b, rows, scale)
        if rows.wanted("long16"):
            long_answers(b, rows, scale)
        if rows.wanted("resume-fg", "resume-back", "resume-tail"):
            resumed(b, rows, scale)
        if rows.wanted("search1", "search16"):
            searches(b, rows, scale)
        if rows.wanted("talk10", "talk100", "talk1000"):
            talks(b, rows, scale)
        for name, tokens in (("stream200", 200), ("stream200-long", 800)):
            if rows.wanted(name):
                slow_streams(b, rows, name, tokens)
        if rows.wanted("idle-ws", "idle-sse"):
            open_ones(b, rows, scale)
        if rows.wanted("held"):
            held_loops(b, o.held)
        if rows.wanted("start"):
            fast = b.engine()
            began = time.time()
            s = b.antiphon(fast)
            post(s.port, {})
            print(f"  start to first answer {(time.time() - began) * 1000:.0f} ms (ready after {s.ready_ms:.0f})", flush=True)
            s.stop()
            fast.stop()
    rows.report()
    shutil.rmtree(tmp, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
