/* foreign.c - text of strangers on its way to a model. */
#include "tools/foreign.h"

#include <string.h>

/* Bytes of "[12]" at the head of `s`, as encyclopedias write their own notes; 0: none. */
static size_t note_length(struct str s)
{
	size_t n = 1;
	while (n < s.n && n < 6 && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return n > 1 && n < s.n && s.p[n] == ']' ? n + 1 : 0;
}

/* Would '<' followed by this begin a tag or a template's word (<source, </s>, <|im_start|>, <start_of_turn>)? */
static bool opens(char next)
{
	char low = (char)(next | 0x20);
	return (low >= 'a' && low <= 'z') || next == '/' || next == '|' || next == '!' || next == '?';
}

static size_t whole_characters(struct str s, size_t n)
{
	while (n && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

void foreign_add(struct buf *b, struct str s, size_t max)
{
	size_t end = s.n > max ? whole_characters(s, max) : s.n;
	for (size_t i = 0; i < end; i++) {
		struct str rest = {s.p + i, end - i};
		unsigned char c = (unsigned char)s.p[i];
		size_t note = c == '[' ? note_length(rest) : 0;
		if (c == '<' && rest.n > 1 && opens(rest.p[1]))
			buf_add(b, S("\u2039"));
		else if (note)
			i += note - 1;
		else if (c == '[' && rest.n > 5 && !memcmp(rest.p, "[INST", 5))
			buf_byte(b, '(');
		else if (c >= ' ' || c == '\n' || c == '\t')
			buf_byte(b, s.p[i]);
	}
	if (end < s.n)
		buf_add(b, S("..."));
}
