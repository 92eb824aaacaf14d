/* pool.c - boxes that wait for containers to come. */
#include "session/pool.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "session/keeper.h"
#include "session/limits.h"
#include "session/share.h"
#include "session/table.h"

#define WAITING ".waiting-"
enum { PRELOADS = 50, WAIT_MS = 1000 };

static void pool_give_up(struct pool_place *p)
{
	struct err e = {0};
	interpreter_forget(&p->interpreter);
	if (p->box) {
		box_kill(p->box, BOX_ENDED);
		box_drop(p->box);
	}
	share_erase(p->folder, &e);
	xfree(p);
}

/* --- taking ------------------------------------------------------------------------------------------------ */

/* A container that has files keeps its folder: were they moved into the one that waits, a kill in between would leave them there, and the
 * next start throws away what waits. */
static bool pool_empty(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *at;
	size_t n = 0;
	while (d && n <= 2 && (at = readdir(d)))
		n++;
	if (d)
		closedir(d);
	return d && n <= 2; /* "." and ".." */
}

/* rename(2) replaces an empty folder, all at once; it fails where somebody has put something into it meanwhile. It is not synced: until
 * a file is kept, one empty folder is as good as the other, and whoever keeps one syncs the way to it (share_sync()). */
bool pool_take(struct sessions *s, const struct session_where *w, struct box **box, struct interpreter *ret)
{
	int64_t memory = w->memory ? w->memory : session_limits.memory;
	bool fits = !w->n_mounts && !w->gate && memory == session_limits.memory &&
		    strlen(w->folder) < sizeof((struct box *)0)->folder;
	while (fits && pool_empty(w->folder)) {
		pthread_mutex_lock(&s->lock);
		struct pool_place *p = s->pool.n ? s->pool.at[--s->pool.n] : NULL;
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
		if (!p)
			return false;
		int status;
		if (p->box->memory == memory && order_ended(&p->interpreter.program, &status) == 1 &&
		    rename(p->folder, w->folder) == 0) {
			pthread_mutex_lock(&s->lock);
			memcpy(p->box->folder, w->folder, strlen(w->folder) + 1);
			pthread_mutex_unlock(&s->lock);
			*box = p->box;
			*ret = p->interpreter;
			xfree(p);
			return true;
		}
		pool_give_up(p);
	}
	return false;
}

/* --- filling ----------------------------------------------------------------------------------------------- */

static struct pool_place *pool_build(struct sessions *s, struct err *e)
{
	struct pool_place *p = xalloc(sizeof *p);
	snprintf(p->folder, sizeof p->folder, "%s/" WAITING "%d-%u", s->pool.parent, (int)getpid(), s->pool.made++);
	struct session_where w = {.folder = p->folder};
	bool ok = share_make(p->folder, e) && (p->box = keeper_build(s, &w, e)) != NULL &&
		  box_ready(p->box, clock_mono_us() + session_limits.start_ms * 1000, NULL, e) &&
		  interpreter_start(&s->kind, p->box, &p->interpreter, e) &&
		  interpreter_ready(&p->interpreter, NULL, e);
	if (ok)
		return p;
	pool_give_up(p);
	return NULL;
}

/* What an earlier process left. One process serves a data folder. */
static void pool_clean(const char *parent)
{
	char path[8192];
	struct err e = {0};
	struct dirent *at;
	DIR *d = opendir(parent);
	while (d && (at = readdir(d)))
		if (strncmp(at->d_name, WAITING, strlen(WAITING)) == 0) {
			snprintf(path, sizeof path, "%s/%s", parent, at->d_name);
			share_erase(path, &e);
		}
	if (d)
		closedir(d);
}

/* A zygote, or another when the last one died; not at once, nor without end. */
static void pool_preload(struct sessions *s, int64_t *next_us)
{
	struct zygote *z = atomic_load(&s->kind.zygote);
	struct err why = {0};
	if (!session_limits.preload || (z && atomic_load(&z->ready)) || clock_mono_us() < *next_us ||
	    s->pool.preloads >= PRELOADS)
		return;
	*next_us = clock_mono_us() + session_limits.again_ms * 1000;
	s->pool.preloads++;
	if (!keeper_zygote(s, &why) || !zygote_ready(atomic_load(&s->kind.zygote), &s->ending, &why))
		log_at(LOG_WARN, "Python is started anew for each session", "why=%s", why.msg);
}

static void *pool_fill(void *arg)
{
	struct sessions *s = arg;
	int64_t next_us = 0, preload_us = 0;
	pool_clean(s->pool.parent);
	pthread_mutex_lock(&s->lock);
	while (!s->ending) {
		pthread_mutex_unlock(&s->lock);
		pool_preload(s, &preload_us);
		pthread_mutex_lock(&s->lock);
		size_t want = (size_t)(session_limits.pool < POOL_MOST ? session_limits.pool : POOL_MOST);
		if (s->pool.n >= want || clock_mono_us() < next_us) {
			keeper_wait(s, WAIT_MS);
			continue;
		}
		struct err e = {0};
		pthread_mutex_unlock(&s->lock);
		struct pool_place *p = pool_build(s, &e);
		if (!p) {
			log_at(LOG_WARN, "no box to wait for containers", "why=%s", e.msg);
			next_us = clock_mono_us() + session_limits.again_ms * 1000;
		}
		pthread_mutex_lock(&s->lock);
		if (p && s->pool.n < POOL_MOST)
			s->pool.at[s->pool.n++] = p;
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

void pool_begin(struct sessions *s, const struct session_where *w)
{
	const char *slash = strrchr(w->folder, '/');
	size_t n = slash ? (size_t)(slash - w->folder) : 0;
	if (s->pool.started || (!session_limits.pool && !session_limits.preload) || !n || n >= sizeof s->pool.parent)
		return;
	memcpy(s->pool.parent, w->folder, n);
	s->pool.started = pthread_create(&s->pool.thread, NULL, pool_fill, s) == 0;
}

void pool_end(struct sessions *s)
{
	pthread_mutex_lock(&s->lock);
	s->ending = true;
	pthread_mutex_unlock(&s->lock);
	if (!s->pool.started)
		return;
	pthread_join(s->pool.thread, NULL);
	while (s->pool.n)
		pool_give_up(s->pool.at[--s->pool.n]);
	s->pool.started = false;
}
