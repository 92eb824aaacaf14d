/* utf8.c - UTF-8 that others cut. */
#include "wire/utf8.h"

#include <string.h>

#include "base/arena.h"

static const struct str unknown = STR("\xef\xbf\xbd"); /* U+FFFD */

size_t utf8_len(const unsigned char *p, size_t n, size_t *bad)
{
	unsigned char c = *p, low = 0x80, high = 0xbf;
	size_t want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	*bad = 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < want; i++) {
		if (i == n || p[i] < low || p[i] > high)
			return 0;
		*bad = i + 1;
		low = 0x80;
		high = 0xbf;
	}
	return want;
}

bool utf8_valid(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t bad, len;
	for (size_t i = 0; i < s.n; i += len) {
		len = p[i] < 0x80 ? 1 : utf8_len(p + i, s.n - i, &bad);
		if (!len)
			return false;
	}
	return true;
}

/* --- joining -------------------------------------------------------------------------------------------- */

/* Are the n bytes a half, or the beginning of one? `least` tells which: 0xa0 a high one, 0xb0 a low one. */
static bool is_half(const unsigned char *p, size_t n, unsigned char least)
{
	return n && p[0] == 0xed && (n < 2 || (p[1] & 0xf0) == least) && (n < 3 || (p[2] & 0xc0) == 0x80);
}

static void put_pair(struct buf *out, const unsigned char *p)
{
	unsigned high = (p[1] & 0x0fu) << 6 | (p[2] & 0x3fu), low = (p[4] & 0x0fu) << 6 | (p[5] & 0x3fu);
	unsigned c = 0x10000 + (high << 10 | low);
	buf_byte(out, (char)(0xf0 | c >> 18));
	buf_byte(out, (char)(0x80 | (c >> 12 & 0x3f)));
	buf_byte(out, (char)(0x80 | (c >> 6 & 0x3f)));
	buf_byte(out, (char)(0x80 | (c & 0x3f)));
}

/* What is not well-formed at `p`: how many bytes of it are done with; 0: all the rest waits. */
static size_t take_broken(const unsigned char *p, size_t n, size_t bad, struct buf *out)
{
	if (is_half(p, n, 0xa0)) {
		if (n < 3 || is_half(p + 3, n - 3, 0xb0) || n == 3) {
			if (n < 6)
				return 0;
			put_pair(out, p);
			return 6;
		}
		buf_add(out, unknown);
		return 3;
	}
	if (is_half(p, n, 0xb0)) {
		if (n < 3)
			return 0;
		buf_add(out, unknown);
		return 3;
	}
	if (bad == n && p[0] >= 0xc2 && p[0] <= 0xf4)
		return 0;
	buf_add(out, unknown);
	return bad;
}

static size_t utf8_take_one(const unsigned char *p, size_t n, struct buf *out)
{
	size_t bad, len = p[0] < 0x80 ? 1 : utf8_len(p, n, &bad);
	if (!len)
		return take_broken(p, n, bad, out);
	buf_add(out, (struct str){(const char *)p, len});
	return len;
}

struct str utf8_join(struct utf8_join *j, struct str in, struct buf *room)
{
	if (!in.n || (!j->n && utf8_valid(in)))
		return in;
	size_t n = (size_t)j->n + in.n, at = 0, step = 1;
	unsigned char *all = xalloc(n);
	memcpy(all, j->tail, (size_t)j->n);
	memcpy(all + j->n, in.p, in.n);
	buf_clear(room);
	while (at < n && (step = utf8_take_one(all + at, n - at, room)))
		at += step;
	j->n = (int)(n - at);
	memcpy(j->tail, all + at, n - at);
	xfree(all);
	return buf_str(room);
}

struct str utf8_join_end(struct utf8_join *j)
{
	bool waits = j->n;
	j->n = 0;
	return waits ? unknown : S("");
}

/* --- escapes -------------------------------------------------------------------------------------------- */

/* The code unit of the escape "\uXXXX" at `s`, or -1. */
static int unit_of(struct str s)
{
	int unit = 0;
	if (s.n < 6 || s.p[0] != '\\' || s.p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int c = s.p[i] | 0x20;
		if (c >= '0' && c <= '9')
			unit = unit << 4 | (c - '0');
		else if (c >= 'a' && c <= 'f')
			unit = unit << 4 | (c - 'a' + 10);
		else
			return -1;
	}
	return unit;
}

static bool high(int unit)
{
	return unit >= 0xd800 && unit < 0xdc00;
}

static bool low(int unit)
{
	return unit >= 0xdc00 && unit < 0xe000;
}

bool utf8_halves(struct str in, struct buf *out)
{
	bool any = false;
	while (in.n) {
		size_t n = in.p[0] == '\\' ? in.n > 1 ? 2 : 1 : str_find(in, '\\');
		int unit = unit_of(in);
		bool pair = high(unit) && low(unit_of((struct str){in.p + 6, in.n - 6}));
		if (pair)
			n = 12;
		else if (unit >= 0)
			n = 6;
		if (!pair && (high(unit) || low(unit))) {
			any = true;
			buf_byte(out, (char)0xed);
			buf_byte(out, (char)(0x80 | (unit >> 6 & 0x3f)));
			buf_byte(out, (char)(0x80 | (unit & 0x3f)));
		} else {
			buf_add(out, (struct str){in.p, n});
		}
		in.p += n;
		in.n -= n;
	}
	return any;
}
