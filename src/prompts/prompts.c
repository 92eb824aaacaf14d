/* prompts.c - /v1/prompts: templates that a request names by `prompt` (turn_template.c fills them in).
 *
 * OpenAI's API refers to templates made on its web pages; these routes are ours, in its manner. */
#include "prompts/prompts.h"

#include "base/clock.h"
#include "door/lists.h"
#include "door/visit.h"

struct prompt_visit {
	struct visit visit; /* first */
	struct template_body body;
	struct stored_template one;
	struct template_page page;
};

bool prompt_view(struct arena *a, const struct stored_template *t, struct template_view *ret, struct err *e)
{
	*ret = (struct template_view){
		.id = t->id,
		.name = t->name,
		.metadata = t->metadata,
		.created_at = t->created_at,
		.version_created_at = t->version_created_at,
		.version = t->version,
		.default_version = t->default_version,
		.latest = t->latest,
	};
	return json_parse(a, t->body, &ret->members, e) || fail(e, ERR_STORE, NULL, "A stored prompt could not be read.");
}

static struct str prompt_json(struct arena *a, const struct stored_template *t)
{
	struct template_view view;
	struct err broken = {0};
	struct buf b;
	struct jout o = {&b, false};
	if (!prompt_view(a, t, &view, &broken))
		return S("null");
	buf_init(&b, SIZE_MAX / 2);
	template_write(&o, &view);
	struct str s = str_copy(a, buf_str(&b));
	buf_release(&b);
	return s;
}

/* --- one --- */

static void prompts_on_got(struct store_op *op, const struct err *e)
{
	struct prompt_visit *v = visit_of(op, e);
	if (v)
		visit_answer(&v->visit, prompt_json(exchange_arena(v->visit.rq->x), &v->one));
}

static void prompts_get(struct prompt_visit *v, struct str version)
{
	struct request *rq = v->visit.rq;
	v->visit.op.done = prompts_on_got;
	store_get_template(rq->api->store, &v->visit.op, rq->project, rq->args[0], version, exchange_arena(rq->x), &v->one);
}

void prompt_get(struct request *rq)
{
	static const char *const known[] = {"version", NULL};
	struct prompt_visit *v = visit_new(rq, sizeof *v, prompts_on_got);
	struct err e = {0};
	if (query_known(rq, known, &e))
		prompts_get(v, query_get(rq, "version", NULL));
	else
		visit_fail(&v->visit, &e);
}

static bool prompts_body_read(struct prompt_visit *v, enum template_form form, struct err *e)
{
	struct arena *a = exchange_arena(v->visit.rq->x);
	struct str body = exchange_request(v->visit.rq->x)->body;
	yyjson_val *val;
	if (!json_parse(a, body.n ? body : S("{}"), &val, e) || !template_read(a, val, form, &v->body, e))
		return false;
	return v->body.members.n <= (size_t)api_limits.prompt_bytes ||
	       fail(e, ERR_TOO_LARGE, NULL, "A prompt may have %lld bytes (api.prompt_bytes).", (long long)api_limits.prompt_bytes);
}

static void prompts_on_made(struct store_op *op, const struct err *e)
{
	struct prompt_visit *v = visit_of(op, e);
	if (v)
		visit_answer(&v->visit, prompt_json(exchange_arena(v->visit.rq->x), &v->one));
}

void prompt_create(struct request *rq)
{
	struct prompt_visit *v = visit_new(rq, sizeof *v, prompts_on_made);
	struct arena *a = exchange_arena(rq->x);
	struct err e = {0};
	if (!prompts_body_read(v, TEMPLATE_CREATE, &e)) {
		visit_fail(&v->visit, &e);
		return;
	}
	struct template_record t = {
		.project = rq->project,
		.id = id_mint(),
		.created_at = clock_wall_s(),
		.name = v->body.name,
		.metadata = v->body.metadata.p ? v->body.metadata : S("{}"),
		.body = v->body.members,
		.most = api_limits.prompts,
	};
	v->one = (struct stored_template){
		.id = id_text(arena_bytes(a, ID_MAX), "pmpt", &t.id),
		.name = t.name,
		.metadata = t.metadata,
		.body = t.body,
		.created_at = t.created_at,
		.version_created_at = t.created_at,
		.version = 1,
		.default_version = 1,
		.latest = 1,
	};
	store_put_template(rq->api->store, &v->visit.op, &t);
}

