/* web_cache.c - pages and results that were fetched before. */
#include "tools/web_cache.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/limits.h"
#include "tools/internal.h"

#define STATEMENTS(X)                                                                                                  \
	X(PUT,                                                                                                         \
	  "INSERT INTO page(project, url, fetched, whole, bytes, title, body) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")     \
	X(DROP, "DELETE FROM page WHERE project = ?1 AND url = ?2 AND whole <= ?3")                                    \
	X(GET, "SELECT title, body, fetched FROM page WHERE project = ?1 AND url = ?2 AND whole = 1")                  \
	X(FIND,                                                                                                        \
	  "SELECT p.url, p.title, snippet(words, 1, '', '', ' ... ', 60), p.fetched, p.whole FROM words "              \
	  "JOIN page p ON p.id = words.rowid WHERE words MATCH ?2 AND p.project = ?1 ORDER BY bm25(words) LIMIT ?3")   \
	X(SAME, "SELECT 1 FROM page WHERE project = ?1 AND url = ?2 AND (whole OR (title = ?3 AND body = ?4))")        \
	X(BEGIN, "BEGIN IMMEDIATE")                                                                                    \
	X(COMMIT, "COMMIT")                                                                                            \
	X(SIZE, "SELECT coalesce(sum(bytes), 0) FROM page")                                                            \
	X(TRIM, "DELETE FROM page WHERE id IN (SELECT id FROM page ORDER BY id LIMIT 16)")

enum statement {
#define X(name, sql) STMT_##name,
	STATEMENTS(X)
#undef X
	    STATEMENT_COUNT
};

static const char *const statements[STATEMENT_COUNT] = {
#define X(name, sql) sql,
    STATEMENTS(X)
#undef X
};

/* The index keeps no copy of the text; triggers keep it in step. */
static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA journal_size_limit = 4194304;"
    "CREATE TABLE IF NOT EXISTS page(id INTEGER PRIMARY KEY AUTOINCREMENT, project INTEGER NOT NULL, url TEXT NOT NULL,"
    " fetched INTEGER NOT NULL, whole INTEGER NOT NULL, bytes INTEGER NOT NULL, title TEXT NOT NULL, body TEXT NOT "
    "NULL,"
    " UNIQUE(project, url));"
    "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(title, body, content='page', content_rowid='id',"
    " tokenize='porter unicode61');"
    "CREATE TRIGGER IF NOT EXISTS page_in AFTER INSERT ON page BEGIN"
    " INSERT INTO words(rowid, title, body) VALUES(new.id, new.title, new.body); END;"
    "CREATE TRIGGER IF NOT EXISTS page_out AFTER DELETE ON page BEGIN"
    " INSERT INTO words(words, rowid, title, body) VALUES('delete', old.id, old.title, old.body); END;";

struct web_cache {
	pthread_mutex_t lock; /* over all of it */
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	int64_t bytes;
};

static void web_cache_db_close(struct web_cache *c)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		sqlite3_finalize(c->statements[i]);
		c->statements[i] = NULL;
	}
	sqlite3_close(c->db);
	c->db = NULL;
}

static bool web_cache_db_open(struct web_cache *c, const char *path)
{
	int fd = *path == ':' ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* the database takes over who may read it */
	if (fd >= 0)
		close(fd);
	bool ok = sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
				  NULL) == SQLITE_OK &&
		  sqlite3_exec(c->db, schema, NULL, NULL, NULL) == SQLITE_OK;
	for (int i = 0; ok && i < STATEMENT_COUNT; i++)
		ok = sqlite3_prepare_v3(c->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &c->statements[i], NULL) ==
		     SQLITE_OK;
	if (ok && (ok = sqlite3_step(c->statements[STMT_SIZE]) == SQLITE_ROW)) {
		c->bytes = sqlite3_column_int64(c->statements[STMT_SIZE], 0);
		sqlite3_reset(c->statements[STMT_SIZE]);
	}
	return ok;
}

static void web_cache_remove(struct arena *a, struct str path)
{
	unlink(path.p);
	unlink(str_fmt(a, "%.*s-wal", FMT(path)).p);
	unlink(str_fmt(a, "%.*s-shm", FMT(path)).p);
}

bool web_cache_open(struct str dir, struct web_cache **ret, struct err *e)
{
	struct arena tmp = {0};
	struct str path = str_fmt(&tmp, "%.*s/web.db", FMT(dir));
	struct web_cache *c = xalloc(sizeof *c);
	if (store_limits.encrypt) { /* no text of it stands open on the disk */
		web_cache_remove(&tmp, path);
		path = S(":memory:");
	}
	bool ok = web_cache_db_open(c, path.p);
	if (!ok) { /* nothing is lost that could not be fetched again */
		log_at(LOG_WARN, "the cache of web pages is made anew", "error=\"%s\"",
		       c->db ? sqlite3_errmsg(c->db) : "");
		web_cache_db_close(c);
		web_cache_remove(&tmp, path);
		ok = web_cache_db_open(c, path.p);
	}
	if (ok) {
		pthread_mutex_init(&c->lock, NULL);
		*ret = c;
	} else {
		fail(e, ERR_STORE, NULL, "%.*s cannot be used: %s", FMT(path), sqlite3_errmsg(c->db));
		web_cache_db_close(c);
		xfree(c);
	}
	arena_free(&tmp);
	return ok;
}

void web_cache_close(struct web_cache *c)
{
	if (!c)
		return;
	web_cache_db_close(c);
	pthread_mutex_destroy(&c->lock);
	xfree(c);
}

