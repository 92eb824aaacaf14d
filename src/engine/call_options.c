/* call_options.c - how a prompt is rendered for one engine. */
#include "engine/call_options.h"

struct chat_options call_options(const struct engine_config *c, const struct engine_ways *ways,
				 const struct engine_model *m, const struct prompt *p)
{
	const struct sampling *s = &p->sampling;
	int64_t most = s->has_max_output_tokens ? s->max_output_tokens : c->max_tokens;
	/* Without a limit llama.cpp goes on until the context is full: the same, but said. */
	if (!most && ways->llamacpp)
		most = m->context;
	return (struct chat_options){
	    .caps = m->caps,
	    .traits = m->traits,
	    .engine = c->name,
	    .model = m->name,
	    .system = c->system,
	    .temperature = c->temperature,
	    .max_tokens = most,
	    .slot = -1, /* llama.cpp takes the slot with the longest common prefix by itself */
	    .usage = true,
	    .think = &c->think,
	    .small = c->system.n > 0, /* the shims are those of the small default model */
	};
}
