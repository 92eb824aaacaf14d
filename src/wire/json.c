/* json.c - JSON in (yyjson) and out (append-only writer). */
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
	NUM_ROOM = 64,         /* more than any number is long */
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

/* --- out ----------------------------------------------------------------------------------------------- */

/* 0: goes out as it is; 'u': \u00XX; 'x': first byte of a sequence to check (>= 0x80); else the letter after '\'. */
static const char escapes[256] = {
    [0 ... 7] = 'u',   ['\b'] = 'b', ['\t'] = 't',  ['\n'] = 'n',          [11] = 'u', ['\f'] = 'f', ['\r'] = 'r',
    [14 ... 31] = 'u', ['"'] = '"',  ['\\'] = '\\', [0x80 ... 0xff] = 'x',
};

/* Bytes from `i` on that go out as they are. Eight at a time: a byte is special when it is below 0x20, a quote,
 * a backslash or not ASCII. */
static size_t json_plain_run(const unsigned char *p, size_t i, size_t n)
{
	const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
	for (; n - i >= 8; i += 8) {
		uint64_t w;
		memcpy(&w, p + i, 8);
		uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');
		if ((w | (w - ones * 0x20) | (quote - ones) | (slash - ones)) & tops)
			break;
	}
	while (i < n && !escapes[p[i]])
		i++;
	return i;
}

/* One character, escaped where it has to be; *at moves behind it. How many bytes were read. */
static size_t json_put_escaped(char **at, const unsigned char *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	size_t bad = 1, len = 1;
	char *to = *at, kind = escapes[*p];
	if (!kind) {
		*to++ = (char)*p;
	} else if (kind == 'x') {
		len = utf8_len(p, n, &bad);
		memcpy(to, len ? (const char *)p : "\xef\xbf\xbd", len ? len : 3);
		to += len ? len : 3;
		len = len ? len : bad;
	} else if (kind == 'u') {
		memcpy(to, (char[]){'\\', 'u', '0', '0', hex[*p >> 4], hex[*p & 15]}, 6);
		to += 6;
	} else {
		*to++ = '\\';
		*to++ = kind;
	}
	*at = to;
	return len;
}

/* Where one escape is, others are near: a stretch is put together beside the buffer and added in one piece. */
void jo_escape(struct buf *b, struct str s)
{
	enum { STRETCH = 32, LONGEST = 6 };
	const unsigned char *p = (const unsigned char *)s.p;
	char out[STRETCH * LONGEST];
	for (size_t i = 0; i < s.n;) {
		size_t to = json_plain_run(p, i, s.n);
		if (to > i)
			buf_add(b, (struct str){s.p + i, to - i});
		i = to;
		char *at = out;
		for (size_t end = s.n - i < STRETCH ? s.n : i + STRETCH; i < end;)
			i += json_put_escaped(&at, p + i, s.n - i);
		buf_add(b, (struct str){out, (size_t)(at - out)});
	}
}

/* Comma where one is needed, then `c`. */
static void open_with(struct jout *o, char c)
{
	if (o->comma)
		buf_add(o->b, (struct str){(char[]){',', c}, 2});
	else
		buf_byte(o->b, c);
}

static void json_scalar(struct jout *o, struct str text)
{
	size_t comma = o->comma ? 1 : 0;
	char *at = buf_room(o->b, text.n + comma);
	o->comma = true;
	if (!at)
		return;
	if (comma)
		*at++ = ',';
	memcpy(at, text.p, text.n);
	o->b->n += text.n + comma;
}

void jo_obj(struct jout *o)
{
	open_with(o, '{');
	o->comma = false;
}

void jo_obj_end(struct jout *o)
{
	buf_byte(o->b, '}');
	o->comma = true;
}

void jo_arr(struct jout *o)
{
	open_with(o, '[');
	o->comma = false;
}

void jo_arr_end(struct jout *o)
{
	buf_byte(o->b, ']');
	o->comma = true;
}

