/* read.c - responses, contexts and items out of the store.
 *
 * Reads run at once, on the loop, in one short snapshot of the loop's own connection: measured, that is
 * cheaper than a hop to a thread and back. What they may read is bounded (limits.def); done() still comes
 * later, as the loop contract says. */
#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "model/item_show.h"
#include "store/context.h"
#include "store/request.h"

bool rnd_equal(struct str stored, const struct id *id)
{
	return stored.n == ID_RND && sodium_memcmp(stored.p, id->rnd, ID_RND) == 0;
}

bool not_found(struct err *e, struct str id)
{
	return fail(e, ERR_NOT_FOUND, NULL, "Response with id '%.*s' not found.", (int)(id.n < 200 ? id.n : 200), id.p);
}

static bool too_big(struct err *e)
{
	return fail(e, ERR_TOO_LARGE, NULL, "What is stored is larger than the %lld bytes that are read at once.",
		    (long long)store_limits.context_bytes);
}

/* One read on its way through the snapshot. */
struct reading {
	struct store_port *port;
	int64_t project, now;
	struct id id; /* of the response */
	bool found;
	struct str status;
	struct arena *arena;
	struct context context;
	unsigned show;            /* of hidden members (item_show.h) */
	size_t bytes;             /* copied so far */
	struct stored_item *item; /* being read */
	struct err *err;
	void *ret;
	const struct page_query *page;
	const struct str *ids;
	size_t n;
};

static bool query(struct reading *r, enum statement stmt, const struct bind *b, unsigned n, row_fn *row, struct err *e)
{
	return r->port->store->driver->query(r->port->reader, stmt, b, n, row, r, e);
}

static void run(struct reading *r, struct store_op *op, bool (*work)(struct db_reader *, void *, struct err *))
{
	struct err e = {0};
	r->now = clock_wall_s();
	bool ok = r->port->store->driver->read(r->port->reader, work, r, &e);
	buf_clear(&r->port->scratch);
	request_later(r->port, op, ok ? NULL : &e);
}

/* --- a response --- */

static bool on_output_item(void *ctx, const struct cell *cells)
{
	struct reading *r = ctx;
	item_show(&r->port->scratch, cells[1].s, r->show);
	r->found = true;
	return false;
}

/* The last n_output keys of the row: they are always in its own list. */
static bool on_output_keys(void *ctx, const struct cell *cells)
{
	struct reading *r = ctx;
	struct key_walk w = {cells[5].s, 0};
	size_t n = keys_count(cells[5].s), n_output = (size_t)cells[3].i;
	int64_t key = 0;
	bool first = true;
	for (size_t i = 0; i < n; i++) {
		if (!keys_next(&w, &key))
			return false;
		if (i + n_output < n)
			continue;
		struct bind b[] = {INT(key), INT(r->project)};
		if (!first)
			buf_byte(&r->port->scratch, ',');
		first = r->found = false;
		if (!query(r, STMT_ITEM_GET, b, 2, on_output_item, r->err))
			return false;
		if (!r->found)
			return fail(r->err, ERR_STORE, NULL, "The store lacks an item of the response.");
	}
	r->found = true;
	return false;
}

static bool on_response(void *ctx, const struct cell *cells)
{
	struct reading *r = ctx;
	struct stored_response *ret = r->ret;
	struct buf *b = &r->port->scratch;
	struct str body = cells[5].s;
	size_t at = (size_t)cells[4].i;
	if (!rnd_equal(cells[0].s, &r->id) || (cells[3].i && cells[3].i <= r->now))
		return false;
	if (at > body.n)
		return fail(r->err, ERR_STORE, NULL, "The store holds a response that cannot be read.");
	buf_clear(b);
	buf_add(b, (struct str){body.p, at});
	struct bind own[] = {INT(r->id.key), INT(r->project)};
	if (!query(r, STMT_CONTEXT_GET, own, 2, on_output_keys, r->err) || r->err->code != ERR_NONE)
		return false;
	buf_add(b, (struct str){body.p + at, body.n - at});
	if (b->over)
		return too_big(r->err);
	ret->id = r->id;
	ret->status = str_copy(r->arena, cells[1].s);
	ret->created_at = cells[2].i;
	ret->json = str_copy(r->arena, buf_str(b));
	return false;
}

static bool on_run_text(void *ctx, const struct cell *cells)
{
	struct reading *r = ctx;
	((struct stored_response *)r->ret)->json = str_copy(r->arena, cells[1].s);
	return false;
}

static bool read_response(struct db_reader *reader, void *ctx, struct err *e)
{
	struct reading *r = ctx;
	struct bind b[] = {INT(r->id.key), INT(r->project)};
	struct stored_response *ret = r->ret;
	struct run_now run;
	r->err = e;
	if (!run_look(r->port, r->project, &r->id, &run, e))
		return false;
	ret->run = run.found;
	ret->ended = run.ended;
	ret->obfuscated = run.obfuscated;
	if (run.found && !(run.ended && run.kept)) { /* it has no row among the responses (yet) */
		ret->id = r->id;
		ret->created_at = run.created_at;
		ret->status = str_copy(r->arena, str_of(run.status));
		return query(r, STMT_RUN_TEXT_GET, b, 1, on_run_text, e) && ret->json.p;
	}
	return query(r, STMT_RESPONSE_GET, b, 2, on_response, e) && (e->code == ERR_NONE) && ret->json.p;
}

