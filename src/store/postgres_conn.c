/* postgres_conn.c - one connection to PostgreSQL with its prepared statements. */
#include "store/postgres_conn.h"

#include <assert.h>
#include <endian.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/limits.h"
#include "store/postgres_fault.h"
#include "store/postgres_text.h"

enum { FIRST_WAIT_US = 100000, LONGEST_WAIT_US = 5000000, SERVER_LEAST = 130000, OID_BYTEA = 17, OID_INT8 = 20, OID_TEXT = 25 };

static const char *const in_its_words[STMT_COUNT] = {
#define STMT(name, sql) [STMT_##name] = sql,
#include "store/postgres_statements.def"
#undef STMT
};

static const char *const own_texts[PG_OWN_COUNT] = {
    [PG_BEGIN] = "BEGIN",
    [PG_SNAPSHOT] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    [PG_COMMIT] = "COMMIT",
    [PG_ROLLBACK] = "ROLLBACK",
    [PG_MARK] = "INSERT INTO antiphon_written(node, write) VALUES(?1, ?2) ON CONFLICT(node) DO UPDATE SET write = excluded.write",
    [PG_WRITTEN] = "SELECT write FROM antiphon_written WHERE node = ?1",
};

const char *postgres_sql(enum statement which)
{
	return in_its_words[which] ? in_its_words[which] : statement_sql[which];
}

void postgres_numbered(char *ret, const char *sql)
{
	for (; *sql; sql++)
		*ret++ = *sql == '?' && sql[1] >= '1' && sql[1] <= '9' ? '$' : *sql;
	*ret = 0;
}

/* --- connecting ------------------------------------------------------------------------------------------------------ */

/* What a URL need not say. A server that is gone without a word is noticed within half a minute. */
static const char *const defaults[][2] = {
    {"connect_timeout", "10"},     {"keepalives_idle", "10"},     {"keepalives_interval", "5"},
    {"keepalives_count", "3"},     {"tcp_user_timeout", "30000"}, {"fallback_application_name", "antiphon"},
    {"client_encoding", "UTF8"},
};
enum { DEFAULTS = sizeof defaults / sizeof *defaults, KEYWORDS = 64 };

/* The URL in libpq's own parts, completed. */
static PGconn *conn_start(const struct postgres_options *o, struct err *e)
{
	char *wrong = NULL;
	const char *names[KEYWORDS], *values[KEYWORDS];
	size_t n = 0;
	PQconninfoOption *given = PQconninfoParse(o->url, &wrong);
	if (!given) {
		fail(e, ERR_CONFIG, NULL, "store.url: %s", wrong ? wrong : "out of memory");
		PQfreemem(wrong);
		return NULL;
	}
	for (size_t i = 0; i < DEFAULTS; i++) {
		names[n] = defaults[i][0];
		values[n++] = defaults[i][1];
	}
	if (o->writes) {
		names[n] = "target_session_attrs";
		values[n++] = "read-write";
	}
	for (const PQconninfoOption *g = given; g->keyword && n + 1 < KEYWORDS; g++)
		if (g->val) { /* a later one counts */
			names[n] = g->keyword;
			values[n++] = g->val;
		}
	names[n] = values[n] = NULL;
	PGconn *pq = PQconnectdbParams(names, values, 0);
	PQconninfoFree(given);
	if (PQstatus(pq) != CONNECTION_OK) {
		postgres_no_connection(pq, e);
		PQfinish(pq);
		return NULL;
	}
	return pq;
}

static void conn_notice(void *ctx, const PGresult *r)
{
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	log_at(LOG_DEBUG, "database says", "text=\"%s\"", text ? text : "");
}

static bool conn_is(const PGresult *r, int column, const char *value)
{
	return !strcmp(PQgetvalue(r, 0, column), value);
}

/* Will what is acknowledged here be there after a crash, and does a text come back? */
static bool conn_judge(PGconn *pq, const PGresult *r, const struct postgres_options *o, struct err *e)
{
	static const char lax[] = "a crash would lose what was acknowledged. Turn it on, or (measurements only) set store.sync=normal";
	if (PQserverVersion(pq) < SERVER_LEAST)
		return fail(e, ERR_STORE, NULL, "the database is PostgreSQL %d: 13 or newer is needed", PQserverVersion(pq) / 10000);
	if (!conn_is(r, 2, "UTF8"))
		return fail(e, ERR_STORE, NULL, "the database keeps texts as %s: make one with ENCODING 'UTF8'", PQgetvalue(r, 0, 2));
	if (PQgetisnull(r, 0, 3))
		return fail(e, ERR_STORE, NULL, "the database's user has no schema to keep tables in: see docs/postgres.md");
	if (!o->lax && conn_is(r, 0, "off"))
		return fail(e, ERR_STORE, NULL, "the database has synchronous_commit=off: %s", lax);
	return o->lax || !conn_is(r, 1, "off") || fail(e, ERR_STORE, NULL, "the database has fsync=off: %s", lax);
}

