/* cntrs.c - what containers of a process share: who is held, and the thread that ends what has expired. */
#include "container/cntrs.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "container/folder.h"
#include "container/limits.h"
#include "store/nodes.h"

/* A container that is held, or whose folder is to go. */
struct cntr_mark {
	struct cntr_mark *next;
	int64_t key, held;
	bool entered, filing;
	_Atomic bool doomed;
};

struct cntrs {
	struct store *store;
	struct folders *folders;
	struct egress *egress;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t wake, left; /* left: a container, or its files, that somebody had for himself */
	void (*end)(void *ctx, int64_t key);
	void *end_ctx;
	struct cntr_mark *marks;
	bool stopping, doomed; /* doomed: a mark waits for the thread */
};

struct store *cntrs_store(const struct cntrs *c)
{
	return c->store;
}

struct folders *cntrs_folders(const struct cntrs *c)
{
	return c->folders;
}

struct egress *cntrs_egress(const struct cntrs *c)
{
	return c->egress;
}

void cntrs_on_end(struct cntrs *c, void (*end)(void *ctx, int64_t key), void *ctx)
{
	pthread_mutex_lock(&c->lock);
	c->end = end;
	c->end_ctx = ctx;
	pthread_mutex_unlock(&c->lock);
}

/* --- held, and doomed -------------------------------------------------------------------------------------------- */

/* Under the lock. */
static struct cntr_mark *cntr_mark_of(struct cntrs *c, int64_t key, bool make)
{
	struct cntr_mark *m = c->marks;
	while (m && m->key != key)
		m = m->next;
	if (m || !make)
		return m;
	m = xalloc(sizeof *m);
	m->key = key;
	m->next = c->marks;
	c->marks = m;
	return m;
}

static void cntr_mark_drop(struct cntrs *c, struct cntr_mark *m)
{
	struct cntr_mark **at = &c->marks;
	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	xfree(m);
}

const _Atomic bool *cntr_hold(struct cntrs *c, int64_t key)
{
	pthread_mutex_lock(&c->lock);
	struct cntr_mark *m = cntr_mark_of(c, key, true);
	m->held++;
	pthread_mutex_unlock(&c->lock);
	return &m->doomed;
}

void cntr_release(struct cntrs *c, int64_t key)
{
	pthread_mutex_lock(&c->lock);
	struct cntr_mark *m = cntr_mark_of(c, key, false);
	if (m && --m->held == 0) {
		if (m->doomed) {
			c->doomed = true;
			pthread_cond_signal(&c->wake);
		} else {
			cntr_mark_drop(c, m);
		}
	}
	pthread_mutex_unlock(&c->lock);
}

static struct timespec cntr_in_ms(int64_t ms)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return until;
}

bool cntr_enter(struct cntrs *c, int64_t key, int64_t wait_ms, const _Atomic bool *stop)
{
	enum { TICK_MS = 50 /* so often is *stop looked at */ };
	int64_t until = clock_mono_us() + wait_ms * 1000;
	pthread_mutex_lock(&c->lock);
	struct cntr_mark *m = cntr_mark_of(c, key, true);
	while (m->entered && clock_mono_us() < until && !(stop && atomic_load(stop))) {
		struct timespec tick = cntr_in_ms(TICK_MS);
		pthread_cond_timedwait(&c->left, &c->lock, &tick);
	}
	bool ok = !m->entered;
	m->entered = true;
	pthread_mutex_unlock(&c->lock);
	return ok;
}

void cntr_leave(struct cntrs *c, int64_t key)
{
	pthread_mutex_lock(&c->lock);
	cntr_mark_of(c, key, true)->entered = false;
	pthread_cond_broadcast(&c->left);
	pthread_mutex_unlock(&c->lock);
}

void cntr_files_enter(struct cntrs *c, int64_t key)
{
	cntr_hold(c, key);
	pthread_mutex_lock(&c->lock);
	struct cntr_mark *m = cntr_mark_of(c, key, true);
	while (m->filing)
		pthread_cond_wait(&c->left, &c->lock);
	m->filing = true;
	pthread_mutex_unlock(&c->lock);
}

void cntr_files_leave(struct cntrs *c, int64_t key)
{
	pthread_mutex_lock(&c->lock);
	cntr_mark_of(c, key, true)->filing = false;
	pthread_cond_broadcast(&c->left);
	pthread_mutex_unlock(&c->lock);
	cntr_release(c, key);
}

