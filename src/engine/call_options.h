/* call_options.h - how a prompt is rendered for one engine: its settings, and what is known of it. Pure. */
#pragma once
#include "engine/chat.h"
#include "engine/table.h"

/* Borrows from all of them. */
struct chat_options call_options(const struct engine_config *c, const struct engine_ways *ways,
				 const struct engine_model *m, const struct prompt *p);
