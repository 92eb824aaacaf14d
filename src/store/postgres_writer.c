/* postgres_writer.c - many lists of changes, one transaction, one round trip. */
#include "store/postgres_writer.h"

#include <assert.h>
#include <sodium.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/limits.h"
#include "store/postgres_fault.h"

enum {
	LOCK_SECONDS = 10,   /* how long a connection that this node had before may take to end */
	NUMBER_MS = 500,     /* ... that a process before it had */
	AGAIN = 8,           /* tries of a transaction that met another's */
	NAP_MS = 20,
	CLOSING_SECONDS = 3, /* nobody waits longer for a database that is away when the server stops */
	WRITER_RETRY_MS = 1000,
};

static void writer_nap(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};
	nanosleep(&t, NULL);
}

static bool writer_unreachable(struct err *e)
{
	e->retry_after_ms = WRITER_RETRY_MS;
	return fail(e, ERR_UNAVAILABLE, NULL, "The database cannot be reached. Please retry after a moment.");
}

/* --- the connection -------------------------------------------------------------------------------------------------- */

/* The server's process that has the node's lock; 0: none. */
static int writer_holder(struct db *db, int64_t node)
{
	char sql[512];
	snprintf(sql, sizeof sql, "SELECT pid FROM pg_locks WHERE " POSTGRES_LOCKED " AND objid = %lld AND granted",
		 (long long)node);
	PGresult *r = postgres_exec(&db->conn, sql);
	int pid = PQntuples(r) == 1 ? (int)strtol(PQgetvalue(r, 0, 0), NULL, 10) : 0;
	PQclear(r);
	return pid;
}

/* What this process had before is ended: its transaction is over when the lock is free. */
static bool writer_lock(struct db *db, int64_t node, int wait_ms, struct err *e)
{
	char sql[512];
	int before = db->backend;
	snprintf(sql, sizeof sql,
		 "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE pid = %d AND " POSTGRES_LOCKED " AND objid = %lld", before,
		 (long long)node);
	if (before)
		PQclear(postgres_exec(&db->conn, sql));
	snprintf(sql, sizeof sql, "SET lock_timeout = %d; SELECT pg_advisory_lock(" POSTGRES_LOCKS ", %lld); SET lock_timeout = 0",
		 wait_ms, (long long)node);
	PGresult *r = postgres_exec(&db->conn, sql);
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;
	if (!ok && state && !strcmp(state, "55P03"))
		fail(e, ERR_CONFLICT, NULL,
		     "node %lld of the database %s is another process (the server's process %d serves it). Stop that one; where its "
		     "machine is dead: SELECT pg_terminate_backend(%d)",
		     (long long)node, PQdb(db->conn.pq), writer_holder(db, node), writer_holder(db, node));
	else if (!ok)
		writer_unreachable(e);
	PQclear(r);
	return ok;
}

bool postgres_writer_connect(struct db *db, struct err *e)
{
	struct postgres_options o = postgres_options_of(db);
	if (!postgres_connect(&db->conn, &o, e))
		return false;
	if (db->node >= 0 && !writer_lock(db, db->node, LOCK_SECONDS * 1000, e)) {
		postgres_close(&db->conn);
		return false;
	}
	db->backend = PQbackendPID(db->conn.pq);
	db->away_us = 0;
	return true;
}

/* Is there a connection, or is there one within `seconds` of its loss? What is in the way goes into the log. */
static bool writer_reach(struct db *db, int64_t seconds, struct err *e)
{
	char said[sizeof e->msg] = "";
	if (db->conn.pq && !db->conn.lost)
		return true;
	postgres_close(&db->conn);
	if (!db->away_us)
		db->away_us = clock_mono_us();
	for (;;) {
		struct err why = {0}, away = {0};
		if (postgres_writer_connect(db, &why))
			return true;
		if (why.code != ERR_UNAVAILABLE)
			return fail(e, why.code, NULL, "%s", why.msg);
		if (!*said && db->conn.wait_us) {
			snprintf(said, sizeof said, "%s", why.msg);
			log_at(LOG_WARN, "database is away", "reason=\"%s\"", said);
		}
		writer_unreachable(&away); /* said at once, also while what was in flight is still waited for */
		write_queue_health(&db->queue, &away);
		if (write_queue_stopping(&db->queue) && seconds > CLOSING_SECONDS)
			seconds = CLOSING_SECONDS;
		if (clock_mono_us() - db->away_us >= seconds * 1000000)
			return writer_unreachable(e);
		writer_nap(NAP_MS);
	}
}

