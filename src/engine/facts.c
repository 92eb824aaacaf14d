/* facts.c - what is known of an engine. */
#include "engine/facts.h"

#include "engine/table.h"

/* Sampling keys that local engines know beyond OpenAI's: they go through without being listed in engines[].pass. */
const char *const engine_pass_local[] = {"top_k", "min_p", "seed", "stop", "repetition_penalty", "logit_bias",
                                         "chat_template_kwargs", NULL};
const char *const engine_pass_plain[] = {"seed", "stop", "logit_bias", NULL};

void facts_free(struct engine_facts *f)
{
	if (f->a)
		arena_free(f->a);
	xfree(f->a);
	f->a = NULL;
	f->models = NULL;
	f->n_models = 0;
}

enum dialect engine_dialect(const struct engine *g)
{
	return g->fixed || g->said != DIALECT_GENERIC ? g->said : g->facts.dialect;
}

void engine_settle(struct engine *g)
{
	struct err none = {0}; /* checked when the engines were opened */
	g->traits = dialect_traits(engine_dialect(g));
	if (g->facts.short_ids)
		g->traits.of[TRAIT_IDS] = IDS_SHORT;
	for (enum trait t = 0; t < TRAITS; t++)
		if (g->learnt_mask & (1u << t))
			g->traits.of[t] = g->learnt.of[t];
	for (size_t i = 0; i < g->config.n_traits; i++)
		trait_set(&g->traits, g->config.traits[i], &none);
	if (g->traits.of[TRAIT_THOUGHTS] == THOUGHTS_SAME)
		g->traits.of[TRAIT_THOUGHTS] = g->heard;
}

const struct listing *engine_listing(const struct engine *g, struct str name)
{
	for (size_t i = 0; i < g->facts.n_models; i++)
		if (str_eq(g->facts.models[i].name, name))
			return &g->facts.models[i];
	return NULL;
}
