/* conversations.c - /v1/conversations and the items below it. */
#include "api/conversations.h"

#include "api/turn.h"
#include "base/clock.h"
#include "model/conversation.h"

/* One request on its way: store operations one after the other, for some under the conversation's lease. Lives
 * in the request arena, ends with the exchange. */
struct visit {
	struct request *rq;
	struct store_op op;
	struct reader reader;
	struct conversation_body body;
	struct stored_conversation conversation;
	struct stored_page page;
	struct stored_item item;
	/* items to add */
	struct stored_item *referred;
	struct turn_item *items;
	struct str *listed;
	void (*resolved)(struct visit *);
	/* the lease */
	struct id id;
	struct conversation_lease lease;
	struct timer patience;
	void (*held)(struct visit *);
};

static void visit_drop(struct visit *v)
{
	store_cancel(&v->op);
	lease_drop(&v->lease);
	timer_cancel(&v->patience);
}

static void on_gone(struct reader *r)
{
	visit_drop(OWNER(r, struct visit, reader));
}

static void on_room(struct reader *r)
{
}

static struct visit *visit_new(struct request *rq, void (*done)(struct store_op *, const struct err *))
{
	struct visit *v = new(exchange_arena(rq->x), struct visit);
	v->rq = rq;
	v->op.done = done;
	v->reader = (struct reader){on_gone, on_room};
	exchange_watch(rq->x, &v->reader);
	return v;
}

static void visit_fail(struct visit *v, const struct err *e)
{
	visit_drop(v);
	exchange_unwatch(v->rq->x);
	answer_error(v->rq->x, e);
}

/* The visit of a finished operation; NULL when it failed, which is answered here. */
static struct visit *visit_of(struct store_op *op, const struct err *e)
{
	struct visit *v = OWNER(op, struct visit, op);
	if (e->code == ERR_NONE)
		return v;
	visit_fail(v, e);
	return NULL;
}

static void answer_buf(struct visit *v, struct buf *b)
{
	visit_drop(v);
	exchange_unwatch(v->rq->x);
	answer_json(v->rq, 200, buf_str(b));
	buf_release(b);
}

static void answer_conversation(struct visit *v)
{
	char id[ID_MAX];
	struct buf b;
	buf_init(&b, 1 << 20);
	struct jout o = {&b, false};
	conversation_write(&o, id_text(id, "conv", &v->conversation.id), v->conversation.created_at,
	                   v->conversation.metadata);
	answer_buf(v, &b);
}

/* --- the lease --- */

static void on_held(struct conversation_lease *l)
{
	struct visit *v = OWNER(l, struct visit, lease);
	timer_cancel(&v->patience);
	v->held(v);
}

static void on_impatient(struct timer *timer)
{
	struct visit *v = OWNER(timer, struct visit, patience);
	struct err e = {0};
	conversation_locked(&e);
	visit_fail(v, &e);
}

/* Calls held() when the conversation is nobody else's. */
static void hold(struct visit *v, void (*held)(struct visit *))
{
	struct request *rq = v->rq;
	struct err e = {0};
	v->held = held;
	v->lease.granted = on_held;
	if (!id_parse(rq->args[0], "conv", &v->id)) {
		conversation_not_found(rq->args[0], &e);
		visit_fail(v, &e);
		return;
	}
	lease_take(rq->api->store, &v->lease, rq->project, &v->id);
	timer_start(rq->api->loop, &v->patience, api_limits.conversation_wait_ms, on_impatient);
}

/* --- bodies --- */

static bool body_read(struct visit *v, enum conversation_form form, struct err *e)
{
	struct arena *a = exchange_arena(v->rq->x);
	struct str body = exchange_request(v->rq->x)->body;
	yyjson_val *val;
	return json_parse(a, body.n ? str_copy(a, body) : S("{}"), &val, e) &&
	       conversation_read(a, val, form, &v->body, e);
}

