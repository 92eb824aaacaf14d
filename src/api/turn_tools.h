/* turn_tools.h - tools that are ours to run, within the turn. Loop thread. */
#pragma once
#include "base/err.h"

struct turn;

/* The engine's call has ended well. True: tools of ours were called, nothing of the client's; their results are in the
 * prompt for another call. False: the turn is over, with *e if it failed. */
bool turn_tools_next(struct turn *t, struct err *e);

/* --- for a turn whose items were told by a process that is gone (restore.h) --- */
/* Did it stop between two calls of the engine, with nothing open? */
bool turn_tools_between(const struct turn *t);
/* The prompt gets what was finished up to the last call of a tool of ours, so that the model goes on from there. */
bool turn_tools_rejoin(struct turn *t, struct err *e);
