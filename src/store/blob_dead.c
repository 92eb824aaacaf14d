/* blob_dead.c - blobs that are to be removed. */
#include "store/blob_dead.h"

#include <pthread.h>

#include "base/log.h"
#include "store/blob_place.h"
#include "store/blobs.h"
#include "store/core.h"
#include "store/hold.h"
#include "store/node.h"
#include "store/sealed.h"

enum { DEAD_MOST = 1 << 20 }; /* of a place that does not answer; more are found by their age */

struct blob_dead {
	pthread_mutex_t lock; /* over what follows */
	struct blob_list {
		int64_t *keys;
		size_t n, cap;
	} dead, near, doubtful; /* to be removed; the doubtful, which are near, unless a row knows them */
};

struct blob_dead *blob_dead_new(void)
{
	struct blob_dead *b = xalloc(sizeof *b);
	pthread_mutex_init(&b->lock, NULL);
	return b;
}

void blob_dead_free(struct blob_dead *b)
{
	pthread_mutex_destroy(&b->lock);
	xfree(b->dead.keys); /* somebody copies, or the place does not answer: they go later */
	xfree(b->near.keys);
	xfree(b->doubtful.keys);
	xfree(b);
}

static void blob_list_add(struct blob_dead *b, struct blob_list *l, int64_t key)
{
	pthread_mutex_lock(&b->lock);
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->keys = xrealloc(l->keys, l->cap * sizeof *l->keys);
	}
	l->keys[l->n++] = key;
	pthread_mutex_unlock(&b->lock);
}

static struct blob_list blob_list_take(struct blob_dead *b, struct blob_list *l)
{
	pthread_mutex_lock(&b->lock);
	struct blob_list all = *l;
	*l = (struct blob_list){0};
	pthread_mutex_unlock(&b->lock);
	return all;
}

void blob_dead_add(struct blob_dead *b, int64_t key)
{
	blob_list_add(b, &b->dead, key);
}

void blob_dead_add_near(struct blob_dead *b, int64_t key)
{
	blob_list_add(b, &b->near, key);
}

void blob_dead_doubt(struct blob_dead *b, int64_t key)
{
	blob_list_add(b, &b->doubtful, key);
}

/* What cannot be removed now waits for the next time, if somebody sees to that; else the next start finds it. */
static void blob_dead_bury_at(struct blob_dead *b, struct place *p, struct blob_list *list)
{
	struct blob_list dead = blob_list_take(b, list);
	size_t at = 0;
	for (; at < dead.n; at++) {
		struct err e = {0};
		if (p->kind->remove(p, dead.keys[at], &e))
			continue;
		log_at(LOG_WARN, "a removed file's bytes stay", "file=%016llx reason=\"%s\"",
		       (unsigned long long)dead.keys[at], e.msg);
		if (p->kind->shared)
			break;
	}
	for (; at < dead.n && dead.n < DEAD_MOST; at++)
		blob_list_add(b, list, dead.keys[at]);
	xfree(dead.keys);
}

void blob_dead_bury(struct store *s)
{
	struct blobs *b = s->node->blobs;
	struct blob_dead *d = s->blob_dead;
	int hold = hold_try(blobs_dir(b));
	if (hold < 0)
		return; /* they wait in the list; after a crash the next start finds them */
	blob_dead_bury_at(d, blobs_near(b), &d->near);
	blob_dead_bury_at(d, blobs_place(b), &d->dead);
	hold_end(hold);
}

size_t blob_dead_left(struct blob_dead *b)
{
	pthread_mutex_lock(&b->lock);
	size_t n = b->dead.n + b->near.n;
	pthread_mutex_unlock(&b->lock);
	return n;
}

struct judging {
	struct store *store;
	struct blob_list list;
	bool known;
};

static bool blob_dead_on_known(void *ctx, const struct cell *cells)
{
	((struct judging *)ctx)->known = true;
	return false;
}

static bool blob_dead_judge_all(struct db_reader *r, void *ctx, struct err *e)
{
	struct judging *j = ctx;
	for (size_t i = 0; i < j->list.n; i++) {
		struct bind b = INT(j->list.keys[i]);
		j->known = false;
		if (!sealed_query(j->store, r, STMT_BLOB_KNOWN, &b, 1, blob_dead_on_known, j, e))
			return false;
		if (!j->known)
			blob_dead_add_near(j->store->blob_dead, j->list.keys[i]);
	}
	return true;
}

void blob_dead_judge(struct store *s)
{
	struct blob_dead *b = s->blob_dead;
	struct judging j = {.store = s, .list = blob_list_take(b, &b->doubtful)};
	struct err e = {0};
	if (j.list.n && !s->driver->read(s->reader, blob_dead_judge_all, &j, &e)) /* the next start finds them */
		log_at(LOG_WARN, "blobs could not be looked at", "n=%zu reason=\"%s\"", j.list.n, e.msg);
	xfree(j.list.keys);
}
