/* conversation.c - conversations: ordered lists of items that turns and clients add to. */
#include "store/conversation.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/context.h"
#include "store/lease.h"
#include "store/request.h"

enum { QUOTED = 200, NOT_FOUND_TEXT = 256 };

static bool gone(struct err *e, struct str id)
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
struct look {
	struct store_port *port;
	int64_t project;
	struct str text; /* of the conversation's id */
	struct id id;
	struct arena *arena;
	struct stored_conversation *ret;
	bool found;
	/* items */
	struct stored_item *items;
	size_t n, cap, bytes;
	int64_t tip_at;
	size_t n_tip;
	/* one item */
	struct id want; /* key 0: one with a foreign id, any random part */
	int64_t at;     /* its place; 0: not found */
	/* what is asked */
	struct str item;
	const struct page_query *page;
	void *out;
	const struct turn_item *added;
	size_t n_added;
	struct err *err;
};

static bool query(struct look *l, enum statement stmt, const struct bind *b, unsigned n, row_fn *row, struct err *e)
{
	return l->port->store->driver->query(l->port->reader, stmt, b, n, row, l, e);
}

static bool on_head(void *ctx, const struct cell *cells)
{
	struct look *l = ctx;
	l->found = rnd_equal(cells[0].s, &l->id);
	if (!l->found)
		return false;
	l->tip_at = cells[4].i;
	*l->ret = (struct stored_conversation){
	    .id = l->id,
	    .created_at = cells[1].i,
	    .metadata = str_copy(l->arena, cells[2].s),
	    .tip = cells[3].i,
	};
	return false;
}

static bool read_head(struct db_reader *reader, void *ctx, struct err *e)
{
	struct look *l = ctx;
	struct bind b[] = {INT(l->id.key), INT(l->project)};
	return query(l, STMT_CONVERSATION_GET, b, 2, on_head, e) && (l->found || gone(e, l->text));
}

static struct stored_item *next_item(struct look *l)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 32;
		struct stored_item *more = new_array(l->arena, struct stored_item, cap);
		if (l->n)
			memcpy(more, l->items, l->n * sizeof *more);
		l->items = more;
		l->cap = cap;
	}
	return &l->items[l->n++];
}

static bool on_item(void *ctx, const struct cell *cells)
{
	struct look *l = ctx;
	l->bytes += cells[2].s.n;
	if (l->bytes > (size_t)store_limits.context_bytes || cells[1].s.n != ID_RND)
		return false;
	struct stored_item *it = next_item(l);
	it->id.key = cells[0].i;
	memcpy(it->id.rnd, cells[1].s.p, ID_RND);
	it->json = str_copy(l->arena, cells[2].s);
	l->n_tip += cells[3].i <= l->tip_at;
	return true;
}

/* Items between two places (exclusive) into l->items. */
static bool load(struct look *l, bool ascending, int64_t low, int64_t high, int64_t limit, struct err *e)
{
	struct bind b[] = {INT(l->id.key), INT(low), INT(high), INT(limit)};
	if (!query(l, ascending ? STMT_CONVERSATION_ASC : STMT_CONVERSATION_DESC, b, 4, on_item, e))
		return false;
	if (l->bytes > (size_t)store_limits.context_bytes)
		return fail(e, ERR_TOO_LARGE, NULL, "The conversation is larger than the %lld bytes that are read at once.",
			    (long long)store_limits.context_bytes);
	return true;
}

static bool on_found(void *ctx, const struct cell *cells)
{
	struct look *l = ctx;
	if (l->want.key && !rnd_equal(cells[1].s, &l->want))
		return false;
	l->at = cells[3].i;
	on_item(l, cells);
	return false;
}

static bool find_key(struct look *l, int64_t key, struct err *e)
{
	struct bind b[] = {INT(l->id.key), INT(key)};
	return query(l, STMT_CONVERSATION_FIND, b, 2, on_found, e);
}

static bool on_candidate(void *ctx, const struct cell *cells)
{
	struct look *l = ctx;
	return find_key(l, cells[0].i, l->err) && !l->at;
}

/* Where the item `text` (ours or foreign) stands: l->at, and as the newest of l->items. false: a failure. */
static bool find_item(struct look *l, struct str text, struct err *e)
{
	struct bind b[] = {INT(l->project), TEXT(text)};
	l->at = 0;
	l->err = e;
	if (id_parse_any(text, &l->want) && !find_key(l, l->want.key, e))
		return false;
	l->want = (struct id){0};
	return l->at || (query(l, STMT_FOREIGN_FIND, b, 2, on_candidate, e) && e->code == ERR_NONE);
}

