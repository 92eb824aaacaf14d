/* session_test.c - sessions with the real bubblewrap and the real Python. Run as root, and as an ordinary user
 * (`user`). */
#include "session/keeper.h"
#include "session/session_rig.h"
#include "session/shell.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/test.h"
#include "session/limits.h"
#include "session/share.h"
#include "session/table.h"

static void begin(void)
{
	if (rig_permitted())
		rig_warm();
}

static void outputs(void)
{
	if (!rig_permitted())
		return;
	EXPECT(1, "x = 20\nx + 1", "v:21|", SESSION_OK);
	EXPECT(1, "print(x)\nx * 2", "p:20\n|v:40|", SESSION_OK);
	EXPECT(1, "print('a')\r\nif x:\r\n  print('b')\r\n", "p:a\nb\n|", SESSION_OK);
	EXPECT(1, "None", "", SESSION_OK);
	EXPECT(1, "x;", "", SESSION_OK);
	EXPECT(1, "import sys\nprint('o')\nprint('e', file=sys.stderr)\nprint('o')\n'v'", "p:o\ne\no\n|v:'v'|",
	       SESSION_OK);
	EXPECT(1, "print('\\x1b[31mred\\x1b[0m \\x00\\x07 \\udcff')\nimport os\nos.write(1, b'\\xff\\n') and None",
	       "p:red  \\udcff\n\xef\xbf\xbd\n|", SESSION_OK);
	EXPECT(1, "if __name__ == '__main__':\n  print(__name__)", "p:__main__\n|", SESSION_OK);
	EXPECT(1, "!echo shell; echo no >&2\ny = '''\n!echo kept\n'''\nprint(y)", "p:shell\nno\n\n!echo kept\n\n|",
	       SESSION_OK);
	EXPECT(1, "import asyncio\nawait asyncio.sleep(0)\nasync def f(): return 7\nawait f()", "v:7|", SESSION_OK);
	EXPECT(1, "def f():\n  return 1 / 0\nf()",
	       "p:Traceback (most recent call last):\n  File \"<cell 11>\", line 3, in <module>\n    f()\n  File "
	       "\"<cell 11>\", line 2, in f\n"
	       "    return 1 / 0\n           ~~^~~\nZeroDivisionError: division by zero\n|",
	       SESSION_RAISED);
	EXPECT(1, "raise SystemExit", "", SESSION_OK);
	EXPECT(1, "exit(3)", "p:SystemExit: 3\n|", SESSION_RAISED);
	EXPECT(1, "input()",
	       "p:Traceback (most recent call last):\n  File \"<cell 14>\", line 1, in <module>\n    "
	       "input()\nEOFError: EOF when reading a line\n|",
	       SESSION_RAISED);
	EXPECT(1, "import os\nif os.fork() == 0: print('child')\nelse: os.wait() and None\n", "p:child\n|", SESSION_OK);
	EXPECT(1, "import os, sys\nsys.stdout.close(); os.close(1)", "", SESSION_OK);
	EXPECT(1, "print('again')", "p:again\n|", SESSION_OK);
	EXPECT(1, "class P:\n  def _repr_png_(self): return b'\\x89PNG\\r\\n\\x1a\\n'\nprint(1)\nP()", "p:1\n|i:PNG|",
	       SESSION_OK);
	EXPECT(1, "x", "v:20|", SESSION_OK);
	EXPECT(1, "for", "p:  File \"<cell 20>\", line 1\n    for\n       ^\nSyntaxError: invalid syntax\n|",
	       SESSION_RAISED);
}

