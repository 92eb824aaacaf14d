/* vector_rows.c - what the files about vector stores share. */
#include "store/vector_rows.h"

enum { QUOTED = 200 };

bool vector_store_gone(struct err *e, struct str id)
{
	return fail(e, ERR_NOT_FOUND, NULL, "Vector store with id '%.*s' not found.",
		    (int)(id.n < QUOTED ? id.n : QUOTED), id.p);
}

bool vector_on_count(void *ctx, const struct cell *cells)
{
	struct vector_counts *c = ctx;
	if (cells[0].i > 0 && cells[0].i < VECTOR_STATES)
		c->n[cells[0].i] = cells[1].i;
	c->bytes += cells[2].i;
	return true;
}

void vector_range(const struct vector_query *q, int64_t after, int64_t before, int64_t *from, int64_t *to)
{
	*from = 0;
	*to = INT64_MAX;
	if (after)
		*(q->ascending ? from : to) = after;
	if (before)
		*(q->ascending ? to : from) = before;
}

bool vector_backwards(const struct vector_query *q)
{
	return q->before.p && !q->after.p;
}
