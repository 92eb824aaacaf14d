/* idem.h - idempotency keys. Included by store.h, which has the rules. */
#pragma once
#include "store/store.h"

struct idempotency {
	struct str route, key;
	uint8_t body_hash[32];
};
enum idem_state { IDEM_FRESH, IDEM_RUNNING, IDEM_DONE, IDEM_OTHER_BODY, IDEM_CRASHED };
struct idem_result {
	enum idem_state state;
	struct id response; /* of the first attempt */
	int status;         /* IDEM_DONE */
	struct str answer;
};
/* Claims the key for `response` durably before any engine call. store_idem_end() must follow. */
void store_idem_begin(struct store_port *p, struct store_op *op, int64_t project, const struct idempotency *idem,
                      const struct id *response, struct arena *a, struct idem_result *ret);
/* Gives the claim of `response` back, which produced no answer worth keeping (4xx). The claim of another stays: who
 * left before it was known whose the claim is may give it back, too. */
void store_idem_drop(struct store_port *p, struct store_op *op, int64_t project, const struct idempotency *idem,
                     const struct id *response);
/* Whoever began has ended; idempotent. A claim that could neither be answered nor given back (a full disk) is free from
 * now on; `unsaved`: what it stood for was made and is lost, and that is what the key answers (IDEM_CRASHED). */
void store_idem_end(struct store_port *p, const struct id *response, bool unsaved);

/* --- inside store/: what is known in memory of keys, which run on this node; one table for all loops --- */
struct holders;
struct holders *holders_new(void);
void holders_free(struct holders *h);
