/* postgres_pool.h - the threads that answer what loops ask, each with a connection. Inside the PostgreSQL driver. */
#pragma once
#include "store/postgres.h"

/* store.read_connections threads. NULL: they cannot be started. */
struct postgres_pool *postgres_pool_new(struct db *db, struct err *e);
/* Nothing waits any more. */
void postgres_pool_free(struct postgres_pool *p);
bool postgres_ask(struct db_reader *r, struct db_read *read, struct err *e);
