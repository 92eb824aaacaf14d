/* turn_steer.h - a turn that is steered: something is to be said to it, so it ends at its next boundary and another
 * goes on.
 *
 * A boundary is where no item is open and no call waits: before a further item, or when hosted tools have ended, before
 * the engine is asked again. With a call that is the client's it ends by itself. Loop thread. */
#pragma once
#include "turn/turn.h"

/* May it be steered at all? Not with a conversation, nor where its context may be compacted. */
bool turn_steers(const struct turn *t);
/* link->steered was set: ends it at once if it stands at a boundary. May free the turn. */
void turn_steer(struct turn *t);
/* A turn that is steered gets this from its engine, or nothing yet (NULL): is that a boundary? */
bool turn_steer_cuts(const struct turn *t, const struct model_event *me);
/* What its output waits for: stubs of input items, each with what names it. How many were written. */
size_t turn_required_write(const struct turn *t, struct jout *o);
