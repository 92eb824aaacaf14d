/* jout.c - JSON out: the append-only writer. */
#include "wire/jout.h"

#include <math.h>
#include <string.h>

#include "wire/json.h"

enum { NUM_ROOM = 64 /* more than any number is long */ };

/* 0: goes out as it is; 'u': \u00XX; 'x': first byte of a sequence to check (>= 0x80); else the letter after '\'. */
static const char escapes[256] = {
    [0 ... 7] = 'u',   ['\b'] = 'b', ['\t'] = 't',  ['\n'] = 'n',          [11] = 'u', ['\f'] = 'f', ['\r'] = 'r',
    [14 ... 31] = 'u', ['"'] = '"',  ['\\'] = '\\', [0x80 ... 0xff] = 'x',
};

/* Bytes from `i` on that go out as they are. Eight at a time: a byte is special when it is below 0x20, a quote,
 * a backslash or not ASCII. */
static size_t jout_plain_run(const unsigned char *p, size_t i, size_t n)
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
static size_t jout_put_escaped(char **at, const unsigned char *p, size_t n)
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
		size_t to = jout_plain_run(p, i, s.n);
		if (to > i)
			buf_add(b, (struct str){s.p + i, to - i});
		i = to;
		char *at = out;
		for (size_t end = s.n - i < STRETCH ? s.n : i + STRETCH; i < end;)
			i += jout_put_escaped(&at, p + i, s.n - i);
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

static void jout_scalar(struct jout *o, struct str text)
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
	if (jout_plain_run((const unsigned char *)s.p, 0, s.n) < s.n) {
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
	jout_scalar(o, (struct str){at, (size_t)(text + sizeof text - at)});
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

/* Who lent the room takes it back. */
static void room_keep(void *ctx, void *p)
{
}

void jo_num(struct jout *o, double v)
{
	char room[NUM_ROOM];
	yyjson_alc alc = {room_malloc, room_realloc, room_keep, room};
	yyjson_val num = {.tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL, .uni.f64 = v};
	size_t n = 0;
	char *text = isfinite(v) ? yyjson_val_write_opts(&num, YYJSON_WRITE_NOFLAG, &alc, &n, NULL) : NULL;
	if (text)
		jout_scalar(o, (struct str){text, n});
	else
		jo_null(o);
}

void jo_bool(struct jout *o, bool v)
{
	jout_scalar(o, v ? S("true") : S("false"));
}

void jo_raw(struct jout *o, struct str json)
{
	jout_scalar(o, json.p ? json : S("null"));
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

/* Recursion is bounded: json_parse() lets nothing deeper than its `json_depth` in. */
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
