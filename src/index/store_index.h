/* store_index.h - what is found in one vector store: its files' text, words and vectors, in a database of its own.
 *
 * A file is indexed under a *generation*: slices are put until it is whole, then one transaction flips to it. So a
 * search sees a file whole or not at all, and what a crash cut off goes on at the last slice. The database is derived
 * from the files: it may be lost and made again, and so its slices are not waited for (synchronous = NORMAL in WAL
 * mode: whole after a power cut, perhaps without the last of them). Flips and drops are: what is acknowledged stands on them. Signs of vectors are kept in memory while the store is
 * open; bytes and text stay on disk.
 *
 * Deleting a file from a search is at once; its rows go later, in slices (store_index_sweep()). All functions block:
 * worker threads, any, side by side. store_index.def has the tables and statements. */
#pragma once
#include "base/err.h"
#include "index/chunk.h"
#include "index/fuse.h"

struct store_index;

/* Opens or makes the database at `path`. What is damaged is made anew (*lost true: every file has to be indexed again).
 * ERR_STORE. */
bool store_index_open(struct str path, struct store_index **ret, bool *lost, struct err *e);
void store_index_close(struct store_index *x);
/* Bytes of memory that its signs take. */
size_t store_index_memory(const struct store_index *x);
/* As codes_changes(). */
uint64_t store_index_changes(const struct store_index *x);

/* --- writing: one thread a file --- */
struct index_file {
	int64_t file, generation;
	struct str header; /* of a table (chunk.h); {0}: none */
	struct str space;  /* names the embedder: vectors of different ones are not compared; {0}: no vectors */
	size_t dims;
};
/* How many windows of that generation are in; what older ones left half done is forgotten. */
bool store_index_begin(struct store_index *x, const struct index_file *f, size_t *windows, struct err *e);
/* Windows [from, to) of `c`, in one transaction; `vectors`: dims floats each, NULL without a space. Those before are
 * in. */
bool store_index_put(struct store_index *x, const struct index_file *f, const struct chunks *c, size_t from, size_t to,
		     const float *vectors, struct err *e);
/* From now on searches see this generation and no other of the file. */
bool store_index_flip(struct store_index *x, const struct index_file *f, struct err *e);
/* No search finds the file any more. */
bool store_index_drop(struct store_index *x, int64_t file, struct err *e);
/* Removes up to `rows` rows of what nobody sees; *more: some are left. */
bool store_index_sweep(struct store_index *x, int64_t rows, bool *more, struct err *e);
