/* engine.c - the engine table: configuration in, models out. */
#include <stdio.h>

#include "base/clock.h"
#include "engine/chat_error.h"
#include "engine/discover.h"
#include "engine/facts.h"
#include "engine/watch.h"

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

static bool take_dialect(struct engine *g, struct err *e)
{
	const struct engine_config *c = &g->config;
	struct traits t = {0};
	g->fixed = c->dialect.n && !str_eq(c->dialect, S("auto"));
	g->said = g->fixed ? dialect_named(c->dialect) : dialect_of_host(g->target.host);
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

static bool engine_setup(struct engines *s, struct engine *g, const struct engine_config *c, struct err *e)
{
	g->all = s;
	g->index = (size_t)(g - s->list);
	for (size_t i = 0; i < sizeof g->queues / sizeof *g->queues; i++)
		g->queues[i].last = &g->queues[i].first;
	keep_config(&s->a, c, &g->config);
	if (!http_target_parse(&s->a, c->url, &g->target, e))
		return false;
	for (size_t i = 0; i < c->key.n; i++)
		if ((unsigned char)c->key.p[i] < ' ' || c->key.p[i] == 0x7f)
			return fail(e, ERR_CONFIG, NULL, "the key of engine '%.*s' holds control characters",
			            FMT(g->config.name));
	if (!take_dialect(g, e))
		return false;
	bool azure = g->traits.of[TRAIT_AUTH] != 0;
	g->headers = str_fmt(&s->a,
	                     "User-Agent: antiphon/" ANTIPHON_VERSION "\r\nAccept: text/event-stream, application/json\r\n"
	                     "Content-Type: application/json\r\n%s%.*s%s",
	                     !c->key.n ? "" : azure ? "api-key: " : "Authorization: Bearer ", FMT(c->key), c->key.n ? "\r\n" : "");
	g->state = c->managed ? ENGINE_LOADING : ENGINE_UNKNOWN;
	first_facts(g);
	return true;
}

bool engines_open(const struct engines_config *c, struct engines **ret, struct err *e)
{
	struct engines *s = xalloc(sizeof *s);
	pthread_mutex_init(&s->lock, NULL);
	s->opened_s = clock_wall_s();
	s->n = c->n;
	s->list = new_array(&s->a, struct engine, c->n + 1);
	s->default_model = engines_keep(&s->a, c->default_model);
	struct engine_alias *aliases = new_array(&s->a, struct engine_alias, c->n_aliases + 1);
	for (size_t i = 0; i < c->n_aliases; i++)
		aliases[i] = (struct engine_alias){engines_keep(&s->a, c->aliases[i].pattern),
						   engines_keep(&s->a, c->aliases[i].model)};
	s->aliases = aliases;
	s->n_aliases = c->n_aliases;
	for (size_t i = 0; i < c->n; i++)
		if (!engine_setup(s, &s->list[i], &c->engines[i], e)) {
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
	for (size_t i = 0; i < s->n; i++)
		facts_free(&s->list[i].facts);
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
	watches_close(p);
	client_free(p->client);
	arena_free(&p->scratch);
	xfree(p);
}

/* --- looking up; with the lock held --- */

static struct listing *listing_find(struct engine *g, struct str name)
{
	for (size_t i = 0; i < g->facts.n_models; i++)
		if (str_eq(g->facts.models[i].name, name))
			return &g->facts.models[i];
	return NULL;
}

/* Of several engines with the model one that is up and has the most room. */
static bool find_exact(struct engines *s, struct str name, struct engine **engine, struct listing **listing)
{
	struct engine *best = NULL;
	for (size_t i = 0; i < s->n; i++) {
		struct engine *g = &s->list[i];
		struct listing *l = listing_find(g, name);
		if (!l)
			continue;
		bool better = !best || (g->state == ENGINE_UP && best->state != ENGINE_UP) ||
		              (g->state == best->state && g->busy + g->waiting < best->busy + best->waiting);
		if (!better)
			continue;
		best = g;
		*listing = l;
	}
	*engine = best;
	return best != NULL;
}

static bool find_default(struct engines *s, struct engine **engine, struct listing **listing)
{
	if (s->default_model.n && find_exact(s, s->default_model, engine, listing))
		return true;
	for (size_t i = 0; i < s->n; i++) {
		struct engine *g = &s->list[i];
		if (!g->facts.n_models)
			continue;
		struct listing *l = g->config.default_model.n ? listing_find(g, g->config.default_model) : NULL;
		*engine = g;
		*listing = l ? l : &g->facts.models[0];
		return true;
	}
	return false;
}

static bool find_alias(struct engines *s, struct str name, struct engine **engine, struct listing **listing)
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

/* An engine that may turn out to have the model. */
static struct engine *find_silent(struct engines *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct engine *g = &s->list[i];
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
	struct listing *l = NULL;
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

bool engine_refresh(struct engines *s, struct arena *a, struct engine_model *m, struct engine_ways *ways,
                    struct err *e)
{
	struct engine_model now;
	struct str asked = m->name;
	if (m->pending && !engine_find(s, a, asked, &now, e))
		return false;
	if (m->pending && now.pending)
		return fail(e, ERR_MODEL_NOT_FOUND, "model", "The requested model '%.*s' does not exist.", FMT(asked));
	bool aliased = m->pending ? now.aliased : m->aliased;
	if (m->pending)
		*m = now;
	struct engine *g = &s->list[m->index];
	pthread_mutex_lock(&s->lock);
	*ways = (struct engine_ways){g->facts.count_path, g->facts.llamacpp};
	struct listing *l = listing_find(g, m->name);
	/* A model that is not listed any more is asked for all the same: the engine knows best. */
	struct str name = m->name;
	engines_fill(a, g, l, m, m);
	m->name = name;
	m->aliased = aliased;
	pthread_mutex_unlock(&s->lock);
	return true;
}

void engine_address(const struct engines *s, size_t index, struct str *url, struct str *key)
{
	*url = s->list[index].config.url;
	*key = s->list[index].config.key;
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
		ready = g->state == ENGINE_UP && g->facts.n_models > 0;
		if (!ready)
			snprintf(text, sizeof text, "engine '%.*s': %s", FMT(g->config.name),
			         *g->why                        ? g->why
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
