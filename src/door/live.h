/* live.h - the turns and chat completions that run at this moment, as others may see them.
 *
 * Each has a struct live in its own memory from live_add() until live_remove(). Any thread may look; what changes
 * meanwhile is atomic, or stands under the lock. */
#pragma once
#include "measure/phases.h"
#include "wire/jout.h"

struct live {
	struct live *next, *prev; /* under the lock, and so is what follows */
	struct str id, kind, model;
	const struct phases *phases;
};
/* Its texts and phases outlive it. */
void live_add(struct live *l);
/* Which model it will be asked of. */
void live_model(struct live *l, struct str model);
/* One that was never added may be given. */
void live_remove(struct live *l);
/* An array, the oldest first, `most` of them. */
void live_write(struct jout *o, size_t most);
