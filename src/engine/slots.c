/* slots.c - the queue in front of an engine's slots, shared by all loops.
 *
 * An engine's own queue is unbounded and sends no byte while one waits in it, so ours stands before it and
 * never lets in more than the engine has slots. */
#include <assert.h>

#include "base/clock.h"
#include "engine/slots.h"

enum { RETRY_LEAST_MS = 1000, RETRY_MOST_MS = 60000, MEAN_WEIGHT = 8 };

/* Heap: between the grant and run() it belongs to the other thread's loop. */
struct ticket {
	struct post post;
	struct engine *engine;
	struct loop *loop;
	void (*granted)(void *ctx); /* NULL: its owner is gone */
	void *ctx;
	struct ticket *next;
	bool low;
	bool waiting; /* in the queue; under the lock */
};

int64_t slots_of(const struct engine *g)
{
	if (g->config.concurrency)
		return g->config.concurrency;
	return g->facts.slots ? g->facts.slots : engine_limits.concurrency;
}

/* May calls go to the engine? One that loads is waited for; one that nobody watches is simply tried. */
static bool gate_open(const struct engine *g)
{
	if (g->state == ENGINE_UNKNOWN)
		return !g->all->watcher;
	return g->state != ENGINE_LOADING;
}

int engine_retry_ms(const struct engine *g)
{
	int64_t each = g->mean_ms ? g->mean_ms : RETRY_LEAST_MS, ms = each * (g->waiting + 1) / slots_of(g);
	return (int)(ms < RETRY_LEAST_MS ? RETRY_LEAST_MS : ms > RETRY_MOST_MS ? RETRY_MOST_MS : ms);
}

static void slots_on_granted(struct post *p)
{
	struct ticket *t = OWNER(p, struct ticket, post);
	struct engine *g = t->engine;
	void (*granted)(void *) = t->granted;
	void *ctx = t->ctx;
	xfree(t);
	if (granted)
		granted(ctx);
	else
		slot_give(g, -1); /* nobody wants it any more */
}

/* One place more or less in the queue that is bounded. */
static void slots_count(struct engine *g, bool low, int n)
{
	if (!low)
		g->waiting += n;
}

void slots_pump(struct engine *g)
{
	while ((g->queues[0].first || g->queues[1].first) && gate_open(g) && g->busy < slots_of(g)) {
		bool low = !g->queues[0].first;
		struct slot_queue *q = &g->queues[low];
		struct ticket *t = q->first;
		q->first = t->next;
		if (!q->first)
			q->last = &q->first;
		t->waiting = false;
		slots_count(g, low, -1);
		g->busy++;
		t->post.run = slots_on_granted;
		loop_post(t->loop, &t->post);
	}
}

static struct ticket *ticket_new(struct engine *g, struct loop *l, const struct slot_ask *ask)
{
	struct slot_queue *q = &g->queues[ask->low];
	struct ticket *t = xalloc(sizeof *t);
	*t = (struct ticket){.engine = g, .loop = l, .granted = ask->granted, .ctx = ask->ctx, .low = ask->low, .waiting = true};
	if (ask->front) {
		t->next = q->first;
		if (!q->first)
			q->last = &t->next;
		q->first = t;
	} else {
		*q->last = t;
		q->last = &t->next;
	}
	slots_count(g, ask->low, 1);
	return t;
}

enum slot_answer slot_take(struct engine *g, struct loop *l, const struct slot_ask *ask, struct ticket **ret, struct err *e)
{
	enum slot_answer answer = SLOT_WAIT;
	*ret = NULL;
	pthread_mutex_lock(&g->all->lock);
	bool first = !g->queues[0].first && (!ask->low || !g->queues[1].first);
	if (first && gate_open(g) && g->busy < slots_of(g)) {
		g->busy++;
		answer = SLOT_YOURS;
	} else if (!ask->front && !ask->low && g->waiting >= engine_limits.queue) {
		fail(e, ERR_ENGINE_BUSY, NULL, "The engine is overloaded: %lld requests are waiting already. Please try again later.",
		     (long long)g->waiting);
		e->retry_after_ms = engine_retry_ms(g);
		answer = SLOT_FULL;
	} else {
		*ret = ticket_new(g, l, ask);
	}
	pthread_mutex_unlock(&g->all->lock);
	return answer;
}

void slot_forget(struct engine *g, struct ticket *t)
{
	pthread_mutex_lock(&g->all->lock);
	bool waiting = t->waiting;
	if (waiting) {
		struct slot_queue *q = &g->queues[t->low];
		struct ticket **at = &q->first;
		while (*at != t)
			at = &(*at)->next;
		*at = t->next;
		if (q->last == &t->next)
			q->last = at;
		slots_count(g, t->low, -1);
	}
	pthread_mutex_unlock(&g->all->lock);
	if (waiting)
		xfree(t);
	else
		t->granted = NULL; /* on its way to this very thread */
}

void slot_give(struct engine *g, int64_t ms)
{
	pthread_mutex_lock(&g->all->lock);
	assert(g->busy > 0);
	g->busy--;
	if (ms >= 0)
		g->mean_ms = g->mean_ms ? g->mean_ms + (ms - g->mean_ms) / MEAN_WEIGHT : ms + 1;
	slots_pump(g);
	pthread_mutex_unlock(&g->all->lock);
}
