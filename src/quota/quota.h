/* quota.h - the gate before engines: may this project and this API key use more?
 *
 * Shared by all loops and threads, behind a short lock, and free while nobody has a limit. Levels are this node's
 * copies of rows, brought together every quota.sync_ms by a thread of its own (docs/design/limits.md). */
#pragma once
#include "quota/quota_text.h"
#include "store/quota.h"

struct quota_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "quota/limits.def"
#undef LIMIT
};
extern struct quota_limits quota_limits; /* set before the first quotas_open(), constant after */

struct quotas;
struct quota_options {
	struct store *store;
	int64_t waiting; /* webhook events that may wait for one endpoint */
};
bool quotas_open(const struct quota_options *o, struct quotas **ret, struct err *e);
/* Who is called when a webhook event was added; on a thread of the gate's. */
void quotas_listen(struct quotas *q, void (*warned)(void *ctx), void *ctx);
/* What was charged is written. */
void quotas_close(struct quotas *q);
/* How many have limits, or had. */
int64_t quota_holders(struct quotas *q);

/* Counts at once, and for ever; most -1: no limit any more. Blocks. */
bool quota_set(struct quotas *q, int64_t holder, enum quota which, int64_t most, struct err *e);
/* -1: none. */
int64_t quota_most(struct quotas *q, int64_t holder, enum quota which);

struct quota_who {
	int64_t project, key; /* key 0: none */
};
/* For headers: of the holder with the least left; most 0: there is no such limit. */
struct quota_shown {
	int64_t most, left, reset_ms;
};
/* One more request to a model. false: ERR_RATE_REQUESTS, with retry_after_ms. `ret` is set in both cases. */
bool quota_request(struct quotas *q, struct quota_who who, struct quota_shown *ret, struct err *e);

/* What a request holds while it runs; {0}: nothing. */
struct quota_hold {
	struct quotas *all; /* NULL: nobody has limits, or it has ended */
	struct quota_who who;
	int64_t tokens; /* charged */
	bool turn;      /* it is one of the turns at once */
};
struct quota_want {
	int64_t tokens; /* estimated */
	bool waits;     /* a run in the background, a line of a batch: the budget alone refuses it */
};
/* Before an engine is asked. false: ERR_RATE_TOKENS or ERR_RATE_REQUESTS with retry_after_ms, ERR_QUOTA (a budget is
 * spent). Nothing is held then. `tokens` is set in both cases. */
bool quota_begin(struct quotas *q, struct quota_hold *h, struct quota_who who, struct quota_want want,
		 struct quota_shown *tokens, struct err *e);
/* With what was used; the estimate goes. Idempotent. */
void quota_end(struct quota_hold *h, const struct usage_add *used, size_t n);
