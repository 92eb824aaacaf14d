/* driver.h - the narrow door to a database (decision N2).
 *
 * A driver knows statements (statements.def) and rows of cells, nothing of responses or items. Its verbs:
 * open, attach a reader, read in one snapshot, apply, close. A write is a list of changes, all or nothing;
 * how many lists share a commit is the driver's affair, and finished() is called only when that commit is
 * synced. (A verb `watch` joins them when a database is shared between processes: here nobody else writes.) */
#pragma once
#include "base/err.h"

enum statement {
#define STMT(name, sql) STMT_##name,
#include "store/statements.def"
#undef STMT
	STMT_COUNT
};
extern const char *const statement_sql[STMT_COUNT]; /* in common words; a driver may have others (sqlite_statements.def) */

struct bind {
	enum bind_kind { BIND_NULL, BIND_INT, BIND_TEXT, BIND_BLOB } kind;
	union {
		int64_t i;
		struct str s;
	};
};
#define INT(v) ((struct bind){.kind = BIND_INT, .i = (v)})
#define TEXT(v) ((struct bind){.kind = BIND_TEXT, .s = (v)})
#define BLOB(v) ((struct bind){.kind = BIND_BLOB, .s = (v)})

struct change {
	enum statement stmt;
	const struct bind *binds;
	unsigned n;
	enum err_code miss;    /* not ERR_NONE: the list fails with it when no row was changed ... */
	const char *miss_text; /* ... and this text */
};

/* One list of changes on its way. The struct and all it points at belong to the driver from apply()
 * until finished(). */
struct apply {
	const struct change *changes;
	size_t n, bytes; /* bytes: what it holds in memory, for the bound of the queue */
	struct err *err; /* NULL: done and synced; else on the heap, the receiver's to free */
	struct apply *next;
};

struct cell {
	int64_t i;    /* integers; 0 for others */
	struct str s; /* text and blobs; valid inside the call only; {0} for NULL and integers */
};
typedef bool row_fn(void *ctx, const struct cell *cells); /* false stops the walk */

struct db;
struct db_reader;
struct db_options {
	const char *path, *vfs; /* vfs NULL: the system's */
	bool sync_normal;
	/* A commit's lists, in order; a thread of the driver. */
	void (*finished)(void *ctx, struct apply *list);
	void *ctx;
};

struct driver {
	const char *scheme; /* "sqlite:" */
	bool (*open)(const struct db_options *o, struct db **ret, struct err *e);
	/* A reader serves one thread at a time. Never NULL: what cannot be opened now fails at a read. */
	struct db_reader *(*attach)(struct db *db);
	void (*detach)(struct db_reader *r);
	/* Calls work() in one snapshot, which sees all that was finished before. There, and only there, query()
	 * runs a statement; it may be called again from a row (another statement). */
	bool (*read)(struct db_reader *r, bool (*work)(struct db_reader *r, void *ctx, struct err *e), void *ctx,
		     struct err *e);
	bool (*query)(struct db_reader *r, enum statement stmt, const struct bind *binds, unsigned n, row_fn *row,
		      void *ctx, struct err *e);
	/* false: the queue is full (ERR_UNAVAILABLE), nothing was taken. Any thread. */
	bool (*apply)(struct db *db, struct apply *a, struct err *e);
	bool (*healthy)(struct db *db, struct err *why); /* do writes succeed? Any thread */
	/* Commits what is queued, then ends. Readers are detached. */
	void (*close)(struct db *db);
};
extern const struct driver sqlite_driver;
