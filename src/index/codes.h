/* codes.h - the signs of one store's vectors, in memory: scanned by searches, changed when files flip and go.
 *
 * A struct doc is one generation of a file. Behind a read-write lock: searches side by side, changes alone. */
#pragma once
#include "base/map.h"
#include "index/fuse.h"
#include "index/vectors.h"

struct doc {
	int64_t doc, file;
	uint32_t space, dims; /* space: the number of the embedder; dims 0: no vectors */
	size_t n_windows, n_chunks;
	uint64_t *codes; /* heap, as the others */
	struct vector_factor *factors;
	uint32_t *first; /* of each chunk: its first window ... */
	uint16_t *n;     /* ... and how many */
};
void doc_release(struct doc *d);

struct codes;
struct codes *codes_new(void);
void codes_free(struct codes *c);
/* Takes the arrays over; another doc of the same file goes. */
void codes_put(struct codes *c, const struct doc *d);
/* Of a file that has no other, and behind all that are there: for many at once. */
void codes_add(struct codes *c, const struct doc *d);
void codes_drop(struct codes *c, int64_t file);
size_t codes_bytes(struct codes *c);
/* Each doc, in order of their numbers. Searches go on, changes wait. */
void codes_each(struct codes *c, void (*each)(void *ctx, const struct doc *d), void *ctx);
/* How often a file has flipped or gone: what was ranked between two equal numbers is whole. */
uint64_t codes_changes(struct codes *c);
/* The file of a doc; 0: it is not there. */
int64_t codes_file(struct codes *c, int64_t doc);

/* The first doc after that one whose file is allowed; 0: there is none. `allowed` NULL: all are. */
int64_t codes_next(struct codes *c, int64_t doc, bool (*allowed)(void *ctx, int64_t file), void *ctx);

struct codes_query {
	const struct vector_query *vector;
	uint32_t space;
	bool (*allowed)(void *ctx, int64_t file);
	void *ctx;
};
/* The best `max` chunks by their windows, estimated; in order. A chunk's number is chunk_number(). */
size_t codes_scan(struct codes *c, const struct codes_query *q, struct ranked *ret, size_t max);
/* The windows of a chunk; 0: it is gone. */
size_t codes_windows(struct codes *c, int64_t chunk, size_t *first);

/* What a chunk's windows make of it: the best, and a sixth of the second, which says that it was no chance. */
struct best_windows {
	double best, second; /* begins with WINDOWS_NONE */
};
#define WINDOWS_NONE                                                                                                   \
	{                                                                                                              \
		-2, -2                                                                                                 \
	}
static inline void best_windows_add(struct best_windows *w, double score)
{
	w->second = score > w->best ? w->best : score > w->second ? score : w->second;
	w->best = score > w->best ? score : w->best;
}
static inline double best_windows_score(const struct best_windows *w)
{
	return w->second > -2 ? (5 * w->best + w->second) / 6 : w->best;
}

enum { CHUNK_BITS = 20 }; /* chunks of a doc: at most 2^20 */
static inline int64_t chunk_number(int64_t doc, size_t seq)
{
	return doc << CHUNK_BITS | (int64_t)seq;
}
static inline int64_t window_number(int64_t doc, size_t window)
{
	return doc << 32 | (int64_t)window;
}
