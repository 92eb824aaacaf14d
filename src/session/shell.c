/* shell.c - a command of a shell in a box that stays. */
#include "session/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "session/environment.h"
#include "session/limits.h"
#include "session/table.h"

enum { TICK_MS = 50, PIECE = 65536 };

struct shell_call {
	struct sessions *sessions;
	struct box *box;
	struct order_program program;
	int from[2]; /* its output and its errors; -1: at the end */
	int64_t until_us;
	const _Atomic bool *stop;
	struct session_shell *ret;
};

static bool shell_start(struct shell_call *c, struct str command)
{
	const char *sh = access("/usr/bin/bash", X_OK) == 0 ? "/usr/bin/bash" : "/bin/sh";
	char *text = xalloc(command.n + 1), room[ENVIRONMENT_ROOM];
	const char *argv[] = {sh, "-c", text, NULL}, *env[ENVIRONMENT_MOST];
	int out[2] = {-1, -1}, err[2] = {-1, -1}, none = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < command.n; i++)
		text[i] = command.p[i];
	environment_make(*c->sessions->kind.packages ? c->sessions->kind.packages : NULL, c->box->env, env, room);
	bool ok = none >= 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0;
	const int files[] = {none, out[1], err[1]};
	ok = ok && order_start(&c->box->line, argv, env, files, 3, &c->program);
	const int theirs[] = {none, out[1], err[1]};
	for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	c->from[0] = out[0];
	c->from[1] = err[0];
	for (int i = 0; i < 2; i++)
		if (c->from[i] >= 0)
			fcntl(c->from[i], F_SETFL, O_NONBLOCK);
	xfree(text);
	return ok;
}

/* What is there now. true: something was. */
static bool shell_read(struct shell_call *c, int i)
{
	char piece[PIECE];
	ssize_t n = c->from[i] < 0 ? -1 : read(c->from[i], piece, sizeof piece);
	if (n > 0)
		kept_add(i ? &c->ret->err : &c->ret->out, (struct str){piece, (size_t)n});
	if (n == 0) {
		close(c->from[i]);
		c->from[i] = -1;
	}
	return n > 0;
}

/* What earlier calls have left running takes all processes that there may be: the box would be of no use to anyone. */
static void shell_crowded(struct shell_call *c)
{
	bool alone = atomic_load(&c->box->calls) == 1;
	if (alone)
		box_kill(c->box, BOX_CROWDED);
	snprintf(c->ret->why, sizeof c->ret->why, "It could not be started: too many programs run in this box.%s",
		 alone ? " They were ended; files stay." : "");
}

static void shell_how(struct shell_call *c, int ended, int status)
{
	struct session_shell *r = c->ret;
	if (ended < 0) {
		if (atomic_load(&c->box->why) == BOX_LIVES && c->program.status >= 0)
			shell_crowded(c);
		else
			box_say_why(c->box, r->why);
		r->exit_code = 126;
	} else
		r->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Until the command itself has ended: what it left behind in the background may hold its output for ever. */
static void shell_run(struct shell_call *c)
{
	int status = 0, ended = 1;
	int64_t kill_us = 0;
	while (ended == 1) {
		struct pollfd on[] = {{.fd = c->from[0], .events = POLLIN},
				      {.fd = c->from[1], .events = POLLIN},
				      {.fd = c->program.status, .events = POLLIN}};
		poll(on, 3, TICK_MS);
		shell_read(c, 0);
		shell_read(c, 1);
		ended = order_ended(&c->program, &status);
		bool over = clock_mono_us() >= c->until_us || (c->stop && atomic_load(c->stop));
		if (ended != 1 || !over)
			continue;
		c->ret->timed_out = true;
		order_signal(&c->program, SIGKILL);
		if (!kill_us)
			kill_us = clock_mono_us() + session_limits.stop_ms * 1000;
		if (clock_mono_us() > kill_us)
			box_kill(c->box, BOX_TIME);
	}
	/* What is in the pipes still: no more than they hold, since others may go on writing. */
	for (int i = 0; i < 2; i++)
		for (int n = 0; n < 17 && shell_read(c, i); n++)
			;
	shell_how(c, ended, status);
}

bool session_shell(struct sessions *s, const struct session_where *w, struct str command, int64_t timeout_ms,
		   const _Atomic bool *stop, struct session_shell *ret, struct err *e)
{
	struct shell_call c = {.sessions = s,
			       .stop = stop,
			       .ret = ret,
			       .from = {-1, -1},
			       .until_us =
				   clock_mono_us() + 1000 * (timeout_ms > 0 ? timeout_ms : session_limits.call_ms)};
	ret->timed_out = false;
	ret->exit_code = 0;
	*ret->why = 0;
	if ((int64_t)command.n > session_limits.command_bytes)
		return fail(e, ERR_INVALID_VALUE, NULL, "the command has %zu bytes, at most %lld", command.n,
			    (long long)session_limits.command_bytes);
	struct session *at = table_enter(s, w);
	c.box = table_box(s, at, w, false, c.until_us, stop, e);
	bool ok = c.box != NULL;
	if (ok) {
		table_busy(s, c.box);
		ok = shell_start(&c, command) ||
		     fail(e, ERR_UNAVAILABLE, NULL, "the command could not be started in its box");
		if (ok)
			shell_run(&c);
		atomic_fetch_sub(&c.box->calls, 1);
		for (int i = 0; i < 2; i++)
			if (c.from[i] >= 0)
				close(c.from[i]);
		if (ok)
			close(c.program.status);
		box_drop(c.box);
	}
	table_leave(s, at);
	return ok;
}
