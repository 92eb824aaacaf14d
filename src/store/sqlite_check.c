/* sqlite_check.c - is what the store holds sound? */
#include "store/check.h"
#include "store/folder.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/core.h"
#include "store/sqlite_copy.h"
#include "store/sqlite_words.h"

struct rule {
	const char *wrong, *sql;
};

static const struct rule rules[] = {
#define RULE(wrong, sql) {wrong, sql},
#include "store/checks.def"
#undef RULE
};

static const int versions[] = {
#define MIGRATION(version, sql) version,
#include "store/schema.def"
#undef MIGRATION
};

struct report {
	void (*say)(void *ctx, const char *line);
	void *ctx;
	bool sound;
};

static void wrong(struct report *r, const char *line)
{
	r->say(r->ctx, line);
	r->sound = false;
}

static bool sqlite_check_refused(sqlite3 *sq, const char *path, struct err *e)
{
	return fail(e, ERR_STORE, NULL, "cannot look into the store %s: %s", path, sqlite3_errmsg(sq));
}

static bool integrity(sqlite3 *sq, const char *path, struct report *r, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(sq, "PRAGMA integrity_check", -1, &st, NULL);
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(st);
		const char *line = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
		if (line && !str_eq(str_of(line), S("ok")))
			wrong(r, line);
	}
	sqlite3_finalize(st);
	if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB) {
		wrong(r, sqlite3_errstr(rc));
		return true;
	}
	return rc == SQLITE_DONE || sqlite_check_refused(sq, path, e);
}

/* Made by an older version, and not migrated yet? */
static bool older(sqlite3 *sq)
{
	sqlite3_stmt *st = NULL;
	int version = 0;
	if (sqlite3_prepare_v2(sq, "PRAGMA user_version", -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		version = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return version < versions[sizeof versions / sizeof *versions - 1];
}

static bool check_rules(sqlite3 *sq, const char *path, struct report *r, struct err *e)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		sqlite3_stmt *st = NULL;
		char line[256];
		int rc = sqlite3_prepare_v2(sq, rules[i].sql, -1, &st, NULL);
		if (rc == SQLITE_ERROR && older(sq))
			continue; /* of a table that comes with the next start */
		if (rc == SQLITE_OK && sqlite3_bind_parameter_count(st))
			rc = sqlite3_bind_int64(st, 1, clock_wall_s());
		if (rc == SQLITE_OK)
			rc = sqlite3_step(st);
		if (rc != SQLITE_ROW) {
			sqlite_check_refused(sq, path, e);
			sqlite3_finalize(st);
			return false;
		}
		long long n = sqlite3_column_int64(st, 0);
		snprintf(line, sizeof line, "%lld %s", n, rules[i].wrong);
		if (n)
			wrong(r, line);
		sqlite3_finalize(st);
	}
	return true;
}

static bool inspect(const char *path, struct report *r, struct err *e)
{
	sqlite3 *sq = NULL;
	bool ok;
	if (sqlite3_open_v2(path, &sq, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
		ok = sqlite_check_refused(sq, path, e);
	} else {
		sqlite3_busy_timeout(sq, 5000);
		ok = integrity(sq, path, r, e);
		if (ok && r->sound)
			ok = check_rules(sq, path, r, e);
	}
	sqlite3_close(sq);
	return ok;
}

bool store_inspect_at(const char *path, void (*say)(void *ctx, const char *line), void *ctx, bool *sound, struct err *e)
{
	struct report r = {say, ctx, true};
	bool ok = inspect(path, &r, e);
	*sound = r.sound;
	return ok;
}

bool store_inspect(const char *dir, void (*say)(void *ctx, const char *line), void *ctx, bool *sound, struct err *e)
{
	char path[PATH_MAX], copy[PATH_MAX];
	struct report r = {say, ctx, true};
	struct err taken = {0};
	int lock;
	bool ok;
	if ((size_t)snprintf(path, sizeof path, "%s/antiphon.db", dir) >= sizeof path ||
	    (size_t)snprintf(copy, sizeof copy, "%s/antiphon.check.db", dir) >= sizeof copy)
		return fail(e, ERR_CONFIG, NULL, "the name of the data folder is too long");
	if (access(path, F_OK))
		return fail(e, ERR_NOT_FOUND, NULL, "there is no store in %s", dir);
	if (folder_take(dir, &lock, &taken)) {
		ok = inspect(path, &r, e);
		folder_release(lock);
	} else {
		ok = sqlite_copy(path, copy, e) && inspect(copy, &r, e);
		unlink(copy);
	}
	*sound = r.sound;
	return ok;
}
