/* postgres_fault.h - what went wrong in PostgreSQL, as the rest of the house says it. Inside the PostgreSQL driver. */
#pragma once
#include <libpq-fe.h>

#include "base/err.h"

enum postgres_follows { PG_OWN_FAULT, PG_TRY_AGAIN, PG_SICK, PG_GONE };
/* Of a result that is an error; NULL: the connection was lost. What the server said goes into the log. */
enum postgres_follows postgres_fault(const PGresult *r, struct err *e);
/* Could not connect: what libpq said, and what mends it. */
bool postgres_no_connection(PGconn *pq, struct err *e);
