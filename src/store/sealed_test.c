/* sealed_test.c - what sealed.def and sealed_statements.def say is all that there is, and nothing of it stands open on
 * the disk. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "store/inlay.h"
#include "store/reseal.h"
#include "store/rig_sql.h"
#include "store/seal_bytes.h"
#include "store/sealed.h"
#include "store/sqlite.h"

#define MASTER "0123456789abcdef0123456789abcdef"

static bool sealed_begin(struct rig *r, bool on)
{
	struct err e = {0};
	store_limits.encrypt = on;
	rig_open(r);
	return seal_start(r->store, &(struct seal_options){.secret = S(MASTER)}, &e) && reseal_start(r->store, &e);
}

static void sealed_shut(struct rig *r)
{
	reseal_stop(r->store);
	rig_shut(r);
}

static void sealed_end(struct rig *r)
{
	reseal_stop(r->store);
	rig_end_all(r);
}

/* --- the tables are whole ---------------------------------------------------------------------------------------- */

static const struct opened {
	const char *table, *columns, *why;
} opened[] = {
#define OPEN(table, columns, why) {#table, columns, why},
#include "store/sealed.def"
};

static int column_said(const char *table, const char *column)
{
	int n = 0;
	for (size_t i = 0; i < SEALED_COUNT; i++)
		n += !strcmp(sealed_rows[i].table, table) && !strcmp(sealed_rows[i].column, column);
	for (size_t i = 0; i < sizeof opened / sizeof *opened; i++) {
		struct str list = str_of(opened[i].columns);
		CHECK(*opened[i].why);
		while (!strcmp(opened[i].table, table) && list.n)
			n += str_eq(str_trim(str_cut(&list, ',')), str_of(column));
	}
	return n;
}

static void each_column_is_said(void)
{
	struct rig r = {0};
	sqlite3_stmt *st = NULL;
	int n = 0;
	rig_open(&r);
	sqlite3 *sq = rig_database(r.dir);
	CHECK(
	    sqlite3_prepare_v2(sq,
			       "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c"
			       " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND c.type IN ('TEXT', 'BLOB')",
			       -1, &st, NULL) == SQLITE_OK);
	for (; sqlite3_step(st) == SQLITE_ROW; n++) {
		const char *table = (const char *)sqlite3_column_text(st, 0),
			   *column = (const char *)sqlite3_column_text(st, 1);
		if (column_said(table, column) != 1)
			printf("# sealed.def has %s.%s %d times\n", table, column, column_said(table, column));
		CHECK(column_said(table, column) == 1);
	}
	CHECK(n > 50);
	sqlite3_finalize(st);
	sqlite3_close(sq);
	sealed_end(&r);
}

static const char *const names[] = {
#define STMT(name, sql) #name,
#include "store/statements.def"
#undef STMT
};

static const struct said {
	enum statement stmt;
	enum sealed_column column;
	char what; /* 'i', 'o', 'b' */
} said[] = {
#define IN(stmt, bind, column, ...) {STMT_##stmt, SEALED_##column, 'i'},
#define OUT(stmt, cell, column, ...) {STMT_##stmt, SEALED_##column, 'o'},
#define BLANK(stmt, column) {STMT_##stmt, SEALED_##column, 'b'},
#include "store/sealed_statements.def"
};

/* The walks of kinds, and those that seal anew, are made of tables. */
static bool follows(const char *name)
{
	return !strncmp(name, "TAKE_", 5) || !strncmp(name, "PUT_", 4) || !strncmp(name, "SEALED_", 7);
}

struct touching {
	enum statement stmt;
	bool writes; /* the statement, the table that was named last */
};

static bool touch_said(enum statement stmt, enum sealed_column c, bool write)
{
	for (size_t i = 0; i < sizeof said / sizeof *said; i++)
		if (said[i].stmt == stmt && said[i].column == c && (said[i].what != 'o' || !write))
			return true;
	return false;
}

