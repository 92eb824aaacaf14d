/* store_index_load.c - what memory keeps of an index's docs: read at its opening. */
#include "index/store_index_load.h"

#include <string.h>

#include "base/log.h"

static bool index_damaged(struct err *e)
{
	return fail(e, ERR_STORE, NULL, "an index of a vector store is damaged");
}

static bool load_ended(struct index_db *d, sqlite3_stmt *s, int step, struct err *e)
{
	if (s)
		sqlite3_reset(s);
	return step == SQLITE_DONE || step == SQLITE_ROW || index_db_fail(d, e);
}

/* --- one doc, from the database ---------------------------------------------------------------------------------- */

static bool load_vectors(struct index_db *d, struct doc *doc, struct err *e)
{
	size_t words = vector_words(doc->dims), at = 0;
	sqlite3_stmt *s = index_stmt(d, IX_VECTORS);
	bool fits = true;
	int step = SQLITE_DONE;
	doc->codes = xalloc(doc->n_windows * words * sizeof *doc->codes + 1);
	doc->factors = xalloc(doc->n_windows * sizeof *doc->factors + 1);
	index_int(s, 1, doc->doc);
	while (fits && (step = sqlite3_step(s)) == SQLITE_ROW) {
		size_t n = (size_t)sqlite3_column_int64(s, 0);
		struct str codes = index_cell(s, 1), factors = index_cell(s, 2);
		fits = n <= doc->n_windows - at && codes.n == n * words * sizeof *doc->codes &&
		       factors.n == n * sizeof *doc->factors;
		if (!fits)
			break;
		memcpy(doc->codes + at * words, codes.p, codes.n);
		memcpy(doc->factors + at, factors.p, factors.n);
		at += n;
	}
	return load_ended(d, s, step, e) && ((fits && at == doc->n_windows) || index_damaged(e));
}

static bool load_chunks(struct index_db *d, struct doc *doc, struct err *e)
{
	sqlite3_stmt *s = index_stmt(d, IX_CHUNKS);
	size_t at = 0;
	int step;
	index_int(s, 1, chunk_number(doc->doc, 0));
	index_int(s, 2, chunk_number(doc->doc + 1, 0));
	while ((step = sqlite3_step(s)) == SQLITE_ROW && at < doc->n_chunks) {
		size_t n = (size_t)sqlite3_column_int64(s, 1);
		doc->first[at] = (uint32_t)sqlite3_column_int64(s, 0);
		doc->n[at++] = n > UINT16_MAX ? 0 : (uint16_t)n;
	}
	return load_ended(d, s, step, e) && (at == doc->n_chunks || index_damaged(e));
}

/* As index_put_signs() wrote them, or else one by one. `s` is at the doc's row. */
static bool load_spans(struct index_db *d, sqlite3_stmt *s, struct doc *doc, struct err *e)
{
	size_t firsts = doc->n_chunks * sizeof *doc->first, counts = doc->n_chunks * sizeof *doc->n;
	struct str list = index_cell(s, 5);
	doc->first = xalloc(firsts + 1);
	doc->n = xalloc(counts + 1);
	if (sqlite3_column_type(s, 5) == SQLITE_NULL) {
		if (!load_chunks(d, doc, e))
			return false;
	} else {
		if (list.n != firsts + counts)
			return index_damaged(e);
		memcpy(doc->first, list.p, firsts);
		memcpy(doc->n, list.p + firsts, counts);
	}
	for (size_t i = 0; i < doc->n_chunks; i++)
		if (!doc->n[i] || (size_t)doc->first[i] + doc->n[i] > doc->n_windows)
			return index_damaged(e);
	return true;
}

bool index_load_doc(struct index_db *d, int64_t doc, struct doc *ret, struct err *e)
{
	sqlite3_stmt *s = index_stmt(d, IX_DOC);
	index_int(s, 1, doc);
	int step = sqlite3_step(s);
	if (step != SQLITE_ROW)
		return load_ended(d, s, step, e) && index_damaged(e);
	*ret = (struct doc){.doc = doc,
			    .file = sqlite3_column_int64(s, 0),
			    .space = (uint32_t)sqlite3_column_int64(s, 1),
			    .dims = (uint32_t)sqlite3_column_int64(s, 2),
			    .n_windows = (size_t)sqlite3_column_int64(s, 3),
			    .n_chunks = (size_t)sqlite3_column_int64(s, 4)};
	bool ok = ret->dims <= VECTOR_DIMS_MAX && ret->n_windows <= UINT32_MAX && !(ret->n_chunks >> CHUNK_BITS);
	if (!ok)
		index_damaged(e);
	ok = ok && load_spans(d, s, ret, e);
	sqlite3_reset(s);
	ok = ok && (!ret->dims || load_vectors(d, ret, e));
	if (!ok)
		doc_release(ret);
	return ok;
}