static void files(void)
{
	struct said s;
	if (!rig_permitted())
		return;
	EXPECT(2, "import os\nprint(os.getcwd(), os.getuid() != 0)\nopen('a.txt', 'w').write('hello') and None",
	       "p:/mnt/data True\n|", SESSION_OK);
	EXPECT(2, "open('m.py','w').write('z=5\\n') and None\nimport m\nm.z, sorted(os.listdir())",
	       "v:(5, ['a.txt', 'm.py'])|", SESSION_OK);
	rig_run(&s, 2, "0", 1000, NULL);
	struct arena a = {0};
	struct share_list l;
	CHECK(share_list(&a, s.folder, &l, &s.e) && l.n == 2 && !l.cut);
	CHECK_STR(l.at[0].path, S("a.txt"));
	struct stat st;
	char text[16];
	int fd = share_open(s.folder, S("a.txt"), &st, &s.e);
	CHECK(fd >= 0 && read(fd, text, sizeof text) == 5);
	close(fd);
	fd = share_create(s.folder, S("in/from outside"), &s.e);
	CHECK(fd >= 0 && write(fd, "!", 1) == 1);
	close(fd);
	EXPECT(2, "open('in/from outside','a').write('?')\nopen('in/from outside').read()", "v:'!?'|", SESSION_OK);
	arena_free(&a);
	buf_release(&s.text);
}

/* Time, output, memory, files: each ends the call, named; variables stay where they can. */
static void bounds(void)
{
	struct said s;
	if (!rig_permitted())
		return;
	EXPECT(3, "kept = 1", "", SESSION_OK);
	rig_run(&s, 3, "while True: pass", 300, NULL);
	CHECK(s.ok && s.r.end == SESSION_INTERRUPTED && strstr(s.r.why, "time"));
	buf_release(&s.text);
	_Atomic bool stop = true;
	rig_run(&s, 3, "import time\ntime.sleep(100)", 30000, &stop);
	CHECK(!s.ok || (s.r.end == SESSION_INTERRUPTED && strstr(s.r.why, "cancelled")));
	buf_release(&s.text);
	rig_run(&s, 3, "while True: print('x' * 1000)", 30000, NULL);
	CHECK(s.ok && s.r.end == SESSION_INTERRUPTED && s.r.left_out > 0 && strstr(s.r.why, "printed"));
	CHECK((int64_t)s.text.n < session_limits.output_bytes + 100);
	buf_release(&s.text);
	EXPECT(3, "kept", "v:1|", SESSION_OK);
	rig_run(&s, 3,
		"import signal\nwhile True:\n  try:\n    while True: signal.signal(signal.SIGINT, signal.SIG_IGN)\n  "
		"except BaseException: pass",
		300, NULL);
	CHECK(s.ok && s.r.end == SESSION_LOST && strstr(s.r.why, "time"));
	buf_release(&s.text);
	rig_run(&s, 3, "'kept' in globals()", 30000, NULL);
	CHECK_STR(buf_str(&s.text), S("v:False|"));
	CHECK(s.r.fresh && strstr(s.r.before, "time"));
	buf_release(&s.text);
	rig_run(&s, 3, "import os\nos._exit(3)", 30000, NULL);
	CHECK(s.ok && s.r.end == SESSION_LOST && strstr(s.r.why, "status 3") && !s.r.fresh);
	buf_release(&s.text);
	rig_run(&s, 3, "1", 30000, NULL);
	CHECK(s.r.fresh && strstr(s.r.before, "status 3"));
	buf_release(&s.text);
	rig_run(&s, 3, "import ctypes\nctypes.string_at(0)", 30000, NULL);
	CHECK(s.r.end == SESSION_LOST && strstr(s.r.why, "signal 11"));
	buf_release(&s.text);
	session_limits.memory = 96 << 20;
	rig_run(&s, 4,
		"import os\nfor i in range(20):\n  if os.fork() == 0: break\nb = bytearray(os.urandom(1 << 20) * "
		"30)\nimport time\ntime.sleep(60)",
		30000, NULL);
	CHECK(s.r.end == SESSION_LOST && strstr(s.r.why, "96 MB of memory"));
	buf_release(&s.text);
	rig_run(&s, 4,
		"open('/tmp/x','wb').write(bytes(60 << 20))\nopen('/dev/shm/x','wb').write(bytes(60 << 20))\nimport "
		"time\ntime.sleep(60)",
		30000, NULL);
	CHECK(s.r.end == SESSION_LOST && strstr(s.r.why, "96 MB of memory") && strstr(s.r.before, "memory"));
	buf_release(&s.text);
	session_limits.memory = 1 << 30;
	session_limits.folder_files = 50;
	rig_run(&s, 4, "import time\nfor i in range(10000): open(f'f{i}','w').close()\ntime.sleep(60)", 30000, NULL);
	CHECK(s.r.end == SESSION_LOST && strstr(s.r.why, "50 files"));
	buf_release(&s.text);
	session_limits.folder_files = 2000;
	session_limits.free_bytes = INT64_MAX;
	rig_run(&s, 9, "import time\ntime.sleep(60)", 30000, NULL);
	CHECK(s.r.end == SESSION_LOST && strstr(s.r.why, "disk"));
	buf_release(&s.text);
	session_limits.free_bytes = 0;
}

