/* discover.h - what an engine tells of itself: llama.cpp's /props and everybody's /v1/models. Pure. */
#pragma once
#include "engine/table.h"

/* Reads /props of a llama.cpp server into *f; false when `body` is not that (nothing is changed then). */
bool props_read(struct str body, const struct engine_config *c, struct engine_facts *f);
/* Reads /v1/models into *f (f->a is made). false: no list of models. */
bool models_read(struct str body, const struct engine_config *c, int64_t now_s, struct engine_facts *f);
/* The models of the configuration in place of those that the engine tells. */
void models_by_hand(const struct engine_config *c, int64_t now_s, struct engine_facts *f);
