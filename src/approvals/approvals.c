/* approvals.c - /v1/approvals: what calls of MCP servers wait for, and answering it here.
 *
 * Routes of ours, in the manner of OpenAI's API, which lets a client alone answer, in its next request. */
#include "base/clock.h"
#include "door/lists.h"
#include "door/visit.h"
#include "store/approval.h"
#include "wire/fields.h"

enum { REASON_MOST = 4096 /* characters */ };

struct approval_body {
	bool approve;
	struct str reason;
};

struct approval_visit {
	struct visit visit; /* first */
	struct stored_approval one;
	struct approval_page page;
};

/* --- objects ------------------------------------------------------------------------------------------------------ */

static void approvals_int_or_null(struct jout *o, const char *name, int64_t v)
{
	jo_key(o, str_of(name));
	if (v)
		jo_int(o, v);
	else
		jo_raw(o, S("null"));
}

static void approvals_str_or_null(struct jout *o, const char *name, struct str s)
{
	jo_key(o, str_of(name));
	if (s.n)
		jo_str(o, s);
	else
		jo_raw(o, S("null"));
}

/* As the response echoes it; {0}: the server has a name alone. */
static struct str server_url(yyjson_val *response, struct str label)
{
	size_t i, n;
	yyjson_val *tool;
	yyjson_arr_foreach(json_get(response, S("tools")), i, n,
			   tool) if (str_eq(json_str(json_get(tool, S("server_label"))),
					    label)) return json_str(json_get(tool, S("server_url")));
	return (struct str){0};
}

static struct str approval_id(struct arena *a, const struct stored_approval *one)
{
	return id_text(arena_bytes(a, ID_MAX), "mcpr", &one->id);
}

static void approval_write(struct jout *o, struct arena *a, const struct stored_approval *one)
{
	static const struct str states[] = {
	    [APPROVAL_NONE] = STR("waiting"), [APPROVAL_GIVEN] = STR("approved"), [APPROVAL_REFUSED] = STR("refused")};
	yyjson_val *item = NULL, *response = NULL;
	struct err ignored = {0};
	json_parse(a, one->item, &item, &ignored);
	json_parse(a, one->body, &response, &ignored);
	struct str label = json_str(json_get(item, S("server_label")));
	jo_obj(o);
	jo_kstr(o, "id", approval_id(a, one));
	jo_kstr(o, "object", S("approval"));
	jo_kstr(o, "status", states[one->answer]);
	jo_kint(o, "created_at", id_made_at(&one->id));
	jo_kint(o, "expires_at", one->expires_at);
	approvals_int_or_null(o, "answered_at", one->answered_at);
	approvals_int_or_null(o, "used_at", one->used_at);
	approvals_str_or_null(o, "reason", one->reason);
	jo_kstr(o, "response_id", id_text(arena_bytes(a, ID_MAX), "resp", &one->response));
	jo_kstr(o, "server_label", label);
	approvals_str_or_null(o, "server_url", server_url(response, label));
	jo_kstr(o, "name", json_str(json_get(item, S("name"))));
	jo_kstr(o, "arguments", json_str(json_get(item, S("arguments"))));
	jo_obj_end(o);
}

/* --- one ---------------------------------------------------------------------------------------------------------- */

static void approvals_on_got(struct store_op *op, const struct err *e)
{
	struct approval_visit *v = visit_of(op, e);
	struct buf b;
	struct jout o = {&b, false};
	if (!v)
		return;
	buf_init(&b, SIZE_MAX / 2);
	approval_write(&o, exchange_arena(v->visit.rq->x), &v->one);
	visit_answer(&v->visit, buf_str(&b));
	buf_release(&b);
}

static void approvals_get(struct approval_visit *v)
{
	struct request *rq = v->visit.rq;
	v->visit.op.done = approvals_on_got;
	store_get_approval(rq->api->store, &v->visit.op, rq->project, rq->args[0], exchange_arena(rq->x), &v->one);
}

void approval_get(struct request *rq)
{
	approvals_get(visit_new(rq, sizeof(struct approval_visit), NULL));
}

static void approvals_on_answered(struct store_op *op, const struct err *e)
{
	struct approval_visit *v = visit_of(op, e);
	if (v)
		approvals_get(v); /* as it now is */
}

static bool approval_read(struct request *rq, struct approval_body *ret, struct err *e)
{
	static const struct field fields[] = {
	    FIELD(struct approval_body, approve, F_BOOL, .required = true),
	    FIELD(struct approval_body, reason, F_STR, .nullable = true, .max = REASON_MOST),
	    FIELD_END,
	};
	yyjson_val *v;
	return json_parse(exchange_arena(rq->x), exchange_request(rq->x)->body, &v, e) &&
	       fields_read(fields, v, "", NULL, ret, NULL, e);
}

void approval_answer(struct request *rq)
{
	struct approval_visit *v = visit_new(rq, sizeof *v, approvals_on_answered);
	struct approval_body body = {0};
	struct err e = {0};
	if (approval_read(rq, &body, &e))
		store_answer_approval(rq->api->store, &v->visit.op, rq->project, rq->args[0], body.approve,
				      body.reason);
	else
		visit_fail(&v->visit, &e);
}

/* --- the list ----------------------------------------------------------------------------------------------------- */

static void approvals_on_listed(struct store_op *op, const struct err *e)
{
	struct approval_visit *v = visit_of(op, e);
	struct str none = {0};
	struct buf b;
	struct jout o = {&b, false};
	if (!v)
		return;
	struct arena *a = exchange_arena(v->visit.rq->x);
	const struct approval_page *page = &v->page;
	buf_init(&b, SIZE_MAX / 2);
	list_begin(&o);
	for (size_t i = 0; i < page->n; i++)
		approval_write(&o, a, &page->list[i]);
	list_end(&o, RESOURCE_APPROVAL, page->n ? approval_id(a, &page->list[0]) : none,
		 page->n ? approval_id(a, &page->list[page->n - 1]) : none, page->has_more);
	visit_answer(&v->visit, buf_str(&b));
	buf_release(&b);
}

void approvals_list(struct request *rq)
{
	static const char *const known[] = {"after", "limit", "order", NULL};
	struct approval_visit *v = visit_new(rq, sizeof *v, approvals_on_listed);
	struct page_query q;
	struct err e = {0};
	if (page_read(rq, known, &q, &e))
		store_list_approvals(rq->api->store, &v->visit.op, rq->project, &q, exchange_arena(rq->x), &v->page);
	else
		visit_fail(&v->visit, &e);
}
