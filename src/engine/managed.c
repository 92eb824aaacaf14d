/* managed.c - an engine that Antiphon starts itself: a llama.cpp server as a child. */
#include "engine/managed.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "loop/child.h"

#define DEFAULT_MODEL "models/smollm2-135m.gguf"
#define DEFAULT_EMBEDDER "models/all-minilm-l6-v2.gguf"

enum {
	SLOTS = 2,
	CONTEXT = 4096, /* tokens a slot */
	EMBED_CONTEXT = 512,
	BACKOFF_MS = 250,
	BACKOFF_MOST_MS = 30000,
	STEADY_MS = 60000, /* one that lived so long starts again at once */
	STOP_MS = 2000,    /* it takes 30 s over a SIGTERM while a stream is open (measured), so it is killed then */
};

struct managed {
	struct arena a;
	struct loop *loop;
	struct child *child; /* NULL: waiting to start it again */
	struct child_events ev;
	struct managed_events *told; /* NULL: nobody */
	struct timer again;
	struct deferred buried; /* frees the child that has ended */
	struct child *dead;
	bool rests;
	int64_t started_ms, wait_ms;
	struct str run_dir, socket;
	const char *argv[20];
	char last_line[300];
};

struct places {
	struct str dir, python, model, launcher;
};

/* --- where things are --- */

struct str managed_dir(struct arena *a, struct str dir)
{
	if (dir.n)
		return str_copy(a, dir);
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	if (data && *data == '/')
		return str_fmt(a, "%s/antiphon/engine", data);
	return str_fmt(a, "%s/.local/share/antiphon/engine", home ? home : "");
}

struct str managed_script(struct arena *a, struct str dir, const char *name)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	if (n > 0) {
		exe[n] = 0;
		char *slash = strrchr(exe, '/');
		struct str path = str_fmt(a, "%.*s/../tools/%s", (int)(slash ? slash - exe : 0), exe, name);
		if (access(path.p, R_OK) == 0)
			return path;
	}
	return str_fmt(a, "%.*s/%s", FMT(dir), name);
}

static struct places find_places(struct arena *a, const struct managed_options *o)
{
	struct places p = {.dir = managed_dir(a, o->dir)};
	p.python = str_fmt(a, "%.*s/venv/bin/python", FMT(p.dir));
	p.model = o->model.n ? str_copy(a, o->model)
			     : str_fmt(a, "%.*s/%s", FMT(p.dir), o->embeds ? DEFAULT_EMBEDDER : DEFAULT_MODEL);
	p.launcher = o->launcher.n ? str_copy(a, o->launcher) : managed_script(a, p.dir, "engine.py");
	return p;
}

static bool is_file(struct str path)
{
	struct stat st;
	return stat(path.p, &st) == 0 && S_ISREG(st.st_mode) && access(path.p, R_OK) == 0;
}

bool managed_installed(const struct managed_options *o, struct err *why)
{
	struct arena a = {0};
	struct places p = find_places(&a, o);
	bool ok = true;
	if (access(p.python.p, X_OK) != 0 || !is_file(p.launcher))
		ok = fail(why, ERR_CONFIG, NULL, "there is no engine in %.*s", FMT(p.dir));
	else if (!is_file(p.model) && o->model.n)
		ok = fail(why, ERR_CONFIG, NULL, "the model %.*s cannot be read: %s", FMT(p.model), strerror(errno));
	else if (!is_file(p.model))
		ok = fail(why, ERR_CONFIG, NULL, "the default model %.*s is missing", FMT(p.model));
	arena_free(&a);
	return ok;
}

/* --- the child --- */

static void start_child(struct managed *m);

static void managed_on_again(struct timer *t)
{
	start_child(OWNER(t, struct managed, again));
}

static void start_later(struct managed *m)
{
	if (loop_now_ms(m->loop) - m->started_ms >= STEADY_MS)
		m->wait_ms = 0;
	m->wait_ms = m->wait_ms ? m->wait_ms * 2 : BACKOFF_MS;
	if (m->wait_ms > BACKOFF_MOST_MS)
		m->wait_ms = BACKOFF_MOST_MS;
	timer_start(m->loop, &m->again, m->wait_ms, managed_on_again);
}

static void managed_tell(struct managed *m, bool up)
{
	if (m->told)
		m->told->is(m->told, up);
}

static void managed_on_line(struct child_events *ev, struct str line)
{
	struct managed *m = OWNER(ev, struct managed, ev);
	if (str_starts(line, S("ready ")))
		managed_tell(m, true);
	snprintf(m->last_line, sizeof m->last_line, "%.*s", FMT(line));
	log_at(LOG_DEBUG, "engine says", "%.*s", FMT(line));
}

/* A child must not be freed inside its own callback. */
static void on_buried(struct deferred *d)
{
	struct managed *m = OWNER(d, struct managed, buried);
	child_free(m->dead);
	m->dead = NULL;
}

static void on_exited(struct child_events *ev, int status, int signal_no)
{
	struct managed *m = OWNER(ev, struct managed, ev);
	m->dead = m->child;
	m->child = NULL;
	defer_start(m->loop, &m->buried, on_buried);
	managed_tell(m, false);
	if (m->rests)
		return;
	start_later(m);
	log_at(LOG_ERROR, "engine ended", "status=%d signal=%d again_in_ms=%lld last=\"%s\"", status, signal_no,
	       (long long)m->wait_ms, m->last_line);
}

