/* conversations.c - /v1/conversations and the items below it. */
#include "conversations/conversations.h"

#include "base/clock.h"
#include "door/attempts.h"
#include "door/lists.h"
#include "model/conversation.h"
#include "model/item_show.h"
#include "replay/rebuild.h"
#include "replay/retry.h"
#include "turn/turn_save.h"

/* One request on its way: store operations one after the other, for some under the conversation's lease. It goes
 * with its client, but for one that may be sent again: that one goes on, and its answer is kept. */
struct conversation_visit {
	struct arena arena;
	struct api_loop *api;
	struct conversation_visit *next, *prev;
	struct request *rq; /* NULL: the client left */
	struct reader reader;
	struct store_op op;
	struct attempt *attempt; /* NULL: the client is not known to send again (door/attempts.h) */
	int64_t project;
	struct str conversation_id, item_id; /* of the path */
	struct conversation_body body;
	struct stored_conversation conversation;
	struct stored_page page;
	struct stored_item item;
	unsigned show; /* item_show.h */
	/* items to add */
	struct stored_item *referred;
	struct turn_item *items;
	struct str *listed;
	void (*resolved)(struct conversation_visit *);
	/* the lease */
	struct visit_lease {
		struct conversation_lease lease;
		struct timer patience;
		void (*held)(struct conversation_visit *);
	} hold;
};

static void end_attempt(struct conversation_visit *v, enum attempt_end end, int status, struct str answer)
{
	if (v->attempt)
		attempt_end(v->attempt, end, status, answer);
	v->attempt = NULL;
}

static void conversations_visit_free(struct conversation_visit *v)
{
	store_cancel(&v->op);
	lease_drop(&v->hold.lease);
	timer_cancel(&v->hold.patience);
	if (v->attempt) {
		struct err left = {0};
		fail(&left, ERR_UNAVAILABLE, NULL, "The request was given up because its client left.");
		end_attempt(v, ATTEMPT_FAILED, err_rows[left.code].status, error_body(&v->arena, &left));
	}
	if (v->prev)
		v->prev->next = v->next;
	else
		v->api->visits = v->next;
	if (v->next)
		v->next->prev = v->prev;
	struct arena a = v->arena; /* the visit itself lives in it */
	arena_free(&a);
}

void conversations_cancel(struct api_loop *al)
{
	for (struct conversation_visit *v = al->visits, *next; v; v = next) {
		next = v->next;
		if (!v->rq)
			conversations_visit_free(v); /* the others are told when their connections close */
	}
}

static void conversations_on_gone(struct reader *r)
{
	struct conversation_visit *v = OWNER(r, struct conversation_visit, reader);
	v->rq = NULL;
	if (v->attempt)
		attempt_abandoned(v->attempt);
	else
		conversations_visit_free(v);
}

static void conversations_on_room(struct reader *r)
{
}

static struct conversation_visit *conversations_visit_new(struct request *rq,
							  void (*done)(struct store_op *, const struct err *))
{
	struct arena a = {0};
	struct conversation_visit *v = new(&a, struct conversation_visit);
	v->arena = a;
	v->api = rq->api;
	v->rq = rq;
	v->project = rq->project;
	v->conversation_id = str_copy(&v->arena, rq->args[0]);
	v->item_id = str_copy(&v->arena, rq->args[1]);
	v->op.done = done;
	v->next = rq->api->visits;
	if (v->next)
		v->next->prev = v;
	rq->api->visits = v;
	v->reader = (struct reader){conversations_on_gone, conversations_on_room};
	exchange_watch(rq->x, &v->reader);
	return v;
}

static void conversations_visit_fail(struct conversation_visit *v, const struct err *e)
{
	end_attempt(v, ATTEMPT_FAILED, err_rows[e->code].status, error_body(&v->arena, e));
	if (v->rq) {
		exchange_unwatch(v->rq->x);
		answer_error(v->rq->x, e);
	}
	conversations_visit_free(v);
}

/* The visit of a finished operation; NULL when it failed, which is answered here. */
static struct conversation_visit *conversations_visit_of(struct store_op *op, const struct err *e)
{
	struct conversation_visit *v = OWNER(op, struct conversation_visit, op);
	if (e->code == ERR_NONE)
		return v;
	conversations_visit_fail(v, e);
	return NULL;
}

static void conversations_visit_answer(struct conversation_visit *v, struct str json)
{
	end_attempt(v, ATTEMPT_KEPT, 200, json);
	if (v->rq) {
		exchange_unwatch(v->rq->x);
		answer_json(v->rq, 200, json);
	}
	conversations_visit_free(v);
}

static void answer_conversation(struct conversation_visit *v)
{
	char id[ID_MAX];
	struct buf b;
	buf_init(&b, 1 << 20);
	struct jout o = {&b, false};
	conversation_write(&o, id_text(id, "conv", &v->conversation.id), v->conversation.created_at,
	                   v->conversation.metadata);
	conversations_visit_answer(v, buf_str(&b));
	buf_release(&b);
}