void store_get_response(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
			struct stored_response *ret)
{
	struct reading r = {.port = p, .project = project, .arena = a, .ret = ret, .show = ret->show};
	struct err e = {0};
	*ret = (struct stored_response){.show = ret->show};
	if (id_parse(id, "resp", &r.id)) {
		r.now = clock_wall_s();
		bool ok = p->store->driver->read(p->reader, read_response, &r, &e);
		buf_clear(&p->scratch);
		if (ok) {
			request_later(p, op, NULL);
			return;
		}
	}
	not_found(&e, id); /* unless there is a worse failure */
	request_later(p, op, &e);
}

/* --- contexts --- */

static bool on_head(void *ctx, const struct cell *cells)
{
	struct reading *r = ctx;
	r->found = rnd_equal(cells[0].s, &r->id) && (!cells[2].i || cells[2].i > r->now);
	if (r->found)
		r->status = str_copy(r->arena, cells[1].s);
	return false;
}

/* Is the response there? Then its whole list; r->found tells. */
static bool load_list(struct reading *r, struct err *e)
{
	struct bind b[] = {INT(r->id.key), INT(r->project)};
	r->found = false;
	if (!query(r, STMT_RESPONSE_HEAD, b, 2, on_head, e) || !r->found)
		return e->code == ERR_NONE;
	return context_load(r->port, r->project, r->id.key, r->arena, &r->context, &r->found, e);
}

static bool on_item(void *ctx, const struct cell *cells)
{
	struct reading *r = ctx;
	if (cells[0].s.n != ID_RND)
		return false;
	memcpy(r->item->id.rnd, cells[0].s.p, ID_RND);
	r->bytes += cells[1].s.n;
	if (r->bytes <= (size_t)store_limits.context_bytes)
		r->item->json = str_copy(r->arena, cells[1].s);
	return false;
}

static bool load_items(struct reading *r, const int64_t *keys, size_t n, bool backward, struct stored_item *ret,
		       struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		r->item = &ret[i];
		r->item->id.key = keys[backward ? n - 1 - i : i];
		struct bind b[] = {INT(r->item->id.key), INT(r->project)};
		if (!query(r, STMT_ITEM_GET, b, 2, on_item, e))
			return false;
		if (r->bytes > (size_t)store_limits.context_bytes)
			return too_big(e);
		if (!r->item->json.p)
			return fail(e, ERR_STORE, NULL, "The store lacks an item of the response.");
	}
	return true;
}

static bool previous_not_found(struct err *e, struct str id)
{
	return fail(e, ERR_PREVIOUS_NOT_FOUND, "previous_response_id", "Previous response with id '%.*s' not found.",
		    (int)(id.n < 200 ? id.n : 200), id.p);
}

static bool read_context(struct db_reader *reader, void *ctx, struct err *e)
{
	struct reading *r = ctx;
	struct stored_context *ret = r->ret;
	struct run_now run = {0};
	if (!load_list(r, e) || (!r->found && !run_look(r->port, r->project, &r->id, &run, e)))
		return false;
	if (run.found && run.kept && !run.ended)
		return fail(e, ERR_BAD_REQUEST, "previous_response_id",
			    "Previous response with id '%.*s' has not ended yet. Wait until its status is no longer 'queued' or "
			    "'in_progress'.", FMT(r->ids[0]));
	if (!r->found)
		return previous_not_found(e, r->ids[0]);
	size_t n = (size_t)r->context.n_total;
	ret->key = r->id.key;
	ret->status = r->status;
	ret->n_output = (size_t)r->context.n_output;
	ret->items = new_array(r->arena, struct stored_item, n + 1);
	ret->n = n;
	return load_items(r, r->context.keys, n, false, ret->items, e);
}

void store_get_context(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
		       struct stored_context *ret)
{
	struct reading r = {.port = p, .project = project, .arena = a, .ret = ret, .ids = &id};
	struct err e = {0};
	*ret = (struct stored_context){0};
	if (id_parse(id, "resp", &r.id)) {
		run(&r, op, read_context);
		return;
	}
	previous_not_found(&e, id);
	request_later(p, op, &e);
}

/* --- pages --- */

struct cursor {
	const int64_t *keys;
	size_t n, at; /* at == n: not there */
};

static bool on_foreign_cursor(void *ctx, const struct cell *cells)
{
	struct cursor *c = ctx;
	for (c->at = 0; c->at < c->n && c->keys[c->at] != cells[0].i;)
		c->at++;
	return c->at == c->n;
}

