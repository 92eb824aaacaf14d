/* sqlite.c - the SQLite driver: connections, readers, statements. The writer is sqlite_writer.c. */
#include "store/sqlite.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite_schema.h"
#include "store/sqlite_writer.h"

#include "base/arena.h"
#include "store/limits.h"
#include "store/sqlite_copy.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_words.h"

enum { CELLS = 40, BUSY_MS = 2000, WAL_KEEP = 8 << 20 };

static const char *const in_words_of_its_own[STMT_COUNT] = {
#define STMT(name, sql) [STMT_##name] = sql,
#include "store/sqlite_statements.def"
#undef STMT
};

const char *sq_text(enum statement which)
{
	return in_words_of_its_own[which] ? in_words_of_its_own[which] : statement_sql[which];
}

static const char *const own_sql[OWN_COUNT] = {
    [OWN_BEGIN] = "BEGIN",          [OWN_WRITE] = "BEGIN IMMEDIATE", [OWN_COMMIT] = "COMMIT",
    [OWN_ROLLBACK] = "ROLLBACK",    [OWN_MARK] = "SAVEPOINT one",    [OWN_KEEP] = "RELEASE one",
    [OWN_UNDO] = "ROLLBACK TO one",
};

/* --- statements --- */

static sqlite3_stmt *prepared(struct conn *c, sqlite3_stmt **at, const char *sql)
{
	if (!*at && sqlite3_prepare_v3(c->sq, sql, -1, SQLITE_PREPARE_PERSISTENT, at, NULL))
		*at = NULL;
	return *at;
}

sqlite3_stmt *sq_own(struct conn *c, enum own which)
{
	return prepared(c, &c->own[which], own_sql[which]);
}

sqlite3_stmt *sq_stmt(struct conn *c, enum statement which)
{
	return prepared(c, &c->stmts[which], sq_text(which));
}

int sq_run(sqlite3_stmt *st)
{
	if (!st)
		return SQLITE_ERROR;
	int rc = sqlite3_step(st), reset = sqlite3_reset(st);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? reset : rc;
}

int stmt_bind(sqlite3_stmt *st, const struct bind *binds, unsigned n)
{
	int rc = SQLITE_OK;
	for (unsigned i = 0; i < n && rc == SQLITE_OK; i++) {
		const struct bind *b = &binds[i];
		int at = (int)i + 1;
		switch (b->kind) {
		case BIND_NULL:
			rc = sqlite3_bind_null(st, at);
			break;
		case BIND_INT:
			rc = sqlite3_bind_int64(st, at, b->i);
			break;
		case BIND_TEXT:
			rc = sqlite3_bind_text64(st, at, b->s.p ? b->s.p : "", b->s.n, SQLITE_STATIC, SQLITE_UTF8);
			break;
		case BIND_BLOB:
			rc = sqlite3_bind_blob64(st, at, b->s.p ? b->s.p : "", b->s.n, SQLITE_STATIC);
			break;
		}
	}
	return rc;
}

bool sqlite_fail(struct err *e, int rc, const char *what)
{
	if ((rc & 0xff) == SQLITE_FULL)
		return fail(e, ERR_STORE_FULL, NULL, "The store is full: no space is left on its disk.");
	return fail(e, ERR_STORE, NULL, "The store could not %s (%s, %d).", what, sqlite3_errstr(rc), rc);
}

/* --- connections --- */

static bool settings(struct conn *c, const struct db_options *o, bool writer, struct err *e)
{
	char sql[512];
	snprintf(
	    sql, sizeof sql,
	    "PRAGMA %s; PRAGMA synchronous=%s; PRAGMA wal_autocheckpoint=0; PRAGMA temp_store=MEMORY;"
	    "PRAGMA trusted_schema=OFF; PRAGMA cache_size=-%lld; PRAGMA mmap_size=%lld; PRAGMA journal_size_limit=%d",
	    writer ? "journal_mode=WAL" : "query_only=ON", o->sync_normal ? "NORMAL" : "FULL",
	    (long long)store_limits.cache_kb, (long long)store_limits.mmap_bytes, WAL_KEEP);
	int rc = sqlite3_exec(c->sq, sql, NULL, NULL, NULL);
	if (rc == SQLITE_NOTADB)
		return fail(e, ERR_STORE, NULL,
			    "%s is not a database. Put a backup in its place, or name another folder: --data DIR",
			    o->path);
	return rc == SQLITE_OK || sqlite_fail(e, sqlite3_extended_errcode(c->sq), "be set up");
}

