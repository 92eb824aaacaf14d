/* child.c - a child process that dies with us.
 *
 * libuv's own spawn has no place between fork and exec where the parent-death signal could be set, so
 * fork and exec are ours; libuv reads the pipes and tells of SIGCHLD. */
#include "loop/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/arena.h"

enum {
	LINE_MAX_BYTES = 4096,
	DRAIN_MS = 200, /* after the end: how long output that others hold open is waited for */
	END_STEP_US = 5000,
};

extern char **environ;

struct child_pipe {
	uv_pipe_t pipe;
	struct child *child;
	bool open;
	size_t n;
	char line[LINE_MAX_BYTES];
};

struct child {
	struct loop *loop;
	struct child_events *ev;
	int pid; /* 0: reaped */
	int status;
	uv_signal_t watch;
	struct child_pipe out[2];
	char chunk[4096];
	struct deferred first;
	struct timer timer; /* grace before SIGKILL, then drain */
	int handles;        /* not closed yet */
	bool told, freed;
};

int child_pid(const struct child *c)
{
	return c->pid;
}

static void on_handle_closed(uv_handle_t *h)
{
	struct child *c = h->data;
	if (--c->handles == 0 && c->freed)
		xfree(c);
}

static void pipe_close(struct child_pipe *p)
{
	if (!p->open)
		return;
	p->open = false;
	uv_close((uv_handle_t *)&p->pipe, on_handle_closed);
}

/* The end is told when the process is reaped and its output is at its end. */
static void tell_end(struct child *c)
{
	if (c->told || c->pid || c->out[0].open || c->out[1].open)
		return;
	c->told = true;
	timer_cancel(&c->timer);
	c->ev->exited(c->ev, WIFEXITED(c->status) ? WEXITSTATUS(c->status) : -1,
	              WIFSIGNALED(c->status) ? WTERMSIG(c->status) : 0);
}

static void pipe_line(struct child_pipe *p)
{
	struct str line = str_trim((struct str){p->line, p->n});
	p->n = 0;
	if (line.n && !p->child->freed && p->child->ev->line)
		p->child->ev->line(p->child->ev, line);
}

static void on_pipe_room(uv_handle_t *h, size_t want, uv_buf_t *buf)
{
	struct child *c = h->data;
	*buf = uv_buf_init(c->chunk, sizeof c->chunk);
}

static void on_pipe_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct child_pipe *p = OWNER(s, struct child_pipe, pipe);
	struct child *c = p->child;
	for (ssize_t i = 0; i < n && !c->freed; i++) {
		if (buf->base[i] == '\n')
			pipe_line(p);
		else if (p->n < sizeof p->line)
			p->line[p->n++] = buf->base[i];
	}
	if (n >= 0 || c->freed)
		return;
	pipe_line(p); /* an unfinished last line is one, too */
	if (c->freed)
		return;
	pipe_close(p);
	tell_end(c);
}

static void on_drained(struct timer *t)
{
	struct child *c = OWNER(t, struct child, timer);
	pipe_close(&c->out[0]);
	pipe_close(&c->out[1]);
	tell_end(c);
}

static void reap(struct child *c)
{
	if (!c->pid || waitpid(c->pid, &c->status, WNOHANG) != c->pid)
		return;
	c->pid = 0;
	uv_signal_stop(&c->watch);
	timer_start(c->loop, &c->timer, DRAIN_MS, on_drained);
	tell_end(c);
}

static void on_sigchld(uv_signal_t *w, int signum)
{
	reap(w->data);
}

/* One that ended before the watch began would never be told otherwise. */
static void on_first_look(struct deferred *d)
{
	reap(OWNER(d, struct child, first));
}

/* Between fork and exec: async-signal-safe calls only. */
static _Noreturn void become(const char *const *argv, char **env, int out, int err_out, int report, int parent)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	setsid(); /* Ctrl-C in our terminal must not reach it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127); /* the parent died before prctl() */
	int null = open("/dev/null", O_RDONLY);
	/* The report goes to a place above the standard ones before those are overwritten. */
	int high = fcntl(report, F_DUPFD_CLOEXEC, 10);
	if (null < 0 || high < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err_out, 2) < 0)
		_exit(127);
	close_range(3, (unsigned)high - 1, 0);
	close_range((unsigned)high + 1, ~0U, 0);
	execve(argv[0], (char *const *)argv, env);
	int code = errno;
	if (write(high, &code, sizeof code) < 0)
		_exit(126);
	_exit(127);
}

