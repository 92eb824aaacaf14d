/* past_delivery.c - deliveries of webhooks that are over. */
#include "store/past_delivery.h"

#include <string.h>

#include "base/clock.h"
#include "store/lend.h"
#include "store/request.h"
#include "store/sealed.h"

enum { QUOTED = 200 };

struct past_reading {
	struct store *store;
	struct arena *arena;
	int64_t project, endpoint, before, limit;
	const struct id *id; /* whose random part is compared */
	bool found;
	struct past_deliveries *ret;
};

static bool past_query(struct past_reading *p, struct db_reader *r, enum statement stmt, const struct bind *b,
		       unsigned n, row_fn *row, struct err *e)
{
	return sealed_query(p->store, r, stmt, b, n, row, p, e);
}

/* --- the list --- */

static bool past_on_endpoint(void *ctx, const struct cell *cells)
{
	struct past_reading *p = ctx;
	p->found = rnd_equal(cells[1].s, p->id);
	return false;
}

static bool past_on_row(void *ctx, const struct cell *cells)
{
	struct past_reading *p = ctx;
	struct past_deliveries *all = p->ret;
	if (all->n == (size_t)p->limit) {
		all->next = all->list[all->n - 1].event.key;
		return false;
	}
	struct past_delivery *d = &all->list[all->n++];
	*d = (struct past_delivery){.event.key = cells[0].i,
				    .type = str_copy(p->arena, cells[2].s),
				    .subject = str_copy(p->arena, cells[3].s),
				    .created_at = cells[4].i,
				    .ended_at = cells[5].i,
				    .due_ms = cells[6].i,
				    .tries = cells[7].i,
				    .delivered = cells[8].i,
				    .answer = cells[9].i,
				    .fault = str_copy(p->arena, cells[10].s)};
	if (cells[1].s.n == ID_RND)
		memcpy(d->event.rnd, cells[1].s.p, ID_RND);
	return true;
}

static bool past_read_list(struct db_reader *r, void *ctx, struct err *e)
{
	struct past_reading *p = ctx;
	struct bind endpoint[] = {INT(p->endpoint), INT(p->project), INT(0)};
	struct bind page[] = {INT(p->endpoint), INT(p->before), INT(p->limit + 1)};
	return past_query(p, r, STMT_WEBHOOK_GET, endpoint, 3, past_on_endpoint, e) &&
	       (!p->found || past_query(p, r, STMT_PAST_LIST, page, 3, past_on_row, e));
}

bool past_delivery_list(struct store *s, int64_t project, struct str endpoint, int64_t before, int64_t limit,
			struct arena *a, struct past_deliveries *ret, struct err *e)
{
	struct id id;
	*ret = (struct past_deliveries){.list = new_array(a, struct past_delivery, (size_t)limit)};
	struct past_reading p = {.store = s,
				 .arena = a,
				 .project = project,
				 .before = before ? before : INT64_MAX,
				 .limit = limit,
				 .id = &id,
				 .ret = ret};
	bool ours = id_parse(endpoint, "whe", &id);
	p.endpoint = ours ? id.key : 0;
	if (ours && !lent_read(s, past_read_list, &p, e))
		return false;
	return p.found || fail(e, ERR_NOT_FOUND, NULL, "Webhook endpoint with id '%.*s' not found.",
			       (int)(endpoint.n < QUOTED ? endpoint.n : QUOTED), endpoint.p);
}

/* --- once more --- */

static bool past_on_event(void *ctx, const struct cell *cells)
{
	struct past_reading *p = ctx;
	p->found = rnd_equal(cells[0].s, p->id) && cells[1].i == p->project;
	return false;
}

static bool past_find(struct past_reading *p, enum statement stmt, struct err *e)
{
	struct lent_query q = {
	    .stmt = stmt, .binds = {INT(p->endpoint), INT(p->id->key)}, .n_binds = 2, .row = past_on_event};
	return lent_rows(p->store, &q, p, e);
}

static bool past_send(struct past_reading *p, bool waits, struct err *e)
{
	int64_t ms = clock_wall_us() / 1000;
	struct str moved = S("This delivery has just ended: look again.");
	struct store_request *r = request_new(NULL, NULL, 2, 6, moved.n + 1);
	if (waits) {
		ADD(r, STMT_DELIVERY_NOW, INT(p->endpoint), INT(p->id->key), INT(ms));
		request_must(r, ERR_CONFLICT, moved);
	} else {
		ADD(r, STMT_PAST_AGAIN, INT(p->endpoint), INT(p->id->key), INT(ms), INT(ms / 1000));
		request_must(r, ERR_CONFLICT, moved);
		ADD(r, STMT_PAST_DROP, INT(p->endpoint), INT(p->id->key));
	}
	return store_write(p->store, r, e);
}

bool past_delivery_again(struct store *s, int64_t project, struct str endpoint, struct str event, struct err *e)
{
	struct id whe, evt;
	struct past_reading p = {.store = s, .project = project, .id = &evt};
	if (id_parse(endpoint, "whe", &whe) && id_parse(event, "evt", &evt)) {
		p.endpoint = whe.key;
		if (!past_find(&p, STMT_DELIVERY_GET, e))
			return false;
		if (p.found)
			return past_send(&p, true, e);
		if (!past_find(&p, STMT_PAST_GET, e))
			return false;
		if (p.found)
			return past_send(&p, false, e);
	}
	return fail(e, ERR_NOT_FOUND, NULL, "No delivery of '%.*s' to this endpoint is kept.",
		    (int)(event.n < QUOTED ? event.n : QUOTED), event.p);
}
