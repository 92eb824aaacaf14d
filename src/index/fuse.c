/* fuse.c - two rankings of chunks made one. */
#include "index/fuse.h"

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
