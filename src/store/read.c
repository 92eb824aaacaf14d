/* read.c - responses, contexts and items out of the store.
 *
 * Each is a look (look.h), in one short snapshot. What they may read is bounded (limits.def). */
#include <assert.h>
#include <string.h>

#include "model/item_show.h"
#include "store/context.h"
#include "store/inlay.h"
#include "store/look.h"
#include "store/run_now.h"

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
	struct look look;
	bool found;
	struct str status;
	struct context context;
	unsigned show;            /* of hidden members (item_show.h) */
	size_t bytes;             /* copied so far */
	struct stored_item *item, *items; /* being read; the first */
	struct err *err;
	void *ret;
	struct page_query page;
	const int64_t *keys; /* of several items; backward: from their end */
	bool backward;
	const struct str *ids;
	size_t n;
};

static struct reading *reading_of(struct look *l)
{
	return OWNER(l, struct reading, look);
}

static bool read_query(struct reading *r, enum statement stmt, const struct bind *b, unsigned n, row_fn *row,
		       struct err *e)
{
	return look_query(&r->look, stmt, b, n, row, r, e);
}

/* `id` is text[] of the look; `ret` of `size` bytes is what it fills in. */
static struct reading *read_reading_new(struct store_port *p, struct store_op *op, int64_t project, struct str id,
					struct arena *a, void *ret, size_t size)
{
	struct reading *r = look_new(p, op, sizeof *r, project, a);
	r->look.text = look_str(&r->look, id);
	r->ret = look_out(&r->look, ret, size);
	return r;
}

/* The key of the item that is `which` in the order that is wanted. */
static void bind_item(void *ctx, size_t which, struct bind *b)
{
	const struct reading *r = ctx;
	b[0] = INT(r->keys[r->backward ? r->n - 1 - which : which]);
	b[1] = INT(r->look.project);
}

/* --- a response --- */

static bool on_output_item(void *ctx, size_t which, const struct cell *cells)
{
	struct reading *r = ctx;
	struct str text = inlay_text(r->look.request.port->store, &r->look.own, &cells[1]);
	if (!text.p)
		return false;
	if (which)
		buf_byte(r->look.scratch, ',');
	item_show(r->look.scratch, text, r->show);
	r->bytes++;
	return false;
}

/* The last n_output keys of the row: they are always in its own list. */
static bool on_output_keys(void *ctx, const struct cell *cells)
{
	struct reading *r = ctx;
	struct key_walk w = {cells[5].s, 0};
	size_t n = keys_count(cells[5].s), n_output = (size_t)cells[3].i;
	int64_t key = 0, *keys = new_array(r->look.arena, int64_t, n_output + 1);
	for (size_t i = 0; i < n; i++) {
		if (!keys_next(&w, &key))
			return false;
		if (i + n_output >= n)
			keys[i + n_output - n] = key;
	}
	r->keys = keys;
	r->n = n < n_output ? n : n_output;
	struct each each = {STMT_ITEM_GET, 2, r->n, bind_item, on_output_item, r};
	if (!look_each(&r->look, &each, r->err))
		return false;
	if (r->bytes != r->n)
		return fail(r->err, ERR_STORE, NULL, "The store lacks an item of the response.");
	r->found = true;
	return false;
}

static bool on_response(void *ctx, const struct cell *cells)
{
	struct reading *r = ctx;
	struct stored_response *ret = r->ret;
	struct buf *b = r->look.scratch;
	struct str body = cells[5].s;
	size_t at = (size_t)cells[4].i;
	if (!rnd_equal(cells[0].s, &r->look.id) || (cells[3].i && cells[3].i <= r->look.now))
		return false;
	if (at > body.n)
		return fail(r->err, ERR_STORE, NULL, "The store holds a response that cannot be read.");
	buf_clear(b);
	buf_add(b, (struct str){body.p, at});
	struct bind own[] = {INT(r->look.id.key), INT(r->look.project)};
	if (!read_query(r, STMT_CONTEXT_GET, own, 2, on_output_keys, r->err) || r->err->code != ERR_NONE)
		return false;
	buf_add(b, (struct str){body.p + at, body.n - at});
	if (b->over)
		return too_big(r->err);
	ret->id = r->look.id;
	ret->status = str_copy(r->look.arena, cells[1].s);
	ret->created_at = cells[2].i;
	ret->json = str_copy(r->look.arena, buf_str(b));
	return false;
}

static bool on_run_text(void *ctx, const struct cell *cells)
{
	struct reading *r = ctx;
	((struct stored_response *)r->ret)->json = str_copy(r->look.arena, cells[1].s);
	return false;
}

