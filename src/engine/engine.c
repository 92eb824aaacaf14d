/* engine.c - the engine table: configuration in, models out. */
#include <stdio.h>

#include "base/clock.h"
#include "engine/chat_error.h"
#include "engine/facts.h"
#include "engine/load.h"
#include "engine/roster.h"
#include "engine/seats.h"
#include "engine/sent.h"
#include "engine/watch.h"
#include "fleet/limits.h"
#include "fleet/lookup.h"

/* --- opening --- */

static struct str engines_keep(struct arena *a, struct str s)
{
	return s.p ? str_copy(a, s) : s;
}

static const char *const *keep_list(struct arena *a, const char *const *list)
{
	size_t n = 0;
	if (!list)
		return NULL;
	while (list[n])
		n++;
	const char **copy = new_array(a, const char *, n + 1);
	for (size_t i = 0; i < n; i++)
		copy[i] = str_copy(a, str_of(list[i])).p;
	return copy;
}

static void keep_config(struct arena *a, const struct engine_config *c, struct engine_config *ret)
{
	*ret = *c;
	ret->name = engines_keep(a, c->name.n ? c->name : c->url);
	ret->url = engines_keep(a, c->url);
	ret->key = engines_keep(a, c->key);
	ret->default_model = engines_keep(a, c->default_model);
	ret->system = engines_keep(a, c->system);
	ret->pass = keep_list(a, c->pass);
	ret->dialect = engines_keep(a, c->dialect);
	struct str *traits = new_array(a, struct str, c->n_traits + 1);
	for (size_t i = 0; i < c->n_traits; i++)
		traits[i] = engines_keep(a, c->traits[i]);
	ret->traits = traits;
	struct str *members = new_array(a, struct str, c->n_members + 1);
	for (size_t i = 0; i < c->n_members; i++)
		members[i] = engines_keep(a, c->members[i]);
	ret->members = members;
	struct str *models = new_array(a, struct str, c->n_models + 1);
	for (size_t i = 0; i < c->n_models; i++)
		models[i] = engines_keep(a, c->models[i]);
	ret->models = models;
	if (!ret->connect_ms)
		ret->connect_ms = engine_limits.connect_ms;
	if (!ret->first_byte_ms)
		ret->first_byte_ms = engine_limits.first_byte_ms;
	if (!ret->idle_ms)
		ret->idle_ms = engine_limits.idle_ms;
	if (!ret->total_ms)
		ret->total_ms = engine_limits.total_ms;
}

void engine_heard(struct engine *g, unsigned char member)
{
	pthread_mutex_lock(&g->all->lock);
	g->heard = member;
	engine_settle(g);
	pthread_mutex_unlock(&g->all->lock);
}

void engine_learn(struct engine *g, enum trait t, unsigned char value)
{
	pthread_mutex_lock(&g->all->lock);
	g->learnt.of[t] = value;
	g->learnt_mask |= 1u << t;
	engine_settle(g);
	pthread_mutex_unlock(&g->all->lock);
}

/* Has it members that come and go? */
static bool config_moves(const struct engine_config *c)
{
	if (lookup_kind(c->url) != LOOKUP_NONE)
		return true;
	for (size_t i = 0; i < c->n_members; i++)
		if (lookup_kind(c->members[i]) != LOOKUP_NONE)
			return true;
	return false;
}

static size_t config_seats(const struct engine_config *c)
{
	return config_moves(c) ? (size_t)fleet_limits.members : c->n_members + 1;
}

static bool fleet_fill(struct fleet *f, const struct engine_config *c, struct err *e)
{
	size_t n = 0;
	for (size_t i = 0; i <= c->n_members; i++) {
		struct str url = i ? c->members[i - 1] : c->url;
		if (lookup_kind(url) == LOOKUP_NONE && n < f->n && !seat_take(&f->seats[n++], url, e))
			return false;
	}
	return true;
}

