/* postgres_conn.h - one connection to PostgreSQL with its prepared statements. Inside the PostgreSQL driver.
 *
 * It is always in libpq's pipeline mode: what is sent goes when postgres_sync() is called, in one round trip, and
 * postgres_take() then gives one result for each statement, in their order; postgres_synced() takes what closes the row. One thread
 * at a time. A connection that is lost says so (`lost`), and nothing more is got from it. */
#pragma once
#include <libpq-fe.h>

#include "base/arena.h"
#include "store/driver.h"

/* Statements beside those of statements.def. */
enum postgres_own { PG_BEGIN, PG_SNAPSHOT, PG_COMMIT, PG_ROLLBACK, PG_MARK, PG_WRITTEN, PG_OWN_COUNT };
/* Every statement of statements.def; each once more as one that must change a row (SQLSTATE 22012 when it does not). */
enum { PG_MUST = STMT_COUNT, PG_OWN = 2 * STMT_COUNT, PG_STATEMENTS = PG_OWN + PG_OWN_COUNT, PG_BINDS = 40 };

/* The first number of the advisory locks of a store, which is a schema of a database; the second is a node's number, or -1:
 * the schema is being changed. */
#define POSTGRES_LOCKS "hashtext('antiphon ' || current_schema())"
/* A row of pg_locks that is one of them. */
#define POSTGRES_LOCKED "locktype = 'advisory' AND classid::bigint = (" POSTGRES_LOCKS "::bigint & 4294967295)" \
	" AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"

struct postgres_options {
	const char *url;
	_Atomic int64_t *reached_us; /* when a connection of this process last succeeded (clock_mono_us()); NULL: nobody keeps it */
	bool lax;     /* synchronous_commit=off and fsync=off are no fault */
	bool writes;  /* it must reach a server that takes writes */
};

struct postgres_conn {
	PGconn *pq; /* NULL: there is none */
	bool lost;
	struct postgres_prepared {
		uint32_t kinds; /* of its binds */
		uint16_t version;
		enum { PG_UNKNOWN, PG_SENT, PG_READY } state : 8;
	} *prepared;                 /* PG_STATEMENTS */
	struct postgres_sent {
		uint16_t which;
		bool prepares;
	} *sent;                     /* what has no result yet, from `taken` on */
	size_t n_sent, cap_sent, taken;
	struct arena scratch;        /* until the next statement is sent */
	int64_t again_us, wait_us;   /* after a failure to connect: not before; 0 */
};

/* Connects and sets the session up. At once after a failure it fails again without trying (ERR_UNAVAILABLE). */
bool postgres_connect(struct postgres_conn *c, const struct postgres_options *o, struct err *e);
void postgres_close(struct postgres_conn *c);
/* Sends a statement, PG_MUST + one, or PG_OWN + one of this driver's; prepares it before, at its first use. */
void postgres_send(struct postgres_conn *c, unsigned which, const struct bind *binds, unsigned n);
/* Sends a text that is not prepared. */
void postgres_send_text(struct postgres_conn *c, const char *sql, const struct bind *binds, unsigned n);
void postgres_sync(struct postgres_conn *c);
/* The next statement's result, PQclear()'s; NULL: the connection is lost. */
PGresult *postgres_take(struct postgres_conn *c);
/* After all of them; false: the connection is lost. */
bool postgres_synced(struct postgres_conn *c);
/* Statements in one text, by the simple protocol and outside of the pipeline; PQclear()'s. Results are texts. */
PGresult *postgres_exec(struct postgres_conn *c, const char *sql);
/* A text in which ?n is $n; `ret` has room for the text and a NUL. */
void postgres_numbered(char *ret, const char *sql);
/* The statement in PostgreSQL's words, or in the common ones. */
const char *postgres_sql(enum statement which);
