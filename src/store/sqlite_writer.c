/* sqlite_writer.c - what the writing thread does (write_queue.h): many lists of changes, one synced commit.
 *
 * Each list is a savepoint, so that its own error undoes it alone. When the commit itself fails (disk full, I/O), each list
 * is tried once alone.
 * After an I/O error nothing is acknowledged before the database has come to rest (what was committed
 * before is copied from the log, synced, and the log cut off, with it the frames of the commit that failed) and
 * every connection was closed and opened again. While that does not succeed, writes fail and reads go on. */
#include "store/sqlite_writer.h"

#include "base/clock.h"
#include "base/log.h"

enum {
	CHECKPOINT_PAGES = 200, /* measured: with 1000, the default, the slowest commits take three to four times as long */
	RESTART_PAGES = 8000,   /* readers kept the log from starting anew: wait for them */
	SCRUB_TRIES = 30,       /* each waits for readers as long as a statement does */
};

static int on_wal(void *ctx, sqlite3 *sq, const char *name, int pages)
{
	struct db *db = ctx;
	db->wal_pages = pages;
	return SQLITE_OK;
}

/* Makes all that the log holds durable in the database itself and starts the log anew. After an I/O error
 * nothing less will do; at the start another process may be reading (`check`). */
static bool sqlite_writer_settle(struct db *db, bool must, struct err *e)
{
	int rc = sqlite3_wal_checkpoint_v2(db->conn.sq, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (rc != SQLITE_OK && (rc != SQLITE_BUSY || must))
		return sqlite_fail(e, rc, "be brought to rest");
	db->wal_pages = 0;
	return true;
}

static bool close_and_open(struct db *db, struct err *e)
{
	/* Rest first, on the old connection: it alone knows which frames of the log are committed. An
	 * opening would take a commit whose sync failed for a good one. */
	if (db->conn.sq && !sqlite_writer_settle(db, true, e))
		return false;
	for (struct db_reader *r = db->readers; r; r = r->next)
		sq_close(&r->conn);
	sq_close(&db->conn);
	if (!sq_open(&db->conn, &db->options, true, e))
		return false;
	sqlite3_wal_hook(db->conn.sq, on_wal, db);
	db->unsure = false;
	return true;
}

static bool reopen(struct db *db, struct err *e)
{
	pthread_mutex_lock(&db->readers_lock);
	for (struct db_reader *r = db->readers; r; r = r->next)
		pthread_mutex_lock(&r->lock);
	bool ok = close_and_open(db, e);
	for (struct db_reader *r = db->readers; r; r = r->next)
		pthread_mutex_unlock(&r->lock);
	pthread_mutex_unlock(&db->readers_lock);
	if (ok)
		log_at(LOG_WARN, "store was opened again after an I/O error", "path=%s", db->options.path);
	return ok;
}

/* --- one list --- */

/* Is this the disk's fault (full, I/O, read-only ...) rather than the change's? */
static bool disk_failed(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_READONLY:
	case SQLITE_NOMEM:
	case SQLITE_CANTOPEN:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_BUSY:
	case SQLITE_PROTOCOL:
	case SQLITE_PERM:
		return true;
	default:
		return false;
	}
}

/* SQLITE_OK; SQLITE_DONE: a change missed, *e is set; or the error of a change. */
static int run_changes(struct db *db, const struct apply *a, struct err *e)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct change *c = &a->changes[i];
		sqlite3_stmt *st = sq_stmt(&db->conn, c->stmt);
		int rc = st ? stmt_bind(st, c->binds, c->n) : sqlite3_extended_errcode(db->conn.sq);
		if (rc == SQLITE_OK)
			rc = sq_run(st);
		if (rc != SQLITE_OK)
			return rc;
		if (c->miss != ERR_NONE && sqlite3_changes(db->conn.sq) == 0) {
			fail(e, c->miss, NULL, "%s", c->miss_text);
			return SQLITE_DONE;
		}
	}
	return SQLITE_OK;
}

/* A list's own fault stays its own: false only when the whole transaction is lost (*rc). */
static bool run_list(struct db *db, struct apply *a, bool marked, int *rc)
{
	struct err why = {0};
	*rc = marked ? sq_run(sq_own(&db->conn, OWN_MARK)) : SQLITE_OK;
	if (*rc != SQLITE_OK)
		return false;
	*rc = run_changes(db, a, &why);
	if (*rc == SQLITE_OK) {
		if (marked)
			*rc = sq_run(sq_own(&db->conn, OWN_KEEP));
		return *rc == SQLITE_OK;
	}
	/* SQLite ends the transaction by itself on some errors. */
	if (disk_failed(*rc) || sqlite3_get_autocommit(db->conn.sq))
		return false;
	if (*rc != SQLITE_DONE)
		sqlite_fail(&why, *rc, "be written");
	apply_fail(a, &why);
	if (!marked)
		return true; /* the caller sees a->err and rolls back */
	*rc = sq_run(sq_own(&db->conn, OWN_UNDO));
	if (*rc == SQLITE_OK)
		*rc = sq_run(sq_own(&db->conn, OWN_KEEP));
	return *rc == SQLITE_OK;
}

/* --- one commit --- */

static void rollback(struct db *db)
{
	if (db->conn.sq && !sqlite3_get_autocommit(db->conn.sq))
		sq_run(sq_own(&db->conn, OWN_ROLLBACK));
}