/* What SQLite says of a statement while it is prepared: the columns that it reads and sets, the tables it adds to. */
static int on_touch(void *ctx, int action, const char *table, const char *column, const char *db, const char *trigger)
{
	const struct touching *t = ctx;
	bool adds = action == SQLITE_INSERT, write = adds || action == SQLITE_UPDATE;
	for (int c = 0; (write || action == SQLITE_READ) && c < SEALED_COUNT; c++) {
		const struct sealed_row *row = &sealed_rows[c];
		if (strcmp(row->table, table) || (!adds && strcmp(row->column, column)))
			continue;
		if (!touch_said(t->stmt, (enum sealed_column)c, write))
			printf("# sealed_statements.def: %s %s %s\n", names[t->stmt], write ? "writes" : "reads",
			       row->name);
		CHECK(touch_said(t->stmt, (enum sealed_column)c, write));
	}
	return SQLITE_OK;
}

static void each_statement_is_said(void)
{
	struct rig r = {0};
	rig_open(&r);
	sqlite3 *sq = rig_database(r.dir);
	for (int i = 0; i < STMT_COUNT; i++) {
		struct touching t = {.stmt = (enum statement)i};
		sqlite3_stmt *st = NULL;
		if (follows(names[i]))
			continue;
		sqlite3_set_authorizer(sq, on_touch, &t);
		CHECK(sqlite3_prepare_v2(sq, sq_text(t.stmt), -1, &st, NULL) == SQLITE_OK);
		sqlite3_finalize(st);
	}
	sqlite3_close(sq);
	sealed_end(&r);
}

/* --- what is on the disk ----------------------------------------------------------------------------------------- */

#define WORD "xyzzy-plugh-word"

static void put_word(struct rig *r, struct rig_turn *x, int64_t parent)
{
	static char body[256];
	rig_turn(x, parent, 2, 1);
	for (size_t k = 0; k < 3; k++)
		x->items[k].json = S("{\"type\":\"message\",\"text\":\"" WORD "\"}");
	x->t.output_at = (size_t)snprintf(body, sizeof body, "{\"id\":\"%s\",\"x\":\"" WORD "\",\"output\":[", x->id);
	snprintf(body + x->t.output_at, sizeof body - x->t.output_at, "]}");
	x->t.body = str_of(body);
	CHECK(rig_put(r, x) == ERR_NONE);
}

static void nothing_is_open(void)
{
	struct rig r = {0};
	static struct rig_turn x[2];
	struct arena a = {0};
	struct stored_response got;
	struct stored_context context;
	CHECK(sealed_begin(&r, true));
	put_word(&r, &x[0], 0);
	put_word(&r, &x[1], x[0].t.id.key);
	CHECK(rig_get(&r, 1, x[1].id, &a, &got) == ERR_NONE && memmem(got.json.p, got.json.n, WORD, strlen(WORD)));
	CHECK(rig_context(&r, 1, x[1].id, &a, &context) == ERR_NONE && context.n == 6);
	for (size_t i = 0; i < context.n; i++)
		CHECK(str_eq(context.items[i].json, x[0].items[0].json));
	CHECK(!rig_holds(r.dir, "antiphon.db", WORD) && !rig_holds(r.dir, "antiphon.db-wal", WORD));
	sealed_shut(&r);
	CHECK(!rig_holds(r.dir, "antiphon.db", WORD));
	CHECK(sealed_begin(&r, false)); /* off: what is sealed is read all the same */
	CHECK(rig_get(&r, 1, x[1].id, &a, &got) == ERR_NONE && memmem(got.json.p, got.json.n, WORD, strlen(WORD)));
	put_word(&r, &x[0], 0);
	CHECK(rig_holds(r.dir, "antiphon.db-wal", WORD) ||
	      rig_holds(r.dir, "antiphon.db", WORD)); /* and what is written lies open: the test can fail */
	arena_free(&a);
	sealed_end(&r);
}

