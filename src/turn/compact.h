/* compact.h - the long past of a conversation as one sealed item.
 *
 * A summary is made by the engine and sealed together with the calls that are still open; whoever sends the item back
 * gets them put into the prompt in place of what they stand for (encrypted.h, prompt.h). Loop thread. */
#pragma once
#include "engine/prompt.h"

struct turn;

/* One under way, or done; in the turn's arena. */
struct compaction {
	struct prompt prompt;
	struct item *items; /* the whole context */
	size_t n;
	size_t most; /* bytes of the transcript */
	struct buf summary;
	struct str sealed;
	void (*done)(struct turn *, const struct err *);
};

/* Does this turn's usage call for compaction (context_management)? */
bool compact_due(struct turn *t);
/* Has the engine sum up the turn's context, input and finished output; t->call must be idle and is used.
 * done() comes later; t->call.usage is what it cost. Ended by engine_call_cancel(). */
void compact_start(struct turn *t, void (*done)(struct turn *t, const struct err *e));
/* The end of a response's compaction: the item, the usage and, where that was all it was asked for, the status. */
void compact_finish(struct turn *t, const struct err *e);
/* create_check_calls() over the turn's context, with the calls that live in compactions. */
bool compact_calls_fit(struct turn *t, struct err *e);