static void bind_text(sqlite3_stmt *s, int at, struct str text)
{
	sqlite3_bind_text64(s, at, text.p ? text.p : "", text.n, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static struct str column(struct arena *a, sqlite3_stmt *s, int at)
{
	const unsigned char *p = sqlite3_column_text(s, at);
	return str_copy(a, (struct str){p ? (const char *)p : "", (size_t)sqlite3_column_bytes(s, at)});
}

static sqlite3_stmt *web_cache_begin(struct web_cache *c, enum statement which, int64_t project)
{
	sqlite3_stmt *s = c->statements[which];
	sqlite3_bind_int64(s, 1, project);
	return s;
}

static void web_cache_end(sqlite3_stmt *s)
{
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
}

static void web_cache_run(struct web_cache *c, enum statement which)
{
	sqlite3_step(c->statements[which]);
	sqlite3_reset(c->statements[which]);
}

static void count_bytes(struct web_cache *c)
{
	sqlite3_stmt *size = c->statements[STMT_SIZE];
	if (sqlite3_step(size) == SQLITE_ROW)
		c->bytes = sqlite3_column_int64(size, 0);
	sqlite3_reset(size);
}

static void trim(struct web_cache *c)
{
	while (c->bytes > web_limits.cache_bytes) {
		web_cache_run(c, STMT_TRIM);
		if (!sqlite3_changes(c->db))
			return;
		count_bytes(c);
	}
}

static bool web_cache_same(struct web_cache *c, int64_t project, const struct web_page *p)
{
	sqlite3_stmt *s = web_cache_begin(c, STMT_SAME, project);
	bind_text(s, 2, p->url);
	bind_text(s, 3, p->title);
	bind_text(s, 4, p->text);
	bool found = sqlite3_step(s) == SQLITE_ROW;
	web_cache_end(s);
	return found;
}

static void put_one(struct web_cache *c, int64_t project, const struct web_page *p)
{
	int64_t bytes = (int64_t)(p->url.n + p->title.n + p->text.n);
	if (bytes > web_limits.cache_bytes || (!p->whole && web_cache_same(c, project, p)))
		return;
	sqlite3_stmt *s = web_cache_begin(c, STMT_DROP, project);
	bind_text(s, 2, p->url);
	sqlite3_bind_int(s, 3, p->whole);
	sqlite3_step(s);
	web_cache_end(s);
	s = web_cache_begin(c, STMT_PUT, project);
	bind_text(s, 2, p->url);
	sqlite3_bind_int64(s, 3, clock_wall_s());
	sqlite3_bind_int(s, 4, p->whole);
	sqlite3_bind_int64(s, 5, bytes);
	bind_text(s, 6, p->title);
	bind_text(s, 7, p->text);
	if (sqlite3_step(s) == SQLITE_DONE)
		c->bytes += bytes; /* what was dropped is still counted: trim() counts anew */
	web_cache_end(s);
}

void web_cache_put(struct web_cache *c, int64_t project, const struct web_page *pages, size_t n)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	web_cache_run(c, STMT_BEGIN);
	for (size_t i = 0; i < n; i++)
		put_one(c, project, &pages[i]);
	trim(c);
	web_cache_run(c, STMT_COMMIT);
	pthread_mutex_unlock(&c->lock);
}

bool web_cache_get(struct web_cache *c, int64_t project, struct str url, struct arena *a, struct web_page *ret)
{
	if (!c)
		return false;
	pthread_mutex_lock(&c->lock);
	sqlite3_stmt *s = web_cache_begin(c, STMT_GET, project);
	bind_text(s, 2, url);
	bool found = sqlite3_step(s) == SQLITE_ROW;
	if (found)
		*ret = (struct web_page){url, column(a, s, 0), column(a, s, 1), sqlite3_column_int64(s, 2), true};
	web_cache_end(s);
	pthread_mutex_unlock(&c->lock);
	return found;
}

/* Any of the query's words: "a" OR "b". Quotes make each a plain word for the index. */
static struct str match_text(struct arena *a, struct str query)
{
	struct buf b;
	buf_init(&b, 4096);
	for (size_t i = 0, from = 0; i <= query.n; i++) {
		unsigned char ch = i < query.n ? (unsigned char)query.p[i] : ' ';
		bool word = ch >= 0x80 || (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z');
		if (word)
			continue;
		if (i > from)
			buf_fmt(&b, "%s\"%.*s\"", b.n ? " OR " : "", (int)(i - from), query.p + from);
		from = i + 1;
	}
	struct str text = str_copy(a, b.over ? S("") : buf_str(&b));
	buf_release(&b);
	return text;
}

size_t web_cache_find(struct web_cache *c, int64_t project, struct str query, struct arena *a, struct web_page *ret,
		      size_t max)
{
	struct str match = match_text(a, query);
	size_t n = 0;
	if (!c || !match.n)
		return 0;
	pthread_mutex_lock(&c->lock);
	sqlite3_stmt *s = web_cache_begin(c, STMT_FIND, project);
	bind_text(s, 2, match);
	sqlite3_bind_int64(s, 3, (int64_t)max);
	while (n < max && sqlite3_step(s) == SQLITE_ROW)
		ret[n++] = (struct web_page){column(a, s, 0), column(a, s, 1), column(a, s, 2),
					     sqlite3_column_int64(s, 3), sqlite3_column_int(s, 4) != 0};
	web_cache_end(s);
	pthread_mutex_unlock(&c->lock);
	return n;
}