bool sq_open(struct conn *c, const struct db_options *o, bool writer, struct err *e)
{
	*c = (struct conn){0};
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (writer ? SQLITE_OPEN_CREATE : 0);
	int rc = sqlite3_open_v2(o->path, &c->sq, flags, o->vfs);
	if (rc != SQLITE_OK) {
		sqlite_fail(e, rc, "be opened");
		sq_close(c);
		return false;
	}
	sqlite3_extended_result_codes(c->sq, 1);
	sqlite3_busy_timeout(c->sq, BUSY_MS);
	sqlite3_db_config(c->sq, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (!settings(c, o, writer, e)) {
		sq_close(c);
		return false;
	}
	return true;
}

void sq_close(struct conn *c)
{
	for (int i = 0; i < STMT_COUNT; i++)
		sqlite3_finalize(c->stmts[i]);
	for (int i = 0; i < OWN_COUNT; i++)
		sqlite3_finalize(c->own[i]);
	int rc = sqlite3_close(c->sq);
	assert(rc == SQLITE_OK);
	(void)rc;
	*c = (struct conn){0};
}

/* --- readers --- */

static struct db_reader *reader_attach(struct db *db)
{
	struct db_reader *r = xalloc(sizeof *r);
	r->db = db;
	pthread_mutex_init(&r->lock, NULL);
	pthread_mutex_lock(&db->readers_lock);
	r->next = db->readers;
	db->readers = r;
	pthread_mutex_unlock(&db->readers_lock);
	return r;
}

static void reader_detach(struct db_reader *r)
{
	struct db *db = r->db;
	pthread_mutex_lock(&db->readers_lock);
	struct db_reader **at = &db->readers;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	pthread_mutex_unlock(&db->readers_lock);
	sq_close(&r->conn);
	pthread_mutex_destroy(&r->lock);
	xfree(r);
}

static bool reader_read(struct db_reader *r, bool (*work)(struct db_reader *r, void *ctx, struct err *e), void *ctx,
			struct err *e)
{
	bool ok = false;
	pthread_mutex_lock(&r->lock);
	/* The first read opens; so does the first after the writer closed every connection (a failed sync). */
	if (!r->conn.sq && !sq_open(&r->conn, &r->db->options, false, e))
		goto unlock;
	/* One snapshot for all of work(): consistent, and half the lock calls of a snapshot a statement. */
	int rc = sq_run(sq_own(&r->conn, OWN_BEGIN));
	if (rc != SQLITE_OK) {
		sqlite_fail(e, rc, "be read");
		goto unlock;
	}
	ok = work(r, ctx, e);
	rc = sq_run(sq_own(&r->conn, OWN_COMMIT));
	if (rc != SQLITE_OK)
		sq_run(sq_own(&r->conn, OWN_ROLLBACK));
unlock:
	pthread_mutex_unlock(&r->lock);
	return ok;
}

static void row_cells(sqlite3_stmt *st, struct cell *cells)
{
	int n = sqlite3_column_count(st);
	assert(n <= CELLS);
	for (int i = 0; i < n; i++) {
		cells[i] = (struct cell){0};
		int type = sqlite3_column_type(st, i);
		if (type == SQLITE_INTEGER) {
			cells[i].i = sqlite3_column_int64(st, i);
		} else if (type != SQLITE_NULL) {
			/* column_blob gives text's bytes too, without the copy that a final NUL would take */
			const char *p = sqlite3_column_blob(st, i);
			cells[i].s = (struct str){p ? p : "", (size_t)sqlite3_column_bytes(st, i)};
		}
	}
}

static bool reader_query(struct db_reader *r, enum statement stmt, const struct bind *binds, unsigned n, row_fn *row,
			 void *ctx, struct err *e)
{
	sqlite3_stmt *st = sq_stmt(&r->conn, stmt);
	if (!st)
		return sqlite_fail(e, sqlite3_extended_errcode(r->conn.sq), "be read");
	assert(!sqlite3_stmt_busy(st));
	struct cell cells[CELLS];
	int rc = stmt_bind(st, binds, n);
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(st);
		if (rc != SQLITE_ROW)
			break;
		row_cells(st, cells);
		if (!row(ctx, cells)) {
			rc = SQLITE_DONE;
			break;
		}
	}
	sqlite3_reset(st);
	return rc == SQLITE_DONE || sqlite_fail(e, rc, "be read");
}

