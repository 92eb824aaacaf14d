/* store_index_db.c - the database of a store index: opening, statements, what is read from it. */
#include "index/store_index_db.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "index/word_share.h"

static const char *const statements[IX_COUNT] = {
#define INDEX_STMT(name, sql) sql,
#include "index/store_index.def"
#undef INDEX_STMT
};

/* --- connections ------------------------------------------------------------------------------------------------- */

bool index_db_fail(struct index_db *d, struct err *e)
{
	return fail(e, ERR_STORE, NULL, "an index of a vector store: %s",
		    d && d->db ? sqlite3_errmsg(d->db) : "it cannot be opened");
}

void index_db_close(struct index_db *d)
{
	if (!d)
		return;
	for (int i = 0; i < IX_COUNT; i++)
		sqlite3_finalize(d->statements[i]);
	sqlite3_close(d->db);
	xfree(d);
}

bool index_db_open(struct str path, bool writes, struct index_db **ret, struct err *e)
{
	static const char setup[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
				    "PRAGMA journal_size_limit = 4194304; PRAGMA cache_size = -2048;"
#define INDEX_TABLES(sql) sql
#include "index/store_index.def"
#undef INDEX_TABLES
	    ;
	struct index_db *d = xalloc(sizeof *d);
	int fd = writes ? open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600)
			: -1; /* the database takes over who may read it */
	if (fd >= 0)
		close(fd);
	bool ok = sqlite3_open_v2(path.p, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
		  sqlite3_busy_timeout(d->db, 10000) == SQLITE_OK && word_share_add(d->db) &&
		  (!writes || sqlite3_exec(d->db, setup, NULL, NULL, NULL) == SQLITE_OK);
	if (!ok) {
		index_db_fail(d, e);
		index_db_close(d);
		return false;
	}
	*ret = d;
	return true;
}

struct index_db *index_lend(struct store_index *x, struct err *e)
{
	pthread_mutex_lock(&x->lending);
	struct index_db *d = x->idle;
	if (d)
		x->idle = d->next;
	pthread_mutex_unlock(&x->lending);
	if (!d && !index_db_open(x->path, false, &d, e))
		return NULL;
	/* One look at the database: each statement by itself would take and leave its locks, hundreds of times a
	 * search. */
	index_stmt(d, IX_READ);
	if (index_run(d, IX_READ, e))
		return d;
	index_db_close(d);
	return NULL;
}

void index_return(struct store_index *x, struct index_db *d)
{
	struct err ignored = {0};
	index_stmt(d, IX_COMMIT);
	if (!index_run(d, IX_COMMIT, &ignored)) {
		index_db_close(d);
		return;
	}
	pthread_mutex_lock(&x->lending);
	d->next = x->idle;
	x->idle = d;
	pthread_mutex_unlock(&x->lending);
}

/* --- statements ----------------------------------------------------------------------------------------------------
 */

sqlite3_stmt *index_stmt(struct index_db *d, enum index_statement s)
{
	if (!d->statements[s])
		sqlite3_prepare_v3(d->db, statements[s], -1, SQLITE_PREPARE_PERSISTENT, &d->statements[s], NULL);
	else
		sqlite3_reset(d->statements[s]);
	return d->statements[s]; /* NULL: binds and steps do nothing but fail */
}

bool index_run(struct index_db *d, enum index_statement s, struct err *e)
{
	sqlite3_stmt *st = d->statements[s];
	bool ok = st && sqlite3_step(st) == SQLITE_DONE;
	if (!ok)
		index_db_fail(d, e);
	if (st)
		sqlite3_reset(st);
	return ok;
}

/* --- reading -------------------------------------------------------------------------------------------------------
 */

static bool store_index_db_ended(struct index_db *d, sqlite3_stmt *s, int step, struct err *e)
{
	bool ok = step == SQLITE_DONE || step == SQLITE_ROW;
	if (!ok)
		index_db_fail(d, e);
	if (s)
		sqlite3_reset(s);
	return ok;
}

static bool read_pieces(struct index_db *d, int64_t doc, int64_t first, int64_t n, struct buf *b, int64_t *page,
			struct err *e)
{
	sqlite3_stmt *s = index_stmt(d, IX_PIECES);
	int step;
	index_int(s, 1, doc);
	index_int(s, 2, first);
	index_int(s, 3, first + n);
	while ((step = sqlite3_step(s)) == SQLITE_ROW) {
		if (!b->n || !*page)
			*page = sqlite3_column_int64(s, 1);
		buf_add(b, index_cell(s, 2));
	}
	return store_index_db_ended(d, s, step, e);
}

bool index_chunk_text(struct index_db *d, int64_t chunk, struct arena *a, struct index_chunk *ret, struct err *e)
{
	int64_t doc = chunk >> CHUNK_BITS, first = 0, n = 0;
	struct buf b;
	*ret = (struct index_chunk){0};
	sqlite3_stmt *s = index_stmt(d, IX_CHUNK);
	index_int(s, 1, chunk);
	int step = sqlite3_step(s);
	if (step == SQLITE_ROW) {
		first = sqlite3_column_int64(s, 0);
		n = sqlite3_column_int64(s, 1);
	}
	if (!store_index_db_ended(d, s, step, e) || !n)
		return step == SQLITE_DONE;
	s = index_stmt(d, IX_DOC_HEADER);
	index_int(s, 1, doc);
	step = sqlite3_step(s);
	buf_init(&b, SIZE_MAX / 2);
	if (step == SQLITE_ROW) {
		ret->file = sqlite3_column_int64(s, 0);
		if (first)
			buf_add(&b, index_cell(s, 1));
	}
	size_t head = b.n;
	bool ok = store_index_db_ended(d, s, step, e) && read_pieces(d, doc, first, n, &b, &ret->page, e);
	if (ok && b.n > head) {
		while (b.n > head && strchr(" \n\r\t\f", b.p[b.n - 1]) && b.p[b.n - 1])
			b.n--;
		ret->text = str_copy(a, buf_str(&b));
	}
	buf_release(&b);
	return ok;
}

/* --- loading -------------------------------------------------------------------------------------------------------
 */

static bool index_damaged(struct err *e)
{
	return fail(e, ERR_STORE, NULL, "an index of a vector store is damaged");
}

/* The rows of `doc`, which are those that the statement has come to; what is before them is of nobody. */
static bool load_vectors(struct index_load *l, struct doc *doc, struct err *e)
{
	size_t words = vector_words(doc->dims), at = 0;
	doc->codes = xalloc(doc->n_windows * words * sizeof *doc->codes + 1);
	doc->factors = xalloc(doc->n_windows * sizeof *doc->factors + 1);
	for (; l->step == SQLITE_ROW; l->step = sqlite3_step(l->vectors)) {
		int64_t of = sqlite3_column_int64(l->vectors, 0);
		if (of < doc->doc)
			continue;
		if (of > doc->doc)
			break;
		size_t n = (size_t)sqlite3_column_int64(l->vectors, 1);
		struct str codes = index_cell(l->vectors, 2), factors = index_cell(l->vectors, 3);
		if (n > doc->n_windows - at || codes.n != n * words * sizeof *doc->codes ||
		    factors.n != n * sizeof *doc->factors)
			return index_damaged(e);
		memcpy(doc->codes + at * words, codes.p, codes.n);
		memcpy(doc->factors + at, factors.p, factors.n);
		at += n;
	}
	if (l->step != SQLITE_ROW && l->step != SQLITE_DONE)
		return index_db_fail(l->db, e);
	return at == doc->n_windows || index_damaged(e);
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
	return store_index_db_ended(d, s, step, e) && (at == doc->n_chunks || index_damaged(e));
}

bool index_put_spans(struct index_db *d, const struct doc *doc, struct err *e)
{
	size_t firsts = doc->n_chunks * sizeof *doc->first, counts = doc->n_chunks * sizeof *doc->n;
	char *list = xalloc(firsts + counts + 1);
	memcpy(list, doc->first, firsts);
	memcpy(list + firsts, doc->n, counts);
	sqlite3_stmt *s = index_stmt(d, IX_SPANS_NEW);
	index_int(s, 1, doc->doc);
	index_blob(s, 2, list, firsts + counts);
	bool ok = index_run(d, IX_SPANS_NEW, e);
	xfree(list);
	return ok;
}

/* As index_put_spans() wrote them, or else one by one. */
static bool load_spans(struct index_load *l, struct doc *doc, struct err *e)
{
	size_t firsts = doc->n_chunks * sizeof *doc->first, counts = doc->n_chunks * sizeof *doc->n;
	struct str list = index_cell(l->docs, 6);
	doc->first = xalloc(firsts + 1);
	doc->n = xalloc(counts + 1);
	if (sqlite3_column_type(l->docs, 6) == SQLITE_NULL) {
		if (!load_chunks(l->db, doc, e))
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

void index_load_begin(struct index_db *d, int64_t doc, struct index_load *ret)
{
	*ret = (struct index_load){.db = d,
				   .docs = index_stmt(d, doc ? IX_DOC : IX_DOCS),
				   .vectors = index_stmt(d, doc ? IX_VECTORS_OF : IX_VECTORS)};
	if (doc) {
		index_int(ret->docs, 1, doc);
		index_int(ret->vectors, 1, doc);
	}
	ret->step = sqlite3_step(ret->vectors);
}

bool index_load_next(struct index_load *l, struct doc *ret, bool *found, struct err *e)
{
	int step = sqlite3_step(l->docs);
	*found = step == SQLITE_ROW;
	if (step != SQLITE_ROW)
		return step == SQLITE_DONE || index_db_fail(l->db, e);
	*ret = (struct doc){.doc = sqlite3_column_int64(l->docs, 0),
			    .file = sqlite3_column_int64(l->docs, 1),
			    .space = (uint32_t)sqlite3_column_int64(l->docs, 2),
			    .dims = (uint32_t)sqlite3_column_int64(l->docs, 3),
			    .n_windows = (size_t)sqlite3_column_int64(l->docs, 4),
			    .n_chunks = (size_t)sqlite3_column_int64(l->docs, 5)};
	if (ret->dims > VECTOR_DIMS_MAX || ret->n_windows > UINT32_MAX || ret->n_chunks >> CHUNK_BITS)
		return index_damaged(e);
	bool ok = load_spans(l, ret, e) && (!ret->dims || load_vectors(l, ret, e));
	if (!ok)
		doc_release(ret);
	return ok;
}

void index_load_end(struct index_load *l)
{
	if (l->docs)
		sqlite3_reset(l->docs);
	if (l->vectors)
		sqlite3_reset(l->vectors);
}
