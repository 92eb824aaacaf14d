/* roster.c - members of fleets that are found: by a file, by DNS. */
#include "engine/roster.h"

#include <stdatomic.h>

#include "base/log.h"
#include "engine/load.h"
#include "engine/seats.h"
#include "engine/slots.h"
#include "engine/watch.h"
#include "fleet/limits.h"
#include "fleet/lookup.h"
#include "loop/workers.h"

enum { TTL_MOST_S = 300 };

struct finder { /* one file or name */
	struct roster *roster;
	struct fleet *fleet;
	struct str what;
	struct timer timer;
	struct find_job *job; /* under way */
	struct arena a;       /* of `urls` */
	struct str *urls;     /* what was found last */
	size_t n;
	bool fails, more;     /* that was said already: it fails, it finds too many */
};
struct find_job {
	struct job job;
	struct finder *finder; /* NULL: the roster is closed */
	struct lookup look;
	struct arena a;
	struct str what;
	struct err err;
	bool ok;
};
struct roster {
	struct engine_port *port;
	struct workers *workers;
	struct finder *finders;
	size_t n;
};

/* --- who is there now --- */

static bool url_in(const struct str *urls, size_t n, struct str url)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(urls[i], url))
			return true;
	return false;
}

/* By the settings, or found by any of its finders. */
static bool is_member(const struct roster *r, const struct fleet *f, struct str url)
{
	const struct engine_config *c = &f->seats[0].config;
	if (str_eq(c->url, url) || url_in(c->members, c->n_members, url))
		return true;
	for (size_t i = 0; i < r->n; i++)
		if (r->finders[i].fleet == f && url_in(r->finders[i].urls, r->finders[i].n, url))
			return true;
	return false;
}

/* The seat of that URL, else an empty one, else NULL. */
static struct engine *seat_for(struct fleet *f, struct str url)
{
	struct engine *empty = NULL;
	for (size_t i = f->n; i-- > 0;) {
		struct engine *g = &f->seats[i];
		if (g->seat.state == SEAT_EMPTY)
			empty = g;
		else if (str_eq(g->seat.url, url))
			return g;
	}
	return empty;
}

static void member_joins(struct roster *r, struct fleet *f, struct str url)
{
	struct err e = {0};
	pthread_mutex_lock(&f->all->lock);
	struct engine *g = seat_for(f, url);
	bool back = g && g->seat.state == SEAT_LEAVES, new_one = g && g->seat.state == SEAT_EMPTY;
	if (back)
		g->seat.state = SEAT_TAKEN;
	if (new_one)
		new_one = seat_take(g, url, &e);
	pthread_mutex_unlock(&f->all->lock);
	if (!g || e.code)
		log_at(LOG_WARN, "engine not taken", "fleet=%.*s url=%.*s %s", FMT(f->name), FMT(url), g ? e.msg : "fleet.members are there already");
	if (!back && !new_one)
		return;
	log_at(LOG_INFO, "engine joined", "engine=%.*s", FMT(g->seat.name));
	watch_begin(r->port, g);
}

static void members_leave(struct roster *r, struct fleet *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct engine *g = &f->seats[i];
		pthread_mutex_lock(&f->all->lock);
		bool there = g->seat.state == SEAT_TAKEN || g->seat.state == SEAT_DRAINS;
		bool leaves = there && !is_member(r, f, g->seat.url);
		pthread_mutex_unlock(&f->all->lock);
		if (!leaves)
			continue;
		watch_end(r->port, g);
		loads_end(r->port->loads, g);
		pthread_mutex_lock(&f->all->lock);
		log_at(LOG_INFO, "engine leaves", "engine=%.*s calls=%lld", FMT(g->seat.name), (long long)g->busy);
		seat_leave(g);
		pthread_mutex_unlock(&f->all->lock);
	}
}

/* --- looking --- */

static void finder_look(struct timer *t);

