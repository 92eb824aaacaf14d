/* cite_link.c - links to files in containers, in a text that is whole. */
#include "tools/cite_link.h"

#include <ctype.h>
#include <string.h>

#define SANDBOX "sandbox:/mnt/data/"

static int link_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Bytes of `s` that say `path`; 0: it begins otherwise. */
static size_t link_length(struct str s, struct str path)
{
	size_t at = 0;
	for (size_t i = 0; i < path.n; i++) {
		if (at < s.n && s.p[at] == path.p[i]) {
			at++;
			continue;
		}
		if (at + 2 >= s.n || s.p[at] != '%')
			return 0;
		int high = link_digit(s.p[at + 1]), low = link_digit(s.p[at + 2]);
		if (high < 0 || low < 0 || (char)(high * 16 + low) != path.p[i])
			return 0;
		at += 3;
	}
	return at;
}

/* Does a name end here? A full stop may end a sentence. */
static bool link_ends(struct str rest)
{
	size_t dots = 0;
	while (dots < rest.n && rest.p[dots] == '.')
		dots++;
	if (dots == rest.n)
		return true;
	unsigned char c = (unsigned char)rest.p[dots];
	return !isalnum(c) && c < 0x80 && !char_in((char)c, "_-/%");
}

/* The known file with the longest name that stands here. */
static const struct cite_source *link_source(struct str s, const struct cite_source *sources, size_t n, size_t *length)
{
	const struct cite_source *best = NULL;
	*length = 0;
	for (size_t i = 0; i < n; i++) {
		size_t one = sources[i].kind == CITE_CONTAINER ? link_length(s, sources[i].title) : 0;
		/* Of two containers' files of one name the later one is meant. */
		if (one && one >= *length && link_ends((struct str){s.p + one, s.n - one})) {
			best = &sources[i];
			*length = one;
		}
	}
	return best;
}

static int64_t link_chars(struct str s)
{
	int64_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

void cite_links(struct str text, const struct cite_source *sources, size_t n, struct cite_sink *sink)
{
	int64_t chars = 0;
	struct str rest = text;
	const char *at;
	while (rest.n && (at = memmem(rest.p, rest.n, SANDBOX, sizeof SANDBOX - 1))) {
		size_t length, skip = (size_t)(at - rest.p) + sizeof SANDBOX - 1;
		struct str name = {rest.p + skip, rest.n - skip};
		const struct cite_source *source = link_source(name, sources, n, &length);
		int64_t start = chars + link_chars((struct str){rest.p, (size_t)(at - rest.p)});
		chars += link_chars((struct str){rest.p, skip + length});
		rest = (struct str){name.p + length, name.n - length};
		if (source)
			sink->cited(sink, source, start, chars);
	}
}
