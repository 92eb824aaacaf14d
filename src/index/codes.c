/* codes.c - the signs of one store's vectors, in memory. */
#include "index/codes.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct codes {
	pthread_rwlock_t lock;
	struct doc *docs; /* by their number, so that they are found by halving */
	size_t n, cap, bytes;
	uint64_t changes; /* codes_changes() */
};

void doc_release(struct doc *d)
{
	xfree(d->codes);
	xfree(d->factors);
	xfree(d->first);
	xfree(d->n);
	*d = (struct doc){0};
}

static size_t doc_bytes(const struct doc *d)
{
	return sizeof *d + d->n_windows * (vector_words(d->dims) * 8 + (d->dims ? sizeof *d->factors : 0)) +
	       d->n_chunks * (sizeof *d->first + sizeof *d->n);
}

struct codes *codes_new(void)
{
	struct codes *c = xalloc(sizeof *c);
	pthread_rwlock_init(&c->lock, NULL);
	return c;
}

void codes_free(struct codes *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		doc_release(&c->docs[i]);
	pthread_rwlock_destroy(&c->lock);
	xfree(c->docs);
	xfree(c);
}

/* Where a doc of that number is, or would be. */
static size_t codes_place(const struct codes *c, int64_t doc)
{
	size_t low = 0, high = c->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (c->docs[mid].doc < doc)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void drop_at(struct codes *c, size_t at)
{
	c->bytes -= doc_bytes(&c->docs[at]);
	doc_release(&c->docs[at]);
	memmove(&c->docs[at], &c->docs[at + 1], (c->n - at - 1) * sizeof *c->docs);
	c->n--;
}

static void drop_file(struct codes *c, int64_t file)
{
	for (size_t i = c->n; i-- > 0;)
		if (c->docs[i].file == file)
			drop_at(c, i);
}

/* Under the lock. */
static void codes_insert(struct codes *c, const struct doc *d, size_t at)
{
	if (c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 16;
		c->docs = xrealloc(c->docs, c->cap * sizeof *c->docs);
	}
	memmove(&c->docs[at + 1], &c->docs[at], (c->n - at) * sizeof *c->docs);
	c->docs[at] = *d;
	c->n++;
	c->bytes += doc_bytes(d);
}

void codes_put(struct codes *c, const struct doc *d)
{
	pthread_rwlock_wrlock(&c->lock);
	drop_file(c, d->file);
	c->changes++;
	codes_insert(c, d, codes_place(c, d->doc));
	pthread_rwlock_unlock(&c->lock);
}

uint64_t codes_changes(struct codes *c)
{
	pthread_rwlock_rdlock(&c->lock);
	uint64_t n = c->changes;
	pthread_rwlock_unlock(&c->lock);
	return n;
}

void codes_add(struct codes *c, const struct doc *d)
{
	pthread_rwlock_wrlock(&c->lock);
	assert(!c->n || c->docs[c->n - 1].doc < d->doc);
	codes_insert(c, d, c->n);
	pthread_rwlock_unlock(&c->lock);
}

void codes_drop(struct codes *c, int64_t file)
{
	pthread_rwlock_wrlock(&c->lock);
	drop_file(c, file);
	c->changes++;
	pthread_rwlock_unlock(&c->lock);
}

size_t codes_bytes(struct codes *c)
{
	pthread_rwlock_rdlock(&c->lock);
	size_t bytes = c->bytes;
	pthread_rwlock_unlock(&c->lock);
	return bytes;
}

void codes_each(struct codes *c, void (*each)(void *ctx, const struct doc *d), void *ctx)
{
	pthread_rwlock_rdlock(&c->lock);
	for (size_t i = 0; i < c->n; i++)
		each(ctx, &c->docs[i]);
	pthread_rwlock_unlock(&c->lock);
}

static const struct doc *doc_of(const struct codes *c, int64_t doc)
{
	size_t at = codes_place(c, doc);
	return at < c->n && c->docs[at].doc == doc ? &c->docs[at] : NULL;
}

int64_t codes_file(struct codes *c, int64_t doc)
{
	pthread_rwlock_rdlock(&c->lock);
	const struct doc *d = doc_of(c, doc);
	int64_t file = d ? d->file : 0;
	pthread_rwlock_unlock(&c->lock);
	return file;
}

int64_t codes_next(struct codes *c, int64_t doc, bool (*allowed)(void *ctx, int64_t file), void *ctx)
{
	int64_t next = 0;
	pthread_rwlock_rdlock(&c->lock);
	for (size_t i = codes_place(c, doc + 1); !next && i < c->n; i++)
		if (!allowed || allowed(ctx, c->docs[i].file))
			next = c->docs[i].doc;
	pthread_rwlock_unlock(&c->lock);
	return next;
}

size_t codes_windows(struct codes *c, int64_t chunk, size_t *first)
{
	size_t n = 0, seq = (size_t)(chunk & ((1 << CHUNK_BITS) - 1));
	pthread_rwlock_rdlock(&c->lock);
	const struct doc *d = doc_of(c, chunk >> CHUNK_BITS);
	if (d && seq < d->n_chunks) {
		*first = d->first[seq];
		n = d->n[seq];
	}
	pthread_rwlock_unlock(&c->lock);
	return n;
}

/* --- the scan ---------------------------------------------------------------------------------------------------- */

static void scan_doc(const struct doc *d, const struct vector_query *q, float *scores, struct ranked_best *b)
{
	vector_scan(q, d->codes, d->factors, d->n_windows, scores);
	for (size_t i = 0; i < d->n_chunks; i++) {
		float most = scores[d->first[i]];
		for (size_t k = 1; k < d->n[i]; k++)
			most = scores[d->first[i] + k] > most ? scores[d->first[i] + k] : most;
		if (b->n == b->max && b->max && (double)most < b->at[0].score)
			continue; /* no second makes it more */
		struct best_windows w = WINDOWS_NONE;
		for (size_t k = 0; k < d->n[i]; k++)
			best_windows_add(&w, (double)scores[d->first[i] + k]);
		ranked_add(b, (struct ranked){chunk_number(d->doc, i), best_windows_score(&w)});
	}
}

size_t codes_scan(struct codes *c, const struct codes_query *q, struct ranked *ret, size_t max)
{
	struct ranked_best b = {.at = ret, .max = max};
	float *scores = NULL;
	size_t cap = 0;
	pthread_rwlock_rdlock(&c->lock);
	for (size_t i = 0; i < c->n; i++) {
		const struct doc *d = &c->docs[i];
		if (d->space != q->space || d->dims != q->vector->dims || (q->allowed && !q->allowed(q->ctx, d->file)))
			continue;
		if (d->n_windows > cap) {
			cap = d->n_windows * 2;
			scores = xrealloc(scores, cap * sizeof *scores);
		}
		scan_doc(d, q->vector, scores, &b);
	}
	pthread_rwlock_unlock(&c->lock);
	xfree(scores);
	ranked_sort(ret, b.n);
	return b.n;
}
