/* words.h - texts and queries as SQLite's FTS5 takes them.
 *
 * FTS5's tokenizer parts words at blanks and signs. Scripts that write none between words (Chinese, Japanese, Thai ...)
 * come to it as pairs of neighbouring characters, so that every word of two or more is found. The same text gives the
 * same words always: what was indexed is taken out of a contentless index by giving it again. Pure; any thread. */
#pragma once
#include "base/buf.h"

/* Appends the text with runs of such characters as pairs: "ABC" as " AB BC ". What is no UTF-8 becomes a blank. */
void words_index(struct buf *b, struct str text);
/* Appends one word of a query as FTS5's string, its parts next to each other: core.autocrlf as "core autocrlf". */
void words_quote(struct buf *b, struct str word);
/* Cuts the next word off the front of *query: up to a blank, or a run of such characters. {0}: there is none. */
struct str words_next(struct str *query);
/* Is it one of the words of plain_words.def, in any case? */
bool words_plain(struct str word);
