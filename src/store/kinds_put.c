/* kinds_put.c - rows of a project that come from an export. */
#include "store/kinds_put.h"

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
		xfree(p->gathered);
	p->gathered = NULL;
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
