/* context.c - the ordered list of item keys that a response stands on. */
#include "store/context.h"

#include <string.h>

/* --- packed lists --- */

void keys_pack(struct buf *b, int64_t prev, int64_t key)
{
	int64_t d = key - prev; /* keys are positive: no overflow */
	uint64_t z = (uint64_t)d << 1 ^ (uint64_t)(d >> 63);
	char out[KEY_PACKED];
	size_t n = 0;
	do {
		out[n++] = (char)((z & 0x7f) | (z > 0x7f ? 0x80 : 0));
		z >>= 7;
	} while (z);
	buf_add(b, (struct str){out, n});
}

size_t keys_count(struct str packed)
{
	size_t n = 0;
	for (size_t i = 0; i < packed.n; i++)
		n += !(packed.p[i] & 0x80);
	return n;
}

bool keys_next(struct key_walk *w, int64_t *ret)
{
	uint64_t z = 0;
	for (size_t i = 0; i < w->rest.n && i < KEY_PACKED; i++) {
		z |= (uint64_t)(w->rest.p[i] & 0x7f) << (7 * i);
		if (w->rest.p[i] & 0x80)
			continue;
		w->rest.p += i + 1;
		w->rest.n -= i + 1;
		w->at = (int64_t)((uint64_t)w->at + (z >> 1 ^ (0 - (z & 1))));
		*ret = w->at;
		return true;
	}
	return false;
}

/* --- reading --- */

struct row {
	struct context *c;
	struct buf *packed;
	bool found;
};

static bool on_row(void *ctx, const struct cell *cells)
{
	struct row *r = ctx;
	*r->c = (struct context){
	    .base = cells[0].i,
	    .depth = cells[1].i,
	    .n_own = cells[2].i,
	    .n_output = cells[3].i,
	    .n_total = cells[4].i,
	};
	r->found = true;
	buf_clear(r->packed);
	buf_add(r->packed, cells[5].s);
	return false;
}

/* The row at `key`, its packed list in p->scratch. */
static bool row_get(struct store_port *p, int64_t project, int64_t key, struct context *ret, bool *found, struct err *e)
{
	struct row r = {.c = ret, .packed = &p->scratch};
	struct bind b[] = {INT(key), INT(project)};
	if (!p->store->driver->query(p->reader, STMT_CONTEXT_GET, b, 2, on_row, &r, e))
		return false;
	*found = r.found;
	return true;
}

static bool broken(struct err *e)
{
	return fail(e, ERR_STORE, NULL, "The store holds a context that cannot be read.");
}

static bool unpack(struct str packed, int64_t *keys, size_t n)
{
	struct key_walk w = {packed, 0};
	for (size_t i = 0; i < n; i++)
		if (!keys_next(&w, &keys[i]))
			return false;
	return w.rest.n == 0;
}

bool context_load(struct store_port *p, int64_t project, int64_t key, struct arena *a, struct context *ret, bool *found,
		  struct err *e)
{
	struct context base;
	if (!row_get(p, project, key, ret, found, e) || !*found)
		return e->code == ERR_NONE;
	if (ret->n_total > store_limits.context_items)
		return fail(e, ERR_TOO_LARGE, NULL, "The response's context has %lld items; at most %lld are read.",
			    (long long)ret->n_total, (long long)store_limits.context_items);
	size_t total = (size_t)ret->n_total, own = keys_count(buf_str(&p->scratch));
	ret->keys = new_array(a, int64_t, total + 1);
	if (own > total || !unpack(buf_str(&p->scratch), ret->keys + (total - own), own))
		return broken(e);
	if (!ret->base)
		return own == total || broken(e);
	if (!row_get(p, project, ret->base, &base, found, e))
		return false;
	if (!*found || (size_t)base.n_total != total - own || !unpack(buf_str(&p->scratch), ret->keys, total - own))
		return broken(e);
	return true;
}

/* --- making --- */

struct making {
	struct store_port *port;
	const struct turn_record *turn;
	struct context *ret;
};

static void pack_own(struct buf *b, int64_t prev, const struct turn_record *t)
{
	for (size_t i = 0; i < t->n_items; i++) {
		keys_pack(b, prev, t->items[i].id.key);
		prev = t->items[i].id.key;
	}
}

static int64_t last_key(struct str packed)
{
	struct key_walk w = {packed, 0};
	int64_t key = 0;
	while (keys_next(&w, &key))
		;
	return key;
}

static bool continue_parent(struct db_reader *r, void *ctx, struct err *e)
{
	struct making *m = ctx;
	struct store_port *p = m->port;
	const struct turn_record *t = m->turn;
	struct context *c = m->ret, parent;
	bool found;
	if (!row_get(p, t->project, t->parent, &parent, &found, e))
		return false;
	if (!found)
		return fail(e, ERR_PREVIOUS_NOT_FOUND, "previous_response_id", "The previous response was deleted.");
	c->base = parent.base ? parent.base : t->parent;
	c->depth = parent.depth + 1;
	c->n_total = parent.n_total + c->n_own;
	if (c->depth < CONTEXT_SPAN) {
		int64_t prev = 0;
		if (parent.base)
			prev = last_key(buf_str(&p->scratch));
		else
			buf_clear(&p->scratch);
		pack_own(&p->scratch, prev, t);
		return true;
	}
	struct arena a = {0};
	int64_t prev = 0;
	bool ok = context_load(p, t->project, t->parent, &a, &parent, &found, e);
	buf_clear(&p->scratch);
	for (size_t i = 0; ok && i < (size_t)parent.n_total; i++) {
		keys_pack(&p->scratch, prev, parent.keys[i]);
		prev = parent.keys[i];
	}
	pack_own(&p->scratch, prev, t);
	c->base = c->depth = 0;
	arena_free(&a);
	return ok;
}

bool context_make(struct store_port *p, const struct turn_record *t, struct context *ret, struct err *e)
{
	struct making m = {p, t, ret};
	*ret = (struct context){.n_own = (int64_t)t->n_items, .n_output = (int64_t)t->n_output};
	ret->n_total = ret->n_own;
	buf_clear(&p->scratch);
	if (!t->parent)
		pack_own(&p->scratch, 0, t);
	else if (!p->store->driver->read(p->reader, continue_parent, &m, e))
		return false;
	if (ret->n_total > store_limits.context_items)
		return fail(e, ERR_TOO_LARGE, NULL, "The conversation has %lld items; at most %lld are kept.",
			    (long long)ret->n_total, (long long)store_limits.context_items);
	if (p->scratch.over)
		return fail(e, ERR_TOO_LARGE, NULL, "The conversation's list of items is too long.");
	return true;
}
