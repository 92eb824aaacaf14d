/* conversation.c - conversations: ordered lists of items that turns and clients add to. */
#include "store/conversation.h"

#include <stdio.h>
#include <string.h>

#include "store/look.h"
#include "store/sweep.h"

#include "base/clock.h"
#include "store/context.h"
#include "store/inlay.h"
#include "store/lease.h"

enum { QUOTED = 200, NOT_FOUND_TEXT = 256 };

static bool conversation_gone(struct err *e, struct str id)
{
	return fail(e, ERR_NOT_FOUND, NULL, "Conversation with id '%.*s' not found.",
		    (int)(id.n < QUOTED ? id.n : QUOTED), id.p);
}

static bool item_gone(struct err *e, struct str id)
{
	return fail(e, ERR_NOT_FOUND, NULL, "Item with id '%.*s' not found.", (int)(id.n < QUOTED ? id.n : QUOTED),
		    id.p);
}

/* --- reading --- */

/* One read on its way through the snapshot. */
struct reading {
	struct look look;
	struct stored_conversation *ret, head; /* head: when nobody wants it */
	bool found;
	/* items */
	struct stored_item *items;
	size_t n, cap, bytes;
	int64_t tip_at;
	size_t n_tip;
	bool lacks; /* the bytes of one of them */
	/* one item */
	struct id want; /* key 0: one with a foreign id, any random part */
	int64_t at;     /* its place; 0: not found */
	/* what is asked */
	struct str item;
	struct page_query page;
	void *out;
	struct stored_item one;
	const struct str *added; /* foreign ids, {0}: none */
	size_t n_added;
	struct err *err;
};

static bool conversation_query(struct reading *v, enum statement stmt, const struct bind *b, unsigned n, row_fn *row,
			       struct err *e)
{
	return look_query(&v->look, stmt, b, n, row, v, e);
}

static bool conversation_on_head(void *ctx, const struct cell *cells)
{
	struct reading *v = ctx;
	v->found = rnd_equal(cells[0].s, &v->look.id);
	if (!v->found)
		return false;
	v->tip_at = cells[4].i;
	*v->ret = (struct stored_conversation){
	    .id = v->look.id,
	    .created_at = cells[1].i,
	    .metadata = str_copy(v->look.arena, cells[2].s),
	    .tip = cells[3].i,
	};
	return false;
}

static bool conversation_read_head(struct look *l, struct err *e)
{
	struct reading *v = OWNER(l, struct reading, look);
	if (!id_parse(l->text, "conv", &l->id))
		return conversation_gone(e, l->text);
	struct bind b[] = {INT(l->id.key), INT(l->project)};
	return conversation_query(v, STMT_CONVERSATION_GET, b, 2, conversation_on_head, e) &&
	       (v->found || conversation_gone(e, v->look.text));
}

static struct stored_item *next_item(struct reading *v)
{
	if (v->n == v->cap) {
		size_t cap = v->cap ? 2 * v->cap : 32;
		struct stored_item *more = new_array(v->look.arena, struct stored_item, cap);
		if (v->n)
			memcpy(more, v->items, v->n * sizeof *more);
		v->items = more;
		v->cap = cap;
	}
	return &v->items[v->n++];
}

static bool conversation_on_item(void *ctx, const struct cell *cells)
{
	struct reading *v = ctx;
	v->bytes += inlay_size(&cells[2]);
	if (v->bytes > (size_t)store_limits.context_bytes || cells[1].s.n != ID_RND)
		return false;
	struct stored_item *it = next_item(v);
	it->id.key = cells[0].i;
	memcpy(it->id.rnd, cells[1].s.p, ID_RND);
	it->json = look_item(&v->look, &cells[2]);
	v->lacks |= !it->json.p;
	v->n_tip += cells[5].i <= v->tip_at;
	return true;
}

static bool conversation_lacks(struct err *e)
{
	return fail(e, ERR_STORE, NULL, "The store lacks the bytes of an item of the conversation.");
}

