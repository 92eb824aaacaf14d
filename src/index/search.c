/* search.c - a search over vector stores. */
#include "index/search.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "index/filter.h"
#include "index/index_limits.h"
#include "index/indexer.h"
#include "index/store_index_rank.h"
#include "store/nodes.h"
#include "store/vector_queue.h"

struct search {
	struct store *store;
	struct shelf *shelf;
	struct embedder *embedder;
	struct indexer *indexer;
	bool words_only;
};

/* --- life -------------------------------------------------------------------------------------------------------- */

bool search_new(struct store *store, struct str dir, const struct embed_options *embed, struct search **ret,
		struct err *e)
{
	struct search *s = xalloc(sizeof *s);
	s->store = store;
	s->words_only = embed->kind == EMBED_NONE;
	if (!shelf_new(store, dir, &s->shelf, e)) {
		xfree(s);
		return false;
	}
	s->embedder = embedder_new(embed);
	s->indexer = indexer_new(store, s->shelf, s->embedder);
	*ret = s;
	return true;
}

void search_free(struct search *s)
{
	if (!s)
		return;
	indexer_free(s->indexer);
	shelf_free(s->shelf);
	embedder_free(s->embedder);
	xfree(s);
}

void search_wake(struct search *s)
{
	indexer_wake(s->indexer);
}

bool search_words_only(const struct search *s)
{
	return s->words_only;
}

bool search_lacks_embedder(struct search *s)
{
	return embedder_absent(s->embedder);
}

struct embedder *search_embedder(struct search *s)
{
	return s->embedder;
}

/* --- the stores -------------------------------------------------------------------------------------------------- */

/* Chunks of several stores have one number space: the store's place in the ask above, its chunk below. */
enum { STORE_SHIFT = 48, ELSEWHERE_MS = 1000 };

/* One of the stores that are searched. */
struct target {
	struct vector_store row;
	struct store_index *index; /* NULL: not taken */
	int64_t *allowed;          /* sorted keys of files; NULL: all */
	size_t n_allowed, cap;
};

static bool find_store(struct search *s, int64_t project, struct str id, struct arena *a, struct vector_store *ret,
		       struct err *e)
{
	struct err why = {0};
	if (!vector_store_get(s->store, project, id, a, ret, &why))
		return fail(e, why.code == ERR_NOT_FOUND ? ERR_VECTOR_STORE_NOT_FOUND : why.code, NULL, "%s", why.msg);
	char text[ID_MAX];
	return !vector_store_expired(ret) ||
	       fail(e, ERR_BAD_REQUEST, NULL, "Vector store '%.*s' is expired.", FMT(id_text(text, "vs", &ret->id)));
}

bool search_stores(struct search *s, int64_t project, const struct str *stores, size_t n, struct err *e)
{
	struct arena a = {0};
	struct vector_store row;
	bool ok = true;
	for (size_t i = 0; ok && i < n; i++)
		ok = find_store(s, project, stores[i], &a, &row, e);
	arena_free(&a);
	return ok;
}

struct filtering {
	yyjson_val *filter;
	struct target *to;
	struct arena *arena, scratch;
};

