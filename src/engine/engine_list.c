/* engine_list.c - the engines as people see them, and as they drain them. */
#include "engine/engine_list.h"

#include "base/clock.h"
#include "base/log.h"
#include "engine/facts.h"
#include "engine/slots.h"

static const struct str states[] = {[ENGINE_UNKNOWN] = STR("unknown"),
				    [ENGINE_LOADING] = STR("loading"),
				    [ENGINE_UP] = STR("up"),
				    [ENGINE_DOWN] = STR("down")};

static bool is_broken(const struct engine *g)
{
	return g->state == ENGINE_UP && g->breaker.state != BREAKER_CLOSED;
}

static struct str info_state(const struct engine *g)
{
	if (g->seat.state == SEAT_DRAINS)
		return S("draining");
	if (g->seat.state == SEAT_LEAVES)
		return S("leaving");
	return is_broken(g) ? S("broken") : states[g->state];
}

static struct str info_why(const struct engine *g, struct arena *a)
{
	int64_t left_ms = g->breaker.until_ms - clock_mono_us() / 1000;
	if (is_broken(g))
		return str_fmt(a, "calls to it fail; one tries it %s%lld s", left_ms > 0 ? "in " : "now, after ",
			       (long long)((left_ms > 0 ? left_ms : g->breaker.wait_ms) + 999) / 1000);
	return g->state == ENGINE_UP ? S("") : str_copy(a, str_of(g->why));
}

static struct engine_info info_of(const struct engine *g, struct arena *a)
{
	struct str state = info_state(g);
	return (struct engine_info){
	    .name = str_copy(a, g->seat.name),
	    .fleet = g->fleet->name,
	    .state = state,
	    .why = info_why(g, a),
	    .dialect = dialect_name(engine_dialect(g)),
	    .slots = slots_of(g),
	    .busy = g->busy,
	    .waiting = g->fleet->waiting,
	    .tokens_a_second = g->pace,
	    .models = g->facts.n_models,
	    .managed = g->config.managed,
	    .takes = str_eq(state, states[ENGINE_UP]) || str_eq(state, states[ENGINE_UNKNOWN]),
	    .caps = g->facts.caps,
	    .context = g->facts.context,
	    .traits = traits_text(a, &g->traits),
	    .learnt = (size_t)__builtin_popcount(g->learnt_mask),
	};
}

struct sent *engines_sent(struct engines *s)
{
	return s->sent;
}

size_t engine_list(struct engines *s, struct arena *a, struct engine_info **ret)
{
	size_t n = 0;
	*ret = new_array(a, struct engine_info, s->n + 1);
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].seat.state != SEAT_EMPTY)
			(*ret)[n++] = info_of(&s->list[i], a);
	pthread_mutex_unlock(&s->lock);
	return n;
}

static void info_write(struct jout *o, const struct engine_info *g)
{
	jo_obj(o);
	jo_kstr(o, "name", g->name);
	jo_kstr(o, "fleet", g->fleet);
	jo_kstr(o, "state", g->state);
	jo_kstr(o, "why", g->why);
	jo_kstr(o, "dialect", g->dialect);
	jo_kbool(o, "managed", g->managed);
	jo_kint(o, "models", (int64_t)g->models);
	jo_kint(o, "slots", g->slots);
	jo_kint(o, "busy", g->busy);
	jo_kint(o, "waiting", g->waiting);
	jo_knum(o, "tokens_a_second", g->tokens_a_second);
	jo_kint(o, "context", g->context);
	jo_kbool(o, "tools", g->caps.tools);
	jo_kbool(o, "parallel", g->caps.parallel);
	jo_kbool(o, "schema", g->caps.schema);
	jo_kbool(o, "vision", g->caps.vision);
	jo_kbool(o, "audio", g->caps.audio);
	jo_kstr(o, "traits", g->traits);
	jo_kint(o, "learnt", (int64_t)g->learnt);
	jo_obj_end(o);
}

void engine_list_write(struct engines *s, struct arena *a, struct jout *o)
{
	struct engine_info *all;
	size_t n = engine_list(s, a, &all);
	jo_obj(o);
	jo_key(o, S("engines"));
	jo_arr(o);
	for (size_t i = 0; i < n; i++)
		info_write(o, &all[i]);
	jo_arr_end(o);
}

bool engine_drain(struct engines *s, struct str name, bool drain, struct err *e)
{
	bool found = false;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n && !found; i++) {
		struct engine *g = &s->list[i];
		found = (g->seat.state == SEAT_TAKEN || g->seat.state == SEAT_DRAINS) && str_eq(g->seat.name, name);
		if (!found)
			continue;
		g->seat.state = drain ? SEAT_DRAINS : SEAT_TAKEN;
		slots_pump(g->fleet);
	}
	pthread_mutex_unlock(&s->lock);
	if (found)
		log_at(LOG_INFO, drain ? "engine drains" : "engine resumes", "engine=%.*s", FMT(name));
	return found || fail(e, ERR_NOT_FOUND, "name", "There is no engine named '%.*s'.", FMT(name));
}
