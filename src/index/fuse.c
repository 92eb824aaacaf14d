/* fuse.c - two rankings of chunks made one. */
#include "index/fuse.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/arena.h"

static int by_score(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;
	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return (a->chunk > b->chunk) - (a->chunk < b->chunk);
}

static int by_chunk(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;
	return (a->chunk > b->chunk) - (a->chunk < b->chunk);
}

void ranked_sort(struct ranked *r, size_t n)
{
	if (n)
		qsort(r, n, sizeof *r, by_score);
}

void ranked_by_chunk(struct ranked *r, size_t n)
{
	if (n)
		qsort(r, n, sizeof *r, by_chunk);
}

static bool worse(const struct ranked *a, const struct ranked *b)
{
	return a->score != b->score ? a->score < b->score : a->chunk > b->chunk;
}

static void sink(struct ranked_best *b, size_t i)
{
	for (;;) {
		size_t low = i, left = 2 * i + 1, right = left + 1;
		if (left < b->n && worse(&b->at[left], &b->at[low]))
			low = left;
		if (right < b->n && worse(&b->at[right], &b->at[low]))
			low = right;
		if (low == i)
			return;
		struct ranked swap = b->at[i];
		b->at[i] = b->at[low];
		b->at[low] = swap;
		i = low;
	}
}

void ranked_add(struct ranked_best *b, struct ranked r)
{
	if (b->n < b->max) {
		b->at[b->n++] = r;
		for (size_t i = b->n / 2; b->n == b->max && i-- > 0;)
			sink(b, i);
	} else if (b->max && worse(&b->at[0], &r)) {
		b->at[0] = r;
		sink(b, 0);
	}
}

size_t ranked_unite(struct ranked *r, size_t n)
{
	size_t k = 0;
	ranked_by_chunk(r, n);
	for (size_t i = 0; i < n; i++) {
		if (!k || r[k - 1].chunk != r[i].chunk)
			r[k++] = r[i];
		else if (r[i].score > r[k - 1].score)
			r[k - 1].score = r[i].score;
	}
	ranked_sort(r, k);
	return k;
}

static size_t add_scores(struct ranked *all, size_t n, const struct ranked *r, size_t n_r, double weight)
{
	for (size_t i = 0; i < n_r; i++)
		all[n++] = (struct ranked){r[i].chunk, r[i].score > 0 ? weight * r[i].score : 0};
	return n;
}

size_t fuse(const struct ranked *words, size_t n_words, double word_weight, const struct ranked *vectors,
	    size_t n_vectors, double vector_weight, struct ranked *ret, size_t max)
{
	double most = word_weight + vector_weight;
	struct ranked *all = xalloc((n_words + n_vectors + 1) * sizeof *all);
	size_t n = add_scores(all, 0, words, n_words, word_weight), k = 0;
	n = add_scores(all, n, vectors, n_vectors, vector_weight);
	ranked_by_chunk(all, n);
	for (size_t i = 0; i < n; i++) {
		if (k && all[k - 1].chunk == all[i].chunk)
			all[k - 1].score += all[i].score;
		else
			all[k++] = all[i];
	}
	for (size_t i = 0; i < k; i++)
		all[i].score = most <= 0 ? 0 : all[i].score < most ? all[i].score / most : 1; /* a cosine of 1.0001 */
	ranked_sort(all, k);
	k = k < max ? k : max;
	for (size_t i = 0; i < k; i++)
		ret[i] = all[i];
	xfree(all);
	return k;
}
