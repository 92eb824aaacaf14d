/* completion.c - stored chat completions. */
#include <string.h>

#include "base/clock.h"
#include "store/look.h"
#include "store/usage_write.h"
#include "wire/json.h"

enum { QUOTED = 200, PREFIX = sizeof "chatcmpl" - 1 };

struct str completion_id(char out[ID_MAX], const struct id *id)
{
	struct str s = id_text(out, "chatcmpl", id);
	out[PREFIX] = '-'; /* the live form */
	return s;
}

static bool completion_parse(struct str text, struct id *ret)
{
	char ours[ID_MAX];
	if (text.n >= sizeof ours || text.n <= PREFIX || text.p[PREFIX] != '-')
		return false;
	memcpy(ours, text.p, text.n);
	ours[PREFIX] = '_';
	return id_parse((struct str){ours, text.n}, "chatcmpl", ret);
}

static bool completion_gone(struct err *e, struct str id)
{
	return fail(e, ERR_COMPLETION_NOT_FOUND, NULL, "Completion %.*s not found",
		    (int)(id.n < QUOTED ? id.n : QUOTED), id.p);
}

/* --- reading --- */

/* One read on its way through the snapshot. */
struct reading {
	struct look look;
	struct stored_completion *ret; /* being read */
	struct str metadata;
	bool found, with_messages;
	/* a list */
	struct completion_query query;
	struct completion_page *page;
	size_t rows, bytes;
	bool too_many;
	struct err *err;
};

static bool query(struct reading *l, enum statement stmt, const struct bind *b, unsigned n, row_fn *row, struct err *e)
{
	return look_query(&l->look, stmt, b, n, row, l, e);
}

static bool completion_on_text(void *ctx, const struct cell *cells)
{
	struct reading *l = ctx;
	l->ret->json = str_fmt(l->look.arena, "%.*s,\"metadata\":%.*s}", FMT(cells[0].s), FMT(l->metadata));
	if (l->with_messages)
		l->ret->messages = str_copy(l->look.arena, cells[1].s);
	l->bytes += l->ret->json.n;
	return false;
}

static bool completion_read_text(struct reading *l, int64_t key, struct err *e)
{
	struct bind b[] = {INT(key)};
	return query(l, STMT_COMPLETION_TEXT, b, 1, completion_on_text, e);
}

static bool completion_on_head(void *ctx, const struct cell *cells)
{
	struct reading *l = ctx;
	l->found = rnd_equal(cells[0].s, &l->look.id);
	l->metadata = str_copy(l->look.arena, cells[1].s);
	return false;
}

static bool completion_read_one(struct look *look, struct err *e)
{
	struct reading *l = OWNER(look, struct reading, look);
	if (!completion_parse(look->text, &look->id))
		return completion_gone(e, look->text);
	struct bind b[] = {INT(look->id.key), INT(look->project), INT(look->now)};
	l->ret->id = str_copy(look->arena, look->text);
	return query(l, STMT_COMPLETION_GET, b, 3, completion_on_head, e) &&
	       (l->found || completion_gone(e, look->text)) && completion_read_text(l, look->id.key, e);
}

void store_get_completion(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
			  struct stored_completion *ret)
{
	struct reading *l = look_new(p, op, sizeof *l, project, a);
	l->look.text = look_str(&l->look, id);
	l->ret = look_out(&l->look, ret, sizeof *ret);
	l->with_messages = true;
	look_start(&l->look, completion_read_one);
}

/* --- a list --- */

static bool completion_fits(const struct reading *l, struct str model, struct str metadata)
{
	const struct completion_query *q = &l->query;
	struct arena a = {0};
	struct err none = {0};
	yyjson_val *v = NULL;
	bool ok = !q->model.p || str_eq(q->model, model);
	if (ok && q->n_pairs)
		ok = json_parse(&a, metadata, &v, &none);
	for (size_t i = 0; ok && i < q->n_pairs; i++) {
		struct str value = json_str(json_get(v, q->pairs[i].name));
		ok = value.p && str_eq(value, q->pairs[i].value);
	}
	arena_free(&a);
	return ok;
}

static bool completion_on_row(void *ctx, const struct cell *cells)
{
	struct reading *l = ctx;
	struct completion_page *page = l->page;
	if (!completion_fits(l, cells[2].s, cells[3].s)) {
		l->too_many = ++l->rows >= (size_t)store_limits.list_rows;
		return !l->too_many;
	}
	if (page->n == (size_t)l->query.limit || l->bytes > (size_t)store_limits.context_bytes) {
		page->has_more = true;
		return false;
	}
	struct id id = {.key = cells[0].i};
	if (cells[1].s.n != ID_RND)
		return fail(l->err, ERR_STORE, NULL, "a stored chat completion is broken");
	memcpy(id.rnd, cells[1].s.p, ID_RND);
	l->ret = &page->list[page->n++];
	l->ret->id = completion_id(arena_bytes(l->look.arena, ID_MAX), &id);
	l->metadata = cells[3].s;
	return completion_read_text(l, id.key, l->err);
}

