/* lend.c - readers for threads that block. */
#include "store/lend.h"

#include "store/sealed.h"

enum { WAITING = 8 };

struct lender {
	struct store *store;
	pthread_mutex_t lock;
	struct db_reader *idle[WAITING];
	size_t n;
};

struct lender *lender_new(struct store *s)
{
	struct lender *l = xalloc(sizeof *l);
	l->store = s;
	pthread_mutex_init(&l->lock, NULL);
	return l;
}

void lender_free(struct lender *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		l->store->driver->detach(l->idle[i]);
	pthread_mutex_destroy(&l->lock);
	xfree(l);
}

bool lent_read(struct store *s, bool (*work)(struct db_reader *r, void *ctx, struct err *e), void *ctx, struct err *e)
{
	struct lender *l = s->lender;
	struct db_reader *r = NULL;
	pthread_mutex_lock(&l->lock);
	if (l->n)
		r = l->idle[--l->n];
	pthread_mutex_unlock(&l->lock);
	if (!r)
		r = s->driver->attach(s->db);
	bool ok = s->driver->read(r, work, ctx, e);
	pthread_mutex_lock(&l->lock);
	bool keep = l->n < WAITING;
	if (keep)
		l->idle[l->n++] = r;
	pthread_mutex_unlock(&l->lock);
	if (!keep)
		s->driver->detach(r);
	return ok;
}

/* --- rows of one statement -------------------------------------------------------------------------------- */

struct lent_asked {
	struct store *store;
	const struct lent_query *query;
	void *ctx;
};

static bool lend_query(struct db_reader *r, void *ctx, struct err *e)
{
	const struct lent_asked *l = ctx;
	const struct lent_query *q = l->query;
	return sealed_query(l->store, r, q->stmt, q->binds, q->n_binds, q->row, l->ctx, e);
}

bool lent_rows(struct store *s, const struct lent_query *q, void *ctx, struct err *e)
{
	struct lent_asked asked = {s, q, ctx};
	return lent_read(s, lend_query, &asked, e);
}
