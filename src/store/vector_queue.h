/* vector_queue.h - what the index of vector stores has to do, and what it has to know of files. Rules as in
 * vector_store.h.
 *
 * Entries in progress are the queue, oldest first, a project in turn. It is durable: what a crash cut off is in
 * progress still. Who works on an entry is known in memory alone (index/indexer.c): the index lies in the data folder,
 * which one process owns. Ends name the generation that was worked on, so that a later one is never taken for done. */
#pragma once
#include "store/vector_store.h"

struct vector_task {
	int64_t project, store, file, generation;
	int64_t chunk_size, chunk_overlap, tries, bytes;
	struct str filename; /* {0}: the file itself is gone */
	bool renews;         /* it is completed, and serves as it is meanwhile */
};
/* The next project after that one (around: from the first) with entries in progress; 0: there is none. */
bool vector_queue_project(struct store *s, int64_t after, int64_t *ret, struct err *e);
/* Its oldest entries, `most` of them at most, in `a`. */
bool vector_queue_list(struct store *s, int64_t project, size_t most, struct arena *a, struct vector_task *ret,
		       size_t *n, struct err *e);
/* One that was completed with another embedder than `space`; ret->file 0: there is none. `take`: now of a new generation. */
bool vector_queue_stale(struct store *s, struct str space, bool take, struct arena *a, struct vector_task *ret, struct err *e);
/* Counts a try, so that an entry which ends the process again and again is known; by -1: it was not the file's doing. */
bool vector_queue_try(struct store *s, const struct vector_task *t, int by, struct err *e);
/* Is it wanted still: not deleted, not cancelled, not changed? */
bool vector_queue_wanted(struct store *s, const struct vector_task *t, bool *ret, struct err *e);
struct vector_done {
	enum vector_status status;
	int64_t bytes;
	struct str space, fault, reason;
};
/* ERR_CONFLICT: it is wanted no more. */
bool vector_queue_end(struct store *s, const struct vector_task *t, const struct vector_done *d, struct err *e);
/* The store's index is lost: all that was completed is in progress again. */
bool vector_queue_again(struct store *s, int64_t store, struct err *e);

/* --- what is to be dropped --- */
struct vector_gone {
	int64_t store, file; /* file 0: the whole store */
};
/* The next; store 0: nothing. */
bool vector_gone_next(struct store *s, struct vector_gone *ret, struct err *e);
/* It was dropped. Of a store: a slice of its rows; *more: some are left. */
bool vector_gone_end(struct store *s, const struct vector_gone *g, bool *more, struct err *e);
/* The key of the next store that lives; 0: none. */
bool vector_store_next(struct store *s, int64_t after, int64_t *ret, struct err *e);

/* --- what a search has to know --- */
/* Calls one() for each file of a store with its attributes (a JSON object). */
bool vector_attributes(struct store *s, int64_t store, void (*one)(void *ctx, int64_t file, struct str attributes),
		       void *ctx, struct err *e);
struct vector_found {
	struct id file; /* key 0: it is in the store no more */
	struct str filename, attributes;
};
bool vector_file_found(struct store *s, int64_t store, int64_t file, struct arena *a, struct vector_found *ret,
		       struct err *e);
