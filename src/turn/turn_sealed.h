/* turn_sealed.h - items that a client keeps for us, with what we keep of them sealed beside.
 *
 * A call that we ran says more to the engine than clients see: what it was told, the numbers of sources, hidden
 * members, what an engine signed. Where nothing is stored and the client keeps the items (include:
 * reasoning.encrypted_content), the items are sealed whole, but for pictures that the client sees, in the reasoning item
 * behind them: {"items": [...]} in its ITEM_OURS. Where no thoughts follow that is an item of its own, but on a
 * WebSocket, which remembers. Bounded by api.sealed_bytes. Loop thread. */
#pragma once
#include "turn/turn.h"

/* The items up to `last` that were not sealed yet, as a member of an object; {0}: there is nothing to seal. In t->arena. */
struct str sealed_items(struct turn *t, const struct out_item *last);
/* May they have an item of their own? */
bool sealed_alone(const struct turn *t);
/* Items of the history and the input become what was sealed of them, where they come back as they were shown: those
 * between their reasoning item and the one before, by their id where they have one. Before prompt_make(). */
void sealed_give(struct turn *t);
