/* response_list.c - the responses of a project, newest first. */
#include "store/response_list.h"

#include "base/clock.h"
#include "store/lend.h"
#include "wire/json.h"

enum { LOOKED = 5000 };

struct listing {
	struct store *store;
	struct arena *arena;
	const struct response_query *q;
	struct response_rows *ret;
	int64_t project, now, last, looked;
	bool full;
};

static void row_take_body(struct response_row *row, yyjson_val *v)
{
	yyjson_val *usage = json_get(v, S("usage"));
	row->model = json_str(json_get(v, S("model")));
	row->error = json_str(json_get(json_get(v, S("error")), S("message")));
	row->completed_at = yyjson_get_sint(json_get(v, S("completed_at")));
	row->background = yyjson_get_bool(json_get(v, S("background")));
	row->input_tokens = yyjson_get_sint(json_get(usage, S("input_tokens")));
	row->output_tokens = yyjson_get_sint(json_get(usage, S("output_tokens")));
	row->cached_tokens = yyjson_get_sint(json_get(json_get(usage, S("input_tokens_details")), S("cached_tokens")));
}

/* key, rnd, status, created_at, body */
static void row_take(struct listing *l, const struct cell *cells)
{
	struct response_row row = {.status = str_copy(l->arena, cells[2].s), .created_at = cells[3].i};
	struct id id = {.key = cells[0].i};
	struct err ignored = {0};
	yyjson_val *v;
	if (l->q->status.n && !str_eq(l->q->status, row.status))
		return;
	if (cells[1].s.n == sizeof id.rnd)
		memcpy(id.rnd, cells[1].s.p, sizeof id.rnd);
	if (json_parse(l->arena, str_copy(l->arena, cells[4].s), &v, &ignored))
		row_take_body(&row, v);
	if (l->q->model.n && !str_eq(l->q->model, row.model))
		return;
	row.id = id_text(arena_bytes(l->arena, ID_MAX), "resp", &id);
	l->ret->list[l->ret->n++] = row;
}

/* ... project, expires_at */
static bool response_list_on_row(void *ctx, const struct cell *cells)
{
	struct listing *l = ctx;
	l->looked++;
	l->last = cells[0].i;
	if (cells[5].i == l->project && (!cells[6].i || cells[6].i > l->now))
		row_take(l, cells);
	l->full = l->ret->n == (size_t)l->q->limit;
	return !l->full;
}

static bool response_list_read(struct db_reader *r, void *ctx, struct err *e)
{
	struct listing *l = ctx;
	const struct bind b[] = {INT(l->q->before ? l->q->before : INT64_MAX), INT(LOOKED)};
	return l->store->driver->query(r, STMT_RESPONSE_LIST, b, 2, response_list_on_row, l, e);
}

static bool response_list_on_run(void *ctx, const struct cell *cells)
{
	row_take(ctx, cells);
	return true;
}

static bool response_list_read_open(struct db_reader *r, void *ctx, struct err *e)
{
	struct listing *l = ctx;
	const struct bind b[] = {INT(l->project), INT(l->q->limit)};
	return l->store->driver->query(r, STMT_RUN_LIST, b, 2, response_list_on_run, l, e);
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
	if (!lent_read(s, response_list_read, &l, e))
		return false;
	ret->next = l.full || l.looked == LOOKED ? l.last : 0;
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
