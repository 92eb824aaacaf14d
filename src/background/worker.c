/* worker.c - a loop's worker: finds background runs, claims them, keeps its leases. */
#include <sodium.h>

#include "background/background.h"
#include "background/runs.h"
#include "background/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/nodes.h"

enum { FIND_MOST = 64, AGAIN_MS = 1000 };

/* A run that is being claimed. */
struct claim {
	struct arena arena; /* becomes the turn's */
	struct claim *next, *prev;
	struct api_loop *api;
	struct store_op op;
	struct run_place place;
	struct claimed_run got;
};

struct worker {
	struct api_loop *api;
	int64_t holder;
	struct timer tick;
	struct deferred wake;
	struct store_op find, keep;
	struct run_query query;
	struct arena page;
	struct run_list found;
	struct claim *claims;
	bool again; /* woken while it was looking */
};

/* --- claiming --- */

static void claim_unlink(struct claim *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		c->api->worker->claims = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

static void on_claimed(struct store_op *op, const struct err *e)
{
	struct claim *c = OWNER(op, struct claim, op);
	struct api_loop *al = c->api;
	struct arena a = c->arena; /* the claim itself lives in it */
	claim_unlink(c);
	if (e->code == ERR_NONE) {
		run_begin(al, &a, &c->place, &c->got, al->worker->holder);
		return;
	}
	if (e->code != ERR_CONFLICT) {
		log_at(LOG_ERROR, "a background response could not be taken", "error=\"%s\"", e->msg);
		/* Else this loop's heartbeat would keep it for ever, and nobody work on it. */
		store_run_leave(al->store, c->place.id.key, al->worker->holder);
		timer_start(al->loop, &al->worker->tick, AGAIN_MS, al->worker->tick.fire);
	}
	runs_give_back(al->api->runs, c->place.id.key);
	arena_free(&a);
}

static bool take(struct api_loop *al, const struct run_place *place, bool urgent)
{
	struct worker *w = al->worker;
	if (!runs_take(al->api->runs, place->id.key, place->project, urgent))
		return false;
	struct arena a = {0};
	struct claim *c = new(&a, struct claim);
	c->arena = a;
	c->api = al;
	c->place = *place;
	c->op.done = on_claimed;
	c->next = w->claims;
	if (c->next)
		c->next->prev = c;
	w->claims = c;
	store_run_claim(al->store, &c->op, &c->place, w->holder, clock_wall_s() + api_limits.lease_seconds, &c->arena, &c->got);
	return true;
}

void worker_take(struct api_loop *al, const struct run_place *place)
{
	take(al, place, true);
}

/* --- looking for work --- */

static void worker_look(struct deferred *d);

static void worker_on_found(struct store_op *op, const struct err *e)
{
	struct worker *w = OWNER(op, struct worker, find);
	struct api_loop *al = w->api;
	size_t taken = 0;
	if (atomic_load(&al->api->draining))
		return;
	for (size_t i = 0; e->code == ERR_NONE && i < w->found.n_urgent; i++)
		taken += take(al, &w->found.urgent[i], true);
	for (size_t i = 0; e->code == ERR_NONE && i < w->found.n_due; i++)
		taken += take(al, &w->found.due[i], false);
	bool full = w->found.n_urgent == FIND_MOST || w->found.n_due == FIND_MOST;
	if (w->again || (full && taken))
		defer_start(al->loop, &w->wake, worker_look);
	w->again = false;
}

static void worker_look(struct deferred *d)
{
	struct worker *w = OWNER(d, struct worker, wake);
	if (w->find.request) {
		w->again = true;
		return;
	}
	arena_reset(&w->page);
	w->query = (struct run_query){.late = clock_wall_s() - api_limits.background_seconds, .most = FIND_MOST};
	w->query.rooms = runs_rooms(w->api->api->runs, &w->page, &w->query.n_rooms, &w->query.room);
	w->query.all = runs_free_places(w->api->api->runs, &w->query.after);
	w->find.done = worker_on_found;
	store_run_find(w->api->store, &w->find, &w->query, &w->page, &w->found);
}

void worker_wake(struct api_loop *al)
{
	if (!atomic_load(&al->api->draining) && !store_draining(al->api->options.store))
		defer_start(al->loop, &al->worker->wake, worker_look);
}

/* --- leases --- */

static void worker_on_kept(struct store_op *op, const struct err *e)
{
	if (e->code != ERR_NONE)
		log_at(LOG_WARN, "leases of background responses could not be renewed", "error=\"%s\"", e->msg);
}

static void worker_on_tick(struct timer *t)
{
	struct worker *w = OWNER(t, struct worker, tick);
	bool any = false;
	for (const struct turn *turn = w->api->turns; turn && !any; turn = turn->next)
		any = turn->runner;
	if (any && !w->keep.request) {
		w->keep.done = worker_on_kept;
		store_run_keep(w->api->store, &w->keep, w->holder, clock_wall_s() + api_limits.lease_seconds);
	}
	worker_wake(w->api);
	timer_start(w->api->loop, t, api_limits.lease_seconds * 1000 / 3, worker_on_tick);
}

/* --- life --- */

void worker_attach(struct api_loop *al)
{
	struct worker *w = xalloc(sizeof *w);
	w->api = al;
	randombytes_buf(&w->holder, sizeof w->holder);
	w->holder &= INT64_MAX;
	al->worker = w;
	timer_start(al->loop, &w->tick, 0, worker_on_tick);
}

void worker_detach(struct api_loop *al)
{
	struct worker *w = al->worker;
	timer_cancel(&w->tick);
	defer_cancel(&w->wake);
	store_cancel(&w->find);
	store_cancel(&w->keep);
	while (w->claims) {
		struct claim *c = w->claims;
		struct arena a = c->arena;
		claim_unlink(c);
		store_cancel(&c->op);
		runs_give_back(al->api->runs, c->place.id.key);
		arena_free(&a);
	}
	arena_free(&w->page);
	al->worker = NULL;
	xfree(w);
}
