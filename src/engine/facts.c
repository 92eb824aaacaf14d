/* facts.c - what is known of an engine. */
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
