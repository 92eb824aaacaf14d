/* blob_sweeper.c - the thread that removes bytes from a place which is shared, or far away. */
#include "store/blob_sweeper.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/blob_dead.h"
#include "store/blob_options.h"
#include "store/blob_place.h"
#include "store/blobs.h"
#include "store/lend.h"
#include "store/node.h"

enum { AGAIN_SECONDS = 5 };

struct blob_sweeper {
	struct store *store;
	struct str owner; /* {0}: asked */
	struct arena arena;
	pthread_t thread;
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t wake;
	bool woken;
	_Atomic bool stop;
};

/* --- what no row knows ------------------------------------------------------------------------------------------- */

struct blob_search {
	struct blob_sweeper *sweeper;
	int64_t before;
	bool known;
	size_t n;
};

static bool blob_sweeper_on_known(void *ctx, const struct cell *cells)
{
	((struct blob_search *)ctx)->known = true;
	return false;
}

static bool blob_sweeper_judge(void *ctx, const struct place_found *f, struct err *e)
{
	struct blob_search *b = ctx;
	struct store *s = b->sweeper->store;
	struct place *p = blobs_place(s->node->blobs);
	struct lent_query q = {
	    .stmt = STMT_BLOB_KNOWN, .binds = {INT(f->key)}, .n_binds = 1, .row = blob_sweeper_on_known};
	if (b->sweeper->stop)
		return fail(e, ERR_UNAVAILABLE, NULL, "the server ends");
	if (!f->at || f->at >= b->before)
		return true;
	b->known = false;
	if (f->key && !lent_rows(s, &q, b, e))
		return false;
	if (b->known)
		return true;
	if (!p->kind->remove_named(p, f->name, e))
		return false;
	b->n++;
	return true;
}

static void blob_sweeper_search(struct blob_sweeper *w)
{
	struct place *p = blobs_place(w->store->node->blobs);
	struct blob_search b = {.sweeper = w, .before = clock_wall_s() - blob_limits.grace_seconds};
	struct err e = {0};
	if (w->owner.n && !p->kind->claim(p, w->owner, &e)) {
		log_at(LOG_WARN, "the store of files cannot be asked whose it is", "reason=\"%s\"", e.msg);
		return;
	}
	w->owner.n = 0;
	if (!p->kind->list(p, blob_sweeper_judge, &b, &e) && !w->stop)
		log_at(LOG_WARN, "files without a row are looked for later", "reason=\"%s\"", e.msg);
	if (b.n)
		log_at(LOG_INFO, "files without a row removed", "n=%zu", b.n);
}

/* --- the thread -------------------------------------------------------------------------------------------------- */

/* Until it is woken, or for so long. */
static void blob_sweeper_wait(struct blob_sweeper *w, int64_t seconds)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&w->lock);
	while (!w->woken && !w->stop && pthread_cond_timedwait(&w->wake, &w->lock, &until) == 0)
		;
	w->woken = false;
	pthread_mutex_unlock(&w->lock);
}

static void *blob_sweeper_main(void *arg)
{
	struct blob_sweeper *w = arg;
	struct blob_dead *dead = w->store->blob_dead;
	int64_t due = clock_mono_us();
	while (!w->stop) {
		blob_dead_bury(w->store);
		if (clock_mono_us() >= due && !w->stop) {
			if (w->owner.n || !w->store->driver->shared || w->store->node->leads) /* one node is enough */
				blob_sweeper_search(w);
			due = clock_mono_us() + blob_limits.look_seconds * 1000000;
		}
		int64_t left = (due - clock_mono_us()) / 1000000 + 1;
		if (blob_dead_left(dead) &&
		    left > AGAIN_SECONDS) /* what could not be removed is tried again, in no hurry */
			left = AGAIN_SECONDS;
		blob_sweeper_wait(w, left > 0 ? left : 1);
	}
	if (!blobs_place(w->store->node->blobs)->kind->stop) /* it does not take long */
		blob_dead_bury(w->store);
	return NULL;
}

/* A place that does not answer now will later; one that cannot be used is refused. */
static bool blob_sweeper_claim(struct blob_sweeper *w, struct str owner, struct err *e)
{
	struct place *p = blobs_place(w->store->node->blobs);
	struct err why = {0};
	if (p->kind->claim(p, owner, &why))
		return true;
	if (why.code != ERR_UNAVAILABLE)
		return fail(e, why.code, NULL, "%s", why.msg);
	log_at(LOG_WARN, "the store of files does not answer; what needs none goes on", "reason=\"%s\"", why.msg);
	w->owner = str_copy(&w->arena, owner);
	return true;
}

bool blob_sweeper_start(struct store *s, struct str owner, struct blob_sweeper **ret, struct err *e)
{
	if (!blobs_place(s->node->blobs)->kind->shared)
		return true;
	struct blob_sweeper *w = xalloc(sizeof *w);
	w->store = s;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	if (blob_sweeper_claim(w, owner, e) && pthread_create(&w->thread, NULL, blob_sweeper_main, w) == 0) {
		pthread_setname_np(w->thread, "store-blobs");
		*ret = w;
		return true;
	}
	arena_free(&w->arena);
	xfree(w);
	return fail(e, ERR_INTERNAL, NULL, "a thread could not be started");
}

void blob_sweeper_wake(struct blob_sweeper *w)
{
	pthread_mutex_lock(&w->lock);
	w->woken = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

void blob_sweeper_stop(struct blob_sweeper *w)
{
	if (!w)
		return;
	struct place *p = blobs_place(w->store->node->blobs);
	w->stop = true;
	if (p->kind->stop)
		p->kind->stop(p);
	blob_sweeper_wake(w);
	pthread_join(w->thread, NULL);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->wake);
	arena_free(&w->arena);
	xfree(w);
}
