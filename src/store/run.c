/* run.c - background runs: the queue, the leases, the events. */
#include "store/run.h"

#include <string.h>

#include "store/look.h"
#include "store/run_now.h"

#include "base/clock.h"
#include "store/node.h"
#include "store/outbox.h"

static const struct str lost = STR("The background run is no longer held by this worker.");

/* --- the queue --- */

void store_run_put(struct store_port *p, struct store_op *op, const struct run_record *t)
{
	static const struct str full = STR("Too many background responses are queued. Please retry in a moment.");
	const struct idempotency *idem = t->idem;
	size_t bytes = 2 * ID_RND + t->request.n + 2 * t->body.n + t->first.events.n + t->continuation.n + full.n + 1;
	struct str continuation = t->continuation.p ? t->continuation : S("");
	if (idem)
		bytes += idem->route.n + idem->key.n + sizeof idem->body_hash;
	struct store_request *r = request_new(p, op, 4, 28, bytes);
	ADD(r, STMT_RUN_INSERT, INT(t->id.key), INT(t->project), BLOB(rnd_str(&t->id)), INT(t->priority),
	    INT(t->created_at), INT(t->kept), INT(t->obfuscated), INT(t->most_project), INT(t->most),
	    INT(t->due_at > t->created_at ? t->due_at : t->created_at), TEXT(continuation), INT(t->asker));
	request_must(r, ERR_BUSY, full);
	ADD(r, STMT_RUN_TEXT_INSERT, INT(t->id.key), TEXT(t->request), TEXT(t->body));
	ADD(r, STMT_RUN_EVENT_FIRST, INT(t->id.key), INT(t->first.seq), INT(t->first.n), BLOB(t->first.events));
	if (idem) {
		struct str hash = {(const char *)idem->body_hash, sizeof idem->body_hash};
		ADD(r, STMT_IDEM_ANSWER, INT(t->project), TEXT(idem->route), TEXT(idem->key), BLOB(hash), INT(t->id.key),
		    BLOB(rnd_str(&t->id)), INT(200), BLOB(t->body), INT(clock_wall_s()));
	}
	request_send(r);
}

/* A project with runs that are due. */
struct share {
	int64_t project, room;
	int64_t over; /* of those whose time is over, how many were found */
	bool rest;    /* these are all: now the others */
	bool out;     /* it has no more */
};

/* A walk over rows of (key, rnd, project). */
struct finding {
	struct look look;
	struct run_query q;
	struct run_list *ret;
	struct run_place *at;
	size_t n;
	struct share *shares;
	size_t n_shares;
	int64_t project;
};

enum { NO_PROJECT = -1 };

static bool on_place(void *ctx, const struct cell *cells)
{
	struct finding *f = ctx;
	struct run_place *place = &f->at[f->n];
	if (cells[1].s.n != ID_RND)
		return true;
	*place = (struct run_place){.id.key = cells[0].i, .project = cells[2].i};
	memcpy(place->id.rnd, cells[1].s.p, ID_RND);
	return ++f->n < f->q.most;
}

static bool run_on_project(void *ctx, const struct cell *cells)
{
	struct finding *f = ctx;
	f->project = cells[0].i;
	return false;
}

static bool query(struct finding *f, enum statement stmt, int64_t arg, int64_t more, row_fn *row, struct err *e)
{
	struct bind b[] = {INT(arg), INT(more)};
	return look_query(&f->look, stmt, b, row == run_on_project ? 1 : 2, row, f, e);
}

/* The next of a project that is due: of those whose time is over, then of the others. */
static bool find_next(struct finding *f, struct share *s, int64_t round, struct err *e)
{
	struct bind b[] = {INT(s->project), INT(round), INT(f->look.now)};
	size_t before = f->n;
	if (!s->rest) {
		if (!look_query(&f->look, STMT_RUN_DUE, b, 3, on_place, f, e))
			return false;
		s->rest = f->n == before;
		s->over += !s->rest;
	}
	b[1] = (struct bind)INT(round - s->over);
	if (s->rest && !look_query(&f->look, STMT_RUN_QUEUED, b, 3, on_place, f, e))
		return false;
	s->out = f->n == before;
	return true;
}

static int64_t run_room_of(const struct run_query *q, int64_t project)
{
	for (size_t i = 0; i < q->n_rooms; i++)
		if (q->rooms[i].project == project)
			return q->rooms[i].room;
	return q->room;
}

/* The projects that have room, once around from the one after whose turn was last. A step is one look into the index;
 * those without room are no more than run already. */
