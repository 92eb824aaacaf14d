/* store_index_db.h - the database of a store index: its statements and connections. Inside index/ alone. */
#pragma once
#include <pthread.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "index/codes.h"
#include "index/store_index.h"

/* doc: a generation of a file; live 1: searches see it, 0: being made, -1: to be swept. piece: the text of a window up
 * to the next one's beginning. chunk.id: chunk_number(). words: contentless, rowid = chunk.id. vector: of the windows
 * [first, first + n). space: the embedders by number. */
#define INDEX_SCHEMA                                                                                                   \
	"CREATE TABLE IF NOT EXISTS doc(id INTEGER PRIMARY KEY AUTOINCREMENT, file INTEGER NOT NULL, generation "      \
	"INTEGER"                                                                                                      \
	" NOT NULL, live INTEGER NOT NULL, space INTEGER NOT NULL, dims INTEGER NOT NULL, windows INTEGER NOT NULL,"   \
	" chunks INTEGER NOT NULL, header TEXT NOT NULL);"                                                             \
	"CREATE INDEX IF NOT EXISTS doc_file ON doc(file, live);"                                                      \
	"CREATE INDEX IF NOT EXISTS doc_dead ON doc(id) WHERE live < 0;"                                               \
	"CREATE TABLE IF NOT EXISTS space(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"                         \
	"CREATE TABLE IF NOT EXISTS piece(doc INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, page "      \
	"INTEGER"                                                                                                      \
	" NOT NULL, body TEXT NOT NULL, PRIMARY KEY(doc, seq)) WITHOUT ROWID;"                                         \
	"CREATE TABLE IF NOT EXISTS chunk(id INTEGER PRIMARY KEY, first INTEGER NOT NULL, n INTEGER NOT NULL);"        \
	"CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(text, content='', tokenize='porter unicode61');"          \
	"CREATE TABLE IF NOT EXISTS vector(doc INTEGER NOT NULL, first INTEGER NOT NULL, n INTEGER NOT NULL, codes "   \
	"BLOB"                                                                                                         \
	" NOT NULL, factors BLOB NOT NULL, PRIMARY KEY(doc, first)) WITHOUT ROWID;"                                    \
	"CREATE TABLE IF NOT EXISTS bytes(doc INTEGER NOT NULL, window INTEGER NOT NULL, scale REAL NOT NULL, bytes "  \
	"BLOB"                                                                                                         \
	" NOT NULL, PRIMARY KEY(doc, window)) WITHOUT ROWID;"