/* Items between two places (exclusive) into v->items. */
static bool conversation_load(struct reading *v, bool ascending, int64_t low, int64_t high, int64_t limit,
			      struct err *e)
{
	struct bind b[] = {INT(v->look.id.key), INT(low), INT(high), INT(limit)};
	if (!conversation_query(v, ascending ? STMT_CONVERSATION_ASC : STMT_CONVERSATION_DESC, b, 4,
				conversation_on_item, e))
		return false;
	if (v->bytes > (size_t)store_limits.context_bytes)
		return fail(e, ERR_TOO_LARGE, NULL, "The conversation is larger than the %lld bytes that are read at once.",
			    (long long)store_limits.context_bytes);
	return !v->lacks || conversation_lacks(e);
}

static bool conversation_on_found(void *ctx, const struct cell *cells)
{
	struct reading *v = ctx;
	if (v->want.key && !rnd_equal(cells[1].s, &v->want))
		return false;
	v->at = cells[5].i;
	conversation_on_item(v, cells);
	return false;
}

static bool find_key(struct reading *v, int64_t key, struct err *e)
{
	struct bind b[] = {INT(v->look.id.key), INT(key)};
	return conversation_query(v, STMT_CONVERSATION_FIND, b, 2, conversation_on_found, e);
}

static bool conversation_on_candidate(void *ctx, const struct cell *cells)
{
	struct reading *v = ctx;
	return find_key(v, cells[0].i, v->err) && !v->at;
}

/* Where the item `text` (ours or foreign) stands: v->at, and as the newest of v->items. false: a failure. */
static bool conversation_find_item(struct reading *v, struct str text, struct err *e)
{
	struct bind b[] = {INT(v->look.project), TEXT(text)};
	v->at = 0;
	v->err = e;
	if (id_parse_any(text, &v->want) && !find_key(v, v->want.key, e))
		return false;
	v->want = (struct id){0};
	return v->at ||
	       (conversation_query(v, STMT_FOREIGN_FIND, b, 2, conversation_on_candidate, e) && e->code == ERR_NONE);
}

static bool conversation_read_all(struct look *l, struct err *e)
{
	struct reading *v = OWNER(l, struct reading, look);
	struct stored_context *ret = v->out;
	if (!conversation_read_head(l, e) ||
	    !conversation_load(v, true, 0, INT64_MAX, store_limits.context_items + 1, e))
		return false;
	if (v->n > (size_t)store_limits.context_items)
		return fail(e, ERR_TOO_LARGE, NULL, "The conversation has more than %lld items, as many as are read.",
			    (long long)store_limits.context_items);
	v->ret->n_tip = v->n_tip;
	*ret = (struct stored_context){.key = v->ret->tip, .status = S(""), .items = v->items, .n = v->n};
	return true;
}

static bool conversation_read_page(struct look *l, struct err *e)
{
	struct reading *v = OWNER(l, struct reading, look);
	struct stored_page *ret = v->out;
	const struct page_query *q = &v->page;
	int64_t after = 0;
	if (!conversation_read_head(l, e))
		return false;
	if (q->after.p) {
		if (!conversation_find_item(v, q->after, e))
			return false;
		if (!v->at)
			return fail(e, ERR_INVALID_VALUE, "after", "Item with id '%.*s' not found in this conversation.",
				    (int)(q->after.n < QUOTED ? q->after.n : QUOTED), q->after.p);
		after = v->at;
		v->n = 0;
	}
	int64_t low = q->ascending ? after : 0, high = q->ascending || !after ? INT64_MAX : after;
	if (!conversation_load(v, q->ascending, low, high, q->limit + 1, e))
		return false;
	ret->has_more = v->n > (size_t)q->limit;
	ret->n = v->n - ret->has_more;
	ret->items = v->items;
	return true;
}

static bool read_item(struct look *l, struct err *e)
{
	struct reading *v = OWNER(l, struct reading, look);
	if (!conversation_read_head(l, e) || !conversation_find_item(v, v->item, e))
		return false;
	if (!v->at)
		return item_gone(e, v->item);
	*(struct stored_item *)v->out = v->items[v->n - 1];
	return !v->lacks || conversation_lacks(e);
}

static struct reading *conversation_reading_new(struct store_port *p, struct store_op *op, int64_t project,
						struct str id, struct arena *a, struct stored_conversation *ret)
{
	struct reading *v = look_new(p, op, sizeof *v, project, a);
	v->look.text = look_str(&v->look, id);
	v->ret = ret ? look_out(&v->look, ret, sizeof *ret) : &v->head;
	return v;
}

