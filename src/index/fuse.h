/* fuse.h - two rankings of chunks made one, by their scores.
 *
 * A chunk has a part of each ranking: of that by words its share (word_share.h), of that by vectors its cosine, each
 * times the ranking's weight; what is in one alone has nothing of the other. The sum is divided by the weights: 0..1.
 * Fusing by ranks (RRF) was tried on the questions of bench/ and found fewer: it forgets how much better the best is,
 * and what both hold for middling comes first. So did shares of the best one's score: where no chunk has much of a
 * question, the best by words is none. Pure; any thread. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct ranked {
	int64_t chunk;
	double score; /* of fuse(): 0..1 */
};
/* `words` (shares) and `vectors` (cosines) are in order, the best first, no chunk twice in one; either may be empty.
 * Writes the best `max` to `ret` (room for as many) and returns how many there are. Equal scores: the lower chunk
 * first. */
size_t fuse(const struct ranked *words, size_t n_words, double word_weight, const struct ranked *vectors,
	    size_t n_vectors, double vector_weight, struct ranked *ret, size_t max);
/* The best `max` so far, in no order: room for as many at `at`. */
struct ranked_best {
	struct ranked *at;
	size_t n, max;
};
void ranked_add(struct ranked_best *b, struct ranked r);
/* Sorts by score, the best first; equal scores: the lower chunk first. */
void ranked_sort(struct ranked *r, size_t n);
/* Leaves of each chunk the best score alone, and sorts as above. Returns how many there are. */
size_t ranked_unite(struct ranked *r, size_t n);
/* Sorts by chunk. */
void ranked_by_chunk(struct ranked *r, size_t n);