static void shells(void)
{
	struct said s;
	struct session_shell r;
	struct err e = {0};
	if (!rig_permitted())
		return;
	kept_init(&r.out, 1000);
	kept_init(&r.err, 1000);
	rig_run(&s, 5, "v = 3\nopen('p','w').write('from python\\n') and None", 30000, NULL);
	CHECK(session_shell(rig_sessions, &s.where, S("cat p; echo no >&2; exit 4"), 30000, NULL, &r, &e) &&
	      r.exit_code == 4);
	CHECK_STR(buf_str(&r.out.head), S("from python\n"));
	CHECK_STR(buf_str(&r.err.head), S("no\n"));
	kept_release(&r.out);
	kept_release(&r.err);
	CHECK(session_shell(rig_sessions, &s.where, S("echo begin; sleep 100"), 300, NULL, &r, &e) && r.timed_out &&
	      !*r.why);
	CHECK_STR(buf_str(&r.out.head), S("begin\n"));
	kept_release(&r.out);
	/* What stays behind does not hold the command up, and serves later ones. */
	CHECK(session_shell(rig_sessions, &s.where, S("sleep 100 & echo $$; kill -0 $! && echo lives"), 30000, NULL, &r,
			    &e) &&
	      r.exit_code == 0);
	kept_release(&r.out);
	CHECK(session_shell(rig_sessions, &s.where, S("yes | head -c 3000"), 30000, NULL, &r, &e) &&
	      r.out.left_out == 2000);
	kept_release(&r.out);
	CHECK(session_shell(rig_sessions, &s.where, S("kill -9 1 0; kill -9 $$"), 30000, NULL, &r, &e) &&
	      r.exit_code == 137 && !*r.why);
	buf_release(&s.text);
	EXPECT(5, "v", "v:3|", SESSION_OK);
	session_end(rig_sessions, 5);
	rig_run(&s, 5, "1", 30000, NULL);
	CHECK(s.r.fresh && !*s.r.before);
	buf_release(&s.text);
	kept_release(&r.out);
	kept_release(&r.err);
}

/* Neither sees anything of the other, nor of the host. */
static void apart(void)
{
	struct said s;
	if (!rig_permitted())
		return;
	EXPECT(
	    6,
	    "import socket, os\nl = socket.socket(); l.bind(('127.0.0.1', 7777)); l.listen()\nu = "
	    "socket.socket(socket.AF_UNIX); u.bind('\\0abstract'); u.listen()\nopen('secret','w').write('1') and None",
	    "", SESSION_OK);
	EXPECT(7,
	       "import socket, os\nfor f, a in ((socket.AF_INET, ('127.0.0.1', 7777)), (socket.AF_UNIX, "
	       "'\\0abstract')):\n  try: socket.socket(f).connect(a); print('in')\n  except OSError as e: "
	       "print(e.errno)\nos.listdir('/mnt/data'), len([p for p in os.listdir('/proc') if p.isdigit()])",
	       "p:111\n111\n|v:([], 2)|", SESSION_OK);
	snprintf(s.folder, sizeof s.folder,
		 "import os\nos.path.exists('%s'), os.path.exists('/home'), os.path.exists('/etc/passwd')", rig_top);
	EXPECT(7, s.folder, "v:(False, False, False)|", SESSION_OK);
}

