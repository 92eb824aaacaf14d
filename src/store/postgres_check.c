/* postgres_check.c - is what the store holds sound, and is the database what it needs? */
#include "store/postgres_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/postgres_schema.h"

static const struct rule {
	const char *wrong, *sql;
} rules[] = {
#define RULE(wrong, sql) {wrong, sql},
#include "store/checks.def"
#undef RULE
};

static bool postgres_check_rule(struct postgres_conn *c, const struct rule *rule, long long *ret, struct err *e)
{
	char sql[2048], numbered[2048];
	struct bind now = INT(clock_wall_s());
	snprintf(sql, sizeof sql, "SELECT (%s)::text", rule->sql);
	postgres_numbered(numbered, sql);
	postgres_send_text(c, numbered, &now, strstr(numbered, "$1") ? 1 : 0);
	postgres_sync(c);
	PGresult *r = postgres_take(c);
	bool ok = PQresultStatus(r) == PGRES_TUPLES_OK;
	*ret = ok ? strtoll(PQgetvalue(r, 0, 0), NULL, 10) : 0;
	if (!ok)
		fail(e, ERR_STORE, NULL, "cannot look into the database: %s", PQresultErrorMessage(r));
	PQclear(r);
	return postgres_synced(c) && ok;
}

bool postgres_inspect(const char *url, void (*say)(void *ctx, const char *line), void *ctx, bool *sound, struct err *e)
{
	struct postgres_conn c = {0};
	struct postgres_options o = {.url = url, .lax = true};
	char line[256];
	bool ok = postgres_connect(&c, &o, e) && postgres_is_ours(&c, e);
	*sound = ok;
	if (ok)
		PQclear(postgres_exec(&c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
	for (size_t i = 0; ok && i < sizeof rules / sizeof *rules; i++) {
		long long n = 0;
		ok = postgres_check_rule(&c, &rules[i], &n, e);
		snprintf(line, sizeof line, "%lld %s", n, rules[i].wrong);
		if (n)
			say(ctx, line);
		*sound &= !n;
	}
	postgres_close(&c);
	return ok;
}

bool postgres_describe(const char *url, char *ret, size_t n, struct err *e)
{
	struct postgres_conn c = {0};
	struct postgres_options o = {.url = url};
	if (!postgres_connect(&c, &o, e))
		return false;
	PGresult *r = postgres_exec(&c, "SELECT current_setting('server_version'), current_setting('synchronous_commit'),"
					" pg_size_pretty(pg_database_size(current_database())), EXISTS(SELECT 1 FROM pg_stat_ssl"
					" WHERE pid = pg_backend_pid() AND ssl)");
	bool ok = PQresultStatus(r) == PGRES_TUPLES_OK;
	if (ok)
		snprintf(ret, n, "PostgreSQL %s, database %s (%s), synchronous_commit=%s, %s", PQgetvalue(r, 0, 0), PQdb(c.pq),
			 PQgetvalue(r, 0, 2), PQgetvalue(r, 0, 1), *PQgetvalue(r, 0, 3) == 't' ? "by TLS" : "without TLS");
	else
		fail(e, ERR_STORE, NULL, "cannot look into the database: %s", PQerrorMessage(c.pq));
	PQclear(r);
	postgres_close(&c);
	return ok;
}
