/* json.c - JSON in (yyjson). */
#include "wire/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"

enum {
	DEPTH = 128,           /* json_depth: arrays and objects within each other */
	ARENA_TEXT = 32 << 10, /* documents up to this size live in the arena's blocks */
	MAPPED = 32,           /* objects with more members are compared through a map */
};

/* --- in ------------------------------------------------------------------------------------------------ */

static void *house_malloc(void *ctx, size_t n)
{
	return xrealloc(NULL, n);
}

static void *house_realloc(void *ctx, void *p, size_t old, size_t n)
{
	return xrealloc(p, n);
}

static void house_free(void *ctx, void *p)
{
	xfree(p);
}

static const yyjson_alc house = {house_malloc, house_realloc, house_free, NULL};

/* A small document on its way into an arena: first yyjson asks for room for the text, then for the values, of which it
 * guesses two or three times as many as there are. */
struct small_doc {
	struct arena *a;
	char *text; /* in the arena */
	void *values;
};

static void *small_malloc(void *ctx, size_t n)
{
	struct small_doc *d = ctx;
	if (!d->text)
		return d->text = arena_bytes(d->a, n);
	return d->values = xrealloc(NULL, n);
}

static void *small_realloc(void *ctx, void *p, size_t old, size_t n)
{
	struct small_doc *d = ctx;
	assert(p == d->values);
	return d->values = xrealloc(p, n);
}

/* Who lent the room takes it back. */
static void json_keep(void *ctx, void *p)
{
}

/* The values alone move into the arena: they stand in one run, and know of each other by distances. */
static yyjson_val *small_keep(struct small_doc *d, yyjson_doc *doc)
{
	yyjson_val *root = yyjson_doc_get_root(doc);
	size_t n = yyjson_doc_get_val_count(doc);
	return root ? memcpy(arena_alloc(d->a, n * sizeof *root), root, n * sizeof *root) : NULL;
}

static void doc_undo(void *doc)
{
	yyjson_doc_free(doc);
}

/* yyjson keeps a document's values in one run in reading order, so that its depth is counted without
 * recursion: a container's end is where its next sibling stands. */
static bool too_deep(yyjson_doc *doc)
{
	yyjson_val *end[DEPTH], *v = yyjson_doc_get_root(doc);
	size_t left = yyjson_doc_get_val_count(doc);
	unsigned depth = 0;
	for (; left--; v++) {
		while (depth && v >= end[depth - 1])
			depth--;
		if (!yyjson_is_ctn(v))
			continue;
		if (depth == DEPTH)
			return true;
		end[depth++] = unsafe_yyjson_get_next(v);
	}
	return false;
}

bool json_parse(struct arena *a, struct str text, yyjson_val **ret, struct err *e)
{
	static const char hint[] =
	    "We could not parse the JSON body of your request. (HINT: This likely means you aren't "
	    "using your HTTP library correctly. The OpenAI API expects a JSON payload, but what "
	    "was sent was not valid JSON.";
	bool small = text.n <= ARENA_TEXT;
	struct small_doc room = {.a = a};
	yyjson_alc alc = small ? (yyjson_alc){small_malloc, small_realloc, json_keep, &room} : house;
	yyjson_read_err why = {0};
	yyjson_doc *doc = NULL;
	if (text.n == 0)
		return fail(e, ERR_BAD_JSON, NULL, "%s It was empty.)", hint);
	/* Without the in-place flag yyjson copies the text and only reads what it was given. */
	doc = yyjson_read_opts((char *)(uintptr_t)text.p, text.n, YYJSON_READ_NOFLAG, &alc, &why);
	bool deep = doc && too_deep(doc);
	if (doc && !deep)
		*ret = small ? small_keep(&room, doc) : yyjson_doc_get_root(doc);
	if (doc && !small)
		arena_defer(a, doc_undo, doc);
	xfree(room.values);
	if (!doc)
		return fail(e, ERR_BAD_JSON, NULL, "%s At byte %zu: %s.)", hint, why.pos, why.msg);
	return !deep || fail(e, ERR_BAD_JSON, NULL, "%s It is nested more than %d levels deep.)", hint, DEPTH);
}

yyjson_val *json_get(yyjson_val *obj, struct str key)
{
	return yyjson_obj_getn(obj, key.p, key.n);
}

/* yyjson's writer does not recurse, so the depth is no matter (jo_val() trusts json_parse() for that). */
char *json_render(yyjson_val *v, size_t *n)
{
	const yyjson_write_flag flags = YYJSON_WRITE_ALLOW_INVALID_UNICODE | YYJSON_WRITE_INF_AND_NAN_AS_NULL;
	return yyjson_val_write_opts(v, flags, &house, n, NULL);
}

struct str json_text(struct arena *a, yyjson_val *v)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_val(&o, v);
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

/* --- equality ------------------------------------------------------------------------------------------ */

static bool same_number(yyjson_val *a, yyjson_val *b)
{
	if (yyjson_is_int(a) && yyjson_is_int(b)) {
		bool a_below = yyjson_is_sint(a) && yyjson_get_sint(a) < 0;
		bool b_below = yyjson_is_sint(b) && yyjson_get_sint(b) < 0;
		return a_below == b_below && yyjson_get_uint(a) == yyjson_get_uint(b);
	}
	double x = yyjson_get_num(a), y = yyjson_get_num(b);
	return !(x < y) && !(x > y);
}

static bool same_array(yyjson_val *a, yyjson_val *b)
{
	yyjson_arr_iter x = yyjson_arr_iter_with(a), y = yyjson_arr_iter_with(b);
	yyjson_val *v;
	if (yyjson_arr_size(a) != yyjson_arr_size(b))
		return false;
	while ((v = yyjson_arr_iter_next(&x)))
		if (!json_same(v, yyjson_arr_iter_next(&y)))
			return false;
	return true;
}

static bool same_object(yyjson_val *a, yyjson_val *b)
{
	size_t n = yyjson_obj_size(a), i, max;
	yyjson_val *key, *val;
	if (n != yyjson_obj_size(b))
		return false;
	struct map members = {0}; /* keeps hostile objects from costing n * n */
	if (n > MAPPED)
		yyjson_obj_foreach(b, i, max, key, val) map_put(&members, json_str(key), val);
	bool same = true;
	yyjson_obj_foreach(a, i, max, key, val)
	{
		yyjson_val *other = n > MAPPED ? map_get(&members, json_str(key)) : json_get(b, json_str(key));
		if (!other || !json_same(val, other)) {
			same = false;
			break;
		}
	}
	map_release(&members);
	return same;
}

bool json_same(yyjson_val *a, yyjson_val *b)
{
	if (!a || !b)
		return a == b;
	if (yyjson_get_type(a) != yyjson_get_type(b))
		return false;
	switch (yyjson_get_type(a)) {
	case YYJSON_TYPE_BOOL:
		return yyjson_get_bool(a) == yyjson_get_bool(b);
	case YYJSON_TYPE_NUM:
		return same_number(a, b);
	case YYJSON_TYPE_STR:
		return str_eq(json_str(a), json_str(b));
	case YYJSON_TYPE_ARR:
		return same_array(a, b);
	case YYJSON_TYPE_OBJ:
		return same_object(a, b);
	default:
		return true;
	}
}