#define INDEX_STATEMENTS(X)                                                                                            \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                                    \
	X(COMMIT, "COMMIT")                                                                                            \
	X(ROLLBACK, "ROLLBACK")                                                                                        \
	X(SPACE_NEW, "INSERT OR IGNORE INTO space(name) VALUES(?1)")                                                   \
	X(SPACE, "SELECT id FROM space WHERE name = ?1")                                                               \
	X(DOC_OPEN,                                                                                                    \
	  "SELECT id, windows, chunks FROM doc WHERE file = ?1 AND live = 0 AND generation = ?2 AND space = ?3")       \
	X(DOC_STALE, "UPDATE doc SET live = -1 WHERE file = ?1 AND live = 0")                                          \
	X(DOC_NEW, "INSERT INTO doc(file, generation, live, space, dims, windows, chunks, header) VALUES(?1, ?2, 0, "  \
		   "?3, ?4, 0, 0, ?5)")                                                                                \
	X(DOC_GROWN, "UPDATE doc SET windows = ?2, chunks = ?3 WHERE id = ?1")                                         \
	X(DOC_DEAD, "UPDATE doc SET live = -1 WHERE file = ?1 AND live = 1")                                           \
	X(DOC_GONE, "UPDATE doc SET live = -1 WHERE file = ?1 AND live >= 0")                                          \
	X(DOC_LIVE, "UPDATE doc SET live = 1 WHERE id = ?1")                                                           \
	X(DOCS, "SELECT id, file, space, dims, windows, chunks FROM doc WHERE live = 1 ORDER BY id")                   \
	X(DOC, "SELECT id, file, space, dims, windows, chunks FROM doc WHERE id = ?1")                                 \
	X(DOC_OF_FILE, "SELECT id FROM doc WHERE file = ?1 AND live = 1")                                              \
	X(DOC_HEADER, "SELECT file, header, live FROM doc WHERE id = ?1")                                              \
	X(SWEEP_DOC, "SELECT id FROM doc WHERE live < 0 LIMIT 1")                                                      \
	X(PIECE_NEW, "INSERT INTO piece(doc, seq, at, page, body) VALUES(?1, ?2, ?3, ?4, ?5)")                         \
	X(PIECES, "SELECT at, page, body FROM piece WHERE doc = ?1 AND seq >= ?2 AND seq < ?3 ORDER BY seq")           \
	X(PIECE_AT, "SELECT max(seq) FROM piece WHERE doc = ?1 AND at <= ?2")                                          \
	X(CHUNK_NEW, "INSERT INTO chunk(id, first, n) VALUES(?1, ?2, ?3)")                                             \
	X(CHUNK, "SELECT first, n FROM chunk WHERE id = ?1")                                                           \
	X(CHUNKS, "SELECT first, n FROM chunk WHERE id >= ?1 AND id < ?2 ORDER BY id")                                 \
	X(CHUNK_LAST, "SELECT id, first, n FROM chunk WHERE id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT 1")            \
	X(CHUNK_DROP, "DELETE FROM chunk WHERE id = ?1")                                                               \
	X(WORDS_NEW, "INSERT INTO words(rowid, text) VALUES(?1, ?2)")                                                  \
	X(WORDS_DROP, "INSERT INTO words(words, rowid, text) VALUES('delete', ?1, ?2)")                                \
	X(WORDS_FIND, "SELECT rowid, rank FROM words WHERE words MATCH ?1 ORDER BY rank, rowid")                              \
	X(WORDS_COUNT, "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ?1 LIMIT ?2)")                     \
	X(VECTOR_NEW, "INSERT INTO vector(doc, first, n, codes, factors) VALUES(?1, ?2, ?3, ?4, ?5)")                  \
	X(VECTORS, "SELECT n, codes, factors FROM vector WHERE doc = ?1 ORDER BY first")                               \
	X(BYTES_NEW, "INSERT INTO bytes(doc, window, scale, bytes) VALUES(?1, ?2, ?3, ?4)")                            \
	X(BYTES, "SELECT scale, bytes FROM bytes WHERE doc = ?1 AND window >= ?2 AND window < ?3")                     \
	X(BYTES_DROP,                                                                                                  \
	  "DELETE FROM bytes WHERE doc = ?1 AND window IN (SELECT window FROM bytes WHERE doc = ?1 LIMIT ?2)")         \
	X(PIECE_DROP, "DELETE FROM piece WHERE doc = ?1 AND seq IN (SELECT seq FROM piece WHERE doc = ?1 LIMIT ?2)")   \
	X(VECTOR_DROP,                                                                                                 \
	  "DELETE FROM vector WHERE doc = ?1 AND first IN (SELECT first FROM vector WHERE doc = ?1 LIMIT ?2)")         \
	X(DOC_DROP, "DELETE FROM doc WHERE id = ?1")

enum index_statement {
#define X(name, sql) IX_##name,
	INDEX_STATEMENTS(X)
#undef X
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
	pthread_mutex_t counting; /* over `common` */
	struct map common;        /* words that too many chunks have, and those that few have */
};

bool index_db_open(struct str path, bool writes, struct index_db **ret, struct err *e);
void index_db_close(struct index_db *d);
/* ERR_STORE with what the database says. false. */
bool index_db_fail(struct index_db *d, struct err *e);
/* A reader, and back it goes. NULL: *e. */
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
/* All that memory keeps of a doc. */
bool index_load_doc(struct index_db *d, int64_t doc, struct doc *ret, struct err *e);