static bool conn_set_up(PGconn *pq, const struct postgres_options *o, struct err *e)
{
	char sql[700];
	snprintf(sql, sizeof sql,
		 "SET statement_timeout = %lld; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;"
		 "SET default_transaction_isolation = 'read committed'; SET standard_conforming_strings = on; SET jit = off;"
		 "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;"
		 "SELECT current_setting('synchronous_commit'), current_setting('fsync'),"
		 " current_setting('server_encoding'), current_schema()",
		 (long long)store_limits.statement_seconds * 1000);
	PGresult *r = PQexec(pq, sql);
	bool ok = PQresultStatus(r) == PGRES_TUPLES_OK;
	if (ok)
		ok = conn_judge(pq, r, o, e);
	else
		fail(e, ERR_STORE, NULL, "the database refuses to be set up: %s", PQerrorMessage(pq));
	PQclear(r);
	return ok;
}

static bool conn_failed(struct postgres_conn *c)
{
	c->wait_us = c->wait_us ? c->wait_us * 2 : FIRST_WAIT_US;
	if (c->wait_us > LONGEST_WAIT_US)
		c->wait_us = LONGEST_WAIT_US;
	c->again_us = clock_mono_us() + c->wait_us;
	return false;
}

bool postgres_connect(struct postgres_conn *c, const struct postgres_options *o, struct err *e)
{
	postgres_close(c);
	/* Somebody has reached it since: no reason to wait any longer. */
	if (c->again_us && o->reached_us && atomic_load(o->reached_us) > c->again_us - c->wait_us)
		c->again_us = 0;
	if (c->again_us && clock_mono_us() < c->again_us)
		return fail(e, ERR_UNAVAILABLE, NULL, "the database cannot be reached");
	PGconn *pq = conn_start(o, e);
	if (!pq)
		return conn_failed(c);
	PQsetNoticeReceiver(pq, conn_notice, NULL);
	if (!conn_set_up(pq, o, e) || !PQenterPipelineMode(pq)) {
		PQfinish(pq);
		return conn_failed(c);
	}
	c->pq = pq;
	c->prepared = xalloc(PG_STATEMENTS * sizeof *c->prepared);
	c->again_us = c->wait_us = 0;
	if (o->reached_us)
		atomic_store(o->reached_us, clock_mono_us());
	return true;
}

void postgres_close(struct postgres_conn *c)
{
	PQfinish(c->pq);
	xfree(c->prepared);
	xfree(c->sent);
	arena_free(&c->scratch);
	*c = (struct postgres_conn){.again_us = c->again_us, .wait_us = c->wait_us};
}

/* --- sending --------------------------------------------------------------------------------------------------------- */

struct params {
	Oid types[PG_BINDS];
	const char *values[PG_BINDS];
	int lengths[PG_BINDS], formats[PG_BINDS];
	uint64_t numbers[PG_BINDS];
	uint32_t kinds;
};

/* All in binary, with the type that the bind says: what the server would guess is narrower ("?1 > 0" is an int4 to it). A
 * NULL is a text: no other column takes one. */
static void conn_params(struct arena *a, const struct bind *binds, unsigned n, struct params *p)
{
	assert(n <= PG_BINDS);
	p->kinds = 2166136261u; /* FNV-1a */
	for (unsigned i = 0; i < n; i++) {
		const struct bind *b = &binds[i];
		struct str s = b->kind == BIND_TEXT ? postgres_text_in(a, b->s) : b->s;
		p->formats[i] = 1;
		p->types[i] = b->kind == BIND_INT ? OID_INT8 : b->kind == BIND_BLOB ? OID_BYTEA : OID_TEXT;
		p->kinds = (p->kinds ^ p->types[i]) * 16777619u;
		if (b->kind == BIND_INT) {
			p->numbers[i] = htobe64((uint64_t)b->i);
			p->values[i] = (const char *)&p->numbers[i];
			p->lengths[i] = sizeof p->numbers[i];
		} else if (b->kind == BIND_NULL) {
			p->values[i] = NULL;
			p->lengths[i] = 0;
		} else {
			p->values[i] = s.n ? s.p : "";
			p->lengths[i] = (int)s.n;
		}
	}
}

