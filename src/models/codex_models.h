/* codex_models.h - the model catalog that Codex asks for beside OpenAI's list: GET /v1/models?client_version=. */
#pragma once
#include "engine/engine.h"

/* The array's value. Codex's own names; what it does not need is left out. */
void codex_models_write(struct jout *o, const struct engine_model *models, size_t n);
