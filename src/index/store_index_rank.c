/* store_index_rank.c - what is found in one vector store: rankings by words and by vectors, and texts. */
#include "index/store_index_rank.h"

#include <stdlib.h>
#include <string.h>

#include "index/store_index_db.h"
#include "index/word_share.h"
#include "index/words.h"

/* A word that more chunks have says little and costs much: the words looked for have no more together, the rarest
 * first. What few chunks have in common with a question is found by vectors all the same. Where even the rarest has
 * more, chunks that have all of the words come first, and then so many as have the rarest. */
enum { WORDS_MAX = 32, FOUND_MAX = 8000, WORD_BYTES = 256, KNOWN_MAX = 10000 };

struct query_word {
	struct str text; /* as FTS5's string */
	int64_t chunks;  /* that have it, counted up to FOUND_MAX */
};

/* --- how many chunks have a word ---------------------------------------------------------------------------------- */

struct known_word {
	int64_t chunks;
	char text[WORD_BYTES];
};

static int64_t known_count(struct store_index *x, struct str word)
{
	pthread_mutex_lock(&x->counting);
	struct known_word *k = map_get(&x->common, word);
	int64_t n = k ? k->chunks : -1;
	pthread_mutex_unlock(&x->counting);
	return n;
}

/* Only what is common is worth remembering: to count it takes long, and it stays common. */
static void store_index_rank_remember(struct store_index *x, struct str word, int64_t chunks)
{
	if (chunks < FOUND_MAX / 10 || word.n >= WORD_BYTES)
		return;
	pthread_mutex_lock(&x->counting);
	if (x->common.n < KNOWN_MAX && !map_get(&x->common, word)) {
		struct known_word *k = xalloc(sizeof *k);
		k->chunks = chunks;
		memcpy(k->text, word.p, word.n);
		map_put(&x->common, (struct str){k->text, word.n}, k);
	}
	pthread_mutex_unlock(&x->counting);
}

static bool count_word(struct store_index *x, struct index_db *d, struct query_word *w, struct err *e)
{
	w->chunks = known_count(x, w->text);
	if (w->chunks >= 0)
		return true;
	sqlite3_stmt *s = index_stmt(d, IX_WORDS_COUNT);
	index_text(s, 1, w->text);
	index_int(s, 2, FOUND_MAX);
	int step = sqlite3_step(s);
	w->chunks = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	if (s)
		sqlite3_reset(s);
	if (step != SQLITE_ROW)
		return index_db_fail(d, e);
	store_index_rank_remember(x, w->text, w->chunks);
	return true;
}

/* --- words
 * ------------------------------------------------------------------------------------------------------------ */

static size_t store_index_rank_take_words(struct arena *a, struct str text, bool plain, struct query_word *ret)
{
	size_t n = 0;
	struct buf b;
	buf_init(&b, 1 << 20);
	for (struct str word; n < WORDS_MAX && (word = words_next(&text)).p;) {
		if (!plain && words_plain(word))
			continue;
		buf_clear(&b);
		words_quote(&b, word);
		bool twice = b.over || b.n < 3;
		for (size_t i = 0; i < n; i++)
			twice |= str_eq(ret[i].text, buf_str(&b));
		if (!twice)
			ret[n++] = (struct query_word){.text = str_copy(a, buf_str(&b))};
	}
	buf_release(&b);
	return n;
}

/* What is asked of FTS5. */
struct match {
	struct str text;   /* {0}: nothing can be found */
	struct str rarest; /* where all words are common: the rarest, of which not all chunks are looked at; or {0} */
	int64_t counts[WORDS_MAX]; /* chunks that have each of its phrases; then of words that none has */
	size_t n_counts;
};

static int by_chunks(const void *x, const void *y)
{
	const struct query_word *a = x, *b = y;
	return (a->chunks > b->chunks) - (a->chunks < b->chunks);
}