static bool read_all(struct db_reader *reader, void *ctx, struct err *e)
{
	struct look *l = ctx;
	struct stored_context *ret = l->out;
	if (!read_head(reader, ctx, e) || !load(l, true, 0, INT64_MAX, store_limits.context_items + 1, e))
		return false;
	if (l->n > (size_t)store_limits.context_items)
		return fail(e, ERR_TOO_LARGE, NULL, "The conversation has more than %lld items, as many as are read.",
			    (long long)store_limits.context_items);
	l->ret->n_tip = l->n_tip;
	*ret = (struct stored_context){.key = l->ret->tip, .status = S(""), .items = l->items, .n = l->n};
	return true;
}

static bool read_page(struct db_reader *reader, void *ctx, struct err *e)
{
	struct look *l = ctx;
	struct stored_page *ret = l->out;
	const struct page_query *q = l->page;
	int64_t after = 0;
	if (!read_head(reader, ctx, e))
		return false;
	if (q->after.p) {
		if (!find_item(l, q->after, e))
			return false;
		if (!l->at)
			return fail(e, ERR_INVALID_VALUE, "after", "Item with id '%.*s' not found in this conversation.",
				    (int)(q->after.n < QUOTED ? q->after.n : QUOTED), q->after.p);
		after = l->at;
		l->n = 0;
	}
	int64_t low = q->ascending ? after : 0, high = q->ascending || !after ? INT64_MAX : after;
	if (!load(l, q->ascending, low, high, q->limit + 1, e))
		return false;
	ret->has_more = l->n > (size_t)q->limit;
	ret->n = l->n - ret->has_more;
	ret->items = l->items;
	return true;
}

static bool read_item(struct db_reader *reader, void *ctx, struct err *e)
{
	struct look *l = ctx;
	if (!read_head(reader, ctx, e) || !find_item(l, l->item, e))
		return false;
	if (!l->at)
		return item_gone(e, l->item);
	*(struct stored_item *)l->out = l->items[l->n - 1];
	return true;
}

/* Reads now. */
static bool look_now(struct look *l, bool (*work)(struct db_reader *, void *, struct err *), struct err *e)
{
	if (!id_parse(l->text, "conv", &l->id))
		return gone(e, l->text);
	return l->port->store->driver->read(l->port->reader, work, l, e);
}

static void look(struct look *l, struct store_op *op, bool (*work)(struct db_reader *, void *, struct err *))
{
	struct err e = {0};
	request_later(l->port, op, look_now(l, work, &e) ? NULL : &e);
}

void store_get_conversation(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
			    struct stored_conversation *ret)
{
	struct look l = {.port = p, .project = project, .text = id, .arena = a, .ret = ret};
	look(&l, op, read_head);
}

void store_get_conversation_context(struct store_port *p, struct store_op *op, int64_t project, struct str id,
				    struct arena *a, struct stored_conversation *ret, struct stored_context *items)
{
	struct look l = {.port = p, .project = project, .text = id, .arena = a, .ret = ret, .out = items};
	look(&l, op, read_all);
}

void store_list_conversation(struct store_port *p, struct store_op *op, int64_t project, struct str id,
			     const struct page_query *q, struct arena *a, struct stored_page *ret)
{
	struct stored_conversation head;
	struct look l = {.port = p, .project = project, .text = id, .arena = a, .ret = &head, .page = q, .out = ret};
	look(&l, op, read_page);
}

void store_get_conversation_item(struct store_port *p, struct store_op *op, int64_t project, struct str id,
				 struct str item, struct arena *a, struct stored_item *ret)
{
	struct stored_conversation head;
	struct look l = {.port = p, .project = project, .text = id, .arena = a, .ret = &head, .item = item, .out = ret};
	look(&l, op, read_item);
}

/* --- writing --- */

