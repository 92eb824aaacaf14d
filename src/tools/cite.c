/* cite.c - markers that a model writes become links. */
#include "tools/cite.h"

#include <ctype.h>
#include <string.h>

#include "tools/web_provider.h"

enum { MARKED = 8 /* numbers in one marker */ };

static void out(struct citer *c, struct str s, struct cite_sink *sink)
{
	if (!s.n)
		return;
	for (size_t i = 0; i < s.n; i++) {
		c->chars += ((unsigned char)s.p[i] & 0xc0) != 0x80;
		c->code ^= s.p[i] == '`';
	}
	c->last = s.p[s.n - 1];
	sink->text(sink, s);
}

void cite_url(struct buf *b, struct str url)
{
	for (size_t i = 0; i < url.n; i++) {
		unsigned char ch = (unsigned char)url.p[i];
		if (ch <= ' ' || ch == 0x7f || strchr("()<>\"`", ch))
			buf_fmt(b, "%%%02X", ch);
		else
			buf_byte(b, (char)ch);
	}
}

/* ([host](url)), as the live API writes it. */
static void link_out(struct citer *c, const struct cite_source *source, struct cite_sink *sink)
{
	struct buf b;
	struct str host = web_host(source->url);
	buf_init(&b, source->url.n * 4 + 64);
	if (c->chars && !strchr(" \n\t(", c->last))
		out(c, S(" "), sink);
	int64_t start = c->chars;
	buf_add(&b, S("(["));
	for (size_t i = 0; i < host.n; i++)
		if (!strchr("[]", host.p[i]))
			buf_byte(&b, host.p[i]);
	buf_add(&b, S("]("));
	cite_url(&b, source->url);
	buf_add(&b, S("))"));
	out(c, buf_str(&b), sink);
	sink->cited(sink, source, start, c->chars);
	c->cited++;
	buf_release(&b);
}

/* --- markers --- */

enum reading { NO, MORE, MARKER };

struct marker {
	const struct cite_source *sources[MARKED];
	size_t n, length; /* bytes */
};

static const struct cite_source *source_of(const struct cite_source *sources, size_t n, int64_t number)
{
	for (size_t i = 0; i < n; i++)
		if (sources[i].number == number)
			return &sources[i];
	return NULL;
}

static size_t skip(struct str s, size_t at, const char *set)
{
	while (at < s.n && s.p[at] && strchr(set, s.p[at]))
		at++;
	return at;
}

/* A number and what it stands for; false: there is none. */
static bool number(struct str s, size_t *at, int64_t *ret)
{
	size_t from = *at;
	for (*ret = 0; *at < s.n && isdigit((unsigned char)s.p[*at]) && *at - from < 6; ++*at)
		*ret = *ret * 10 + (s.p[*at] - '0');
	return *at > from;
}

/* "1, 2]" from `at` on. */
static enum reading square(struct str s, size_t at, const struct cite_source *sources, size_t n, struct marker *m)
{
	int64_t one;
	for (;;) {
		at = skip(s, at, " ^");
		if (at == s.n)
			return MORE;
		if (!number(s, &at, &one) || m->n == MARKED)
			return NO;
		if (at == s.n)
			return MORE;
		if (!(m->sources[m->n++] = source_of(sources, n, one)))
			return NO;
		at = skip(s, at, " ");
		if (at == s.n)
			return MORE;
		if (s.p[at] == ']')
			break;
		if (s.p[at++] != ',')
			return NO;
	}
	m->length = at + 1;
	if (at + 1 == s.n)
		return MORE; /* a '(' would make it a link of the model's own */
	return s.p[at + 1] == '(' ? NO : MARKER;
}

#define LEFT "\u3010"
#define RIGHT "\u3011"
#define DAGGER "\u2020"

