/* turn_found.h - our own search of deferred tools (tool_search), as the client sees it. Loop thread. */
#pragma once
#include "model/call.h"

struct turn;

/* The model calls `tool`. Where the client asked us to search its deferred tools and this one was not found before, two
 * finished items tell of the search, with their events; else nothing happens. */
void tool_found(struct turn *t, const struct function_tool *tool);
/* The model calls the search itself, which deferred tools are too many for. What it is told; what was found is told to
 * the client, and offered from the next call of the engine on. */
struct str turn_found_search(struct turn *t, struct str arguments);
