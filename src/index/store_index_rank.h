/* store_index_rank.h - a search in one vector store (store_index.h): what is best by words and by vectors, and its text. Worker
 * threads. */
#pragma once
#include "index/store_index.h"

struct index_query {
	struct str text;     /* for words; {0}: none are looked for */
	const float *vector; /* NULL: none is compared */
	size_t dims;
	struct str space;
	/* Files that may be found; NULL: all. */
	bool (*allowed)(void *ctx, int64_t file);
	void *ctx;
};
/* The best `max` chunks by words and by vectors, each in order, in `a`. Scores: 0..1 (word_share.h); inner products.
 */
bool store_index_rank(struct store_index *x, const struct index_query *q, size_t max, struct arena *a,
		      struct ranked **words, size_t *n_words, struct ranked **vectors, size_t *n_vectors,
		      struct err *e);
struct index_chunk {
	int64_t file, page; /* page 0: the file has none */
	struct str text;    /* {0}: it has just gone */
};
/* The chunk of a rank, in `a`. */
bool store_index_chunk(struct store_index *x, int64_t chunk, struct arena *a, struct index_chunk *ret, struct err *e);
/* The text of a file from byte `at` on, at most about `max` bytes, in `a`; {0}: nothing is there (any more). */
bool store_index_text(struct store_index *x, int64_t file, size_t at, size_t max, struct arena *a, struct str *ret,
		      struct err *e);
