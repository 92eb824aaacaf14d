/* route.c - the way of one call through a fleet. */
#include "engine/route.h"

#include "engine/seats.h"

enum {
	LOADING_RETRY_MS = 5000,
	BACKOFF_MS = 100, /* doubled each time */
};

/* In the order in which templates render them; white space between them does not matter. Pictures are read whole: they are most of what an engine
 * has to work on. */
static void route_message(struct prefix_maker *m, const struct prompt_message *msg)
{
	char role = (char)('0' + msg->role);
	prefix_add(m, (struct str){&role, 1});
	prefix_add(m, msg->reasoning);
	for (size_t i = 0; i < msg->n_parts; i++)
		prefix_add(m, msg->parts[i].text);
	for (size_t i = 0; i < msg->n_calls; i++) {
		prefix_add(m, msg->calls[i].name);
		prefix_add(m, msg->calls[i].arguments);
	}
	prefix_border(m);
}

/* Of tools the parameters are left out: they would have to be written first, and who has the same names and descriptions has the same. */
static const struct prefix_marks *route_marks(struct arena *a, struct str model, const struct prompt *p)
{
	struct prefix_maker m;
	struct prefix_marks *ret = new (a, struct prefix_marks);
	prefix_begin(&m, model);
	for (size_t i = 0; i < p->n_tools; i++) {
		prefix_add(&m, p->tools[i].name);
		prefix_add(&m, p->tools[i].description);
	}
	for (size_t i = 0; i < p->n; i++)
		route_message(&m, &p->messages[i]);
	*ret = prefix_end(&m, a);
	return ret;
}

struct route route_to(struct arena *a, const struct fleet *f, const struct engine_model *m, const struct prompt *p)
{
	struct route r = {.end = SLOT_UNSAID};
	if (f->n == 1)
		return r;
	if (!m->pending)
		r.ask.model = m->name;
	r.ask.marks = route_marks(a, m->name, p);
	if (p->cache_key.n)
		r.ask.key = prefix_hash(p->cache_key);
	return r;
}

void route_give(struct route *r, struct engine *g, int64_t ms)
{
	if (r->has_slot)
		slot_give(g, ms, r->end);
	else if (r->held)
		slot_let_go(g);
	r->has_slot = r->held = false;
	r->end = SLOT_UNSAID;
}

bool route_leave(struct route *r, struct engine *g, bool worked)
{
	if (worked && r->worked)
		return false;
	r->ask.tried |= (uint64_t)1 << g->at;
	if (!slot_elsewhere(g->fleet, &r->ask))
		return false;
	r->worked |= worked;
	return true;
}

int64_t route_backoff_ms(int attempts)
{
	return (int64_t)BACKOFF_MS << (attempts < 10 ? attempts : 10);
}

bool route_overdue(struct fleet *f, int64_t waited_ms, struct err *e)
{
	pthread_mutex_lock(&f->all->lock);
	bool loading = fleet_loads(f), none = fleet_empty(f);
	int retry_ms = fleet_retry_ms(f);
	pthread_mutex_unlock(&f->all->lock);
	if (loading && waited_ms >= engine_limits.start_wait * 1000) {
		fail(e, ERR_UNAVAILABLE, NULL, none ? "No engine is there for this model. Please try again later."
						    : "The model is still loading. Please try again later.");
		e->retry_after_ms = LOADING_RETRY_MS;
		return true;
	}
	if (waited_ms < engine_limits.queue_seconds * 1000)
		return false;
	fail(e, ERR_ENGINE_BUSY, NULL, "The engine is overloaded: no slot became free in %lld seconds.",
	     (long long)engine_limits.queue_seconds);
	e->retry_after_ms = retry_ms;
	return true;
}
