/* signs.h - what memory keeps of a store's docs (codes.h), in a file of its own beside the database, so that a start
 * reads it in one go.
 *
 * One record a doc, appended when it flips. Nothing in the file is believed: the database knows the sum of each doc
 * (`sums` in store_index.def), and a record counts where its bytes add up to it. So the file may be missing, torn,
 * older or another's: what is not found in it is read from the database. It is never synced, and no failure of its own
 * matters. One thread at a time. */
#pragma once
#include "index/codes.h"

struct signs;
/* Opens or makes the file; where that fails, it is empty and stays so. */
struct signs *signs_open(struct str path);
void signs_close(struct signs *s);
/* Bytes of the file. */
size_t signs_bytes(const struct signs *s);

/* A doc that is looked for, and what was found. */
struct signs_want {
	int64_t doc;
	uint64_t sum;
	struct doc got; /* .doc 0: it is not there. The arrays are the caller's */
};
/* Reads the file from its beginning; `want` is in order of .doc. */
void signs_read(struct signs *s, struct signs_want *want, size_t n);
uint64_t signs_sum(const struct doc *d);
/* Behind those that are there. */
void signs_add(struct signs *s, const struct doc *d);
/* Leaves none. */
void signs_clear(struct signs *s);
