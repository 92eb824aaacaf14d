/* slots.c - the queue in front of an engine's slots, shared by all loops.
 *
 * An engine's own queue is unbounded and sends no byte while one waits in it, so ours stands before it and
 * never lets in more than the engine has slots. */
#include <assert.h>

#include "base/clock.h"
#include "engine/table.h"

enum { RETRY_LEAST_MS = 1000, RETRY_MOST_MS = 60000, MEAN_WEIGHT = 8 };

/* Heap: between the grant and run() it belongs to the other thread's loop. */
struct ticket {
	struct post post;
	struct engine *engine;
	struct loop *loop;
	void (*granted)(void *ctx); /* NULL: its owner is gone */
	void *ctx;
	struct ticket *next;
	bool waiting; /* in the queue; under the lock */
};

static int64_t slots_of(const struct engine *g)
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

void slots_pump(struct engine *g)
{
	while (g->first && gate_open(g) && g->busy < slots_of(g)) {
		struct ticket *t = g->first;
		g->first = t->next;
		if (!g->first)
			g->last = &g->first;
		t->waiting = false;
		g->waiting--;
		g->busy++;
		t->post.run = slots_on_granted;
		loop_post(t->loop, &t->post);
	}
}

enum slot_answer slot_take(struct engine *g, struct loop *l, bool front, void (*granted)(void *ctx), void *ctx,
                           struct ticket **ret, struct err *e)
{
	enum slot_answer answer = SLOT_WAIT;
	*ret = NULL;
	pthread_mutex_lock(&g->all->lock);
	if (!g->first && gate_open(g) && g->busy < slots_of(g)) {
		g->busy++;
		answer = SLOT_YOURS;
	} else if (!front && g->waiting >= engine_limits.queue) {
		fail(e, ERR_ENGINE_BUSY, NULL, "The engine is overloaded: %lld requests are waiting already. Please try again later.",
		     (long long)g->waiting);
		e->retry_after_ms = engine_retry_ms(g);
		answer = SLOT_FULL;
	} else {
		struct ticket *t = xalloc(sizeof *t);
		*t = (struct ticket){.engine = g, .loop = l, .granted = granted, .ctx = ctx, .waiting = true};
		if (front) {
			t->next = g->first;
			if (!g->first)
				g->last = &t->next;
			g->first = t;
		} else {
			*g->last = t;
			g->last = &t->next;
		}
		g->waiting++;
		*ret = t;
	}
	pthread_mutex_unlock(&g->all->lock);
	return answer;
}

void slot_forget(struct engine *g, struct ticket *t)
{
	pthread_mutex_lock(&g->all->lock);
	bool waiting = t->waiting;
	if (waiting) {
		struct ticket **at = &g->first;
		while (*at != t)
			at = &(*at)->next;
		*at = t->next;
		if (g->last == &t->next)
			g->last = at;
		g->waiting--;
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
