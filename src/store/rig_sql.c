/* rig_sql.c - tests look into the database itself. */
#include "store/rig_sql.h"

#include <fcntl.h>
#include <unistd.h>

#include "store/check.h"
#include "store/postgres_check.h"
#include "store/sweep.h"

sqlite3 *rig_database(const char *dir)
{
	char path[128];
	sqlite3 *sq;
	snprintf(path, sizeof path, "%s/antiphon.db", dir);
	if (sqlite3_open(path, &sq) != SQLITE_OK)
		abort();
	sqlite3_busy_timeout(sq, 5000);
	return sq;
}

int64_t rig_number(struct rig *r, const char *sql)
{
	if (rig_on_postgres())
		return rig_postgres_number(r->dir, sql);
	sqlite3 *sq = rig_database(r->dir);
	sqlite3_stmt *st;
	int64_t n = -1;
	if (sqlite3_prepare_v2(sq, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	else
		printf("# %s: %s\n", sql, sqlite3_errmsg(sq));
	sqlite3_finalize(st);
	sqlite3_close(sq);
	return n;
}

void rig_exec(const char *dir, const char *sql)
{
	if (rig_on_postgres()) {
		rig_postgres_exec(dir, sql);
		return;
	}
	sqlite3 *sq = rig_database(dir);
	if (sqlite3_exec(sq, sql, NULL, NULL, NULL) != SQLITE_OK)
		printf("# %s: %s\n", sql, sqlite3_errmsg(sq));
	sqlite3_close(sq);
}

bool rig_intact(struct rig *r)
{
	if (rig_on_postgres())
		return true;
	sqlite3 *sq = rig_database(r->dir);
	sqlite3_stmt *st;
	bool ok = sqlite3_prepare_v2(sq, "PRAGMA integrity_check", -1, &st, NULL) == SQLITE_OK &&
		  sqlite3_step(st) == SQLITE_ROW && !strcmp((const char *)sqlite3_column_text(st, 0), "ok");
	sqlite3_finalize(st);
	sqlite3_close(sq);
	return ok;
}

static void rig_on_unsound(void *ctx, const char *line)
{
	printf("# %s\n", line);
}

bool rig_sound(struct rig *r)
{
	struct err e = {0};
	bool ok = false;
	if (rig_on_postgres())
		return postgres_inspect(r->url, rig_on_unsound, NULL, &ok, &e) && ok;
	return store_inspect(r->dir, rig_on_unsound, NULL, &ok, &e) && ok;
}

void rig_sweep(struct rig *r)
{
	for (size_t n = 1; n;) {
		struct err e = {0};
		if (!sweep_slice(r->store, &n, &e)) {
			printf("# sweep: %s\n", e.msg);
			abort();
		}
	}
}

struct rig_held rig_hold(struct rig *r)
{
	struct rig_held h = {0};
	if (rig_on_postgres())
		h.postgres = rig_postgres_hold(r->dir);
	else if (sqlite3_exec(h.sq = rig_database(r->dir), "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		abort();
	return h;
}

void rig_let_go(struct rig_held *h)
{
	if (h->postgres)
		rig_postgres_let_go(h->postgres);
	sqlite3_close(h->sq); /* what it began is undone */
	*h = (struct rig_held){0};
}

bool rig_holds(const char *dir, const char *name, const char *word)
{
	char path[160];
	struct buf b;
	char *to;
	ssize_t n = 1;
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_RDONLY);
	buf_init(&b, 1 << 28);
	while (fd >= 0 && n > 0 && (to = buf_room(&b, 1 << 16))) {
		n = read(fd, to, 1 << 16);
		b.n += n > 0 ? (size_t)n : 0;
	}
	bool found = b.p && b.n && memmem(b.p, b.n, word, strlen(word));
	if (fd >= 0)
		close(fd);
	buf_release(&b);
	return found;
}
