/* hedge.c - a second request, to another engine of the fleet, when the first byte of an answer does not come. */
#include "engine/hedge.h"

#include <string.h>

#include "engine/chat_error.h"
#include "fleet/limits.h"
#include "measure/measure.h"

enum {
	CALLS_KEPT = 1000, /* the share of hedges is of about so many calls */
	STEP = 8,          /* a part of the estimate, by which it moves */
};

struct hedge {
	struct hedge_call of;
	struct timer timer;
	struct http_call http;
	struct engine *engine; /* of the second request; NULL: there is none */
	int64_t asked_ms;      /* when the request went out that is heard; `second_ms`: when the second did */
	int64_t second_ms;
};

void hedge_heard(const struct hedge *h)
{
	if (!h)
		return;
	struct engine *g = *h->of.engine;
	int64_t us = (loop_now_ms(h->of.loop) - h->asked_ms) * 1000;
	pthread_mutex_lock(&g->all->lock);
	/* It rests where 1 of 20 calls takes longer: a step up is 19 times one down. */
	int64_t down = g->first_us / STEP / 20 + 1;
	if (!g->first_us)
		g->first_us = us + 1;
	else
		g->first_us += us > g->first_us ? 19 * down : -down;
	pthread_mutex_unlock(&g->all->lock);
}

/* Counts a call; once it is due, whether one more may be hedged. With the lock held. */
static void hedge_count(struct fleet *f)
{
	if (++f->calls < CALLS_KEPT)
		return;
	f->calls /= 2;
	f->hedges /= 2;
}

static bool hedge_affordable(const struct fleet *f)
{
	return (f->hedges + 1) * 100 <= f->calls * fleet_limits.hedge_percent;
}

/* Of those that take the very same request. Padding that differs costs a hedge at most. */
static struct engine *hedge_second(const struct hedge *h)
{
	struct engine *first = *h->of.engine, *ret = NULL;
	struct fleet *f = first->fleet;
	struct slot_ask ask = h->of.route->ask;
	for (size_t i = 0; i < f->n; i++) {
		const struct engine *g = &f->seats[i];
		if (g == first || memcmp(&g->traits, &first->traits, sizeof g->traits) ||
		    memcmp(&g->facts.caps, &first->facts.caps, sizeof g->facts.caps) || g->facts.context != first->facts.context)
			ask.tried |= (uint64_t)1 << i;
	}
	if (hedge_affordable(f) && (ret = slot_spare(f, &ask)))
		f->hedges++;
	return ret;
}

static void hedge_give(struct hedge *h, enum slot_end end)
{
	struct engine *g = h->engine;
	h->engine = NULL;
	if (g)
		slot_give(g, -1, end);
}

static void hedge_on_head(struct http_call *call, int status)
{
	struct hedge *h = OWNER(call, struct hedge, http);
	struct http_call *first = h->of.first;
	if (status != 200 || !chat_may_answer(http_call_header(call, S("content-type")))) {
		http_call_cancel(call);
		hedge_give(h, status >= 500 ? SLOT_FAILED : SLOT_UNSAID);
		return;
	}
	http_call_cancel(first);
	route_give(h->of.route, *h->of.engine, -1);
	*h->of.engine = h->engine;
	h->of.route->has_slot = true;
	h->engine = NULL;
	h->asked_ms = h->second_ms;
	http_call_take(first, call);
	if (*h->of.paused)
		http_call_pause(first);
	first->on_head(first, status);
}

static void hedge_on_body(struct http_call *call, struct str bytes)
{
	(void)call, (void)bytes; /* of none: with its head it was taken over, or cancelled */
}

static void hedge_on_end(struct http_call *call, const struct err *e)
{
	(void)e; /* the first request is still under way, and tells what becomes of the call */
	hedge_give(OWNER(call, struct hedge, http), SLOT_FAILED);
}

static void hedge_on_time(struct timer *t)
{
	struct hedge *h = OWNER(t, struct hedge, timer);
	struct fleet *f = (*h->of.engine)->fleet;
	if (*h->of.paused)
		return; /* its reader is the slow one */
	pthread_mutex_lock(&f->all->lock);
	struct engine *g = h->engine = hedge_second(h);
	pthread_mutex_unlock(&f->all->lock);
	if (!g)
		return;
	MEASURE(ENGINE_CHOICES, 1, measure_label(LABEL_TYPE, S("hedge")));
	h->second_ms = loop_now_ms(h->of.loop);
	h->http = (struct http_call){.on_head = hedge_on_head,
				     .on_body = hedge_on_body,
				     .on_end = hedge_on_end,
				     .connect_ms = g->config.connect_ms,
				     .first_byte_ms = g->config.first_byte_ms,
				     .idle_ms = g->config.idle_ms,
				     .total_ms = g->config.total_ms};
	struct str headers = str_fmt(h->of.arena, "%.*s%.*s", FMT(g->seat.headers), FMT(h->of.headers));
	http_call_start(h->of.client, &h->http, &g->seat.target, METHOD_POST,
			http_target_path(h->of.arena, &g->seat.target, S("/v1/chat/completions")), headers, h->of.body);
}

struct hedge *hedge_arm(const struct hedge_call *c)
{
	struct engine *g = *c->engine;
	if (!fleet_limits.hedge_percent || g->fleet->n == 1 || c->route->ask.low)
		return NULL;
	pthread_mutex_lock(&g->all->lock);
	hedge_count(g->fleet);
	int64_t ms = g->first_us / 1000;
	pthread_mutex_unlock(&g->all->lock);
	struct hedge *h = new (c->arena, struct hedge);
	h->of = *c;
	h->asked_ms = loop_now_ms(c->loop);
	timer_start(c->loop, &h->timer, ms > fleet_limits.hedge_ms ? ms : fleet_limits.hedge_ms, hedge_on_time);
	return h;
}

void hedge_drop(struct hedge *h)
{
	if (!h)
		return;
	timer_cancel(&h->timer);
	http_call_cancel(&h->http);
	hedge_give(h, SLOT_UNSAID);
}
