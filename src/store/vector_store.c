/* vector_store.c - vector stores: what is known of them. */
#include "store/vector_store.h"

#include <string.h>

#include "base/clock.h"
#include "store/lend.h"
#include "store/request.h"
#include "store/sealed.h"
#include "store/vector_rows.h"

enum { QUOTED = 200, TOUCH_SECONDS = 60 };

int64_t vector_store_expires(const struct vector_store *v)
{
	enum { DAY = 86400 };
	return v->expire_days ? v->active_at + v->expire_days * DAY : 0;
}

bool vector_store_expired(const struct vector_store *v)
{
	int64_t at = vector_store_expires(v);
	return at && at <= clock_wall_s();
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

struct look {
	struct store *store;
	struct arena *arena;
	int64_t project, from, to, limit;
	struct str text;
	struct id id;
	struct vector_store *ret;
	struct vector_store_page *page;
	const struct vector_query *q;
	bool found;
};

static bool store_query(struct look *l, struct db_reader *r, enum statement stmt, const struct bind *b, unsigned n,
			row_fn *row, void *ctx, struct err *e)
{
	return sealed_query(l->store, r, stmt, b, n, row, ctx, e);
}

static void store_take(struct look *l, const struct cell *cells, struct vector_store *ret)
{
	*ret = (struct vector_store){
	    .id.key = cells[0].i, .created_at = cells[2].i, .active_at = cells[3].i, .expire_days = cells[4].i};
	memcpy(ret->id.rnd, cells[1].s.p, ID_RND);
	if (cells[5].s.p)
		ret->name = str_copy(l->arena, cells[5].s);
	if (cells[6].s.p)
		ret->description = str_copy(l->arena, cells[6].s);
	ret->metadata = str_copy(l->arena, cells[7].s);
}

static bool store_count(struct look *l, struct db_reader *r, struct vector_store *v, struct err *e)
{
	struct bind key = INT(v->id.key);
	return store_query(l, r, STMT_VECTOR_COUNT, &key, 1, vector_on_count, &v->counts, e);
}

static bool store_on_one(void *ctx, const struct cell *cells)
{
	struct look *l = ctx;
	l->found = rnd_equal(cells[1].s, &l->id);
	if (l->found)
		store_take(l, cells, l->ret);
	return false;
}

static bool store_find(struct look *l, struct db_reader *r, struct err *e)
{
	l->found = false;
	if (!id_parse(l->text, "vs", &l->id))
		return vector_store_gone(e, l->text);
	struct bind b[] = {INT(l->id.key), INT(l->project)};
	return store_query(l, r, STMT_VECTOR_STORE_GET, b, 2, store_on_one, l, e) &&
	       (l->found || vector_store_gone(e, l->text));
}

static bool store_read_one(struct db_reader *r, void *ctx, struct err *e)
{
	struct look *l = ctx;
	return store_find(l, r, e) && store_count(l, r, l->ret, e);
}

bool vector_store_get(struct store *s, int64_t project, struct str id, struct arena *a, struct vector_store *ret,
		      struct err *e)
{
	struct look l = {.store = s, .arena = a, .project = project, .text = id, .ret = ret};
	return lent_read(s, store_read_one, &l, e);
}

static bool store_on_row(void *ctx, const struct cell *cells)
{
	struct look *l = ctx;
	l->page->has_more = l->page->n == (size_t)l->q->limit;
	if (!l->page->has_more && cells[1].s.n == ID_RND)
		store_take(l, cells, &l->page->list[l->page->n++]);
	return !l->page->has_more;
}

/* An id of ours, of a store that may be gone by now. */
static bool store_cursor(struct str id, const char *param, int64_t *ret, struct err *e)
{
	struct id at;
	if (!id.p)
		return true;
	if (!id_parse(id, "vs", &at))
		return fail(e, ERR_INVALID_VALUE, param, "Invalid '%s': '%.*s' is no vector store's id.", param,
			    (int)(id.n < QUOTED ? id.n : QUOTED), id.p);
	*ret = at.key;
	return true;
}

static bool store_read_list(struct db_reader *r, void *ctx, struct err *e)
{
	struct look *l = ctx;
	struct vector_store_page *p = l->page;
	bool back = vector_backwards(l->q), ascending = l->q->ascending != back;
	struct bind b[] = {INT(l->project), INT(l->from), INT(l->to), INT(l->q->limit + 1)};
	if (!store_query(l, r, ascending ? STMT_VECTOR_STORE_ASC : STMT_VECTOR_STORE_DESC, b, 4, store_on_row, l, e))
		return false;
	for (size_t i = 0; back && i < p->n / 2; i++) {
		struct vector_store one = p->list[i];
		p->list[i] = p->list[p->n - 1 - i];
		p->list[p->n - 1 - i] = one;
	}
	for (size_t i = 0; i < p->n; i++)
		if (!store_count(l, r, &p->list[i], e))
			return false;
	return true;
}

bool vector_store_list(struct store *s, int64_t project, const struct vector_query *q, struct arena *a,
		       struct vector_store_page *ret, struct err *e)
{
	struct look l = {.store = s, .arena = a, .project = project, .page = ret, .q = q};
	int64_t after = 0, before = 0;
	*ret = (struct vector_store_page){.list = new_array(a, struct vector_store, (size_t)q->limit)};
	if (!store_cursor(q->after, "after", &after, e) || !store_cursor(q->before, "before", &before, e))
		return false;
	vector_range(q, after, before, &l.from, &l.to);
	return lent_read(s, store_read_list, &l, e);
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

bool vector_store_put(struct store *s, int64_t project, const struct vector_store *v, int64_t most, struct err *e)
{
	static const struct str full = STR("This project has as many vector stores as it may have (index.stores).");
	struct store_request *r =
	    request_new(NULL, NULL, 1, 9, ID_RND + v->name.n + v->description.n + v->metadata.n + full.n + 1);
	ADD(r, STMT_VECTOR_STORE_INSERT, INT(v->id.key), INT(project), BLOB(rnd_str(&v->id)), INT(v->created_at),
	    INT(v->expire_days), text_or_null(v->name), text_or_null(v->description), TEXT(v->metadata), INT(most));
	request_must(r, ERR_BAD_REQUEST, full);
	return store_write(s, r, e);
}

#define GONE "The vector store was deleted meanwhile."

bool vector_store_set(struct store *s, int64_t key, const struct vector_store_change *c, struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 1, 6, c->name.n + c->metadata.n + sizeof GONE + 1);
	ADD(r, STMT_VECTOR_STORE_SET, INT(key), INT(clock_wall_s()), INT(c->has_name), text_or_null(c->name),
	    text_or_null(c->metadata), INT(c->expire_days));
	request_must(r, ERR_NOT_FOUND, S(GONE));
	return store_write(s, r, e);
}

bool vector_store_touch(struct store *s, const struct vector_store *v, struct err *e)
{
	int64_t now = clock_wall_s();
	if (now < v->active_at + TOUCH_SECONDS)
		return true;
	struct store_request *r = request_new(NULL, NULL, 1, 2, 0);
	ADD(r, STMT_VECTOR_STORE_TOUCH, INT(v->id.key), INT(now));
	return store_write(s, r, e);
}

bool vector_store_delete(struct store *s, int64_t key, struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 1, 2, sizeof GONE + 1);
	ADD(r, STMT_VECTOR_STORE_DELETE, INT(key), INT(clock_wall_s()));
	request_must(r, ERR_NOT_FOUND, S(GONE));
	return store_write(s, r, e);
}
