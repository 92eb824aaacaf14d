"""zygote.py: has the packages loaded, and forks interpreters into boxes.

To load numpy, pandas and matplotlib takes most of a second; a copy of a process that has them takes milliseconds, and shares
its memory. We run outside of boxes, as the user that boxes run as, with nothing of anybody's in memory; what we fork
enters the box's name spaces, drops all that it could do there, takes on the bounds and the filter, and only then reads code.

Descriptor 0 is a socket to the server that speaks as agents do (agent.h); the first file of an order to start is a pidfd of the
box's init. 3 is the filter of system calls, 4 the driver, 5 this program."""
import ctypes
import gc
import io
import os
import resource
import select
import signal
import socket
import struct
import sys

HEAD = struct.Struct("=IIIII")  # struct agent_order
START, SIGNAL = 1, 2
NAMESPACES = 0x10000000 | 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000 | 0x02000000  # user mnt pid net ipc uts cgroup
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 36, 38
ABOVE = 64

libc = ctypes.CDLL(None, use_errno=True)
FILTER = os.pread(3, 1 << 20, 0)


def check(result, what):
    if result:
        raise OSError(ctypes.get_errno(), what)


class Program(ctypes.Structure):  # struct sock_fprog
    _fields_ = [("n", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def drop():
    """No capability, now or ever; no more system calls than other programs in boxes have."""
    for n in range(64):
        if libc.prctl(PR_CAPBSET_DROP, n, 0, 0, 0):
            break
    head, none = struct.pack("=II", 0x20080522, 0), bytes(24)
    check(libc.capset(head, none), "capset")
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    code = ctypes.create_string_buffer(FILTER, len(FILTER))
    program = Program(len(FILTER) // 8, ctypes.cast(code, ctypes.c_void_p))
    check(libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0), "seccomp")


def bound(text):
    for part in text.split():
        name, value = part.split("=")
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (int(value), int(value)))


def become(files, argv, envp):
    """In the box, in a process of its own."""
    os.setsid()
    os.chdir("/mnt/data")
    high = [os.dup2(fd, ABOVE + 8 + i) for i, fd in enumerate(files)]
    for i, fd in enumerate(high):
        os.dup2(fd, i)
    os.closerange(len(files), 1 << 16)
    os.environ.clear()
    os.environ.update(item.split("=", 1) for item in envp)
    bound(argv[1])
    drop()
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    release()
    DRIVER["start"](3)


def enter(pidfd, files, argv, envp, told):
    """A child of ours: enters, forks once more (a process does not change its own pid name space), and is gone."""
    try:
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # until nothing is left to be taken
        check(libc.setns(pidfd, NAMESPACES), "setns")
        pid = os.fork()
        if pid == 0:
            become(files, argv, envp)
        os.write(told, struct.pack("=i", pid))
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(0)


class Zygote:
    def __init__(self):
        self.socket = socket.socket(fileno=os.dup2(0, ABOVE, inheritable=False))
        self.running = {}  # pid > (id, status file)

    def start(self, number, strings, argc, files):
        pidfd, inner, status = files[0], files[1:-1], files[-1]
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            enter(pidfd, inner, strings[:argc], strings[argc:], write)
        os.close(write)
        os.waitpid(child, 0)  # so it is a grandchild that is ours now
        said = os.read(read, 4)
        os.close(read)
        if len(said) == 4:
            self.running[struct.unpack("=i", said)[0]] = (number, status)
        else:
            os.close(status)
        for fd in files[:-1]:
            os.close(fd)

    def signal(self, number, which):
        for pid, (other, _) in self.running.items():
            if other == number:
                try:
                    os.killpg(pid, which)
                except OSError:
                    pass

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            _, file = self.running.pop(pid, (0, None))
            if file is not None:
                try:
                    os.write(file, struct.pack("=i", status))
                except OSError:
                    pass
                os.close(file)

    def serve(self):
        wake, woken = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(woken)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.socket.send(b"ready")
        while True:
            ready, _, _ = select.select([self.socket, wake], [], [])
            if wake in ready:
                os.read(wake, 4096)
                self.reap()
            if self.socket not in ready:
                continue
            data, files, _, _ = socket.recv_fds(self.socket, 160 << 10, 8)
            if len(data) < HEAD.size:
                return
            verb, number, which, argc, _ = HEAD.unpack_from(data)
            if verb == START and len(files) > 2:
                self.start(number, data[HEAD.size:].decode("utf-8", "surrogateescape").split("\0")[:-1], argc, list(files))
            elif verb == SIGNAL:
                self.signal(number, which)


def preload(folder):
    """As far as there are such packages. One picture is drawn, so that what is made at the first one is there."""
    global release
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # a process that forks has one thread
    import ast, asyncio, linecache, subprocess, traceback, types  # noqa: E401, F401: what the driver needs
    try:
        import numpy, pandas  # noqa: E401, F401
    except ImportError:
        pass
    try:
        import matplotlib
        usual = matplotlib.get_configdir, matplotlib.get_cachedir
        matplotlib.get_configdir = matplotlib.get_cachedir = lambda: os.path.join(folder, "share", "matplotlib")

        def release():
            matplotlib.get_configdir, matplotlib.get_cachedir = usual
        from matplotlib import pyplot
        DRIVER["Plots"].begin(matplotlib)
        pyplot.plot([1, 2])
        pyplot.title("1")
        pyplot.savefig(io.BytesIO(), format="png")
        pyplot.close("all")
    except ImportError:
        pass
    gc.collect()
    gc.freeze()


def release():
    pass


check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "parent-death signal")
check(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "subreaper")
DRIVER = {"__name__": "driver"}
exec(compile(os.pread(4, 1 << 20, 0), "<driver>", "exec"), DRIVER)
preload(os.environ.get("VIRTUAL_ENV") or sys.prefix)
Zygote().serve()
