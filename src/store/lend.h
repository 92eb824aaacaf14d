/* lend.h - readers for threads that block: lent from a few that wait, which are the store's.
 *
 * A port's reader belongs to its loop; worker threads borrow one for a snapshot. Inside store/ alone. Any thread. */
#pragma once
#include "store/core.h"

struct lender;
struct lender *lender_new(struct store *s);
void lender_free(struct lender *l); /* all are back */
/* driver->read() and driver->query() on a lent one; work() gets the reader. */
bool lent_read(struct store *s, bool (*work)(struct db_reader *r, void *ctx, struct err *e), void *ctx, struct err *e);
/* One statement's rows by such a reader. `row` gets `ctx`. */
struct lent_query {
	enum statement stmt;
	struct bind binds[4];
	unsigned n_binds;
	row_fn *row;
};
bool lent_rows(struct store *s, const struct lent_query *q, void *ctx, struct err *e);