void store_get_conversation(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
			    struct stored_conversation *ret)
{
	look_start(&conversation_reading_new(p, op, project, id, a, ret)->look, conversation_read_head);
}

void store_get_conversation_context(struct store_port *p, struct store_op *op, int64_t project, struct str id,
				    struct arena *a, struct stored_conversation *ret, struct stored_context *items)
{
	struct reading *v = conversation_reading_new(p, op, project, id, a, ret);
	v->out = look_out(&v->look, items, sizeof *items);
	look_start(&v->look, conversation_read_all);
}

void store_list_conversation(struct store_port *p, struct store_op *op, int64_t project, struct str id,
			     const struct page_query *q, struct arena *a, struct stored_page *ret)
{
	struct reading *v = conversation_reading_new(p, op, project, id, a, NULL);
	v->page = look_page(&v->look, q);
	v->out = look_out(&v->look, ret, sizeof *ret);
	look_start(&v->look, conversation_read_page);
}

void store_get_conversation_item(struct store_port *p, struct store_op *op, int64_t project, struct str id,
				 struct str item, struct arena *a, struct stored_item *ret)
{
	struct reading *v = conversation_reading_new(p, op, project, id, a, NULL);
	v->item = look_str(&v->look, item);
	v->out = look_out(&v->look, ret, sizeof *ret);
	look_start(&v->look, read_item);
}

/* --- writing --- */

void conversation_add(struct store_request *r, int64_t project, int64_t conversation, const struct turn_item *it,
		      bool kept)
{
	if (kept || !it->json.p) {
		ADD(r, STMT_CONVERSATION_HOLD, INT(it->id.key), INT(conversation));
	} else {
		struct inlaid in = inlay_cut(r, it->json);
		ADD(r, STMT_CONVERSATION_ITEM, INT(it->id.key), INT(project), BLOB(rnd_str(&it->id)), TEXT(in.text),
		    INT(conversation), INT(in.blob), TEXT(in.places));
		inlay_release(&in);
		if (it->foreign_id.n)
			ADD(r, STMT_FOREIGN_INSERT, INT(project), TEXT(it->foreign_id), INT(it->id.key));
	}
	ADD(r, STMT_CONVERSATION_APPEND, INT(it->id.key), INT(conversation));
}

size_t conversation_bytes(const struct turn_item *items, size_t n)
{
	size_t bytes = 0;
	for (size_t i = 0; i < n; i++)
		bytes += ID_RND + items[i].json.n + items[i].foreign_id.n;
	return bytes;
}

static struct store_request *request_for(struct store_port *p, struct store_op *op, const struct turn_item *items,
					 size_t n, size_t more)
{
	return request_new(p, op, 8 + LEASE_CHANGES + CONVERSATION_CHANGES * n, 24 + LEASE_BINDS + CONVERSATION_BINDS * n,
			   conversation_bytes(items, n) + ID_RND + LEASE_BYTES + more);
}

void store_put_conversation(struct store_port *p, struct store_op *op, const struct conversation_record *c)
{
	struct store_request *r = request_for(p, op, c->items, c->n_items, c->metadata.n);
	ADD(r, STMT_CONVERSATION_INSERT, INT(c->id.key), INT(c->project), BLOB(rnd_str(&c->id)), INT(c->created_at),
	    TEXT(c->metadata));
	for (size_t i = 0; i < c->n_items; i++)
		conversation_add(r, c->project, c->id.key, &c->items[i], false);
	request_send(r);
}

/* A request whose first change finds the conversation by its id, or fails. NULL: the id is none, op will say so. */
static struct store_request *conversation_change(struct store_port *p, struct store_op *op, int64_t project,
						 struct str text, enum statement stmt, struct bind value, struct id *id)
{
	struct err e = {0};
	conversation_gone(&e, text);
	if (!id_parse(text, "conv", id)) {
		request_done(p, op, &e);
		return NULL;
	}
	struct str why = str_of(e.msg);
	struct store_request *r = request_for(p, op, NULL, 0, why.n + 1 + (value.kind == BIND_TEXT ? value.s.n : 0));
	ADD(r, stmt, INT(id->key), INT(project), BLOB(rnd_str(id)), value);
	request_must(r, ERR_NOT_FOUND, why);
	return r;
}

