/* watch.h - engines watched: which models they have, and how they are. Inside engine/ alone; it begins with
 * engines_watch() (engine.h). */
#pragma once
#include "engine/table.h"

void watches_open(struct engine_port *p); /* once */
void watches_close(struct engine_port *p);
/* An engine has come; one goes. On the watching port's loop. */
void watch_begin(struct engine_port *p, struct engine *g);
void watch_end(struct engine_port *p, struct engine *g);
/* A call could not connect (why), or the engine says that it is loading: looks at once. Any thread. */
void engine_lost(struct engine *g, enum engine_state state, const char *why);
