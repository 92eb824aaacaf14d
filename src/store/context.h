/* context.h - the ordered list of item keys that a response stands on.
 *
 * Every 32nd turn of a chain keeps its whole list, the others only what came since `base`, the nearest
 * ancestor with a whole one: reading takes two rows, whatever the chain's length, and the lists of a
 * chain of n turns take n/32 whole ones, not n. A packed list is the keys' differences, zigzag, in
 * groups of 7 bits, least first (5 bytes a key in practice). Pure but for
 * context_load() and context_continue(). */
#pragma once
#include "store/look.h"

enum { CONTEXT_SPAN = 32, KEY_PACKED = 10 };

/* Appends `key` after `prev` (0 at the start of a list). */
void keys_pack(struct buf *b, int64_t prev, int64_t key);
size_t keys_count(struct str packed);
/* Walks: {packed, 0} at the start; false at the end or when the list is broken (rest.n > 0). */
struct key_walk {
	struct str rest;
	int64_t at;
};
bool keys_next(struct key_walk *w, int64_t *ret);

struct context {
	int64_t base, depth, n_own, n_output, n_total; /* as the columns */
	int64_t *keys;                                 /* the whole list, n_total of them, in the arena */
};
/* Reads a whole list of the look's project inside its work(); *found false: no such row. */
bool context_load(struct look *l, int64_t key, struct arena *a, struct context *ret, bool *found, struct err *e);
/* A turn's own part: its keys, n_own and n_output of `ret`. */
struct context_own {
	int64_t parent; /* 0: none */
	const int64_t *keys;
};
/* The row of a turn that continues `parent`: its other columns, and its packed list in `packed`; inside a look's work(). */
bool context_continue(struct look *l, const struct context_own *own, struct buf *packed, struct context *ret, struct err *e);
/* That of a turn that continues none. */
bool context_begin(const struct context_own *own, struct buf *packed, struct context *ret, struct err *e);
