/* child_test.c - children: lines, ends, stops, and that they die with us. */
#include "loop/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/test.h"

struct watch {
	struct child_events ev;
	struct loop *loop;
	struct buf lines; /* joined with '|' */
	int exits, status, signal_no;
	bool stop_at_line;
};

static void on_line(struct child_events *ev, struct str line)
{
	struct watch *w = OWNER(ev, struct watch, ev);
	buf_add(&w->lines, line);
	buf_byte(&w->lines, '|');
	if (w->stop_at_line)
		loop_stop(w->loop);
}

static void on_exit_told(struct child_events *ev, int status, int signal_no)
{
	struct watch *w = OWNER(ev, struct watch, ev);
	w->exits++;
	w->status = status;
	w->signal_no = signal_no;
	loop_stop(w->loop);
}

static void watch_open(struct watch *w)
{
	struct err e = {0};
	*w = (struct watch){.ev = {on_line, on_exit_told}};
	buf_init(&w->lines, 1 << 20);
	CHECK(loop_open(&w->loop, &e));
}

static void watch_close(struct watch *w, struct child *c)
{
	child_free(c);
	loop_close(w->loop);
	buf_release(&w->lines);
}

static struct child *shell(struct watch *w, const char *script)
{
	struct err e = {0};
	struct child *c = NULL;
	const char *argv[] = {"/bin/sh", "-c", script, NULL}, *env[] = {"HELLO=world", NULL};
	CHECK(child_start(w->loop, argv, env, &w->ev, &c, &e));
	return c;
}

static void tells_lines_and_the_end(void)
{
	struct watch w;
	watch_open(&w);
	struct child *c = shell(&w, "echo one; echo \"$HELLO\"; read x; echo \"[$x]\"; printf unfinished; exit 7");
	CHECK(child_pid(c) > 0);
	loop_run(w.loop);
	CHECK_STR(buf_str(&w.lines), S("one|world|[]|unfinished|"));
	CHECK(w.exits == 1 && w.status == 7 && w.signal_no == 0);
	watch_close(&w, c);
}

static void cuts_long_lines(void)
{
	struct watch w;
	watch_open(&w);
	struct child *c = shell(&w, "head -c 100000 /dev/zero | tr '\\0' x; echo; echo end >&2");
	loop_run(w.loop);
	CHECK(w.exits == 1 && w.lines.n == 4096 + 1 + 4);
	watch_close(&w, c);
}

static void says_why_it_cannot_start(void)
{
	struct watch w;
	struct err e = {0};
	struct child *c = NULL;
	const char *argv[] = {"/nonexistent/program", NULL};
	watch_open(&w);
	CHECK(!child_start(w.loop, argv, NULL, &w.ev, &c, &e));
	CHECK_STR(str_of(e.msg), S("could not start /nonexistent/program: No such file or directory"));
	watch_close(&w, NULL);
}

static void inherits_nothing(void)
{
	struct watch w;
	watch_open(&w);
	int fd = open("/dev/null", O_RDONLY); /* without close-on-exec */
	struct child *c = shell(&w, "ls /proc/self/fd | wc -l; cut -d' ' -f6 /proc/$$/stat; echo $$");
	int pid = child_pid(c);
	loop_run(w.loop);
	char want[64];
	snprintf(want, sizeof want, "4|%d|%d|", pid, pid); /* 0, 1, 2 and ls's own */
	CHECK_STR(buf_str(&w.lines), str_of(want));
	close(fd);
	watch_close(&w, c);
}

static void stops(void)
{
	struct watch w;
	watch_open(&w);
	w.stop_at_line = true;
	struct child *c = shell(&w, "echo ready; sleep 60");
	loop_run(w.loop);
	child_stop(c, 10000);
	loop_run(w.loop);
	CHECK(w.exits == 1 && w.signal_no == SIGTERM);
	watch_close(&w, c);
	watch_open(&w);
	w.stop_at_line = true;
	c = shell(&w, "trap '' TERM; echo ready; while :; do sleep 1; done");
	loop_run(w.loop);
	child_stop(c, 20);
	loop_run(w.loop);
	CHECK(w.exits == 1 && w.signal_no == SIGKILL);
	watch_close(&w, c);
}

static bool process_lives(int pid)
{
	char path[64], text[256] = "";
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	if (read(fd, text, sizeof text - 1) < 0)
		*text = 0;
	close(fd);
	const char *state = strrchr(text, ')');
	return state && state[2] != 'Z' && state[2] != 'X';
}

static void ends_without_the_loop(void)
{
	struct watch w;
	watch_open(&w);
	w.stop_at_line = true;
	struct child *c = shell(&w, "trap '' TERM; echo ready; while :; do sleep 1; done");
	loop_run(w.loop);
	int pid = child_pid(c);
	child_end(c, 30);
	CHECK(!process_lives(pid) && kill(pid, 0) < 0);
	CHECK(w.exits == 0);
	watch_close(&w, NULL);
}

/* A process between us and the child is killed; the child must follow it. */
static void dies_with_its_parent(void)
{
	int tell[2];
	CHECK(pipe(tell) == 0);
	int parent = fork();
	if (parent == 0) {
		struct watch w;
		watch_open(&w);
		w.stop_at_line = true;
		struct child *c = shell(&w, "trap '' TERM HUP; echo ready; while :; do sleep 1; done");
		loop_run(w.loop);
		int pid = child_pid(c);
		if (write(tell[1], &pid, sizeof pid) < 0)
			_exit(1);
		pause();
		_exit(1);
	}
	int pid = 0;
	CHECK(read(tell[0], &pid, sizeof pid) == sizeof pid && process_lives(pid));
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	for (int i = 0; i < 5000 && process_lives(pid); i++)
		usleep(1000);
	CHECK(!process_lives(pid));
	close(tell[0]);
	close(tell[1]);
}

int main(void)
{
	static const struct test_case tests[] = {
		{"tells lines and the end", tells_lines_and_the_end},
		{"cuts long lines", cuts_long_lines},
		{"says why it cannot start", says_why_it_cannot_start},
		{"inherits nothing", inherits_nothing},
		{"stops", stops},
		{"ends without the loop", ends_without_the_loop},
		{"dies with its parent", dies_with_its_parent},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