static bool completion_read_list(struct look *look, struct err *e)
{
	static const enum statement walks[3][2] = {
	    {STMT_COMPLETION_DESC, STMT_COMPLETION_ASC},
	    {STMT_COMPLETION_MODEL_DESC, STMT_COMPLETION_MODEL_ASC},
	    {STMT_COMPLETION_PAIR_DESC, STMT_COMPLETION_PAIR_ASC},
	};
	struct reading *l = OWNER(look, struct reading, look);
	const struct completion_query *q = &l->query;
	if (q->after.p && !completion_parse(q->after, &look->id))
		return fail(e, ERR_INVALID_VALUE, "after", "Invalid 'after': '%.*s' is no chat completion's id.",
			    (int)(q->after.n < QUOTED ? q->after.n : QUOTED), q->after.p);
	l->page->list = new_array(look->arena, struct stored_completion, (size_t)q->limit + 1);
	int64_t from = l->look.id.key, low = q->ascending ? from : 0, high = q->ascending || !from ? INT64_MAX : from;
	struct bind b[] = {INT(l->look.project), INT(low), INT(high), INT(l->look.now), TEXT(q->model), TEXT(q->pairs[0].value)};
	int by = q->n_pairs ? 2 : q->model.p ? 1 : 0;
	if (q->n_pairs)
		b[4] = TEXT(q->pairs[0].name);
	l->err = e;
	if (!query(l, walks[by][q->ascending], b, 4 + (unsigned)by, completion_on_row, e) || e->code != ERR_NONE)
		return false;
	return !l->too_many ||
	       fail(e, ERR_BAD_REQUEST, "metadata",
		    "More than %lld stored chat completions would have to be looked through (store.list_rows). Put the "
		    "rarest metadata pair first.",
		    (long long)store_limits.list_rows);
}

void store_list_completions(struct store_port *p, struct store_op *op, int64_t project,
			    const struct completion_query *q, struct arena *a, struct completion_page *ret)
{
	struct reading *l = look_new(p, op, sizeof *l, project, a);
	*ret = (struct completion_page){0};
	l->page = look_out(&l->look, ret, sizeof *ret);
	l->query = *q;
	l->query.after = look_str(&l->look, q->after);
	l->query.model = look_str(&l->look, q->model);
	for (size_t i = 0; i < q->n_pairs; i++) {
		l->query.pairs[i].name = look_str(&l->look, q->pairs[i].name);
		l->query.pairs[i].value = look_str(&l->look, q->pairs[i].value);
	}
	look_start(&l->look, completion_read_list);
}

/* --- writing --- */

/* Rows by which a list finds the completion. The metadata was checked by whoever took it. */
static void completion_add_pairs(struct store_request *r, int64_t project, int64_t key, struct str metadata)
{
	struct arena a = {0};
	struct err none = {0};
	yyjson_val *v = NULL, *name, *value;
	size_t i, max;
	if (json_parse(&a, metadata, &v, &none))
		yyjson_obj_foreach(v, i, max, name, value)
			ADD(r, STMT_COMPLETION_PAIR, INT(project), TEXT(json_str(name)), TEXT(json_str(value)), INT(key));
	arena_free(&a);
}

void store_put_completion(struct store_port *p, struct store_op *op, const struct completion_record *c)
{
	struct record_room used = usage_room(c->used, c->n_used);
	struct store_request *r = request_new(
	    p, op, 2 + COMPLETION_PAIRS + used.changes, 16 + 4 * COMPLETION_PAIRS + used.binds,
	    ID_RND + c->model.n + 2 * c->metadata.n + c->body.n + c->messages.n + used.bytes);
	ADD(r, STMT_COMPLETION_INSERT, INT(c->id.key), INT(c->project), BLOB(rnd_str(&c->id)), INT(c->created_at),
	    INT(c->expires_at), TEXT(c->model), TEXT(c->metadata));
	ADD(r, STMT_COMPLETION_TEXT_INSERT, INT(c->id.key), TEXT(c->body), TEXT(c->messages));
	completion_add_pairs(r, c->project, c->id.key, c->metadata);
	usage_put(r, c->used, c->n_used);
	request_send(r);
}

/* A request whose first change finds the completion by its id, or fails. NULL: the id is none, op will say so.
 * `value`: the statement's last bind, {0} for one that has none. */
static struct store_request *completion_change(struct store_port *p, struct store_op *op, int64_t project,
					       struct str text, enum statement stmt, struct str value, struct id *id)
{
	struct err e = {0};
	completion_gone(&e, text);
	if (!completion_parse(text, id)) {
		request_done(p, op, &e);
		return NULL;
	}
	struct str why = str_of(e.msg);
	struct store_request *r = request_new(p, op, 3 + COMPLETION_PAIRS, 8 + 4 * COMPLETION_PAIRS,
					      ID_RND + why.n + 1 + 2 * value.n);
	const struct bind b[] = {INT(id->key), INT(project), BLOB(rnd_str(id)), INT(clock_wall_s()), TEXT(value)};
	request_add(r, stmt, b, value.p ? 5 : 4);
	request_must(r, ERR_COMPLETION_NOT_FOUND, why);
	return r;
}

void store_set_completion(struct store_port *p, struct store_op *op, int64_t project, struct str text,
			  struct str metadata)
{
	struct id id;
	struct store_request *r = completion_change(p, op, project, text, STMT_COMPLETION_SET, metadata, &id);
	if (!r)
		return;
	ADD(r, STMT_COMPLETION_PAIRS_FREE, INT(id.key));
	completion_add_pairs(r, project, id.key, metadata);
	request_send(r);
}

void store_delete_completion(struct store_port *p, struct store_op *op, int64_t project, struct str text)
{
	struct id id;
	struct store_request *r = completion_change(p, op, project, text, STMT_COMPLETION_DELETE, (struct str){0}, &id);
	if (!r)
		return;
	ADD(r, STMT_COMPLETION_TEXT_FREE, INT(id.key));
	ADD(r, STMT_COMPLETION_PAIRS_FREE, INT(id.key));
	request_send(r);
}
