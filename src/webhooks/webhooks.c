/* webhooks.c - /v1/webhook_endpoints and /v1/webhook_event_types. */
#include "base/clock.h"
#include "door/resource.h"
#include "door/visit.h"
#include "model/webhook.h"
#include "webhooks/delivery.h"
#include "webhooks/webhook_sign.h"

enum { OBJECT_BYTES = 64 * 1024, LIST_BYTES = 16 << 20, OLD_SECRET_SECONDS = 86400 };

struct webhook_visit {
	struct visit visit; /* first */
	struct webhook_body body;
	struct stored_webhook one;
	struct str secret; /* to be shown; {0}: not */
	struct webhook_page page;
	struct testing *testing;
};

/* A sample event under way; lives in the arena of its sending. */
struct testing {
	struct sending sending;
	struct webhook_visit *visit; /* NULL: the client left */
	struct str event_type;
};

static void on_left(struct visit *visit)
{
	OWNER(visit, struct webhook_visit, visit)->testing->visit = NULL;
}

/* Answers with what `o` has written into its buffer, and releases that. */
static void webhooks_answer(struct webhook_visit *v, struct jout *o)
{
	visit_answer(&v->visit, buf_str(o->b));
	buf_release(o->b);
}

/* --- objects --- */

static void webhooks_write_one(struct jout *o, const struct stored_webhook *w, struct str secret)
{
	char id[ID_MAX];
	struct webhook_object object = {.id = id_text(id, "whe", &w->id),
					.name = w->name,
					.url = w->url,
					.types = w->types,
					.hint = w->hint,
					.secret = secret,
					.created_at = w->created_at,
					.updated_at = w->updated_at};
	webhook_write(o, &object);
}

static void answer_one(struct webhook_visit *v)
{
	struct buf b;
	buf_init(&b, OBJECT_BYTES);
	struct jout o = {&b, false};
	webhooks_write_one(&o, &v->one, v->secret);
	webhooks_answer(v, &o);
}

static void webhooks_on_got(struct store_op *op, const struct err *e)
{
	struct webhook_visit *v = visit_of(op, e);
	if (v)
		answer_one(v);
}

static void webhooks_get(struct webhook_visit *v, void (*done)(struct store_op *, const struct err *))
{
	struct request *rq = v->visit.rq;
	v->visit.op.done = done;
	store_get_webhook(rq->api->store, &v->visit.op, rq->project, rq->args[0], exchange_arena(rq->x), &v->one);
}

/* After a change: as it now is. */
static void on_changed(struct store_op *op, const struct err *e)
{
	struct webhook_visit *v = visit_of(op, e);
	if (v)
		webhooks_get(v, webhooks_on_got);
}

/* --- bodies --- */

static bool url_read(struct str url, struct err *e)
{
	const char *why;
	switch (guard_url(&fetch_guard, url, &why)) {
	case GUARD_OPEN:
		return true;
	case GUARD_BAD_URL:
		return fail(e, ERR_INVALID_VALUE, "url", "Invalid 'url': '%.*s' is %s.", FMT(url), why);
	case GUARD_REFUSED:
		break;
	}
	return fail(e, ERR_INVALID_VALUE, "url",
	            "Invalid 'url': the host of '%.*s' is %s. Webhooks are delivered to public addresses, and to those of the "
	            "setting fetch.allow.",
	            FMT(url), why);
}

static bool webhooks_body_read(struct webhook_visit *v, enum webhook_form form, struct err *e)
{
	struct arena *a = exchange_arena(v->visit.rq->x);
	struct str body = exchange_request(v->visit.rq->x)->body;
	yyjson_val *val;
	return json_parse(a, body.n ? body : S("{}"), &val, e) && webhook_read(a, val, form, &v->body, e) &&
	       (!v->body.url.p || url_read(v->body.url, e));
}

/* --- make, read, change, delete --- */

static void webhooks_on_made(struct store_op *op, const struct err *e)
{
	struct webhook_visit *v = visit_of(op, e);
	if (v)
		answer_one(v);
}