/* Our environment, in which `extra` replaces what has the same name. */
static char **join_env(struct arena *a, const char *const *extra)
{
	size_t n_extra = 0, n_ours = 0, n = 0;
	while (extra && extra[n_extra])
		n_extra++;
	while (environ[n_ours])
		n_ours++;
	char **env = new_array(a, char *, n_extra + n_ours + 1);
	for (; n < n_extra; n++)
		env[n] = (char *)extra[n];
	for (size_t i = 0; i < n_ours; i++) {
		size_t name = strcspn(environ[i], "=") + 1;
		bool replaced = false;
		for (size_t j = 0; j < n_extra; j++)
			replaced |= strncmp(environ[i], extra[j], name) == 0;
		if (!replaced)
			env[n++] = environ[i];
	}
	return env;
}

static void pipe_begin(struct child *c, struct child_pipe *p, int fd)
{
	p->child = c;
	p->open = true;
	uv_pipe_init(loop_uv(c->loop), &p->pipe, 0);
	p->pipe.data = c;
	c->handles++;
	uv_pipe_open(&p->pipe, fd);
	uv_read_start((uv_stream_t *)&p->pipe, on_pipe_room, on_pipe_read);
}

/* Waits for the exec: the pipe closes when it succeeds, brings errno when it fails. */
static bool exec_done(int pid, int report, const char *program, struct err *e)
{
	int code = 0;
	ssize_t n;
	do {
		n = read(report, &code, sizeof code);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return true;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fail(e, ERR_CONFIG, NULL, "could not start %s: %s", program, strerror(code ? code : ECHILD));
}

bool child_start(struct loop *l, const char *const *argv, const char *const *env, struct child_events *ev,
                 struct child **ret, struct err *e)
{
	assert(gettid() == getpid()); /* the parent-death signal follows the thread, see child.h */
	int out[2], errs[2], report[2];
	if (pipe2(out, O_CLOEXEC) < 0)
		goto none;
	if (pipe2(errs, O_CLOEXEC) < 0)
		goto have_out;
	if (pipe2(report, O_CLOEXEC) < 0)
		goto have_errs;
	struct arena a = {0};
	char **joined = join_env(&a, env);
	int parent = getpid(), pid = fork();
	if (pid == 0)
		become(argv, joined, out[1], errs[1], report[1], parent);
	int why = errno;
	arena_free(&a);
	close(report[1]);
	close(out[1]);
	close(errs[1]);
	bool ok = pid > 0 ? exec_done(pid, report[0], argv[0], e)
	                  : fail(e, ERR_CONFIG, NULL, "could not start %s: %s", argv[0], strerror(why));
	close(report[0]);
	if (!ok) {
		close(out[0]);
		close(errs[0]);
		return false;
	}
	struct child *c = xalloc(sizeof *c);
	c->loop = l;
	c->ev = ev;
	c->pid = pid;
	uv_signal_init(loop_uv(l), &c->watch);
	c->watch.data = c;
	c->handles++;
	pipe_begin(c, &c->out[0], out[0]);
	pipe_begin(c, &c->out[1], errs[0]);
	uv_signal_start(&c->watch, on_sigchld, SIGCHLD);
	defer_start(l, &c->first, on_first_look);
	*ret = c;
	return true;
have_errs:
	close(errs[0]);
	close(errs[1]);
have_out:
	close(out[0]);
	close(out[1]);
none:
	return fail(e, ERR_CONFIG, NULL, "could not start %s: %s", argv[0], strerror(errno));
}

static void child_on_grace_over(struct timer *t)
{
	struct child *c = OWNER(t, struct child, timer);
	if (c->pid)
		kill(-c->pid, SIGKILL);
}

void child_stop(struct child *c, int grace_ms)
{
	if (!c->pid)
		return;
	kill(-c->pid, SIGTERM); /* its whole session */
	timer_start(c->loop, &c->timer, grace_ms, child_on_grace_over);
}

void child_free(struct child *c)
{
	if (!c)
		return;
	if (c->pid) {
		kill(-c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
		c->pid = 0;
	}
	c->freed = true;
	defer_cancel(&c->first);
	timer_cancel(&c->timer);
	pipe_close(&c->out[0]);
	pipe_close(&c->out[1]);
	uv_close((uv_handle_t *)&c->watch, on_handle_closed);
}

void child_end(struct child *c, int grace_ms)
{
	if (!c)
		return;
	if (c->pid)
		kill(-c->pid, SIGTERM);
	for (int64_t left = (int64_t)grace_ms * 1000; c->pid && left > 0; left -= END_STEP_US) {
		if (waitpid(c->pid, &c->status, WNOHANG) == c->pid)
			c->pid = 0;
		else
			usleep(END_STEP_US);
	}
	child_free(c);
}
