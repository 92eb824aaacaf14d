/* quota_table.c - the holders that have limits, and the thread that brings them together with their rows. */
#include "quota/quota_table.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/keys.h"

struct quota_limits quota_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "quota/limits.def"
#undef LIMIT
};

enum { WARNING_PERCENT = 80, BATCH = 256 };

/* --- the table; the lock is held --- */

struct holder *holder_get(struct quotas *q, int64_t id)
{
	return map_get(&q->holders, (struct str){(const char *)&id, sizeof id});
}

static struct holder *holder_make(struct quotas *q, int64_t id)
{
	struct holder *h = holder_get(q, id);
	if (h)
		return h;
	h = xalloc(sizeof *h);
	h->id = id;
	h->active = true;
	for (int i = 0; i < N_QUOTAS; i++)
		h->most[i] = -1;
	map_put(&q->holders, (struct str){(const char *)&h->id, sizeof h->id}, h);
	q->n++;
	atomic_store_explicit(&q->any, true, memory_order_release);
	return h;
}

int64_t holder_spent(const struct holder *h)
{
	return h->month == usage_month(clock_wall_s()) ? h->spent + h->since : 0;
}

static void holder_turn_month(struct holder *h, int64_t month)
{
	if (h->month == month)
		return;
	h->month = month;
	h->spent = h->since = 0;
}

void holder_spend(struct holder *h, int64_t cost)
{
	holder_turn_month(h, usage_month(clock_wall_s()));
	h->since += cost;
}

/* --- what is set --- */

static void quotas_on_row(void *ctx, int64_t holder, enum quota which, int64_t most)
{
	holder_make(ctx, holder)->most[which] = most;
}

bool quota_set(struct quotas *q, int64_t id, enum quota which, int64_t most, struct err *e)
{
	pthread_mutex_lock(&q->lock);
	bool room = q->n < (size_t)quota_limits.holders || holder_get(q, id);
	pthread_mutex_unlock(&q->lock);
	if (!room)
		return fail(e, ERR_BAD_REQUEST, NULL,
			    "%lld projects and keys have limits; no more can (quota.holders).",
			    (long long)quota_limits.holders);
	if (!quota_put(q->o.store, id, which, most, e))
		return false;
	pthread_mutex_lock(&q->lock);
	struct holder *h = holder_make(q, id);
	/* The level keeps the share that was taken, so that a limit can be raised and lowered meanwhile. */
	h->most[which] = most;
	if (most < 0)
		h->level[which] = (struct level){0};
	h->active = true;
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
	return true;
}

int64_t quota_most(struct quotas *q, int64_t id, enum quota which)
{
	pthread_mutex_lock(&q->lock);
	const struct holder *h = holder_get(q, id);
	int64_t most = h ? h->most[which] : -1;
	pthread_mutex_unlock(&q->lock);
	return most;
}

/* --- together with the rows --- */

/* One holder's, out of the lock. */
struct sync {
	int64_t id, project, month, since, spent, budget, percent;
	struct quota_level levels[N_QUOTAS];
	size_t n;
	bool warned, told;
};

static void sync_take(struct holder *h, struct sync *s, int64_t month)
{
	holder_turn_month(h, month);
	h->active = false;
	*s = (struct sync){.id = h->id,
			   .project = h->project,
			   .month = month,
			   .since = h->since,
			   .budget = h->most[QUOTA_BUDGET],
			   .percent = h->most[QUOTA_WARNING] >= 0 ? h->most[QUOTA_WARNING] : WARNING_PERCENT,
			   .warned = h->warned == month};
	for (int i = 0; i < N_QUOTAS; i++)
		if (quota_kinds[i].seconds && h->most[i] > 0)
			s->levels[s->n++] = (struct quota_level){.holder = h->id,
								 .q = (enum quota)i,
								 .began = h->level[i].began,
								 .added = h->level[i].added};
}

static void sync_give(struct holder *h, const struct sync *s)
{
	for (size_t i = 0; i < s->n; i++)
		level_settle(&h->level[s->levels[i].q], s->levels[i].full_at, s->levels[i].added);
	if (s->budget >= 0 && h->month == s->month) {
		h->spent = s->spent;
		h->since -= s->since;
	}
	if (s->warned)
		h->warned = s->month;
}

