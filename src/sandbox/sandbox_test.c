/* sandbox_test.c - attacks from inside a box, each with what stopped it. Run as root, and as an ordinary user (`user`).
 * Where a box is not permitted, that is what is tested. */
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/test.h"
#include "sandbox/host.h"

static const struct box_policy roomy = {.memory = 1 << 30,
					.cpu_seconds = 20,
					.tmp_bytes = 8 << 20,
					.file_bytes = 4 << 20,
					.processes = 32,
					.open_files = 64,
					.proc = true};

static bool permitted(void)
{
	struct host_report r;
	bool ok = host_permits(&r);
	if (!ok)
		printf("# no sandbox here: %s; %s\n", r.cause, r.cure);
	CHECK(ok || (*r.cause && *r.cure));
	return ok;
}

static bool python_here(void)
{
	return permitted() && access("/usr/bin/python3", X_OK) == 0;
}

/* What a Python program printed; its exceptions are its own to catch. */
static struct str python(const struct box_policy *p, const char *code, struct buf *out, struct err *e)
{
	struct sandbox s = {.argv = {"/usr/bin/python3", "-I", "-c", code}, .seconds = 20, .memory = 1 << 30};
	buf_init(out, 65536);
	*e = (struct err){0};
	CHECK(p ? sandbox_run_in(&s, p, out, e) : sandbox_run(&s, out, e));
	if (e->code)
		printf("# %s\n", e->msg);
	return str_trim(buf_str(out));
}

/* --- nothing without a size ------------------------------------------------------------------------------ */

#define FILL                                                                                                           \
	"import os,signal\nsignal.signal(signal.SIGXFSZ,signal.SIG_IGN)\n"                                             \
	"def fill(d):\n n=0\n try:\n  for i in range(40):\n"                                                           \
	"   with open(d+'/f%d'%i,'wb',buffering=0) as f: n+=f.write(bytes(1<<20))\n"                                   \
	" except OSError as x: return '%s %d %s'%(d,n>>20,x.strerror)\n return '%s %d'%(d,n>>20)\n"                    \
	"print('\\n'.join(fill(d) for d in ('/','/tmp','/dev','/dev/shm','/usr','/run','/etc') if os.path.isdir(d)))"

static void sizes(void)
{
	struct buf out;
	struct err e;
	if (!python_here())
		return;
	CHECK_STR(python(NULL, FILL, &out, &e),
		  S("/ 0 Read-only file system\n/tmp 0 Read-only file system\n/dev 0 Read-only file system\n/dev/shm 0 "
		    "Read-only file "
		    "system\n/usr 0 Read-only file system\n/etc 0 Read-only file system"));
	buf_release(&out);
	CHECK_STR(python(&roomy, FILL, &out, &e),
		  S("/ 0 Read-only file system\n/tmp 8 No space left on device\n/dev 0 Read-only file system\n/dev/shm "
		    "8 No space left on "
		    "device\n/usr 0 Read-only file system\n/etc 0 Read-only file system"));
	buf_release(&out);
	CHECK_STR(python(&roomy,
			 "import signal\nsignal.signal(signal.SIGXFSZ,signal.SIG_IGN)\n"
			 "try:\n f=open('/tmp/x','wb',buffering=0)\n while True: f.write(bytes(1<<20))\n"
			 "except OSError as x: print(f.tell()>>20,x.strerror)",
			 &out, &e),
		  S("4 File too large"));
	buf_release(&out);
}

/* --- nothing without a deadline -------------------------------------------------------------------------- */

/* seconds: 1. What is awaited would otherwise last for minutes. */
static void deadlines_in(bool bounds_only)
{
	static const char *const lasting[] = {
	    "exec >&- 2>&-; sleep 300", /* closes its output and stays */
	    "sleep 300", "trap '' TERM INT HUP; exec >&-; while :; do :; done",
	    "(setsid sleep 300 >&- 2>&- &) ; exec >&-; sleep 300", /* children in a session of their own */
	};
	sandbox_limits_only = bounds_only;
	for (size_t i = 0; i < sizeof lasting / sizeof *lasting; i++) {
		struct sandbox s = {.argv = {"/usr/bin/bash", "-c", lasting[i]}, .seconds = 1, .memory = 1 << 30};
		struct err e = {0};
		struct buf out;
		buf_init(&out, 100);
		int64_t before = clock_mono_us();
		CHECK(!sandbox_run(&s, &out, &e) && e.code == (i == 2 ? e.code : ERR_REQUEST_TIMEOUT));
		CHECK(clock_mono_us() - before < 60 * 1000000LL);
		buf_release(&out);
	}
	/* A cancel is heard after its output was closed, too. */
	_Atomic bool stop = true;
	struct sandbox s = {.argv = {"/usr/bin/bash", "-c", "exec >&-; sleep 300"},
			    .seconds = 200,
			    .memory = 1 << 30,
			    .cancelled = &stop};
	struct err e = {0};
	struct buf out;
	buf_init(&out, 100);
	CHECK(!sandbox_run(&s, &out, &e) && e.code == ERR_REQUEST_TIMEOUT);
	buf_release(&out);
	sandbox_limits_only = false;
}

