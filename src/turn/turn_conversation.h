/* turn_conversation.h - a turn's conversation: waiting for it, reading it, adding to it.
 *
 * A turn holds its conversation's lease from before it reads until what it adds is committed; it goes with the
 * turn. Completed and incomplete turns append their input and output, others nothing. Loop thread. */
#pragma once
#include "store/conversation.h"
#include "store/lease.h"

struct map;
struct turn;

struct turn_conversation {
	struct turn *turn;
	struct id id;
	struct conversation_lease lease;
	struct timer patience;
	bool held;
	struct stored_conversation stored;
};

/* Does the turn run on a conversation and add to it? Those that only read one wait for nobody. */
bool turn_conversation_adds(const struct turn *t);
/* true: the turn may go on, or t->error says why not; false: turn_run() comes when it may. */
bool turn_conversation_hold(struct turn *t);
/* Starts t->op: the context. */
void turn_conversation_load(struct turn *t);
/* Lets go; in any state. */
void turn_conversation_leave(struct turn *t);
/* The ids that its items are known by. */
void turn_conversation_ids(const struct turn *t, struct map *ret);
/* Its items since its last turn; `items` may be NULL: only counted. */
size_t turn_conversation_news(struct turn *t, struct turn_item *items);
/* For the record; NULL: there is no conversation. */
const struct turn_append *turn_conversation_append(struct turn *t, size_t n_known);

/* OpenAI's text for one that is in use, and the one for an unknown id; always false. */
bool conversation_locked(struct err *e);
bool conversation_not_found(struct str id, struct err *e);
