/* attack_test.c - what code in a session tries against its box, against others and against the server, each with what
 * stopped it. Run as root, as an ordinary user (`user`), and with nothing preloaded (`plain`): a session that was
 * forked into its box must be held by the same walls as one that was started there. The same attacks on boxes that read
 * files, and what bubblewrap alone holds: sandbox/sandbox_test.c. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"
#include "session/limits.h"
#include "session/session_rig.h"
#include "session/share.h"
#include "session/table.h"

#define TRY                                                                                                            \
	"def t(f):\n  try: return f()\n  except OSError as e: return e.errno\n  except MemoryError: return "           \
	"'MemoryError'\n"

static const struct {
	const char *name, *code, *said;
} attacks[] = {
    {"who it is: nobody, with nothing that it could do",
     "s = dict(l.split(':\\t', 1) for l in open('/proc/self/status').read().splitlines() if ':\\t' in l)\n"
     "print(os.getuid() != 0, os.geteuid() != 0, os.getgid() != 0, *(int(s[c], 16) for c in ('CapInh', 'CapPrm', "
     "'CapEff', 'CapBnd', 'CapAmb')), s['NoNewPrivs'], "
     "s['Seccomp'], s['Groups'].strip() in ('', '65534'))",
     "p:True True True 0 0 0 0 0 1 2 True\n|"},
    {"its bounds",
     "import resource as r\nprint(*(r.getrlimit(getattr(r, 'RLIMIT_' + n))[1] for n in ('NPROC', 'NOFILE', 'CORE', "
     "'FSIZE')))",
     "p:64 256 0 268435456\n|"},
    {"no descriptor and no environment of ours",
     "print([f for f in os.listdir('/proc/self/fd') if not str(t(lambda: os.readlink('/proc/self/fd/' + "
     "f))).startswith(('pipe:', 'socket:', '/dev/null', '/memfd:', '2'))], "
     "b'HOME=/root' in open('/proc/self/environ', 'rb').read(), [k for k in os.environ if 'KEY' in k or "
     "k.startswith('ANTIPHON')])",
     "p:[] False []\n|"},
    {"the init of the box cannot be looked into, signalled or stopped",
     "print(*(t(lambda: open('/proc/1/' + f, 'rb').read(1)) for f in ('environ', 'mem', 'maps')), t(lambda: "
     "os.readlink('/proc/1/root')), "
     "t(lambda: os.listdir('/proc/1/fd')))\nfor s in (9, 19, 15, 2): t(lambda: os.kill(1, s))\nprint('lives')",
     "p:13 13 13 13 13\nlives\n|"},
    {"a signal to all ends what is its own", "print(t(lambda: os.kill(-1, 15)) in (None, 3))", "p:True\n|"},
    {"everything but its own is read-only",
     "import signal\nfor d in ('/', '/usr', '/etc', '/dev', '/mnt', '/proc', '/lib', sys.prefix + '/lib'): "
     "print(t(lambda: open(d + '/x', 'w')), end=' ')",
     "p:30 30 30 30 30 2 30 30 |"},
    {"memory file systems have a size",
     "def fill(d):\n  n = 0\n  with open(d + '/x', 'wb', buffering=0) as f:\n    try:\n      while n < 200: n += "
     "f.write(bytes(1 << 20)) >> 20\n    except OSError as e: return n, e.errno\n"
     "  return n\nprint(fill('/tmp'), fill('/dev/shm'))\nos.remove('/tmp/x'); os.remove('/dev/shm/x')",
     "p:(64, 28) (64, 28)\n|"},
    {"one file has a size",
     "f = open('/mnt/data/big', 'wb')\nprint(t(lambda: f.truncate(1 << 40)))\nos.remove('/mnt/data/big')", "p:27\n|"},
    {"one process has a bound", "print(t(lambda: len(bytearray(8 << 30))))", "p:MemoryError\n|"},
    {"a bomb of processes",
     "n = 0\ntry:\n  while n < 500:\n    if os.fork() == 0: time.sleep(60); os._exit(0)\n    n += 1\nexcept OSError as "
     "e: print(n < 64, e.errno)\n"
     "import signal\nsignal.signal(15, signal.SIG_IGN); os.killpg(0, 15); signal.signal(15, signal.SIG_DFL)\n"
     "while t(os.wait) != 10: pass",
     "p:True 11\n|"},
    {"no name space, no mount, no other's memory, no keys, no kernel",
     "import ctypes\nc = ctypes.CDLL(None, use_errno=True)\nr = set()\n"
     "for n in (" /* ptrace process_vm_* mount umount2 pivot_root chroot unshare setns bpf perf userfaultfd io_uring
		     keys */
     "101, 310, 311, 165, 166, 155, 161, 272, 308, 321, 298, 323, 425, 426, 427, 248, 249, 250, 246, 320, 175, 313, "
     "176, 169, 304, 303, 428, 429, "
     "430, 431, 432, 433, 442, 438, 135, 319, 447, 29, 440, 278):\n"
     "  ctypes.set_errno(0)\n  v = c.syscall(n, 0, 0, 0, 0, 0, 0)\n  r.add((v, ctypes.get_errno()))\nprint(r)\n"
     "print(c.syscall(435, 0, 0), ctypes.get_errno())",
     "p:{(-1, 1)}\n-1 38\n|"},
    {"no device, no setuid program",
     "import stat, subprocess\nprint(t(lambda: os.mknod('/tmp/d', 0o666 | stat.S_IFBLK, os.makedev(8, 0))), [d for d "
     "in ('/dev/kvm', '/dev/mem', '/dev/fuse', '/sys', '/home', '/root', "
     "'/run') if os.path.exists(d)], subprocess.run(['/usr/bin/su', '-c', 'id'], capture_output=True, "
     "stdin=subprocess.DEVNULL).returncode != 0)",
     "p:1 [] True\n|"},
    {"no network",
     "import socket\nprint(*(t(lambda: socket.create_connection((a, p), 5)) for a, p in (('127.0.0.1', 22), "
     "('8.8.8.8', 53), ('169.254.169.254', 80))))\n"
     "for f in (17, 16, 38, 40): print(t(lambda: socket.socket(f, socket.SOCK_RAW if f == 17 else socket.SOCK_DGRAM, "
     "5)), end=' ')\n"
     "print(t(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)))",
     "p:111 101 101\n97 97 97 97 1\n|"},
    {"the kernel's knobs",
     "print(*(t(lambda: open(f, 'w').write('1')) in (1, 2, 13, 30) for f in ('/proc/sys/kernel/core_pattern', "
     "'/proc/sysrq-trigger', '/proc/self/uid_map')))",
     "p:True True True\n|"},
};

