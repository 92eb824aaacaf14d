/* search.h - a search over vector stores: of the route, and of the tool that models call.
 *
 * Each query is embedded once and looked for by words (BM25) and by meaning in each of the stores, among the files
 * whose attributes pass the filters alone. Several stores are searched as one, the rankings fused (fuse.h), the best of
 * several queries kept, a text that stands in two files shown once. Equal scores: the order of the stores, then of the
 * files.
 *
 * struct search is one per process: it keeps the indexes open, knows the embedder, and is shared with the worker that
 * fills them. All functions block: worker threads, any, side by side. */
#pragma once
#include <stdatomic.h>

#include "base/id.h"
#include "wire/json.h"

struct search;

enum { SEARCH_STORES = 64, SEARCH_QUERIES = 32, SEARCH_RESULTS = 50 };
enum search_ranker { RANKER_AUTO /* also default-2024-11-15 */, RANKER_NONE /* by meaning alone */ };

struct search_ask {
	int64_t project;
	const struct str *stores; /* ids, "vs_..." */
	size_t n_stores;
	const struct str *queries;
	size_t n_queries;
	yyjson_val *filters; /* of checked shape and bounds (filter.h); NULL: none */
	int64_t max_results; /* 1..SEARCH_RESULTS */
	enum search_ranker ranker;
	double score_threshold;               /* 0..1 */
	double text_weight, embedding_weight; /* both 0: 1 and 1 */
	const _Atomic bool *cancelled;        /* set elsewhere: give up soon. May be NULL */
};
struct search_hit {
	struct id file;
	struct str file_id, filename; /* "file-..." */
	struct str store_id;          /* "vs_...", as it was asked for */
	struct str attributes;        /* a JSON object */
	double score;                 /* 0..1 */
	struct str text;
	int64_t page; /* on which the text begins; 0: the file has none */
};
struct search_found {
	struct search_hit *hits; /* the best first */
	size_t n;
	bool words_only; /* there is no embedder, or it could not be asked: found by words alone */
};
/* All in `a`. ERR_VECTOR_STORE_NOT_FOUND names a store that is none of the project's, ERR_BAD_REQUEST one that has
 * expired; ERR_STORE. Each store's last use is noted. */
bool search_run(struct search *s, const struct search_ask *ask, struct arena *a, struct search_found *ret,
		struct err *e);
/* The same two errors alone, before anything is spent. */
bool search_stores(struct search *s, int64_t project, const struct str *stores, size_t n, struct err *e);

/* --- life --- */
struct store;
struct embed_options;
/* `dir`: the data folder. Starts the threads that fill the indexes. */
bool search_new(struct store *s, struct str dir, const struct embed_options *embed, struct search **ret, struct err *e);
void search_free(struct search *s); /* before the store is closed; nobody searches any more */
/* The rows have changed: there may be something to index or to drop. Any thread. */
void search_wake(struct search *s);
/* There is no embedder: words alone are looked for. */
bool search_words_only(const struct search *s);
/* The same for now: there is none, or ours could not be fetched or started. */
bool search_lacks_embedder(struct search *s);
struct embedder;
struct embedder *search_embedder(struct search *s);
/* The text of a file as it was indexed, in `a`; {0}: nothing is there (yet). Blocks. */
bool search_text(struct search *s, int64_t store, int64_t file, struct arena *a, struct str *ret, struct err *e);