static void answer_items(struct conversation_visit *v, const struct str *json, size_t n, bool has_more)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	list_write(&b, &v->arena, json, n, has_more, v->show);
	conversations_visit_answer(v, buf_str(&b));
	buf_release(&b);
}

/* true: an earlier POST sent again; the first one's answer is its answer. Else retries of this one find it. */
static bool sent_again(struct request *rq, struct attempt **ret)
{
	const struct exchange_request *q = exchange_request(rq->x);
	int64_t tries = retry_count(rq->x);
	uint8_t hash[32];
	*ret = NULL;
	if (tries < 0)
		return false;
	/* Equal bodies are common here; the path tells them apart. */
	body_hash(str_fmt(exchange_arena(rq->x), "%.*s\n%.*s", FMT(q->path), FMT(q->body)), hash);
	if (tries >= 1 && retry_join(rq, hash))
		return true;
	*ret = attempt_begin(rq->api->api->attempts, rq->project, hash, S(""));
	return false;
}

/* --- the lease --- */

static void conversations_on_held(struct conversation_lease *l)
{
	struct conversation_visit *v = OWNER(l, struct conversation_visit, hold.lease);
	timer_cancel(&v->hold.patience);
	v->hold.held(v);
}

static void conversations_on_impatient(struct timer *timer)
{
	struct conversation_visit *v = OWNER(timer, struct conversation_visit, hold.patience);
	struct err e = {0};
	conversation_locked(&e);
	conversations_visit_fail(v, &e);
}

/* Calls held() when the conversation is nobody else's. */
static void hold(struct conversation_visit *v, void (*held)(struct conversation_visit *))
{
	struct id id;
	struct err e = {0};
	v->hold.held = held;
	v->hold.lease.granted = conversations_on_held;
	if (!id_parse(v->conversation_id, "conv", &id)) {
		conversation_not_found(v->conversation_id, &e);
		conversations_visit_fail(v, &e);
		return;
	}
	lease_take(v->api->store, &v->hold.lease, v->project, &id);
	timer_start(v->api->loop, &v->hold.patience, api_limits.conversation_wait_ms, conversations_on_impatient);
}

/* --- bodies --- */

static bool conversations_body_read(struct conversation_visit *v, enum conversation_form form, struct err *e)
{
	struct arena *a = &v->arena;
	struct str body = exchange_request(v->rq->x)->body;
	yyjson_val *val;
	return json_parse(a, body.n ? str_copy(a, body) : S("{}"), &val, e) &&
	       conversation_read(a, val, form, &v->body, e);
}

/* Items as they are kept; references are what they name. */
static bool items_make(struct conversation_visit *v, struct err *e)
{
	struct arena *a = &v->arena;
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
	struct conversation_visit *v = conversations_visit_of(op, e);
	struct err why = {0};
	if (!v)
		return;
	if (items_make(v, &why))
		v->resolved(v);
	else
		conversations_visit_fail(v, &why);
}

/* Makes v->items of the body, and calls resolved(). */
static void conversations_resolve(struct conversation_visit *v, void (*resolved)(struct conversation_visit *))
{
	struct arena *a = &v->arena;
	struct str *ids = new_array(a, struct str, v->body.n_items + 1);
	size_t n = 0;
	for (size_t i = 0; i < v->body.n_items; i++)
		if (v->body.items[i].type == ITEM_REFERENCE)
			ids[n++] = v->body.items[i].id;
	v->resolved = resolved;
	v->referred = new_array(a, struct stored_item, n + 1);
	v->op.done = on_referred;
	store_get_items(v->api->store, &v->op, v->project, ids, n, a, v->referred);
}

/* --- conversations --- */

static void conversations_on_made(struct store_op *op, const struct err *e)
{
	struct conversation_visit *v = conversations_visit_of(op, e);
	if (v)
		answer_conversation(v);
}

static void put_conversation(struct conversation_visit *v)
{
	v->conversation = (struct stored_conversation){
		.id = id_mint(), .created_at = clock_wall_s(), .metadata = v->body.metadata};
	struct conversation_record c = {
		.project = v->project,
		.id = v->conversation.id,
		.created_at = v->conversation.created_at,
		.metadata = v->body.metadata,
		.items = v->items,
		.n_items = v->body.n_items,
	};
	v->op.done = conversations_on_made;
	store_put_conversation(v->api->store, &v->op, &c);
}

void conversation_create(struct request *rq)
{
	struct attempt *attempt;
	if (sent_again(rq, &attempt))
		return;
	struct conversation_visit *v = conversations_visit_new(rq, NULL);
	struct err e = {0};
	v->attempt = attempt;
	if (conversations_body_read(v, CONVERSATION_CREATE, &e))
		conversations_resolve(v, put_conversation);
	else
		conversations_visit_fail(v, &e);
}

