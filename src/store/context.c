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

static bool context_on_row(void *ctx, const struct cell *cells)
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

/* The row at `key`, its packed list in the scratch. */
static bool row_get(struct look *l, int64_t key, struct context *ret, bool *found, struct err *e)
{
	struct row r = {.c = ret, .packed = l->scratch};
	struct bind b[] = {INT(key), INT(l->project)};
	if (!look_query(l, STMT_CONTEXT_GET, b, 2, context_on_row, &r, e))
		return false;
	*found = r.found;
	return true;
}

static bool context_broken(struct err *e)
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

bool context_load(struct look *l, int64_t key, struct arena *a, struct context *ret, bool *found, struct err *e)
{
	struct context base;
	if (!row_get(l, key, ret, found, e) || !*found)
		return e->code == ERR_NONE;
	if (ret->n_total > store_limits.context_items)
		return fail(e, ERR_TOO_LARGE, NULL, "The response's context has %lld items; at most %lld are read.",
			    (long long)ret->n_total, (long long)store_limits.context_items);
	size_t total = (size_t)ret->n_total, own = keys_count(buf_str(l->scratch));
	ret->keys = new_array(a, int64_t, total + 1);
	if (own > total || !unpack(buf_str(l->scratch), ret->keys + (total - own), own))
		return context_broken(e);
	if (!ret->base)
		return own == total || context_broken(e);
	if (!row_get(l, ret->base, &base, found, e))
		return false;
	if (!*found || (size_t)base.n_total != total - own || !unpack(buf_str(l->scratch), ret->keys, total - own))
		return context_broken(e);
	return true;
}

/* --- making --- */

static void pack_own(struct buf *b, int64_t prev, const struct context_own *own, const struct context *c)
{
	for (size_t i = 0; i < (size_t)c->n_own; i++) {
		keys_pack(b, prev, own->keys[i]);
		prev = own->keys[i];
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

static bool context_fits(const struct context *c, const struct buf *packed, struct err *e)
{
	if (c->n_total > store_limits.context_items)
		return fail(e, ERR_TOO_LARGE, NULL, "The context has %lld items; at most %lld are kept.",
			    (long long)c->n_total, (long long)store_limits.context_items);
	return !packed->over || fail(e, ERR_TOO_LARGE, NULL, "The conversation's list of items is too long.");
}

bool context_begin(const struct context_own *own, struct buf *packed, struct context *ret, struct err *e)
{
	ret->base = ret->depth = 0;
	ret->n_total = ret->n_own;
	pack_own(packed, 0, own, ret);
	return context_fits(ret, packed, e);
}

bool context_continue(struct look *l, const struct context_own *own, struct buf *packed, struct context *c, struct err *e)
{
	struct context parent;
	struct arena a = {0};
	int64_t prev = 0;
	bool found;
	if (!row_get(l, own->parent, &parent, &found, e))
		return false;
	if (!found)
		return fail(e, ERR_PREVIOUS_NOT_FOUND, "previous_response_id", "The previous response was deleted.");
	c->base = parent.base ? parent.base : own->parent;
	c->depth = parent.depth + 1;
	c->n_total = parent.n_total + c->n_own;
	if (c->depth < CONTEXT_SPAN) {
		if (parent.base) {
			buf_add(packed, buf_str(l->scratch));
			prev = last_key(buf_str(l->scratch));
		}
		pack_own(packed, prev, own, c);
		return context_fits(c, packed, e);
	}
	bool ok = context_load(l, own->parent, &a, &parent, &found, e);
	for (size_t i = 0; ok && i < (size_t)parent.n_total; i++) {
		keys_pack(packed, prev, parent.keys[i]);
		prev = parent.keys[i];
	}
	pack_own(packed, prev, own, c);
	c->base = c->depth = 0;
	arena_free(&a);
	return ok && context_fits(c, packed, e);
}
