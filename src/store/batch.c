/* batch.c - batches: what is known of them. */
#include "store/batch.h"

#include <string.h>

#include "base/clock.h"
#include "store/lend.h"
#include "store/request.h"

enum { QUOTED = 200 };

static bool batch_gone(struct err *e, struct str id)
{
	return fail(e, ERR_NOT_FOUND, "id", "No batch found with id '%.*s'.", (int)(id.n < QUOTED ? id.n : QUOTED),
		    id.p);
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static struct str batch_cell(struct arena *a, const struct cell *c)
{
	return c->s.p ? str_copy(a, c->s) : (struct str){0};
}

static bool file_id_take(const struct cell *key, const struct cell *rnd, struct id *ret)
{
	*ret = (struct id){.key = key->i};
	if (key->i && rnd->s.n != ID_RND)
		return false;
	if (key->i)
		memcpy(ret->rnd, rnd->s.p, ID_RND);
	return true;
}

bool batch_row_take(struct arena *a, const struct cell *c, struct stored_batch *ret)
{
	enum { FILES = 9, TIMES = 15, COUNTS = 23 };
	*ret = (struct stored_batch){
	    .project = c[2].i,
	    .status = (enum batch_status)c[3].i,
	    .late = c[4].i,
	    .endpoint = batch_cell(a, &c[5]),
	    .metadata = batch_cell(a, &c[6]),
	    .model = batch_cell(a, &c[7]),
	    .errors = batch_cell(a, &c[8]),
	    .counts = {c[COUNTS].i, c[COUNTS + 1].i, c[COUNTS + 2].i, c[COUNTS + 3].i, c[COUNTS + 4].i, c[COUNTS + 5].i,
		       c[COUNTS + 6].i},
	    .output_seconds = c[COUNTS + 7].i,
	    .expires_at = c[COUNTS + 8].i,
	    .cursor_line = c[COUNTS + 9].i,
	    .cursor_at = c[COUNTS + 10].i,
	};
	for (int i = BATCH_VALIDATING; i < BATCH_STATES; i++)
		ret->at[i] = c[TIMES + i - 1].i;
	return ret->status > 0 && ret->status < BATCH_STATES && file_id_take(&c[0], &c[1], &ret->id) &&
	       file_id_take(&c[FILES], &c[FILES + 1], &ret->input) &&
	       file_id_take(&c[FILES + 2], &c[FILES + 3], &ret->output) &&
	       file_id_take(&c[FILES + 4], &c[FILES + 5], &ret->error);
}

struct batch_look {
	struct lent_query q;
	struct arena *arena;
	struct stored_batch *ret;
	struct batch_page *page;
	int64_t limit;
	struct id id; /* wanted */
	bool found;
};

static bool batch_on_one(void *ctx, const struct cell *cells)
{
	struct batch_look *l = ctx;
	l->found = batch_row_take(l->arena, cells, l->ret) && memcmp(l->ret->id.rnd, l->id.rnd, ID_RND) == 0;
	return false;
}

bool batch_get(struct store *s, int64_t project, struct str id, struct arena *a, struct stored_batch *ret,
	       struct err *e)
{
	struct batch_look l = {
	    .arena = a, .q.stmt = STMT_BATCH_GET, .q.n_binds = 2, .q.row = batch_on_one, .ret = ret};
	if (!id_parse(id, "batch", &l.id))
		return batch_gone(e, id);
	l.q.binds[0] = INT(l.id.key);
	l.q.binds[1] = INT(project);
	return lent_rows(s, &l.q, &l, e) && (l.found || batch_gone(e, id));
}

static bool batch_on_listed(void *ctx, const struct cell *cells)
{
	struct batch_look *l = ctx;
	struct batch_page *p = l->page;
	p->has_more = (int64_t)p->n == l->limit;
	if (!p->has_more && batch_row_take(l->arena, cells, &p->list[p->n]))
		p->n++;
	return !p->has_more;
}

bool batch_list(struct store *s, int64_t project, struct str after, int64_t limit, struct arena *a,
		struct batch_page *ret, struct err *e)
{
	struct id from = {.key = INT64_MAX};
	if (after.p && !id_parse(after, "batch", &from))
		return fail(e, ERR_INVALID_VALUE, "after", "Invalid 'after': '%.*s' is no batch's id.",
			    (int)(after.n < QUOTED ? after.n : QUOTED), after.p);
	struct batch_look l = {.arena = a,
			       .q.stmt = STMT_BATCH_LIST,
			       .q.binds = {INT(project), INT(from.key), INT(limit + 1)},
			       .q.n_binds = 3,
			       .q.row = batch_on_listed,
			       .page = ret,
			       .limit = limit};
	*ret = (struct batch_page){.list = new_array(a, struct stored_batch, (size_t)limit)};
	return lent_rows(s, &l.q, &l, e);
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

bool batch_put(struct store *s, const struct stored_batch *b, int64_t most, struct err *e)
{
	static const struct str full = STR("This project has as many batches under way as it may have (api.batches).");
	struct store_request *r =
	    request_new(NULL, NULL, 1, 12, 2 * ID_RND + b->endpoint.n + b->metadata.n + full.n + 1);
	ADD(r, STMT_BATCH_INSERT, INT(b->id.key), INT(b->project), BLOB(rnd_str(&b->id)), TEXT(b->endpoint),
	    text_or_null(b->metadata), INT(b->input.key), BLOB(rnd_str(&b->input)), INT(b->at[BATCH_VALIDATING]),
	    INT(b->expires_at), INT(b->output_seconds), INT(most), INT(b->asker));
	request_must(r, ERR_BUSY, full);
	return store_write(s, r, e);
}

bool batch_cancel(struct store *s, const struct stored_batch *b, bool *done, struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 1, 2, 32);
	ADD(r, STMT_BATCH_CANCEL, INT(b->id.key), INT(clock_wall_s()));
	request_must(r, ERR_CONFLICT, S("it is past that"));
	*done = store_write(s, r, e);
	if (*done || e->code != ERR_CONFLICT)
		return *done;
	*e = (struct err){0};
	return true;
}
