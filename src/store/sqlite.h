/* sqlite.h - what the files of the SQLite driver share (sqlite.c, sqlite_writer.c). */
#pragma once
#include <pthread.h>
#include <sqlite3.h>

#include "store/write_queue.h"

/* Statements that only the driver knows. */
enum own { OWN_BEGIN, OWN_WRITE, OWN_COMMIT, OWN_ROLLBACK, OWN_MARK, OWN_KEEP, OWN_UNDO, OWN_COUNT };

/* One connection with its prepared statements; made when first used. */
struct conn {
	sqlite3 *sq; /* NULL: closed */
	sqlite3_stmt *stmts[STMT_COUNT], *own[OWN_COUNT];
};

struct db_reader {
	struct db *db;
	pthread_mutex_t lock; /* held while a snapshot is open; the writer takes it to close all */
	struct conn conn;
	struct db_reader *next;
};

struct db {
	struct db_options options; /* path and vfs are copies */
	pthread_mutex_t readers_lock;
	struct db_reader *readers;

	/* the writer's thread alone */
	struct conn conn;
	bool unsure;   /* an I/O error: all must be closed and opened before the next commit */
	int wal_pages; /* in the log since it was started anew */
	int wal_waited; /* how many they were when readers were waited for in vain; 0: not yet */

	struct write_queue queue;
	bool beside; /* nobody writes, there is no thread */
};

bool sq_open(struct conn *c, const struct db_options *o, bool writer, struct err *e);
void sq_close(struct conn *c);
/* NULL: it could not be prepared; sqlite3_errcode() says why. */
sqlite3_stmt *sq_own(struct conn *c, enum own which);
sqlite3_stmt *sq_stmt(struct conn *c, enum statement which);
/* Steps a statement without rows and resets it; SQLITE_OK or the error. */
int sq_run(sqlite3_stmt *st);
int stmt_bind(sqlite3_stmt *st, const struct bind *binds, unsigned n);
bool sqlite_fail(struct err *e, int rc, const char *what);
/* A statement in SQLite's own words (sqlite_statements.def), or in the common ones. */
const char *sq_text(enum statement which);