static void conversations_on_got(struct store_op *op, const struct err *e)
{
	struct conversation_visit *v = conversations_visit_of(op, e);
	if (v)
		answer_conversation(v);
}

void conversation_get(struct request *rq)
{
	struct conversation_visit *v = conversations_visit_new(rq, conversations_on_got);
	store_get_conversation(v->api->store, &v->op, v->project, v->conversation_id, &v->arena, &v->conversation);
}

static void conversations_on_updated(struct store_op *op, const struct err *e)
{
	struct conversation_visit *v = conversations_visit_of(op, e);
	if (!v)
		return;
	v->op.done = conversations_on_got;
	store_get_conversation(v->api->store, &v->op, v->project, v->conversation_id, &v->arena, &v->conversation);
}

void conversation_update(struct request *rq)
{
	struct conversation_visit *v = conversations_visit_new(rq, conversations_on_updated);
	struct err e = {0};
	if (conversations_body_read(v, CONVERSATION_UPDATE, &e))
		store_set_metadata(v->api->store, &v->op, v->project, v->conversation_id, v->body.metadata);
	else
		conversations_visit_fail(v, &e);
}

static void conversations_on_deleted(struct store_op *op, const struct err *e)
{
	struct conversation_visit *v = conversations_visit_of(op, e);
	if (v)
		conversations_visit_answer(v, deleted_json(&v->arena, RESOURCE_CONVERSATION, v->conversation_id));
}

void conversation_delete(struct request *rq)
{
	struct conversation_visit *v = conversations_visit_new(rq, conversations_on_deleted);
	store_delete_conversation(v->api->store, &v->op, v->project, v->conversation_id);
}

/* --- items --- */

static void conversations_on_added(struct store_op *op, const struct err *e)
{
	struct conversation_visit *v = conversations_visit_of(op, e);
	if (v)
		answer_items(v, v->listed, v->body.n_items, false);
}

static void conversations_add_items(struct conversation_visit *v)
{
	v->op.done = conversations_on_added;
	store_add_items(v->api->store, &v->op, &v->hold.lease, v->project, v->conversation_id, v->items, v->body.n_items);
}

static void wait_to_add(struct conversation_visit *v)
{
	hold(v, conversations_add_items);
}

void conversation_items_create(struct request *rq)
{
	static const char *const known[] = {"include", NULL};
	struct attempt *attempt;
	if (sent_again(rq, &attempt))
		return;
	struct conversation_visit *v = conversations_visit_new(rq, NULL);
	struct err e = {0};
	v->attempt = attempt;
	if (query_known(rq, known, &e) && include_read(rq, &v->show, &e) &&
	    conversations_body_read(v, CONVERSATION_ITEMS, &e))
		conversations_resolve(v, wait_to_add);
	else
		conversations_visit_fail(v, &e);
}

static void conversations_on_listed(struct store_op *op, const struct err *e)
{
	struct conversation_visit *v = conversations_visit_of(op, e);
	if (!v)
		return;
	struct str *json = new_array(&v->arena, struct str, v->page.n + 1);
	for (size_t i = 0; i < v->page.n; i++)
		json[i] = v->page.items[i].json;
	answer_items(v, json, v->page.n, v->page.has_more);
}

void conversation_items_list(struct request *rq)
{
	static const char *const known[] = {"after", "include", "limit", "order", NULL};
	struct conversation_visit *v = conversations_visit_new(rq, conversations_on_listed);
	struct page_query q;
	struct err e = {0};
	if (page_read(rq, known, &q, &e) && include_read(rq, &v->show, &e))
		store_list_conversation(v->api->store, &v->op, v->project, v->conversation_id, &q, &v->arena, &v->page);
	else
		conversations_visit_fail(v, &e);
}

static void conversations_on_item(struct store_op *op, const struct err *e)
{
	struct conversation_visit *v = conversations_visit_of(op, e);
	if (v)
		conversations_visit_answer(v, item_shown(&v->arena, v->item.json, v->show));
}

void conversation_item_get(struct request *rq)
{
	static const char *const known[] = {"include", NULL};
	struct conversation_visit *v = conversations_visit_new(rq, conversations_on_item);
	struct err e = {0};
	if (query_known(rq, known, &e) && include_read(rq, &v->show, &e))
		store_get_conversation_item(v->api->store, &v->op, v->project, v->conversation_id, v->item_id, &v->arena, &v->item);
	else
		conversations_visit_fail(v, &e);
}

static void remove_item(struct conversation_visit *v)
{
	v->op.done = conversations_on_got;
	store_remove_item(v->api->store, &v->op, &v->hold.lease, v->project, v->conversation_id, v->item_id, &v->arena,
	                  &v->conversation);
}

void conversation_item_delete(struct request *rq)
{
	hold(conversations_visit_new(rq, NULL), remove_item);
}
