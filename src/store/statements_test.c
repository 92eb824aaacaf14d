/* statements_test.c - what the driver says in its own words means the same as the common text. */
#include "store/rig_sql.h"
#include "store/sqlite.h"
#include "store/sqlite_words.h"

static const char *const names[] = {
#define STMT(name, sql) #name,
#include "store/statements.def"
#undef STMT
};

static bool columns_equal(sqlite3_stmt *a, sqlite3_stmt *b)
{
	bool same = sqlite3_column_count(a) == sqlite3_column_count(b);
	for (int i = 0; same && i < sqlite3_column_count(a); i++)
		same = !strcmp(sqlite3_column_name(a, i), sqlite3_column_name(b, i));
	return same;
}

/* Every statement prepares; one with two texts has one meaning, as far as SQLite understands the common one. */
static void both_texts(void)
{
	struct rig r = {0};
	int own = 0, compared = 0;
	rig_open(&r);
	sqlite3 *sq = rig_database(r.dir);
	for (int i = 0; i < STMT_COUNT; i++) {
		const char *text = sq_text((enum statement)i);
		sqlite3_stmt *mine = NULL, *common = NULL;
		bool ok = sqlite3_prepare_v2(sq, text, -1, &mine, NULL) == SQLITE_OK;
		if (!ok)
			printf("# %s: %s\n", names[i], sqlite3_errmsg(sq));
		CHECK(ok);
		own += text != statement_sql[i];
		if (ok && text != statement_sql[i] &&
		    sqlite3_prepare_v2(sq, statement_sql[i], -1, &common, NULL) == SQLITE_OK) {
			compared++;
			CHECK(columns_equal(mine, common));
			CHECK(sqlite3_bind_parameter_count(mine) == sqlite3_bind_parameter_count(common));
		}
		sqlite3_finalize(mine);
		sqlite3_finalize(common);
	}
	CHECK(own > 0 && compared >= own - 4); /* four have a function that SQLite lacks */
	sqlite3_close(sq);
	rig_end_all(&r);
}

/* What is asked whenever a background run may begin does not read those that have ended, nor the list of what waits for
 * approval what was used. */
static void found_by_index(void)
{
	static const enum statement asked[] = {STMT_RUN_PROJECT, STMT_RUN_QUEUED, STMT_RUN_LATE, STMT_RUN_LOST, STMT_RUN_KEEP,
					       STMT_RUN_INSERT, STMT_RUN_DUE, STMT_RUN_RELATED, STMT_APPROVAL_ASC,
					       STMT_APPROVAL_DESC, STMT_APPROVAL_LEAVE};
	struct rig r = {0};
	rig_open(&r);
	sqlite3 *sq = rig_database(r.dir);
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		char text[2048];
		sqlite3_stmt *st = NULL;
		snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", sq_text(asked[i]));
		CHECK(sqlite3_prepare_v2(sq, text, -1, &st, NULL) == SQLITE_OK);
		while (st && sqlite3_step(st) == SQLITE_ROW) {
			const char *plan = (const char *)sqlite3_column_text(st, 3);
			bool reads = !strncmp(plan, "SCAN run", 8) || !strncmp(plan, "SCAN a", 6) || strstr(plan, "TEMP B-TREE");
			if (reads)
				printf("# %s: %s\n", names[asked[i]], plan);
			CHECK(!reads);
		}
		sqlite3_finalize(st);
	}
	sqlite3_close(sq);
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case t[] = {{"statements in two texts are one", both_texts},
					     {"runs and approvals are found by their index", found_by_index}};
	return test_main(t, sizeof t / sizeof *t);
}
