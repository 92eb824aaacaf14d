/* chat_same.c - chunks that differ from the last one in one string alone. */
#include "engine/chat_same.h"

#include <string.h>

#include "wire/utf8.h"

enum { KEPT_MAX = 1024 }; /* bytes around a string: a chunk with more is not what most engines send */

void chat_same_release(struct chat_same *m)
{
	xfree(m->p);
	*m = (struct chat_same){.off = m->off};
}

/* Where the string that begins at `at` ends: its closing quote. */
static size_t string_end(struct str data, size_t at)
{
	while (at < data.n && data.p[at] != '"')
		at += data.p[at] == '\\' ? 2 : 1;
	return at;
}

void chat_same_keep(struct chat_same *m, struct str data, size_t at, enum model_event_kind kind)
{
	size_t end = string_end(data, at);
	chat_same_release(m);
	if (m->off || end >= data.n || at + data.n - end > KEPT_MAX)
		return;
	m->before = (uint16_t)at;
	m->behind = (uint16_t)(data.n - end);
	m->kind = kind;
	m->p = xrealloc(NULL, at + data.n - end);
	memcpy(m->p, data.p, at);
	memcpy(m->p + at, data.p + end, data.n - end);
}

/* The character of a short escape (RFC 8259, 7); 0: it is for the parser. */
static char chat_same_unescape(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case '"':
	case '\\':
	case '/':
		return c;
	default:
		return 0;
	}
}

/* How many bytes at `p` stand for themselves in a JSON string. */
static size_t chat_same_plain_run(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t i = 0, bad;
	while (i < n && u[i] >= ' ' && u[i] != '"' && u[i] != '\\') {
		size_t len = u[i] < 0x80 ? 1 : utf8_len(u + i, n - i, &bad);
		if (!len)
			break;
		i += len;
	}
	return i;
}

/* A string's inside without its escapes. */
static bool string_read(struct str in, char room[SAME_ROOM], struct str *text)
{
	size_t n = 0, run = chat_same_plain_run(in.p, in.n);
	*text = in;
	if (run == in.n)
		return in.n > 0;
	if (in.n > SAME_ROOM)
		return false;
	for (size_t i = 0;;) {
		memcpy(room + n, in.p + i, run);
		n += run;
		i += run;
		if (i == in.n)
			break;
		char c = in.p[i] == '\\' && i + 1 < in.n ? chat_same_unescape(in.p[i + 1]) : 0;
		if (!c)
			return false;
		room[n++] = c;
		i += 2;
		run = chat_same_plain_run(in.p + i, in.n - i);
	}
	*text = (struct str){room, n};
	return true;
}

bool chat_same_read(const struct chat_same *m, struct str data, char room[SAME_ROOM], struct str *text)
{
	size_t around = (size_t)m->before + m->behind;
	if (!m->p || data.n <= around || memcmp(data.p, m->p, m->before) != 0 ||
	    memcmp(data.p + data.n - m->behind, m->p + m->before, m->behind) != 0)
		return false;
	return string_read((struct str){data.p + m->before, data.n - around}, room, text);
}