/* bubblewrap itself keeps the output open while its program lives; without it nobody does. */
static void deadlines(void)
{
	deadlines_in(true);
	if (permitted())
		deadlines_in(false);
}

/* --- never root ------------------------------------------------------------------------------------------ */

static void no_root(void)
{
	struct buf out;
	struct err e;
	if (!python_here())
		return;
	/* Its user, its capabilities, what a setuid program would give it, and the filter. What its user is outside:
	 * mounts(). */
	CHECK_STR(python(&roomy,
			 "s=dict(l.split(':\t') for l in open('/proc/self/status').read().splitlines() if ':\t' in l)\n"
			 "print(s['Uid'].split()[0],s['Gid'].split()[0],s['CapEff'],s['CapPrm'],s['CapBnd'],s['"
			 "NoNewPrivs'],s['Seccomp'])",
			 &out, &e),
		  S("65534 65534 0000000000000000 0000000000000000 0000000000000000 1 2"));
	buf_release(&out);
	CHECK_STR(python(&roomy,
			 "import os\nfor f in (os.setuid,os.setgid):\n try: f(0); print('root')\n except OSError as x: "
			 "print(x.strerror)",
			 &out, &e),
		  S("Invalid argument\nInvalid argument"));
	buf_release(&out);
}

/* --- system calls ---------------------------------------------------------------------------------------- */

#define CALLS                                                                                                          \
	"import ctypes,errno,socket,fcntl,os\nl=ctypes.CDLL(None,use_errno=True)\n"                                    \
	"def c(n,*a):\n ctypes.set_errno(0); r=l.syscall(n,*a); return 'ok' if r>=0 else "                             \
	"errno.errorcode[ctypes.get_errno()]\n"

static void calls(void)
{
	struct buf out;
	struct err e;
	if (!python_here())
		return;
#ifdef __x86_64__
	/* ptrace, unshare, mount, umount2, setns, chroot, pivot_root, keyctl, add_key, bpf, perf_event_open,
	 * userfaultfd, io_uring_setup, process_vm_readv, open_by_handle_at, init_module, kexec_load, fsopen,
	 * pidfd_getfd, personality, memfd_create, shmget, syslog */
	CHECK_STR(
	    python(&roomy,
		   CALLS
		   "print(*{c(n,0,0,0,0,0,0) for n in (101,272,165,166,308,161,155,250,248,321,298,323,425,310,304,175,"
		   "246,430,438,135,319,29,103)})",
		   &out, &e),
	    S("EPERM"));
	buf_release(&out);
	/* clone(2) with each kind of namespace, and with all; clone3(2) as if it did not exist. */
	CHECK_STR(
	    python(&roomy,
		   CALLS
		   "print(*{c(56,f|17,0,0,0,0) for f in (0x10000000,0x20000,0x20000000,0x40000000,0x8000000,0x4000000,"
		   "0x2000000,0x7e020000)},c(435,0,0))",
		   &out, &e),
	    S("EPERM ENOSYS"));
	buf_release(&out);
	/* A call of the 32-bit world, whose numbers differ, ends the program. */
	CHECK_STR(
	    python(&roomy,
		   "import os,ctypes\np=os.fork()\nif not p:\n ctypes.CDLL(None).syscall(0x40000000+39); os._exit(0)\n"
		   "print(os.WTERMSIG(os.waitpid(p,0)[1]))",
		   &out, &e),
	    S("31"));
	buf_release(&out);
#endif
	CHECK_STR(python(&roomy,
			 "import socket\ndef t(*a):\n try: socket.socket(*a); return 'ok'\n except OSError as x: "
			 "return x.errno\n"
			 "print(t(1,1),t(2,1),t(10,2),t(16,3,0),t(16,3,9),t(17,3),t(40,1),t(38,5),t(31,1))",
			 &out, &e),
		  S("ok ok ok ok 97 97 97 97 97")); /* EAFNOSUPPORT */
	buf_release(&out);
}

