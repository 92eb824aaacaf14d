/* postgres_text.c - texts that a column of PostgreSQL does not take. */
#include "store/postgres_text.h"

#include <string.h>

#include "wire/utf8.h"

static const char mark[] = "\xF4\x8F\xBF\xBF"; /* U+10FFFF */
enum { MARK = sizeof mark - 1, MARKED = MARK + 2 };

static bool has_mark(struct str s)
{
	return s.n >= MARK && memmem(s.p, s.n, mark, MARK);
}

struct str postgres_text_in(struct arena *a, struct str s)
{
	static const char hex[] = "0123456789abcdef";
	if (!s.n || (!memchr(s.p, 0, s.n) && utf8_valid(s) && !has_mark(s)))
		return s;
	char *to = arena_bytes(a, s.n * MARKED), *at = to;
	for (size_t i = 0; i < s.n;) {
		size_t bad, n = s.p[i] ? utf8_len((const unsigned char *)s.p + i, s.n - i, &bad) : 0;
		if (n && (n != MARK || memcmp(s.p + i, mark, MARK))) {
			memcpy(at, s.p + i, n);
			at += n;
			i += n;
			continue;
		}
		unsigned char c = (unsigned char)s.p[i++];
		memcpy(at, mark, MARK);
		at[MARK] = hex[c >> 4];
		at[MARK + 1] = hex[c & 15];
		at += MARKED;
	}
	return (struct str){to, (size_t)(at - to)};
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct str postgres_text_out(struct arena *a, struct str s)
{
	if (!has_mark(s))
		return s;
	char *to = arena_bytes(a, s.n), *at = to;
	for (size_t i = 0; i < s.n;) {
		bool marked = s.n - i >= MARKED && !memcmp(s.p + i, mark, MARK);
		int high = marked ? nibble(s.p[i + MARK]) : -1, low = marked ? nibble(s.p[i + MARK + 1]) : -1;
		bool is = high >= 0 && low >= 0;
		*at++ = is ? (char)((unsigned)high << 4 | (unsigned)low) : s.p[i];
		i += is ? MARKED : 1;
	}
	return (struct str){to, (size_t)(at - to)};
}
