/* kinds.c - the kinds of state that a project has, counted and erased. */
#include "store/kinds.h"

#include <string.h>

#include "store/blob.h"
#include "store/blob_dead.h"
#include "store/blobs.h"
#include "store/inlay.h"
#include "store/lend.h"
#include "store/node.h"
#include "store/request.h"
#include "store/sealed.h"

enum { KIND_SLICE = 200 /* values of a kind's column between two commits */ };

const struct kind_row kind_rows[KIND_COUNT] = {
#define KIND(table, of, by, columns, letters, binds) [KIND_##table] = {#table, columns, letters, .blob = false},
#define BLOB_KIND(table, of, by, columns, letters, binds) [KIND_##table] = {#table, columns, letters, .blob = true},
#define BRIEF_KIND(table, of, by, columns, letters, binds) [KIND_##table] = {#table, columns, letters, .brief = true},
#define INLAY_KIND(table, of, by, columns, letters, binds) [KIND_##table] = {#table, columns, letters, .inlay = true},
#include "store/kinds.def"
#undef KIND
};
const struct kind_stays kind_stays[] = {
#define KIND(table, of, by, columns, letters, binds)
#define STAYS(table, why) {#table, why},
#include "store/kinds.def"
#undef KIND
};
const size_t n_kind_stays = sizeof kind_stays / sizeof *kind_stays;

