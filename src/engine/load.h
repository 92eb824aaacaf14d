/* load.h - members of fleets are asked for their load, that of others' calls among it. Inside engine/ alone.
 *
 * GET /metrics of vLLM, SGLang and llama.cpp (--metrics), every fleet.load_ms; who has none is not asked again until it is taken
 * anew. On the watching port's loop. */
#pragma once
#include "engine/table.h"

struct loads;
/* NULL: there is no fleet of several. */
struct loads *loads_open(struct engine_port *p);
void loads_close(struct loads *l);
/* This one goes: it is asked no more. NULL is fine. */
void loads_end(struct loads *l, const struct engine *g);