static bool fleet_setup(struct engines *s, struct fleet *f, const struct engine_config *c, struct err *e)
{
	struct engine_config kept;
	size_t n = config_seats(c);
	keep_config(&s->a, c, &kept);
	for (size_t i = 0; i < c->key.n; i++)
		if ((unsigned char)c->key.p[i] < ' ' || c->key.p[i] == 0x7f)
			return fail(e, ERR_CONFIG, NULL, "the key of engine '%.*s' holds control characters", FMT(kept.name));
	if (n > (size_t)fleet_limits.members)
		return fail(e, ERR_CONFIG, NULL, "engine '%.*s' names %zu engines, more than fleet.members (%lld)",
			    FMT(kept.name), n, (long long)fleet_limits.members);
	*f = (struct fleet){.all = s, .name = kept.name, .seats = s->list + s->n, .n = n, .moves = config_moves(c)};
	for (size_t i = 0; i < sizeof f->queues / sizeof *f->queues; i++)
		f->queues[i].last = &f->queues[i].first;
	if (n > 1)
		f->prefixes = prefixes_new((size_t)fleet_limits.prefix_blocks);
	for (size_t i = 0; i < n; i++)
		f->seats[i] = (struct engine){.all = s, .index = s->n++, .fleet = f, .at = (unsigned)i, .config = kept};
	return fleet_fill(f, c, e);
}

bool engines_open(const struct engines_config *c, struct engines **ret, struct err *e)
{
	struct engines *s = xalloc(sizeof *s);
	size_t seats = 0;
	pthread_mutex_init(&s->lock, NULL);
	s->opened_s = clock_wall_s();
	s->sent = sent_new();
	for (size_t i = 0; i < c->n; i++)
		seats += config_seats(&c->engines[i]);
	s->list = new_array(&s->a, struct engine, seats + 1);
	s->fleets = new_array(&s->a, struct fleet, c->n + 1);
	s->default_model = engines_keep(&s->a, c->default_model);
	s->resolver = engines_keep(&s->a, c->resolver);
	struct engine_alias *aliases = new_array(&s->a, struct engine_alias, c->n_aliases + 1);
	for (size_t i = 0; i < c->n_aliases; i++)
		aliases[i] = (struct engine_alias){engines_keep(&s->a, c->aliases[i].pattern),
						   engines_keep(&s->a, c->aliases[i].model)};
	s->aliases = aliases;
	s->n_aliases = c->n_aliases;
	for (size_t i = 0; i < c->n; i++)
		if (!fleet_setup(s, &s->fleets[s->n_fleets++], &c->engines[i], e)) {
			engines_close(s);
			return false;
		}
	*ret = s;
	return true;
}

void engines_close(struct engines *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		facts_free(&s->list[i].facts);
		arena_free(&s->list[i].seat.a);
	}
	for (size_t i = 0; i < s->n_fleets; i++)
		prefixes_free(s->fleets[i].prefixes);
	sent_free(s->sent);
	pthread_mutex_destroy(&s->lock);
	arena_free(&s->a);
	xfree(s);
}

struct engine_port *engine_attach(struct engines *s, struct loop *l)
{
	struct engine_port *p = xalloc(sizeof *p);
	p->engines = s;
	p->loop = l;
	p->client = client_new(l);
	return p;
}

void engine_detach(struct engine_port *p)
{
	if (!p)
		return;
	roster_close(p->roster);
	loads_close(p->loads);
	watches_close(p);
	client_free(p->client);
	arena_free(&p->scratch);
	xfree(p);
}

void engines_watch(struct engine_port *p)
{
	if (p->watches)
		return;
	watches_open(p);
	p->loads = loads_open(p);
	p->roster = roster_open(p);
}

/* --- looking up; with the lock held --- */

/* Of several engines with the model one that is up and has the most room. */
static bool find_exact(struct engines *s, struct str name, struct engine **engine, const struct listing **listing)
{
	struct engine *best = NULL;
	for (size_t i = 0; i < s->n; i++) {
		struct engine *g = &s->list[i];
		const struct listing *l = engine_listing(g, name);
		if (!l)
			continue;
		bool better = !best || (g->state == ENGINE_UP && best->state != ENGINE_UP) ||
		              (g->state == best->state && g->busy + g->fleet->waiting < best->busy + best->fleet->waiting);
		if (!better)
			continue;
		best = g;
		*listing = l;
	}
	*engine = best;
	return best != NULL;
}