static void a_moved_row_does_not_open(void)
{
	static const char *const attacks[] = {
	    "UPDATE response SET body = (SELECT body FROM response WHERE key = (SELECT min(key) FROM response))"
	    " WHERE key = (SELECT max(key) FROM response)",
	    "UPDATE response SET project = 7 WHERE key = (SELECT max(key) FROM response);"
	    "UPDATE context SET project = 7 WHERE key = (SELECT max(key) FROM response)",
	    "UPDATE response SET body = substr(body, 1, length(body) - 1) WHERE key = (SELECT max(key) FROM response)",
	    "UPDATE response SET body = substr(body, 1, 20) WHERE key = (SELECT max(key) FROM response)",
	    "UPDATE response SET body = (SELECT json FROM item LIMIT 1) WHERE key = (SELECT max(key) FROM response)",
	};
	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
		struct rig r = {0};
		static struct rig_turn x[2];
		struct arena a = {0};
		struct stored_response got;
		CHECK(sealed_begin(&r, true));
		put_word(&r, &x[0], 0);
		put_word(&r, &x[1], 0);
		sealed_shut(&r);
		sqlite3 *sq = rig_database(r.dir);
		CHECK(sqlite3_exec(sq, attacks[i], NULL, NULL, NULL) == SQLITE_OK);
		sqlite3_close(sq);
		CHECK(sealed_begin(&r, true));
		CHECK(rig_get(&r, i == 1 ? 7 : 1, x[1].id, &a, &got) == ERR_STORE);
		CHECK(rig_get(&r, 1, x[0].id, &a, &got) == ERR_NONE); /* that row alone */
		arena_free(&a);
		sealed_end(&r);
	}
}

/* Nobody can write what only looks sealed. */
static void what_looks_sealed(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct err e = {0};
	struct str got;
	CHECK(sealed_begin(&r, false));
	const struct bind keys[] = {INT(5), INT(1)};
	const struct str plains[] = {S("\001sealed:abc"), S("\001sealed="), S("x"), S("\001sealed")};
	for (size_t i = 0; i < sizeof plains / sizeof *plains; i++) {
		for (int raw = 0; raw < 2; raw++) {
			struct bind b =
			    sealed_value(r.store, SEALED_item_json, keys, raw ? BLOB(plains[i]) : TEXT(plains[i]), &a);
			CHECK(sealed_is(b.s) && sealed_key(b.s) == seal_newest(r.store));
			CHECK(sealed_open(r.store, SEALED_item_json, keys, b.s, &a, &got, &e) &&
			      str_eq(got, plains[i]));
		}
	}
	struct store_request *w = request_new(NULL, NULL, 1, 8, 64);
	ADD(w, STMT_RUN_TEXT_INSERT, INT(1), TEXT(S("\001sealed:abc")), TEXT(S("plain")));
	sealed_changes(r.store, w);
	CHECK(!str_eq(w->apply.changes[0].binds[1].s, S("\001sealed:abc")) &&
	      str_eq(w->apply.changes[0].binds[2].s, S("plain")));
	request_free(w);
	arena_free(&a);
	sealed_end(&r);
}

/* --- older rows -------------------------------------------------------------------------------------------------- */

static void wait_until_rewritten(struct rig *r)
{
	while (reseal_state(r->store).busy ||
	       rig_number(r, "SELECT count(*) FROM meta WHERE name = 'sealed' AND CAST(value AS TEXT) = 'mixed'"))
		sched_yield();
}

/* Values of a column that begin like sealed ones. */
static int64_t sealed_count(struct rig *r, const char *column)
{
	char sql[160];
	snprintf(sql, sizeof sql,
		 "SELECT count(*) FROM %.*s WHERE substr(CAST(%s AS BLOB), 1, 7) = CAST(char(1) || 'sealed' AS BLOB)",
		 (int)strcspn(column, "."), column, column);
	return rig_number(r, sql);
}

static void all_is_there(struct rig *r, struct rig_turn *x, size_t n)
{
	struct arena a = {0};
	struct stored_response got;
	for (size_t i = 0; i < n; i++)
		CHECK(rig_get(r, 1, x[i].id, &a, &got) == ERR_NONE &&
		      memmem(got.json.p, got.json.n, WORD, strlen(WORD)));
	arena_free(&a);
}

enum { OLDER = 230 /* more than two slices */ };