/* Tells the project's webhook endpoints, once in a month, whichever node sees it first. */
static bool sync_warn(struct quotas *q, struct sync *s, struct err *e)
{
	struct id key = key_id(q->o.store, s->id);
	char text[ID_MAX];
	struct webhook_event event = {id_mint(), S("budget.warning"), q->o.waiting};
	struct quota_warning w = {
	    .project = s->project,
	    .holder = s->id,
	    .month = s->month,
	    .subject = key.key ? id_text(text, "key", &key) : project_name(q->o.store, s->id),
	    .event = &event,
	};
	bool done = false;
	if (!quota_warn(q->o.store, &w, &done, e))
		return false;
	s->warned = true;
	s->told = done;
	return true;
}

static bool sync_one(struct quotas *q, struct sync *s, struct err *e)
{
	if (s->n && !quota_charge(q->o.store, s->levels, s->n, e))
		return false;
	if (s->budget < 0)
		return true;
	if (!quota_spent(q->o.store, s->id, s->month, &s->spent, e))
		return false;
	bool due = s->project && !s->warned && s->spent && s->spent / 100 * 100 >= s->budget / 100 * s->percent;
	return !due || sync_warn(q, s, e);
}

/* Those that were asked since; the lock is held, but while rows are read and written. */
static void quotas_sync(struct quotas *q)
{
	struct holder **list = xalloc((q->n + 1) * sizeof *list);
	size_t n = 0, at = 0;
	int64_t month = usage_month(clock_wall_s());
	for (struct holder *h; (h = map_next(&q->holders, &at));)
		if (h->active)
			list[n++] = h;
	for (size_t i = 0; i < n; i++) {
		struct sync s;
		struct err e = {0};
		sync_take(list[i], &s, month);
		pthread_mutex_unlock(&q->lock);
		bool ok = sync_one(q, &s, &e);
		pthread_mutex_lock(&q->lock);
		if (ok && s.told && q->warned)
			q->warned(q->ctx);
		if (ok)
			sync_give(list[i], &s);
		else
			list[i]->active = true;
		if (!ok)
			log_at(LOG_WARN, "limits could not be written", "error=\"%s\"", e.msg);
	}
	xfree(list);
}

static void *quotas_main(void *arg)
{
	struct quotas *q = arg;
	pthread_mutex_lock(&q->lock);
	while (!q->stop) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += quota_limits.sync_ms / 1000;
		until.tv_nsec += quota_limits.sync_ms % 1000 * 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (!q->n)
			pthread_cond_wait(&q->wake, &q->lock);
		else
			pthread_cond_timedwait(&q->wake, &q->lock, &until);
		quotas_sync(q);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

static void quotas_free(struct quotas *q)
{
	size_t at = 0;
	for (struct holder *h; (h = map_next(&q->holders, &at));)
		xfree(h);
	map_release(&q->holders);
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->wake);
	xfree(q);
}

bool quotas_open(const struct quota_options *o, struct quotas **ret, struct err *e)
{
	struct quotas *q = xalloc(sizeof *q);
	q->o = *o;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->wake, NULL);
	if (!quota_each(o->store, quotas_on_row, q, e)) {
		quotas_free(q);
		return false;
	}
	pthread_mutex_lock(&q->lock);
	quotas_sync(q);
	pthread_mutex_unlock(&q->lock);
	if (pthread_create(&q->thread, NULL, quotas_main, q)) {
		quotas_free(q);
		return fail(e, ERR_INTERNAL, NULL, "cannot start the thread of limits: %m");
	}
	pthread_setname_np(q->thread, "quota");
	*ret = q;
	return true;
}

void quotas_close(struct quotas *q)
{
	if (!q)
		return;
	pthread_mutex_lock(&q->lock);
	q->stop = true;
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->thread, NULL);
	quotas_free(q);
}

void quotas_listen(struct quotas *q, void (*warned)(void *ctx), void *ctx)
{
	pthread_mutex_lock(&q->lock);
	q->warned = warned;
	q->ctx = ctx;
	pthread_mutex_unlock(&q->lock);
}

int64_t quota_holders(struct quotas *q)
{
	if (!quotas_any(q))
		return 0;
	pthread_mutex_lock(&q->lock);
	int64_t n = (int64_t)q->n;
	pthread_mutex_unlock(&q->lock);
	return n;
}
