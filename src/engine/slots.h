/* slots.h - the queue in front of an engine's slots, shared by all loops. Inside engine/ alone.
 *
 * A slot is the right to one call; those who wait are served oldest first. */
#pragma once
#include "engine/table.h"

enum slot_answer { SLOT_YOURS, SLOT_WAIT, SLOT_FULL };
struct slot_ask {
	bool front, low; /* front: before all others (a call that had its slot); low: behind all that are not */
	void (*granted)(void *ctx);
	void *ctx;
};
/* SLOT_WAIT: *ret waits, granted(ctx) runs once on `l`. How many wait low down is bounded by who asks. */
enum slot_answer slot_take(struct engine *g, struct loop *l, const struct slot_ask *ask, struct ticket **ret, struct err *e);
/* Leaves the queue; a grant under way is passed on. */
void slot_forget(struct engine *g, struct ticket *t);
/* `ms` is how long the call took, < 0: unknown. */
void slot_give(struct engine *g, int64_t ms);
/* The state or the number of slots has changed: grants what can be granted. With the lock held. */
void slots_pump(struct engine *g);
/* How many calls it takes at once. With the lock held. */
int64_t slots_of(const struct engine *g);
/* Until when the next slot may be hoped for. With the lock held. */
int engine_retry_ms(const struct engine *g);