static void start_child(struct managed *m)
{
	/* Busy waiting of its threads would cost our loops the processor (measured). */
	static const char *const env[] = {"OMP_WAIT_POLICY=passive", "PYTHONUNBUFFERED=1", NULL};
	struct err e = {0};
	unlink(m->socket.p); /* a stale one makes the start fail */
	m->started_ms = loop_now_ms(m->loop);
	*m->last_line = 0;
	if (child_start(m->loop, m->argv, env, &m->ev, &m->child, &e)) {
		log_at(LOG_INFO, "engine started", "pid=%d", child_pid(m->child));
		return;
	}
	log_at(LOG_ERROR, "engine does not start", "%s", e.msg);
	start_later(m);
}

/* --- starting and stopping --- */

/* Folders are named antiphon-PID-...: those whose process was killed are tidied up. */
static void sweep_run_dirs(const char *run)
{
	DIR *d = opendir(run);
	for (struct dirent *one; d && (one = readdir(d));) {
		struct str name = str_of(one->d_name);
		int64_t pid = 0;
		if (!str_starts(name, S("antiphon-")))
			continue;
		name = (struct str){name.p + 9, name.n - 9};
		if (!str_int(str_cut(&name, '-'), &pid) || pid < 2 || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
			continue;
		struct arena a = {0};
		struct str dir = str_fmt(&a, "%s/%s", run, one->d_name);
		unlink(str_fmt(&a, "%.*s/engine.sock", FMT(dir)).p);
		rmdir(dir.p); /* of another user, or with other things in it: it stays */
		arena_free(&a);
	}
	if (d)
		closedir(d);
}

/* A folder of ours whose path is short enough for a socket's. */
static bool make_run_dir(struct managed *m, struct err *e)
{
	struct sockaddr_un un;
	const char *run = getenv("XDG_RUNTIME_DIR");
	struct stat st;
	if (!run || *run != '/' || strlen(run) > sizeof un.sun_path - 40 || stat(run, &st) != 0 || access(run, W_OK) != 0)
		run = "/tmp";
	sweep_run_dirs(run);
	struct str dir = str_fmt(&m->a, "%s/antiphon-%d-XXXXXX", run, getpid());
	if (!mkdtemp((char *)dir.p))
		return fail(e, ERR_CONFIG, NULL, "could not make a folder in %s for the engine's socket: %s", run,
		            strerror(errno));
	m->run_dir = dir;
	m->socket = str_fmt(&m->a, "%.*s/engine.sock", FMT(dir));
	return true;
}

static struct str alias_of(struct arena *a, const struct managed_options *o, struct str model)
{
	if (o->alias.n)
		return str_copy(a, o->alias);
	const char *slash = memrchr(model.p, '/', model.n);
	struct str name = model;
	if (slash)
		name = (struct str){slash + 1, (size_t)(model.p + model.n - slash - 1)};
	if (name.n > 5 && str_eq_nocase((struct str){name.p + name.n - 5, 5}, S(".gguf")))
		name.n -= 5;
	return str_copy(a, name);
}

static void set_argv(struct managed *m, const struct managed_options *o, const struct places *p, struct str alias)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int64_t slots = o->slots > 0 ? o->slots : SLOTS;
	int64_t context = o->context > 0 ? o->context : o->embeds ? EMBED_CONTEXT : CONTEXT;
	size_t n = 0;
	m->argv[n++] = p->python.p;
	m->argv[n++] = p->launcher.p;
	m->argv[n++] = p->model.p;
	m->argv[n++] = m->socket.p;
	m->argv[n++] = "-np";
	m->argv[n++] = str_fmt(&m->a, "%lld", (long long)slots).p;
	m->argv[n++] = "-c";
	m->argv[n++] = str_fmt(&m->a, "%lld", (long long)(slots * context)).p;
	m->argv[n++] = "-t";
	m->argv[n++] = str_fmt(&m->a, "%ld", o->embeds ? cores : cores > 2 ? cores - 1 : 1).p;
	m->argv[n++] = "--alias";
	m->argv[n++] = alias.p;
	if (o->embeds) { /* on all cores, and behind chat: most of what it does can wait */
		m->argv[n++] = "--embedding";
		m->argv[n++] = "--nice";
		m->argv[n++] = "5";
	}
	m->argv[n] = NULL;
}

bool managed_start(struct loop *main_loop, const struct managed_options *o, struct managed **ret, struct str *url,
                   struct str *alias, struct err *e)
{
	struct managed *m = xalloc(sizeof *m);
	m->loop = main_loop;
	m->told = o->events;
	m->ev = (struct child_events){managed_on_line, on_exited};
	struct places p = find_places(&m->a, o);
	if (!managed_installed(o, e) || !make_run_dir(m, e)) {
		managed_stop(m);
		return false;
	}
	struct str name = alias_of(&m->a, o, p.model);
	set_argv(m, o, &p, name);
	start_child(m);
	*url = str_fmt(&m->a, "unix:%.*s", FMT(m->socket));
	*alias = name;
	*ret = m;
	return true;
}

void managed_rest(struct managed *m)
{
	m->rests = true;
	timer_cancel(&m->again);
	if (m->child)
		child_stop(m->child, STOP_MS);
}

void managed_wake(struct managed *m)
{
	if (!m->rests)
		return;
	m->rests = false;
	if (!m->child) /* else its end starts it again */
		start_child(m);
}

void managed_stop(struct managed *m)
{
	if (!m)
		return;
	timer_cancel(&m->again);
	defer_cancel(&m->buried);
	child_free(m->dead);
	child_end(m->child, STOP_MS);
	if (m->run_dir.n) {
		unlink(m->socket.p);
		rmdir(m->run_dir.p);
	}
	arena_free(&m->a);
	xfree(m);
}