static bool include_read(struct request *rq, struct err *e)
{
	struct str one;
	size_t at = 0;
	while ((one = query_get(rq, "include", &at)).p) {
		const char *const *known = include_values;
		while (*known && !str_eq(one, str_of(*known)))
			known++;
		if (!*known)
			return field_enum(one, "include", include_values, e);
	}
	return true;
}

/* Items as they are kept; references are what they name. */
static bool items_make(struct visit *v, struct err *e)
{
	struct arena *a = exchange_arena(v->rq->x);
	size_t n = v->body.n_items, r = 0;
	v->items = new_array(a, struct turn_item, n + 1);
	v->listed = new_array(a, struct str, n + 1);
	for (size_t i = 0; i < n; i++) {
		const struct item *it = &v->body.items[i];
		if (it->type != ITEM_REFERENCE) {
			v->items[i] = item_record(a, it);
			v->listed[i] = v->items[i].json;
			continue;
		}
		const struct stored_item *found = &v->referred[r++];
		if (!found->json.n)
			return fail(e, ERR_NOT_FOUND, "items", "Item with id '%.*s' not found.", FMT(it->id));
		v->items[i].id = found->id;
		v->listed[i] = found->json;
	}
	return true;
}

static void on_referred(struct store_op *op, const struct err *e)
{
	struct visit *v = visit_of(op, e);
	struct err why = {0};
	if (!v)
		return;
	if (items_make(v, &why))
		v->resolved(v);
	else
		visit_fail(v, &why);
}

/* Makes v->items of the body, and calls resolved(). */
static void resolve(struct visit *v, void (*resolved)(struct visit *))
{
	struct request *rq = v->rq;
	struct arena *a = exchange_arena(rq->x);
	struct str *ids = new_array(a, struct str, v->body.n_items + 1);
	size_t n = 0;
	for (size_t i = 0; i < v->body.n_items; i++)
		if (v->body.items[i].type == ITEM_REFERENCE)
			ids[n++] = v->body.items[i].id;
	v->resolved = resolved;
	v->referred = new_array(a, struct stored_item, n + 1);
	v->op.done = on_referred;
	store_get_items(rq->api->store, &v->op, rq->project, ids, n, a, v->referred);
}

/* --- conversations --- */

static void on_made(struct store_op *op, const struct err *e)
{
	struct visit *v = visit_of(op, e);
	if (v)
		answer_conversation(v);
}

static void put_conversation(struct visit *v)
{
	struct request *rq = v->rq;
	v->conversation = (struct stored_conversation){
		.id = id_mint(), .created_at = clock_wall_s(), .metadata = v->body.metadata};
	struct conversation_record c = {
		.project = rq->project,
		.id = v->conversation.id,
		.created_at = v->conversation.created_at,
		.metadata = v->body.metadata,
		.items = v->items,
		.n_items = v->body.n_items,
	};
	v->op.done = on_made;
	store_put_conversation(rq->api->store, &v->op, &c);
}

void conversation_create(struct request *rq)
{
	struct visit *v = visit_new(rq, NULL);
	struct err e = {0};
	if (body_read(v, CONVERSATION_CREATE, &e))
		resolve(v, put_conversation);
	else
		visit_fail(v, &e);
}

static void on_got(struct store_op *op, const struct err *e)
{
	struct visit *v = visit_of(op, e);
	if (v)
		answer_conversation(v);
}

void conversation_get(struct request *rq)
{
	struct visit *v = visit_new(rq, on_got);
	store_get_conversation(rq->api->store, &v->op, rq->project, rq->args[0], exchange_arena(rq->x), &v->conversation);
}

static void on_updated(struct store_op *op, const struct err *e)
{
	struct visit *v = visit_of(op, e);
	if (!v)
		return;
	struct request *rq = v->rq;
	v->op.done = on_got;
	store_get_conversation(rq->api->store, &v->op, rq->project, rq->args[0], exchange_arena(rq->x), &v->conversation);
}

