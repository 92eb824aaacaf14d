/* kinds.h - the kinds of state that a project has (kinds.def), counted and erased. All block; any thread. */
#pragma once
#include "store/store.h"

enum kind {
#define KIND(table, of, by, columns, letters, binds) KIND_##table,
#include "store/kinds.def"
#undef KIND
	KIND_COUNT
};
struct kind_row {
	const char *table, *columns, *letters;
	bool blob;  /* the blob of its key belongs to it */
	bool inlay; /* that of its column inlay does, and is put back into its JSON where it is walked */
	bool brief; /* left out of exports */
};
extern const struct kind_row kind_rows[KIND_COUNT];
struct kind_stays {
	const char *table, *why;
};
extern const struct kind_stays kind_stays[];
extern const size_t n_kind_stays;

bool kind_count(struct store *s, enum kind k, int64_t project, int64_t *ret, struct err *e);
/* Calls each() with the keys of its rows, in order. */
bool kind_keys(struct store *s, enum kind k, int64_t project, bool (*each)(void *ctx, int64_t key), void *ctx,
	       struct err *e);
/* ERR_NOT_FOUND. Of a store that is read beside its process, too. */
bool kinds_project(struct store *s, struct str name, int64_t *ret, struct err *e);
struct cell;
struct kind_walk {
	bool (*each)(void *ctx, enum kind k, const struct cell *cells,
		     struct err *e); /* false: the walk ends, with *e */
	void *ctx;
};
/* All rows of a project but the brief ones, in one snapshot. Of a store that is read beside its process, too
 * (beside.h). */
bool kinds_walk(struct store *s, int64_t project, const struct kind_walk *w, struct err *e);
/* Removes all of the kind, a few between two commits, bytes of blobs after their rows. */
bool kind_erase(struct store *s, enum kind k, int64_t project, struct err *e);
/* Background runs of the project that are being made. */
bool kinds_running(struct store *s, int64_t project, int64_t *ret, struct err *e);
/* What was removed is on the disk no more, in no free page and no log: the database is written anew. Writes wait
 * meanwhile. *held: files whose bytes stay, because somebody copies the folder (hold.h). */
bool kinds_scrub(struct store *s, int64_t *held, struct err *e);
