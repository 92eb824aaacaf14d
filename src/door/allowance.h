/* allowance.h - a request against the limits of who asks (quota/quota.h), and the headers that tell of them. Loop
 * thread. */
#pragma once
#include "door/request.h"
#include "quota/quota.h"

/* A request to a model has come. `headers`: its answer tells of the limit (not on a WebSocket). false: it is refused.
 */
bool allowance_request(struct request *rq, bool headers, struct err *e);
/* What it asks for is known: about so many tokens, of these bytes and at most so many made. Ends with quota_end(). */
struct allowance_ask {
	size_t bytes;
	int64_t most;        /* 0: not said */
	bool headers, waits; /* waits: a run in the background; a line of a batch is known by itself */
};
bool allowance_begin(struct request *rq, struct quota_hold *h, const struct allowance_ask *ask, struct err *e);
int64_t allowance_tokens(const struct allowance_ask *ask);