static bool find_default(struct engines *s, struct engine **engine, const struct listing **listing)
{
	if (s->default_model.n && find_exact(s, s->default_model, engine, listing))
		return true;
	for (size_t i = 0; i < s->n; i++) {
		struct engine *g = &s->list[i];
		if (!g->facts.n_models)
			continue;
		const struct listing *l = g->config.default_model.n ? engine_listing(g, g->config.default_model) : NULL;
		*engine = g;
		*listing = l ? l : &g->facts.models[0];
		return true;
	}
	return false;
}

static bool find_alias(struct engines *s, struct str name, struct engine **engine, const struct listing **listing)
{
	for (size_t i = 0; i < s->n_aliases; i++) {
		const struct engine_alias *alias = &s->aliases[i];
		if (!str_match(alias->pattern, name))
			continue;
		if (alias->model.n ? find_exact(s, alias->model, engine, listing) : find_default(s, engine, listing))
			return true;
	}
	return false;
}

/* An engine that may turn out to have the model; of a fleet that knows none of its members yet the first seat. */
static struct engine *find_silent(struct engines *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct engine *g = &s->list[i];
		if (g->seat.state == SEAT_EMPTY && (g->at || !fleet_empty(g->fleet)))
			continue;
		if (!g->facts.n_models && (g->state == ENGINE_UNKNOWN || g->state == ENGINE_LOADING))
			return g;
	}
	return NULL;
}

static bool any_models(const struct engines *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].facts.n_models)
			return true;
	return false;
}

static struct str fill_text(struct arena *a, struct str was, struct str now)
{
	return was.p && str_eq(was, now) ? was : engines_keep(a, now);
}

static const void *fill_bytes(struct arena *a, const void *was, const void *now, size_t n)
{
	return was && !memcmp(was, now, n) ? was : memcpy(arena_alloc(a, n), now, n);
}

/* was: what was told of it before, which stays where it still holds; calls ask again, and thousands live at a time. NULL: nothing. */
static void engines_fill(struct arena *a, const struct engine *g, const struct listing *l, const struct engine_model *was,
                         struct engine_model *ret)
{
	const struct engine_facts *f = &g->facts;
	struct engine_model before = was ? *was : (struct engine_model){0}; /* which may be *ret */
	struct engine_caps caps = f->caps;
	if (l) {
		caps.vision = l->vision;
		caps.audio = l->audio;
	}
	*ret = (struct engine_model){
		.engine = g->config.name,
		.created = l ? l->created : g->all->opened_s,
		.context = l && l->context ? l->context : f->context,
		.vision = caps.vision,
		.audio = caps.audio,
		.fetches_urls = caps.fetches_urls,
		.tools = caps.tools,
		.schema = caps.schema,
		.pass = f->pass,
		.caps = fill_bytes(a, before.caps, &caps, sizeof caps),
		.traits = fill_bytes(a, before.traits, &g->traits, sizeof g->traits),
		.index = g->index,
	};
	if (l) {
		ret->name = fill_text(a, before.name, l->name);
		ret->owned_by = fill_text(a, before.owned_by, l->owned_by);
	}
}

bool engine_find(struct engines *s, struct arena *a, struct str model, struct engine_model *ret, struct err *e)
{
	struct engine *g = NULL;
	const struct listing *l = NULL;
	pthread_mutex_lock(&s->lock);
	bool exact = model.p ? find_exact(s, model, &g, &l) : find_default(s, &g, &l);
	bool ok = exact || (model.p && find_alias(s, model, &g, &l)), known = any_models(s);
	if (!ok && (g = find_silent(s)))
		ok = true;
	if (ok) {
		engines_fill(a, g, l, NULL, ret);
		ret->aliased = !exact;
		ret->pending = !l;
		if (!l)
			ret->name = engines_keep(a, model);
	}
	pthread_mutex_unlock(&s->lock);
	if (ok)
		return true;
	if (known)
		return fail(e, ERR_MODEL_NOT_FOUND, "model", "The requested model '%.*s' does not exist.",
		            FMT(model));
	fail(e, ERR_UNAVAILABLE, NULL, "No engine is answering at the moment. Please try again later.");
	e->retry_after_ms = 1000;
	return false;
}

