/* few.c - few texts ranked by the words of a question. */
#include "index/few.h"

#include <sqlite3.h>

#include "base/buf.h"
#include "index/words.h"

enum { TEXT_MOST = 1 << 20, WORDS_MOST = 32 };

static bool few_run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* "getUserName" is three words, too. */
static void few_name(struct buf *b, struct str name)
{
	words_index(b, name);
	buf_byte(b, ' ');
	for (size_t i = 0; i < name.n; i++) {
		bool up = name.p[i] >= 'A' && name.p[i] <= 'Z', low = i && name.p[i - 1] >= 'a' && name.p[i - 1] <= 'z';
		if (up && low)
			buf_byte(b, ' ');
		buf_byte(b, name.p[i]);
	}
}

static bool few_fill(sqlite3 *db, const struct few_text *texts, size_t n)
{
	sqlite3_stmt *s = NULL;
	struct buf name, said;
	bool ok =
	    sqlite3_prepare_v2(db, "INSERT INTO few(rowid, name, said) VALUES(?1, ?2, ?3)", -1, &s, NULL) == SQLITE_OK;
	buf_init(&name, TEXT_MOST);
	buf_init(&said, TEXT_MOST);
	for (size_t i = 0; ok && i < n; i++) {
		buf_clear(&name);
		buf_clear(&said);
		few_name(&name, texts[i].name);
		words_index(&said, texts[i].said);
		sqlite3_bind_int64(s, 1, (sqlite3_int64)i + 1);
		sqlite3_bind_text(s, 2, name.n ? name.p : "", (int)name.n, SQLITE_STATIC);
		sqlite3_bind_text(s, 3, said.n ? said.p : "", (int)said.n, SQLITE_STATIC);
		ok = sqlite3_step(s) == SQLITE_DONE;
		sqlite3_reset(s);
	}
	sqlite3_finalize(s);
	buf_release(&name);
	buf_release(&said);
	return ok;
}

/* Any of its words will do; the plain ones ("the", "a") say nothing. */
static void few_match(struct buf *b, struct str question)
{
	int n = 0;
	for (struct str word; n < WORDS_MOST && (word = words_next(&question)).p;) {
		if (words_plain(word))
			continue;
		if (n++)
			buf_add(b, S(" OR "));
		words_quote(b, word);
	}
}

static size_t few_ask(sqlite3 *db, struct str match, size_t *ret, size_t most)
{
	static const char ask[] =
	    "SELECT rowid FROM few WHERE few MATCH ?1 ORDER BY bm25(few, 4.0, 1.0), rowid LIMIT ?2";
	sqlite3_stmt *s = NULL;
	size_t n = 0;
	if (!match.n || sqlite3_prepare_v2(db, ask, -1, &s, NULL) != SQLITE_OK)
		return 0;
	sqlite3_bind_text(s, 1, match.p, (int)match.n, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)most);
	while (n < most && sqlite3_step(s) == SQLITE_ROW)
		ret[n++] = (size_t)sqlite3_column_int64(s, 0) - 1;
	sqlite3_finalize(s);
	return n;
}

size_t few_rank(const struct few_text *texts, size_t n, struct str question, size_t *ret, size_t most)
{
	sqlite3 *db = NULL;
	struct buf match;
	size_t found = 0;
	buf_init(&match, TEXT_MOST);
	few_match(&match, question);
	if (match.n && !match.over && sqlite3_open(":memory:", &db) == SQLITE_OK &&
	    few_run(db, "CREATE VIRTUAL TABLE few USING fts5(name, said, content='', tokenize=\"porter unicode61 "
			"remove_diacritics 2\")") &&
	    few_run(db, "BEGIN") && few_fill(db, texts, n))
		found = few_ask(db, buf_str(&match), ret, most);
	sqlite3_close(db);
	buf_release(&match);
	return found;
}
