/* chunk.h - a file's text in chunks, which are found and told, and windows, which are embedded.
 *
 * Small embedding models read some 250 tokens well and 800 badly. So a chunk is a run of whole windows, a window is at
 * most CHUNK_WINDOW tokens, and neighbours that overlap share windows: each is embedded once. Breaks are made where the
 * text has them: before a heading, at an empty line, a line's end, a sentence's end, between words, in that order.
 * Tokens are estimated from the text alone (chunk_tokens()), so that a text has the same chunks whatever model embeds
 * it. Pure; any thread. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

enum { CHUNK_WINDOW = 200 };

struct chunk_options {
	int64_t size, overlap; /* tokens of a chunk; of them shared with the one before: at most half */
	bool header;           /* the first line names the columns of the others: each window begins with it, unless it
				* would fill half of one */
	struct str title; /* what the text says of itself; in front of each window but the first, which has it, unless
			   * it is long. {0}: nothing */
};
struct window {
	struct str text; /* what is embedded: within the text, or a copy behind header or title */
	size_t at, n;    /* its bytes in the text */
	int64_t page;    /* from 1; form feeds end pages. 0: the text has none */
	int64_t tokens;
};
struct chunk {
	struct str text;
	size_t first, n; /* its windows */
	int64_t page;    /* on which it begins; 0: there are none */
};
struct chunks {
	struct window *windows;
	struct chunk *chunks;
	size_t n_windows, n;
	struct str header; /* what stands in front of all windows but the first, with its line's end; {0}: nothing */
};
/* All in `a`; what is in no copy points into `text`. A text of blanks has no chunks. */
void chunk_text(struct arena *a, struct str text, const struct chunk_options *o, struct chunks *ret);
/* About as many tokens as a model's vocabulary makes of it. */
int64_t chunk_tokens(struct str text);