/* Its row is gone; its folder follows when nobody holds it. */
void cntr_doom(struct cntrs *c, int64_t key)
{
	pthread_mutex_lock(&c->lock);
	cntr_mark_of(c, key, true)->doomed = true;
	c->doomed = true;
	pthread_cond_signal(&c->wake);
	void (*end)(void *, int64_t) = c->end;
	void *ctx = c->end_ctx;
	pthread_mutex_unlock(&c->lock);
	if (end)
		end(ctx, key);
}

/* --- the thread -------------------------------------------------------------------------------------------------- */

/* One that is doomed and that nobody holds; 0. */
static int64_t cntr_next_doomed(struct cntrs *c)
{
	int64_t key = 0;
	pthread_mutex_lock(&c->lock);
	struct cntr_mark *m = c->marks;
	while (m && !(m->doomed && !m->held))
		m = m->next;
	if (m) {
		key = m->key;
		cntr_mark_drop(c, m);
	} else {
		c->doomed = false;
	}
	pthread_mutex_unlock(&c->lock);
	return key;
}

static bool cntr_held(struct cntrs *c, int64_t key)
{
	pthread_mutex_lock(&c->lock);
	bool held = cntr_mark_of(c, key, false) != NULL;
	pthread_mutex_unlock(&c->lock);
	return held;
}

/* Another node's has its folder there, and may have a call. Those of a dead one the leader ends; its folders go when it starts again. */
static bool cntr_ends_here(struct cntrs *c, int64_t key)
{
	struct node_row where;
	struct id id = {.key = key};
	return store_has_here(c->store, &id, &where) || (where.dead && store_leads(c->store));
}

static void cntr_end_late(struct cntrs *c)
{
	int64_t keys[CONTAINER_SLICE];
	struct err e = {0};
	size_t n = 0;
	if (!container_late(c->store, keys, &n, &e) || !container_forget(c->store, &e)) {
		log_at(LOG_WARN, "expired containers could not be looked for", "error=\"%s\"", e.msg);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct err why = {0};
		if (cntr_held(c, keys[i]) || !cntr_ends_here(c, keys[i]))
			continue;
		if (container_end(c->store, keys[i], &why))
			cntr_doom(c, keys[i]);
		else if (why.code != ERR_CONFLICT)
			log_at(LOG_WARN, "an expired container could not be ended", "error=\"%s\"", why.msg);
	}
}

static void *cntr_thread(void *arg)
{
	struct cntrs *c = arg;
	bool stop = false;
	while (!stop) {
		int64_t key;
		cntr_end_late(c);
		while ((key = cntr_next_doomed(c)))
			folder_remove(c->folders, key);
		struct timespec until = cntr_in_ms(container_limits.sweep_ms);
		pthread_mutex_lock(&c->lock);
		if (!c->stopping && !c->doomed)
			pthread_cond_timedwait(&c->wake, &c->lock, &until);
		stop = c->stopping;
		pthread_mutex_unlock(&c->lock);
	}
	return NULL;
}

static bool cntr_known(void *ctx, int64_t key, bool *ret, struct err *e)
{
	return container_has_folder(((struct cntrs *)ctx)->store, key, ret, e);
}

bool cntrs_new(struct store *s, struct egress *out, struct str dir, struct cntrs **ret, struct err *e)
{
	struct cntrs *c = xalloc(sizeof *c);
	c->store = s;
	c->egress = out;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->wake, NULL);
	pthread_cond_init(&c->left, NULL);
	if (!folders_new(dir, &c->folders, e) || !folders_sweep(c->folders, cntr_known, c, e)) {
		cntrs_free(c);
		return false;
	}
	c->started = pthread_create(&c->thread, NULL, cntr_thread, c) == 0;
	if (!c->started) {
		cntrs_free(c);
		return fail(e, ERR_CONFIG, NULL, "cannot start a thread for containers");
	}
	*ret = c;
	return true;
}

void cntrs_free(struct cntrs *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stopping = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	if (c->started)
		pthread_join(c->thread, NULL);
	while (c->marks)
		cntr_mark_drop(c, c->marks);
	folders_free(c->folders);
	pthread_cond_destroy(&c->wake);
	pthread_cond_destroy(&c->left);
	pthread_mutex_destroy(&c->lock);
	xfree(c);
}
