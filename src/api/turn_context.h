/* turn_context.h - what a turn stands on: what previous_response_id, conversation and item references bring.
 *
 * Everything lives in the turn's arena. Loop thread. */
#pragma once
#include "api/turn_conversation.h"
#include "model/item.h"

struct turn_context {
	struct turn_conversation conversation;
	struct stored_context stored;
	const struct turn_item *carried; /* the last of stored.items that the store has not under stored.key */
	size_t n_carried;
	struct stored_item *referred;  /* in the order of the input's references */
	struct item *input, *history;  /* references replaced by what they name, what is encrypted by what it says */
	size_t n_history;
	struct compaction *compaction; /* compact.h; NULL: none was begun */
};

/* Stored items as context.history. */
bool turn_context_view(struct turn *t, struct err *e);
/* Ids of the input's item references, in order. */
struct str *turn_reference_ids(struct turn *t, size_t *n);
bool turn_input_given(struct turn *t, struct err *e);