/* Comma, quotes and `s`, then `after` unless it is 0. Text with nothing to escape goes out in one piece. */
static void put_quoted(struct jout *o, struct str s, char after)
{
	struct buf *b = o->b;
	if (json_plain_run((const unsigned char *)s.p, 0, s.n) < s.n) {
		open_with(o, '"');
		jo_escape(b, s);
		buf_add(b, (struct str){(char[]){'"', after}, after ? 2 : 1});
		return;
	}
	size_t n = s.n + 2 + (o->comma ? 1 : 0) + (after ? 1 : 0);
	char *at = buf_room(b, n);
	if (!at)
		return;
	if (o->comma)
		*at++ = ',';
	*at++ = '"';
	if (s.n)
		memcpy(at, s.p, s.n);
	at += s.n;
	*at++ = '"';
	if (after)
		*at = after;
	b->n += n;
}

void jo_key(struct jout *o, struct str key)
{
	put_quoted(o, key, ':');
	o->comma = false;
}

void jo_str(struct jout *o, struct str s)
{
	if (!s.p) {
		jo_null(o);
		return;
	}
	put_quoted(o, s, 0);
	o->comma = true;
}

static void put_uint(struct jout *o, uint64_t v, bool minus)
{
	char text[24], *at = text + sizeof text;
	do {
		*--at = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	if (minus)
		*--at = '-';
	json_scalar(o, (struct str){at, (size_t)(text + sizeof text - at)});
}

void jo_int(struct jout *o, int64_t v)
{
	put_uint(o, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
}

/* yyjson has the fast shortest-digits writer, behind a whole-value interface: it gets room on our stack. */
static void *room_malloc(void *ctx, size_t n)
{
	return n <= NUM_ROOM ? ctx : NULL;
}

static void *room_realloc(void *ctx, void *p, size_t old, size_t n)
{
	return n <= NUM_ROOM ? ctx : NULL;
}

void jo_num(struct jout *o, double v)
{
	char room[NUM_ROOM];
	yyjson_alc alc = {room_malloc, room_realloc, json_keep, room};
	yyjson_val num = {.tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL, .uni.f64 = v};
	size_t n = 0;
	char *text = isfinite(v) ? yyjson_val_write_opts(&num, YYJSON_WRITE_NOFLAG, &alc, &n, NULL) : NULL;
	if (text)
		json_scalar(o, (struct str){text, n});
	else
		jo_null(o);
}

void jo_bool(struct jout *o, bool v)
{
	json_scalar(o, v ? S("true") : S("false"));
}

void jo_raw(struct jout *o, struct str json)
{
	json_scalar(o, json.p ? json : S("null"));
}

static void put_members(struct jout *o, yyjson_val *v)
{
	size_t i, max;
	yyjson_val *key, *val;
	jo_obj(o);
	yyjson_obj_foreach(v, i, max, key, val)
	{
		jo_key(o, json_str(key));
		jo_val(o, val);
	}
	jo_obj_end(o);
}

static void put_elements(struct jout *o, yyjson_val *v)
{
	size_t i, max;
	yyjson_val *val;
	jo_arr(o);
	yyjson_arr_foreach(v, i, max, val) jo_val(o, val);
	jo_arr_end(o);
}

/* Recursion is bounded: json_parse() lets nothing deeper than DEPTH in. */
void jo_val(struct jout *o, yyjson_val *v)
{
	switch (yyjson_get_tag(v)) {
	case YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_TRUE:
	case YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_FALSE:
		jo_bool(o, yyjson_get_bool(v));
		break;
	case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT:
		put_uint(o, yyjson_get_uint(v), false);
		break;
	case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_SINT:
		jo_int(o, yyjson_get_sint(v));
		break;
	case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL:
		jo_num(o, yyjson_get_real(v));
		break;
	default:
		if (yyjson_is_str(v))
			jo_str(o, json_str(v));
		else if (yyjson_is_arr(v))
			put_elements(o, v);
		else if (yyjson_is_obj(v))
			put_members(o, v);
		else
			jo_null(o);
	}
}
