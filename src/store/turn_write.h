/* turn_write.h - what goes into the list of changes that keeps a turn, and what is known of a background run. Inside store/
 * alone. */
#pragma once
#include "store/look.h"

/* --- conversation.c --- */
enum { CONVERSATION_CHANGES = 3, CONVERSATION_BINDS = 10 }; /* of one conversation_add(), at most */
/* Appends an item to a conversation, unless it is there or the conversation is not. `kept`: the same list
 * inserts the item for its context. */
void conversation_add(struct store_request *r, int64_t project, int64_t conversation, const struct turn_item *it,
		      bool kept);
size_t conversation_bytes(const struct turn_item *items, size_t n);

/* --- record.c --- */
/* What else shall go with a turn: changes, binds and bytes to make room for. */
struct record_room {
	size_t changes, binds, bytes;
};
/* A request that writes a turn (nothing at all without `store` and `idem`), not yet sent. NULL: it cannot be made,
 * `op` learns why. What the turn continues is read when it is sent. */
struct store_request *record_request(struct store_port *p, struct store_op *op, const struct turn_record *t,
				     struct record_room room);

/* --- run.c --- */
/* A background run as it now stands. */
struct run_now {
	const struct id *id;
	int64_t now, created_at, tries, asker;
	bool found, ended, kept, obfuscated; /* found false: none (any more) */
	char status[16];                     /* once it has ended */
};
/* Inside a look's work(). */
bool run_look(struct look *l, const struct id *id, struct run_now *ret, struct err *e);
