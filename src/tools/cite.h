/* cite.h - markers that a model writes are told as citations.
 *
 * Sources have numbers. "[2]", "[1, 3]" and the brackets that some models write instead turn into ([host](url)) where
 * the source is a page; where it is a file they are taken out, with the white space that stood around them for their
 * sake. Each is told with its place in code points. What is no marker, or has a number that was never given, passes as
 * it is. Text comes in pieces cut anywhere; what may become a marker waits (CITE_HELD bytes at most), and so
 * does white space that may stand before one of a file (CITE_GAP). Nothing is cited inside backticks, which are code.
 * Pure. */
#pragma once
#include "base/buf.h"

enum cite_kind {
	CITE_PAGE, /* its address and its title: a link */
	CITE_FILE, /* its id and its name: nothing in the text */
	CITE_CONTAINER, /* a file in a container, its id and its path: cited by links (cite_link.h), never by a number */
};

struct cite_source {
	int64_t number; /* below 0: it has none */
	enum cite_kind kind;
	struct str url, title;
	struct str place; /* CITE_CONTAINER: the container's id */
	int shown_by;     /* likewise: the place in the output, from 1, of the call that showed it as a picture; 0: none */
	bool fresh; /* the owner's own: told in this turn */
};

struct cite_sink {
	void (*text)(struct cite_sink *, struct str);
	/* What it becomes has gone out as text; it stands at [start, end). A file's marker stood at start == end. */
	void (*cited)(struct cite_sink *, const struct cite_source *, int64_t start, int64_t end);
};

enum { CITE_HELD = 64, CITE_GAP = 32, CITE_HERE = 8 };

/* White space that waits for what follows it. */
struct cite_gap {
	char before[CITE_GAP], after[CITE_GAP]; /* of the markers that were taken out */
	size_t n_before, n_after;
	int64_t here[CITE_HERE]; /* numbers of files that were cited at this very place */
	size_t n_here;
	bool marked; /* there was a marker */
};

struct citer { /* {0}: at the beginning of a text */
	char held[CITE_HELD];
	size_t n_held;
	struct cite_gap gap; /* stands before what is held */
	int64_t chars;       /* that went out */
	int64_t cited;       /* how often something was cited */
	char last;           /* byte that went out last */
	bool code;           /* an odd number of backticks has gone out */
};

void cite_feed(struct citer *c, const struct cite_source *sources, size_t n, struct str piece, struct cite_sink *sink);
/* The text ends: what waits goes out. */
void cite_end(struct citer *c, const struct cite_source *sources, size_t n, struct cite_sink *sink);
/* A closing line that names the sources, at most `max` of them. After cite_end(). */
void cite_list(struct citer *c, const struct cite_source *sources, size_t n, size_t max, struct cite_sink *sink);
/* An address as it can stand in a Markdown link, appended to `b`. */
void cite_url(struct buf *b, struct str url);
