/* inlay_keep.c - the thread that keeps blobs before the rows that name them.
 *
 * It begins with the first of them. What it has kept goes on to the driver; what it could not keep fails as its write
 * would have. */
#include "store/inlay_keep.h"

#include "store/blob.h"

enum { RETRY_AFTER_MS = 1000 };

struct inlay_keeper {
	struct store *store;
	pthread_t thread;
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t wake;
	struct store_request *first, **last;
	size_t n, bytes; /* that wait or are being kept */
	bool started, stop;
};

static bool inlay_keep(struct store *s, const struct store_request *r, struct err *e)
{
	for (size_t i = 0; i < r->n_blobs; i++) {
		struct blob b;
		if (!blob_begin_near(s, &b, r->blobs[i].key, e))
			return false;
		if (!blob_write(&b, r->blobs[i].bytes, e)) {
			blob_abandon(&b);
			return false;
		}
		if (!blob_keep(&b, e))
			return false;
	}
	return true;
}

static void inlay_pass_on(struct store *s, struct store_request *r)
{
	struct err e = {0};
	if (inlay_keep(s, r, &e) && s->driver->apply(s->db, &r->apply, &e))
		return;
	request_fail(r, &e);
	r->apply.next = NULL;
	request_finished(s, &r->apply);
}

static void *inlay_keeper_main(void *arg)
{
	struct inlay_keeper *k = arg;
	pthread_mutex_lock(&k->lock);
	for (;;) {
		while (!k->first && !k->stop)
			pthread_cond_wait(&k->wake, &k->lock);
		struct store_request *r = k->first;
		if (!r)
			break;
		size_t bytes = r->apply.bytes;
		k->first = r->next;
		if (!k->first)
			k->last = &k->first;
		pthread_mutex_unlock(&k->lock);
		inlay_pass_on(k->store, r); /* from here on it may be gone */
		pthread_mutex_lock(&k->lock);
		k->n--;
		k->bytes -= bytes;
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

struct inlay_keeper *inlay_keeper_new(struct store *s)
{
	struct inlay_keeper *k = xalloc(sizeof *k);
	k->store = s;
	k->last = &k->first;
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->wake, NULL);
	return k;
}

void inlay_keeper_free(struct inlay_keeper *k)
{
	pthread_mutex_lock(&k->lock);
	k->stop = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
	if (k->started)
		pthread_join(k->thread, NULL);
	pthread_mutex_destroy(&k->lock);
	pthread_cond_destroy(&k->wake);
	xfree(k);
}

static bool inlay_keeper_start(struct inlay_keeper *k)
{
	if (!k->started && pthread_create(&k->thread, NULL, inlay_keeper_main, k) == 0) {
		pthread_setname_np(k->thread, "store-inlays");
		k->started = true;
	}
	return k->started;
}

bool inlay_send(struct store *s, struct store_request *r, struct err *e)
{
	struct inlay_keeper *k = s->inlays;
	pthread_mutex_lock(&k->lock);
	bool room = k->n < (size_t)store_limits.queue &&
		    (!k->n || k->bytes + r->apply.bytes <= (size_t)store_limits.queue_bytes),
	     ok = room && inlay_keeper_start(k);
	if (ok) {
		r->next = NULL;
		*k->last = r;
		k->last = &r->next;
		k->n++;
		k->bytes += r->apply.bytes;
		pthread_cond_signal(&k->wake);
	}
	pthread_mutex_unlock(&k->lock);
	if (ok)
		return true;
	e->retry_after_ms = RETRY_AFTER_MS;
	return fail(e, ERR_UNAVAILABLE, NULL, "The store is overloaded. Please retry after a moment.");
}
