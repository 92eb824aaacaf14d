/* postgres_schema.h - the schema of a database, brought up to date when it is opened. Inside the PostgreSQL driver. */
#pragma once
#include "store/postgres_conn.h"

/* Others who open it meanwhile wait. */
bool postgres_migrate(struct postgres_conn *c, struct err *e);
/* Is it of this version, so that it can be read as it is? ERR_NOT_FOUND: it is empty. */
bool postgres_is_ours(struct postgres_conn *c, struct err *e);
