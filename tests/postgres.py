"""A PostgreSQL server of the tests' own: made in a temporary folder, on a port by chance, gone afterwards.

As a program: tests/postgres.py COMMAND... runs the commands (words up to --) one after the other with STORE_POSTGRES=URL
set, to which a database's name is added; its exit status is 0 when all of theirs were."""
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 60
# A test's server holds little; what is written is on disk before it is acknowledged, as with any other.
SETTINGS = {"shared_buffers": "32MB", "max_connections": "200", "max_wal_size": "256MB", "autovacuum_naptime": "10s",
            "log_min_messages": "warning", "lc_messages": "C"}


def programs():
    """The folder with initdb and postgres; None: they are not installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda p: int(p.split("/")[4]))
    elsewhere = shutil.which("initdb")
    found = found or ([os.path.realpath(elsewhere)] if elsewhere else [])
    return os.path.dirname(found[-1]) if found else None


def roomy(folder, least=2 << 30):
    """A folder in memory, where there is room: thousands of tables are made and go again. None: the usual one."""
    try:
        v = os.statvfs(folder)
        return folder if v.f_bavail * v.f_frsize >= least else None
    except OSError:
        return None


class Postgres:
    """settings: further ones of the server. Runs as another user where this one is root, who may not."""

    def __init__(self, **settings):
        self.bin = programs()
        assert self.bin, "PostgreSQL is not installed: tools/install.sh --tests"
        self.home = tempfile.mkdtemp(prefix="antiphon-postgres-", dir=roomy("/dev/shm"))
        self.data = os.path.join(self.home, "data")
        self.as_user = {}
        if os.getuid() == 0:
            user = next(u for u in pwd.getpwall() if u.pw_name in ("postgres", "nobody"))
            os.chown(self.home, user.pw_uid, user.pw_gid)
            self.as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.run("initdb", "-D", self.data, "-U", "antiphon", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.settings = {**SETTINGS, **settings}
        self.process, self.schemas = None, set()
        self.start()

    def run(self, program, *args, **more):
        done = subprocess.run([os.path.join(self.bin, program), *args], capture_output=True, text=True, cwd=self.home,
                              env={"PATH": os.environ["PATH"], "HOME": self.home}, **self.as_user, **more)
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self):
        options = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        with open(os.path.join(self.home, "log"), "ab") as log:
            self.process = subprocess.Popen([os.path.join(self.bin, "postgres"), "-D", self.data, "-k", self.home,
                                             "-p", str(self.port), "-h", "127.0.0.1", *options],
                                            stdout=log, stderr=log, cwd=self.home, start_new_session=True, **self.as_user)
        end = time.monotonic() + PATIENCE
        while subprocess.run([os.path.join(self.bin, "pg_isready"), "-q", "-h", self.home, "-p", str(self.port)]).returncode:
            assert self.process.poll() is None and time.monotonic() < end, open(os.path.join(self.home, "log")).read()
            time.sleep(0.05)

    def stop(self, how=signal.SIGINT):
        """SIGINT: fast; SIGQUIT: immediate, as after a crash."""
        if self.process:
            self.process.send_signal(how)
            self.process.wait(PATIENCE)
            self.process = None

    def url(self, database="", host="127.0.0.1", port=None):
        return f"postgres://antiphon@{host}:{port or self.port}/{database}"

    def sql(self, text, database="postgres"):
        return self.run("psql", "-h", self.home, "-p", str(self.port), "-U", "antiphon", "-d", database, "-qAtX", "-v", "ON_ERROR_STOP=1",
                        "-c", text).strip()

    def create(self, database):
        """An empty database; its URL."""
        self.sql(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def schema(self, name):
        """A schema of that name in the database `postgres`, for a store of its own; cheaper than a database."""
        if name not in self.schemas:
            self.sql(f"CREATE SCHEMA IF NOT EXISTS {name}")
            self.schemas.add(name)

    def close(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.home, ignore_errors=True)


def main(words):
    if not programs():
        print("PostgreSQL is not installed: tools/install.sh --tests", file=sys.stderr)
        return 77  # meson: skipped
    server = Postgres()
    failed = []
    try:
        while words:
            end = words.index("--") if "--" in words else len(words)
            command, words = words[:end], words[end + 1:]
            if code := subprocess.run(command, env={**os.environ, "STORE_POSTGRES": server.url()}).returncode:
                failed.append(f"{' '.join(command)}: exit status {code}")
    finally:
        server.close()
    for command in failed:
        print(f"failed: {command}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