/* A container without files takes a box that waited, folder and all. One that has files keeps its folder: were they moved, a kill could
 * catch them on their way. */
static void pool(void)
{
	struct said s;
	struct err e = {0};
	struct stat st, was, now;
	char folder[128];
	int fd;
	if (!rig_permitted())
		return;
	for (int i = 0; i < 6; i++) {
		snprintf(folder, sizeof folder, "%s/%d", rig_top, 300 + i);
		CHECK(share_make(folder, &e));
		if (i % 2) {
			fd = share_create(folder, S("given/a.csv"), &e);
			CHECK(fd >= 0 && write(fd, "1,2\n", 4) == 4);
			close(fd);
			CHECK(stat(folder, &was) == 0);
			EXPECT(300 + i, "import os\nopen('new', 'w').close()\nsorted(os.listdir()), open('given/a.csv').read()",
			       "v:(['given', 'new'], '1,2\\n')|", SESSION_OK);
			CHECK(stat(folder, &now) == 0 && now.st_ino == was.st_ino);
		} else {
			EXPECT(300 + i, "import os\nopen('new', 'w').close()\nos.listdir()", "v:['new']|", SESSION_OK);
		}
		fd = share_open(folder, S("new"), &st, &e);
		CHECK(fd >= 0);
		close(fd);
		rig_run(&s, 300 + i, "__import__('time').sleep(.3)", 30000, NULL); /* lets another one wait */
		CHECK(s.ok && !s.r.fresh);
		buf_release(&s.text);
	}
}

/* Figures of matplotlib, where it is installed: in the folder that ANTIPHON_PACKAGES names, or the usual one. */
static void pictures(void)
{
	struct said s;
	if (!rig_permitted())
		return;
	rig_run(&s, 8, "import importlib.util as u\nbool(u.find_spec('matplotlib') and u.find_spec('pandas'))", 30000,
		NULL);
	bool there = str_eq(buf_str(&s.text), S("v:True|"));
	buf_release(&s.text);
	if (!there) {
		printf("# matplotlib is not installed: antiphon sandbox install\n");
		return;
	}
	EXPECT(8,
	       "import matplotlib.pyplot as plt\nplt.plot([1, "
	       "2])\nplt.title('T')\nprint('before')\nplt.show()\nprint('after')",
	       "p:before\n|i:PNG|p:after\n|", SESSION_OK);
	EXPECT(8, "f, a = plt.subplots()\na.plot([3, 1])\nplt.figure()\nplt.bar([1], [2]);", "i:PNG|i:PNG|",
	       SESSION_OK);
	EXPECT(8, "plt.figure()\nplt.plot([1])\n1 / 0", NULL, SESSION_RAISED);
	EXPECT(8, "plt.plot([1]); plt.savefig('a.png'); plt.close()", "", SESSION_OK);
	EXPECT(8, "from matplotlib.figure import Figure\nf = Figure()\nf.subplots().plot([1])\nf", "i:PNG|",
	       SESSION_OK);
	EXPECT(8, "from PIL import Image\nImage.new('RGB', (4, 4))", "i:PNG|", SESSION_OK);
	EXPECT(8, "import pandas\npandas.DataFrame({'a': [1]})", "v:   a\n0  1|", SESSION_OK);
	EXPECT(8, "import numpy\nnumpy.random.rand() != numpy.random.rand()", "v:True|", SESSION_OK);
	EXPECT(8, "!python3 -c \"import matplotlib.pyplot as p; p.plot([1]); p.savefig('b.png')\" && ls",
	       "p:a.png\nb.png\n|", SESSION_OK);
}

struct lot {
	pthread_t thread;
	int64_t key;
	bool ok;
};

