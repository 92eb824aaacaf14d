/* web_cache.h - pages and results that were fetched before.
 *
 * A small database of its own (web.db in the data folder): what it loses costs a fetch, so it is not synced, and a
 * broken one is made anew. With store.encrypt it is in memory alone. A project sees what it fetched itself, no other's. Bounded by web_search.cache_bytes, the
 * oldest go first. All functions: any thread; they block. `c` may be NULL: nothing is kept then. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct web_cache;

struct web_page {
	struct str url, title, text;
	int64_t fetched_s;
	bool whole; /* the page itself, not only what a search said of it */
};

bool web_cache_open(struct str dir, struct web_cache **ret, struct err *e);
void web_cache_close(struct web_cache *c);
/* Some at once. What is known of a whole page stays when only a result comes; a result that says the same is not
 * written again. */
void web_cache_put(struct web_cache *c, int64_t project, const struct web_page *pages, size_t n);
/* A whole page, in `a`. */
bool web_cache_get(struct web_cache *c, int64_t project, struct str url, struct arena *a, struct web_page *ret);
/* The best matches, at most `max`, with the part of the text that matches; how many. */
size_t web_cache_find(struct web_cache *c, int64_t project, struct str query, struct arena *a, struct web_page *ret,
		      size_t max);
