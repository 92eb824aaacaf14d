/* turn_marks.h - marks (engine/marks.h) on their way from the engine's events to the items.
 *
 * Where the client keeps the items itself (include: reasoning.encrypted_content) they are sealed inside a reasoning item:
 * that which stands before the first call, or one without a text. Loop thread. */
#pragma once
#include "turn/turn.h"

/* A piece, to its call or to the message. */
void marks_take(struct turn *t, const struct model_event *me);
/* A call of the client's is about to begin under `call_id`: what is known of it will be sealed in the reasoning item
 * that is open; or, with `closed`, in one that is made for it. true: so it is. */
bool marks_before_call(struct turn *t, const struct model_event *me, struct str call_id, bool closed);
/* The engine's answer is over: what is not sealed yet, other items among it (turn_sealed.h), goes into one more reasoning item. */
void marks_after(struct turn *t);