void store_set_metadata(struct store_port *p, struct store_op *op, int64_t project, struct str text,
			struct str metadata)
{
	struct id id;
	struct store_request *r = conversation_change(p, op, project, text, STMT_CONVERSATION_SET, TEXT(metadata), &id);
	if (r)
		request_send(r);
}

static bool conversation_deleted(struct store_request *r)
{
	if (!r->apply.err && !store_limits.linger_seconds)
		sweeper_wake(r->port->store);
	return true;
}

void store_delete_conversation(struct store_port *p, struct store_op *op, int64_t project, struct str text)
{
	struct id id;
	struct store_request *r =
	    conversation_change(p, op, project, text, STMT_CONVERSATION_DELETE, INT(clock_wall_s()), &id);
	if (!r)
		return;
	r->settle = conversation_deleted;
	request_send(r);
}

/* Two items with one id in a list could not be told apart, and no page could begin after the second. */
static bool read_added(struct look *l, struct err *e)
{
	struct reading *v = OWNER(l, struct reading, look);
	if (!conversation_read_head(l, e))
		return false;
	for (size_t i = 0; i < v->n_added; i++) {
		struct str id = v->added[i];
		if (id.n && !conversation_find_item(v, id, e))
			return false;
		if (id.n && v->at)
			return fail(e, ERR_BAD_REQUEST, "items",
				    "Item with id '%.*s' already exists in this conversation.", FMT(id));
	}
	return true;
}

void store_add_items(struct store_port *p, struct store_op *op, struct conversation_lease *lease, int64_t project,
		     struct str id, const struct turn_item *items, size_t n)
{
	struct reading *v = conversation_reading_new(p, op, project, id, NULL, NULL);
	struct id key = {0};
	struct err none = {0};
	conversation_gone(&none, id);
	id_parse(id, "conv", &key); /* what is none is found out by the look */
	struct str why = str_of(none.msg), *added = new_array(&v->look.own, struct str, n + 1);
	struct store_request *r = request_for(p, NULL, items, n, why.n + 1);
	r->claim = lease_give(lease);
	lease_fence(r);
	ADD(r, STMT_CONVERSATION_ALIVE, INT(key.key), INT(project), BLOB(rnd_str(&key)));
	request_must(r, ERR_NOT_FOUND, why);
	for (size_t i = 0; i < n; i++) {
		conversation_add(r, project, key.key, &items[i], false);
		added[i] = look_str(&v->look, items[i].foreign_id);
	}
	v->added = added;
	v->n_added = n;
	look_before(&v->look, r, read_added, NULL);
	request_send(r);
}

/* Where the item stood, which says whether the tip has it. */
static bool remove_it(struct look *l, struct err *e)
{
	struct reading *v = OWNER(l, struct reading, look);
	struct store_request *r = l->write;
	struct err none = {0};
	int64_t item = v->items[v->n - 1].id.key;
	item_gone(&none, v->item);
	ADD(r, STMT_CONVERSATION_REMOVE, INT(l->id.key), INT(item));
	request_must(r, ERR_NOT_FOUND, str_of(none.msg));
	ADD(r, STMT_TIP_FREE, INT(l->id.key), INT(v->at), INT(l->now));
	ADD(r, STMT_TIP_NONE, INT(l->id.key), INT(v->at));
	ADD(r, STMT_ITEM_INLAY_DEAD, INT(item));
	ADD(r, STMT_ITEM_FREE, INT(item));
	ADD(r, STMT_ITEM_RELEASE, INT(item), INT(l->id.key));
	ADD(r, STMT_FOREIGN_FREE, INT(item));
	return true;
}

void store_remove_item(struct store_port *p, struct store_op *op, struct conversation_lease *lease, int64_t project,
		       struct str id, struct str item, struct arena *a, struct stored_conversation *ret)
{
	struct reading *v = conversation_reading_new(p, op, project, id, a, ret);
	struct err none = {0};
	item_gone(&none, item);
	struct store_request *r = request_for(p, NULL, NULL, 0, strlen(none.msg) + 1);
	r->claim = lease_give(lease);
	lease_fence(r);
	v->item = look_str(&v->look, item);
	v->out = &v->one;
	look_before(&v->look, r, read_item, remove_it);
	request_send(r);
}
