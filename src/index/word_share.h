/* word_share.h - how much of what a query asks for a chunk has, by its words: a function of FTS5.
 *
 *   word_share(words, counts, filter)
 *
 * BM25 (k1 0.9, b 0.6) as a share of the most that the query's words could give, times the root of the share of their
 * weight that is there at all: 0..1, so that it can be added to a cosine, and says the same of each store. The
 * constants were chosen on the questions of bench/tuning.py. SQLite's own bm25() has no bound, and its constants
 * cannot be changed.
 *
 * `counts` is a blob of int64: how many chunks have each phrase of the query, in its order; more of them are words that
 * no phrase stands for, most of which no chunk has.
 *
 * `filter` is a struct word_filter bound with sqlite3_bind_pointer() as WORD_FILTER, or NULL: of rows that it does not let through the
 * share is NULL and costs nothing. */
#pragma once
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define WORD_FILTER "word_filter"
struct word_filter {
	bool (*passes)(void *ctx, int64_t rowid);
	void *ctx;
};

/* Adds the function to a connection. */
bool word_share_add(sqlite3 *db);