/* The words joined by OR, the rarest first, as long as they are few enough together; by AND, where none is. */
static void store_index_rank_choose(struct arena *a, struct query_word *w, size_t n, struct match *ret)
{
	struct buf b;
	int64_t sum = 0;
	size_t first = 0, taken;
	*ret = (struct match){0};
	qsort(w, n, sizeof *w, by_chunks);
	while (first < n && !w[first].chunks)
		first++;
	if (first == n)
		return;
	bool common = w[first].chunks >= FOUND_MAX;
	buf_init(&b, 1 << 20);
	for (taken = first; taken < n; taken++) {
		sum += w[taken].chunks;
		if (!common && taken > first && sum > FOUND_MAX)
			break;
		if (taken > first)
			buf_add(&b, common ? S(" AND ") : S(" OR "));
		buf_add(&b, w[taken].text);
		ret->counts[ret->n_counts++] = w[taken].chunks;
	}
	ret->n_counts += first; /* the counts of those that are nowhere: 0 */
	ret->text = str_copy(a, buf_str(&b));
	ret->rarest = common ? w[first].text : (struct str){0};
	buf_release(&b);
}

/* The rows of words that may be found; what was said of a doc is kept for its other chunks. */
struct word_walk {
	struct store_index *index;
	const struct index_query *query;
	int64_t doc;
	bool passes;
};

static bool walk_passes(void *ctx, int64_t chunk)
{
	struct word_walk *w = ctx;
	if (chunk >> CHUNK_BITS != w->doc) {
		w->doc = chunk >> CHUNK_BITS;
		int64_t file = codes_file(w->index->codes, w->doc);
		w->passes = file && (!w->query->allowed || w->query->allowed(w->query->ctx, file));
	}
	return w->passes;
}

/* The rows of words from that chunk on. */
static sqlite3_stmt *walk_begin(struct index_db *d, struct str text, const struct match *match,
				struct word_filter *filter, int64_t chunk)
{
	sqlite3_stmt *s = index_stmt(d, IX_WORDS_FIND);
	index_text(s, 1, text);
	index_blob(s, 2, match->counts, match->n_counts * sizeof *match->counts);
	sqlite3_bind_pointer(s, 3, filter, WORD_FILTER, NULL);
	index_int(s, 4, chunk);
	return s;
}

/* Adds the best to what is there; no more than FOUND_MAX chunks are weighed. After so many that may not be found the walk goes on at the next doc that
 * may: FTS5 finds the place in its lists in the time of some hundred steps. */
static bool found_by_words(struct store_index *x, struct index_db *d, const struct index_query *q, struct str text,
			   const struct match *match, struct ranked_best *best, struct err *e)
{
	enum { OVER_MAX = 300 };
	struct word_walk walk = {.index = x, .query = q};
	struct word_filter filter = {walk_passes, &walk};
	sqlite3_stmt *s = walk_begin(d, text, match, &filter, 0);
	int step = SQLITE_DONE, weighed = 0, over = 0;
	while (weighed < FOUND_MAX && (step = sqlite3_step(s)) == SQLITE_ROW) {
		if (sqlite3_column_type(s, 1) != SQLITE_NULL) {
			ranked_add(best, (struct ranked){sqlite3_column_int64(s, 0), sqlite3_column_double(s, 1)});
			weighed++;
			over = 0;
		} else if (++over == OVER_MAX) {
			int64_t next = codes_next(x->codes, walk.doc, q->allowed, q->ctx);
			if (!next)
				break;
			s = walk_begin(d, text, match, &filter, chunk_number(next, 0));
			over = 0;
		}
	}
	bool ok = step == SQLITE_ROW || step == SQLITE_DONE || index_db_fail(d, e);
	if (s)
		sqlite3_reset(s);
	return ok;
}

/* By all of the common words, then, where too few chunks have them, by the rarest. */
static bool found_by_match(struct store_index *x, struct index_db *d, const struct index_query *q,
			   const struct match *match, size_t max, struct arena *a, struct ranked *ret, size_t *n,
			   struct err *e)
{
	struct ranked_best all = {.at = ret, .max = max}, more = {.max = max};
	if (!found_by_words(x, d, q, match->text, match, &all, e))
		return false;
	*n = all.n;
	if (match->rarest.n && all.n < max && !str_eq(match->rarest, match->text)) {
		more.at = new_array(a, struct ranked, 2 * max);
		if (!found_by_words(x, d, q, match->rarest, match, &more, e))
			return false;
		memcpy(more.at + more.n, ret, all.n * sizeof *ret);
		*n = ranked_unite(more.at, more.n + all.n);
		*n = *n < max ? *n : max;
		memcpy(ret, more.at, *n * sizeof *ret);
	}
	ranked_sort(ret, *n); /* ties by chunk */
	return true;
}

