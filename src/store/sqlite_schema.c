/* sqlite_schema.c - the schema's version and the way from an older one (schema.def). */
#include <stdio.h>

#include "store/sqlite.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_words.h"

enum { APPLICATION = 0x414e5449 }; /* "ANTI": a database of another program is not touched */

struct migration {
	int version;
	const char *sql;
};

static const struct migration migrations[] = {
#define MIGRATION(version, sql) {version, sql},
#include "store/schema.def"
#undef MIGRATION
};
enum { MIGRATIONS = sizeof migrations / sizeof *migrations };

static bool pragma_int(sqlite3 *sq, const char *sql, int *ret, struct err *e)
{
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(sq, sql, -1, &st, NULL);
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(st);
		if (rc == SQLITE_ROW)
			*ret = sqlite3_column_int(st, 0);
		sqlite3_finalize(st);
	}
	return rc == SQLITE_ROW || sqlite_fail(e, rc, "be read");
}

static bool migrate_one(sqlite3 *sq, const struct migration *m, struct err *e)
{
	char end[128];
	snprintf(end, sizeof end, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", APPLICATION, m->version);
	if (sqlite3_exec(sq, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK &&
	    sqlite3_exec(sq, m->sql, NULL, NULL, NULL) == SQLITE_OK &&
	    sqlite3_exec(sq, end, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	int rc = sqlite3_extended_errcode(sq);
	sqlite3_exec(sq, "ROLLBACK", NULL, NULL, NULL);
	return sqlite_fail(e, rc, "be brought to this version");
}

bool schema_is_ours(sqlite3 *sq, const char *path, struct err *e)
{
	int version = 0, application = 0, newest = migrations[MIGRATIONS - 1].version;
	if (!pragma_int(sq, "PRAGMA user_version", &version, e) ||
	    !pragma_int(sq, "PRAGMA application_id", &application, e))
		return false;
	if (application != APPLICATION)
		return fail(e, ERR_STORE, NULL, "%s is a database of another program", path);
	return version == newest || fail(e, ERR_STORE, NULL,
					 "the store %s was written by %s version of antiphon (schema %d; this one has %d): "
					 "use that one, or start the server once with this one",
					 path, version < newest ? "an older" : "a newer", version, newest);
}

bool schema_migrate(sqlite3 *sq, const char *path, struct err *e)
{
	int version = 0, application = 0, tables = 0, newest = migrations[MIGRATIONS - 1].version;
	if (!pragma_int(sq, "PRAGMA user_version", &version, e) ||
	    !pragma_int(sq, "PRAGMA application_id", &application, e) ||
	    !pragma_int(sq, "SELECT count(*) FROM sqlite_schema", &tables, e))
		return false;
	if (application != APPLICATION && tables > 0)
		return fail(e, ERR_STORE, NULL, "%s is a database of another program", path);
	if (version > newest)
		return fail(e, ERR_STORE, NULL,
			    "the store %s was written by a newer antiphon (schema %d; this one knows %d): start that "
			    "version, or give another data folder",
			    path, version, newest);
	for (int i = 0; i < MIGRATIONS; i++)
		if (migrations[i].version > version && !migrate_one(sq, &migrations[i], e))
			return false;
	return true;
}
