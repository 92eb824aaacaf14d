/* usage.c - what was used. */
#include "store/usage_write.h"

#include <time.h>

#include "base/clock.h"
#include "store/lend.h"
#include "store/look.h"

enum { MINUTE = 60, USED_BINDS = 16, SPENT_BINDS = 3, CHANGES = 3 /* of one, at most */ };

int64_t usage_month(int64_t at)
{
	struct tm tm = {0};
	time_t t = (time_t)at;
	gmtime_r(&t, &tm);
	return (tm.tm_year + 1900) * 100 + tm.tm_mon + 1;
}

/* --- writing --- */

struct record_room usage_room(const struct usage_add *list, size_t n)
{
	struct record_room room = {n * CHANGES, n * (USED_BINDS + 2 * SPENT_BINDS), 0};
	for (size_t i = 0; i < n; i++)
		room.bytes += list[i].model.n;
	return room;
}

static void usage_put_one(struct store_request *r, const struct usage_add *u, int64_t now)
{
	const struct usage_numbers *n = &u->n;
	int64_t cost = n->input_cost + n->cached_cost + n->output_cost, month = cost ? usage_month(now) : 0;
	ADD(r, STMT_USED_ADD, INT(MINUTE), INT(now - now % MINUTE), INT(u->project), INT(u->key), INT(u->kind),
	    INT(u->batch), TEXT(u->model.p ? u->model : S("")), INT(n->requests), INT(n->input), INT(n->cached),
	    INT(n->output), INT(n->reasoning), INT(n->units), INT(n->input_cost), INT(n->cached_cost),
	    INT(n->output_cost));
	if (cost)
		ADD(r, STMT_SPENT_ADD, INT(u->project), INT(month), INT(cost));
	if (cost && u->key)
		ADD(r, STMT_SPENT_ADD, INT(u->key), INT(month), INT(cost));
}

void usage_put(struct store_request *r, const struct usage_add *list, size_t n)
{
	int64_t now = clock_wall_s();
	for (size_t i = 0; i < n; i++)
		usage_put_one(r, &list[i], now);
}

static struct store_request *usage_request(struct store_port *p, struct store_op *op, const struct usage_add *list,
					   size_t n)
{
	struct record_room room = usage_room(list, n);
	struct store_request *r = request_new(p, op, room.changes, room.binds, room.bytes);
	usage_put(r, list, n);
	return r;
}

void store_add_usage(struct store_port *p, struct store_op *op, const struct usage_add *list, size_t n)
{
	request_send(usage_request(p, op, list, n));
}

bool usage_keep(struct store *s, const struct usage_add *one, struct err *e)
{
	return store_write(s, usage_request(NULL, NULL, one, 1), e);
}

/* --- reading --- */

struct usage_reading {
	const struct usage_query *q;
	bool (*row)(void *ctx, const struct usage_row *row);
	void *ctx;
};

/* start, project, key, batch, model, and the sums as in struct usage_numbers */
static bool usage_on_row(void *ctx, const struct cell *c)
{
	struct usage_reading *u = ctx;
	struct usage_row row = {
	    .start = c[0].i,
	    .sum = {.project = c[1].i, .key = c[2].i, .batch = c[3].i, .model = c[4].s, .kind = u->q->kind}};
	row.sum.n = (struct usage_numbers){c[5].i, c[6].i, c[7].i, c[8].i, c[9].i, c[10].i, c[11].i, c[12].i, c[13].i};
	return u->row(u->ctx, &row);
}

bool usage_read(struct store *s, const struct usage_query *q, bool (*row)(void *ctx, const struct usage_row *row),
		void *ctx, struct err *e)
{
	struct usage_reading u = {q, row, ctx};
	struct lent_query l = {.stmt = STMT_USED_SUM,
			       .binds = {INT(q->kind), INT(q->from), INT(q->until), INT(q->width)},
			       .n_binds = 4,
			       .row = usage_on_row};
	return lent_rows(s, &l, &u, e);
}
