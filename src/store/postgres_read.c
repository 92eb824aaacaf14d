/* postgres_read.c - reads: statements in one snapshot.
 *
 * The snapshot begins in the round trip of its first statement, and ends without being waited for: what answers its end is
 * taken when the connection is used next. A result is whole before its first row is told, so that a row may ask again; where
 * the rows may be many, a cursor brings them a few at a time (WALK in postgres_statements.def). */
#include "store/postgres_read.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "store/postgres_fault.h"
#include "store/postgres_text.h"

enum { CELLS = 40, TOGETHER = 64 /* statements of each() in one round trip */, READ_RETRY_MS = 1000 };
#define WALK_ROWS "64"

enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_NUMERIC = 1700 };

static const bool walks[STMT_COUNT] = {
#define WALK(name) [STMT_##name] = true,
#include "store/postgres_statements.def"
};

struct db_reader {
	struct db *db;
	pthread_mutex_t lock;
	struct postgres_conn conn;
	bool begun;       /* a snapshot is open */
	bool ending;      /* the answer to its end is still to be taken */
	unsigned cursors; /* of this snapshot */
};

struct db_reader *postgres_attach(struct db *db)
{
	struct db_reader *r = xalloc(sizeof *r);
	r->db = db;
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void postgres_detach(struct db_reader *r)
{
	postgres_close(&r->conn);
	pthread_mutex_destroy(&r->lock);
	xfree(r);
}

struct db *postgres_reader_db(const struct db_reader *r)
{
	return r->db;
}

/* --- a snapshot ------------------------------------------------------------------------------------------------------ */

static bool read_unreachable(struct err *e)
{
	e->retry_after_ms = READ_RETRY_MS;
	return fail(e, ERR_UNAVAILABLE, NULL, "The database cannot be reached. Please retry after a moment.");
}

/* A connection that is ready for a statement. */
static bool read_ready(struct db_reader *r, struct err *e)
{
	if (r->conn.pq && !r->conn.lost && r->ending) {
		PQclear(postgres_take(&r->conn));
		postgres_synced(&r->conn);
	}
	r->ending = false;
	if (r->conn.pq && !r->conn.lost)
		return true;
	struct err why = {0};
	struct postgres_options o = postgres_options_of(r->db);
	if (r->begun)
		return read_unreachable(e); /* what was read of the snapshot is of one that is gone */
	if (postgres_connect(&r->conn, &o, &why))
		return true;
	log_at(LOG_WARN, "store cannot read", "reason=\"%s\"", why.msg);
	return why.code == ERR_UNAVAILABLE ? read_unreachable(e) : fail(e, why.code, NULL, "%s", why.msg);
}

bool postgres_read(struct db_reader *r, bool (*work)(struct db_reader *r, void *ctx, struct err *e), void *ctx,
		   struct err *e)
{
	pthread_mutex_lock(&r->lock);
	r->begun = false;
	r->cursors = 0;
	bool ok = work(r, ctx, e);
	if (r->begun && !r->conn.lost) {
		postgres_send(&r->conn, PG_OWN + PG_COMMIT, NULL, 0);
		postgres_sync(&r->conn);
		r->ending = true;
	}
	pthread_mutex_unlock(&r->lock);
	return ok;
}

static void read_begin(struct db_reader *r, bool *first)
{
	*first = !r->begun;
	if (*first)
		postgres_send(&r->conn, PG_OWN + PG_SNAPSHOT, NULL, 0);
	r->begun = true;
}

static bool read_refused(struct db_reader *r, const PGresult *result, struct err *e)
{
	if (postgres_fault(result, e) == PG_GONE)
		r->conn.lost = true;
	return false;
}

/* The results of `n` statements, all of them before any row is told; false: `r` and *e say why. The caller PQclear()s. */
static bool read_take(struct db_reader *r, bool first, PGresult **results, size_t n, struct err *e)
{
	bool ok = true;
	if (first)
		PQclear(postgres_take(&r->conn));
	for (size_t i = 0; i < n; i++) {
		PGresult *got = postgres_take(&r->conn);
		ExecStatusType is = PQresultStatus(got);
		if (ok && is != PGRES_TUPLES_OK && is != PGRES_COMMAND_OK)
			ok = read_refused(r, got, e);
		results[i] = got;
	}
	return (postgres_synced(&r->conn) && ok) || read_unreachable(e);
}

/* --- rows ------------------------------------------------------------------------------------------------------------ */

/* A sum: whole, and small enough for 64 bits. Its binary form: the count of digits of base 10000, the power of the first,
 * sign, scale, digits. */
static int64_t read_numeric(const char *p)
{
	uint16_t head[4], digit;
	uint64_t n = 0;
	memcpy(head, p, sizeof head);
	for (int i = 0; i <= (int16_t)be16toh(head[1]); i++) {
		digit = 0;
		if (i < (int16_t)be16toh(head[0]))
			memcpy(&digit, p + sizeof head + 2 * (size_t)i, sizeof digit);
		n = n * 10000 + be16toh(digit);
	}
	return be16toh(head[2]) == 0x4000 ? -(int64_t)n : (int64_t)n;
}

static struct cell read_cell(struct arena *a, const PGresult *result, int row, int column)
{
	const char *p = PQgetvalue(result, row, column);
	struct str s = {p, (size_t)PQgetlength(result, row, column)};
	uint64_t wide;
	uint32_t word;
	uint16_t half;
	if (PQgetisnull(result, row, column))
		return (struct cell){0};
	switch (PQftype(result, column)) {
	case OID_INT8:
		memcpy(&wide, p, sizeof wide);
		return (struct cell){.i = (int64_t)be64toh(wide)};
	case OID_INT4:
		memcpy(&word, p, sizeof word);
		return (struct cell){.i = (int32_t)be32toh(word)};
	case OID_INT2:
		memcpy(&half, p, sizeof half);
		return (struct cell){.i = (int16_t)be16toh(half)};
	case OID_BOOL:
		return (struct cell){.i = *p};
	case OID_NUMERIC:
		return (struct cell){.i = read_numeric(p)};
	case OID_BYTEA:
		return (struct cell){.s = s};
	default:
		return (struct cell){.s = postgres_text_out(a, s)};
	}
}

/* Tells the rows; false: a row wanted no more. */
static bool read_tell(struct db_reader *r, const PGresult *result, bool (*row)(void *ctx, const struct cell *cells), void *ctx)
{
	struct cell cells[CELLS];
	struct arena a = {0};
	bool more = true;
	int n = PQnfields(result);
	assert(n <= CELLS);
	for (int i = 0; more && i < PQntuples(result); i++) {
		for (int k = 0; k < n; k++)
			cells[k] = read_cell(&a, result, i, k);
		more = row(ctx, cells);
		arena_reset(&a);
	}
	arena_free(&a);
	return more;
}

/* --- statements ------------------------------------------------------------------------------------------------------ */

/* Was the connection found dead at the first statement of a snapshot, so that a new one may ask the same? Once. */
static bool read_anew(struct db_reader *r, bool first, bool *tried, struct err *e)
{
	if (!first || !r->conn.lost || *tried)
		return false;
	*tried = true;
	*e = (struct err){0};
	r->begun = false;
	return true;
}

static bool read_once(struct db_reader *r, enum statement stmt, const struct bind *binds, unsigned n, row_fn *row, void *ctx,
		      bool *tried, struct err *e)
{
	PGresult *result = NULL;
	bool first, ok;
	do {
		if (!read_ready(r, e))
			return false;
		read_begin(r, &first);
		postgres_send(&r->conn, stmt, binds, n);
		postgres_sync(&r->conn);
		PQclear(result);
		ok = read_take(r, first, &result, 1, e);
	} while (!ok && read_anew(r, first, tried, e));
	if (ok)
		read_tell(r, result, row, ctx);
	PQclear(result);
	return ok;
}

/* Declares a cursor and takes its first rows. */
static bool read_declare(struct db_reader *r, unsigned cursor, enum statement stmt, const struct bind *binds, unsigned n,
			 PGresult **results, bool *first, struct err *e)
{
	const char *sql = postgres_sql(stmt);
	char declare[4096], fetch[64];
	int at = snprintf(declare, sizeof declare, "DECLARE c%u NO SCROLL CURSOR FOR ", cursor);
	assert((size_t)at + strlen(sql) < sizeof declare);
	postgres_numbered(declare + at, sql);
	snprintf(fetch, sizeof fetch, "FETCH " WALK_ROWS " FROM c%u", cursor);
	read_begin(r, first);
	postgres_send_text(&r->conn, declare, binds, n);
	postgres_send_text(&r->conn, fetch, NULL, 0);
	postgres_sync(&r->conn);
	return read_take(r, *first, results, 2, e);
}

static bool read_more(struct db_reader *r, const char *sql, PGresult **result, struct err *e)
{
	PQclear(*result);
	*result = NULL;
	if (!read_ready(r, e))
		return false;
	postgres_send_text(&r->conn, sql, NULL, 0);
	postgres_sync(&r->conn);
	return read_take(r, false, result, 1, e);
}

static bool read_walk(struct db_reader *r, enum statement stmt, const struct bind *binds, unsigned n, row_fn *row, void *ctx,
		      struct err *e)
{
	PGresult *results[2] = {NULL, NULL};
	bool first, ok, tried = false;
	unsigned cursor = ++r->cursors;
	char sql[64];
	do {
		PQclear(results[0]);
		PQclear(results[1]);
		results[0] = results[1] = NULL;
		if (!read_ready(r, e))
			return false;
		ok = read_declare(r, cursor, stmt, binds, n, results, &first, e);
	} while (!ok && read_anew(r, first, &tried, e));
	snprintf(sql, sizeof sql, "FETCH " WALK_ROWS " FROM c%u", cursor);
	while (ok && PQntuples(results[1]) && read_tell(r, results[1], row, ctx))
		ok = read_more(r, sql, &results[1], e);
	snprintf(sql, sizeof sql, "CLOSE c%u", cursor);
	ok = ok && read_more(r, sql, &results[1], e);
	PQclear(results[0]);
	PQclear(results[1]);
	return ok;
}

bool postgres_query(struct db_reader *r, enum statement stmt, const struct bind *binds, unsigned n, row_fn *row, void *ctx,
		    struct err *e)
{
	bool tried = false;
	return walks[stmt] ? read_walk(r, stmt, binds, n, row, ctx, e) : read_once(r, stmt, binds, n, row, ctx, &tried, e);
}

struct read_one_of {
	const struct each *each;
	size_t which;
};

static bool read_on_each(void *ctx, const struct cell *cells)
{
	const struct read_one_of *o = ctx;
	return o->each->row(o->each->ctx, o->which, cells);
}

static void read_send_each(struct db_reader *r, const struct each *each, size_t from, size_t n, bool *first)
{
	struct bind binds[PG_BINDS];
	assert(each->n <= PG_BINDS);
	read_begin(r, first);
	for (size_t i = from; i < from + n; i++) {
		each->bind(each->ctx, i, binds);
		postgres_send(&r->conn, each->stmt, binds, each->n);
	}
	postgres_sync(&r->conn);
}

bool postgres_each(struct db_reader *r, const struct each *each, struct err *e)
{
	PGresult *results[TOGETHER] = {0};
	bool ok = true, tried = false, first;
	for (size_t from = 0; ok && from < each->times; from += TOGETHER) {
		size_t n = each->times - from < TOGETHER ? each->times - from : TOGETHER;
		do {
			if (!read_ready(r, e))
				return false;
			read_send_each(r, each, from, n, &first);
			ok = read_take(r, first, results, n, e);
			for (size_t i = 0; !ok && i < n; i++) {
				PQclear(results[i]);
				results[i] = NULL;
			}
		} while (!ok && read_anew(r, first, &tried, e));
		for (size_t i = 0; i < n; i++) {
			struct read_one_of one = {each, from + i};
			if (results[i])
				read_tell(r, results[i], read_on_each, &one);
			PQclear(results[i]);
			results[i] = NULL;
		}
	}
	return ok;
}
