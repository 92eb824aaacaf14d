/* words.c - texts and queries as SQLite's FTS5 takes them. */
#include "index/words.h"

#include <string.h>

/* The character at p as a number, its bytes in *n; of what is no UTF-8, 0 and 1. */
static uint32_t code_point(const unsigned char *p, size_t left, size_t *n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;
	*n = 1;
	if (size <= 1)
		return size ? *p : 0;
	if (size > left)
		return 0;
	uint32_t c = *p & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[size] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return 0;
	*n = size;
	return c;
}

/* Blocks of the Unicode standard whose scripts part no words. */
static bool dense(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} blocks[] = {
	    {0x0e00, 0x0eff},   /* Thai, Lao */
	    {0x1000, 0x109f},   /* Myanmar */
	    {0x1780, 0x17ff},   /* Khmer */
	    {0x3040, 0x30ff},   /* Hiragana, Katakana */
	    {0x3400, 0x4dbf},   /* Han, extension A */
	    {0x4e00, 0x9fff},   /* Han */
	    {0xf900, 0xfaff},   /* Han, compatibility */
	    {0x20000, 0x3134f}, /* Han, further extensions */
	};
	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
		if (c >= blocks[i].first && c <= blocks[i].last)
			return true;
	return false;
}

static struct str character_at(struct str s, size_t at, bool *is_dense)
{
	size_t n;
	uint32_t c = code_point((const unsigned char *)s.p + at, s.n - at, &n);
	*is_dense = dense(c);
	return (struct str){c ? s.p + at : " ", n};
}

static void words_add_pairs(struct buf *b, struct str run)
{
	bool d;
	struct str last = {0};
	for (size_t at = 0; at < run.n;) {
		struct str c = character_at(run, at, &d);
		at += c.n;
		if (last.p) {
			buf_byte(b, ' ');
			buf_add(b, (struct str){last.p, last.n + c.n});
		}
		last = c;
	}
	if (last.n == run.n) { /* one alone */
		buf_byte(b, ' ');
		buf_add(b, last);
	}
	buf_byte(b, ' ');
}

void words_index(struct buf *b, struct str text)
{
	for (size_t at = 0; at < text.n;) {
		bool d;
		size_t from = at;
		struct str c = character_at(text, at, &d);
		if (!d) {
			buf_add(b, c);
			at += c.n;
			continue;
		}
		while (at < text.n) {
			c = character_at(text, at, &d);
			if (!d)
				break;
			at += c.n;
		}
		words_add_pairs(b, (struct str){text.p + from, at - from});
	}
}

void words_quote(struct buf *b, struct str word)
{
	struct buf parts;
	buf_init(&parts, word.n * 4 + 16);
	words_index(&parts, word);
	buf_byte(b, '"');
	for (size_t i = 0; i < parts.n; i++)
		buf_byte(b, parts.p[i] == '"' || parts.p[i] == 0 ? ' ' : parts.p[i]);
	buf_byte(b, '"');
	buf_release(&parts);
}

static bool words_blank(struct str c)
{
	return c.n == 1 && ((unsigned char)*c.p <= ' ' || strchr("\"()[]{}<>,;!?*", *c.p));
}

struct str words_next(struct str *query)
{
	bool d, first = false;
	size_t at = 0, from;
	while (at < query->n && words_blank(character_at(*query, at, &d)))
		at++;
	from = at;
	while (at < query->n) {
		struct str c = character_at(*query, at, &d);
		if (words_blank(c) || (at > from && d != first))
			break;
		first = d;
		at += c.n;
	}
	struct str word = {query->p + from, at - from};
	*query = (struct str){query->p + at, query->n - at};
	return word.n ? word : (struct str){0};
}

bool words_plain(struct str word)
{
	static const struct str plain[] = {
#define PLAIN(word) STR(word),
#include "index/plain_words.def"
#undef PLAIN
	};
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (str_eq_nocase(word, plain[i]))
			return true;
	return false;
}
