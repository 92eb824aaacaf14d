/* turn_output_parts.h - what turn_output.c (messages, reasoning) and turn_calls.c (calls) share. Inside turn/ alone. */
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

/* --- turn_calls.c --- */
/* `sealed`: what its engine wants back is in a reasoning item already. */
void call_begin(struct turn *t, const struct model_event *me, struct str call_id, bool sealed);
void call_more(struct turn *t, const struct model_event *me);
/* The members of the item after its status. */
void call_write(struct jout *o, const struct out_item *it);
/* Ends a call. What cannot be understood leaves no item, and t->out.misfit says why. */
void call_close(struct turn *t, struct out_item *it, bool whole);
