/* turn_calls.h - calls as items of the output, made of what the engine sends of them. Inside turn/ alone, but for
 * call_was_cut(). */
#pragma once
#include "turn/turn.h"

/* `sealed`: what its engine wants back is in a reasoning item already. */
void call_begin(struct turn *t, const struct model_event *me, struct str call_id, bool sealed);
void call_more(struct turn *t, const struct model_event *me);
/* The members of the item after its status. */
void call_write(struct jout *o, const struct out_item *it);
/* Ends a call. What cannot be understood leaves no item, and t->out.misfit says why. */
void call_close(struct turn *t, struct out_item *it, bool whole);
/* The members of an item of ours that nothing will come of, and why; why {0}: it has only begun. */
struct str call_blank(struct turn *t, const struct out_item *it, struct str why);
/* Is it a call's item as call_close() has left it, of which nobody knows what it did? After a restart. */
bool call_was_cut(yyjson_val *item);
