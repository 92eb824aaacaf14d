/* hedge.h - a second request, to another engine of the fleet, when the first byte of an answer does not come. Inside engine/ alone.
 *
 * It is made when the first one has waited longer than 19 of 20 of its engine's calls do (and fleet.hedge_ms), if another engine that is well takes the
 * same request and has a slot that nobody waits for, and if no more than fleet.hedge_percent of the fleet's calls were hedged.
 * Whose head of an answer comes first goes on as the call; the other is cancelled. An engine call has no side effects, and nothing is told before that head, so
 * nobody sees two. Loop thread. */
#pragma once
#include "engine/route.h"

struct hedge_call { /* what it is about; borrowed until hedge_drop() */
	struct loop *loop;
	struct client *client;
	struct arena *arena;
	struct http_call *first; /* under way */
	struct engine **engine;  /* whom it asks; another one when the second request has won */
	struct route *route;
	struct str headers, body; /* headers: beside an engine's own */
	const bool *paused;
};
/* A request has gone out. NULL: this one is not hedged. In the arena. */
struct hedge *hedge_arm(const struct hedge_call *c);
/* The first request has its answer or its failure, or the call ends. NULL is fine; idempotent. */
void hedge_drop(struct hedge *h);
/* The head of an answer has come, of whichever: how long that took is remembered of its engine. Behind hedge_drop(); NULL is fine. */
void hedge_heard(const struct hedge *h);