static void table_of_attacks(void)
{
	char code[4096];
	if (!rig_permitted())
		return;
	rig_warm();
	EXPECT(1, "import os, sys, time\nhere = 1\n" TRY, "", SESSION_OK);
	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
		int before = test_failed;
		snprintf(code, sizeof code, "import os, sys, time\n%s", attacks[i].code);
		EXPECT(1, code, attacks[i].said, SESSION_OK);
		if (test_failed != before)
			printf("# %s\n", attacks[i].name);
	}
	EXPECT(1, "here", "v:1|", SESSION_OK); /* and it has lost nothing by it */
}

/* What goes to the server in the driver's stead spoils the session that does it, and no other. */
static void forged(void)
{
	static const char *const codes[] = {
	    "import os\nos.write(3, b'x' * 200000)",
	    "import os\nos.write(3, b'value 99999999999\\n')",
	    "import os\nos.write(3, b'value -1\\n')",
	    "import os\nos.write(3, b'ready\\n' * 10000)",
	    "import os\nos.write(3, b'\\0\\xff\\n')",
	    "import os\nos.close(3)",
	    "import os\nos.closerange(0, 1000)",
	    "import gc\n[o for o in gc.get_objects() if type(o).__name__ == 'Session'][0].say(b'end what')",
	};
	struct said s;
	if (!rig_permitted())
		return;
	EXPECT(2, "other = 1", "", SESSION_OK);
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		EXPECT(3, "mine = 1", "", SESSION_OK);
		rig_run(&s, 3, codes[i], 0, NULL);
		CHECK(s.ok && s.r.end == SESSION_LOST && *s.r.why);
		if (s.r.end != SESSION_LOST)
			printf("# %s\n", codes[i]);
		buf_release(&s.text);
		rig_run(&s, 3, "'mine' in globals()", 0, NULL);
		CHECK_STR(buf_str(&s.text), S("v:False|"));
		CHECK(s.r.fresh && *s.r.before);
		buf_release(&s.text);
	}
	/* An end before the end, a picture that is none, marks that stand for nothing: what becomes of it depends on
	 * when it is read, but it is this session's alone. */
	rig_run(&s, 3,
		"import gc, os\nd = [o for o in gc.get_objects() if type(o).__name__ == 'Session'][0]\nd.mark(b'v'); "
		"d.mark(b'z')\n"
		"d.image(b'no picture'); print('before')\nd.say(b'end ok'); d.mark(b'e'); print('after')",
		0, NULL);
	CHECK(s.ok);
	buf_release(&s.text);
	rig_run(&s, 3, "1", 0, NULL); /* what it said after that is out of order now */
	buf_release(&s.text);
	EXPECT(2, "other", "v:1|", SESSION_OK);
}