void webhook_create(struct request *rq)
{
	struct arena *a = exchange_arena(rq->x);
	struct webhook_visit *v = visit_new(rq, sizeof *v, webhooks_on_made);
	struct err e = {0};
	if (!webhooks_body_read(v, WEBHOOK_CREATE, &e)) {
		visit_fail(&v->visit, &e);
		return;
	}
	int64_t now = clock_wall_s();
	v->secret = webhook_secret_make(a);
	v->one = (struct stored_webhook){.id = id_mint(),
					 .created_at = now,
					 .updated_at = now,
					 .name = v->body.name,
					 .url = v->body.url,
					 .types = v->body.types,
					 .hint = webhook_secret_hint(a, v->secret),
					 .secret = webhook_secret_seal(rq->api, rq->project, v->secret, a)};
	store_put_webhook(rq->api->store, &v->visit.op, rq->project, &v->one, api_limits.webhook_endpoints);
}

void webhook_get(struct request *rq)
{
	struct webhook_visit *v = visit_new(rq, sizeof *v, NULL);
	webhooks_get(v, webhooks_on_got);
}

void webhook_update(struct request *rq)
{
	struct webhook_visit *v = visit_new(rq, sizeof *v, on_changed);
	struct err e = {0};
	if (!webhooks_body_read(v, WEBHOOK_UPDATE, &e)) {
		visit_fail(&v->visit, &e);
		return;
	}
	struct stored_webhook to = {.name = v->body.name, .url = v->body.url, .types = v->body.types};
	store_set_webhook(rq->api->store, &v->visit.op, rq->project, rq->args[0], &to);
}

void webhook_rotate(struct request *rq)
{
	struct arena *a = exchange_arena(rq->x);
	struct webhook_visit *v = visit_new(rq, sizeof *v, on_changed);
	struct err e = {0};
	if (!webhooks_body_read(v, WEBHOOK_ROTATE, &e)) {
		visit_fail(&v->visit, &e);
		return;
	}
	v->secret = webhook_secret_make(a);
	store_rotate_webhook(rq->api->store, &v->visit.op, rq->project, rq->args[0],
	                     webhook_secret_seal(rq->api, rq->project, v->secret, a), webhook_secret_hint(a, v->secret),
	                     v->body.keep_old_secret ? clock_wall_s() + OLD_SECRET_SECONDS : 0);
}

static void webhooks_on_deleted(struct store_op *op, const struct err *e)
{
	struct webhook_visit *v = visit_of(op, e);
	if (v)
		visit_answer(&v->visit, deleted_json(exchange_arena(v->visit.rq->x), RESOURCE_WEBHOOK, v->visit.rq->args[0]));
}

void webhook_delete(struct request *rq)
{
	struct webhook_visit *v = visit_new(rq, sizeof *v, webhooks_on_deleted);
	store_delete_webhook(rq->api->store, &v->visit.op, rq->project, rq->args[0]);
}

/* --- lists --- */

static void webhooks_on_listed(struct store_op *op, const struct err *e)
{
	struct webhook_visit *v = visit_of(op, e);
	if (!v)
		return;
	const struct webhook_page *p = &v->page;
	struct buf b;
	buf_init(&b, LIST_BYTES);
	struct jout o = {&b, false};
	list_begin(&o);
	for (size_t i = 0; i < p->n; i++)
		webhooks_write_one(&o, &p->list[i], (struct str){0});
	list_end_ids(&o, RESOURCE_WEBHOOK, "whe", p->n ? &p->list[0].id : NULL, p->n ? &p->list[p->n - 1].id : NULL, p->has_more);
	webhooks_answer(v, &o);
}

