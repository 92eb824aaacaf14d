/* user.c - what an end user's `safety_identifier` is in, erased. */
#include "store/user.h"

#include "store/lend.h"
#include "store/request.h"
#include "store/sealed.h"
#include "store/sweep.h"
#include "wire/json.h"

enum { USER_SLICE = 50, LONG_AGO = 1 /* a moment that the sweeper need not wait for */ };

struct user_row {
	int64_t key, conversation; /* conversation 0: none */
	bool running;
};
struct user_slice {
	struct str identifier;
	struct user_row rows[USER_SLICE];
	size_t n, seen;
	int64_t last;
};

/* Its texts are JSON: the identifier as it stands in them, for LIKE. */
static struct str user_pattern(struct arena *a, struct str identifier)
{
	struct buf b, like;
	buf_init(&b, 1 << 16);
	buf_init(&like, 1 << 17);
	jo_escape(&b, identifier);
	buf_add(&like, S("%\"safety_identifier\"%"));
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] == '%' || b.p[i] == '_' || b.p[i] == '!')
			buf_add(&like, S("!"));
		buf_add(&like, (struct str){b.p + i, 1});
	}
	buf_add(&like, S("%"));
	struct str s = str_copy(a, buf_str(&like));
	buf_release(&b);
	buf_release(&like);
	return s;
}

/* Is the member exactly that? */
static bool user_is(struct user_slice *u, struct str json, struct user_row *row)
{
	struct arena a = {0};
	struct err none = {0};
	struct id id;
	yyjson_val *v;
	bool is = json.n && json_parse(&a, json, &v, &none) &&
		  str_eq(json_str(json_get(v, S("safety_identifier"))), u->identifier);
	if (is) {
		yyjson_val *c = json_get(v, S("conversation"));
		struct str text = yyjson_is_str(c) ? json_str(c) : json_str(json_get(c, S("id")));
		row->conversation = id_parse(text, "conv", &id) ? id.key : 0;
	}
	arena_free(&a);
	return is;
}

static bool user_on_response(void *ctx, const struct cell *cells)
{
	struct user_slice *u = ctx;
	struct user_row row = {.key = u->last = cells[0].i};
	if (user_is(u, cells[1].s, &row))
		u->rows[u->n++] = row;
	return ++u->seen < USER_SLICE;
}

static bool user_on_run(void *ctx, const struct cell *cells)
{
	struct user_slice *u = ctx;
	struct user_row row = {.key = u->last = cells[0].i, .running = cells[1].i == 2};
	if (user_is(u, cells[2].s, &row) || user_is(u, cells[3].s, &row))
		u->rows[u->n++] = row;
	return ++u->seen < USER_SLICE;
}

static bool user_gone(struct store *s, const struct user_slice *u, struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 8 * u->n + 1, 12 * u->n + 1, 8);
	for (size_t i = 0; i < u->n; i++) {
		const struct user_row *row = &u->rows[i];
		if (row->running)
			continue;
		ADD(r, STMT_USER_RESPONSE, INT(row->key));
		ADD(r, STMT_CONTEXT_DEAD, INT(row->key), INT(LONG_AGO));
		ADD(r, STMT_USER_APPROVALS, INT(row->key));
		ADD(r, STMT_USER_CLAIMS, INT(row->key));
		ADD(r, STMT_USER_QUEUED, INT(row->key));
		ADD(r, STMT_RUN_HIDE, INT(row->key), INT(LONG_AGO));
		if (row->conversation)
			ADD(r, STMT_USER_CONVERSATION, INT(row->conversation), INT(LONG_AGO));
	}
	return store_write(s, r, e);
}

static bool user_walk(struct store *s, enum statement stmt, row_fn *row, struct str identifier, bool dry,
		      struct user_erased *ret, struct err *e)
{
	struct arena a = {0};
	struct user_slice u = {.identifier = identifier};
	struct str pattern = user_pattern(&a, identifier);
	bool ok = true;
	do {
		u.n = u.seen = 0;
		struct lent_query q = {
		    .stmt = stmt, .binds = {INT(u.last), TEXT(pattern), INT(USER_SLICE), TEXT(SEALED_LIKE)}, .n_binds = 4, .row = row};
		ok = lent_rows(s, &q, &u, e);
		for (size_t i = 0; ok && i < u.n; i++) {
			ret->responses += stmt == STMT_USER_RESPONSES;
			ret->runs += stmt == STMT_USER_RUNS && !u.rows[i].running;
			ret->running += u.rows[i].running;
			ret->conversations += u.rows[i].conversation != 0;
		}
		ok = ok && (dry || !u.n || user_gone(s, &u, e));
	} while (ok && u.seen == USER_SLICE);
	arena_free(&a);
	return ok;
}

static bool user_on_held(void *ctx, const struct cell *cells)
{
	*(int64_t *)ctx = cells[0].i;
	return false;
}

bool user_erase(struct store *s, struct str identifier, bool dry, struct user_erased *ret, struct err *e)
{
	struct lent_query held = {.stmt = STMT_USER_HELD, .binds = {INT(LONG_AGO)}, .n_binds = 1, .row = user_on_held};
	size_t n = 1;
	*ret = (struct user_erased){0};
	if (!user_walk(s, STMT_USER_RUNS, user_on_run, identifier, dry, ret, e) ||
	    !user_walk(s, STMT_USER_RESPONSES, user_on_response, identifier, dry, ret, e))
		return false;
	while (!dry && n)
		if (!sweep_slice(s, &n, e))
			return false;
	return dry || lent_rows(s, &held, &ret->held, e);
}

/* --- what is being erased --------------------------------------------------------------------------------------- */

bool erasing_set(struct store *s, struct str what, struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 1, 1, what.n + 8);
	if (what.n)
		ADD(r, STMT_ERASING_SET, BLOB(what));
	else
		request_add(r, STMT_ERASING_END, NULL, 0);
	return store_write(s, r, e);
}

struct erasing {
	struct arena *a;
	struct str *ret;
};

static bool user_on_erasing(void *ctx, const struct cell *cells)
{
	struct erasing *g = ctx;
	*g->ret = str_copy(g->a, cells[0].s);
	return false;
}

bool erasing_get(struct store *s, struct arena *a, struct str *ret, struct err *e)
{
	struct erasing g = {a, ret};
	struct lent_query q = {
	    .stmt = STMT_META_GET, .binds = {TEXT(S("erasing"))}, .n_binds = 1, .row = user_on_erasing};
	*ret = (struct str){0};
	return lent_rows(s, &q, &g, e);
}
