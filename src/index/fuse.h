/* fuse.h - two rankings of chunks made one: reciprocal rank fusion (Cormack, Clarke, Buettcher, SIGIR 2009).
 *
 * A chunk at rank r of a ranking adds weight / (FUSE_K + r). The sum is divided by what a chunk that leads both would
 * have, so that scores lie in 0..1 and a threshold on them means the same for every query. Pure; any thread. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { FUSE_K = 60 };

struct ranked {
	int64_t chunk;
	double score; /* of fuse(): 0..1 */
};
/* `words` and `vectors` are in order, the best first, no chunk twice in one; either may be empty. Writes the best `max`
 * to `ret` (room for as many) and returns how many there are. Equal scores: the lower chunk first. */
size_t fuse(const struct ranked *words, size_t n_words, double word_weight, const struct ranked *vectors,
	    size_t n_vectors, double vector_weight, struct ranked *ret, size_t max);
/* Sorts by score, the best first; equal scores: the lower chunk first. */
void ranked_sort(struct ranked *r, size_t n);
/* Sorts by chunk. */
void ranked_by_chunk(struct ranked *r, size_t n);
