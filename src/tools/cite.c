/* cite.c - markers that a model writes become citations. */
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

/* --- white space around markers that are taken out --- */

static bool cite_is_space(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r';
}

/* Does no space stand before this? Its first byte says it, for text may be cut anywhere: punctuation, and the scripts
 * from U+3000 to U+9FFF and the wide forms, which have no spaces. */
static bool closes(char first)
{
	unsigned char c = (unsigned char)first;
	return char_in(first, ".,;:!?)]}") || (c >= 0xe3 && c <= 0xe9) || c == 0xef;
}

static size_t lines(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n';
	return n;
}

/* What is left of the white space around markers that are gone: a paragraph stays one, and nothing is doubled.
 * next {0}: the text ends. */
static struct str gap_left(const struct citer *c, struct str next)
{
	struct str before = {c->gap.before, c->gap.n_before}, after = {c->gap.after, c->gap.n_after};
	if (!c->gap.marked)
		return before;
	if (!next.n || !c->chars)
		return (struct str){0};
	if (lines(after) > lines(before) || !before.n)
		return after;
	return !after.n && !lines(before) && closes(next.p[0]) ? (struct str){0} : before;
}

static void gap_end(struct citer *c, struct str next, struct cite_sink *sink)
{
	struct str left = gap_left(c, next);
	out(c, left, sink);
	c->gap = (struct cite_gap){.n_here = 0};
}

static void gap_add(struct citer *c, char ch, struct cite_sink *sink)
{
	struct cite_gap *g = &c->gap;
	if ((g->marked ? g->n_after : g->n_before) == CITE_GAP)
		gap_end(c, S(" "), sink); /* so much of it is meant */
	if (g->marked)
		g->after[g->n_after++] = ch;
	else
		g->before[g->n_before++] = ch;
}

/* A marker of a file stood here. */
static void mark_out(struct citer *c, const struct cite_source *source, struct cite_sink *sink)
{
	struct cite_gap *g = &c->gap;
	for (size_t i = 0; i < g->n_here; i++)
		if (g->here[i] == source->number)
			return;
	if (g->n_here < CITE_HERE)
		g->here[g->n_here++] = source->number;
	sink->cited(sink, source, c->chars, c->chars);
	c->cited++;
}

/* Further markers at the same place: of the space between them the better is kept. */
static void gap_mark(struct citer *c)
{
	struct cite_gap *g = &c->gap;
	if (lines((struct str){g->after, g->n_after}) > lines((struct str){g->before, g->n_before})) {
		memcpy(g->before, g->after, g->n_after);
		g->n_before = g->n_after;
	}
	g->n_after = 0;
	g->marked = true;
}

static bool any_file(const struct cite_source *sources, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (sources[i].kind == CITE_FILE)
			return true;
	return false;
}

/* Text that is no marker. Only where files can be cited does white space wait. */
static void plain(struct citer *c, struct str s, bool files, struct cite_sink *sink)
{
	size_t from = 0, to = s.n;
	if (!files) {
		out(c, s, sink);
		return;
	}
	while (from < s.n && cite_is_space(s.p[from]))
		gap_add(c, s.p[from++], sink);
	if (from == s.n)
		return;
	gap_end(c, (struct str){s.p + from, s.n - from}, sink);
	while (cite_is_space(s.p[to - 1]))
		to--;
	out(c, (struct str){s.p + from, to - from}, sink);
	for (; to < s.n; to++)
		gap_add(c, s.p[to], sink);
}

/* --- links --- */

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
	gap_end(c, S("("), sink);
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
static bool cite_number(struct str s, size_t *at, int64_t *ret)
{
	size_t from = *at;
	for (*ret = 0; *at < s.n && isdigit((unsigned char)s.p[*at]) && *at - from < 6; ++*at)
		*ret = *ret * 10 + (s.p[*at] - '0');
	return *at > from;
}

/* "1, 2]" from `at` on; "[[1]]" is one marker, too. */
static enum reading square(struct str s, size_t at, const struct cite_source *sources, size_t n, struct marker *m)
{
	int64_t one;
	bool twice = str_starts(s, S("[["));
	for (at += twice;;) {
		at = skip(s, at, " ^");
		if (at == s.n)
			return MORE;
		if (!cite_number(s, &at, &one) || m->n == MARKED)
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
	at += twice;
	if (at == s.n)
		return MORE;
	if (s.p[at] != ']')
		return NO;
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
	if (!cite_number(s, &at, &one))
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
static size_t cite_whole(struct str s)
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

static void marker_out(struct citer *c, const struct marker *m, struct cite_sink *sink)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->sources[i]->kind == CITE_PAGE) {
			link_out(c, m->sources[i], sink);
			continue;
		}
		gap_mark(c);
		mark_out(c, m->sources[i], sink);
	}
}

/* What waits, as far as it is decided. `over`: nothing more comes. */
static void cite_settle(struct citer *c, const struct cite_source *sources, size_t n, bool over, struct cite_sink *sink)
{
	bool files = any_file(sources, n);
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
			marker_out(c, &m, sink);
			gone = m.length;
		} else {
			while (gone < s.n && !may_begin(c, s.p[gone]))
				gone++;
			gone = over || s.n == CITE_HELD ? gone : cite_whole((struct str){s.p, gone});
			if (!gone)
				return;
			plain(c, (struct str){s.p, gone}, files, sink);
		}
		c->n_held -= gone;
		memmove(c->held, c->held + gone, c->n_held);
	}
}

void cite_feed(struct citer *c, const struct cite_source *sources, size_t n, struct str piece, struct cite_sink *sink)
{
	bool files = any_file(sources, n);
	while (piece.n) {
		if (!c->n_held) {
			size_t run = 0;
			bool code = c->code;
			for (; run < piece.n; run++) {
				if (!code && (piece.p[run] == '[' || piece.p[run] == LEFT[0]))
					break;
				code ^= piece.p[run] == '`';
			}
			plain(c, (struct str){piece.p, run}, files, sink);
			piece = (struct str){piece.p + run, piece.n - run};
			if (!piece.n)
				return;
		}
		c->held[c->n_held++] = piece.p[0];
		piece = (struct str){piece.p + 1, piece.n - 1};
		cite_settle(c, sources, n, false, sink);
	}
}

void cite_end(struct citer *c, const struct cite_source *sources, size_t n, struct cite_sink *sink)
{
	cite_settle(c, sources, n, true, sink);
	gap_end(c, (struct str){0}, sink);
}

void cite_list(struct citer *c, const struct cite_source *sources, size_t n, size_t max, struct cite_sink *sink)
{
	if (!n || !max)
		return;
	if (c->chars)
		out(c, S("\n\n"), sink);
	out(c, S("Sources:"), sink);
	for (size_t i = 0; i < n && i < max; i++) {
		if (sources[i].kind == CITE_PAGE) {
			link_out(c, &sources[i], sink);
			continue;
		}
		out(c, i && sources[i - 1].kind == CITE_FILE ? S(", ") : S(" "), sink);
		out(c, sources[i].title, sink);
		mark_out(c, &sources[i], sink);
		c->gap = (struct cite_gap){.n_here = 0};
	}
}
