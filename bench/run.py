#!/usr/bin/env python3
"""Benchmarks: Antiphon beside nginx (a plain proxy) in one interleaved run, over an engine that costs nothing.

    bench/run.py BUILD_DIR [--rounds 3] [--quick] [--only turn16,stream200]

The servers get processor 0, the engine and the load processor 1. CPU is user + system of the whole server
tree, read from /proc before and after. Figures are medians over the rounds; ratios are taken within a round.
"""
import argparse, json, os, shutil, signal, socket, statistics, subprocess, sys, tempfile, time, urllib.request

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


def wait_http(url, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        try:
            with urllib.request.urlopen(url, timeout=2) as r:
                return r.read()
        except OSError:
            time.sleep(0.002)
    raise SystemExit(f"bench: {url} does not answer")


class Server:
    def __init__(self, argv, port, cpu="0", env=None):
        self.port = port
        self.p = subprocess.Popen(["taskset", "-c", cpu] + argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        try:
            self.p.wait(5)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()


class Bench:
    def __init__(self, build, tmp):
        self.build, self.tmp = build, tmp
        self.load_bin, self.engine_bin = f"{build}/bench/bench-load", f"{build}/bench/bench-engine"

    def engine(self, tokens=5, per_second=0):
        port = free_port()
        s = Server([self.engine_bin, str(port), str(tokens), str(per_second)], port, "1")
        wait_http(f"http://127.0.0.1:{port}/health")
        return s

    def antiphon(self, engine, normal=False, data=None):
        port = free_port()
        data = data or tempfile.mkdtemp(dir=self.tmp)
        argv = [f"{self.build}/antiphon", "serve", "--listen", f"127.0.0.1:{port}", "--data", data, "--engine",
                f"http://127.0.0.1:{engine.port}", "--set", "net.idle_seconds=600"]
        if normal:
            argv += ["--set", "store.sync=normal"]
        began = time.time()
        s = Server(argv, port)
        wait_http(f"http://127.0.0.1:{port}/ready")
        s.ready_ms = (time.time() - began) * 1000
        return s

    def nginx(self, engine):
        port = free_port()
        d = tempfile.mkdtemp(dir=self.tmp)
        conf = f"""daemon off; worker_processes 1; error_log {d}/e.log crit; pid {d}/pid;
events {{ worker_connections 8192; }}
http {{ access_log off; client_body_temp_path {d}/b; proxy_temp_path {d}/p; fastcgi_temp_path {d}/f; uwsgi_temp_path {d}/u; scgi_temp_path {d}/s;
upstream e {{ server 127.0.0.1:{engine.port}; keepalive 512; }}
server {{ listen 127.0.0.1:{port}; keepalive_requests 100000000;
location / {{ proxy_pass http://e; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }} }} }}"""
        open(f"{d}/nginx.conf", "w").write(conf)
        s = Server(["nginx", "-p", d, "-c", f"{d}/nginx.conf"], port)
        wait_http(f"http://127.0.0.1:{port}/health")
        return s

    def load(self, server, mode, conns, count, arg=""):
        before = cpu_seconds(server.p.pid)
        out = subprocess.run(["taskset", "-c", "1", self.load_bin, mode, str(server.port), str(conns), str(count)] + ([arg] if arg else []),
                             capture_output=True, text=True, timeout=600).stdout
        r = json.loads(out)
        r["cpu_s"] = cpu_seconds(server.p.pid) - before
        r["memory_mb"] = memory_mb(server.p.pid)
        return r


def post(port, body):
    q = urllib.request.Request(f"http://127.0.0.1:{port}/v1/responses", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(q, timeout=30) as r:
        return json.loads(r.read())


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("build")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--quick", action="store_true")
    ap.add_argument("--only", default="")
    o = ap.parse_args()
    scale = 0.1 if o.quick else 1
    tmp = tempfile.mkdtemp(prefix="antiphon-bench-")
    b, rows = Bench(os.path.abspath(o.build), tmp), {}

    def note(name, who, r):
        rows.setdefault((name, who), []).append(r)
        print(f"  {name:10} {who:16} cpu/req {r['cpu_s'] / max(1, r['requests']) * 1000:8.4f} ms  {r['per_second']:>8}/s  "
              f"p50 {r['p50_ms']:8.3f}  p99 {r['p99_ms']:8.3f}  errors {r['errors']}", flush=True)

    def wanted(name):
        return not o.only or name in o.only.split(",")

    have_nginx = shutil.which("nginx")
    for i in range(o.rounds):
        print(f"round {i + 1} of {o.rounds}", flush=True)
        fast = b.engine()
        servers = [("antiphon", b.antiphon(fast)), ("antiphon NORMAL", b.antiphon(fast, normal=True))]
        if have_nginx:
            servers.append(("nginx", b.nginx(fast)))
        for name, conns, count in (("turn16", 16, 40000), ("turn1", 1, 4000), ("turn64", 64, 40000)):
            if wanted(name):
                for who, s in servers:
                    note(name, who, b.load(s, "proxy" if who == "nginx" else "turn", conns, int(count * scale)))
        if wanted("chain40"):
            note("chain40", "antiphon", b.load(servers[0][1], "chain", 8, int(8 * 41 * 20 * scale), "41"))
        if wanted("get16"):
            rid = post(servers[0][1].port, {"model": "bench", "input": "hello"})["id"]
            note("get16", "antiphon", b.load(servers[0][1], "get", 16, int(200000 * scale), rid))
        for _, s in servers + [("", fast)]:
            s.stop()
        if wanted("stream200"):
            slow = b.engine(200, 50)
            servers = [("antiphon", b.antiphon(slow))] + ([("nginx", b.nginx(slow))] if have_nginx else [])
            for who, s in servers:
                if who == "nginx":
                    r = b.load(s, "proxy", 200, 200)
                    r["events"] = 200 * 201
                else:
                    idle = memory_mb(s.p.pid)
                    r = b.load(s, "stream", 200, 200)
                    r["idle_mb"] = idle
                note("stream200", who, r)
                print(f"             cpu/event {r['cpu_s'] / max(1, r['events']) * 1e6:.1f} us  late p50 {r['late_p50_ms']} p99 {r['late_p99_ms']} ms  "
                      f"memory {r['memory_mb']:.1f} MB", flush=True)
            for _, s in servers + [("", slow)]:
                s.stop()
        if wanted("start"):
            fast = b.engine()
            began = time.time()
            s = b.antiphon(fast)
            post(s.port, {"model": "bench", "input": "hello"})
            print(f"  start to first answer {(time.time() - began) * 1000:.0f} ms (ready after {s.ready_ms:.0f})", flush=True)
            s.stop()
            fast.stop()

    med = lambda v: statistics.median(v)
    print("\nmedians" + " " * 22 + "cpu ms/req    per s   p50 ms   p99 ms   MB   cpu us/event  late p99 ms")
    for (name, who), rs in rows.items():
        ev = med([r["cpu_s"] / r["events"] * 1e6 if r["events"] else 0 for r in rs])
        print(f"{name:10} {who:16} {med([r['cpu_s'] / max(1, r['requests']) * 1000 for r in rs]):12.4f} {med([r['per_second'] for r in rs]):8.0f} "
              f"{med([r['p50_ms'] for r in rs]):8.3f} {med([r['p99_ms'] for r in rs]):8.3f} {med([r['memory_mb'] for r in rs]):6.1f} {ev:8.1f} "
              f"{med([r['late_p99_ms'] for r in rs]):10.3f}")
    for (name, who), rs in rows.items():
        base = rows.get((name, "nginx"))
        if base and who != "nginx":
            ratio = [a["cpu_s"] / a["requests"] / max(1e-9, c["cpu_s"] / c["requests"]) for a, c in zip(rs, base)]
            print(f"ratio of CPU to nginx, {name}, {who}: {med(ratio):.1f}")
    shutil.rmtree(tmp, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