static void filter_file(void *ctx, int64_t file, struct str attributes)
{
	struct filtering *f = ctx;
	struct target *t = f->to;
	struct err none = {0};
	yyjson_val *v = NULL;
	bool fits = json_parse(&f->scratch, attributes, &v, &none) && filter_fits(f->filter, v);
	arena_reset(&f->scratch);
	if (!fits)
		return;
	if (t->n_allowed == t->cap) {
		size_t cap = t->cap * 2;
		int64_t *more = new_array(f->arena, int64_t, cap);
		memcpy(more, t->allowed, t->n_allowed * sizeof *more);
		t->allowed = more;
		t->cap = cap;
	}
	t->allowed[t->n_allowed++] = file;
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Filters are applied to all files before anything is ranked. */
static bool filter_files(struct search *s, struct target *t, yyjson_val *filter, struct arena *a, struct err *e)
{
	enum { FIRST = 256 };
	struct filtering f = {.filter = filter, .to = t, .arena = a};
	if (!filter)
		return true;
	t->cap = FIRST;
	t->allowed = new_array(a, int64_t, FIRST);
	bool ok = vector_attributes(s->store, t->row.id.key, filter_file, &f, e);
	arena_free(&f.scratch);
	qsort(t->allowed, t->n_allowed, sizeof *t->allowed, by_number);
	return ok;
}

static bool is_allowed(void *ctx, int64_t file)
{
	const struct target *t = ctx;
	return bsearch(&file, t->allowed, t->n_allowed, sizeof file, by_number) != NULL;
}

/* --- ranking ----------------------------------------------------------------------------------------------------- */

struct searching {
	struct search *search;
	const struct search_ask *ask;
	struct arena *arena;
	struct target *targets;
	struct embed_space space;
	float *vectors;      /* of the queries; NULL: by words alone */
	size_t depth;        /* how many of each ranking are looked at */
	bool full;           /* there may be more than these */
	struct ranked *best; /* of all queries and stores */
	size_t n_best;
	struct search_found *ret;
	struct str *seen; /* digests of the texts that are in *ret */
};

static void embed_queries(struct searching *g)
{
	const struct search_ask *ask = g->ask;
	struct embed_ask texts = {.texts = ask->queries, .n = ask->n_queries, .cancelled = ask->cancelled};
	struct err why = {0};
	g->ret->words_only = true;
	if (g->search->words_only)
		return;
	if (embedder_space(g->search->embedder, &g->space, &why)) {
		g->vectors = new_array(g->arena, float, ask->n_queries * g->space.dims);
		g->ret->words_only = !embedder_windows(g->search->embedder, &texts, g->vectors, &why);
	}
	if (!g->ret->words_only)
		return;
	g->vectors = NULL;
	log_at(LOG_WARN, "a search is by words alone", "error=\"%s\"", why.msg);
}

static void add_ranked(struct searching *g, struct ranked **list, size_t *n, const struct ranked *more, size_t n_more,
		       size_t store)
{
	struct ranked *all = new_array(g->arena, struct ranked, *n + n_more);
	if (*n)
		memcpy(all, *list, *n * sizeof *all);
	for (size_t i = 0; i < n_more; i++)
		all[*n + i] = (struct ranked){more[i].chunk | (int64_t)store << STORE_SHIFT, more[i].score};
	*list = all;
	*n += n_more;
	g->full |= n_more == g->depth;
}

/* Where both weigh 1: shares of words lie further apart than cosines (chosen on bench/tuning.py). */
static const double WORDS_TO_VECTORS = 0.5;

/* The stores' rankings by one query, merged by score, then fused. */
static bool rank_query(struct searching *g, size_t at, struct ranked *ret, size_t *n, struct err *e)
{
	const struct search_ask *ask = g->ask;
	struct ranked *words = NULL, *vectors = NULL, *w, *v;
	size_t n_words = 0, n_vectors = 0, n_w, n_v;
	bool weighed = ask->text_weight > 0 || ask->embedding_weight > 0;
	double by_words = WORDS_TO_VECTORS * (weighed ? ask->text_weight : 1),
	       by_vectors = weighed ? ask->embedding_weight : 1;
	if (ask->ranker == RANKER_NONE)
		by_words = 0;
	if (!g->vectors) {
		by_words = 1;
		by_vectors = 0;
	}
	for (size_t i = 0; i < ask->n_stores; i++) {
		struct target *t = &g->targets[i];
		struct index_query q = {.text = by_words > 0 ? ask->queries[at] : (struct str){0},
					.vector = by_vectors > 0 ? g->vectors + at * g->space.dims : NULL,
					.dims = g->space.dims,
					.space = g->space.name,
					.allowed = t->allowed ? is_allowed : NULL,
					.ctx = t};
		if (!store_index_rank(t->index, &q, g->depth, g->arena, &w, &n_w, &v, &n_v, e))
			return false;
		add_ranked(g, &words, &n_words, w, n_w, i);
		add_ranked(g, &vectors, &n_vectors, v, n_v, i);
	}
	ranked_sort(words, n_words);
	ranked_sort(vectors, n_vectors);
	*n = fuse(words, n_words, by_words, vectors, n_vectors, by_vectors, ret, 2 * g->depth);
	return true;
}

/* The best that any of the queries says of a chunk. */
static bool rank_all(struct searching *g, struct err *e)
{
	const struct search_ask *ask = g->ask;
	size_t n = 0, each;
	struct ranked *all = new_array(g->arena, struct ranked, ask->n_queries * 2 * g->depth);
	g->full = false;
	for (size_t i = 0; i < ask->n_queries; i++) {
		if (!rank_query(g, i, all + n, &each, e))
			return false;
		n += each;
	}
	g->best = all;
	g->n_best = ranked_unite(all, n);
	return true;
}

/* --- what is found ----------------------------------------------------------------------------------------------- */

/* Was this very text found already? Else it is now. */
static bool seen(struct searching *g, struct str text)
{
	enum { DIGEST = 16 };
	char *digest = arena_bytes(g->arena, DIGEST);
	crypto_generichash((unsigned char *)digest, DIGEST, (const unsigned char *)text.p, text.n, NULL, 0);
	for (size_t i = 0; i < g->ret->n; i++)
		if (memcmp(g->seen[i].p, digest, DIGEST) == 0)
			return true;
	g->seen[g->ret->n] = (struct str){digest, DIGEST};
	return false;
}

static bool take_hit(struct searching *g, const struct ranked *r, struct err *e)
{
	struct target *t = &g->targets[r->chunk >> STORE_SHIFT];
	struct index_chunk c;
	struct vector_found f;
	char id[ID_MAX];
	if (!store_index_chunk(t->index, r->chunk & (((int64_t)1 << STORE_SHIFT) - 1), g->arena, &c, e))
		return false;
	if (!c.text.p)
		return true;
	if (!vector_file_found(g->search->store, t->row.id.key, c.file, g->arena, &f, e))
		return false;
	if (!f.file.key || seen(g, c.text))
		return true;
	g->ret->hits[g->ret->n++] = (struct search_hit){
	    .file = f.file,
	    .file_id = str_copy(g->arena, id_text(id, "file-", &f.file)),
	    .filename = f.filename,
	    .store_id = g->ask->stores[r->chunk >> STORE_SHIFT],
	    .attributes = f.attributes,
	    .score = r->score,
	    .text = c.text,
	    .page = c.page,
	};
	return true;
}

/* Files flip while they are looked at: of one that did, a part may have been ranked by what it was and the rest by what it is. */
static uint64_t changes(const struct searching *g)
{
	uint64_t n = 0;
	for (size_t i = 0; i < g->ask->n_stores; i++)
		n += store_index_changes(g->targets[i].index);
	return n;
}

/* Looks deeper while what was ranked stands there twice, and as deep again when files changed meanwhile: each is found
 * whole or not at all. */
static bool find_hits(struct searching *g, struct err *e)
{
	enum { ROUNDS = 4, DEEPER = 4, LEAST = 300 /* as many as are compared exactly */ };
	const struct search_ask *ask = g->ask;
	g->depth = (size_t)ask->max_results * 2 > LEAST ? (size_t)ask->max_results * 2 : LEAST;
	g->seen = new_array(g->arena, struct str, (size_t)ask->max_results);
	g->ret->hits = new_array(g->arena, struct search_hit, (size_t)ask->max_results);
	for (int round = 0; round < ROUNDS; round++) {
		bool below = false;
		uint64_t before = changes(g);
		g->ret->n = 0;
		if (!rank_all(g, e))
			return false;
		for (size_t i = 0; i < g->n_best && !below && (int64_t)g->ret->n < ask->max_results; i++) {
			if (ask->cancelled && atomic_load(ask->cancelled))
				return fail(e, ERR_UNAVAILABLE, NULL, "The search was given up.");
			below = g->best[i].score < ask->score_threshold;
			if (!below && !take_hit(g, &g->best[i], e))
				return false;
		}
		bool enough = below || !g->full || (int64_t)g->ret->n == ask->max_results;
		if (enough && changes(g) == before)
			return true;
		if (!enough)
			g->depth *= DEEPER;
	}
	return true;
}

static bool open_targets(struct searching *g, struct err *e)
{
	const struct search_ask *ask = g->ask;
	for (size_t i = 0; i < ask->n_stores; i++) {
		struct target *t = &g->targets[i];
		if (!find_store(g->search, ask->project, ask->stores[i], g->arena, &t->row, e) ||
		    !vector_store_touch(g->search->store, &t->row, e) ||
		    !filter_files(g->search, t, ask->filters, g->arena, e) ||
		    !shelf_take(g->search->shelf, t->row.id.key, &t->index, e))
			return false;
	}
	return true;
}

/* Of several nodes the leader has the indexes; an empty one must not answer in its place. */
static bool search_is_here(const struct search *s, struct err *e)
{
	struct node_row leads;
	if (store_leads(s->store))
		return true;
	e->retry_after_ms = ELSEWHERE_MS;
	if (!store_leader(s->store, &leads) || leads.here)
		return fail(e, ERR_UNAVAILABLE, NULL, "No node of this server has the indexes of vector stores yet. Please retry in a moment.");
	return fail(e, ERR_UNAVAILABLE, NULL, "Vector stores are searched by node %d of this server%s%s, and this is another.",
		    (int)leads.number, *leads.address ? ", " : "", leads.address);
}

bool search_run(struct search *s, const struct search_ask *ask, struct arena *a, struct search_found *ret,
		struct err *e)
{
	struct searching g = {.search = s, .ask = ask, .arena = a, .ret = ret};
	*ret = (struct search_found){0};
	if (!search_is_here(s, e))
		return false;
	g.targets = new_array(a, struct target, ask->n_stores);
	bool ok = open_targets(&g, e);
	if (ok) {
		embed_queries(&g);
		ok = find_hits(&g, e);
	}
	for (size_t i = 0; i < ask->n_stores; i++)
		if (g.targets[i].index)
			shelf_give(s->shelf, g.targets[i].row.id.key);
	return ok;
}

bool search_text(struct search *s, int64_t store, int64_t file, struct arena *a, struct str *ret, struct err *e)
{
	struct store_index *x;
	*ret = (struct str){0};
	if (!search_is_here(s, e) || !shelf_take(s->shelf, store, &x, e))
		return false;
	bool ok = store_index_text(x, file, 0, (size_t)index_limits.text_bytes, a, ret, e);
	shelf_give(s->shelf, store);
	return ok;
}
