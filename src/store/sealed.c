/* sealed.c - values on their way into sealed columns and out of them. */
#include "store/sealed.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "store/seal_bytes.h"

/* A sealed value begins with one of these: base64 of the bytes where the column holds texts, the bytes themselves where
 * it holds bytes. What begins so before it is sealed is always sealed, so that nobody can write what only looks sealed.
 */
static const struct str sealed_texts = STR("\001sealed:"), sealed_raws = STR("\001sealed=");
enum { SEALED_VERSION = 2 /* of seal_bytes() */, SEALED_USES = 3 /* of one statement */ };

const struct sealed_row sealed_rows[SEALED_COUNT] = {
#define SEALED(name, table, column, keys, after, is, also)                                                             \
	{#table "." #column, #table, #column, keys, also, STMT_SEALED_NEXT_##name, STMT_SEALED_SET_##name},
#include "store/sealed.def"
};

/* --- where ------------------------------------------------------------------------------------------------------- */

struct sealed_use {
	uint8_t column, at;       /* the bind from 1, or the cell from 0 */
	int8_t from[SEALED_KEYS]; /* > 0: that bind; else that cell, its sign turned */
};
struct sealed_uses {
	struct sealed_use list[SEALED_USES];
	unsigned n;
};
static struct sealed_uses sealed_ins[STMT_COUNT], sealed_outs[STMT_COUNT];
static uint8_t sealed_n_keys[SEALED_COUNT];
static bool sealed_texts_in[SEALED_COUNT];

static const struct sealed_said {
	enum statement stmt;
	struct sealed_use use;
	bool in;
} sealed_said[] = {
#define B(n) (n)
#define C(n) (-(n))
#define IN(stmt, bind, column, ...) {STMT_##stmt, {SEALED_##column, bind, {__VA_ARGS__}}, true},
#define OUT(stmt, cell, column, ...) {STMT_##stmt, {SEALED_##column, cell, {__VA_ARGS__}}, false},
#define BLANK(stmt, column)
#include "store/sealed_statements.def"
};

static const struct sealed_kind { /* whole rows: kinds.def */
	const char *table, *columns, *letters;
	enum statement take, put;
} sealed_kinds[] = {
#define KIND(table, of, by, columns, letters, binds) {#table, columns, letters, STMT_TAKE_##table, STMT_PUT_##table},
#include "store/kinds.def"
#undef KIND
};

static void sealed_use_add(struct sealed_uses *uses, struct sealed_use use)
{
	assert(uses->n < SEALED_USES);
	uses->list[uses->n++] = use;
}

/* The place of a name in a list of names; -1. */
static int sealed_place(const char *list, struct str name)
{
	struct str rest = str_of(list);
	for (int i = 0; rest.n; i++)
		if (str_eq(str_trim(str_cut(&rest, ',')), name))
			return i;
	return -1;
}

/* What walks whole rows of the column's table has its value and its keys where the table of kinds says. */
static void sealed_use_kind(enum sealed_column c)
{
	const struct sealed_row *row = &sealed_rows[c];
	for (size_t k = 0; k < sizeof sealed_kinds / sizeof *sealed_kinds; k++) {
		const struct sealed_kind *kind = &sealed_kinds[k];
		if (strcmp(kind->table, row->table))
			continue;
		int at = sealed_place(kind->columns, str_of(row->column));
		struct sealed_use in = {.column = (uint8_t)c, .at = (uint8_t)(at + 1)},
				  out = {.column = (uint8_t)c, .at = (uint8_t)at};
		char all[64];
		snprintf(all, sizeof all, "%s%s", row->keys, row->also);
		struct str keys = str_of(all);
		for (unsigned i = 0; keys.n; i++) {
			int key = sealed_place(kind->columns, str_trim(str_cut(&keys, ',')));
			assert(key >= 0 && i < SEALED_KEYS);
			in.from[i] = (int8_t)(key + 1);
			out.from[i] = (int8_t)-key;
			sealed_n_keys[c] = (uint8_t)(i + 1);
		}
		sealed_texts_in[c] = kind->letters[at] != 'b';
		sealed_use_add(&sealed_ins[kind->put], in);
		sealed_use_add(&sealed_outs[kind->take], out);
	}
	assert(sealed_n_keys[c]);
}

static pthread_once_t sealed_once = PTHREAD_ONCE_INIT;

static void sealed_setup(void)
{
	for (size_t i = 0; i < sizeof sealed_said / sizeof *sealed_said; i++)
		sealed_use_add(&(sealed_said[i].in ? sealed_ins : sealed_outs)[sealed_said[i].stmt],
			       sealed_said[i].use);
	for (int c = 0; c < SEALED_COUNT; c++)
		sealed_use_kind((enum sealed_column)c);
}

bool sealed_is_text(enum sealed_column c)
{
	pthread_once(&sealed_once, sealed_setup);
	return sealed_texts_in[c];
}

/* --- one value --------------------------------------------------------------------------------------------------- */

struct sealed_bound {
	char bytes[SEAL_BOUND];
	size_t n;
};

static void sealed_bound_add(struct sealed_bound *b, const void *p, size_t n)
{
	assert(b->n + n <= sizeof b->bytes);
	memcpy(b->bytes + b->n, p, n);
	b->n += n;
}

/* Its place: the name of the column and the row's keys, texts of foreign length by their hash. */
static struct sealed_bound sealed_bound(enum sealed_column c, const struct bind *keys)
{
	struct sealed_bound b = {.n = 0};
	sealed_bound_add(&b, sealed_rows[c].name, strlen(sealed_rows[c].name) + 1);
	for (unsigned i = 0; i < sealed_n_keys[c]; i++) {
		uint8_t key[32];
		bool number = keys[i].kind == BIND_INT;
		for (int k = 0; number && k < 8; k++)
			key[k] = (uint8_t)((uint64_t)keys[i].i >> (56 - 8 * k));
		if (!number)
			crypto_generichash(key, sizeof key, (const uint8_t *)keys[i].s.p, keys[i].s.n, NULL, 0);
		sealed_bound_add(&b, number ? "i" : "t", 1);
		sealed_bound_add(&b, key, number ? 8 : sizeof key);
	}
	return b;
}

bool sealed_is(struct str value)
{
	return str_starts(value, sealed_texts) || str_starts(value, sealed_raws);
}

struct bind sealed_value(struct store *s, enum sealed_column c, const struct bind *keys, struct bind plain,
			 struct arena *a)
{
	pthread_once(&sealed_once, sealed_setup);
	if ((plain.kind != BIND_TEXT && plain.kind != BIND_BLOB) || !plain.s.n)
		return plain;
	struct sealed_bound b = sealed_bound(c, keys);
	const struct str head = plain.kind == BIND_TEXT ? sealed_texts : sealed_raws;
	size_t n = plain.s.n + SEAL_EXTRA,
	       room =
		   plain.kind == BIND_TEXT ? sodium_base64_encoded_len(n, sodium_base64_VARIANT_URLSAFE_NO_PADDING) : n;
	char *to = arena_bytes(a, head.n + room), *raw = plain.kind == BIND_TEXT ? xrealloc(NULL, n) : to + head.n;
	memcpy(to, head.p, head.n);
	seal_bytes(s, SEALED_VERSION, (struct str){b.bytes, b.n}, plain.s, raw);
	if (plain.kind == BIND_TEXT) {
		sodium_bin2base64(to + head.n, room, (const uint8_t *)raw, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
		xfree(raw);
		room--; /* its final NUL */
	}
	plain.s = (struct str){to, head.n + room};
	return plain;
}

/* The bytes of a sealed value: its own, or those of its base64 in `a`. {0}: broken. */
static struct str sealed_raw(struct str value, struct arena *a)
{
	struct str rest = {value.p + sealed_texts.n, value.n - sealed_texts.n};
	if (str_starts(value, sealed_raws))
		return rest;
	size_t room = rest.n / 4 * 3 + 3, n;
	char *raw = arena_bytes(a, room);
	return sodium_base642bin((uint8_t *)raw, room, rest.p, rest.n, NULL, &n, NULL,
				 sodium_base64_VARIANT_URLSAFE_NO_PADDING)
		   ? (struct str){0}
		   : (struct str){raw, n};
}

uint32_t sealed_key(struct str value)
{
	struct arena a = {0};
	struct str head = {value.p,
			   value.n < sealed_texts.n + 64 ? value.n : sealed_texts.n + 64}; /* the key stands in front */
	uint32_t key = sealed_is(value) ? seal_bytes_key(sealed_raw(head, &a)) : 0;
	arena_free(&a);
	return key;
}

bool sealed_open(struct store *s, enum sealed_column c, const struct bind *keys, struct str value, struct arena *a,
		 struct str *ret, struct err *e)
{
	*ret = value;
	pthread_once(&sealed_once, sealed_setup);
	if (!sealed_is(value))
		return true;
	struct sealed_bound b = sealed_bound(c, keys);
	struct str raw = sealed_raw(value, a);
	char *plain = arena_bytes(a, raw.n + 1);
	const char *why = seal_bytes_open(s, SEALED_VERSION, (struct str){b.bytes, b.n}, raw, plain);
	if (why) {
		log_at(LOG_ERROR, "a sealed value does not open", "column=%s key=%lld reason=\"%s\"",
		       sealed_rows[c].name, keys[0].kind == BIND_INT ? (long long)keys[0].i : 0LL, why);
		return fail(e, ERR_STORE, NULL, "What is stored there could not be opened.");
	}
	*ret = (struct str){plain, raw.n - SEAL_EXTRA};
	return true;
}

/* --- in ---------------------------------------------------------------------------------------------------------- */

static bool sealed_wants(const struct store *s, struct bind b)
{
	bool value = (b.kind == BIND_TEXT || b.kind == BIND_BLOB) && b.s.n;
	return value && s->sealer && (s->sealer->encrypts || sealed_is(b.s));
}

static void sealed_keys(const struct sealed_use *use, const struct bind *binds, const struct cell *cells,
			struct bind keys[SEALED_KEYS])
{
	for (unsigned i = 0; i < sealed_n_keys[use->column]; i++) {
		const struct cell *cell = use->from[i] > 0 ? NULL : &cells[-use->from[i]];
		keys[i] = !cell ? binds[use->from[i] - 1] : cell->s.p ? TEXT(cell->s) : INT(cell->i);
	}
}

/* The change with its values sealed; NULL binds: nothing in it is. */
static const struct bind *sealed_binds(struct store *s, const struct change *c, struct arena *a)
{
	const struct sealed_uses *uses = &sealed_ins[c->stmt];
	struct bind *own = NULL;
	for (unsigned i = 0; i < uses->n; i++) {
		const struct sealed_use *use = &uses->list[i];
		struct bind keys[SEALED_KEYS];
		if (!sealed_wants(s, c->binds[use->at - 1]))
			continue;
		if (!own) {
			own = new_array(a, struct bind, c->n);
			memcpy(own, c->binds, c->n * sizeof *own);
		}
		sealed_keys(use, c->binds, NULL, keys);
		own[use->at - 1] = sealed_value(s, (enum sealed_column)use->column, keys, own[use->at - 1], a);
	}
	return own;
}

void sealed_changes(struct store *s, struct store_request *r)
{
	pthread_once(&sealed_once, sealed_setup);
	struct change *own = NULL;
	arena_free(&r->sealed);
	r->apply.changes = r->changes;
	for (size_t i = 0; i < r->apply.n; i++) {
		const struct bind *binds =
		    sealed_ins[r->changes[i].stmt].n ? sealed_binds(s, &r->changes[i], &r->sealed) : NULL;
		if (!binds)
			continue;
		if (!own) {
			own = new_array(&r->sealed, struct change, r->apply.n);
			memcpy(own, r->changes, r->apply.n * sizeof *own);
			r->apply.changes = own;
		}
		own[i].binds = binds;
	}
}

/* --- out --------------------------------------------------------------------------------------------------------- */

struct sealed_reading {
	struct store *store;
	const struct sealed_uses *uses;
	const struct bind *binds; /* of query(); NULL: each() */
	const struct each *each;
	row_fn *row;
	void *ctx;
	struct err err;
};

/* Opens in place, for the length of the row's call. */
static bool sealed_cells(struct sealed_reading *g, const struct bind *binds, struct cell *cells, struct arena *a)
{
	for (unsigned i = 0; i < g->uses->n; i++) {
		const struct sealed_use *use = &g->uses->list[i];
		struct bind keys[SEALED_KEYS];
		if (!sealed_is(cells[use->at].s))
			continue;
		sealed_keys(use, binds, cells, keys);
		if (!sealed_open(g->store, (enum sealed_column)use->column, keys, cells[use->at].s, a,
				 &cells[use->at].s, &g->err))
			return false;
	}
	return true;
}

static bool sealed_on_row(void *ctx, const struct cell *cells)
{
	struct sealed_reading *g = ctx;
	struct arena a = {0};
	/* A driver's cells are made for this call (statement.h). */
	bool ok = sealed_cells(g, g->binds, (struct cell *)cells, &a) && g->row(g->ctx, cells);
	arena_free(&a);
	return ok;
}

bool sealed_query(struct store *s, struct db_reader *r, enum statement stmt, const struct bind *binds, unsigned n,
		  row_fn *row, void *ctx, struct err *e)
{
	pthread_once(&sealed_once, sealed_setup);
	struct sealed_reading g = {.store = s, .uses = &sealed_outs[stmt], .binds = binds, .row = row, .ctx = ctx};
	if (!g.uses->n)
		return s->driver->query(r, stmt, binds, n, row, ctx, e);
	if (!s->driver->query(r, stmt, binds, n, sealed_on_row, &g, e))
		return false;
	return !g.err.code || fail(e, g.err.code, NULL, "%s", g.err.msg);
}

static void sealed_on_bind(void *ctx, size_t which, struct bind *b)
{
	const struct sealed_reading *g = ctx;
	g->each->bind(g->each->ctx, which, b);
}

static bool sealed_on_each(void *ctx, size_t which, const struct cell *cells)
{
	struct sealed_reading *g = ctx;
	struct arena a = {0};
	struct bind binds[8];
	assert(g->each->n <= sizeof binds / sizeof *binds);
	g->each->bind(g->each->ctx, which, binds);
	bool ok = sealed_cells(g, binds, (struct cell *)cells, &a) && g->each->row(g->each->ctx, which, cells);
	arena_free(&a);
	return ok;
}

bool sealed_each(struct store *s, struct db_reader *r, const struct each *each, struct err *e)
{
	pthread_once(&sealed_once, sealed_setup);
	struct sealed_reading g = {.store = s, .uses = &sealed_outs[each->stmt], .each = each};
	if (!g.uses->n)
		return s->driver->each(r, each, e);
	struct each own = *each;
	own.bind = sealed_on_bind;
	own.row = sealed_on_each;
	own.ctx = &g;
	if (!s->driver->each(r, &own, e))
		return false;
	return !g.err.code || fail(e, g.err.code, NULL, "%s", g.err.msg);
}
