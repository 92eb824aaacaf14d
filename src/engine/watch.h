/* watch.h - engines watched: which models they have, and how they are. Inside engine/ alone; it begins with
 * engines_watch() (engine.h). */
#pragma once
#include "engine/table.h"

void watches_close(struct engine_port *p);
/* A call could not connect (why), or the engine says that it is loading: looks at once. Any thread. */
void engine_lost(struct engine *g, enum engine_state state, const char *why);