/* --- the rest of the table of attacks -------------------------------------------------------------------- */

static const struct {
	const char *name, *code, *said;
} attacks[] = {
    {"a fork bomb stops at the limit of processes",
     "import os,time\nn=0\ntry:\n while n<500:\n  if os.fork()==0: time.sleep(60); os._exit(0)\n  n+=1\nexcept OSError "
     "as x: print(n<32,x.errno)",
     "True 11"},
    {"memory of one process", "try: bytearray(2<<30)\nexcept MemoryError: print('MemoryError')", "MemoryError"},
    {"no other process is seen", "import os\nprint(len([d for d in os.listdir('/proc') if d.isdigit()])<=3)", "True"},
    {"no signal leaves",
     "import os\ntry: os.kill(1,9)\nexcept OSError as x: print(x.errno)\nprint(os.path.exists('/proc/1'))", "True"},
    {"the kernel's knobs cannot be written",
     "r=set()\nfor f in "
     "('/proc/sys/kernel/hostname','/proc/sysrq-trigger','/proc/sys/vm/overcommit_memory','/proc/sys/kernel/"
     "core_pattern'):\n"
     " try: open(f,'w').write('1'); r.add('ok')\n except OSError as x: r.add(x.errno in (1,2,13,30))\nprint(*r)",
     "True"},
    {"the kernel's addresses are hidden",
     "try: print(any(int(l.split()[0],16) for l in open('/proc/kallsyms')))\nexcept OSError: print(False)", "False"},
    {"no device can be made or opened",
     "import os,stat\ntry: os.mknod('/tmp/d',0o666|stat.S_IFBLK,os.makedev(8,0)); print('made')\nexcept OSError as x: "
     "print(x.errno)\n"
     "print([d for d in ('/dev/kvm','/dev/mem','/dev/vda','/dev/sda','/dev/fuse','/sys','/home','/root','/var/run') if "
     "os.path.exists(d)])",
     "1\n[]"},
    {"no setuid program helps",
     "import os,subprocess\nprint(subprocess.run(['/usr/bin/su','-c','id "
     "-u'],capture_output=True,stdin=subprocess.DEVNULL).returncode!=0)",
     "True"},
    {"a script with a setuid bit is not root",
     "import os,shutil,subprocess\nshutil.copy('/usr/bin/id','/tmp/id');os.chmod('/tmp/id',0o6755)\n"
     "print(subprocess.run(['/tmp/id','-u'],capture_output=True,text=True).stdout.strip())",
     "65534"},
    {"there is no network",
     "import socket\ndef t(a,p):\n s=socket.socket(); s.settimeout(5)\n try: s.connect((a,p)); return 'ok'\n except "
     "OSError as x: return x.errno\n"
     "print(t('127.0.0.1',22),t('169.254.169.254',80),t('8.8.8.8',53))\n"
     "try: socket.getaddrinfo('example.com',80); print('ok')\nexcept OSError: print('no name')\n"
     "u=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ntry: u.sendto(b'x',('8.8.8.8',53)); print('ok')\nexcept "
     "OSError as x: print(x.errno)",
     "111 101 101\nno name\n101"},
    {"no environment and no descriptor of ours",
     "import os\nprint(sorted(k for k in os.environ if k not in ('PATH','LC_ALL','PWD')),"
     "[f for f in os.listdir('/proc/self/fd') if int(f)>3])",
     "[] []"},
    {"the init of the box has nothing of ours",
     "try: e=open('/proc/1/environ','rb').read()\nexcept OSError: e=b''\nprint(b'HOME' in e or b'KEY' in e)", "False"},
    {"symbolic and hard links lead nowhere",
     "import os\nos.symlink('/etc/shadow','/tmp/s')\ntry: open('/tmp/s')\nexcept OSError as x: print(x.errno)\n"
     "try: os.link('/usr/bin/su','/tmp/su')\nexcept OSError as x: print(x.errno)",
     "2\n18"},
};

static void table_of_attacks(void)
{
	if (!python_here())
		return;
	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
		struct buf out;
		struct err e;
		struct str said = python(&roomy, attacks[i].code, &out, &e);
		if (!str_eq(said, str_of(attacks[i].said)))
			printf("# %s\n", attacks[i].name);
		CHECK_STR(said, str_of(attacks[i].said));
		buf_release(&out);
	}
}

