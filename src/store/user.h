/* user.h - what an end user's `safety_identifier` is in, erased. Blocks; any thread. */
#pragma once
#include "store/store.h"

struct user_erased {
	int64_t responses, conversations, runs; /* found and taken away */
	int64_t running;                        /* background responses that still run, and stay */
	int64_t held; /* contexts that other responses continue, with their items: they stay */
};
/* Responses, the conversations that they were part of, background runs and claims of idempotency keys, in every
 * project; with what only they held. `dry`: counts alone. */
bool user_erase(struct store *s, struct str identifier, bool dry, struct user_erased *ret, struct err *e);

/* --- what is being erased: kept so that a start after a crash goes on with it --- */

bool erasing_set(struct store *s, struct str what, struct err *e); /* {0}: nothing any more */
/* In `a`; {0}: nothing. */
bool erasing_get(struct store *s, struct arena *a, struct str *ret, struct err *e);