void conversation_update(struct request *rq)
{
	struct visit *v = visit_new(rq, on_updated);
	struct err e = {0};
	if (body_read(v, CONVERSATION_UPDATE, &e))
		store_set_metadata(rq->api->store, &v->op, rq->project, rq->args[0], v->body.metadata);
	else
		visit_fail(v, &e);
}

static void on_deleted(struct store_op *op, const struct err *e)
{
	struct visit *v = visit_of(op, e);
	if (!v)
		return;
	struct buf b;
	buf_init(&b, 4096);
	struct jout o = {&b, false};
	jo_obj(&o);
	jo_kstr(&o, "id", v->rq->args[0]);
	jo_kstr(&o, "object", S("conversation.deleted"));
	jo_kbool(&o, "deleted", true);
	jo_obj_end(&o);
	answer_buf(v, &b);
}

void conversation_delete(struct request *rq)
{
	struct visit *v = visit_new(rq, on_deleted);
	store_delete_conversation(rq->api->store, &v->op, rq->project, rq->args[0]);
}

/* --- items --- */

static void on_added(struct store_op *op, const struct err *e)
{
	struct visit *v = visit_of(op, e);
	if (!v)
		return;
	exchange_unwatch(v->rq->x);
	answer_list(v->rq, v->listed, v->body.n_items, false);
}

static void add_items(struct visit *v)
{
	struct request *rq = v->rq;
	v->op.done = on_added;
	store_add_items(rq->api->store, &v->op, &v->lease, rq->project, rq->args[0], v->items, v->body.n_items);
}

static void wait_to_add(struct visit *v)
{
	hold(v, add_items);
}

void conversation_items_create(struct request *rq)
{
	static const char *const known[] = {"include", NULL};
	struct visit *v = visit_new(rq, NULL);
	struct err e = {0};
	if (query_known(rq, known, &e) && include_read(rq, &e) && body_read(v, CONVERSATION_ITEMS, &e))
		resolve(v, wait_to_add);
	else
		visit_fail(v, &e);
}

static void on_listed(struct store_op *op, const struct err *e)
{
	struct visit *v = visit_of(op, e);
	if (!v)
		return;
	struct str *json = new_array(exchange_arena(v->rq->x), struct str, v->page.n + 1);
	for (size_t i = 0; i < v->page.n; i++)
		json[i] = v->page.items[i].json;
	exchange_unwatch(v->rq->x);
	answer_list(v->rq, json, v->page.n, v->page.has_more);
}

void conversation_items_list(struct request *rq)
{
	static const char *const known[] = {"after", "include", "limit", "order", NULL};
	struct visit *v = visit_new(rq, on_listed);
	struct page_query q;
	struct err e = {0};
	if (page_read(rq, known, &q, &e) && include_read(rq, &e))
		store_list_conversation(rq->api->store, &v->op, rq->project, rq->args[0], &q, exchange_arena(rq->x), &v->page);
	else
		visit_fail(v, &e);
}

static void on_item(struct store_op *op, const struct err *e)
{
	struct visit *v = visit_of(op, e);
	if (!v)
		return;
	exchange_unwatch(v->rq->x);
	answer_json(v->rq, 200, v->item.json);
}

void conversation_item_get(struct request *rq)
{
	static const char *const known[] = {"include", NULL};
	struct visit *v = visit_new(rq, on_item);
	struct err e = {0};
	if (query_known(rq, known, &e) && include_read(rq, &e))
		store_get_conversation_item(rq->api->store, &v->op, rq->project, rq->args[0], rq->args[1],
		                            exchange_arena(rq->x), &v->item);
	else
		visit_fail(v, &e);
}

static void remove_item(struct visit *v)
{
	struct request *rq = v->rq;
	v->op.done = on_got;
	store_remove_item(rq->api->store, &v->op, &v->lease, rq->project, rq->args[0], rq->args[1], exchange_arena(rq->x),
	                  &v->conversation);
}

void conversation_item_delete(struct request *rq)
{
	hold(visit_new(rq, NULL), remove_item);
}