static bool find_shares(struct finding *f, struct err *e)
{
	int64_t at = f->q.after;
	bool wrapped = false;
	while (f->n_shares < f->q.most) {
		f->project = NO_PROJECT;
		if (!query(f, STMT_RUN_PROJECT, at, 0, run_on_project, e))
			return false;
		bool around = f->project == NO_PROJECT || (wrapped && f->project > f->q.after);
		if (around && wrapped)
			return true;
		wrapped |= around;
		at = f->project;
		int64_t room = around ? 0 : run_room_of(&f->q, at);
		if (room > 0)
			f->shares[f->n_shares++] = (struct share){.project = at, .room = room};
	}
	return true;
}

/* The first due of each project, then the second of each, and so on: a project waits for the others' turns, not for the
 * end of their queues. */
static bool find_due(struct finding *f, struct err *e)
{
	bool any = true;
	if (f->q.all <= 0)
		return true;
	if (!find_shares(f, e))
		return false;
	for (int64_t round = 0; any; round++) {
		any = false;
		for (size_t i = 0; i < f->n_shares && f->n < f->q.most; i++) {
			struct share *s = &f->shares[i];
			if (s->out || round >= s->room)
				continue;
			if (!find_next(f, s, round, e))
				return false;
			any |= !s->out;
		}
	}
	return true;
}

static bool find_runs(struct look *l, struct err *e)
{
	struct finding *f = OWNER(l, struct finding, look);
	int64_t most = (int64_t)f->q.most;
	*f->ret = (struct run_list){.due = new_array(l->arena, struct run_place, f->q.most),
				    .urgent = new_array(l->arena, struct run_place, f->q.most)};
	f->shares = new_array(&l->own, struct share, f->q.most);
	f->at = f->ret->urgent;
	if (!query(f, STMT_RUN_LOST, l->now, most, on_place, e) ||
	    (f->n < f->q.most && !query(f, STMT_RUN_LATE, f->q.late, most, on_place, e)))
		return false;
	f->ret->n_urgent = f->n;
	f->at = f->ret->due;
	f->n = 0;
	if (!find_due(f, e))
		return false;
	f->ret->n_due = f->n;
	return true;
}

void store_run_find(struct store_port *p, struct store_op *op, const struct run_query *q, struct arena *a,
		    struct run_list *ret)
{
	struct finding *f = look_new(p, op, sizeof *f, 0, a);
	*ret = (struct run_list){0};
	f->ret = look_out(&f->look, ret, sizeof *ret);
	f->q = *q;
	f->q.rooms = look_copy(&f->look, q->rooms, q->n_rooms * sizeof *q->rooms);
	look_start(&f->look, find_runs);
}

/* --- events --- */

struct batches {
	struct arena *arena;
	struct run_batch *at;
	size_t n, cap, bytes, most;
};

static bool on_batch(void *ctx, const struct cell *cells)
{
	struct batches *b = ctx;
	if (b->n == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 16;
		struct run_batch *more = new_array(b->arena, struct run_batch, cap);
		if (b->n)
			memcpy(more, b->at, b->n * sizeof *more);
		b->at = more;
		b->cap = cap;
	}
	b->at[b->n++] = (struct run_batch){cells[0].i, cells[1].i, str_copy(b->arena, cells[2].s)};
	b->bytes += cells[2].s.n;
	return b->bytes < b->most;
}

static bool read_batches(struct look *l, int64_t from, struct batches *b, struct err *e)
{
	struct bind binds[] = {INT(l->id.key), INT(from)};
	return look_query(l, STMT_RUN_EVENTS, binds, 2, on_batch, b, e);
}

struct following {
	struct look look;
	int64_t from;
	size_t most;
	struct run_events *ret;
};

static bool read_events(struct look *l, struct err *e)
{
	struct following *f = OWNER(l, struct following, look);
	struct batches b = {.arena = l->arena, .most = f->most};
	struct run_now run = {0};
	if (id_parse(l->text, "resp", &l->id) &&
	    (!run_look(l, &l->id, &run, e) || (run.found && !read_batches(l, f->from, &b, e))))
		return false;
	if (!run.found)
		return not_found(e, l->text);
	*f->ret = (struct run_events){b.at, b.n, run.ended && b.bytes < f->most};
	return true;
}

void store_run_read(struct store_port *p, struct store_op *op, int64_t project, struct str id, int64_t from, size_t most,
		    struct arena *a, struct run_events *ret)
{
	struct following *f = look_new(p, op, sizeof *f, project, a);
	*ret = (struct run_events){0};
	f->look.text = look_str(&f->look, id);
	f->from = from;
	f->most = most;
	f->ret = look_out(&f->look, ret, sizeof *ret);
	look_start(&f->look, read_events);
}

/* --- the worker's verbs --- */

struct claiming {
	struct look look;
	struct claimed_run *ret;
};

static bool run_on_text(void *ctx, const struct cell *cells)
{
	struct claiming *c = ctx;
	c->ret->request = str_copy(c->look.arena, cells[0].s);
	return false;
}

