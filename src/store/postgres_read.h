/* postgres_read.h - reads: statements in one snapshot, and the threads that answer loops. Inside the PostgreSQL driver. */
#pragma once
#include "store/postgres.h"

struct db_reader *postgres_attach(struct db *db);
void postgres_detach(struct db_reader *r);
struct db *postgres_reader_db(const struct db_reader *r);
bool postgres_read(struct db_reader *r, bool (*work)(struct db_reader *r, void *ctx, struct err *e), void *ctx,
		   struct err *e);
bool postgres_query(struct db_reader *r, enum statement stmt, const struct bind *binds, unsigned n, row_fn *row, void *ctx,
		    struct err *e);
bool postgres_each(struct db_reader *r, const struct each *each, struct err *e);
