/* completions.c - stored chat completions: /v1/chat/completions and what hangs below it (chat.c makes them). */
#include "door/lists.h"
#include "door/visit.h"
#include "model/conversation.h"

struct completion_visit {
	struct visit visit; /* first */
	struct stored_completion one;
	struct completion_query query;
	struct completion_page page;
	struct page_query messages;
};

/* As visit_of(); the live API names the id as a parameter when there is none of it. */
static struct completion_visit *completion_visit_of(struct store_op *op, const struct err *e)
{
	struct err why = {0};
	if (e->code != ERR_COMPLETION_NOT_FOUND)
		return visit_of(op, e);
	fail(&why, e->code, "completion_id", "%s", e->msg);
	return visit_of(op, &why);
}

/* --- one --- */

static void completions_on_got(struct store_op *op, const struct err *e)
{
	struct completion_visit *v = completion_visit_of(op, e);
	if (v)
		visit_answer(&v->visit, v->one.json);
}

static void completions_get(struct completion_visit *v)
{
	struct request *rq = v->visit.rq;
	store_get_completion(rq->api->store, &v->visit.op, rq->project, rq->args[0], exchange_arena(rq->x), &v->one);
}

void completion_get(struct request *rq)
{
	struct completion_visit *v = visit_new(rq, sizeof *v, completions_on_got);
	completions_get(v);
}

static void completions_on_updated(struct store_op *op, const struct err *e)
{
	struct completion_visit *v = completion_visit_of(op, e);
	if (!v)
		return;
	v->visit.op.done = completions_on_got;
	completions_get(v);
}

void completion_update(struct request *rq)
{
	struct arena *a = exchange_arena(rq->x);
	struct completion_visit *v = visit_new(rq, sizeof *v, completions_on_updated);
	struct str body = exchange_request(rq->x)->body;
	struct conversation_body b; /* the same body: metadata alone */
	struct err e = {0};
	yyjson_val *val;
	if (json_parse(a, body.n ? body : S("{}"), &val, &e) && conversation_read(a, val, CONVERSATION_UPDATE, &b, &e))
		store_set_completion(rq->api->store, &v->visit.op, rq->project, rq->args[0], b.metadata);
	else
		visit_fail(&v->visit, &e);
}

static void completions_on_deleted(struct store_op *op, const struct err *e)
{
	struct completion_visit *v = completion_visit_of(op, e);
	if (v)
		visit_answer(&v->visit, deleted_json(exchange_arena(v->visit.rq->x), RESOURCE_COMPLETION, v->visit.rq->args[0]));
}

void completion_delete(struct request *rq)
{
	struct completion_visit *v = visit_new(rq, sizeof *v, completions_on_deleted);
	store_delete_completion(rq->api->store, &v->visit.op, rq->project, rq->args[0]);
}

/* --- the list --- */

static void completions_on_listed(struct store_op *op, const struct err *e)
{
	struct completion_visit *v = completion_visit_of(op, e);
	if (!v)
		return;
	struct str *json = new_array(exchange_arena(v->visit.rq->x), struct str, v->page.n + 1);
	for (size_t i = 0; i < v->page.n; i++)
		json[i] = v->page.list[i].json;
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	list_write(&b, exchange_arena(v->visit.rq->x), json, v->page.n, v->page.has_more, 0);
	visit_answer(&v->visit, buf_str(&b));
	buf_release(&b);
}

/* As page_read(), but messages come in their own order when nothing is said. */
static bool messages_page_read(struct request *rq, const char *const *known, struct page_query *q, struct err *e)
{
	if (!page_read(rq, known, q, e))
		return false;
	q->ascending |= !query_get(rq, "order", NULL).p;
	return true;
}

static bool list_read(struct request *rq, struct completion_query *q, struct err *e)
{
	static const char *const known[] = {"after", "limit", "metadata[", "model", "order", NULL};
	struct page_query page;
	struct str pairs[COMPLETION_PAIRS][2];
	if (!page_read(rq, known, &page, e)) /* newest first; the live API does so, its file says otherwise */
		return false;
	size_t n = query_pairs(rq, "metadata[", pairs, COMPLETION_PAIRS);
	if (n > COMPLETION_PAIRS)
		return fail(e, ERR_OBJECT_TOO_BIG, "metadata", "Invalid 'metadata': too many properties. Expected an object with at most %d "
		            "properties, but got an object with %zu properties instead.", COMPLETION_PAIRS, n);
	*q = (struct completion_query){.after = page.after, .limit = page.limit, .ascending = page.ascending, .n_pairs = n};
	q->model = query_get(rq, "model", NULL);
	for (size_t i = 0; i < n; i++) {
		q->pairs[i].name = pairs[i][0];
		q->pairs[i].value = pairs[i][1];
	}
	return true;
}

void completions_list(struct request *rq)
{
	struct completion_visit *v = visit_new(rq, sizeof *v, completions_on_listed);
	struct err e = {0};
	if (list_read(rq, &v->query, &e))
		store_list_completions(rq->api->store, &v->visit.op, rq->project, &v->query, exchange_arena(rq->x), &v->page);
	else
		visit_fail(&v->visit, &e);
}

