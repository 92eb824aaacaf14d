/* turn_key.h - a turn's request as it came, and by what it may come again. Loop thread. */
#pragma once
#include "store/store.h"

struct attempt;

/* The request's body as it came (once `filled`: with its prompt template in it), and by what it may come again: an
 * Idempotency-Key, or blindly (door/attempts.h). */
struct turn_key {
	struct str body;
	struct attempt *attempt; /* NULL: its client is not known to send again */
	bool given, filled;
	bool begun, unsaved; /* the key was asked for; what it stands for is lost */
	struct stored_template *template; /* being looked up */
	struct idempotency idem;
	struct idem_result result;
};