static bool look_at_response(struct look *l, struct err *e)
{
	struct reading *r = reading_of(l);
	struct bind b[] = {INT(r->look.id.key), INT(r->look.project)};
	struct stored_response *ret = r->ret;
	struct run_now run;
	r->err = e;
	if (!run_look(l, &l->id, &run, e))
		return false;
	ret->run = run.found;
	ret->ended = run.ended;
	ret->obfuscated = run.obfuscated;
	if (run.found && !(run.ended && run.kept)) { /* it has no row among the responses (yet) */
		ret->id = r->look.id;
		ret->created_at = run.created_at;
		ret->status = str_copy(r->look.arena, str_of(run.status));
		return read_query(r, STMT_RUN_TEXT_GET, b, 1, on_run_text, e) && ret->json.p;
	}
	return read_query(r, STMT_RESPONSE_GET, b, 2, on_response, e) && (e->code == ERR_NONE) && ret->json.p;
}

static bool read_response(struct look *l, struct err *e)
{
	/* not found, unless there is a worse failure */
	return (id_parse(l->text, "resp", &l->id) && look_at_response(l, e)) || not_found(e, l->text);
}

void store_get_response(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
			struct stored_response *ret)
{
	*ret = (struct stored_response){.show = ret->show};
	struct reading *r = read_reading_new(p, op, project, id, a, ret, sizeof *ret);
	r->show = ret->show;
	look_start(&r->look, read_response);
}

/* --- where its time went --- */

static bool on_phases(void *ctx, const struct cell *cells)
{
	struct reading *r = ctx;
	struct stored_phases *ret = r->ret;
	if (!rnd_equal(cells[0].s, &r->look.id) || (cells[2].i && cells[2].i <= r->look.now))
		return false;
	*ret = (struct stored_phases){r->look.id, str_copy(r->look.arena, cells[1].s), str_copy(r->look.arena, cells[3].s),
				      str_copy(r->look.arena, cells[4].s)};
	r->found = true;
	return false;
}

static bool read_phases(struct look *l, struct err *e)
{
	struct reading *r = reading_of(l);
	if (id_parse(l->text, "resp", &l->id)) {
		struct bind b[] = {INT(l->id.key), INT(l->project)};
		if (!read_query(r, STMT_RESPONSE_PHASES, b, 2, on_phases, e))
			return false;
	}
	return r->found || not_found(e, l->text);
}

void store_get_phases(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
		      struct stored_phases *ret)
{
	struct reading *r = read_reading_new(p, op, project, id, a, ret, sizeof *ret);
	look_start(&r->look, read_phases);
}

/* --- contexts --- */

static bool read_on_head(void *ctx, const struct cell *cells)
{
	struct reading *r = ctx;
	r->found = rnd_equal(cells[0].s, &r->look.id) && (!cells[2].i || cells[2].i > r->look.now);
	if (r->found)
		r->status = str_copy(r->look.arena, cells[1].s);
	return false;
}

/* Is the response there? Then its whole list; r->found tells. */
static bool load_list(struct reading *r, struct err *e)
{
	struct bind b[] = {INT(r->look.id.key), INT(r->look.project)};
	r->found = false;
	if (!read_query(r, STMT_RESPONSE_HEAD, b, 2, read_on_head, e) || !r->found)
		return e->code == ERR_NONE;
	return context_load(&r->look, r->look.id.key, r->look.arena, &r->context, &r->found, e);
}

static bool read_on_item(void *ctx, const struct cell *cells)
{
	struct reading *r = ctx;
	if (cells[0].s.n != ID_RND)
		return false;
	memcpy(r->item->id.rnd, cells[0].s.p, ID_RND);
	r->bytes += inlay_size(&cells[1]);
	if (r->bytes <= (size_t)store_limits.context_bytes)
		r->item->json = look_item(&r->look, &cells[1]);
	return false;
}

static bool on_listed_item(void *ctx, size_t which, const struct cell *cells)
{
	struct reading *r = ctx;
	r->item = (struct stored_item *)r->items + which;
	return read_on_item(r, cells);
}

static bool load_items(struct reading *r, const int64_t *keys, size_t n, bool backward, struct stored_item *ret,
		       struct err *e)
{
	struct each each = {STMT_ITEM_GET, 2, n, bind_item, on_listed_item, r};
	r->keys = keys;
	r->n = n;
	r->backward = backward;
	r->items = ret;
	for (size_t i = 0; i < n; i++)
		ret[i].id.key = keys[backward ? n - 1 - i : i];
	if (!look_each(&r->look, &each, e))
		return false;
	if (r->bytes > (size_t)store_limits.context_bytes)
		return too_big(e);
	for (size_t i = 0; i < n; i++)
		if (!ret[i].json.p)
			return fail(e, ERR_STORE, NULL, "The store lacks an item of the response.");
	return true;
}