static bool writer_number(void *ctx, struct err *e)
{
	struct db *db = ctx;
	if (!writer_reach(db, store_limits.away_seconds, e) || !writer_lock(db, db->asked, NUMBER_MS, e))
		return false;
	db->node = db->asked;
	return true;
}

bool postgres_take_number(struct db *db, int64_t number, struct err *e)
{
	db->asked = number;
	return write_queue_run(&db->queue, writer_number, e);
}

/* --- one transaction ------------------------------------------------------------------------------------------------- */

enum outcome { COMMITTED, REFUSED, MET_ANOTHER, LOST };

struct trial {
	struct apply *first, *end; /* the lists from `first` up to (not with) `end` */
	struct apply *bad;         /* REFUSED: the list that failed; NULL: the commit itself */
	int64_t mark;
	bool sick;
	struct err why;
};

static void trial_send(struct db *db, const struct trial *t)
{
	struct bind mark[] = {INT(db->node), INT(t->mark)};
	postgres_send(&db->conn, PG_OWN + PG_BEGIN, NULL, 0);
	for (const struct apply *a = t->first; a != t->end; a = a->next)
		for (size_t i = 0; i < a->n; i++)
			postgres_send(&db->conn, a->changes[i].stmt + (a->changes[i].miss != ERR_NONE ? PG_MUST : 0),
				      a->changes[i].binds, a->changes[i].n);
	postgres_send(&db->conn, PG_OWN + PG_MARK, mark, 2);
	postgres_send(&db->conn, PG_OWN + PG_COMMIT, NULL, 0);
	postgres_sync(&db->conn);
}

/* Takes one result. false: it is an error; the first one of a pipeline says what follows. */
static bool trial_take(struct db *db, struct trial *t, struct apply *a, const struct change *c, enum postgres_follows *follows)
{
	PGresult *r = postgres_take(&db->conn);
	ExecStatusType is = PQresultStatus(r);
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	bool ok = is == PGRES_COMMAND_OK || is == PGRES_TUPLES_OK;
	if (!ok && t->why.code == ERR_NONE) {
		t->bad = a;
		if (c && c->miss != ERR_NONE && state && !strcmp(state, "22012"))
			fail(&t->why, c->miss, NULL, "%s", c->miss_text);
		else
			*follows = postgres_fault(r, &t->why);
	}
	PQclear(r);
	return ok;
}

static void trial_undo(struct db *db)
{
	postgres_send(&db->conn, PG_OWN + PG_ROLLBACK, NULL, 0);
	postgres_sync(&db->conn);
	PQclear(postgres_take(&db->conn));
	postgres_synced(&db->conn);
}

static enum outcome trial_run(struct db *db, struct trial *t)
{
	enum postgres_follows follows = PG_OWN_FAULT;
	bool ok;
	t->bad = NULL;
	t->why = (struct err){0};
	randombytes_buf(&t->mark, sizeof t->mark);
	trial_send(db, t);
	ok = trial_take(db, t, NULL, NULL, &follows);
	for (struct apply *a = t->first; a != t->end; a = a->next)
		for (size_t i = 0; i < a->n; i++)
			ok &= trial_take(db, t, a, &a->changes[i], &follows);
	ok &= trial_take(db, t, NULL, NULL, &follows);
	ok &= trial_take(db, t, NULL, NULL, &follows);
	if (!postgres_synced(&db->conn))
		return LOST;
	if (ok)
		return COMMITTED;
	if (follows == PG_GONE) {
		db->conn.lost = true;
		return LOST;
	}
	trial_undo(db);
	t->sick = follows == PG_SICK;
	return follows == PG_TRY_AGAIN ? MET_ANOTHER : REFUSED;
}

/* --- was it committed? ----------------------------------------------------------------------------------------------- */

static bool trial_marked(struct db *db, int64_t mark, bool *ret)
{
	struct bind node = INT(db->node);
	uint64_t found = 0;
	postgres_send(&db->conn, PG_OWN + PG_WRITTEN, &node, 1);
	postgres_sync(&db->conn);
	PGresult *r = postgres_take(&db->conn);
	bool ok = PQresultStatus(r) == PGRES_TUPLES_OK;
	if (ok && PQntuples(r) == 1 && PQgetlength(r, 0, 0) == sizeof found)
		memcpy(&found, PQgetvalue(r, 0, 0), sizeof found);
	PQclear(r);
	*ret = (int64_t)be64toh(found) == mark;
	return postgres_synced(&db->conn) && ok;
}