static const struct kind_statements {
	enum statement count, next, wipe, take;
} kind_statements[KIND_COUNT] = {
#define KIND(table, of, by, columns, letters, binds)                                                                   \
	[KIND_##table] = {STMT_COUNT_##table, STMT_NEXT_##table, STMT_WIPE_##table, STMT_TAKE_##table},
#include "store/kinds.def"
#undef KIND
};

static bool kinds_on_count(void *ctx, const struct cell *cells)
{
	*(int64_t *)ctx = cells[0].i;
	return false;
}

bool kind_count(struct store *s, enum kind k, int64_t project, int64_t *ret, struct err *e)
{
	struct lent_query q = {
	    .stmt = kind_statements[k].count, .binds = {INT(project)}, .n_binds = 1, .row = kinds_on_count};
	return lent_rows(s, &q, ret, e);
}

struct kind_slice {
	int64_t keys[KIND_SLICE];
	size_t n;
	int64_t inlays[KIND_SLICE]; /* of those that have one */
	size_t n_inlays;
};

static bool kinds_on_key(void *ctx, const struct cell *cells)
{
	struct kind_slice *slice = ctx;
	slice->keys[slice->n++] = cells[0].i;
	return slice->n < KIND_SLICE;
}

static bool kind_next(struct store *s, enum kind k, int64_t project, int64_t after, struct kind_slice *ret,
		      struct err *e)
{
	struct lent_query q = {.stmt = kind_statements[k].next,
			       .binds = {INT(project), INT(after), INT(KIND_SLICE)},
			       .n_binds = 3,
			       .row = kinds_on_key};
	ret->n = 0;
	return lent_rows(s, &q, ret, e);
}

bool kind_keys(struct store *s, enum kind k, int64_t project, bool (*each)(void *ctx, int64_t key), void *ctx,
	       struct err *e)
{
	struct kind_slice slice;
	int64_t after = 0;
	do {
		if (!kind_next(s, k, project, after, &slice, e))
			return false;
		for (size_t i = 0; i < slice.n; i++)
			if (!each(ctx, after = slice.keys[i]))
				return true;
	} while (slice.n == KIND_SLICE);
	return true;
}

static bool kinds_on_inlay(void *ctx, const struct cell *cells)
{
	struct kind_slice *slice = ctx;
	if (slice->n_inlays < KIND_SLICE)
		slice->inlays[slice->n_inlays++] = cells[0].i;
	return false;
}

static bool kind_inlays(struct store *s, struct kind_slice *slice, struct err *e)
{
	slice->n_inlays = 0;
	for (size_t i = 0; i < slice->n; i++) {
		struct lent_query q = {
		    .stmt = STMT_ITEM_INLAY, .binds = {INT(slice->keys[i])}, .n_binds = 1, .row = kinds_on_inlay};
		if (!lent_rows(s, &q, slice, e))
			return false;
	}
	return true;
}

bool kind_erase(struct store *s, enum kind k, int64_t project, struct err *e)
{
	struct kind_slice slice;
	for (;;) { /* from the start each time: what is written meanwhile goes, too */
		if (!kind_next(s, k, project, -1, &slice, e))
			return false;
		if (!slice.n)
			return true;
		if (kind_rows[k].inlay && !kind_inlays(s, &slice, e))
			return false;
		struct store_request *r = request_new(NULL, NULL, slice.n, 2 * slice.n, 8);
		for (size_t i = 0; i < slice.n; i++)
			ADD(r, kind_statements[k].wipe, INT(project), INT(slice.keys[i]));
		if (!store_write(s, r, e))
			return false;
		for (size_t i = 0; kind_rows[k].blob && i < slice.n; i++)
			blob_drop(s, slice.keys[i]);
		for (size_t i = 0; kind_rows[k].inlay && i < slice.n_inlays; i++)
			blob_drop_near(s, slice.inlays[i]);
	}
}

struct kinds_walking {
	struct store *store;
	const struct kind_walk *walk;
	int64_t project;
	enum kind kind;
	struct err *err;
};

enum { ITEM_JSON = 5, ITEM_CELLS = 8 }; /* of an item's columns: its JSON, and behind that inlay and places */

/* An item as it was before its bytes were cut out. */
static bool kinds_on_item(struct kinds_walking *w, const struct cell *cells)
{
	struct arena whole = {0};
	struct cell row[ITEM_CELLS];
	memcpy(row, cells, sizeof row);
	row[ITEM_JSON] = (struct cell){.s = inlay_text(w->store, &whole, &cells[ITEM_JSON])};
	row[ITEM_JSON + 1] = (struct cell){0};
	row[ITEM_JSON + 2] = (struct cell){.s = S("")};
	bool ok = row[ITEM_JSON].s.p ? w->walk->each(w->walk->ctx, w->kind, row, w->err)
				     : fail(w->err, ERR_STORE, NULL, "the bytes of an item cannot be read");
	arena_free(&whole);
	return ok;
}

static bool kinds_on_row(void *ctx, const struct cell *cells)
{
	struct kinds_walking *w = ctx;
	return kind_rows[w->kind].inlay ? kinds_on_item(w, cells) : w->walk->each(w->walk->ctx, w->kind, cells, w->err);
}

static bool kinds_read(struct db_reader *r, void *ctx, struct err *e)
{
	struct kinds_walking *w = ctx;
	struct bind project = INT(w->project);
	w->err = e;
	for (int k = 0; k < KIND_COUNT; k++) {
		w->kind = (enum kind)k;
		if (!kind_rows[k].brief &&
		    (!sealed_query(w->store, r, kind_statements[k].take, &project, 1, kinds_on_row, w, e) || e->code))
			return false;
	}
	return true;
}

bool kinds_walk(struct store *s, int64_t project, const struct kind_walk *walk, struct err *e)
{
	struct kinds_walking w = {.store = s, .walk = walk, .project = project};
	return s->driver->read(s->reader, kinds_read, &w, e);
}

struct kinds_name {
	struct store *store;
	struct str name;
	int64_t found;
};

static bool kinds_on_project(void *ctx, const struct cell *cells)
{
	struct kinds_name *n = ctx;
	if (str_eq(cells[1].s, n->name))
		n->found = cells[0].i;
	return !n->found;
}

static bool kinds_find_project(struct db_reader *r, void *ctx, struct err *e)
{
	struct kinds_name *n = ctx;
	return sealed_query(n->store, r, STMT_PROJECT_LIST, NULL, 0, kinds_on_project, n, e);
}

bool kinds_project(struct store *s, struct str name, int64_t *ret, struct err *e)
{
	struct kinds_name n = {.store = s, .name = name};
	if (!s->driver->read(s->reader, kinds_find_project, &n, e))
		return false;
	*ret = n.found;
	return n.found || fail(e, ERR_NOT_FOUND, "project", "no project \"%.*s\"", FMT(name));
}

bool kinds_running(struct store *s, int64_t project, int64_t *ret, struct err *e)
{
	struct lent_query q = {.stmt = STMT_RUN_BUSY, .binds = {INT(project)}, .n_binds = 1, .row = kinds_on_count};
	return lent_rows(s, &q, ret, e);
}

static pthread_mutex_t kinds_scrubbing = PTHREAD_MUTEX_INITIALIZER;

bool kinds_scrub(struct store *s, int64_t *held, struct err *e)
{
	blob_dead_bury(s);
	*held = (int64_t)blob_dead_left(s->blob_dead);
	pthread_mutex_lock(&kinds_scrubbing); /* one at a time, a driver's rule */
	bool ok = !s->driver->scrub || s->driver->scrub(s->db, e);
	pthread_mutex_unlock(&kinds_scrubbing);
	return ok;
}
