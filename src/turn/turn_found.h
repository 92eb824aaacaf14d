/* turn_found.h - our own search of deferred tools (tool_search), as the client sees it. Loop thread. */
#pragma once
#include "model/call.h"

struct turn;
struct hosted_call;

/* The model calls `tool`. Where the client asked us to search its deferred tools and this one was not found before, two
 * finished items tell of the search, with their events; else nothing happens. */
void tool_found(struct turn *t, const struct function_tool *tool);
/* The model calls the search itself, which deferred tools are too many for. true: it runs on another thread, and turn_run()
 * comes; nothing may become of the calls behind it before. false: of this call there is nothing to wait for. */
bool turn_found_waits(struct turn *t, struct hosted_call *c);
/* Its end: what the model is told. What was found is told to the client, and offered from the next call of the engine on. */
struct str turn_found_search(struct turn *t, struct hosted_call *c);
/* Of any call. */
void turn_found_cancel(struct hosted_call *c);
