/* turn_save.h - a turn as the store, a client and a WebSocket's memory keep it. Loop thread. */
#pragma once
#include "turn/turn.h"

/* Makes some more of the items that the input is kept as. true: that was all; else others may have their turn. */
bool turn_keep_some(struct turn *t);
/* What the turn adds to its context: input, then output. In t->arena; once a turn. */
struct turn_item *turn_items(struct turn *t, size_t *n, size_t *n_output);
/* Fills the record of this turn; everything in t->arena. */
void turn_record_make(struct turn *t, struct turn_record *ret);
/* The same in pieces. NULL: not all yet; others may have their turn. */
struct turn_record *turn_record_some(struct turn *t);
/* The response object as it now stands, in `b`. */
void turn_response_write(struct turn *t, struct buf *b, bool with_output, bool billing, size_t *output_at);
/* An item that the client sent, as it is kept: with a key of ours, in the arena. */
struct turn_item item_record(struct arena *a, const struct item *it);