static void older_rows_follow(void)
{
	struct rig r = {0};
	struct err e = {0};
	struct arena a = {0};
	static struct rig_turn x[OLDER];
	CHECK(sealed_begin(&r, false));
	for (size_t i = 0; i < OLDER; i++)
		put_word(&r, &x[i], i ? x[i - 1].t.id.key : 0);
	CHECK(sealed_count(&r, "response.body") == 0 && reseal_state(r.store).rows == 0);
	sealed_shut(&r);
	CHECK(rig_holds(r.dir, "antiphon.db", WORD));
	CHECK(sealed_begin(&r, true));
	wait_until_rewritten(&r);
	CHECK(reseal_state(r.store).rows == OLDER * 4 && reseal_state(r.store).failed == 0);
	CHECK(sealed_count(&r, "response.body") == OLDER && sealed_count(&r, "item.json") == OLDER * 3);
	CHECK(!rig_holds(r.dir, "antiphon.db", WORD) && !rig_holds(r.dir, "antiphon.db-wal", WORD)); /* free pages, too */
	all_is_there(&r, x, OLDER);
	uint32_t was = seal_newest(r.store);
	CHECK(reseal_rotate(r.store, &e) && seal_newest(r.store) == was + 1);
	while (reseal_state(r.store).rows < OLDER * 8)
		sched_yield();
	all_is_there(&r, x, OLDER);
	sealed_shut(&r);
	CHECK(sealed_begin(&r, false));
	while (reseal_state(r.store).rows < OLDER * 4)
		sched_yield();
	CHECK(sealed_count(&r, "response.body") == 0 && sealed_count(&r, "item.json") == 0);
	all_is_there(&r, x, OLDER);
	arena_free(&a);
	sealed_end(&r);
}

/* The store closes in the middle, as often as it likes. */
static void it_goes_on(void)
{
	struct rig r = {0};
	static struct rig_turn x[OLDER];
	int64_t rows = 0;
	CHECK(sealed_begin(&r, false));
	for (size_t i = 0; i < OLDER; i++)
		put_word(&r, &x[i], i ? x[i - 1].t.id.key : 0);
	for (int tries = 0; tries < 50 && rows < OLDER * 4; tries++) {
		sealed_shut(&r);
		CHECK(sealed_begin(&r, true));
		int64_t before = reseal_state(r.store).rows;
		while (reseal_state(r.store).busy && reseal_state(r.store).rows == before)
			sched_yield();
		rows = sealed_count(&r, "response.body") + sealed_count(&r, "item.json");
	}
	wait_until_rewritten(&r);
	CHECK(sealed_count(&r, "response.body") == OLDER && sealed_count(&r, "item.json") == OLDER * 3);
	all_is_there(&r, x, OLDER);
	sealed_end(&r);
}

/* What does not open is told, and stays as it is; all else is done. */
static void a_broken_row_is_no_hindrance(void)
{
	struct rig r = {0};
	static struct rig_turn x[3];
	CHECK(sealed_begin(&r, true));
	for (size_t i = 0; i < 3; i++)
		put_word(&r, &x[i], 0);
	wait_until_rewritten(&r);
	sealed_shut(&r);
	rig_exec(r.dir, "UPDATE response SET body = substr(body, 1, length(body) - 4) || 'AAAA' WHERE key = (SELECT "
			"max(key) FROM response)");
	CHECK(sealed_begin(&r, false));
	while (!reseal_state(r.store).failed || reseal_state(r.store).busy)
		sched_yield();
	CHECK(sealed_count(&r, "response.body") == 1 && sealed_count(&r, "item.json") == 0);
	all_is_there(&r, x, 2);
	sealed_end(&r);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"each column of texts or bytes is sealed, or lies open for a reason", each_column_is_said},
	    {"each statement that touches a sealed column is said", each_statement_is_said},
	    {"nothing of it stands open on the disk", nothing_is_open},
	    {"a row that was moved, changed or cut does not open, others do", a_moved_row_does_not_open},
	    {"what only looks sealed is sealed", what_looks_sealed},
	    {"older rows follow the setting and the newest key", older_rows_follow},
	    {"a rewriting that was cut off goes on", it_goes_on},
	    {"a row that does not open is no hindrance", a_broken_row_is_no_hindrance},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