/* Where an item stands in the list, by our id or the client's own. */
static bool find_cursor(struct reading *r, struct str text, const char *param, size_t n, size_t *ret, struct err *e)
{
	struct cursor c = {r->context.keys, n, n};
	struct id id;
	struct cell cell = {0};
	if (id_parse_any(text, &id)) {
		cell.i = id.key;
		on_foreign_cursor(&c, &cell);
	}
	struct bind b[] = {INT(r->project), TEXT(text)};
	if (c.at == n &&
	    !r->port->store->driver->query(r->port->reader, STMT_FOREIGN_FIND, b, 2, on_foreign_cursor, &c, e))
		return false;
	if (c.at == n)
		return fail(e, ERR_INVALID_VALUE, param, "Item with id '%.*s' not found in this response.",
			    (int)(text.n < 200 ? text.n : 200), text.p);
	*ret = c.at;
	return true;
}

static bool read_page(struct db_reader *reader, void *ctx, struct err *e)
{
	struct reading *r = ctx;
	struct stored_page *ret = r->ret;
	const struct page_query *q = r->page;
	if (!load_list(r, e))
		return false;
	if (!r->found)
		return not_found(e, r->ids[0]);
	/* [from, to) in list order is what may be shown; descending walks it from its end. */
	size_t from = 0, to = (size_t)(r->context.n_total - r->context.n_output), at, all = to;
	struct str low = q->ascending ? q->after : q->before, high = q->ascending ? q->before : q->after;
	if (low.p) {
		if (!find_cursor(r, low, q->ascending ? "after" : "before", all, &at, e))
			return false;
		from = at + 1;
	}
	if (high.p) {
		if (!find_cursor(r, high, q->ascending ? "before" : "after", all, &at, e))
			return false;
		to = at;
	}
	size_t n = to > from ? to - from : 0, limit = q->limit > 0 ? (size_t)q->limit : 0;
	ret->has_more = n > limit;
	/* With `before` alone, the page is what stands nearest to it. */
	bool keep_high = q->before.p && !q->after.p ? q->ascending : !q->ascending;
	if (n > limit) {
		if (keep_high)
			from = to - limit;
		n = limit;
	}
	ret->n = n;
	ret->items = new_array(r->arena, struct stored_item, n + 1);
	return load_items(r, r->context.keys + from, n, !q->ascending, ret->items, e);
}

void store_list_input(struct store_port *p, struct store_op *op, int64_t project, struct str id,
		      const struct page_query *q, struct arena *a, struct stored_page *ret)
{
	struct reading r = {.port = p, .project = project, .arena = a, .ret = ret, .ids = &id, .page = q};
	struct err e = {0};
	*ret = (struct stored_page){0};
	if (id_parse(id, "resp", &r.id)) {
		run(&r, op, read_page);
		return;
	}
	not_found(&e, id);
	request_later(p, op, &e);
}

/* --- items by id --- */

struct candidates {
	struct reading *r;
	struct err *err;
};

static bool on_found(void *ctx, const struct cell *cells)
{
	struct reading *r = ctx;
	/* Ours are asked for with their random part; those of a foreign id are found through it. */
	if (r->id.key && !rnd_equal(cells[0].s, &r->id))
		return false;
	return on_item(r, cells);
}

static bool find_item(struct reading *r, int64_t key, struct err *e)
{
	struct bind b[] = {INT(key), INT(r->project), INT(r->now)};
	r->item->id.key = key;
	return query(r, STMT_ITEM_FIND, b, 3, on_found, e);
}

static bool on_candidate(void *ctx, const struct cell *cells)
{
	struct candidates *c = ctx;
	return find_item(c->r, cells[0].i, c->err) && !c->r->item->json.p;
}

static bool read_items(struct db_reader *reader, void *ctx, struct err *e)
{
	struct reading *r = ctx;
	for (size_t i = 0; i < r->n; i++) {
		struct candidates c = {r, e};
		struct bind b[] = {INT(r->project), TEXT(r->ids[i])};
		r->item = (struct stored_item *)r->ret + i;
		if (id_parse_any(r->ids[i], &r->id) && !find_item(r, r->id.key, e))
			return false;
		r->id = (struct id){0};
		if (!r->item->json.p &&
		    (!r->port->store->driver->query(reader, STMT_FOREIGN_FIND, b, 2, on_candidate, &c, e) ||
		     e->code != ERR_NONE))
			return false;
		if (r->bytes > (size_t)store_limits.context_bytes)
			return too_big(e);
		if (!r->item->json.p)
			*r->item = (struct stored_item){0};
	}
	return true;
}

void store_get_items(struct store_port *p, struct store_op *op, int64_t project, const struct str *ids, size_t n,
		     struct arena *a, struct stored_item *ret)
{
	struct reading r = {.port = p, .project = project, .arena = a, .ret = ret, .ids = ids, .n = n};
	memset(ret, 0, n * sizeof *ret);
	run(&r, op, read_items);
}
