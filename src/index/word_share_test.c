/* word_share_test.c - how much of what a query asks for a chunk has. */
#include "index/word_share.h"

#include <math.h>
#include <stdint.h>

#include "base/test.h"

static sqlite3 *opened(void)
{
	sqlite3 *db = NULL;
	CHECK(sqlite3_open(":memory:", &db) == SQLITE_OK && word_share_add(db));
	CHECK(sqlite3_exec(db,
			   "CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='porter unicode61');"
			   "INSERT INTO words(rowid, text) VALUES(1, 'the cat sleeps on the stove'), (2, 'the dog "
			   "and the cat eat'), (3, 'dog dog dog dog dog dog'), (4, 'nothing of it is here')",
			   NULL, NULL, NULL) == SQLITE_OK);
	return db;
}

/* Of row `row`; -1: it is not found, -2: refused, -3: not let through. */
static double share_of(sqlite3 *db, const char *match, const int64_t *counts, int n, int64_t row,
		       struct word_filter *filter)
{
	sqlite3_stmt *s = NULL;
	double ret = -1;
	CHECK(sqlite3_prepare_v2(db, "SELECT rowid, word_share(words, ?2, ?3) FROM words WHERE words MATCH ?1", -1,
				 &s, NULL) == SQLITE_OK);
	sqlite3_bind_text(s, 1, match, -1, SQLITE_STATIC);
	sqlite3_bind_blob(s, 2, counts, n * (int)sizeof *counts, SQLITE_STATIC);
	sqlite3_bind_pointer(s, 3, filter, WORD_FILTER, NULL);
	int step;
	while ((step = sqlite3_step(s)) == SQLITE_ROW)
		if (sqlite3_column_int64(s, 0) == row)
			ret = sqlite3_column_type(s, 1) == SQLITE_NULL ? -3 : sqlite3_column_double(s, 1);
	sqlite3_finalize(s);
	return step == SQLITE_DONE ? ret : -2;
}

static double share(sqlite3 *db, const char *match, const int64_t *counts, int n, int64_t row)
{
	return share_of(db, match, counts, n, row, NULL);
}

static void shares(void)
{
	sqlite3 *db = opened();
	const int64_t both[] = {2, 2}, one[] = {2}, missing[] = {2, 2, 0};
	double has_both = share(db, "\"cat\" OR \"dog\"", both, 2, 2);
	CHECK(has_both > share(db, "\"cat\" OR \"dog\"", both, 2, 1));
	CHECK(has_both > share(db, "\"cat\" OR \"dog\"", both, 2, 3)); /* however often it says the one */
	CHECK(share(db, "\"cat\" OR \"dog\"", both, 2, 4) == -1);
	/* a word that is nowhere makes all that is found less */
	CHECK(share(db, "\"cat\" OR \"dog\"", missing, 3, 2) < has_both / 2);
	/* often says more than once, and never all */
	CHECK(share(db, "\"dog\"", one, 1, 3) > share(db, "\"dog\"", one, 1, 2));
	CHECK(share(db, "\"dog\"", one, 1, 3) < 1 && share(db, "\"dog\"", one, 1, 2) > 0.4);
	sqlite3_close(db);
}

/* A word in each chunk has a share of its own: a store of one file has such alone. */
static void everywhere(void)
{
	sqlite3 *db = opened();
	const int64_t all[] = {4}, more[] = {100};
	double s = share(db, "\"cat\"", all, 1, 1);
	CHECK(s > 0.3 && s < 0.6 && isfinite(s));
	CHECK(share(db, "\"cat\"", more, 1, 1) == s); /* counted while it was deleted */
	sqlite3_close(db);
}

static bool odd(void *ctx, int64_t row)
{
	++*(int *)ctx;
	return row % 2;
}

static void filtered(void)
{
	sqlite3 *db = opened();
	const int64_t both[] = {2, 2};
	int asked = 0;
	struct word_filter filter = {odd, &asked};
	CHECK(share_of(db, "\"cat\" OR \"dog\"", both, 2, 2, &filter) == -3 && asked == 3);
	CHECK(share_of(db, "\"cat\" OR \"dog\"", both, 2, 3, &filter) == share(db, "\"cat\" OR \"dog\"", both, 2, 3));
	sqlite3_close(db);
}

static void refused(void)
{
	sqlite3 *db = opened();
	const int64_t one[] = {2};
	CHECK(share(db, "\"cat\" OR \"dog\"", one, 1, 2) == -2);
	CHECK(share(db, "\"cat\"", one, 0, 1) == -2);
	sqlite3_close(db);
}

int main(void)
{
	static const struct test_case tests[] = {{"shares", shares}, {"everywhere", everywhere}, {"filtered", filtered}, {"refused", refused}};
	return test_main(tests, sizeof tests / sizeof *tests);
}