static bool rank_words(struct store_index *x, struct index_db *d, const struct index_query *q, size_t max,
		       struct arena *a, struct ranked **ret, size_t *n, struct err *e)
{
	struct query_word *w = new_array(a, struct query_word, WORDS_MAX);
	size_t n_words = store_index_rank_take_words(a, q->text, false, w);
	if (!n_words)
		n_words = store_index_rank_take_words(a, q->text, true, w);
	*ret = new_array(a, struct ranked, max + 1);
	for (size_t i = 0; i < n_words; i++)
		if (!count_word(x, d, &w[i], e))
			return false;
	struct match match;
	store_index_rank_choose(a, w, n_words, &match);
	return !match.text.n || found_by_match(x, d, q, &match, max, a, *ret, n, e);
}

/* --- vectors
 * ---------------------------------------------------------------------------------------------------------- */

/* A doc's windows [first, first + n), by their bytes: what was last looked at, since neighbours share windows. */
struct exactly {
	struct index_db *db;
	const struct vector_query *query;
	int64_t doc;
	size_t first, n, cap;
	double *scores;
};

static bool exact_read(struct exactly *x, enum index_statement from, int64_t doc, size_t first, size_t n, double *ret,
		       size_t *got, struct err *e)
{
	sqlite3_stmt *s = index_stmt(x->db, from);
	int step;
	index_int(s, 1, doc);
	index_int(s, 2, (int64_t)first);
	index_int(s, 3, (int64_t)(first + n));
	while ((step = sqlite3_step(s)) == SQLITE_ROW) {
		struct str bytes = index_cell(s, 2);
		if (bytes.n == x->query->dims)
			ret[(size_t)sqlite3_column_int64(s, 0) - first] =
			    (double)vector_score(x->query, (const int8_t *)bytes.p, (float)sqlite3_column_double(s, 1));
		++*got;
	}
	if (s)
		sqlite3_reset(s);
	return step == SQLITE_DONE || index_db_fail(x->db, e);
}

static bool exact_windows(struct exactly *x, int64_t doc, size_t first, size_t n, double *ret, struct err *e)
{
	size_t got = 0;
	for (size_t i = 0; i < n; i++)
		ret[i] = -2; /* of what goes meanwhile */
	return exact_read(x, IX_NEAR, doc, first, n, ret, &got, e) &&
	       (got == n || exact_read(x, IX_BYTES, doc, first, n, ret, &got, e));
}

/* A chunk by the bytes of its windows. Chunks come in order. */
static bool exact(struct exactly *x, struct codes *codes, struct ranked *r, struct err *e)
{
	int64_t doc = r->chunk >> CHUNK_BITS;
	size_t first = 0, n = codes_windows(codes, r->chunk, &first), shared = 0;
	if (n > x->cap) {
		x->cap = 2 * n;
		x->scores = xrealloc(x->scores, x->cap * sizeof *x->scores);
	}
	if (x->n && doc == x->doc && first >= x->first && first < x->first + x->n)
		shared = x->first + x->n - first < n ? x->first + x->n - first : n;
	if (shared)
		memmove(x->scores, x->scores + (first - x->first), shared * sizeof *x->scores);
	x->doc = doc;
	x->first = first;
	x->n = n;
	struct best_windows best = WINDOWS_NONE;
	if (shared < n && !exact_windows(x, doc, first + shared, n - shared, x->scores + shared, e))
		return false;
	for (size_t i = 0; i < n; i++)
		best_windows_add(&best, x->scores[i]);
	r->score = best_windows_score(&best);
	return true;
}

static bool space_of(struct index_db *d, struct str name, uint32_t *ret, struct err *e)
{
	sqlite3_stmt *s = index_stmt(d, IX_SPACE);
	index_text(s, 1, name);
	int step = sqlite3_step(s);
	*ret = step == SQLITE_ROW ? (uint32_t)sqlite3_column_int64(s, 0) : UINT32_MAX;
	bool ok = step == SQLITE_ROW || step == SQLITE_DONE || index_db_fail(d, e);
	if (s)
		sqlite3_reset(s);
	return ok;
}