/* --- the messages of one --- */

/* The texts of its parts joined; null when there is none. */
static void completions_put_content(struct jout *o, yyjson_val *content)
{
	struct buf b;
	yyjson_val *part;
	size_t i, max;
	bool any = false;
	if (!yyjson_is_arr(content)) {
		jo_str(o, json_str(content));
		return;
	}
	buf_init(&b, SIZE_MAX / 2);
	yyjson_arr_foreach(content, i, max, part)
	{
		struct str text = json_str(json_get(part, S("text")));
		any |= text.p != NULL;
		buf_add(&b, text);
	}
	jo_str(o, any ? b.n ? buf_str(&b) : S("") : (struct str){0});
	buf_release(&b);
}

/* Parts have all members that one may have: null is what this one has not. */
static void completions_put_parts(struct jout *o, yyjson_val *content)
{
	static const struct str members[] = {STR("type"), STR("text"), STR("image_url"), STR("input_audio"), STR("file"), STR("refusal")};
	yyjson_val *part, *v;
	size_t i, max;
	if (!yyjson_is_arr(content)) {
		jo_null(o);
		return;
	}
	jo_arr(o);
	yyjson_arr_foreach(content, i, max, part)
	{
		jo_obj(o);
		for (size_t k = 0; k < sizeof members / sizeof *members; k++) {
			jo_key(o, members[k]);
			if ((v = json_get(part, members[k])))
				jo_val(o, v);
			else
				jo_null(o);
		}
		jo_obj_end(o);
	}
	jo_arr_end(o);
}

/* A message as the live API lists it; what else it has (calls, a refusal) follows. */
static struct str message_json(struct arena *a, yyjson_val *m, struct str id)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {&b, false};
	yyjson_val *content = json_get(m, S("content")), *key, *val;
	size_t i, max;
	jo_obj(&o);
	jo_kstr(&o, "id", id);
	jo_kstr(&o, "role", json_str(json_get(m, S("role"))));
	jo_key(&o, S("content"));
	completions_put_content(&o, content);
	jo_key(&o, S("content_parts"));
	completions_put_parts(&o, content);
	jo_kstr(&o, "name", json_str(json_get(m, S("name"))));
	yyjson_obj_foreach(m, i, max, key, val)
	{
		static const struct str said[] = {STR("role"), STR("content"), STR("name")};
		bool again = false;
		for (size_t k = 0; k < sizeof said / sizeof *said; k++)
			again |= str_eq(json_str(key), said[k]);
		if (again)
			continue;
		jo_key(&o, json_str(key));
		jo_val(&o, val);
	}
	jo_obj_end(&o);
	struct str s = str_copy(a, buf_str(&b));
	buf_release(&b);
	return s;
}

/* Where a page begins: at the message whose id is `after`, "<completion>-<number>". */
static bool after_read(struct completion_visit *v, size_t n, int64_t *at, struct err *e)
{
	struct str after = v->messages.after, id = v->one.id;
	bool ok = after.n > id.n + 1 && str_starts(after, id) && after.p[id.n] == '-' &&
	          str_int((struct str){after.p + id.n + 1, after.n - id.n - 1}, at) && *at >= 0 && (size_t)*at < n;
	return ok || fail(e, ERR_INVALID_VALUE, "after", "Message with id '%.*s' not found in this chat completion.",
	                  (int)(after.n < 200 ? after.n : 200), after.p);
}

static void on_messages(struct store_op *op, const struct err *e)
{
	struct completion_visit *v = completion_visit_of(op, e);
	struct err why = {0};
	yyjson_val *all;
	if (!v)
		return;
	struct arena *a = exchange_arena(v->visit.rq->x);
	bool up = v->messages.ascending;
	int64_t at = up ? -1 : INT64_MAX;
	if (!json_parse(a, v->one.messages, &all, &why) ||
	    (v->messages.after.p && !after_read(v, yyjson_arr_size(all), &at, &why))) {
		visit_fail(&v->visit, &why);
		return;
	}
	int64_t n = (int64_t)yyjson_arr_size(all), left = v->messages.limit;
	struct str *json = new_array(a, struct str, (size_t)left + 1);
	size_t k = 0;
	if (!up && at > n)
		at = n;
	for (at += up ? 1 : -1; at >= 0 && at < n && left > 0; at += up ? 1 : -1, left--)
		json[k++] = message_json(a, yyjson_arr_get(all, (size_t)at), str_fmt(a, "%.*s-%lld", FMT(v->one.id), (long long)at));
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	list_write(&b, a, json, k, at >= 0 && at < n, 0);
	visit_answer(&v->visit, buf_str(&b));
	buf_release(&b);
}

void completion_messages(struct request *rq)
{
	static const char *const known[] = {"after", "limit", "order", NULL};
	struct completion_visit *v = visit_new(rq, sizeof *v, on_messages);
	struct err e = {0};
	if (messages_page_read(rq, known, &v->messages, &e))
		completions_get(v);
	else
		visit_fail(&v->visit, &e);
}
