/* foreign.c - text of strangers on its way to a model. */
#include "tools/foreign.h"

#include <string.h>

enum { NOTE_DIGITS = 5, WORD_LEAST = 3, BRACKET_MOST = 40 };

/* Would '<' followed by this begin a tag or a template's word (<source, </s>, <|im_start|>, <start_of_turn>)? Some
 * words have a bar from beyond ASCII. */
static bool opens(unsigned char next)
{
	unsigned char low = next | 0x20;
	return (low >= 'a' && low <= 'z') || next == '/' || next == '|' || next == '!' || next == '?' || next >= 0x80;
}

static bool all_of(struct str s, char from, char to, const char *others)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < from || s.p[i] > to) && !(s.p[i] && strchr(others, s.p[i])))
			return false;
	return true;
}

/* Looks at the brackets that end what was written: "[12]", as encyclopedias write their own notes, goes, and so do the
 * brackets of a template's word ("[INST]", "[/TOOL_RESULTS]"). `values`: such numbers are no notes. */
static void bracket_end(struct buf *b, size_t from, bool values)
{
	size_t at = b->n - 1;
	while (at > from && b->p[at] != '[' && b->n - at <= BRACKET_MOST)
		at--;
	struct str in = {b->p + at + 1, b->n - at - 2};
	if (b->p[at] != '[' || b->n - at < 3)
		return;
	if (in.n <= NOTE_DIGITS && all_of(in, '0', '9', "")) {
		b->n = values ? b->n : at;
	} else if (in.n >= WORD_LEAST && all_of(in, 'A', 'Z', "/_")) {
		b->p[at] = '(';
		b->p[b->n - 1] = ')';
	}
}

/* Bytes of a character that no reader of a page sees, and models do: controls, and the tags of U+E0000. */
static size_t unseen(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];
	if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
		return 1;
	return s.n >= 4 && !memcmp(s.p, "\xf3\xa0", 2) && ((unsigned char)s.p[2] & 0xfe) == 0x80 ? 4 : 0;
}

static size_t whole_characters(struct str s, size_t n)
{
	while (n && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* It is what was written that is looked at, never what comes: whatever is left out joins what stood around it. */
static void foreign_write(struct buf *b, struct str s, size_t max, bool values)
{
	size_t end = s.n > max ? whole_characters(s, max) : s.n, from = b->n;
	for (size_t i = 0; i < end && !b->over; i++) {
		size_t gone = unseen((struct str){s.p + i, end - i});
		if (gone) {
			i += gone - 1;
			continue;
		}
		if (b->n > from && b->p[b->n - 1] == '<' && opens((unsigned char)s.p[i])) {
			b->n--;
			buf_add(b, S("\u2039"));
		}
		buf_byte(b, s.p[i]);
		if (s.p[i] == ']' && !b->over)
			bracket_end(b, from, values);
	}
	if (end < s.n)
		buf_add(b, S("..."));
}

void foreign_add(struct buf *b, struct str s, size_t max)
{
	foreign_write(b, s, max, false);
}

void foreign_add_values(struct buf *b, struct str s, size_t max)
{
	foreign_write(b, s, max, true);
}