static void finder_again(struct finder *f, int64_t ttl_s)
{
	int64_t ms = (ttl_s < TTL_MOST_S ? ttl_s : TTL_MOST_S) * 1000;
	timer_start(f->roster->port->loop, &f->timer, ms > fleet_limits.lookup_ms ? ms : fleet_limits.lookup_ms, finder_look);
}

static void roster_run(struct job *job)
{
	struct find_job *j = OWNER(job, struct find_job, job);
	j->ok = lookup_run(&j->look, &j->a, j->what, (size_t)fleet_limits.members, &j->err);
}

static void finder_found(struct finder *f, struct find_job *j)
{
	if (!j->ok && !f->fails)
		log_at(LOG_WARN, "fleet not found", "fleet=%.*s %s", FMT(f->fleet->name), j->err.msg);
	f->fails = !j->ok;
	if (!j->ok)
		return;
	arena_free(&f->a);
	arena_join(&f->a, &j->a);
	f->urls = j->look.urls;
	f->n = j->look.n;
	if (j->look.more && !f->more)
		log_at(LOG_WARN, "fleet too large", "fleet=%.*s %.*s names more than fleet.members", FMT(f->fleet->name), FMT(f->what));
	f->more = j->look.more;
	members_leave(f->roster, f->fleet);
	for (size_t i = 0; i < f->n; i++)
		member_joins(f->roster, f->fleet, f->urls[i]);
}

static void roster_done(struct job *job)
{
	struct find_job *j = OWNER(job, struct find_job, job);
	struct finder *f = j->finder;
	int64_t ttl_s = j->ok ? j->look.ttl_s : 0;
	if (f) {
		f->job = NULL;
		finder_found(f, j);
		finder_again(f, ttl_s);
	}
	arena_free(&j->a);
	xfree(j);
}

static void finder_look(struct timer *t)
{
	struct finder *f = OWNER(t, struct finder, timer);
	struct find_job *j = xalloc(sizeof *j);
	struct engines *s = f->fleet->all;
	*j = (struct find_job){.job = {.run = roster_run, .done = roster_done}, .finder = f};
	j->what = str_copy(&j->a, f->what);
	j->look.server = s->resolver.n ? str_copy(&j->a, s->resolver) : (struct str){0};
	f->job = j;
	if (job_start(f->roster->workers, f->roster->port->loop, &j->job))
		return;
	f->job = NULL;
	arena_free(&j->a);
	xfree(j);
	finder_again(f, 0);
}

/* --- beginning and end --- */

static size_t finders_of(struct roster *r, struct fleet *f, struct finder *ret)
{
	const struct engine_config *c = &f->seats[0].config;
	size_t n = 0;
	for (size_t i = 0; i <= c->n_members; i++) {
		struct str what = i ? c->members[i - 1] : c->url;
		if (lookup_kind(what) == LOOKUP_NONE)
			continue;
		if (ret)
			ret[n] = (struct finder){.roster = r, .fleet = f, .what = what};
		n++;
	}
	return n;
}

struct roster *roster_open(struct engine_port *p)
{
	struct engines *s = p->engines;
	size_t n = 0;
	for (size_t i = 0; i < s->n_fleets; i++)
		n += finders_of(NULL, &s->fleets[i], NULL);
	if (!n)
		return NULL;
	struct roster *r = xalloc(sizeof *r);
	*r = (struct roster){.port = p, .workers = workers_new("fleets", 1, (unsigned)n), .finders = xalloc(n * sizeof *r->finders)};
	for (size_t i = 0; i < s->n_fleets; i++)
		r->n += finders_of(r, &s->fleets[i], r->finders + r->n);
	for (size_t i = 0; i < n; i++)
		finder_look(&r->finders[i].timer);
	return r;
}

void roster_close(struct roster *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++) {
		struct finder *f = &r->finders[i];
		timer_cancel(&f->timer);
		if (f->job) {
			f->job->finder = NULL;
			atomic_store(&f->job->job.cancelled, true);
		}
		arena_free(&f->a);
	}
	workers_free(r->workers);
	xfree(r->finders);
	xfree(r);
}