static bool read_claimed(struct look *l, struct err *e)
{
	struct claiming *c = OWNER(l, struct claiming, look);
	struct batches b = {.arena = l->arena, .most = SIZE_MAX};
	struct bind key = INT(l->id.key);
	struct run_now run;
	if (!run_look(l, &l->id, &run, e) || !look_query(l, STMT_RUN_TEXT_GET, &key, 1, run_on_text, c, e) ||
	    !read_batches(l, 0, &b, e))
		return false;
	c->ret->created_at = run.created_at;
	c->ret->tries = run.tries;
	c->ret->kept = run.kept;
	c->ret->asker = run.asker;
	c->ret->batches = b.at;
	c->ret->n_batches = b.n;
	return c->ret->request.p || fail(e, ERR_STORE, NULL, "The store lacks the request of a background run.");
}

/* It is written: nothing else is to be sent. */
static bool is_claimed(struct look *l, struct err *e)
{
	request_free(l->write);
	l->write = NULL;
	return true;
}

/* Ours by now: nobody else writes to it, so this may be another snapshot. */
static bool run_claimed(struct store_request *r)
{
	const struct bind *b = r->changes[0].binds;
	if (r->apply.err)
		return true;
	struct claiming *c = look_new(r->port, NULL, sizeof *c, b[1].i, r->arena);
	c->look.id.key = b[0].i;
	memcpy(c->look.id.rnd, b[5].s.p, ID_RND);
	c->ret = look_out(&c->look, r->ret, sizeof *c->ret);
	return look_after(&c->look, r, read_claimed, is_claimed);
}

void store_run_claim(struct store_port *p, struct store_op *op, const struct run_place *place, int64_t holder,
		     int64_t lease_until, struct arena *a, struct claimed_run *ret)
{
	struct store_request *r = request_new(p, op, 2, 10, ID_RND + lost.n + 1);
	ADD(r, STMT_RUN_CLAIM, INT(place->id.key), INT(place->project), INT(holder), INT(lease_until),
	    INT(clock_wall_s()), BLOB(rnd_str(&place->id)), INT(p->store->node->number),
	    INT(p->store->node->incarnation));
	request_must(r, ERR_CONFLICT, lost);
	ADD(r, STMT_RUN_RELATED, INT(place->id.key), INT(place->project));
	*ret = (struct claimed_run){0};
	r->settle = run_claimed;
	r->ret = ret;
	r->arena = a;
	request_send(r);
}

void store_run_leave(struct store_port *p, int64_t key, int64_t holder)
{
	struct store_request *r = request_new(p, NULL, 1, 2, 0);
	ADD(r, STMT_RUN_LEAVE, INT(key), INT(holder));
	request_send(r);
}

void store_run_keep(struct store_port *p, struct store_op *op, int64_t holder, int64_t lease_until)
{
	struct store_request *r = request_new(p, op, 1, 2, 0);
	ADD(r, STMT_RUN_KEEP, INT(holder), INT(lease_until));
	request_send(r);
}

static void add_events(struct store_request *r, int64_t key, int64_t holder, const struct run_batch *b)
{
	ADD(r, STMT_RUN_EVENT_INSERT, INT(key), INT(holder), INT(b->seq), INT(b->n), BLOB(b->events));
	request_must(r, ERR_CONFLICT, lost);
}

void store_run_append(struct store_port *p, struct store_op *op, int64_t key, int64_t holder, const struct run_batch *b,
		      struct str body)
{
	struct store_request *r = request_new(p, op, 2, 7, b->events.n + body.n + lost.n + 1);
	add_events(r, key, holder, b);
	if (body.n)
		ADD(r, STMT_RUN_TEXT_BODY, INT(key), TEXT(body));
	request_send(r);
}

void store_run_end(struct store_port *p, struct store_op *op, const struct run_end *end, const struct turn_record *t)
{
	char id[ID_MAX];
	struct record_room room = {3 + OUTBOX_CHANGES, 11 + OUTBOX_BINDS, end->last.events.n + end->body.n + t->status.n +
									      2 * (lost.n + 1) + outbox_bytes(end->event)};
	struct store_request *r = record_request(p, op, t, room);
	if (!r)
		return;
	add_events(r, t->id.key, end->holder, &end->last);
	ADD(r, STMT_RUN_END, INT(t->id.key), INT(end->holder), TEXT(t->status), INT(end->expires_at));
	request_must(r, ERR_CONFLICT, lost);
	ADD(r, STMT_RUN_TEXT_END, INT(t->id.key), TEXT(end->body));
	outbox_add(r, t->project, end->event, id_text(id, "resp", &t->id));
	request_send(r);
}
