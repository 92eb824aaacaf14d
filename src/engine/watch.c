/* watch.c - discovery and health: asks every engine in turns what it is and whether it is well.
 *
 * One loop does it for all. /props first (a llama.cpp server answers 503 there while it loads), then
 * /v1/models. A look that only takes too long changes nothing: a busy engine is not a dead one. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/discover.h"
#include "engine/facts.h"
#include "engine/slots.h"

enum {
	LOOK_BODY_MAX = 16 << 20,
	LOOK_MS = 5000,        /* for one answer */
	LOADING_AGAIN_MS = 100,
	DOWN_AGAIN_MS = 250,   /* doubled each time */
	DOWN_AGAIN_MOST_MS = 5000,
};

struct watch {
	struct engine *engine;
	struct engine_port *port;
	struct http_call call;
	struct timer timer;
	struct buf body;
	int status;
	bool loading; /* /props said so */
	int64_t wait_ms;
	struct engine_facts facts; /* being found out */
	void (*done)(struct watch *);
};

static void watch_look(struct timer *t);

static const char *const state_names[] = {"unknown", "loading", "up", "down"};

static void log_state(const struct engine *g, enum engine_state state, size_t models, const char *why)
{
	log_at(state == ENGINE_DOWN ? LOG_WARN : LOG_INFO, "engine state", "engine=%.*s state=%s models=%zu %s",
	       FMT(g->seat.name), state_names[state], models, why);
}

/* The outcome of a look; takes over w->facts when `fresh`. */
static void conclude(struct watch *w, enum engine_state state, const char *why, bool fresh)
{
	struct engine *g = w->engine;
	struct engine_facts old = {0};
	pthread_mutex_lock(&g->all->lock);
	enum engine_state before = g->state;
	g->state = state;
	snprintf(g->why, sizeof g->why, "%s", why);
	if (fresh) {
		old = g->facts;
		g->facts = w->facts;
		engine_settle(g);
		w->facts = (struct engine_facts){0};
	}
	if (before != ENGINE_UP && before != ENGINE_UNKNOWN && state == ENGINE_UP && g->fleet->prefixes)
		prefixes_forget(g->fleet->prefixes, g->at); /* it was started anew: its cache is empty */
	slots_pump(g->fleet);
	size_t n = g->facts.n_models;
	pthread_mutex_unlock(&g->all->lock);
	facts_free(&old);
	facts_free(&w->facts);
	if (before != state)
		log_state(g, state, n, why);
	int64_t again = engine_limits.health_seconds * 1000;
	if (state == ENGINE_LOADING)
		again = LOADING_AGAIN_MS;
	if (state == ENGINE_DOWN) {
		w->wait_ms = w->wait_ms ? w->wait_ms * 2 : DOWN_AGAIN_MS;
		w->wait_ms = w->wait_ms > DOWN_AGAIN_MOST_MS ? DOWN_AGAIN_MOST_MS : w->wait_ms;
		again = w->wait_ms;
	} else {
		w->wait_ms = 0;
	}
	timer_start(w->port->loop, &w->timer, again, watch_look);
}

static enum engine_state bad_state(const struct watch *w)
{
	return w->engine->config.managed ? ENGINE_LOADING : ENGINE_DOWN; /* a managed one is started again */
}

/* --- one GET --- */

static void watch_on_head(struct http_call *call, int status)
{
	OWNER(call, struct watch, call)->status = status;
}

static void watch_on_body(struct http_call *call, struct str bytes)
{
	buf_add(&OWNER(call, struct watch, call)->body, bytes);
}

static void watch_on_end(struct http_call *call, const struct err *e)
{
	struct watch *w = OWNER(call, struct watch, call);
	if (e->code == ERR_NONE) {
		w->done(w);
		return;
	}
	pthread_mutex_lock(&w->engine->all->lock);
	enum engine_state state = w->engine->state;
	pthread_mutex_unlock(&w->engine->all->lock);
	if (e->code == ERR_ENGINE_TIMEOUT && state == ENGINE_UP)
		conclude(w, ENGINE_UP, "", false);
	else
		conclude(w, bad_state(w), e->msg, false);
}

static void watch_get(struct watch *w, const char *path, void (*done)(struct watch *))
{
	struct engine *g = w->engine;
	w->done = done;
	w->status = 0;
	buf_clear(&w->body);
	w->call.on_head = watch_on_head;
	w->call.on_body = watch_on_body;
	w->call.on_end = watch_on_end;
	w->call.connect_ms = g->config.connect_ms;
	w->call.total_ms = LOOK_MS;
	w->call.body_max = LOOK_BODY_MAX;
	struct arena tmp = {0};
	http_call_start(w->port->client, &w->call, &g->seat.target, METHOD_GET,
			http_target_path(&tmp, &g->seat.target, str_of(path)), g->seat.headers, S(""));
	arena_free(&tmp);
}