bool engine_refresh(struct engine *g, struct arena *a, struct engine_model *m, struct engine_ways *ways, struct err *e)
{
	struct engines *s = g->all;
	struct engine_model now;
	struct str asked = m->name;
	if (m->pending && !engine_find(s, a, asked, &now, e))
		return false;
	if (m->pending && now.pending)
		return fail(e, ERR_MODEL_NOT_FOUND, "model", "The requested model '%.*s' does not exist.", FMT(asked));
	bool aliased = m->pending ? now.aliased : m->aliased;
	if (m->pending)
		*m = now;
	if (s->list[m->index].fleet != g->fleet)
		return true;
	pthread_mutex_lock(&s->lock);
	*ways = (struct engine_ways){g->facts.count_path, g->facts.llamacpp};
	const struct listing *l = engine_listing(g, m->name);
	/* A model that is not listed any more is asked for all the same: the engine knows best. */
	struct str name = m->name;
	engines_fill(a, g, l, m, m);
	m->name = name;
	m->aliased = aliased;
	pthread_mutex_unlock(&s->lock);
	return true;
}

void engine_address(struct engines *s, struct arena *a, size_t index, struct str *url, struct str *key)
{
	pthread_mutex_lock(&s->lock);
	const struct engine *g = &s->list[index];
	const struct fleet *f = g->fleet;
	for (size_t i = 0; i < f->n && !seat_open(g); i++)
		g = &f->seats[i];
	*url = str_copy(a, seat_open(g) ? g->seat.url : g->config.url);
	*key = g->config.key;
	pthread_mutex_unlock(&s->lock);
}

size_t engine_models(struct engines *s, struct arena *a, struct engine_model **ret)
{
	size_t n = 0;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++)
		n += s->list[i].facts.n_models;
	*ret = new_array(a, struct engine_model, n + 1);
	n = 0;
	for (size_t i = 0; i < s->n; i++)
		for (size_t j = 0; j < s->list[i].facts.n_models; j++) {
			bool seen = false;
			engines_fill(a, &s->list[i], &s->list[i].facts.models[j], NULL, &(*ret)[n]);
			for (size_t k = 0; k < n && !seen; k++)
				seen = str_eq((*ret)[k].name, (*ret)[n].name);
			n += !seen; /* two engines with one model show it once */
		}
	pthread_mutex_unlock(&s->lock);
	return n;
}

bool engines_ready(struct engines *s, struct err *why)
{
	char text[300] = "no engine is configured";
	bool ready = false;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n && !ready; i++) {
		const struct engine *g = &s->list[i];
		bool none = g->seat.state == SEAT_EMPTY;
		if (none && (g->at || !fleet_empty(g->fleet)))
			continue;
		ready = seat_open(g) && g->state == ENGINE_UP && g->facts.n_models > 0;
		if (!ready)
			snprintf(text, sizeof text, "engine '%.*s': %s", FMT(none ? g->fleet->name : g->seat.name),
				 none                         ? "none of its members was found yet"
				 : *g->why                    ? g->why
				 : !seat_open(g)              ? "it drains"
				 : g->state == ENGINE_LOADING ? "it is loading its model"
				 : g->state == ENGINE_UP      ? "it has no model"
							      : "it was not looked at yet");
	}
	pthread_mutex_unlock(&s->lock);
	return ready || fail(why, ERR_UNAVAILABLE, NULL, "%s", text);
}

bool engine_accepts(const struct engine_model *m, const struct prompt *p, struct err *e)
{
	return chat_accepts(m->caps, m, p, e);
}

const char *engine_advice(struct arena *a, const struct engine_model *m, struct str effort, const char *list,
                          struct str name)
{
	struct str left = str_of(list), kept = {0};
	bool told = (m->traits && traits_effort(m->traits, effort)) ||
	            (str_eq(effort, S("none")) && m->caps && m->caps->thinking_switch);
	while (told && left.n) {
		struct str one = str_trim(str_cut(&left, ','));
		if (!str_eq(one, name))
			kept = kept.n ? str_fmt(a, "%.*s, %.*s", FMT(kept), FMT(one)) : str_copy(a, one);
	}
	return told ? kept.p : list;
}

bool engine_constrains(const struct engine_model *m, const struct function_tool *t)
{
	struct arena a = {0};
	struct prompt p = {.tools = t, .n_tools = 1, .choice = CHOICE_REQUIRED};
	struct str gbnf;
	bool ok = m->caps && grammar_tool(&a, m->caps->grammar, &p, &gbnf);
	arena_free(&a);
	return ok;
}
