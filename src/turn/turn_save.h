/* turn_save.h - a turn as the store, a client and a WebSocket's memory keep it. Loop thread. */
#pragma once
#include "turn/turn.h"

/* What the turn adds to its context: input, then output. In t->arena; once a turn. */
struct turn_item *turn_items(struct turn *t, size_t *n, size_t *n_output);
/* Fills the record of this turn; everything in t->arena. */
void turn_record_make(struct turn *t, struct turn_record *ret);
/* The response object as it now stands, in `b`. */
void turn_response_write(struct turn *t, struct buf *b, bool with_output, bool billing, size_t *output_at);
/* An item that the client sent, as it is kept: with a key of ours, in the arena. */
struct turn_item item_record(struct arena *a, const struct item *it);
