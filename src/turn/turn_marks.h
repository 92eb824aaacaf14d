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
/* An item is about to begin: if these are no thoughts, what the rounds before have left to be sealed (turn_sealed.h) gets an item of its own ... */
void marks_before(struct turn *t, enum item_type type);
/* ... and if they are, it is sealed with them, when they end. */
void marks_into(struct turn *t, struct out_item *it);
/* The turn is over, and whole: what is not sealed yet goes into one more reasoning item. */
void marks_after(struct turn *t);
