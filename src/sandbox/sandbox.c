/* sandbox.c - a program of the system run over foreign bytes, where it can reach nothing. */
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/filter.h"
#include "measure/measure.h"
#include "sandbox/host.h"
#include "sandbox/process.h"
#include "sandbox/walls.h"

enum { TICK_MS = 100, PIECE = 65536 };

bool sandbox_limits_only;

/* Until it closes its output. false: it has to be killed. */
static bool collect(const struct sandbox *s, int from, int64_t until, struct buf *out, struct err *e)
{
	char piece[PIECE];
	for (;;) {
		struct pollfd p = {.fd = from, .events = POLLIN};
		if (s->cancelled && atomic_load(s->cancelled))
			return fail(e, ERR_REQUEST_TIMEOUT, NULL, "cancelled");
		if (clock_mono_us() > until)
			return fail(e, ERR_REQUEST_TIMEOUT, NULL, "took longer than %lld seconds",
				    (long long)s->seconds);
		if (poll(&p, 1, TICK_MS) <= 0)
			continue;
		ssize_t n = read(from, piece, sizeof piece);
		if (n == 0)
			return true;
		if (n < 0)
			continue;
		buf_add(out, (struct str){piece, (size_t)n});
		if (out->over)
			return false;
	}
}

/* It may close its output and stay: so its end has the same deadline. */
static bool sandbox_finish(const struct sandbox *s, struct process *p, int from, struct buf *out, int *status,
			   struct err *e)
{
	int64_t until = clock_mono_us() + s->seconds * 1000000;
	struct err late = {0};
	if (collect(s, from, until, out, e)) {
		if (process_wait(p, until, s->cancelled, status, &late))
			return true;
		fail(e, late.code, NULL, "took longer than %lld seconds", (long long)s->seconds);
	}
	process_kill(p);
	return !e->code;
}

static void sandbox_close_all(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static bool run(const struct sandbox *s, const struct walls *w, struct buf *out, int *status, struct err *e)
{
	enum { FROM, TO, INPUT, FILTER, PROGRAM, FDS };
	int fd[FDS] = {-1, -1, process_memory(s->input), filter_open(e),
		       s->program.n ? process_memory(s->program) : -1};
	struct process p;
	bool ok =
	    fd[FILTER] >= 0 && ((fd[INPUT] >= 0 && (fd[PROGRAM] >= 0 || !s->program.n) && pipe2(fd, O_CLOEXEC) == 0) ||
				fail(e, ERR_INTERNAL, NULL, "no descriptors for a sandbox: %m"));
	ok = ok &&
	     process_start(
		 &p, w->argv,
		 &(struct process_files){fd[INPUT], fd[TO], -1, {fd[FILTER], fd[PROGRAM]}, s->program.n ? 2 : 1}, e);
	sandbox_close_all(fd + TO, FDS - TO);
	ok = ok && sandbox_finish(s, &p, fd[FROM], out, status, e);
	sandbox_close_all(fd, 1);
	return ok;
}

/* Where the program is: in a box we put it there, without one it is the descriptor. */
static const char *sandbox_path_of(const struct sandbox *s)
{
	return !s->program.n ? s->argv[0] : sandbox_limits_only ? "/proc/self/fd/4" : "/program";
}

bool sandbox_run_in(const struct sandbox *s, const struct box_policy *p, struct buf *out, struct err *e)
{
	struct walls w;
	int status = 0;
	if (!s->program.n && access(s->argv[0], X_OK))
		return fail(e, ERR_CONFIG, NULL, "%s is not installed", s->argv[0]);
	if (!sandbox_limits_only && !host_refuse(e))
		return false;
	walls_build(&w, p, sandbox_limits_only);
	walls_add(&w, sandbox_path_of(s));
	for (int i = 1; s->argv[i]; i++)
		walls_add(&w, s->argv[i]);
	int64_t began_us = clock_mono_us();
	bool ran = run(s, &w, out, &status, e);
	MEASURE_END(BOXES, ran && status == 0);
	MEASURE(BOX_SECONDS, clock_mono_us() - began_us, 0);
	if (!ran)
		return false;
	return out->over || status == 0 || fail(e, ERR_FILE_PARSE, NULL, "the file is damaged or protected");
}

bool sandbox_run(const struct sandbox *s, struct buf *out, struct err *e)
{
	/* It reads its standard input and writes its standard output: no file at all. */
	struct box_policy p = {.memory = s->memory,
			       .cpu_seconds = s->seconds,
			       .processes = sandbox_limits.processes,
			       .open_files = sandbox_limits.open_files,
			       .program = s->program.n != 0};
	return sandbox_run_in(s, &p, out, e);
}