static bool rank_vectors(struct store_index *x, struct index_db *d, const struct index_query *q, size_t max,
			 struct arena *a, struct ranked **ret, size_t *n, struct err *e)
{
	enum { AGAIN = 300 }; /* at least so many are put in order by their bytes */
	size_t most = max > AGAIN ? max : AGAIN;
	struct codes_query scan = {.allowed = q->allowed, .ctx = q->ctx};
	struct vector_query vector;
	struct exactly x_exact = {.db = d, .query = &vector};
	bool ok = true;
	*ret = new_array(a, struct ranked, most);
	if (!space_of(d, q->space, &scan.space, e))
		return false;
	vector_query(a, q->vector, q->dims, &vector);
	scan.vector = &vector;
	*n = codes_scan(x->codes, &scan, *ret, most);
	ranked_by_chunk(*ret, *n);
	for (size_t i = 0; ok && i < *n; i++)
		ok = exact(&x_exact, x->codes, &(*ret)[i], e);
	xfree(x_exact.scores);
	ranked_sort(*ret, *n);
	*n = *n < max ? *n : max;
	return ok;
}

bool store_index_rank(struct store_index *x, const struct index_query *q, size_t max, struct arena *a,
		      struct ranked **words, size_t *n_words, struct ranked **vectors, size_t *n_vectors, struct err *e)
{
	struct index_db *d = index_lend(x, e);
	*n_words = *n_vectors = 0;
	*words = *vectors = NULL;
	if (!d)
		return false;
	bool ok = (!q->text.n || rank_words(x, d, q, max, a, words, n_words, e)) &&
		  (!q->vector || rank_vectors(x, d, q, max, a, vectors, n_vectors, e));
	index_return(x, d);
	return ok;
}

/* --- texts
 * ------------------------------------------------------------------------------------------------------------- */

bool store_index_chunk(struct store_index *x, int64_t chunk, struct arena *a, struct index_chunk *ret, struct err *e)
{
	struct index_db *d = index_lend(x, e);
	if (!d)
		return false;
	bool ok = index_chunk_text(d, chunk, a, ret, e);
	index_return(x, d);
	if (ok && !codes_file(x->codes, chunk >> CHUNK_BITS)) /* it went while it was read */
		*ret = (struct index_chunk){0};
	return ok;
}

static bool one_int(struct index_db *d, sqlite3_stmt *s, int64_t *ret, struct err *e)
{
	int step = sqlite3_step(s);
	*ret = step == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL ? sqlite3_column_int64(s, 0) : -1;
	bool ok = step == SQLITE_ROW || step == SQLITE_DONE || index_db_fail(d, e);
	if (s)
		sqlite3_reset(s);
	return ok;
}

static bool text_from(struct index_db *d, int64_t doc, int64_t seq, size_t at, size_t max, struct buf *b, struct err *e)
{
	sqlite3_stmt *s = index_stmt(d, IX_PIECES);
	int step = SQLITE_DONE;
	index_int(s, 1, doc);
	index_int(s, 2, seq);
	index_int(s, 3, INT64_MAX);
	while (b->n < max && (step = sqlite3_step(s)) == SQLITE_ROW) {
		size_t begins = (size_t)sqlite3_column_int64(s, 0);
		struct str body = index_cell(s, 2);
		if (begins + body.n <= at)
			continue;
		size_t skip = at > begins ? at - begins : 0;
		buf_add(b, (struct str){body.p + skip, body.n - skip});
	}
	bool ok = step == SQLITE_ROW || step == SQLITE_DONE || index_db_fail(d, e);
	if (s)
		sqlite3_reset(s);
	return ok;
}

bool store_index_text(struct store_index *x, int64_t file, size_t at, size_t max, struct arena *a, struct str *ret,
		      struct err *e)
{
	struct index_db *d = index_lend(x, e);
	int64_t doc = -1, seq = -1;
	struct buf b;
	*ret = (struct str){0};
	if (!d)
		return false;
	buf_init(&b, SIZE_MAX / 2);
	sqlite3_stmt *s = index_stmt(d, IX_DOC_OF_FILE);
	index_int(s, 1, file);
	bool ok = one_int(d, s, &doc, e);
	if (ok && doc >= 0) {
		s = index_stmt(d, IX_PIECE_AT);
		index_int(s, 1, doc);
		index_int(s, 2, (int64_t)at);
		ok = one_int(d, s, &seq, e) && (seq < 0 || text_from(d, doc, seq, at, max, &b, e));
	}
	index_return(x, d);
	if (ok && b.n)
		*ret = str_copy(a, buf_str(&b));
	buf_release(&b);
	return ok;
}
