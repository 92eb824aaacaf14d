/* response_phases.c - GET /v1/responses/{id}/phases: where a response's time went. */
#include "base/id.h"
#include "door/visit.h"
#include "wire/json.h"

struct phases_visit {
	struct visit visit;
	struct stored_phases got;
};

/* The phases one after the other; the last is the write that carries all this, so it has no length. Returns when it
 * began. */
static int64_t put_phases(struct jout *o, yyjson_val *marks)
{
	size_t n = yyjson_arr_size(marks);
	int64_t at = 0;
	jo_key(o, S("phases"));
	jo_arr(o);
	for (size_t i = 0; i < n; i++) {
		yyjson_val *mark = yyjson_arr_get(marks, i), *next = yyjson_arr_get(marks, i + 1);
		at = yyjson_get_sint(yyjson_arr_get(mark, 1));
		jo_obj(o);
		jo_kstr(o, "type", json_str(yyjson_arr_get(mark, 0)));
		jo_kint(o, "start_us", at);
		jo_key(o, S("duration_us"));
		if (next)
			jo_int(o, yyjson_get_sint(yyjson_arr_get(next, 1)) - at);
		else
			jo_null(o);
		jo_obj_end(o);
	}
	jo_arr_end(o);
	return at;
}

static void put_tools(struct jout *o, yyjson_val *tools)
{
	size_t i, n;
	yyjson_val *tool;
	jo_key(o, S("tools"));
	jo_arr(o);
	yyjson_arr_foreach(tools, i, n, tool)
	{
		int64_t at = yyjson_get_sint(yyjson_arr_get(tool, 1)), end = yyjson_get_sint(yyjson_arr_get(tool, 2));
		jo_obj(o);
		jo_kstr(o, "name", json_str(yyjson_arr_get(tool, 0)));
		jo_kint(o, "start_us", at);
		jo_key(o, S("duration_us"));
		if (end)
			jo_int(o, end - at);
		else
			jo_null(o); /* the turn ended before it */
		jo_kbool(o, "ok", yyjson_is_true(yyjson_arr_get(tool, 3)));
		jo_obj_end(o);
	}
	jo_arr_end(o);
}

static void put_answer(struct buf *b, struct arena *a, const struct stored_phases *got, struct str id)
{
	struct jout o = {b, false};
	struct err none = {0};
	yyjson_val *kept = NULL, *body = NULL;
	json_parse(a, got->body, &body, &none);
	if (got->phases.n)
		json_parse(a, got->phases, &kept, &none);
	jo_obj(&o);
	jo_kstr(&o, "object", S("response.phases"));
	jo_kstr(&o, "id", id);
	jo_kstr(&o, "status", got->status);
	jo_member_or_null(&o, body, S("model"));
	jo_knum(&o, "created_at", (double)id_made_us(&got->id) / 1e6);
	int64_t total = put_phases(&o, json_get(kept, S("phases")));
	put_tools(&o, json_get(kept, S("tools")));
	jo_key(&o, S("total_us"));
	if (kept)
		jo_int(&o, total);
	else
		jo_null(&o); /* it is older than that is kept */
	jo_member_or_null(&o, body, S("usage"));
	jo_obj_end(&o);
}

static void response_phases_on_got(struct store_op *op, const struct err *e)
{
	struct phases_visit *v = visit_of(op, e);
	struct buf b;
	if (!v)
		return;
	buf_init(&b, SIZE_MAX / 2);
	put_answer(&b, exchange_arena(v->visit.rq->x), &v->got, v->visit.rq->args[0]);
	visit_answer(&v->visit, buf_str(&b));
	buf_release(&b);
}

void response_phases(struct request *rq)
{
	struct phases_visit *v = visit_new(rq, sizeof *v, response_phases_on_got);
	store_get_phases(rq->api->store, &v->visit.op, rq->project, rq->args[0], exchange_arena(rq->x), &v->got);
}
