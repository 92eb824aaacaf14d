/* store_index_db.h - the database of a store index: its statements and connections. Inside index/ alone. */
#pragma once
#include <pthread.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "index/codes.h"
#include "index/signs.h"
#include "index/store_index.h"
#include "index/store_index_rank.h"

enum index_statement {
#define INDEX_STMT(name, sql) IX_##name,
#include "index/store_index.def"
#undef INDEX_STMT
	    IX_COUNT
};

/* A connection, used by one thread at a time. */
struct index_db {
	struct index_db *next; /* of those that nobody uses */
	sqlite3 *db;
	sqlite3_stmt *statements[IX_COUNT];
};

struct store_index {
	struct str path;
	pthread_mutex_t writing; /* over `writer` and every change */
	struct index_db *writer;
	pthread_mutex_t lending;
	struct index_db *idle; /* readers */
	struct codes *codes;
	struct signs *signs; /* under `writing` */
	pthread_mutex_t counting; /* over `common` */
	struct map common;        /* words that too many chunks have, and those that few have */
};

bool index_db_open(struct str path, bool writes, struct index_db **ret, struct err *e);
void index_db_close(struct index_db *d);
/* ERR_STORE with what the database says. false. */
bool index_db_fail(struct index_db *d, struct err *e);
/* A reader, in a transaction, and back it goes. NULL: *e. */
struct index_db *index_lend(struct store_index *x, struct err *e);
void index_return(struct store_index *x, struct index_db *d);

/* The statement, ready for its binds. */
sqlite3_stmt *index_stmt(struct index_db *d, enum index_statement s);
/* Runs one that gives no rows. */
bool index_run(struct index_db *d, enum index_statement s, struct err *e);
static inline void index_int(sqlite3_stmt *s, int at, int64_t v)
{
	sqlite3_bind_int64(s, at, v);
}
static inline void index_text(sqlite3_stmt *s, int at, struct str v)
{
	sqlite3_bind_text64(s, at, v.p ? v.p : "", v.n, SQLITE_STATIC, SQLITE_UTF8);
}
static inline void index_blob(sqlite3_stmt *s, int at, const void *p, size_t n)
{
	sqlite3_bind_blob64(s, at, n ? p : "", n, SQLITE_STATIC);
}
static inline struct str index_cell(sqlite3_stmt *s, int at)
{
	const char *p = sqlite3_column_blob(s, at);
	return (struct str){p ? p : "", (size_t)sqlite3_column_bytes(s, at)};
}
/* The text of a chunk: its header and windows, in `a`; {0}: it is gone. */
bool index_chunk_text(struct index_db *d, int64_t chunk, struct arena *a, struct index_chunk *ret, struct err *e);
