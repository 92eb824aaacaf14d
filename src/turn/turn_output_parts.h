/* turn_output_parts.h - how turn_output.c makes items, for those that make items of other kinds. Inside turn/ alone. */
#pragma once
#include "turn/turn.h"

/* NULL: too many. */
struct out_item *item_open(struct turn *t, enum item_type type);
/* output_item.added: the item as it stands. */
void item_added(struct turn *t, struct out_item *it);
/* A piece of the open text or refusal; `logprobs` go with it. */
void text_delta(struct turn *t, struct out_item *it, struct str text, struct str logprobs);
/* output_item.done; nothing of the item changes any more. */
void item_finish(struct turn *t, struct out_item *it, bool whole);
/* Counts what the output grows by; false: past the bound, the turn fails. */
bool output_grow(struct turn *t, struct buf *b, struct str s);
