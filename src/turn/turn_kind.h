/* turn_kind.h - what a turn makes when it makes no response.
 *
 * The other POSTs below /v1/responses walk the same steps over the same context, so that they see what a response
 * would have seen; but they end in an answer of their own, as JSON, and nothing is stored. Loop thread. */
#pragma once
#include "turn/turn.h"

struct turn_kind {
	struct str name; /* in metrics and logs */
	enum request_kind request;
	bool open_calls;              /* calls may still wait for their outputs */
	void (*call)(struct turn *t); /* what the engine is asked; ends in turn_call_end(), turn_finish.h */
	void (*answer)(struct turn *t, struct buf *body);
};
