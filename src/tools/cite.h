/* cite.h - markers that a model writes become links, and are told as citations.
 *
 * Sources have numbers; "[2]", "[1, 3]" and the brackets that some models write instead turn into ([host](url)), each
 * with its place in code points. What is no marker, or has a number that was never given, passes as it is. Text comes
 * in pieces cut anywhere; what may become a marker waits (CITE_HELD bytes at most). Nothing is cited inside backticks,
 * which are code. Pure. */
#pragma once
#include "base/buf.h"

struct cite_source {
	int64_t number;
	struct str url, title;
	bool fresh; /* the owner's own: told in this turn */
};

struct cite_sink {
	void (*text)(struct cite_sink *, struct str);
	/* The link has gone out as text; it stands at [start, end). */
	void (*cited)(struct cite_sink *, const struct cite_source *, int64_t start, int64_t end);
};

enum { CITE_HELD = 64 };

struct citer { /* {0}: at the beginning of a text */
	char held[CITE_HELD];
	size_t n_held;
	int64_t chars; /* that went out */
	int64_t cited; /* links among them */
	char last;     /* byte that went out last */
	bool code;     /* an odd number of backticks has gone out */
};

void cite_feed(struct citer *c, const struct cite_source *sources, size_t n, struct str piece, struct cite_sink *sink);
/* The text ends: what waits goes out. */
void cite_end(struct citer *c, const struct cite_source *sources, size_t n, struct cite_sink *sink);
/* A closing line that names the sources, at most `max` of them. After cite_end(). */
void cite_list(struct citer *c, const struct cite_source *sources, size_t n, size_t max, struct cite_sink *sink);
/* An address as it can stand in a Markdown link, appended to `b`. */
void cite_url(struct buf *b, struct str url);
