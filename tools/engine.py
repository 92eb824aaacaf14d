#!/usr/bin/env python3
"""Runs llama.cpp's own HTTP server out of the xllamacpp wheel, which has no command line of its own.

Antiphon starts this as a child; it ends with its parent, on SIGTERM or SIGINT. While the model loads
HTTP answers 503 already. Set OMP_WAIT_POLICY before the start: the library reads it when it is loaded."""

import argparse
import ctypes
import os
import signal
import threading

PR_SET_PDEATHSIG = 1


def arguments():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("model", help="a .gguf file")
    a.add_argument("listen", help="/path/of.sock, or a port on 127.0.0.1")
    a.add_argument("-np", "--slots", type=int, default=2, help="answers at one time")
    a.add_argument("-c", "--context", type=int, default=8192, help="tokens of all slots together")
    a.add_argument("-t", "--threads", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    a.add_argument("-b", "--batch", type=int, default=512, help="tokens of a prompt worked on at once")
    a.add_argument("--cache-ram", type=int, default=512, help="MiB for prompts of idle conversations")
    a.add_argument("--alias", help="the model's name; without it the server answers with the file's path")
    a.add_argument("--mmproj", help="projector of a model that sees")
    a.add_argument("--embedding", action="store_true", help="serve embeddings instead of chat")
    a.add_argument("--nice", type=int, default=0, help="how far it stands back for others, 0 to 19")
    return a.parse_args()


def die_with_parent():
    parent = os.getppid()
    # Not SIGTERM: Python would look at it only when a model that is being loaded has been loaded.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit("the parent ended before the start")


def parameters(x, args):
    p = x.CommonParams()
    p.model.path = args.model
    if args.alias:
        p.model_alias = {args.alias}
    if args.mmproj:
        p.mmproj.path = args.mmproj
        p.mmproj_use_gpu = False
    p.n_parallel = args.slots
    p.n_ctx = args.context
    p.n_batch = args.batch
    p.cpuparams.n_threads = args.threads
    p.cache_ram_mib = args.cache_ram
    p.use_jinja = True
    p.ui = False
    p.offline = True
    p.endpoint_metrics = True
    if "/" in args.listen:
        p.hostnames = [args.listen]
    else:
        p.hostnames = ["127.0.0.1"]
        p.port = int(args.listen)
    if args.embedding:
        p.embedding = True
        p.pooling_type = x.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return p


def main():
    args = arguments()
    die_with_parent()
    os.nice(args.nice)
    import xllamacpp as x

    stop = threading.Event()
    for s in (signal.SIGTERM, signal.SIGINT):
        signal.signal(s, lambda *_: stop.set())
    server = x.Server(parameters(x, args))
    print("ready", server.listening_address, flush=True)
    stop.wait()


if __name__ == "__main__":
    main()