static void *lot_run(void *arg)
{
	struct lot *l = arg;
	struct said s;
	struct str said = rig_run(&s, l->key, "n = globals().get('n', 0) + 1\nn", 60000, NULL);
	l->ok = s.ok && said.n;
	buf_release(&s.text);
	return NULL;
}

/* Many at once: over several sessions, and several calls in each, which come one after the other. */
static void at_once(void)
{
	struct lot lots[24];
	if (!rig_permitted())
		return;
	for (int i = 0; i < 24; i++) {
		lots[i] = (struct lot){.key = 100 + i % 8};
		pthread_create(&lots[i].thread, NULL, lot_run, &lots[i]);
	}
	for (int i = 0; i < 24; i++) {
		pthread_join(lots[i].thread, NULL);
		CHECK(lots[i].ok);
	}
	EXPECT(100, "n", "v:3|", SESSION_OK);
}

/* Room for two: the one that was idle for longest goes, and says so when it comes again. */
static void room(void)
{
	struct said s;
	if (!rig_permitted())
		return;
	session_limits.max = 2;
	EXPECT(200, "a = 1", "", SESSION_OK);
	EXPECT(201, "b = 1", "", SESSION_OK);
	EXPECT(202, "c = 1", "", SESSION_OK);
	EXPECT(201, "b", "v:1|", SESSION_OK);
	rig_run(&s, 200, "'a' in globals()", 30000, NULL);
	CHECK_STR(buf_str(&s.text), S("v:False|"));
	CHECK(s.r.fresh && strstr(s.r.before, "room"));
	buf_release(&s.text);
	session_limits.max = 64;
}

/* A box that nobody uses is ended, and says so when somebody does. */
static void idle(void)
{
	struct said s;
	if (!rig_permitted())
		return;
	EXPECT(210, "a = 1", "", SESSION_OK);
	session_limits.idle_seconds = 0;
	for (bool there = true; there;) {
		pthread_mutex_lock(&rig_sessions->lock);
		struct session *at = map_get(&rig_sessions->map, (struct str){(const char *)&(int64_t){210}, 8});
		there = at && at->box;
		keeper_wait(rig_sessions, 10);
		pthread_mutex_unlock(&rig_sessions->lock);
	}
	session_limits.idle_seconds = 1200;
	rig_run(&s, 210, "'a' in globals()", 0, NULL);
	CHECK_STR(buf_str(&s.text), S("v:False|"));
	CHECK(s.r.fresh && strstr(s.r.before, "not used"));
	buf_release(&s.text);
}

/* What ended while a box was built for it does not begin. */
static void gone(void)
{
	static const _Atomic bool yes = true;
	struct said s = {0};
	struct session_shell r = {0};
	if (!rig_permitted())
		return;
	snprintf(s.folder, sizeof s.folder, "%s/220", rig_top);
	CHECK(share_make(s.folder, &s.e));
	s.where = (struct session_where){.key = 220, .folder = s.folder, .gone = &yes};
	CHECK(!session_python(rig_sessions, &s.where, S("1"), 30000, NULL, NULL, &s.r, &s.e) &&
	      s.e.code == ERR_NOT_FOUND && strstr(s.e.msg, "deleted"));
	CHECK(!session_shell(rig_sessions, &s.where, S("true"), 30000, NULL, &r, &s.e) && s.e.code == ERR_NOT_FOUND);
	session_end(rig_sessions, 220);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {{"begin", begin},
						 {"outputs in order", outputs},
						 {"files", files},
						 {"bounds", bounds},
						 {"shell", shells},
						 {"apart", apart},
						 {"those that waited", pool},
						 {"pictures", pictures},
						 {"many at once", at_once},
						 {"room", room},
						 {"idle", idle},
						 {"gone", gone}};
	if (!session_rig_open(argc, argv))
		return 1;
	int bad = test_main(cases, sizeof cases / sizeof *cases);
	return !rig_close() || bad;
}
