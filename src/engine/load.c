/* load.c - members of fleets are asked for their load. */
#include "engine/load.h"

#include "fleet/limits.h"
#include "fleet/told.h"

enum { LOAD_BODY_MOST = 4 << 20, LOAD_ANSWER_MS = 5000 };

struct load_ask { /* one a seat */
	struct loads *loads;
	struct engine *engine;
	struct http_call call;
	struct buf body;
	int status;
	uint64_t silent; /* engine_seat.id of one that has nothing to tell */
};
struct loads {
	struct engine_port *port;
	struct timer timer;
	struct load_ask *asks;
	size_t n;
};

static void load_on_head(struct http_call *call, int status)
{
	OWNER(call, struct load_ask, call)->status = status;
}

static void load_on_body(struct http_call *call, struct str bytes)
{
	buf_add(&OWNER(call, struct load_ask, call)->body, bytes);
}

/* What it tells holds our own calls, too: those that it has now are taken off. */
static void load_on_end(struct http_call *call, const struct err *e)
{
	struct load_ask *k = OWNER(call, struct load_ask, call);
	struct engine *g = k->engine;
	struct told_load told;
	bool well = e->code == ERR_NONE, tells = well && k->status == 200 && told_read(buf_str(&k->body), &told);
	pthread_mutex_lock(&g->all->lock);
	int64_t all = tells ? told.running + told.waiting : 0;
	g->seat.others = all > g->busy ? all - g->busy : 0;
	if (well && k->status < 500 && !tells)
		k->silent = g->seat.id;
	pthread_mutex_unlock(&g->all->lock);
	buf_clear(&k->body);
}

static void load_ask_for(struct load_ask *k)
{
	struct engine *g = k->engine;
	pthread_mutex_lock(&g->all->lock);
	bool there = g->seat.state == SEAT_TAKEN && g->state == ENGINE_UP && g->seat.id != k->silent;
	pthread_mutex_unlock(&g->all->lock);
	if (!there || k->call.conn)
		return;
	struct arena tmp = {0};
	k->status = 0;
	k->call.on_head = load_on_head;
	k->call.on_body = load_on_body;
	k->call.on_end = load_on_end;
	k->call.connect_ms = g->config.connect_ms;
	k->call.total_ms = LOAD_ANSWER_MS;
	k->call.body_max = LOAD_BODY_MOST;
	http_call_start(k->loads->port->client, &k->call, &g->seat.target, METHOD_GET,
			http_target_path(&tmp, &g->seat.target, S("/metrics")), g->seat.headers, S(""));
	arena_free(&tmp);
}

static void loads_on_time(struct timer *t)
{
	struct loads *l = OWNER(t, struct loads, timer);
	for (size_t i = 0; i < l->n; i++)
		if (l->asks[i].engine->fleet->n > 1)
			load_ask_for(&l->asks[i]);
	timer_start(l->port->loop, &l->timer, fleet_limits.load_ms, loads_on_time);
}

struct loads *loads_open(struct engine_port *p)
{
	struct engines *s = p->engines;
	if (s->n == s->n_fleets)
		return NULL;
	struct loads *l = xalloc(sizeof *l);
	*l = (struct loads){.port = p, .asks = xalloc(s->n * sizeof *l->asks), .n = s->n};
	for (size_t i = 0; i < l->n; i++) {
		l->asks[i] = (struct load_ask){.loads = l, .engine = &s->list[i]};
		buf_init(&l->asks[i].body, LOAD_BODY_MOST);
	}
	timer_start(p->loop, &l->timer, fleet_limits.load_ms, loads_on_time);
	return l;
}

void loads_end(struct loads *l, const struct engine *g)
{
	if (l)
		http_call_cancel(&l->asks[g->index].call);
}

void loads_close(struct loads *l)
{
	if (!l)
		return;
	timer_cancel(&l->timer);
	for (size_t i = 0; i < l->n; i++) {
		http_call_cancel(&l->asks[i].call);
		buf_release(&l->asks[i].body);
	}
	xfree(l->asks);
	xfree(l);
}