/* --- the steps of a look --- */

static void models_done(struct watch *w)
{
	const struct engine_config *c = &w->engine->config;
	char why[200] = "";
	bool read = w->status == 200 && models_read(buf_str(&w->body), c, w->engine->all->opened_s, &w->facts);
	enum engine_state state = w->loading || w->status == 503 ? ENGINE_LOADING : ENGINE_UP;
	if (c->n_models) { /* an engine that cannot list its models may still serve them */
		models_by_hand(c, w->engine->all->opened_s, &w->facts);
		read = true;
	}
	if (w->status == 401 || w->status == 403)
		snprintf(why, sizeof why, "it refuses our key (status %d)", w->status);
	else if (!read && state == ENGINE_UP)
		snprintf(why, sizeof why, "GET /v1/models gave status %d and no list of models", w->status);
	else if (read && !w->facts.n_models)
		snprintf(why, sizeof why, "it has no model");
	if (*why)
		state = bad_state(w);
	conclude(w, state, why, read && w->facts.n_models);
}

static void props_done(struct watch *w)
{
	struct engine *g = w->engine;
	const struct engine_config *c = &g->config;
	w->loading = w->status == 503;
	w->facts = (struct engine_facts){
		.caps = {.tools = true,
	                 .parallel = true,
	                 .schema = !c->schema_prompt,
	                 .schema_prompt = c->schema_prompt,
	                 .vision = true,
	                 .audio = true,
	                 .system_role = true,
	                 .fetches_urls = c->fetches_urls},
		.pass = c->pass ? c->pass : engine_pass_local,
		.llamacpp = c->managed,
	};
	if (w->status == 200)
		props_read(buf_str(&w->body), c, &w->facts);
	watch_get(w, "/v1/models", models_done);
}

static void watch_look(struct timer *t)
{
	struct watch *w = OWNER(t, struct watch, timer);
	w->loading = false;
	watch_get(w, "/props", props_done);
}

/* --- beginning, being woken, end --- */

void watches_open(struct engine_port *p)
{
	struct engines *s = p->engines;
	p->watches = new_array(&s->a, struct watch, s->n + 1);
	pthread_mutex_lock(&s->lock);
	s->watcher = p->loop;
	s->port = p;
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; i < s->n; i++) {
		struct watch *w = &p->watches[i];
		w->engine = &s->list[i];
		w->port = p;
		buf_init(&w->body, LOOK_BODY_MAX);
		if (w->engine->seat.state != SEAT_EMPTY)
			watch_look(&w->timer);
	}
}

void watch_begin(struct engine_port *p, struct engine *g)
{
	timer_start(p->loop, &p->watches[g->index].timer, 0, watch_look);
}

void watch_end(struct engine_port *p, struct engine *g)
{
	struct watch *w = &p->watches[g->index];
	http_call_cancel(&w->call);
	timer_cancel(&w->timer);
	facts_free(&w->facts);
	w->wait_ms = 0;
}

void watches_close(struct engine_port *p)
{
	struct engines *s = p->engines;
	if (!p->watches)
		return;
	pthread_mutex_lock(&s->lock);
	s->watcher = NULL;
	s->port = NULL;
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; i < s->n; i++) {
		watch_end(p, &s->list[i]);
		buf_release(&p->watches[i].body);
	}
	p->watches = NULL;
}

static void on_kick(struct post *post)
{
	struct engine *g = OWNER(post, struct engine, kick);
	pthread_mutex_lock(&g->all->lock);
	struct engine_port *p = g->all->port;
	g->kicked = false;
	pthread_mutex_unlock(&g->all->lock);
	if (!p)
		return;
	struct watch *w = &p->watches[g->index];
	if (!w->call.conn && (g->seat.state == SEAT_TAKEN || g->seat.state == SEAT_DRAINS)) /* else a look is under way, or it has left */
		timer_start(p->loop, &w->timer, 0, watch_look);
}

void engine_lost(struct engine *g, enum engine_state state, const char *why)
{
	struct engines *s = g->all;
	pthread_mutex_lock(&s->lock);
	if (s->watcher && g->state != state && !(g->state == ENGINE_LOADING && state == ENGINE_DOWN)) {
		g->state = state;
		snprintf(g->why, sizeof g->why, "%s", why);
		log_state(g, state, g->facts.n_models, why);
		if (!g->kicked) {
			g->kicked = true;
			g->kick.run = on_kick;
			loop_post(s->watcher, &g->kick);
		}
	}
	pthread_mutex_unlock(&s->lock);
}