/* The connection was lost while a transaction was on its way: asks the database what became of it. false: nobody can say. */
static bool trial_resolve(struct db *db, const struct trial *t, bool *committed, struct err *e)
{
	while (writer_reach(db, store_limits.doubt_seconds, e)) {
		if (trial_marked(db, t->mark, committed)) {
			log_at(LOG_WARN, "database is back", "write in flight: %s", *committed ? "committed" : "not committed, again");
			return true;
		}
		db->conn.lost = true;
	}
	*e = (struct err){0};
	return fail(e, ERR_STORE, NULL,
		    "The connection to the database was lost, and for %lld s nobody could say whether this was stored.",
		    (long long)store_limits.doubt_seconds);
}

/* --- a group --------------------------------------------------------------------------------------------------------- */

static void group_fail(struct apply *a, const struct apply *end, const struct err *why)
{
	for (; a != end; a = a->next)
		if (!a->err)
			apply_fail(a, why);
}

/* A trial that nothing in flight is left of: false, its lists have failed. */
static bool group_try(struct db *db, struct trial *t, enum outcome *ret)
{
	for (int tries = 1;; tries++) {
		bool committed = false;
		*ret = trial_run(db, t);
		if (*ret == LOST) {
			struct err why = {0};
			if (!trial_resolve(db, t, &committed, &why)) {
				group_fail(t->first, t->end, &why);
				t->why = why;
				return false;
			}
			*ret = committed ? COMMITTED : MET_ANOTHER;
		}
		/* Others met again and again: fewer lists meet fewer. The committed one, or that of one list, is tried as it is. */
		if (*ret != MET_ANOTHER || (tries > 2 && t->first && t->first->next != t->end))
			return true;
		if (tries == AGAIN) {
			group_fail(t->first, t->end, &t->why);
			return false;
		}
		writer_nap(tries * NAP_MS);
	}
}

static struct apply *writer_half(struct apply *a, const struct apply *end)
{
	struct apply *half = a;
	for (; a != end && a->next != end; a = a->next->next)
		half = half->next;
	return half;
}

/* Lists in their order, as many to a transaction as go: one that fails has its error, those before it are committed without
 * it, those behind it follow. */
static void writer_commit(void *ctx, struct apply *list)
{
	struct db *db = ctx;
	struct trial t = {.first = list};
	struct err sick = {0};
	enum outcome is;
	while (t.first) {
		if (t.first->err) {
			t.first = t.first->next;
			continue;
		}
		if (!writer_reach(db, store_limits.away_seconds, &sick)) {
			group_fail(t.first, NULL, &sick);
			break;
		}
		if (!group_try(db, &t, &is)) {
			sick = t.why;
			t.first = t.end;
			t.end = NULL;
			continue;
		}
		sick = t.sick && is == REFUSED ? t.why : (struct err){0};
		if (is == REFUSED && t.bad)
			apply_fail(t.bad, &t.why);
		if (is == COMMITTED) {
			t.first = t.end;
			t.end = NULL;
		} else if (is == MET_ANOTHER) {
			t.end = writer_half(t.first, t.end);
		} else if (t.bad) {
			t.end = t.bad == t.first ? NULL : t.bad;
		} else if (t.first->next == t.end) { /* the commit itself, of one list */
			apply_fail(t.first, &t.why);
			t.end = NULL;
		} else {
			t.end = t.first->next;
		}
	}
	write_queue_health(&db->queue, &sick);
}

/* --- between writes -------------------------------------------------------------------------------------------------- */

/* Was the connection closed at the other end? */
static void writer_idle(void *ctx)
{
	struct db *db = ctx;
	struct err why = {0};
	if (db->conn.pq && !db->conn.lost && !PQconsumeInput(db->conn.pq))
		db->conn.lost = true;
	if (!writer_reach(db, 0, &why))
		write_queue_health(&db->queue, &why);
}

static void postgres_writer_probe(void *ctx)
{
	struct db *db = ctx;
	struct err why = {0};
	enum outcome is;
	struct trial t = {0};
	if (writer_reach(db, 0, &why) && (!group_try(db, &t, &is) || is != COMMITTED))
		why = t.why;
	write_queue_health(&db->queue, &why);
}

const struct write_verbs postgres_writes = {
    .thread = "store", .commit = writer_commit, .probe = postgres_writer_probe, .idle = writer_idle};
