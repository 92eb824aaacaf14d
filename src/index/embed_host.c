/* embed_host.c - the embedder of our own: fetched, started, at rest. */
#include "index/embed_host.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/managed.h"
#include "index/index_limits.h"
#include "loop/child.h"

enum {
	START_MS = 20000, /* a start takes a fifth of a second on an idle machine */
	STOP_MS = 2000,
	LOOK_MS = 100, /* how often who waits looks whether he is cancelled */
	AGAIN_MOST_MS = 3600000,
};

const struct str embed_host_model = STR("all-minilm-l6-v2");

enum host_state { HOST_IDLE, HOST_WANTED, HOST_FETCHING, HOST_STARTING, HOST_UP, HOST_FAILED, HOST_CLOSED };

struct embed_host {
	pthread_mutex_t lock; /* over what follows, up to `why` */
	pthread_cond_t moved;
	enum host_state state;
	bool posted;
	int64_t users, used_ms; /* when the last gave it back */
	int64_t since_ms;       /* WANTED, STARTING: since then it is not up */
	int64_t again_ms;       /* FAILED: not before */
	struct str socket;      /* once it was started */
	char why[300];          /* FAILED */
	/* the loop's */
	struct post post;
	struct loop *loop;
	struct arena arena;
	struct managed_options options;
	struct managed_events up;
	struct managed *managed;
	struct child_events heard;
	struct child *fetch, *ended;
	struct deferred buried;
	struct timer timer; /* of a fetch, its time; of one that is up, the look whether it may rest */
	int64_t wait_ms;
	char last_line[300];
};

static int64_t host_now_ms(void)
{
	return clock_mono_us() / 1000;
}

/* Under the lock. */
static void host_move(struct embed_host *h, enum host_state to)
{
	if (to == HOST_WANTED || (to == HOST_STARTING && h->state != HOST_WANTED))
		h->since_ms = host_now_ms();
	if (h->state != HOST_CLOSED)
		h->state = to;
	pthread_cond_broadcast(&h->moved);
}

static void host_set(struct embed_host *h, enum host_state to)
{
	pthread_mutex_lock(&h->lock);
	host_move(h, to);
	pthread_mutex_unlock(&h->lock);
}

/* --- on the loop ------------------------------------------------------------------------------------------------- */

/* For `antiphon check`, which is another process. why NULL: all is well. */
static void host_write_why(struct embed_host *h, const char *why)
{
	struct arena a = {0};
	struct str dir = managed_dir(&a, h->options.dir), path = str_fmt(&a, "%.*s/" EMBED_WHY, FMT(dir));
	FILE *f = why ? fopen(path.p, "we") : NULL;
	if (f) {
		fprintf(f, "%s\n", why);
		fclose(f);
	} else if (!why) {
		unlink(path.p);
	}
	arena_free(&a);
}

static void host_fail(struct embed_host *h, const char *why)
{
	h->wait_ms = h->wait_ms ? h->wait_ms * 2 : index_limits.embedder_again_ms;
	if (h->wait_ms > AGAIN_MOST_MS)
		h->wait_ms = AGAIN_MOST_MS;
	log_at(LOG_WARN, "there is no embedder", "error=\"%s\" again_in_ms=%lld", why, (long long)h->wait_ms);
	host_write_why(h, why);
	pthread_mutex_lock(&h->lock);
	snprintf(h->why, sizeof h->why, "%.299s", why);
	h->again_ms = host_now_ms() + h->wait_ms;
	host_move(h, HOST_FAILED);
	pthread_mutex_unlock(&h->lock);
}

static void on_rest(struct timer *t)
{
	struct embed_host *h = OWNER(t, struct embed_host, timer);
	int64_t idle_ms = index_limits.embedder_idle_seconds * 1000, left = idle_ms;
	pthread_mutex_lock(&h->lock);
	if (h->state == HOST_UP && !h->users)
		left = h->used_ms + idle_ms - host_now_ms();
	if (left <= 0)
		host_move(h, HOST_IDLE);
	pthread_mutex_unlock(&h->lock);
	if (left > 0) {
		timer_start(h->loop, &h->timer, left, on_rest);
		return;
	}
	log_at(LOG_INFO, "embedder rests", "%s", "");
	managed_rest(h->managed);
}

