/* sandbox.c - a program of the system run over foreign bytes, where it can reach nothing. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/filter.h"
#include "sandbox/host.h"
#include "sandbox/process.h"
#include "sandbox/walls.h"

enum { TICK_MS = 100, PIECE = 65536 };

bool sandbox_limits_only;

struct sandbox_limits sandbox_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "sandbox/limits.def"
#undef LIMIT
};

static int input_of(struct str bytes)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	while (fd >= 0 && bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno != EINTR) {
			close(fd);
			return -1;
		}
		bytes.p += n > 0 ? n : 0;
		bytes.n -= n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

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
static bool finish(const struct sandbox *s, struct process *p, int from, struct buf *out, int *status, struct err *e)
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

static bool run(const struct sandbox *s, const struct walls *w, struct buf *out, int *status, struct err *e)
{
	int pipes[2] = {-1, -1}, in = input_of(s->input), filter = sandbox_limits_only ? -1 : filter_open(e);
	struct process p;
	bool ok = (in >= 0 && pipe2(pipes, O_CLOEXEC) == 0) ||
		  fail(e, ERR_INTERNAL, NULL, "no descriptors for a sandbox: %m");
	ok = ok && (filter >= 0 || sandbox_limits_only) &&
	     process_start(&p, w->argv, &(struct process_files){in, pipes[1], -1, filter}, e);
	if (in >= 0)
		close(in);
	if (filter >= 0)
		close(filter);
	if (pipes[1] >= 0)
		close(pipes[1]);
	ok = ok && finish(s, &p, pipes[0], out, status, e);
	if (pipes[0] >= 0)
		close(pipes[0]);
	return ok;
}

bool sandbox_run_in(const struct sandbox *s, const struct box_policy *p, struct buf *out, struct err *e)
{
	struct walls w;
	int status = 0;
	if (access(s->argv[0], X_OK))
		return fail(e, ERR_CONFIG, NULL, "%s is not installed", s->argv[0]);
	if (!sandbox_limits_only && !host_refuse(e))
		return false;
	walls_build(&w, p, sandbox_limits_only);
	for (int i = 0; s->argv[i]; i++)
		walls_add(&w, s->argv[i]);
	if (!run(s, &w, out, &status, e))
		return false;
	return out->over || status == 0 || fail(e, ERR_FILE_PARSE, NULL, "the file is damaged or protected");
}

bool sandbox_run(const struct sandbox *s, struct buf *out, struct err *e)
{
	/* It reads its standard input and writes its standard output: no file at all. */
	struct box_policy p = {.memory = s->memory,
			       .cpu_seconds = s->seconds,
			       .processes = sandbox_limits.processes,
			       .open_files = sandbox_limits.open_files};
	return sandbox_run_in(s, &p, out, e);
}