static bool previous_not_found(struct err *e, struct str id)
{
	return fail(e, ERR_PREVIOUS_NOT_FOUND, "previous_response_id", "Previous response with id '%.*s' not found.",
		    (int)(id.n < 200 ? id.n : 200), id.p);
}

static bool read_context(struct look *l, struct err *e)
{
	struct reading *r = reading_of(l);
	struct stored_context *ret = r->ret;
	struct run_now run = {0};
	if (!id_parse(l->text, "resp", &l->id))
		return previous_not_found(e, l->text);
	if (!load_list(r, e) || (!r->found && !run_look(l, &l->id, &run, e)))
		return false;
	if (run.found && run.kept && !run.ended)
		return fail(e, ERR_BAD_REQUEST, "previous_response_id",
			    "Previous response with id '%.*s' has not ended yet. Wait until its status is no longer 'queued' or "
			    "'in_progress'.", FMT(l->text));
	if (!r->found)
		return previous_not_found(e, l->text);
	size_t n = (size_t)r->context.n_total;
	ret->key = r->look.id.key;
	ret->status = r->status;
	ret->n_output = (size_t)r->context.n_output;
	ret->items = new_array(r->look.arena, struct stored_item, n + 1);
	ret->n = n;
	return load_items(r, r->context.keys, n, false, ret->items, e);
}

void store_get_context(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
		       struct stored_context *ret)
{
	*ret = (struct stored_context){0};
	look_start(&read_reading_new(p, op, project, id, a, ret, sizeof *ret)->look, read_context);
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
	struct bind b[] = {INT(r->look.project), TEXT(text)};
	if (c.at == n && !look_query(&r->look, STMT_FOREIGN_FIND, b, 2, on_foreign_cursor, &c, e))
		return false;
	if (c.at == n)
		return fail(e, ERR_INVALID_VALUE, param, "Item with id '%.*s' not found in this response.",
			    (int)(text.n < 200 ? text.n : 200), text.p);
	*ret = c.at;
	return true;
}

static bool read_page(struct look *l, struct err *e)
{
	struct reading *r = reading_of(l);
	struct stored_page *ret = r->ret;
	const struct page_query *q = &r->page;
	if (!id_parse(l->text, "resp", &l->id))
		return not_found(e, l->text);
	if (!load_list(r, e))
		return false;
	if (!r->found)
		return not_found(e, l->text);
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
	ret->items = new_array(r->look.arena, struct stored_item, n + 1);
	return load_items(r, r->context.keys + from, n, !q->ascending, ret->items, e);
}

void store_list_input(struct store_port *p, struct store_op *op, int64_t project, struct str id,
		      const struct page_query *q, struct arena *a, struct stored_page *ret)
{
	*ret = (struct stored_page){0};
	struct reading *r = read_reading_new(p, op, project, id, a, ret, sizeof *ret);
	r->page = look_page(&r->look, q);
	look_start(&r->look, read_page);
}

/* --- items by id --- */

struct candidates {
	struct reading *r;
	struct err *err;
};

static bool read_on_found(void *ctx, const struct cell *cells)
{
	struct reading *r = ctx;
	/* Ours are asked for with their random part; those of a foreign id are found through it. */
	if (r->look.id.key && !rnd_equal(cells[0].s, &r->look.id))
		return false;
	return read_on_item(r, cells);
}

static bool read_find_item(struct reading *r, int64_t key, struct err *e)
{
	struct bind b[] = {INT(key), INT(r->look.project), INT(r->look.now)};
	r->item->id.key = key;
	return read_query(r, STMT_ITEM_FIND, b, 3, read_on_found, e);
}

static bool read_on_candidate(void *ctx, const struct cell *cells)
{
	struct candidates *c = ctx;
	return read_find_item(c->r, cells[0].i, c->err) && !c->r->item->json.p;
}

static bool read_items(struct look *l, struct err *e)
{
	struct reading *r = reading_of(l);
	for (size_t i = 0; i < r->n; i++) {
		struct candidates c = {r, e};
		struct bind b[] = {INT(r->look.project), TEXT(r->ids[i])};
		r->item = (struct stored_item *)r->ret + i;
		if (id_parse_any(r->ids[i], &l->id) && !read_find_item(r, r->look.id.key, e))
			return false;
		l->id = (struct id){0};
		if (!r->item->json.p &&
		    (!look_query(l, STMT_FOREIGN_FIND, b, 2, read_on_candidate, &c, e) || e->code != ERR_NONE))
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
	memset(ret, 0, n * sizeof *ret);
	struct reading *r = read_reading_new(p, op, project, S(""), a, ret, n * sizeof *ret);
	r->ids = look_strs(&r->look, ids, n);
	r->n = n;
	look_start(&r->look, read_items);
}