void webhooks_list(struct request *rq)
{
	static const char *const known[] = {"after", "limit", NULL};
	struct webhook_visit *v = visit_new(rq, sizeof *v, webhooks_on_listed);
	struct err e = {0};
	int64_t limit = 20;
	if (query_known(rq, known, &e) && query_int(rq, "limit", 1, 100, &limit, &e))
		store_list_webhooks(rq->api->store, &v->visit.op, rq->project, query_get(rq, "after", NULL), limit,
		                    exchange_arena(rq->x), &v->page);
	else
		visit_fail(&v->visit, &e);
}

void webhook_types_list(struct request *rq)
{
	struct buf b;
	buf_init(&b, OBJECT_BYTES);
	struct jout o = {&b, false};
	list_begin(&o);
	for (size_t i = 0; webhook_types[i]; i++)
		jo_str(&o, str_of(webhook_types[i]));
	list_end(&o, RESOURCE_WEBHOOK_TYPE, S(""), S(""), false);
	answer_json(rq, 200, buf_str(&b));
	buf_release(&b);
}

/* --- a sample event --- */

static void answer_test(struct webhook_visit *v, const struct testing *t)
{
	struct buf b;
	buf_init(&b, OBJECT_BYTES);
	struct jout o = {&b, false};
	jo_obj(&o);
	jo_kstr(&o, "object", S("webhook_endpoint.test"));
	jo_kstr(&o, "webhook_endpoint_id", v->visit.rq->args[0]);
	jo_kstr(&o, "event_type", t->event_type);
	jo_kint(&o, "status_code", t->sending.status);
	jo_kbool(&o, "success", true);
	jo_obj_end(&o);
	webhooks_answer(v, &o);
}

static void webhooks_on_sent(struct sending *s)
{
	struct testing *t = OWNER(s, struct testing, sending);
	struct webhook_visit *v = t->visit;
	struct err e = {0};
	if (v && s->status) {
		answer_test(v, t);
	} else if (v) {
		fail(&e, ERR_BAD_REQUEST, NULL, "The webhook endpoint gave no answer (%s): %s.", fetch_fault_name(s->fault), s->why);
		visit_fail(&v->visit, &e);
	}
	struct arena a = s->arena;
	arena_free(&a);
}

static struct str sample(struct arena *a, struct str type)
{
	char id[ID_MAX], subject[ID_MAX];
	struct buf b;
	buf_init(&b, OBJECT_BYTES);
	struct jout o = {&b, false};
	webhook_event_write(&o, id_random(id, "evt"), clock_wall_s(), type, id_random(subject, webhook_prefix(type)));
	struct str s = str_copy(a, buf_str(&b));
	buf_release(&b);
	return s;
}

static void on_got_to_test(struct store_op *op, const struct err *e)
{
	struct webhook_visit *v = visit_of(op, e);
	struct arena a = {0};
	struct err busy = {0};
	char id[ID_MAX];
	if (!v)
		return;
	struct testing *t = new(&a, struct testing);
	struct sending *s = &t->sending;
	t->event_type = str_copy(&a, v->body.event_type);
	s->project = v->visit.rq->project;
	s->url = str_copy(&a, v->one.url);
	s->secret = str_copy(&a, v->one.secret);
	s->old_secret = str_copy(&a, v->one.old_secret);
	s->id = str_copy(&a, id_random(id, "wh"));
	s->body = sample(&a, t->event_type);
	s->arena = a;
	if (!sender_send(v->visit.rq->api->sender, s, webhooks_on_sent)) {
		arena_free(&a);
		busy.retry_after_ms = 1000;
		fail(&busy, ERR_UNAVAILABLE, NULL, "Too many webhooks are being sent. Please retry in a moment.");
		visit_fail(&v->visit, &busy);
		return;
	}
	t->visit = v;
	v->testing = t;
	v->visit.left = on_left;
}

void webhook_test(struct request *rq)
{
	struct webhook_visit *v = visit_new(rq, sizeof *v, NULL);
	struct err e = {0};
	if (webhooks_body_read(v, WEBHOOK_TEST, &e))
		webhooks_get(v, on_got_to_test);
	else
		visit_fail(&v->visit, &e);
}
