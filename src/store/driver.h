/* driver.h - the narrow door to a database .
 *
 * A driver knows statements (statements.def) and rows of cells, nothing of responses or items. Its verbs:
 * open, attach a reader, ask (and read) in one snapshot, apply, close. A write is a list of changes, all or nothing;
 * how many lists share a commit is the driver's affair, and finished() is called only when that commit is
 * synced. Where several processes write to one database (`shared`), two more: take_number, tell. */
#pragma once
#include "store/statement.h"

/* One list of changes on its way. The struct and all it points at belong to the driver from apply()
 * until finished(). */
struct apply {
	const struct change *changes;
	size_t n, bytes; /* bytes: what it holds in memory, for the bound of the queue */
	bool urgent;     /* before all others, in a commit of its own, and no bound keeps it out: a node's heartbeat */
	struct err *err; /* NULL: done and synced; else on the heap, the receiver's to free */
	struct apply *next;
};

struct db;
struct db_reader;
/* One read on its way, the driver's from ask() until answered(). */
struct db_read {
	bool (*work)(struct db_read *read, struct db_reader *r, struct err *e);
	struct err *err; /* as an apply's */
	struct db_read *next;
};
struct db_options {
	const char *path, *vfs; /* vfs NULL: the system's */
	bool sync_normal;
	/* A commit's lists, in order; a thread of the driver. */
	void (*finished)(void *ctx, struct apply *list);
	void (*answered)(void *ctx, struct db_read *read); /* a thread of the driver */
	/* Another process's tell(); a thread of the driver. {0}: some may have been missed. */
	void (*heard)(void *ctx, struct str text);
	void *ctx;
};

enum { DRIVER_TELL = 64 };
struct driver {
	const char *scheme; /* "sqlite:"; what is behind it in the URL is the path */
	bool whole_url;     /* the path is the whole URL */
	bool (*open)(const struct db_options *o, struct db **ret, struct err *e);
	/* To be read alone, beside the process that owns it; apply() and healthy() are not called. ERR_NOT_FOUND: there is none;
	 * ERR_STORE: not of this version. */
	bool (*beside)(const struct db_options *o, struct db **ret, struct err *e);
	/* What the database at `path` holds at one moment, in a new file, private and not synced; others write meanwhile.
	 * NULL: a database with means of its own for that. */
	bool (*copy)(const char *path, const char *to, struct err *e);
	/* A reader serves one thread at a time. Never NULL: what cannot be opened now fails at a read. */
	struct db_reader *(*attach)(struct db *db);
	void (*detach)(struct db_reader *r);
	/* Calls work() in one snapshot, which sees all that was finished before. There, and only there, query() and each()
	 * run a statement; they may be called again from a row (another statement). Of ask(), `at_once` says when: inside the
	 * call, whose outcome is work()'s; or later, on a thread of the driver, with answered() behind it, and then false
	 * means that the queue is full (ERR_UNAVAILABLE). read() blocks: for threads that may. */
	bool at_once;
	bool (*ask)(struct db_reader *r, struct db_read *read, struct err *e);
	bool (*read)(struct db_reader *r, bool (*work)(struct db_reader *r, void *ctx, struct err *e), void *ctx,
		     struct err *e);
	bool (*query)(struct db_reader *r, enum statement stmt, const struct bind *binds, unsigned n, row_fn *row,
		      void *ctx, struct err *e);
	/* A network's driver sends them all before it waits. */
	bool (*each)(struct db_reader *r, const struct each *each, struct err *e);
	/* false: the queue is full (ERR_UNAVAILABLE), nothing was taken. Any thread. */
	bool (*apply)(struct db *db, struct apply *a, struct err *e);
	/* Do other processes write to it, too? (node.h) The next two are of such a driver alone. */
	bool shared;
	/* Nobody else who has it open has that number, until close(). false: somebody has (ERR_CONFLICT), or ERR_STORE. */
	bool (*take_number)(struct db *db, int64_t number, struct err *e);
	/* To the others, soon, at most DRIVER_TELL bytes; what cannot be told is lost. Any thread; does not block. */
	void (*tell)(struct db *db, struct str text);
	bool (*healthy)(struct db *db, struct err *why); /* do writes succeed? Any thread */
	/* What was deleted is on the disk no more. Blocks; writes wait. NULL: the database's own affair. */
	bool (*scrub)(struct db *db, struct err *e);
	/* Commits what is queued, then ends. Readers are detached. */
	void (*close)(struct db *db);
};
extern const struct driver sqlite_driver, postgres_driver;