/* The other brackets: a number, then perhaps a dagger and lines that were read. */
static enum reading lenticular(struct str s, const struct cite_source *sources, size_t n, struct marker *m)
{
	int64_t one;
	size_t at = sizeof LEFT - 1;
	if (s.n < at)
		return MORE; /* no part of a character goes out */
	if (!str_starts(s, S(LEFT)))
		return NO;
	at = skip(s, at, " ");
	if (at == s.n)
		return MORE;
	if (!number(s, &at, &one))
		return NO;
	if (at == s.n)
		return MORE;
	if (!(m->sources[m->n++] = source_of(sources, n, one)))
		return NO;
	struct str rest = {s.p + at, s.n - at};
	const char *end = memmem(rest.p, rest.n, RIGHT, sizeof RIGHT - 1);
	if (rest.n < sizeof DAGGER - 1)
		return MORE;
	if (!str_starts(rest, S(DAGGER)) && !str_starts(rest, S(RIGHT)))
		return NO;
	if (!end)
		return MORE;
	m->length = (size_t)(end - s.p) + sizeof RIGHT - 1;
	return MARKER;
}

static enum reading read_marker(struct str s, const struct cite_source *sources, size_t n, struct marker *m)
{
	*m = (struct marker){0};
	return s.p[0] == '[' ? square(s, 1, sources, n, m) : lenticular(s, sources, n, m);
}

static bool may_begin(const struct citer *c, char ch)
{
	return !c->code && (ch == '[' || ch == LEFT[0]);
}

/* Bytes of whole characters. */
static size_t whole(struct str s)
{
	size_t lead = s.n;
	while (lead && ((unsigned char)s.p[lead - 1] & 0xc0) == 0x80)
		lead--;
	if (!lead)
		return s.n;
	unsigned char c = (unsigned char)s.p[lead - 1];
	size_t want = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	return s.n - (lead - 1) < want ? lead - 1 : s.n;
}

/* What waits, as far as it is decided. `over`: nothing more comes. */
static void settle(struct citer *c, const struct cite_source *sources, size_t n, bool over, struct cite_sink *sink)
{
	while (c->n_held) {
		struct str s = {c->held, c->n_held};
		struct marker m;
		enum reading what = may_begin(c, s.p[0]) ? read_marker(s, sources, n, &m) : NO;
		if (what == MORE && over && m.length == s.n)
			what = MARKER;
		if (what == MORE && !over && s.n < CITE_HELD)
			return;
		size_t gone = 1;
		if (what == MARKER) {
			for (size_t i = 0; i < m.n; i++)
				link_out(c, m.sources[i], sink);
			gone = m.length;
		} else {
			while (gone < s.n && !may_begin(c, s.p[gone]))
				gone++;
			gone = over || s.n == CITE_HELD ? gone : whole((struct str){s.p, gone});
			if (!gone)
				return;
			out(c, (struct str){s.p, gone}, sink);
		}
		c->n_held -= gone;
		memmove(c->held, c->held + gone, c->n_held);
	}
}

void cite_feed(struct citer *c, const struct cite_source *sources, size_t n, struct str piece, struct cite_sink *sink)
{
	while (piece.n) {
		if (!c->n_held) {
			size_t plain = 0;
			bool code = c->code;
			for (; plain < piece.n; plain++) {
				if (!code && (piece.p[plain] == '[' || piece.p[plain] == LEFT[0]))
					break;
				code ^= piece.p[plain] == '`';
			}
			out(c, (struct str){piece.p, plain}, sink);
			piece = (struct str){piece.p + plain, piece.n - plain};
			if (!piece.n)
				return;
		}
		c->held[c->n_held++] = piece.p[0];
		piece = (struct str){piece.p + 1, piece.n - 1};
		settle(c, sources, n, false, sink);
	}
}

void cite_end(struct citer *c, const struct cite_source *sources, size_t n, struct cite_sink *sink)
{
	settle(c, sources, n, true, sink);
}

void cite_list(struct citer *c, const struct cite_source *sources, size_t n, size_t max, struct cite_sink *sink)
{
	if (!n || !max)
		return;
	if (c->chars)
		out(c, S("\n\n"), sink);
	out(c, S("Sources:"), sink);
	for (size_t i = 0; i < n && i < max; i++)
		link_out(c, &sources[i], sink);
}
