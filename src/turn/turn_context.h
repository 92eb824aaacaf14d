/* turn_context.h - what a turn stands on: what previous_response_id, conversation and item references bring.
 *
 * Everything lives in the turn's arena. Loop thread. */
#pragma once
#include "attach/attach.h"
#include "model/item.h"
#include "turn/turn_conversation.h"

struct turn_context {
	struct turn_conversation *conversation; /* NULL: none was needed yet */
	struct stored_context stored;
	const struct turn_item *carried; /* the last of stored.items that the store has not under stored.key */
	size_t n_carried;
	struct stored_item *referred;  /* in the order of turn_referred_ids() */
	struct item *input, *history;  /* references replaced by what they name, what is encrypted by what it says */
	size_t n_input, n_history;     /* n_input: 0 until step_give() has made it of req.items */
	struct attach attach;          /* images and files on their way into the prompt */
	struct compaction *compaction; /* compact.h; NULL: none was begun */
	struct turn_kept *kept; /* turn_save.c; NULL: nothing is made yet of what is kept of the turn */
};

/* Stored items as context.history. */
bool turn_context_view(struct turn *t, struct err *e);
/* Ids of what the input refers to: its item references in order, then what a model made and comes back under ids of ours
 * without what we keep with it. */
struct str *turn_referred_ids(struct turn *t, size_t *n_references, size_t *n);
/* Those items, as far as the store has them unchanged, are what we keep of them: what was found or signed, too. */
void turn_own_items(struct turn *t, size_t n_references);
/* Is what a client has sent this item as it was shown? What it left out is no change. */
bool turn_context_same(struct turn *t, const struct item *sent, const struct item *kept);
bool turn_input_given(struct turn *t, struct err *e);
