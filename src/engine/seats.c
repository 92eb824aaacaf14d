/* seats.c - who sits in a fleet's seats: engines come, drain and go. */
#include "engine/seats.h"

#include "base/log.h"
#include "engine/discover.h"
#include "engine/facts.h"
#include "measure/measure.h"

static bool take_dialect(struct engine *g, struct err *e)
{
	const struct engine_config *c = &g->config;
	struct traits t = {0};
	g->fixed = c->dialect.n && !str_eq(c->dialect, S("auto"));
	g->said = g->fixed ? dialect_named(c->dialect) : dialect_of_host(g->seat.target.host);
	if (g->said == DIALECTS)
		return fail(e, ERR_CONFIG, NULL, "engine '%.*s': there is no dialect '%.*s'", FMT(c->name), FMT(c->dialect));
	for (size_t i = 0; i < c->n_traits; i++)
		if (!trait_set(&t, c->traits[i], e))
			return false;
	engine_settle(g);
	return true;
}

/* What is believed of an engine before it has been asked: everything, except what a request cannot undo. */
static void first_facts(struct engine *g)
{
	struct engine_facts *f = &g->facts;
	const struct engine_config *c = &g->config;
	f->caps = (struct engine_caps){
		.tools = !c->managed,
		.parallel = true,
		.schema = !c->schema_prompt,
		.schema_prompt = c->schema_prompt,
		.vision = !c->managed,
		.audio = !c->managed,
		.system_role = true,
		.fetches_urls = c->fetches_urls,
		.grammar = c->managed ? GRAMMAR_GBNF : GRAMMAR_NONE,
	};
	f->pass = c->pass ? c->pass : engine_pass_local;
	f->llamacpp = c->managed;
	models_by_hand(c, g->all->opened_s, f);
}

/* FLEET/HOST:PORT, of a lone engine the name that it was given. */
static struct str seat_name(struct engine *g)
{
	const struct http_target *t = &g->seat.target;
	if (g->fleet->n == 1)
		return g->fleet->name;
	if (t->unix_path.n)
		return str_fmt(&g->seat.a, "%.*s/%.*s", FMT(g->fleet->name), FMT(t->unix_path));
	return str_fmt(&g->seat.a, "%.*s/%.*s:%.*s%.*s", FMT(g->fleet->name), FMT(t->host), FMT(t->port), FMT(t->prefix));
}

bool seat_take(struct engine *g, struct str url, struct err *e)
{
	const struct engine_config *c = &g->config;
	struct engine_seat *seat = &g->seat;
	seat->url = str_copy(&seat->a, url);
	if (!http_target_parse(&seat->a, seat->url, &seat->target, e) || !take_dialect(g, e)) {
		arena_free(&seat->a);
		*seat = (struct engine_seat){0};
		return false;
	}
	bool azure = g->traits.of[TRAIT_AUTH] != 0;
	seat->headers = str_fmt(&seat->a,
				"User-Agent: antiphon/" ANTIPHON_VERSION "\r\nAccept: text/event-stream, application/json\r\n"
				"Content-Type: application/json\r\n%s%.*s%s",
				!c->key.n ? "" : azure ? "api-key: " : "Authorization: Bearer ", FMT(c->key), c->key.n ? "\r\n" : "");
	seat->id = prefix_hash(seat->url);
	seat->name = seat_name(g);
	seat->label = measure_label(LABEL_ENGINE, seat->name);
	seat->state = SEAT_TAKEN;
	g->state = c->managed ? ENGINE_LOADING : ENGINE_UNKNOWN;
	first_facts(g);
	return true;
}

bool seat_open(const struct engine *g)
{
	return g->seat.state == SEAT_TAKEN;
}

/* All that is not the seat's own is forgotten: the next one is another engine. */
static void seat_empty(struct engine *g)
{
	facts_free(&g->facts);
	arena_free(&g->seat.a);
	if (g->fleet->prefixes)
		prefixes_forget(g->fleet->prefixes, g->at);
	g->seat = (struct engine_seat){0};
	g->facts = (struct engine_facts){0};
	g->breaker = (struct breaker){0};
	g->state = ENGINE_UNKNOWN;
	g->why[0] = 0;
	g->learnt_mask = 0;
	g->heard = 0;
	g->mean_ms = 0;
	g->pace = 0;
	g->first_us = 0;
}

void seat_settle(struct engine *g)
{
	if (g->seat.state != SEAT_LEAVES || g->busy || g->seat.held)
		return;
	log_at(LOG_INFO, "engine left", "engine=%.*s", FMT(g->seat.name));
	seat_empty(g);
}

void seat_leave(struct engine *g)
{
	g->seat.state = SEAT_LEAVES;
	seat_settle(g);
}

bool fleet_empty(const struct fleet *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->seats[i].seat.state != SEAT_EMPTY)
			return false;
	return true;
}
