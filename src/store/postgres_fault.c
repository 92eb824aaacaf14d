/* postgres_fault.c - what went wrong in PostgreSQL. */
#include "store/postgres_fault.h"

#include <string.h>

#include "base/log.h"

enum { FAULT_RETRY_MS = 1000 };

static const struct fault {
	const char *state;
	enum postgres_follows follows;
	enum err_code code;
	const char *text;
} faults[] = {
#define OWN PG_OWN_FAULT
#define AGAIN PG_TRY_AGAIN
#define SICK PG_SICK
#define GONE PG_GONE
#define FAULT(state, follows, code, text) {state, follows, ERR_##code, text},
#include "store/postgres_faults.def"
#undef FAULT
#undef OWN
#undef AGAIN
#undef SICK
#undef GONE
};

enum postgres_follows postgres_fault(const PGresult *r, struct err *e)
{
	const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
	const char *text = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	const struct fault *f = faults;
	if (!state)
		state = "08006"; /* connection_failure: libpq's own word has no code */
	while (strncmp(state, f->state, strlen(f->state)) != 0)
		f++;
	log_at(f->follows == PG_TRY_AGAIN ? LOG_INFO : LOG_WARN, "database refused", "state=%s text=\"%s\"", state,
	       text ? text : "the connection was lost");
	if (f->code == ERR_UNAVAILABLE)
		e->retry_after_ms = FAULT_RETRY_MS;
	if (f->follows == PG_OWN_FAULT || f->follows == PG_SICK)
		fail(e, f->code, NULL, "%s (%s)", f->text, state);
	else
		fail(e, f->code, NULL, "%s", f->text);
	return f->follows;
}

/* What libpq and the server say when nobody can connect, and what mends it. */
static const struct {
	const char *says, *mends;
} cures[] = {
    {"password authentication failed", "correct the user or the password in store.url (or in PGPASSWORD, ~/.pgpass)"},
    {"no password supplied", "give the password in store.url, PGPASSWORD or ~/.pgpass"},
    {"does not exist", "make it first (createdb, createuser; docs/postgres.md), or correct store.url"},
    {"no pg_hba.conf entry", "let this host in: a line in the server's pg_hba.conf"},
    {"Connection refused", "is PostgreSQL running there? Correct the host and the port in store.url, or start it"},
    {"No such file or directory", "is PostgreSQL running? Correct the socket's folder in store.url, or start it"},
    {"could not translate host name", "correct the host in store.url"},
    {"SSL", "see sslmode and sslrootcert in docs/postgres.md"},
    {"certificate", "see sslmode and sslrootcert in docs/postgres.md"},
    {"too many clients", "raise the server's max_connections, or lower store.read_connections"},
    {"remaining connection slots", "raise the server's max_connections, or lower store.read_connections"},
    {"read-only", "name the primary in store.url: this server is a standby, or takes no writes"},
    {"hot standby", "name the primary in store.url: this server is a standby"},
    {"starting up", "it will answer in a moment"},
    {"", "is store.url right? (docs/postgres.md)"},
};

bool postgres_no_connection(PGconn *pq, struct err *e)
{
	const char *said = pq ? PQerrorMessage(pq) : "out of memory";
	struct str text = str_trim(str_of(said));
	size_t i = 0;
	while (!strstr(said, cures[i].says))
		i++;
	e->retry_after_ms = FAULT_RETRY_MS;
	return fail(e, ERR_UNAVAILABLE, NULL, "cannot connect to the database: %.*s. What to do: %s",
		    (int)(text.n < 600 ? text.n : 600), text.p, cures[i].mends);
}
