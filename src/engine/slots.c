/* slots.c - the queue in front of a fleet's slots, shared by all loops.
 *
 * An engine's own queue is unbounded and sends no byte while one waits in it, so ours stands before it and
 * never lets in more than the engines have slots. */
#include <assert.h>

#include "base/clock.h"
#include "engine/facts.h"
#include "engine/seats.h"
#include "engine/slots.h"
#include "fleet/choose.h"
#include "measure/measure.h"

enum { RETRY_LEAST_MS = 1000, RETRY_MOST_MS = 60000, MEAN_WEIGHT = 8 };

/* Heap: between the grant and run() it belongs to the other thread's loop. */
struct ticket {
	struct post post;
	struct fleet *fleet;
	struct engine *engine; /* granted */
	struct loop *loop;
	struct slot_ask ask; /* granted NULL: its owner is gone */
	struct ticket *next;
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
	if (!seat_open(g))
		return false;
	if (g->state == ENGINE_UNKNOWN)
		return !g->all->watcher;
	return g->state != ENGINE_LOADING;
}

static bool engine_room(const struct engine *g)
{
	return gate_open(g) && g->busy < slots_of(g);
}

bool fleet_loads(const struct fleet *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (gate_open(&f->seats[i]))
			return false;
	return true;
}

int fleet_retry_ms(const struct fleet *f)
{
	int64_t each = 0, slots = 0;
	for (size_t i = 0; i < f->n; i++) {
		const struct engine *g = &f->seats[i];
		if (!seat_open(g))
			continue;
		each = g->mean_ms > each ? g->mean_ms : each;
		slots += slots_of(g);
	}
	int64_t ms = (each ? each : RETRY_LEAST_MS) * (f->waiting + 1) / (slots ? slots : 1);
	return (int)(ms < RETRY_LEAST_MS ? RETRY_LEAST_MS : ms > RETRY_MOST_MS ? RETRY_MOST_MS : ms);
}

/* --- whom to ask --- */

/* Of a fleet, by this call: bits of engines (engine.at). */
struct standing {
	uint64_t well, left; /* well: up and not broken; left: all that are there and are not awaited */
	bool awaited;        /* one loads, or was not looked at yet */
};

static bool has_model(const struct engine *g, struct str model)
{
	return !g->facts.n_models || !model.p || engine_listing(g, model);
}

static struct standing fleet_standing(struct fleet *f, struct str model)
{
	struct standing all = {0}, with = {0};
	int64_t now_ms = clock_mono_us() / 1000;
	for (size_t i = 0; i < f->n; i++) {
		struct engine *g = &f->seats[i];
		uint64_t bit = (uint64_t)1 << i;
		if (!seat_open(g))
			continue;
		bool awaited = !gate_open(g), has = has_model(g, model);
		bool well = !awaited && g->state != ENGINE_DOWN && breaker_allows(&g->breaker, now_ms);
		all.awaited |= awaited;
		with.awaited |= awaited && has;
		all.left |= awaited ? 0 : bit;
		with.left |= awaited || !has ? 0 : bit;
		all.well |= well ? bit : 0;
		with.well |= well && has ? bit : 0;
	}
	/* A model that nobody lists any more is asked for all the same: the engine knows best. */
	return with.left || with.awaited ? with : all;
}

/* The first of the four rows of slots.h that has anybody in it. */
static uint64_t fleet_askable(struct fleet *f, const struct slot_ask *ask)
{
	struct standing s = fleet_standing(f, ask->model);
	if (s.well & ~ask->tried)
		return s.well & ~ask->tried;
	if (s.well || s.awaited)
		return s.well;
	return s.left & ~ask->tried ? s.left & ~ask->tried : s.left;
}

static void measure_choice(enum choice_reason why)
{
	static const struct str names[] = {[CHOSEN_PREFIX] = STR("prefix"), [CHOSEN_KEY] = STR("key"), [CHOSEN_LOAD] = STR("load")};
	MEASURE(ENGINE_CHOICES, 1, measure_label(LABEL_TYPE, names[why]));
}

static struct engine *fleet_pick(struct fleet *f, const struct slot_ask *ask, bool slot)
{
	struct candidate list[PREFIX_MEMBERS];
	enum choice_reason why;
	uint64_t may = fleet_askable(f, ask);
	for (size_t i = 0; i < f->n; i++) {
		const struct engine *g = &f->seats[i];
		bool able = may >> i & 1 && (!slot || g->busy < slots_of(g));
		list[i] = (struct candidate){able, g->busy + g->seat.others, g->seat.id};
	}
	struct choosing how = {f->prefixes, ask->marks, ask->key, f->turn++};
	int at = fleet_choose(&how, list, f->n, &why);
	if (at < 0)
		return NULL;
	if (slot)
		measure_choice(why);
	return &f->seats[at];
}

/* Takes a slot; NULL: none is free for this call. */
static struct engine *fleet_take(struct fleet *f, const struct slot_ask *ask)
{
	struct engine *g = f->n > 1 ? fleet_pick(f, ask, true) : engine_room(f->seats) ? f->seats : NULL;
	if (!g)
		return NULL;
	g->busy++;
	breaker_begin(&g->breaker);
	if (f->prefixes && ask->marks)
		prefixes_touch(f->prefixes, ask->marks, g->at);
	return g;
}

bool slot_elsewhere(struct fleet *f, const struct slot_ask *ask)
{
	if (f->n == 1)
		return false;
	pthread_mutex_lock(&f->all->lock);
	bool any = fleet_standing(f, ask->model).well & ~ask->tried;
	pthread_mutex_unlock(&f->all->lock);
	return any;
}

