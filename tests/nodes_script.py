"""Servers that share a store on PostgreSQL."""
import hashlib
import os
import socket

import harness
from harness import Server

QUICK = ["--set", "store.node_beat_ms=200", "--set", "store.node_dead_seconds=2", "--set", "api.lease_seconds=3"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Nodes:
    """Servers that share a store; each has a data folder and a port of its own."""

    def __init__(self, engine, folder, args=()):
        self.engine, self.folder, self.args, self.all = engine, folder, args, []
        self.schema = name = "n" + hashlib.sha256(str(folder).encode()).hexdigest()[:16]
        harness.postgres().schema(name)
        self.env = {"ANTIPHON_STORE_URL": harness.postgres().url("postgres") + f"?options=-csearch_path%3D{name}",
                    "ANTIPHON_MASTER_SECRET": "of all nodes, in thirty-two characters"}

    def start(self, data=None):
        port = free_port()
        data = data or os.path.join(self.folder, f"data{len(self.all)}")
        server = Server(self.engine, [*QUICK, "--set", f"store.node_address=http://127.0.0.1:{port}", *self.args], data=data,
                        env=self.env, listen=f"127.0.0.1:{port}")
        self.all.append(server)
        return server

    def rows(self, sql):
        return harness.postgres().sql(f"SET search_path = {self.schema}; {sql}")

    def close(self):
        for server in self.all:
            server.stop()
