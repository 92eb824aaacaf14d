/* turn_key.h - what a request may come again by, and its body as long as it is read again.
 *
 * Everything lives in the turn's arena. Loop thread. */
#pragma once
#include "store/store.h"

struct attempt;

/* An Idempotency-Key, and what the store knows of it. */
struct turn_claim {
	struct idempotency idem;
	struct idem_result result;
};

/* By an Idempotency-Key, or blindly (door/attempts.h). */
struct turn_key {
	struct str body; /* as it came; once `filled`: with its prompt template in it; {0}: nobody reads it again */
	struct attempt *attempt; /* NULL: its client is not known to send again */
	bool given, filled;
	bool begun, unsaved; /* the key was asked for; what it stands for is lost */
	struct stored_template *template; /* being looked up */
	struct turn_claim *claim; /* NULL: no key came */
};
