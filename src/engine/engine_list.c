/* engine_list.c - the engines as people see them. */
#include "engine/engine_list.h"

#include "engine/facts.h"
#include "engine/slots.h"

static const struct str states[] = {[ENGINE_UNKNOWN] = STR("unknown"),
				    [ENGINE_LOADING] = STR("loading"),
				    [ENGINE_UP] = STR("up"),
				    [ENGINE_DOWN] = STR("down")};

static struct engine_info info_of(const struct engine *g, struct arena *a)
{
	return (struct engine_info){
	    .name = str_copy(a, g->config.name),
	    .state = states[g->state],
	    .why = g->state == ENGINE_UP ? S("") : str_copy(a, str_of(g->why)),
	    .dialect = dialect_name(engine_dialect(g)),
	    .slots = slots_of(g),
	    .busy = g->busy,
	    .waiting = g->waiting,
	    .tokens_a_second = g->pace,
	    .models = g->facts.n_models,
	    .managed = g->config.managed,
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
	*ret = new_array(a, struct engine_info, s->n + 1);
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++)
		(*ret)[i] = info_of(&s->list[i], a);
	pthread_mutex_unlock(&s->lock);
	return s->n;
}
