/* sqlite_writer.c - the one writing thread: many lists of changes, one synced commit.
 *
 * While a commit runs, further lists queue; the next commit takes them all. Each list is a savepoint, so that
 * its own error undoes it alone. When the commit itself fails (disk full, I/O), each list is tried once alone.
 * After an I/O error nothing is acknowledged before the database has come to rest (what was committed
 * before is copied from the log, synced, and the log cut off, with it the frames of the commit that failed) and
 * every connection was closed and opened again. While that does not succeed, writes fail and reads go on. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/commit_measure.h"
#include "store/limits.h"
#include "store/sqlite.h"

enum {
	CHECKPOINT_PAGES = 200, /* measured: with 1000, the default, the slowest commits take three to four times as long */
	RESTART_PAGES = 8000,   /* readers kept the log from starting anew: wait for them */
	SCRUB_TRIES = 30,       /* each waits for readers as long as a statement does */
	PROBE_SECONDS = 1,      /* how often a sick store tries whether it can write again */
	RETRY_AFTER_MS = 1000,
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

static void apply_fail(struct apply *a, const struct err *why)
{
	if (!a->err)
		a->err = xalloc(sizeof *a->err);
	*a->err = *why;
}

static void apply_clear(struct apply *a)
{
	xfree(a->err);
	a->err = NULL;
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

static void set_health(struct db *db, const struct err *why)
{
	pthread_mutex_lock(&db->lock);
	bool was = db->sick.code == ERR_NONE, is = why->code == ERR_NONE;
	db->sick = *why;
	pthread_mutex_unlock(&db->lock);
	if (was && !is)
		log_at(LOG_ERROR, "store cannot write", "reason=\"%s\"", why->msg);
	else if (!was && is)
		log_at(LOG_INFO, "store writes again", "path=%s", db->options.path);
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

static void commit_group(struct db *db, struct apply *list)
{
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
	set_health(db, &last);
}

static void checkpoint(struct db *db)
{
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

struct scrub { /* on the stack of who waits */
	pthread_cond_t done;
	bool ended;
	struct err why;
};

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

/* Called with the lock held. */
static void writer_scrub_now(struct db *db)
{
	struct scrub *s = db->scrub;
	pthread_mutex_unlock(&db->lock);
	if (!db->unsure || reopen(db, &s->why)) {
		int rc = scrub_run(db);
		if (rc != SQLITE_OK)
			sqlite_fail(&s->why, rc, "be written anew");
		db->unsure |= (rc & 0xff) == SQLITE_IOERR;
	}
	pthread_mutex_lock(&db->lock);
	db->scrub = NULL;
	s->ended = true;
	pthread_cond_signal(&s->done);
}

bool writer_scrub(struct db *db, struct err *e)
{
	struct scrub s = {.done = PTHREAD_COND_INITIALIZER};
	pthread_mutex_lock(&db->lock);
	assert(!db->scrub);
	db->scrub = &s;
	pthread_cond_signal(&db->wake);
	while (!s.ended)
		pthread_cond_wait(&s.done, &db->lock);
	pthread_mutex_unlock(&db->lock);
	*e = s.why;
	return s.why.code == ERR_NONE;
}

/* --- the thread --- */

/* Takes what the next commit is to carry; called with the lock held. */
static struct apply *take_group(struct db *db)
{
	struct apply *list = db->first, *end = list;
	for (int64_t n = 1; end && n < store_limits.group && end->next; n++)
		end = end->next;
	if (end) {
		db->first = end->next;
		end->next = NULL;
	}
	if (!db->first)
		db->last = &db->first;
	return list;
}

/* Waits for work; while the store is sick, at most a moment. Called with the lock held. */
static void wait_for_work(struct db *db)
{
	if (db->scrub) {
		writer_scrub_now(db);
		return;
	}
	if (db->sick.code == ERR_NONE) {
		pthread_cond_wait(&db->wake, &db->lock);
		return;
	}
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PROBE_SECONDS;
	if (pthread_cond_timedwait(&db->wake, &db->lock, &until) != ETIMEDOUT || db->first || db->closing)
		return;
	/* Nobody writes while /ready says no: a commit of a row of our own finds out when the disk is well. */
	struct err why = {0};
	struct bind now = INT(clock_wall_us());
	struct change touch = {.stmt = STMT_TOUCH, .binds = &now, .n = 1};
	struct apply probe = {.changes = &touch, .n = 1};
	pthread_mutex_unlock(&db->lock);
	try_lists(db, &probe, NULL, &why);
	set_health(db, probe.err ? probe.err : &why);
	apply_clear(&probe);
	pthread_mutex_lock(&db->lock);
}

static void *write_main(void *arg)
{
	struct db *db = arg;
	pthread_mutex_lock(&db->lock);
	for (;;) {
		struct apply *list = db->scrub ? NULL : take_group(db);
		if (!list) {
			if (db->closing && !db->scrub)
				break;
			wait_for_work(db);
			continue;
		}
		pthread_mutex_unlock(&db->lock);
		int64_t began_us = clock_mono_us();
		commit_group(db, list);
		commit_measure_done(list, began_us);
		size_t n = 0, bytes = 0;
		for (struct apply *a = list; a; a = a->next) {
			n++;
			bytes += a->bytes;
		}
		pthread_mutex_lock(&db->lock); /* first: who was told that his write is over finds its room free */
		db->n -= n;
		db->bytes -= bytes;
		pthread_mutex_unlock(&db->lock);
		db->options.finished(db->options.ctx, list);
		/* After the news has gone out: those who wait for this commit need not wait for it. */
		checkpoint(db);
		pthread_mutex_lock(&db->lock);
	}
	pthread_mutex_unlock(&db->lock);
	return NULL;
}

bool writer_start(struct db *db, struct err *e)
{
	if (!sqlite_writer_settle(db, false, e))
		return false;
	sqlite3_wal_hook(db->conn.sq, on_wal, db);
	if (pthread_create(&db->thread, NULL, write_main, db))
		return fail(e, ERR_STORE, NULL, "cannot start the store's thread: %m");
	pthread_setname_np(db->thread, "store");
	return true;
}

bool writer_apply(struct db *db, struct apply *a, struct err *e)
{
	a->next = NULL;
	a->err = NULL;
	pthread_mutex_lock(&db->lock);
	assert(!db->closing);
	bool full = db->n >= (size_t)store_limits.queue ||
		    (db->n > 0 && db->bytes + a->bytes > (size_t)store_limits.queue_bytes);
	if (!full) {
		commit_measure_queued(a);
		db->n++;
		db->bytes += a->bytes;
		*db->last = a;
		db->last = &a->next;
		pthread_cond_signal(&db->wake);
	}
	pthread_mutex_unlock(&db->lock);
	if (!full)
		return true;
	e->retry_after_ms = RETRY_AFTER_MS;
	return fail(e, ERR_UNAVAILABLE, NULL, "The store is overloaded. Please retry after a moment.");
}

bool writer_healthy(struct db *db, struct err *why)
{
	pthread_mutex_lock(&db->lock);
	struct err sick = db->sick;
	pthread_mutex_unlock(&db->lock);
	return sick.code == ERR_NONE || fail(why, sick.code, NULL, "%s", sick.msg);
}

void writer_stop(struct db *db)
{
	pthread_mutex_lock(&db->lock);
	db->closing = true;
	pthread_cond_signal(&db->wake);
	pthread_mutex_unlock(&db->lock);
	pthread_join(db->thread, NULL);
}
