/* outbox.c - what webhook endpoints still have to be told. */
#include "store/outbox.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/look.h"

enum { TYPE_MAX = 64 };

/* --- in --- */

size_t outbox_bytes(const struct webhook_event *ev)
{
	return ev ? ID_RND + 3 * (ev->type.n + 2) + ID_MAX : 0;
}

void outbox_add(struct store_request *r, int64_t project, const struct webhook_event *ev, struct str subject)
{
	char quoted[TYPE_MAX + 3];
	if (!ev)
		return;
	assert(ev->type.n <= TYPE_MAX && subject.n < ID_MAX && ev->most > 0);
	/* An endpoint's types are a JSON array of plain words. */
	struct str wanted = {quoted, (size_t)snprintf(quoted, sizeof quoted, "\"%.*s\"", FMT(ev->type))};
	int64_t now = clock_wall_us();
	ADD(r, STMT_WEBHOOK_DROP, INT(project), TEXT(wanted), INT(ev->most - 1));
	ADD(r, STMT_DELIVERY_INSERT, INT(project), TEXT(wanted), INT(ev->most - 1), INT(ev->id.key), BLOB(rnd_str(&ev->id)),
	    TEXT(ev->type), TEXT(subject), INT(now / 1000000), INT(now / 1000));
}

/* --- what is due --- */

struct finding {
	struct look look;
	struct delivery_query q;
	struct delivery_list *ret;
	int64_t endpoint;
	size_t room; /* of that endpoint */
};

static bool outbox_query(struct finding *f, enum statement stmt, const struct bind *b, unsigned n, row_fn *row,
			 struct err *e)
{
	return look_query(&f->look, stmt, b, n, row, f, e);
}

static size_t outbox_room_of(const struct delivery_query *q, int64_t endpoint)
{
	size_t n = 0;
	for (size_t i = 0; i < q->n_under_way; i++)
		n += q->under_way[i].endpoint == endpoint;
	return n < q->most_endpoint ? q->most_endpoint - n : 0;
}

static bool is_under_way(const struct delivery_query *q, int64_t endpoint, int64_t event)
{
	for (size_t i = 0; i < q->n_under_way; i++)
		if (q->under_way[i].endpoint == endpoint && q->under_way[i].event == event)
			return true;
	return false;
}

static bool on_due(void *ctx, const struct cell *cells)
{
	struct finding *f = ctx;
	struct delivery *d = &f->ret->at[f->ret->n];
	if (is_under_way(&f->q, f->endpoint, cells[0].i))
		return true;
	*d = (struct delivery){.event.key = cells[0].i,
			       .endpoint.key = f->endpoint,
			       .project = cells[2].i,
			       .created_at = cells[5].i,
			       .tries = cells[6].i,
			       .dropped = cells[11].i,
			       .since = cells[12].i ? cells[12].i : cells[5].i};
	if (cells[1].s.n == ID_RND)
		memcpy(d->event.rnd, cells[1].s.p, ID_RND);
	if (cells[7].s.n == ID_RND)
		memcpy(d->endpoint.rnd, cells[7].s.p, ID_RND);
	d->type = str_copy(f->look.arena, cells[3].s);
	d->subject = str_copy(f->look.arena, cells[4].s);
	d->url = str_copy(f->look.arena, cells[8].s);
	d->secret = str_copy(f->look.arena, cells[9].s);
	d->old_secret = str_copy(f->look.arena, cells[10].s);
	return ++f->ret->n < f->q.most && --f->room > 0;
}

static bool on_endpoint(void *ctx, const struct cell *cells)
{
	((struct finding *)ctx)->endpoint = cells[0].i;
	return false;
}

/* The endpoints behind `from` up to `to`, each as far as it has room. */
static bool find_between(struct finding *f, int64_t from, int64_t to, struct err *e)
{
	for (int64_t before = from; f->ret->n < f->q.most;) {
		struct bind b = INT(before);
		f->endpoint = before;
		if (!outbox_query(f, STMT_DELIVERY_ENDPOINT, &b, 1, on_endpoint, e))
			return false;
		if (f->endpoint == before || f->endpoint > to)
			break;
		before = f->endpoint;
		f->room = outbox_room_of(&f->q, before);
		struct bind due[] = {INT(before), INT(f->q.now_ms), INT(f->q.now_ms / 1000)};
		if (f->room && !outbox_query(f, STMT_DELIVERY_DUE, due, 3, on_due, e))
			return false;
	}
	return true;
}

static bool outbox_on_next(void *ctx, const struct cell *cells)
{
	((struct finding *)ctx)->ret->next_ms = cells[0].i;
	return false;
}

static bool outbox_find(struct look *l, struct err *e)
{
	struct finding *f = OWNER(l, struct finding, look);
	*f->ret = (struct delivery_list){.at = new_array(l->arena, struct delivery, f->q.most + 1)};
	struct bind now = INT(f->q.now_ms);
	return find_between(f, f->q.after, INT64_MAX, e) && find_between(f, 0, f->q.after, e) &&
	       outbox_query(f, STMT_DELIVERY_NEXT, &now, 1, outbox_on_next, e);
}

void store_find_deliveries(struct store_port *p, struct store_op *op, const struct delivery_query *q, struct arena *a,
			   struct delivery_list *ret)
{
	struct finding *f = look_new(p, op, sizeof *f, 0, a);
	*ret = (struct delivery_list){0};
	f->q = *q;
	f->q.under_way = look_copy(&f->look, q->under_way, q->n_under_way * sizeof *q->under_way);
	f->ret = look_out(&f->look, ret, sizeof *ret);
	look_start(&f->look, outbox_find);
}

/* --- out --- */

void store_end_delivery(struct store_port *p, struct store_op *op, const struct delivery *d, const struct delivery_end *how)
{
	struct store_request *r = request_new(p, op, 3, 10, how->fault.n);
	struct str fault = how->fault.p ? how->fault : S("");
	int64_t endpoint = d->endpoint.key, event = d->event.key;
	if (how->due_ms) {
		ADD(r, STMT_DELIVERY_LATER, INT(endpoint), INT(event), INT(how->due_ms), INT(how->answer), TEXT(fault));
	} else {
		ADD(r, STMT_PAST_INSERT, INT(endpoint), INT(event), INT(clock_wall_s()), INT(how->delivered), INT(how->answer),
		    TEXT(fault));
		ADD(r, STMT_DELIVERY_DONE, INT(endpoint), INT(event));
		ADD(r, STMT_PAST_TRIM, INT(endpoint), INT(store_limits.past_deliveries));
	}
	request_send(r);
}