void conversation_add(struct store_request *r, int64_t project, int64_t conversation, const struct turn_item *it,
		      bool kept)
{
	if (kept || !it->json.p) {
		ADD(r, STMT_CONVERSATION_HOLD, INT(it->id.key), INT(conversation));
	} else {
		ADD(r, STMT_CONVERSATION_ITEM, INT(it->id.key), INT(project), BLOB(rnd_str(&it->id)), TEXT(it->json),
		    INT(conversation));
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
	return request_new(p, op, 8 + CONVERSATION_CHANGES * n, 24 + CONVERSATION_BINDS * n,
			   conversation_bytes(items, n) + ID_RND + more);
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
static struct store_request *change(struct store_port *p, struct store_op *op, int64_t project, struct str text,
				    enum statement stmt, struct bind value, struct id *id)
{
	struct err e = {0};
	gone(&e, text);
	if (!id_parse(text, "conv", id)) {
		request_later(p, op, &e);
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
	struct store_request *r = change(p, op, project, text, STMT_CONVERSATION_SET, TEXT(metadata), &id);
	if (r)
		request_send(r);
}

static bool deleted(struct store_request *r)
{
	if (!r->apply.err && !store_limits.linger_seconds)
		sweeper_wake(r->port->store);
	return true;
}

void store_delete_conversation(struct store_port *p, struct store_op *op, int64_t project, struct str text)
{
	struct id id;
	struct store_request *r = change(p, op, project, text, STMT_CONVERSATION_DELETE, INT(clock_wall_s()), &id);
	if (!r)
		return;
	r->settle = deleted;
	request_send(r);
}

/* Two items with one id in a list could not be told apart, and no page could begin after the second. */
static bool read_added(struct db_reader *reader, void *ctx, struct err *e)
{
	struct look *l = ctx;
	if (!read_head(reader, ctx, e))
		return false;
	for (size_t i = 0; i < l->n_added; i++) {
		struct str id = l->added[i].foreign_id;
		if (id.n && !find_item(l, id, e))
			return false;
		if (id.n && l->at)
			return fail(e, ERR_BAD_REQUEST, "items",
				    "Item with id '%.*s' already exists in this conversation.", FMT(id));
	}
	return true;
}

void store_add_items(struct store_port *p, struct store_op *op, struct conversation_lease *lease, int64_t project,
		     struct str id, const struct turn_item *items, size_t n)
{
	struct arena a = {0};
	struct stored_conversation head;
	struct look l = {.port = p, .project = project, .text = id, .arena = &a, .ret = &head, .added = items,
			 .n_added = n};
	struct err e = {0};
	bool ok = look_now(&l, read_added, &e);
	arena_free(&a);
	if (!ok) {
		lease_drop(lease);
		request_later(p, op, &e);
		return;
	}
	char text[NOT_FOUND_TEXT];
	int wrote = snprintf(text, sizeof text, "Conversation with id '%.*s' not found.", FMT(id));
	struct str why = {text, (size_t)wrote};
	struct store_request *r = request_for(p, op, items, n, why.n + 1);
	r->claim = lease_give(lease);
	ADD(r, STMT_CONVERSATION_ALIVE, INT(l.id.key), INT(project), BLOB(rnd_str(&l.id)));
	request_must(r, ERR_NOT_FOUND, why);
	for (size_t i = 0; i < n; i++)
		conversation_add(r, project, l.id.key, &items[i], false);
	request_send(r);
}

void store_remove_item(struct store_port *p, struct store_op *op, struct conversation_lease *lease, int64_t project,
		       struct str id, struct str item, struct arena *a, struct stored_conversation *ret)
{
	struct stored_item it;
	struct look l = {.port = p, .project = project, .text = id, .arena = a, .ret = ret, .item = item, .out = &it};
	struct err e = {0};
	if (!look_now(&l, read_item, &e)) {
		lease_drop(lease);
		request_later(p, op, &e);
		return;
	}
	struct err none = {0};
	item_gone(&none, item);
	struct str why = str_of(none.msg);
	struct store_request *r = request_for(p, op, NULL, 0, why.n + 1);
	r->claim = lease_give(lease);
	ADD(r, STMT_CONVERSATION_REMOVE, INT(l.id.key), INT(it.id.key));
	request_must(r, ERR_NOT_FOUND, why);
	ADD(r, STMT_TIP_FREE, INT(l.id.key), INT(l.at), INT(clock_wall_s()));
	ADD(r, STMT_TIP_NONE, INT(l.id.key), INT(l.at));
	ADD(r, STMT_ITEM_FREE, INT(it.id.key));
	ADD(r, STMT_ITEM_RELEASE, INT(it.id.key), INT(l.id.key));
	ADD(r, STMT_FOREIGN_FREE, INT(it.id.key));
	request_send(r);
}