static bool put_sum(struct index_db *d, const struct doc *doc, struct err *e)
{
	sqlite3_stmt *s = index_stmt(d, IX_SUM_NEW);
	index_int(s, 1, doc->doc);
	index_int(s, 2, (int64_t)signs_sum(doc));
	return index_run(d, IX_SUM_NEW, e);
}

bool index_put_signs(struct index_db *d, const struct doc *doc, struct err *e)
{
	size_t firsts = doc->n_chunks * sizeof *doc->first, counts = doc->n_chunks * sizeof *doc->n;
	char *list = xalloc(firsts + counts + 1);
	memcpy(list, doc->first, firsts);
	memcpy(list + firsts, doc->n, counts);
	sqlite3_stmt *s = index_stmt(d, IX_SPANS_NEW);
	index_int(s, 1, doc->doc);
	index_blob(s, 2, list, firsts + counts);
	bool ok = index_run(d, IX_SPANS_NEW, e) && put_sum(d, doc, e);
	xfree(list);
	return ok;
}

/* --- all of them ------------------------------------------------------------------------------------------------- */

struct load_list {
	struct signs_want *at;
	size_t n, cap, missing; /* missing: in the file of signs */
};

static bool load_wanted(struct index_db *d, struct load_list *l, struct err *e)
{
	sqlite3_stmt *s = index_stmt(d, IX_DOCS);
	int step;
	while ((step = sqlite3_step(s)) == SQLITE_ROW) {
		if (l->n == l->cap) {
			l->cap = l->cap ? 2 * l->cap : 64;
			l->at = xrealloc(l->at, l->cap * sizeof *l->at);
		}
		/* Without a sum, in an index from before there were any: 0, which is no record's. */
		l->at[l->n++] =
		    (struct signs_want){.doc = sqlite3_column_int64(s, 0), .sum = (uint64_t)sqlite3_column_int64(s, 1)};
	}
	return load_ended(d, s, step, e);
}

static bool load_missing(struct index_db *d, struct load_list *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->at[i].got.doc) {
			l->missing++;
			if (!index_load_doc(d, l->at[i].doc, &l->at[i].got, e))
				return false;
		}
	return true;
}

/* The next start finds them in the file. That it cannot be written costs the next start some time, and nobody else. */
static void keep_missing(struct store_index *x, const struct load_list *l)
{
	struct err e = {0};
	index_stmt(x->writer, IX_BEGIN);
	bool ok = index_run(x->writer, IX_BEGIN, &e);
	for (size_t i = 0; ok && i < l->n; i++)
		ok = put_sum(x->writer, &l->at[i].got, &e);
	index_stmt(x->writer, ok ? IX_COMMIT : IX_ROLLBACK);
	if (index_run(x->writer, ok ? IX_COMMIT : IX_ROLLBACK, &e) && ok) {
		signs_clear(x->signs);
		for (size_t i = 0; i < l->n; i++)
			signs_add(x->signs, &l->at[i].got);
	}
	if (e.code)
		log_at(LOG_WARN, "an index of a vector store will open slowly", "error=\"%s\"", e.msg);
}

bool index_load_all(struct store_index *x, struct err *e)
{
	struct load_list l = {0};
	bool ok = load_wanted(x->writer, &l, e);
	if (ok)
		signs_read(x->signs, l.at, l.n);
	ok = ok && load_missing(x->writer, &l, e);
	if (ok && l.missing)
		keep_missing(x, &l);
	for (size_t i = 0; i < l.n; i++)
		if (ok)
			codes_add(x->codes, &l.at[i].got);
		else
			doc_release(&l.at[i].got);
	xfree(l.at);
	return ok;
}

static void tidy_doc(void *ctx, const struct doc *d)
{
	signs_add(ctx, d);
}

void index_tidy_signs(struct store_index *x)
{
	enum { LEAST = 1 << 16 }; /* a smaller file is not worth it */
	if (signs_bytes(x->signs) < LEAST || signs_bytes(x->signs) / 2 < codes_bytes(x->codes))
		return;
	signs_clear(x->signs);
	codes_each(x->codes, tidy_doc, x->signs);
}