static void conn_sent(struct postgres_conn *c, unsigned which, bool prepares, int ok)
{
	if (!ok) {
		c->lost = true;
		return;
	}
	if (c->n_sent == c->cap_sent) {
		c->cap_sent = c->cap_sent ? c->cap_sent * 2 : 64;
		c->sent = xrealloc(c->sent, c->cap_sent * sizeof *c->sent);
	}
	c->sent[c->n_sent++] = (struct postgres_sent){(uint16_t)which, prepares};
}

static struct str conn_text(struct arena *a, unsigned which)
{
	bool own = which >= PG_OWN, must = !own && which >= PG_MUST;
	const char *sql = own ? own_texts[which - PG_OWN] : postgres_sql((enum statement)(must ? which - PG_MUST : which));
	char *numbered = arena_bytes(a, strlen(sql) + 1);
	postgres_numbered(numbered, sql);
	/* In a pipeline nothing can branch: where a row must change, the statement itself fails when none did. */
	return must ? str_fmt(a, "WITH changed AS (%s RETURNING 1) SELECT 1 / count(*) FROM changed", numbered) : str_of(numbered);
}

void postgres_send(struct postgres_conn *c, unsigned which, const struct bind *binds, unsigned n)
{
	struct params p;
	char name[32];
	struct postgres_prepared *known = &c->prepared[which];
	if (c->lost)
		return;
	conn_params(&c->scratch, binds, n, &p);
	if (known->state == PG_UNKNOWN || known->kinds != p.kinds) {
		known->kinds = p.kinds;
		known->version++;
		known->state = PG_SENT;
		snprintf(name, sizeof name, "s%u_%u", which, known->version);
		conn_sent(c, which, true, PQsendPrepare(c->pq, name, conn_text(&c->scratch, which).p, (int)n, p.types));
	}
	snprintf(name, sizeof name, "s%u_%u", which, known->version);
	if (!c->lost)
		conn_sent(c, which, false, PQsendQueryPrepared(c->pq, name, (int)n, p.values, p.lengths, p.formats, 1));
	arena_reset(&c->scratch);
}

void postgres_send_text(struct postgres_conn *c, const char *sql, const struct bind *binds, unsigned n)
{
	struct params p;
	if (c->lost)
		return;
	conn_params(&c->scratch, binds, n, &p);
	conn_sent(c, 0, false, PQsendQueryParams(c->pq, sql, (int)n, p.types, p.values, p.lengths, p.formats, 1));
	arena_reset(&c->scratch);
}

void postgres_sync(struct postgres_conn *c)
{
	if (!c->lost && !PQpipelineSync(c->pq))
		c->lost = true;
}

/* --- results --------------------------------------------------------------------------------------------------------- */

/* The next result of libpq, with the NULL behind it taken. */
static PGresult *conn_result(struct postgres_conn *c)
{
	PGresult *r = c->lost ? NULL : PQgetResult(c->pq);
	if (!r || PQstatus(c->pq) == CONNECTION_BAD) {
		PQclear(r);
		c->lost = true;
		return NULL;
	}
	if (PQresultStatus(r) != PGRES_PIPELINE_SYNC)
		PQclear(PQgetResult(c->pq));
	return r;
}

PGresult *postgres_take(struct postgres_conn *c)
{
	PGresult *refused = NULL;
	if (c->lost)
		return NULL;
	assert(c->taken < c->n_sent);
	while (c->sent[c->taken].prepares) {
		struct postgres_prepared *p = &c->prepared[c->sent[c->taken++].which];
		PGresult *r = conn_result(c);
		p->state = r && PQresultStatus(r) == PGRES_COMMAND_OK ? PG_READY : PG_UNKNOWN;
		if (r && PQresultStatus(r) == PGRES_FATAL_ERROR)
			refused = r; /* the statement behind it says only that the pipeline was given up */
		else
			PQclear(r);
	}
	c->taken++;
	PGresult *r = conn_result(c);
	if (r && refused) {
		PQclear(r);
		return refused;
	}
	PQclear(refused);
	return r;
}

bool postgres_synced(struct postgres_conn *c)
{
	assert(c->lost || c->taken == c->n_sent);
	PGresult *r = conn_result(c);
	if (r && PQresultStatus(r) != PGRES_PIPELINE_SYNC) {
		postgres_fault(r, &(struct err){0});
		c->lost = true; /* an error that belongs to no statement: nothing is sure any more */
	}
	PQclear(r);
	c->n_sent = c->taken = 0;
	return !c->lost;
}

PGresult *postgres_exec(struct postgres_conn *c, const char *sql)
{
	if (c->lost || !PQexitPipelineMode(c->pq))
		return NULL;
	PGresult *r = PQexec(c->pq, sql);
	if (PQstatus(c->pq) == CONNECTION_BAD || !PQenterPipelineMode(c->pq))
		c->lost = true;
	return r;
}