static void on_up(struct managed_events *ev, bool up)
{
	struct embed_host *h = OWNER(ev, struct embed_host, up);
	pthread_mutex_lock(&h->lock);
	if (up)
		host_move(h, HOST_UP);
	else if (h->state == HOST_UP)
		host_move(h, HOST_STARTING);
	pthread_mutex_unlock(&h->lock);
}

static void host_start(struct embed_host *h)
{
	struct err e = {0};
	struct str url, alias;
	if (h->managed) {
		managed_wake(h->managed);
	} else if (managed_start(h->loop, &h->options, &h->managed, &url, &alias, &e)) {
		pthread_mutex_lock(&h->lock);
		h->socket = (struct str){url.p + 5, url.n - 5}; /* behind "unix:" */
		pthread_mutex_unlock(&h->lock);
	} else {
		host_fail(h, e.msg);
		return;
	}
	h->wait_ms = 0;
	host_write_why(h, NULL);
	timer_start(h->loop, &h->timer, index_limits.embedder_idle_seconds * 1000, on_rest);
}

static void on_fetch_line(struct child_events *ev, struct str line)
{
	struct embed_host *h = OWNER(ev, struct embed_host, heard);
	struct str name = S("antiphon: ");
	if (str_starts(line, name))
		line = (struct str){line.p + name.n, line.n - name.n};
	snprintf(h->last_line, sizeof h->last_line, "%.*s", FMT(str_trim(line)));
	log_at(LOG_INFO, "embedder", "%s", h->last_line);
}

static void on_fetch_buried(struct deferred *d)
{
	struct embed_host *h = OWNER(d, struct embed_host, buried);
	child_free(h->ended);
	h->ended = NULL;
}

static void on_fetched(struct child_events *ev, int status, int signal_no)
{
	struct embed_host *h = OWNER(ev, struct embed_host, heard);
	struct err e = {0};
	char why[400];
	timer_cancel(&h->timer);
	h->ended = h->fetch;
	h->fetch = NULL;
	defer_start(h->loop, &h->buried, on_fetch_buried);
	if (status == 0 && managed_installed(&h->options, &e)) {
		host_set(h, HOST_STARTING);
		host_start(h);
		return;
	}
	if (signal_no)
		snprintf(why, sizeof why, "the embedder was not fetched within index.embedder_fetch_seconds");
	else
		snprintf(why, sizeof why, "the embedder could not be fetched: %.300s", status ? h->last_line : e.msg);
	host_fail(h, why);
}

static void on_fetch_late(struct timer *t)
{
	struct embed_host *h = OWNER(t, struct embed_host, timer);
	child_stop(h->fetch, STOP_MS);
}

static void host_fetch(struct embed_host *h)
{
	struct str dir = managed_dir(&h->arena, h->options.dir),
		   script = managed_script(&h->arena, dir, "engine-install.sh");
	const char *argv[] = {"/bin/sh", script.p, "--embedder", dir.p, NULL};
	struct err e = {0};
	*h->last_line = 0;
	host_set(h, HOST_FETCHING);
	log_at(LOG_INFO, "the embedder is fetched, once", "dir=%.*s", FMT(dir));
	if (!child_start(h->loop, argv, NULL, &h->heard, &h->fetch, &e)) {
		host_fail(h, e.msg);
		return;
	}
	timer_start(h->loop, &h->timer, index_limits.embedder_fetch_seconds * 1000, on_fetch_late);
}

/* Somebody wants it. */
static void on_wanted(struct post *p)
{
	struct embed_host *h = OWNER(p, struct embed_host, post);
	struct err e = {0};
	pthread_mutex_lock(&h->lock);
	h->posted = false;
	bool wanted = h->state == HOST_WANTED;
	if (wanted)
		host_move(h, HOST_STARTING);
	pthread_mutex_unlock(&h->lock);
	if (!wanted)
		return;
	if (h->managed || managed_installed(&h->options, &e))
		host_start(h);
	else
		host_fetch(h);
}

