/* slots.h - the queue in front of a fleet's slots, shared by all loops. Inside engine/ alone.
 *
 * A slot is the right to one call to one engine. Those who wait are served oldest first, and which of the engines it will be is chosen only
 * then (fleet/choose.h): nobody stands behind one that is sick or slow. Who may be asked, in this order:
 *   1. those that are well: up, not draining, their breaker closed, with the model, and not tried by this call before;
 *   2. such that were tried;
 *   3. if one loads or was not looked at yet, none: it is waited for;
 *   4. all that do not drain: what is known of them may be wrong, and nobody else is there. */
#pragma once
#include "engine/table.h"

enum slot_answer { SLOT_YOURS, SLOT_WAIT, SLOT_FULL };
enum slot_end { SLOT_WELL, SLOT_FAILED, SLOT_UNSAID }; /* what a call says of its engine; unsaid: nothing */
struct slot_ask {
	bool front, low; /* front: before all others (a call that had its slot); low: behind all that are not */
	void (*granted)(void *ctx, struct engine *g);
	void *ctx;
	/* For fleets: */
	struct str model;                 /* lives as long as the call */
	const struct prefix_marks *marks; /* likewise; NULL: not known */
	uint64_t key;                     /* prefix_hash() of prompt_cache_key; 0: none */
	uint64_t tried;                   /* one bit an engine (engine.at) */
};
/* SLOT_YOURS: at *at. SLOT_WAIT: *ret waits, granted() runs once on `l`. How many wait low down is bounded by who asks. */
enum slot_answer slot_take(struct fleet *f, struct loop *l, const struct slot_ask *ask, struct engine **at, struct ticket **ret,
			   struct err *e);
/* Leaves the queue; a grant under way is passed on. */
void slot_forget(struct fleet *f, struct ticket *t);
/* `ms` is how long the call took, < 0: unknown. */
void slot_give(struct engine *g, int64_t ms, enum slot_end end);
/* Is there an engine that is well and that this call has not tried? It may have no slot free. */
bool slot_elsewhere(struct fleet *f, const struct slot_ask *ask);
/* A slot of an engine that is well, which this call has not tried, if one is free and nobody waits; NULL. With the lock held. */
struct engine *slot_spare(struct fleet *f, const struct slot_ask *ask);
/* For what needs no slot: an engine that is held until slot_let_go(). NULL: none is there yet. */
struct engine *slot_hold(struct fleet *f, const struct slot_ask *ask);
void slot_let_go(struct engine *g);
/* A state or the number of slots has changed: grants what can be granted. With the lock held. */
void slots_pump(struct fleet *f);
/* How many calls it takes at once. With the lock held. */
int64_t slots_of(const struct engine *g);
/* Until when the next slot may be hoped for. With the lock held. */
int fleet_retry_ms(const struct fleet *f);
/* Nobody is there yet who could be asked: they load, or were not looked at. With the lock held. */
bool fleet_loads(const struct fleet *f);