/* Files of the host are there when the policy mounts them, and as it says. */
static void mounts(void)
{
	char dir[] = "/tmp/antiphon-mount-XXXXXX", text[128];
	struct stat st;
	struct buf out;
	struct err e;
	if (!python_here() || !mkdtemp(dir))
		return;
	chmod(dir, 0777);
	struct box_policy p = roomy;
	p.mounts[p.n_mounts++] = (struct box_mount){dir, "/mnt/data", true, false};
	p.mounts[p.n_mounts++] = (struct box_mount){dir, "/mnt/look", false, false};
	CHECK_STR(python(&p,
			 "import os\nopen('/mnt/data/a','w').write('x'); print(open('/mnt/look/a').read())\n"
			 "try: open('/mnt/look/b','w')\nexcept OSError as x: print(x.strerror)",
			 &out, &e),
		  S("x\nRead-only file system"));
	buf_release(&out);
	snprintf(text, sizeof text, "%s/a", dir);
	CHECK(stat(text, &st) == 0 && st.st_uid == (geteuid() ? geteuid() : 65534) && st.st_uid != 0 && st.st_gid != 0);
	unlink(text);
	snprintf(text, sizeof text, "import os;print(os.path.exists('%s'))", dir);
	CHECK_STR(python(&roomy, text, &out, &e), S("False"));
	buf_release(&out);
	rmdir(dir);
}

/* A server that is killed leaves nothing: a program with a child in a session of its own holds a pipe, whose end comes.
 */
static void killed_server(void)
{
	char dir[] = "/tmp/antiphon-killed-XXXXXX", pipe[64];
	if (!python_here() || !mkdtemp(dir))
		return;
	snprintf(pipe, sizeof pipe, "%s/p", dir);
	CHECK(mkfifo(pipe, 0666) == 0 && chmod(dir, 0777) == 0 && chmod(pipe, 0666) == 0);
	pid_t server = fork();
	if (server == 0) {
		struct box_policy p = roomy;
		struct sandbox s = {
		    .argv = {"/usr/bin/python3", "-I", "-c",
			     "import os,time\nf=os.open('/mnt/data/p',os.O_WRONLY)\nif os.fork()==0: os.setsid()\n"
			     "os.write(f,b'.')\ntime.sleep(300)"},
		    .seconds = 250,
		    .memory = 1 << 30};
		struct buf out;
		struct err e = {0};
		p.mounts[p.n_mounts++] = (struct box_mount){dir, "/mnt/data", true, false};
		buf_init(&out, 100);
		sandbox_run_in(&s, &p, &out, &e);
		_exit(0);
	}
	char two[2];
	int fd = open(pipe, O_RDONLY), status; /* until the box has it open */
	struct pollfd on = {.fd = fd, .events = POLLIN};
	for (size_t n = 0; n < sizeof two; n++) /* both are there */
		CHECK(poll(&on, 1, 30000) == 1 && read(fd, two, 1) == 1);
	kill(server, SIGKILL);
	waitpid(server, &status, 0);
	CHECK(poll(&on, 1, 30000) == 1 && read(fd, two, 1) == 0);
	close(fd);
	unlink(pipe);
	rmdir(dir);
}

/* What bubblewrap says where it is not permitted: a cause, and a line that mends it. */
static void explained(void)
{
	static const char *const words[] = {"bwrap: setting up uid map: Permission denied\n",
					    "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted\n",
					    "bwrap: No permissions to create new namespace, likely because the kernel "
					    "does not allow non-privileged user namespaces.\n",
					    "bwrap: Can't mount proc on /newroot/proc: Operation not permitted\n",
					    "bwrap: Unknown option --x\n",
					    "",
					    "\x1b[31m\xff\n"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		struct host_report r = {0};
		host_explain(str_of(words[i]), &r);
		CHECK(*r.cause && *r.cure && !strchr(r.cause, '\x1b') && !strchr(r.cause, '\xff'));
	}
	struct host_report proc = {0};
	host_explain(S("bwrap: Can't mount proc on /newroot/proc: Operation not permitted\n"), &proc);
	CHECK(strstr(proc.cure, "systempaths=unconfined") || access("/proc/sys/user/max_user_namespaces", F_OK));
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {{"sizes", sizes},
						 {"deadlines", deadlines},
						 {"never root", no_root},
						 {"system calls", calls},
						 {"attacks", table_of_attacks},
						 {"mounts", mounts},
						 {"a killed server", killed_server},
						 {"what the host says", explained}};
	if (argc > 1 && geteuid() == 0 && (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
		return 1;
	return test_main(cases, sizeof cases / sizeof *cases);
}
