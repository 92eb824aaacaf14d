/* kinds.c - the kinds of state that a project has, counted and erased. */
#include "store/kinds.h"

#include "store/blob.h"
#include "store/blobs.h"
#include "store/lend.h"
#include "store/node.h"
#include "store/request.h"

enum { KIND_SLICE = 200 /* values of a kind's column between two commits */ };

const struct kind_row kind_rows[KIND_COUNT] = {
#define KIND(table, of, by, columns, letters) [KIND_##table] = {#table, columns, letters, false},
#define BLOB_KIND(table, of, by, columns, letters) [KIND_##table] = {#table, columns, letters, true},
#include "store/kinds.def"
#undef KIND
};
const struct kind_stays kind_stays[] = {
#define KIND(table, of, by, columns, letters)
#define STAYS(table, why) {#table, why},
#include "store/kinds.def"
#undef KIND
};
const size_t n_kind_stays = sizeof kind_stays / sizeof *kind_stays;

static const struct kind_statements {
	enum statement count, next, wipe;
} kind_statements[KIND_COUNT] = {
#define KIND(table, of, by, columns, letters)                                                                          \
	[KIND_##table] = {STMT_COUNT_##table, STMT_NEXT_##table, STMT_WIPE_##table},
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

bool kind_erase(struct store *s, enum kind k, int64_t project, struct err *e)
{
	struct kind_slice slice;
	for (;;) { /* from the start each time: what is written meanwhile goes, too */
		if (!kind_next(s, k, project, -1, &slice, e))
			return false;
		if (!slice.n)
			return true;
		struct store_request *r = request_new(NULL, NULL, slice.n, 2 * slice.n, 8);
		for (size_t i = 0; i < slice.n; i++)
			ADD(r, kind_statements[k].wipe, INT(project), INT(slice.keys[i]));
		if (!store_write(s, r, e))
			return false;
		for (size_t i = 0; kind_rows[k].blob && i < slice.n; i++)
			blob_drop(s, slice.keys[i]);
	}
}

bool kinds_running(struct store *s, int64_t project, int64_t *ret, struct err *e)
{
	struct lent_query q = {.stmt = STMT_RUN_BUSY, .binds = {INT(project)}, .n_binds = 1, .row = kinds_on_count};
	return lent_rows(s, &q, ret, e);
}

bool kinds_scrub(struct store *s, int64_t *held, struct err *e)
{
	struct blobs *b = s->node->blobs;
	blobs_bury(b);
	pthread_mutex_lock(&b->lock);
	*held = (int64_t)b->n_dead;
	pthread_mutex_unlock(&b->lock);
	return !s->driver->scrub || s->driver->scrub(s->db, e);
}