/* Lists `a` up to (not with) `end` in one transaction. Lists that failed by themselves have their err. */
static int transaction(struct db *db, struct apply *a, const struct apply *end)
{
	bool marked = a->next != end, any = false;
	int rc = sq_run(sq_own(&db->conn, OWN_WRITE));
	for (; rc == SQLITE_OK && a != end; a = a->next) {
		if (!run_list(db, a, marked, &rc))
			break;
		rc = SQLITE_OK;
		any |= !a->err;
	}
	if (rc == SQLITE_OK && any)
		rc = sq_run(sq_own(&db->conn, OWN_COMMIT));
	rollback(db);
	return rc;
}

/* One try; true when every list has its outcome. */
static bool try_lists(struct db *db, struct apply *a, const struct apply *end, struct err *why)
{
	if (db->unsure && !reopen(db, why))
		return false;
	int rc = transaction(db, a, end);
	if (rc == SQLITE_OK)
		return true;
	sqlite_fail(why, rc, "be written");
	db->unsure |= (rc & 0xff) == SQLITE_IOERR;
	return false;
}

static void commit_group(void *ctx, struct apply *list)
{
	struct db *db = ctx;
	struct err why = {0}, last = {0};
	if (!try_lists(db, list, NULL, &why)) {
		for (struct apply *a = list; a; a = a->next) {
			struct err alone = {0};
			apply_clear(a);
			last = (struct err){0};
			if (!list->next || !try_lists(db, a, a->next, &alone)) {
				last = list->next ? alone : why;
				apply_fail(a, &last);
			}
		}
	}
	write_queue_health(&db->queue, &last);
}

/* After the news has gone out: those who wait for this commit need not wait for it. */
static void checkpoint(void *ctx)
{
	struct db *db = ctx;
	if (db->unsure || db->wal_pages < CHECKPOINT_PAGES)
		return;
	if (db->wal_pages < db->wal_waited)
		db->wal_waited = 0; /* it was started anew */
	bool restart = db->wal_pages >= db->wal_waited + RESTART_PAGES;
	int mode = restart ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;
	int rc = sqlite3_wal_checkpoint_v2(db->conn.sq, NULL, mode, NULL, NULL);
	/* Who reads so long (a copy) is not waited for again after each commit: the log grows as much once more first. */
	if (restart)
		db->wal_waited = rc == SQLITE_BUSY ? db->wal_pages : 0;
	if ((rc & 0xff) == SQLITE_IOERR) {
		log_at(LOG_ERROR, "store checkpoint failed", "rc=%d error=\"%s\"", rc, sqlite3_errstr(rc));
		db->unsure = true;
	}
}

/* --- what was deleted --- */

/* Written anew without its free pages; then the log, in which the old ones stand, is cut off. VACUUM's copy is no matter
 * of memory. */
static int scrub_run(struct db *db)
{
	sqlite3 *sq = db->conn.sq;
	int rc = sqlite3_exec(sq, "PRAGMA temp_store=FILE; VACUUM; PRAGMA temp_store=MEMORY", NULL, NULL, NULL);
	for (int i = 0; i < SCRUB_TRIES && rc == SQLITE_OK; i++) {
		rc = sqlite3_wal_checkpoint_v2(sq, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
		if (rc != SQLITE_BUSY)
			break;
		rc = i + 1 < SCRUB_TRIES ? SQLITE_OK : SQLITE_BUSY; /* a reader: it was waited for */
	}
	db->wal_pages = rc == SQLITE_OK ? 0 : db->wal_pages;
	return rc;
}

static bool writer_scrub_now(void *ctx, struct err *e)
{
	struct db *db = ctx;
	if (db->unsure && !reopen(db, e))
		return false;
	int rc = scrub_run(db);
	db->unsure |= (rc & 0xff) == SQLITE_IOERR;
	return rc == SQLITE_OK || sqlite_fail(e, rc, "be written anew");
}

bool writer_scrub(struct db *db, struct err *e)
{
	return write_queue_run(&db->queue, writer_scrub_now, e);
}

/* --- the thread --- */

/* Nobody writes while /ready says no: a commit of a row of our own finds out when the disk is well. */
static void sqlite_writer_probe(void *ctx)
{
	struct db *db = ctx;
	struct err why = {0};
	struct bind now = INT(clock_wall_us());
	struct change touch = {.stmt = STMT_TOUCH, .binds = &now, .n = 1};
	struct apply probe = {.changes = &touch, .n = 1};
	try_lists(db, &probe, NULL, &why);
	write_queue_health(&db->queue, probe.err ? probe.err : &why);
	apply_clear(&probe);
}

const struct write_verbs sqlite_writes = {
    .thread = "store", .commit = commit_group, .told = checkpoint, .probe = sqlite_writer_probe};

bool writer_start(struct db *db, struct err *e)
{
	if (!sqlite_writer_settle(db, false, e))
		return false;
	sqlite3_wal_hook(db->conn.sq, on_wal, db);
	return write_queue_start(&db->queue, e);
}

bool writer_apply(struct db *db, struct apply *a, struct err *e)
{
	return write_queue_put(&db->queue, a, e);
}

bool writer_healthy(struct db *db, struct err *why)
{
	return write_queue_healthy(&db->queue, why);
}
