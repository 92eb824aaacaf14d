/* postgres_schema.c - the schema's version and the way from an older one (schema.def).
 *
 * Tables of this driver's own: antiphon_schema holds the version, antiphon_written the last commit of each node. */
#include "store/postgres_schema.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/postgres_fault.h"
#include "store/postgres_words.h"

static const struct migration {
	int version;
	const char *sql;
} migrations[] = {
#define MIGRATION(version, sql) {version, sql},
#include "store/schema.def"
#undef MIGRATION
};
enum { MIGRATIONS = sizeof migrations / sizeof *migrations };

static const char own_tables[] =
    "CREATE TABLE IF NOT EXISTS antiphon_schema(version bigint NOT NULL);"
    "CREATE TABLE IF NOT EXISTS antiphon_written(node bigint PRIMARY KEY, write bigint NOT NULL);"
    "INSERT INTO antiphon_schema(version) SELECT 0 WHERE NOT EXISTS(SELECT 1 FROM antiphon_schema)";

static bool schema_run(struct postgres_conn *c, const char *sql, struct err *e)
{
	PGresult *r = postgres_exec(c, sql);
	ExecStatusType is = PQresultStatus(r);
	PQclear(r);
	return is == PGRES_COMMAND_OK || is == PGRES_TUPLES_OK ||
	       fail(e, ERR_STORE, NULL, "the database could not be brought to this version: %s", PQerrorMessage(c->pq));
}

/* A number; -1: the database could not say. */
static int schema_number(struct postgres_conn *c, const char *sql)
{
	PGresult *r = postgres_exec(c, sql);
	int n = PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1 ? (int)strtol(PQgetvalue(r, 0, 0), NULL, 10) : -1;
	PQclear(r);
	return n;
}

/* 0: nothing is there yet. */
static bool schema_version(struct postgres_conn *c, int *ret, struct err *e)
{
	bool ours = schema_number(c, "SELECT count(*) FROM pg_class WHERE relname = 'antiphon_schema'"
				     " AND relnamespace = current_schema()::regnamespace") == 1;
	int others = ours ? 0 : schema_number(c, "SELECT count(*) FROM pg_class WHERE relkind = 'r'"
						 " AND relnamespace = current_schema()::regnamespace");
	*ret = ours ? schema_number(c, "SELECT version FROM antiphon_schema") : 0;
	if (others > 0)
		return fail(e, ERR_STORE, NULL,
			    "the database %s holds tables of another program: make one for antiphon (createdb antiphon), or give it a "
			    "schema of its own (docs/postgres.md)",
			    PQdb(c->pq));
	return (others == 0 && *ret >= 0) ||
	       fail(e, ERR_STORE, NULL, "the database %s cannot be read: %s", PQdb(c->pq), PQerrorMessage(c->pq));
}

static bool schema_bring_up(struct postgres_conn *c, struct err *e)
{
	int version = 0, newest = migrations[MIGRATIONS - 1].version;
	char set[64];
	/* Others who open it at the same moment wait here. */
	if (!schema_run(c, "SELECT pg_advisory_xact_lock(" POSTGRES_LOCKS ", -1)", e) || !schema_version(c, &version, e))
		return false;
	if (version > newest)
		return fail(e, ERR_STORE, NULL,
			    "the database %s was written by a newer antiphon (schema %d; this one knows %d): start that version, or give "
			    "another database",
			    PQdb(c->pq), version, newest);
	if (version == newest)
		return true;
	if (!schema_run(c, own_tables, e))
		return false;
	for (int i = 0; i < MIGRATIONS; i++)
		if (migrations[i].version > version && !schema_run(c, migrations[i].sql, e))
			return false;
	snprintf(set, sizeof set, "UPDATE antiphon_schema SET version = %d", newest);
	return schema_run(c, set, e);
}

bool postgres_migrate(struct postgres_conn *c, struct err *e)
{
	bool ok = schema_run(c, "BEGIN", e) && schema_bring_up(c, e);
	return schema_run(c, ok ? "COMMIT" : "ROLLBACK", e) && ok;
}

bool postgres_is_ours(struct postgres_conn *c, struct err *e)
{
	int version, newest = migrations[MIGRATIONS - 1].version;
	if (!schema_version(c, &version, e))
		return false;
	if (!version)
		return fail(e, ERR_NOT_FOUND, NULL, "there is no store in the database %s", PQdb(c->pq));
	return version == newest ||
	       fail(e, ERR_STORE, NULL,
		    "the database %s was written by %s version of antiphon (schema %d; this one has %d): use that one, or start the "
		    "server once with this one",
		    PQdb(c->pq), version < newest ? "an older" : "a newer", version, newest);
}
