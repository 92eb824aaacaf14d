/* socket_memory.h - what a WebSocket remembers of a response that the store does not have.
 *
 * The latest one of each lane, so that the next can continue it also with `store: false`. It
 * holds copies: context, input and output as items. Loop thread; the count of all is shared by the threads. */
#pragma once
#include "turn/turn.h"

struct memory {
	struct arena arena;
	struct str id;           /* of the response; {0}: empty */
	int64_t key;             /* of the nearest ancestor that is stored; 0: none */
	struct turn_item *items; /* the whole context with its output, each with its JSON */
	bool *kept;              /* is the item in the store? */
	size_t n, n_stored;      /* n_stored: the first of them are the context of `key` */
	size_t counted;          /* bytes */
};

/* Remembers a turn that has ended, in place of what was. Too much for the bounds (api_limits.socket_memory_bytes
 * less `others`, memory_bytes): remembers nothing. */
void memory_take(struct memory *m, struct turn *t, size_t others);
/* Makes it the context that `t` continues. */
void memory_give(const struct memory *m, struct turn *t);
void memory_drop(struct memory *m);
