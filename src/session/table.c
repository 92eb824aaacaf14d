/* table.c - the sessions of this process. */
#include "session/table.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "sandbox/host.h"
#include "session/keeper.h"
#include "session/limits.h"
#include "session/packages.h"

struct sessions *sessions_open(const struct session_options *o)
{
	struct sessions *s = xalloc(sizeof *s);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&s->lock, NULL);
	if (!packages_folder(o->python, s->kind.packages) || (!o->python.n && !packages_there(s->kind.packages)))
		*s->kind.packages = 0;
	snprintf(s->kind.program, sizeof s->kind.program, "%s/bin/python3",
		 *s->kind.packages ? s->kind.packages : "/usr");
	return s;
}

static void table_free(struct session *at)
{
	if (at->box)
		box_drop(at->box);
	xfree(at);
}

void sessions_close(struct sessions *s)
{
	size_t i = 0;
	struct session *at;
	if (!s)
		return;
	pool_end(s); /* while boxes are built for it still */
	keeper_end(s);
	while ((at = map_next(&s->map, &i))) {
		interpreter_forget(&at->python);
		table_free(at);
	}
	map_release(&s->map);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	xfree(s);
}

bool session_refuse(const struct sessions *s, struct err *e)
{
	return host_refuse(e) &&
	       (access(s->kind.program, X_OK) == 0 ||
		fail(e, ERR_CONFIG, NULL, "%s is not there. To mend it: %s (docs/sandbox.md)", s->kind.program,
		     *s->kind.packages ? "antiphon sandbox install" : "apt install python3"));
}

enum { TICK_MS = 50 };

static struct str table_key(const struct session *at)
{
	return (struct str){(const char *)&at->key, sizeof at->key};
}

struct session *table_enter(struct sessions *s, const struct session_where *w)
{
	pthread_mutex_lock(&s->lock);
	struct session *at = map_get(&s->map, (struct str){(const char *)&w->key, sizeof w->key});
	if (!at) {
		at = xalloc(sizeof *at);
		at->key = w->key;
		if (w->before)
			snprintf(at->lost, sizeof at->lost, "The server was restarted.");
		map_put(&s->map, table_key(at), at);
	}
	at->calls++;
	pthread_mutex_unlock(&s->lock);
	return at;
}

/* A session whose box was ended stays in the table for the reason alone; without a reason it goes. */
void table_leave(struct sessions *s, struct session *at)
{
	pthread_mutex_lock(&s->lock);
	at->used_us = clock_mono_us();
	at->calls--;
	if (!at->calls && !at->box && !*at->lost) {
		map_del(&s->map, table_key(at));
		table_free(at);
	}
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* With the lock. Gives up a box that is dead. */
static bool table_box_lives(struct session *at)
{
	if (at->box && atomic_load(&at->box->why) == BOX_LIVES)
		return true;
	if (at->box)
		box_drop(at->box);
	at->box = NULL;
	return false;
}

static struct box *table_build(struct sessions *s, const struct session_where *w, int64_t until_us,
			       const _Atomic bool *stop, struct err *e)
{
	int64_t start = clock_mono_us() + session_limits.start_ms * 1000;
	struct box *b = session_refuse(s, e) ? keeper_build(s, w, e) : NULL;
	if (b && !box_ready(b, start < until_us ? start : until_us, stop, e)) {
		box_kill(b, BOX_DIED);
		box_drop(b);
		b = NULL;
	}
	return b;
}

struct box *table_box(struct sessions *s, struct session *at, const struct session_where *w, bool turn,
		      int64_t until_us, const _Atomic bool *stop, struct err *e)
{
	struct box *b = NULL;
	bool ok = true;
	pthread_mutex_lock(&s->lock);
	while (ok && at->building) {
		keeper_wait(s, TICK_MS);
		ok = clock_mono_us() < until_us || fail(e, ERR_REQUEST_TIMEOUT, NULL, "its box was not ready in time");
		ok = ok && (!(stop && atomic_load(stop)) || fail(e, ERR_REQUEST_TIMEOUT, NULL, "cancelled"));
	}
	if (ok && !table_box_lives(at)) {
		if (!keeper_room(s)) {
			pthread_mutex_unlock(&s->lock);
			fail(e, ERR_BUSY, NULL, "%lld boxes are at work, which is as many as session.max permits",
			     (long long)session_limits.max);
			return NULL;
		}
		at->building = true;
		pthread_mutex_unlock(&s->lock);
		struct interpreter waiting = {0};
		if (!pool_take(s, w, &b, &waiting))
			b = table_build(s, w, until_us, stop, e);
		pthread_mutex_lock(&s->lock);
		if (waiting.box && !at->python.box && (turn || !at->queue))
			at->python = waiting;
		else
			interpreter_forget(&waiting);
		if (b)
			pool_begin(s, w);
		at->building = false;
		at->box = b;
	}
	/* An end that comes later finds the box; one that came while it was built did not. */
	if (ok && at->box && w->gone && atomic_load(w->gone)) {
		box_kill(at->box, BOX_ENDED);
		ok = fail(e, ERR_NOT_FOUND, NULL, "the container was deleted meanwhile");
	}
	b = ok ? at->box : NULL;
	if (b)
		box_hold(b);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return b;
}

void session_end(struct sessions *s, int64_t key)
{
	pthread_mutex_lock(&s->lock);
	struct session *at = map_get(&s->map, (struct str){(const char *)&key, sizeof key});
	if (at && at->box)
		box_kill(at->box, BOX_ENDED);
	if (at && !at->calls) {
		interpreter_forget(&at->python);
		map_del(&s->map, table_key(at));
		table_free(at);
	}
	pthread_mutex_unlock(&s->lock);
}

void table_busy(struct sessions *s, struct box *b)
{
	pthread_mutex_lock(&s->lock);
	atomic_fetch_add(&b->calls, 1);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}