static bool sqlite_in_reader(struct db_reader *r, void *ctx, struct err *e)
{
	struct db_read *read = ctx;
	return read->work(read, r, e);
}

/* On the caller's thread: measured, cheaper than a hop to another and back. */
static bool reader_ask(struct db_reader *r, struct db_read *read, struct err *e)
{
	return reader_read(r, sqlite_in_reader, read, e);
}

struct one_of {
	const struct each *each;
	size_t which;
};

static bool on_each_row(void *ctx, const struct cell *cells)
{
	const struct one_of *o = ctx;
	return o->each->row(o->each->ctx, o->which, cells);
}

static bool reader_each(struct db_reader *r, const struct each *each, struct err *e)
{
	struct bind binds[CELLS];
	assert(each->n <= CELLS);
	for (size_t i = 0; i < each->times; i++) {
		struct one_of one = {each, i};
		each->bind(each->ctx, i, binds);
		if (!reader_query(r, each->stmt, binds, each->n, on_each_row, &one, e))
			return false;
	}
	return true;
}

/* --- open and close --- */

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void global_setup(void)
{
	/* Statistics take a lock that all connections share. Refused (harmlessly) when a test has
	 * registered its VFS before. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* SQLite gives -wal and -shm the mode of the database, so it is enough to make that one. */
static bool make_private(const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(e, ERR_STORE, NULL, "cannot open the store %s: %m", path);
	bool ok = fchmod(fd, 0600) == 0 || fail(e, ERR_STORE, NULL, "cannot make the store %s private: %m", path);
	close(fd);
	return ok;
}

static char *sqlite_string(const char *z)
{
	if (!z)
		return NULL;
	size_t n = strlen(z) + 1;
	return memcpy(xalloc(n), z, n);
}

static void db_free(struct db *db)
{
	sq_close(&db->conn);
	pthread_mutex_destroy(&db->readers_lock);
	write_queue_free(&db->queue);
	xfree((char *)db->options.path);
	xfree((char *)db->options.vfs);
	xfree(db);
}

static struct db *db_new(const struct db_options *o)
{
	pthread_once(&once, global_setup);
	struct db *db = xalloc(sizeof *db);
	db->options = *o;
	db->options.path = sqlite_string(o->path);
	db->options.vfs = sqlite_string(o->vfs);
	pthread_mutex_init(&db->readers_lock, NULL);
	write_queue_init(&db->queue, &sqlite_writes, db, &db->options);
	return db;
}

static bool sqlite_db_open(const struct db_options *o, struct db **ret, struct err *e)
{
	if (!make_private(o->path, e))
		return false;
	struct db *db = db_new(o);
	if (!sq_open(&db->conn, &db->options, true, e) || !schema_migrate(db->conn.sq, o->path, e) ||
	    !writer_start(db, e)) {
		db_free(db);
		return false;
	}
	*ret = db;
	return true;
}

static bool sqlite_db_beside(const struct db_options *o, struct db **ret, struct err *e)
{
	if (access(o->path, F_OK))
		return fail(e, ERR_NOT_FOUND, NULL, "there is no store at %s", o->path);
	struct db *db = db_new(o);
	db->beside = true;
	bool ok = sq_open(&db->conn, &db->options, false, e) && schema_is_ours(db->conn.sq, o->path, e);
	sq_close(&db->conn);
	if (ok)
		*ret = db;
	else
		db_free(db);
	return ok;
}

static void sqlite_db_close(struct db *db)
{
	if (!db->beside)
		write_queue_stop(&db->queue);
	assert(!db->readers);
	db_free(db);
}

const struct driver sqlite_driver = {
    .scheme = "sqlite:",
    .open = sqlite_db_open,
    .beside = sqlite_db_beside,
    .copy = sqlite_copy,
    .attach = reader_attach,
    .detach = reader_detach,
    .read = reader_read,
    .at_once = true,
    .ask = reader_ask,
    .query = reader_query,
    .each = reader_each,
    .apply = writer_apply,
    .healthy = writer_healthy,
    .scrub = writer_scrub,
    .close = sqlite_db_close,
};
