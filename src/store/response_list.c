/* response_list.c - the responses of a project, newest first. */
#include "store/response_list.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/context.h"
#include "store/lend.h"
#include "store/sealed.h"
#include "wire/jout.h"

enum { LOOKED = 5000, READ = 500 /* so many rows, when their items are read for a text */, ITEMS = 1000 /* of one response */ };

struct listing {
	struct store *store;
	struct db_reader *reader;
	struct arena *arena;
	const struct response_query *q;
	struct response_rows *ret;
	int64_t project, now, last, looked;
	struct err *err;
	bool full, hit;
	char needle[RESPONSE_TEXT * 6 + 1]; /* q->text as JSON has it */
};

/* --- the text of its items --------------------------------------------------------------------------------------- */

static bool response_list_on_item(void *ctx, const struct cell *cells)
{
	struct listing *l = ctx;
	struct arena scratch = {0};
	l->hit = strcasestr(str_copy(&scratch, cells[1].s).p, l->needle) != NULL;
	arena_free(&scratch);
	return false;
}

/* n_own, n_total, keys: the last n_own keys are those of its own items. */
static bool response_list_on_keys(void *ctx, const struct cell *cells)
{
	struct listing *l = ctx;
	struct key_walk w = {cells[2].s, 0};
	size_t n = keys_count(cells[2].s), own = (size_t)cells[0].i;
	int64_t key = 0;
	own = own < n ? own : n;
	for (size_t i = 0; i < n && !l->hit && keys_next(&w, &key); i++) {
		const struct bind b[] = {INT(key), INT(l->project)};
		if (i + own < n || i + ITEMS < n)
			continue;
		if (!sealed_query(l->store, l->reader, STMT_ITEM_GET, b, 2, response_list_on_item, l, l->err))
			return false;
	}
	return false;
}

static bool response_list_has_text(struct listing *l, int64_t key)
{
	const struct bind b[] = {INT(key)};
	l->hit = false;
	return sealed_query(l->store, l->reader, STMT_CONTEXT_ANY, b, 1, response_list_on_keys, l, l->err) && l->hit;
}

/* What stands between the quotes of the text as a JSON string. */
static bool response_list_needle(struct listing *l, struct err *e)
{
	struct buf b;
	buf_init(&b, sizeof l->needle);
	struct jout o = {.b = &b};
	jo_str(&o, l->q->text);
	bool ok = l->q->text.n <= RESPONSE_TEXT && !b.over;
	if (ok)
		snprintf(l->needle, sizeof l->needle, "%.*s", (int)(b.n - 2), b.p + 1);
	buf_release(&b);
	return ok || fail(e, ERR_INVALID_VALUE, "text", "A text that is looked for has at most %d bytes.", RESPONSE_TEXT);
}

/* --- rows -------------------------------------------------------------------------------------------------------- */

/* Cells as of response_row_read(). */
static void response_list_take(struct listing *l, const struct cell *cells)
{
	struct response_row row;
	const struct response_query *q = l->q;
	if (q->status.n && !str_eq(q->status, cells[2].s))
		return;
	response_row_read(cells, l->arena, &row);
	if ((!q->model.n || str_eq(q->model, row.model)) && (!q->background || row.background) && (!q->tool.n || response_row_has_tool(&row, q->tool)) &&
	    (!q->text.n || response_list_has_text(l, cells[0].i)))
		l->ret->list[l->ret->n++] = row;
}

/* ... project, expires_at */
static bool response_list_on_row(void *ctx, const struct cell *cells)
{
	struct listing *l = ctx;
	l->looked++;
	l->last = cells[0].i;
	if (cells[5].i == l->project && (!cells[6].i || cells[6].i > l->now))
		response_list_take(l, cells);
	l->full = l->ret->n == (size_t)l->q->limit;
	return !l->full;
}

static int64_t response_list_most(const struct listing *l)
{
	return l->q->text.n ? READ : LOOKED;
}

static bool response_list_read(struct db_reader *r, void *ctx, struct err *e)
{
	struct listing *l = ctx;
	int64_t before = l->q->before ? l->q->before : INT64_MAX, until = l->q->until ? id_key_from(l->q->until) : before;
	const struct bind b[] = {INT(before < until ? before : until), INT(id_key_from(l->q->since)), INT(response_list_most(l))};
	l->reader = r;
	l->err = e;
	return sealed_query(l->store, r, STMT_RESPONSE_LIST, b, 3, response_list_on_row, l, e) && e->code == ERR_NONE;
}

static bool response_list_on_run(void *ctx, const struct cell *cells)
{
	response_list_take(ctx, cells);
	return true;
}

static bool response_list_read_open(struct db_reader *r, void *ctx, struct err *e)
{
	struct listing *l = ctx;
	const struct bind b[] = {INT(l->project), INT(l->q->limit)};
	return sealed_query(l->store, r, STMT_RUN_LIST, b, 2, response_list_on_run, l, e);
}

static struct listing response_list_begin(struct store *s, int64_t project, const struct response_query *q,
					  struct arena *a, struct response_rows *ret)
{
	*ret = (struct response_rows){.list = new_array(a, struct response_row, (size_t)q->limit)};
	return (struct listing){.store = s, .arena = a, .q = q, .ret = ret, .project = project, .now = clock_wall_s()};
}

bool response_list(struct store *s, int64_t project, const struct response_query *q, struct arena *a,
		   struct response_rows *ret, struct err *e)
{
	struct listing l = response_list_begin(s, project, q, a, ret);
	if ((q->text.n && !response_list_needle(&l, e)) || !lent_read(s, response_list_read, &l, e))
		return false;
	ret->next = l.full || l.looked == response_list_most(&l) ? l.last : 0;
	return true;
}

bool response_list_open(struct store *s, int64_t project, const struct response_query *q, struct arena *a,
			struct response_rows *ret, struct err *e)
{
	static const struct response_query any;
	struct response_query plain = any;
	plain.limit = q->limit;
	struct listing l = response_list_begin(s, project, &plain, a, ret);
	return lent_read(s, response_list_read_open, &l, e);
}