struct engine *slot_spare(struct fleet *f, const struct slot_ask *ask)
{
	bool waits = f->queues[0].first || f->queues[1].first;
	return !waits && fleet_standing(f, ask->model).well & ~ask->tried ? fleet_take(f, ask) : NULL;
}

struct engine *slot_hold(struct fleet *f, const struct slot_ask *ask)
{
	struct engine *g = f->seats;
	pthread_mutex_lock(&f->all->lock);
	if (f->n > 1)
		g = fleet_pick(f, ask, false);
	else if (g->state != ENGINE_UP && g->state != ENGINE_DOWN)
		g = NULL;
	if (g)
		g->seat.held++;
	pthread_mutex_unlock(&f->all->lock);
	return g;
}

void slot_let_go(struct engine *g)
{
	pthread_mutex_lock(&g->all->lock);
	g->seat.held--;
	seat_settle(g);
	pthread_mutex_unlock(&g->all->lock);
}

/* --- the queue --- */

static void slots_on_granted(struct post *p)
{
	struct ticket *t = OWNER(p, struct ticket, post);
	struct engine *g = t->engine;
	struct slot_ask ask = t->ask;
	xfree(t);
	if (ask.granted)
		ask.granted(ask.ctx, g);
	else
		slot_give(g, -1, SLOT_UNSAID); /* nobody wants it any more */
}

/* One place more or less in the queue that is bounded. */
static void slots_count(struct fleet *f, bool low, int n)
{
	if (!low)
		f->waiting += n;
}

static bool fleet_room(const struct fleet *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (engine_room(&f->seats[i]))
			return true;
	return false;
}

/* Takes what stands at `at` out of its queue. */
static struct ticket *ticket_unlink(struct fleet *f, struct ticket **at)
{
	struct ticket *t = *at;
	struct slot_queue *q = &f->queues[t->ask.low];
	*at = t->next;
	if (q->last == &t->next)
		q->last = at;
	t->waiting = false;
	slots_count(f, t->ask.low, -1);
	return t;
}

/* Oldest first; one for which no engine has room (its model is another's) keeps nobody back. */
void slots_pump(struct fleet *f)
{
	for (size_t i = 0; i < sizeof f->queues / sizeof *f->queues; i++) {
		struct ticket **at = &f->queues[i].first;
		while (*at && fleet_room(f)) {
			struct engine *g = fleet_take(f, &(*at)->ask);
			if (!g) {
				at = &(*at)->next;
				continue;
			}
			struct ticket *t = ticket_unlink(f, at);
			t->engine = g;
			t->post.run = slots_on_granted;
			loop_post(t->loop, &t->post);
		}
	}
}

static struct ticket *ticket_new(struct fleet *f, struct loop *l, const struct slot_ask *ask)
{
	struct slot_queue *q = &f->queues[ask->low];
	struct ticket *t = xalloc(sizeof *t);
	*t = (struct ticket){.fleet = f, .loop = l, .ask = *ask, .waiting = true};
	if (ask->front) {
		t->next = q->first;
		if (!q->first)
			q->last = &t->next;
		q->first = t;
	} else {
		*q->last = t;
		q->last = &t->next;
	}
	slots_count(f, ask->low, 1);
	return t;
}

enum slot_answer slot_take(struct fleet *f, struct loop *l, const struct slot_ask *ask, struct engine **at, struct ticket **ret,
			   struct err *e)
{
	enum slot_answer answer = SLOT_WAIT;
	*ret = NULL;
	pthread_mutex_lock(&f->all->lock);
	bool first = !f->queues[0].first && (!ask->low || !f->queues[1].first);
	struct engine *g = first ? fleet_take(f, ask) : NULL;
	if (g) {
		*at = g;
		answer = SLOT_YOURS;
	} else if (!ask->front && !ask->low && f->waiting >= engine_limits.queue) {
		fail(e, ERR_ENGINE_BUSY, NULL, "The engine is overloaded: %lld requests are waiting already. Please try again later.",
		     (long long)f->waiting);
		e->retry_after_ms = fleet_retry_ms(f);
		answer = SLOT_FULL;
	} else {
		*ret = ticket_new(f, l, ask);
		if (f->n > 1)
			slots_pump(f); /* those before it may wait for the engine of another model */
	}
	pthread_mutex_unlock(&f->all->lock);
	return answer;
}

void slot_forget(struct fleet *f, struct ticket *t)
{
	pthread_mutex_lock(&f->all->lock);
	bool waiting = t->waiting;
	if (waiting) {
		struct ticket **at = &f->queues[t->ask.low].first;
		while (*at != t)
			at = &(*at)->next;
		ticket_unlink(f, at);
	}
	pthread_mutex_unlock(&f->all->lock);
	if (waiting)
		xfree(t);
	else
		t->ask.granted = NULL; /* on its way to this very thread */
}

void slot_give(struct engine *g, int64_t ms, enum slot_end end)
{
	pthread_mutex_lock(&g->all->lock);
	assert(g->busy > 0);
	g->busy--;
	if (ms >= 0)
		g->mean_ms = g->mean_ms ? g->mean_ms + (ms - g->mean_ms) / MEAN_WEIGHT : ms + 1;
	if (end == SLOT_UNSAID)
		breaker_drop(&g->breaker);
	else if (g->fleet->n > 1) /* who is alone is asked in any case */
		breaker_end(&g->breaker, end == SLOT_WELL, clock_mono_us() / 1000);
	seat_settle(g);
	slots_pump(g->fleet);
	pthread_mutex_unlock(&g->all->lock);
}
