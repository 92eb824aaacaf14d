/* runner.h - a background run as its turn sees it.
 *
 * A turn without a reader is made by a runner, which keeps its events and its end. The turn knows these functions
 * alone; background/ gives them, above it. Each is called on the turn's loop. */
#pragma once
#include "turn/turn_machine.h"

struct runner_calls {
	/* The step QUEUE, of the turn that asks for a run: there is no runner yet. */
	enum flow (*queue)(struct turn *t);
	/* OPEN and SAVE in the place of the turn's own. */
	enum flow (*open)(struct turn *t);
	enum flow (*save)(struct turn *t);
	/* An event as it is rendered, and the length of its string delta (-1: none). */
	void (*event)(struct turn *t, int64_t delta, struct str json);
	/* What the item at that output index is kept as, beside what its events tell; goes with the next event. */
	void (*keep)(struct turn *t, int index, struct str item);
	/* More waits to be kept than is good: engine_call_resume() comes when there is room. */
	bool (*full)(const struct turn *t);
	/* When events last left (loop time). */
	int64_t (*last_ms)(const struct turn *t);
	/* Is all that was said durable? Else turn_run() comes when it is. */
	bool (*synced)(struct turn *t);
	/* turn_run() need not come for that any more. */
	void (*unsync)(struct turn *t);
	/* It waits for its conversation no longer, for it will not add to it. */
	void (*hurry)(struct turn *t);
	/* How long it may still take. */
	int64_t (*left_ms)(const struct turn *t);
	/* The turn is freed next. One that has not ended is another worker's from now on. */
	void (*free)(struct turn *t);
};

struct runner { /* the first member of what background/ knows of it */
	const struct runner_calls *calls;
};
