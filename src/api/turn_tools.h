/* turn_tools.h - tools that are ours to run, within the turn. Loop thread. */
#pragma once
#include "base/err.h"

struct turn;

/* The engine's call has ended well. True: tools of ours were called, nothing of the client's; their results are in the
 * prompt for another call. False: the turn is over, with *e if it failed. */
bool turn_tools_next(struct turn *t, struct err *e);
