/* kinds_put.c - rows of a project that come from an export. */
#include "store/kinds_put.h"

#include <string.h>

#include "store/inlay.h"
#include "store/request.h"
#include "store/sealed.h"

enum { PUT_ROWS = 200, PUT_BYTES = 1 << 20, PUT_BINDS = 40 };

static const enum statement put_statements[KIND_COUNT] = {
#define KIND(table, of, by, columns, letters, binds) [KIND_##table] = STMT_PUT_##table,
#include "store/kinds.def"
#undef KIND
};

bool kinds_put_end(struct kinds_put *p, struct err *e)
{
	struct store_request *r = p->gathered;
	p->gathered = NULL;
	p->n = p->bytes = 0;
	return !r || store_write(p->store, r, e);
}

void kinds_put_stop(struct kinds_put *p)
{
	if (p->gathered)
		request_free(p->gathered);
	p->gathered = NULL;
}

enum { PUT_JSON = 5 /* of an item's values; behind it inlay and places */ };

/* An item gets its row, and its pictures their blob, as if it were made here. What asks for an approval is kept whole, as ever (inlay.h). */
static void kinds_put_item(struct store_request *r, enum statement stmt, const struct bind *binds, unsigned n)
{
	struct bind own[PUT_BINDS];
	struct str json = binds[PUT_JSON].s;
	memcpy(own, binds, n * sizeof *own);
	struct inlaid in = {.text = json, .places = S("")};
	if (!json.n || !memmem(json.p, json.n, "_approval_request\"", strlen("_approval_request\"")))
		in = inlay_cut(r, json);
	own[PUT_JSON] = TEXT(in.text);
	own[PUT_JSON + 1] = INT(in.blob);
	own[PUT_JSON + 2] = TEXT(in.places);
	request_add(r, stmt, own, n);
	inlay_release(&in);
}

bool kinds_put(struct kinds_put *p, enum kind k, const struct bind *binds, unsigned n, struct err *e)
{
	size_t bytes = 0;
	for (unsigned i = 0; i < n; i++)
		bytes += binds[i].kind == BIND_TEXT || binds[i].kind == BIND_BLOB ? binds[i].s.n + 1 : 0;
	if (p->gathered && (p->n == PUT_ROWS || p->bytes + bytes > p->cap) && !kinds_put_end(p, e))
		return false;
	if (!p->gathered) {
		p->cap = bytes > PUT_BYTES ? bytes : PUT_BYTES;
		p->gathered = request_new(NULL, NULL, PUT_ROWS, PUT_ROWS * PUT_BINDS, p->cap);
	}
	if (kind_rows[k].inlay)
		kinds_put_item(p->gathered, put_statements[k], binds, n);
	else
		request_add(p->gathered, put_statements[k], binds, n);
	p->n++;
	p->bytes += bytes;
	return true;
}

static bool kinds_on_greatest(void *ctx, const struct cell *cells)
{
	*(int64_t *)ctx = cells[0].i;
	return false;
}

struct kinds_look {
	struct store *store;
	int64_t greatest;
};

static bool kinds_look(struct db_reader *r, void *ctx, struct err *e)
{
	struct kinds_look *l = ctx;
	return sealed_query(l->store, r, STMT_MAX_KEY, NULL, 0, kinds_on_greatest, &l->greatest, e);
}

bool kinds_fresh(struct store *s, bool *ret, struct err *e)
{
	struct kinds_look l = {.store = s};
	bool ok = s->driver->read(s->reader, kinds_look, &l, e);
	*ret = ok && !l.greatest;
	return ok;
}

bool kinds_take_ids(struct store *s, const uint8_t key[32], struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 1, 1, 33);
	ADD(r, STMT_ID_KEY_SET, BLOB(((struct str){(const char *)key, 32})));
	return store_write(s, r, e);
}

struct kinds_takes {
	struct store *store;
	const int64_t *keys;
	size_t n;
	int64_t shift;
	bool found;
};

static bool kinds_on_taken(void *ctx, const struct cell *cells)
{
	((struct kinds_takes *)ctx)->found = true;
	return false;
}

static bool kinds_look_taken(struct db_reader *r, void *ctx, struct err *e)
{
	struct kinds_takes *t = ctx;
	for (size_t i = 0; i < t->n && !t->found; i++) {
		struct bind key = INT(t->keys[i] + t->shift);
		if (!sealed_query(t->store, r, STMT_KEY_TAKEN, &key, 1, kinds_on_taken, t, e))
			return false;
	}
	return true;
}

bool kinds_taken(struct store *s, const int64_t *keys, size_t n, int64_t shift, bool *ret, struct err *e)
{
	struct kinds_takes t = {s, keys, n, shift, false};
	if (!s->driver->read(s->reader, kinds_look_taken, &t, e))
		return false;
	*ret = t.found;
	return true;
}