static void prompts_on_updated(struct store_op *op, const struct err *e)
{
	struct prompt_visit *v = OWNER(op, struct prompt_visit, visit.op);
	struct err named = *e;
	if (e->code == ERR_INVALID_VALUE) { /* the store knows no parameters */
		named = (struct err){0};
		fail(&named, e->code, "default_version", "%s", e->msg);
	}
	if (visit_of(op, &named))
		prompts_get(v, (struct str){0});
}

void prompt_update(struct request *rq)
{
	struct prompt_visit *v = visit_new(rq, sizeof *v, prompts_on_updated);
	struct err e = {0};
	if (!prompts_body_read(v, TEMPLATE_UPDATE, &e)) {
		visit_fail(&v->visit, &e);
		return;
	}
	struct template_change c = {v->body.name, v->body.metadata, v->body.default_version};
	store_set_template(rq->api->store, &v->visit.op, rq->project, rq->args[0], &c);
}

void prompt_version_create(struct request *rq)
{
	struct prompt_visit *v = visit_new(rq, sizeof *v, prompts_on_made);
	struct err e = {0};
	if (prompts_body_read(v, TEMPLATE_VERSION, &e))
		store_add_template_version(rq->api->store, &v->visit.op, rq->project, rq->args[0], v->body.members, v->body.is_default,
		                           api_limits.prompt_versions, exchange_arena(rq->x), &v->one);
	else
		visit_fail(&v->visit, &e);
}

static void prompts_on_deleted(struct store_op *op, const struct err *e)
{
	struct prompt_visit *v = visit_of(op, e);
	if (v)
		visit_answer(&v->visit, deleted_json(exchange_arena(v->visit.rq->x), RESOURCE_PROMPT, v->visit.rq->args[0]));
}

void prompt_delete(struct request *rq)
{
	struct prompt_visit *v = visit_new(rq, sizeof *v, prompts_on_deleted);
	store_delete_template(rq->api->store, &v->visit.op, rq->project, rq->args[0]);
}

/* --- lists --- */

/* Every element of a list needs an id to go on after: of versions it is the number. */
static void list_answer(struct prompt_visit *v, struct str (*place)(struct arena *, const struct stored_template *))
{
	struct arena *a = exchange_arena(v->visit.rq->x);
	struct template_page *page = &v->page;
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {&b, false};
	list_begin(&o);
	for (size_t i = 0; i < page->n; i++)
		jo_raw(&o, prompt_json(a, &page->list[i]));
	struct str none = {0};
	list_end(&o, RESOURCE_PROMPT, page->n ? place(a, &page->list[0]) : none, page->n ? place(a, &page->list[page->n - 1]) : none,
	         page->has_more);
	visit_answer(&v->visit, buf_str(&b));
	buf_release(&b);
}

static struct str place_id(struct arena *a, const struct stored_template *t)
{
	return t->id;
}

static struct str place_version(struct arena *a, const struct stored_template *t)
{
	return str_fmt(a, "%lld", (long long)t->version);
}

static void prompts_on_listed(struct store_op *op, const struct err *e)
{
	struct prompt_visit *v = visit_of(op, e);
	if (v)
		list_answer(v, place_id);
}

static void on_versions(struct store_op *op, const struct err *e)
{
	struct prompt_visit *v = visit_of(op, e);
	if (v)
		list_answer(v, place_version);
}

static const char *const list_known[] = {"after", "limit", "order", NULL};

void prompts_list(struct request *rq)
{
	struct prompt_visit *v = visit_new(rq, sizeof *v, prompts_on_listed);
	struct page_query q;
	struct err e = {0};
	if (page_read(rq, list_known, &q, &e))
		store_list_templates(rq->api->store, &v->visit.op, rq->project, &q, exchange_arena(rq->x), &v->page);
	else
		visit_fail(&v->visit, &e);
}

void prompt_versions_list(struct request *rq)
{
	struct prompt_visit *v = visit_new(rq, sizeof *v, on_versions);
	struct page_query q;
	struct err e = {0};
	if (page_read(rq, list_known, &q, &e))
		store_list_template_versions(rq->api->store, &v->visit.op, rq->project, rq->args[0], &q, exchange_arena(rq->x), &v->page);
	else
		visit_fail(&v->visit, &e);
}
