"""S3-compatible servers for tests, from pip's packages, a client that looks into their buckets, and a front that fails on demand.

Two, since each is lax where the other is strict: SeaweedFS (`weed`) and rclone's (`rclone serve s3`). Both check signatures."""
import datetime
import hashlib
import hmac
import http.client
import http.server
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from harness import PATIENCE

KEY, SECRET, REGION = "AKANTIPHON", "s3cret/with+signs", "us-east-1"
ENV = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
BIN = os.path.dirname(sys.executable)


def free_ports(n, below=20000):
    """SeaweedFS takes a second port, 10000 above each."""
    ports, taken = [], []
    for port in range(11000 + os.getpid() % 6000, below):
        s = socket.socket()
        try:
            s.bind(("127.0.0.1", port))
            ports.append(port)
        except OSError:
            pass
        taken.append(s)
        if len(ports) == n:
            break
    for s in taken:
        s.close()
    return ports


class Store:
    """One server with its folder; what its buckets hold, as a client of it sees that."""

    def __init__(self, kind):
        self.kind, self.home = kind, tempfile.mkdtemp(prefix="antiphon-s3-")
        self.log = os.path.join(self.home, "log")
        self.folder = os.path.join(self.home, "data")
        os.mkdir(self.folder)
        if kind == "rclone":
            self.port, = free_ports(1)
            self.command = [os.path.join(BIN, "rclone"), "serve", "s3", "--addr", f"127.0.0.1:{self.port}", "--auth-key", f"{KEY},{SECRET}",
                            "--config", "/dev/null", "--cache-dir", os.path.join(self.home, "cache"), self.folder]
        else:
            self.port, master, volume, filer = free_ports(4)
            config = os.path.join(self.home, "s3.json")
            with open(config, "w") as f:
                f.write('{"identities":[{"name":"t","credentials":[{"accessKey":"%s","secretKey":"%s"}],"actions":["Admin","Read","Write","List"]}]}'
                        % (KEY, SECRET))
            self.command = [os.path.join(BIN, "weed"), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={self.folder}",
                            f"-master.port={master}", f"-volume.port={volume}", "-filer", f"-filer.port={filer}", "-s3",
                            f"-s3.port={self.port}", f"-s3.config={config}", "-volume.max=1000", "-master.volumeSizeLimitMB=64",
                            "-s3.port.iceberg=0", "-s3.port.lance=0", f"-filer.localSocket={self.home}/filer.sock", f"-s3.localSocket={self.home}/s3.sock"]
        self.url = f"http://127.0.0.1:{self.port}"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, cwd=self.home, start_new_session=True)
        end = time.monotonic() + PATIENCE
        while not self.answers():
            assert time.monotonic() < end and self.process.poll() is None, open(self.log, errors="replace").read()[-3000:]
            time.sleep(0.1)

    def answers(self):
        try:
            return self.ask("PUT", "/probe")[0] in (200, 409)
        except OSError:
            return False

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    # --- as a client of it ---

    def ask(self, method, path, query=(), body=b"", headers=None):
        query = "&".join(f"{urllib.parse.quote(k, safe='')}={urllib.parse.quote(v, safe='')}" for k, v in sorted(query))
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        total = hashlib.sha256(body).hexdigest()
        signed = {"host": f"127.0.0.1:{self.port}", "x-amz-content-sha256": total, "x-amz-date": now, **(headers or {})}
        names = ";".join(sorted(signed))
        canonical = "\n".join([method, path, query, *(f"{k}:{signed[k]}" for k in sorted(signed)), "", names, total])
        scope = f"{now[:8]}/{REGION}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + SECRET).encode()
        for part in [*scope.split("/"), text]:
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signed["Authorization"] = f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(method, path + ("?" + query if query else ""), body, signed)
        answer = connection.getresponse()
        got = answer.status, answer.read()
        connection.close()
        return got

    def make(self, bucket):
        status, body = self.ask("PUT", "/" + bucket)
        assert status == 200, body
        return bucket

    def objects(self, bucket, prefix=""):
        status, body = self.ask("GET", "/" + bucket, [("list-type", "2"), ("prefix", prefix)])
        assert status == 200, body
        return {m[0].decode()[len(prefix):] for m in re.finditer(rb"(?<=<Key>)[^<]*", body)}

    def uploads(self, bucket):
        status, body = self.ask("GET", "/" + bucket, [("uploads", "")])
        assert status == 200, body
        return [m[0].decode() for m in re.finditer(rb"(?<=<UploadId>)[^<]*", body)]

    def put(self, bucket, name, body):
        status, why = self.ask("PUT", f"/{bucket}/{name}", body=body)
        assert status == 200, why

    def get(self, bucket, name):
        status, body = self.ask("GET", f"/{bucket}/{name}")
        assert status == 200, body
        return body


def settings(url, bucket, *more, prefix="antiphon"):
    args = []
    for one in ("place=s3", f"url={url}", f"bucket={bucket}", f"prefix={prefix}", "retry_ms=20", *more):
        args += ["--set", "blobs." + one]
    return args


class Front:
    """Stands before a store. `fault(method, path, headers, body)` says what becomes of a request: None, it goes on; a code of
    S3's with its status, that is the answer; "reset", the connection is cut; a function, which gets the answer's body and gives
    another. Requests are counted in `seen`."""

    def __init__(self, store):
        self.store, self.fault, self.seen = store, None, []
        front = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                front.seen.append((self.command, self.path))
                what = front.fault and front.fault(self.command, self.path, self.headers, body)
                if what == "reset":
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if isinstance(what, tuple):
                    return self.answer(what[0], {}, f"<Error><Code>{what[1]}</Code><Message>m</Message></Error>".encode())
                connection = http.client.HTTPConnection("127.0.0.1", store.port, timeout=PATIENCE)
                connection.request(self.command, self.path, body, {k: v for k, v in self.headers.items() if k.lower() != "expect"})
                got = connection.getresponse()
                data = got.read()
                connection.close()
                self.answer(got.status, dict(got.getheaders()), what(data) if callable(what) else data, got.getheader("Content-Length"))

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one

            def answer(self, status, headers, data, length=None):
                try:
                    self.send_response_only(status)
                    for name, value in headers.items():
                        if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                            self.send_header(name, value)
                    if status != 204:
                        self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(data)))
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(data)
                except OSError:
                    self.close_connection = True

            def log_message(self, *a):
                pass

        class Threads(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, address):
                pass

        self.server = Threads(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
