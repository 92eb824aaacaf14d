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
