/* kinds_test.c - kinds.def says all that the schema has, and what is erased is gone from the disk. */
#include <stdio.h>
#include <sqlite3.h>

#include "store/kinds.h"
#include "store/rig_sql.h"

/* How many of the tables are that one. */
static int said(const char *table)
{
	int n = 0;
	for (size_t i = 0; i < KIND_COUNT; i++)
		n += !strcmp(kind_rows[i].table, table);
	for (size_t i = 0; i < n_kind_stays; i++)
		n += !strcmp(kind_stays[i].table, table);
	return n;
}

static bool letter_fits(const char *letter, const char *type, bool nullable)
{
	if (!strcmp(type, "TEXT"))
		return *letter == (nullable ? 'T' : 't');
	return strchr(strcmp(type, "BLOB") ? "kpi" : "bl", *letter);
}

static void columns_are(sqlite3 *sq, const struct kind_row *k)
{
	char sql[128], all[1024] = "";
	sqlite3_stmt *st = NULL;
	const char *letter = k->letters;
	snprintf(sql, sizeof sql, "PRAGMA table_info(%s)", k->table);
	CHECK(sqlite3_prepare_v2(sq, sql, -1, &st, NULL) == SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(st, 1),
			   *type = (const char *)sqlite3_column_text(st, 2);
		bool nullable = !sqlite3_column_int(st, 3) && !sqlite3_column_int(st, 5);
		snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", *all ? ", " : "", name);
		bool fits = *letter && letter_fits(letter, type, nullable);
		if (!fits)
			printf("# kinds.def: %s.%s has the letter '%c'\n", k->table, name, *letter ? *letter : ' ');
		CHECK(fits);
		letter += *letter != 0;
	}
	sqlite3_finalize(st);
	if (strcmp(all, k->columns))
		printf("# kinds.def: %s has the columns: %s\n", k->table, all);
	CHECK(!strcmp(all, k->columns) && !*letter);
}

static void all_is_there(void)
{
	struct rig r = {0};
	sqlite3_stmt *st = NULL;
	rig_open(&r);
	sqlite3 *sq = rig_database(r.dir);
	CHECK(sqlite3_prepare_v2(sq, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
				 -1, &st, NULL) == SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *table = (const char *)sqlite3_column_text(st, 0);
		if (said(table) != 1)
			printf("# kinds.def has the table %s %d times\n", table, said(table));
		CHECK(said(table) == 1);
	}
	sqlite3_finalize(st);
	for (size_t i = 0; i < KIND_COUNT; i++)
		columns_are(sq, &kind_rows[i]);
	sqlite3_close(sq);
	rig_end_all(&r);
}

static void erased_is_gone(void)
{
	struct rig r = {0};
	struct err e = {0};
	static struct rig_turn x[3];
	int64_t n = 0;
	rig_open(&r);
	for (int i = 0; i < 3; i++) {
		rig_turn(&x[i], i ? x[i - 1].t.id.key : 0, 3, 2);
		for (size_t k = 0; k < 5; k++)
			x[i].items[k].json = S("{\"type\":\"message\",\"text\":\"xyzzy-secret-word\"}");
		CHECK(rig_put(&r, &x[i]) == ERR_NONE);
	}
	CHECK(rig_delete(&r, 1, x[2].id) == ERR_NONE); /* freed in the ordinary way before */
	CHECK(kind_count(r.store, KIND_response, 1, &n, &e) && n == 2);
	for (int k = 0; k < KIND_COUNT; k++)
		CHECK(kind_erase(r.store, (enum kind)k, 1, &e) && kind_count(r.store, (enum kind)k, 1, &n, &e) &&
		      n == 0);
	CHECK(kinds_scrub(r.store, &n, &e) && n == 0);
	CHECK(!rig_holds(r.dir, "antiphon.db", "xyzzy-secret-word") &&
	      !rig_holds(r.dir, "antiphon.db-wal", "xyzzy-secret-word"));
	CHECK(rig_holds(r.dir, "antiphon.db", "default")); /* the project stays */
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"each table and column has its place", all_is_there},
	    {"what is erased is gone from the disk", erased_is_gone},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