/* Files in memory without bytes have a weight, too. */
static void empty_files(void)
{
	struct said s;
	if (!rig_permitted())
		return;
	session_limits.memory = 64 << 20;
	rig_run(&s, 4, "import os\nos.chdir('/tmp')\nfor i in range(200000): os.close(os.open(str(i), os.O_CREAT))",
		60000, NULL);
	CHECK(s.ok && s.r.end == SESSION_LOST && strstr(s.r.why, "memory"));
	if (s.r.end != SESSION_LOST)
		printf("# %.*s\n", FMT(buf_str(&s.text)));
	buf_release(&s.text);
	session_limits.memory = 1 << 30;
	session_limits.folder_files = 100;
	/* A folder that is locked hides nothing. */
	rig_run(&s, 5,
		"import os, time\nos.mkdir('d')\nfor i in range(1000): os.close(os.open(f'd/{i}', "
		"os.O_CREAT))\nos.chmod('d', 0)\ntime.sleep(60)",
		60000, NULL);
	CHECK(s.ok && s.r.end == SESSION_LOST && strstr(s.r.why, "100 files"));
	buf_release(&s.text);
	session_limits.folder_files = 2000;
}

/* A server that is killed leaves nothing: each process of its boxes holds a pipe, whose end comes; the process that has
 * the packages is gone as well. */
static void killed_server(void)
{
	char path[160];
	int told[2], status;
	pid_t zygote = 0;
	struct err e = {0};
	if (!rig_permitted())
		return;
	snprintf(path, sizeof path, "%s/50", rig_top);
	CHECK(share_make(path, &e));
	snprintf(path, sizeof path, "%s/50/p", rig_top);
	CHECK(mkfifo(path, 0666) == 0 && chmod(path, 0666) == 0 && pipe2(told, O_CLOEXEC) == 0);
	int held = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	pid_t server = fork();
	if (server == 0) {
		struct said s;
		rig_sessions = sessions_open(&(struct session_options){0});
		rig_warm();
		rig_run(&s, 50,
			"import os, subprocess\nf = os.open('p', os.O_WRONLY); os.set_inheritable(f, True)\n"
			"subprocess.Popen(['/bin/sh', '-c', 'setsid sleep 1000 & nohup sleep 1000'], close_fds=False)\n"
			"if os.fork() == 0:\n  os.setsid()\n  while True: pass\nos.write(f, b'.')",
			0, NULL);
		struct zygote *z = atomic_load(&rig_sessions->kind.zygote);
		zygote = z ? z->process.pid : 0;
		if (write(told[1], &zygote, sizeof zygote) != sizeof zygote)
			_exit(1);
		for (;;)
			pause();
	}
	char byte;
	CHECK(read(told[0], &zygote, sizeof zygote) == sizeof zygote && read(held, &byte, 1) == 1);
	int pidfd = zygote ? (int)syscall(SYS_pidfd_open, zygote, 0) : -1;
	kill(server, SIGKILL);
	waitpid(server, &status, 0);
	struct pollfd on[] = {{.fd = held, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
	CHECK(poll(on, 1, 30000) == 1 && read(held, &byte, 1) == 0);
	CHECK(pidfd < 0 || poll(on + 1, 1, 30000) == 1);
	close(held);
	if (pidfd >= 0)
		close(pidfd);
	close(told[0]);
	close(told[1]);
}

/* The process that sessions are forked from dies: those are lost, and say so; others come without it, until there is another. */
static void killed_zygote(void)
{
	struct said s;
	struct zygote *z = rig_sessions ? atomic_load(&rig_sessions->kind.zygote) : NULL;
	if (!rig_permitted() || !z)
		return;
	EXPECT(60, "a = 1", "", SESSION_OK);
	kill(z->process.pid, SIGKILL);
	while (atomic_load(&z->ready)) { /* found out by whoever wants one of it */
		static int64_t key = 6000;
		rig_run(&s, key++, "1", 0, NULL);
		buf_release(&s.text);
	}
	rig_run(&s, 60, "'a' in globals()", 0, NULL);
	buf_release(&s.text);
	rig_run(&s, 60, "'a' in globals()", 0, NULL);
	CHECK_STR(buf_str(&s.text), S("v:False|"));
	buf_release(&s.text);
	struct zygote *next = z;
	while (next == z || !atomic_load(&next->ready)) { /* it is made by itself */
		poll(NULL, 0, 10);
		next = atomic_load(&rig_sessions->kind.zygote);
	}
	CHECK(next->process.pid != z->process.pid);
	EXPECT(61, "b = 2", "", SESSION_OK);
	EXPECT(61, "b", "v:2|", SESSION_OK);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {{"attacks", table_of_attacks},
						 {"forged words", forged},
						 {"files without bytes, locked folders", empty_files},
						 {"a killed server", killed_server},
						 {"what sessions are forked from is killed", killed_zygote}};
	if (!session_rig_open(argc, argv))
		return 1;
	session_limits.again_ms = 100;
	int bad = test_main(cases, sizeof cases / sizeof *cases);
	return !rig_close() || bad;
}