/* --- taking ------------------------------------------------------------------------------------------------------ */

/* Under the lock. It does not start at all; those who come now need not wait for it. */
static bool host_late(const struct embed_host *h, int64_t now)
{
	return (h->state == HOST_WANTED || h->state == HOST_STARTING) && now - h->since_ms > START_MS;
}

/* Under the lock. false: it will not come, or not now. */
static bool host_hope(struct embed_host *h, int64_t now, struct err *e)
{
	if (host_late(h, now))
		return fail(e, ERR_UNAVAILABLE, NULL,
			    "There is no embedder: it does not start. The server's log says why.");
	if (h->state == HOST_CLOSED)
		return fail(e, ERR_UNAVAILABLE, NULL, "The server is stopping.");
	if (h->state == HOST_FAILED && now < h->again_ms)
		return fail(e, ERR_UNAVAILABLE, NULL, "There is no embedder: %s", h->why);
	if (h->state != HOST_IDLE && h->state != HOST_FAILED)
		return true;
	host_move(h, HOST_WANTED);
	if (!h->posted)
		loop_post(h->loop, &h->post);
	h->posted = true;
	return true;
}

static void host_wait(struct embed_host *h)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_MS * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&h->moved, &h->lock, &until);
}

bool embed_host_take(struct embed_host *h, int64_t fetch_ms, const _Atomic bool *cancelled, struct str *socket,
		     struct err *e)
{
	int64_t now = host_now_ms(), fetched_ms = 0;
	bool ok;
	pthread_mutex_lock(&h->lock);
	while ((ok = host_hope(h, now, e)) && h->state != HOST_UP) {
		if (cancelled && atomic_load(cancelled))
			ok = fail(e, ERR_UNAVAILABLE, NULL, "given up");
		else if (h->state == HOST_FETCHING && fetched_ms >= fetch_ms)
			ok = fail(e, ERR_UNAVAILABLE, NULL, "The embedder is being fetched. Please retry in a moment.");
		if (!ok)
			break;
		bool fetching = h->state == HOST_FETCHING;
		host_wait(h);
		int64_t then = host_now_ms();
		fetched_ms += fetching ? then - now : 0;
		now = then;
	}
	if (ok) {
		h->users++;
		*socket = h->socket;
	}
	pthread_mutex_unlock(&h->lock);
	return ok;
}

void embed_host_give(struct embed_host *h)
{
	pthread_mutex_lock(&h->lock);
	h->users--;
	h->used_ms = host_now_ms();
	pthread_mutex_unlock(&h->lock);
}

bool embed_host_failed(struct embed_host *h)
{
	pthread_mutex_lock(&h->lock);
	bool failed = h->state == HOST_FAILED || host_late(h, host_now_ms());
	pthread_mutex_unlock(&h->lock);
	return failed;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

struct embed_host *embed_host_new(struct loop *main_loop, struct str dir)
{
	struct embed_host *h = xalloc(sizeof *h);
	pthread_condattr_t mono;
	h->loop = main_loop;
	h->post.run = on_wanted;
	h->up.is = on_up;
	h->heard = (struct child_events){on_fetch_line, on_fetched};
	h->options = (struct managed_options){.dir = dir, .alias = embed_host_model, .embeds = true, .events = &h->up};
	pthread_mutex_init(&h->lock, NULL);
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&h->moved, &mono);
	pthread_condattr_destroy(&mono);
	return h;
}

void embed_host_stop(struct embed_host *h)
{
	if (!h)
		return;
	host_set(h, HOST_CLOSED);
	timer_cancel(&h->timer);
	defer_cancel(&h->buried);
	child_free(h->ended);
	child_end(h->fetch, STOP_MS);
	managed_stop(h->managed);
}

void embed_host_free(struct embed_host *h)
{
	if (!h)
		return;
	pthread_cond_destroy(&h->moved);
	pthread_mutex_destroy(&h->lock);
	arena_free(&h->arena);
	xfree(h);
}
