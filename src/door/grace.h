/* grace.h - the client of an attempt left, and may come back for its answer.
 *
 * Clients that are known to retry (attempts.h) get api_limits.retry_grace_ms; as long as somebody wants the answer then,
 * it is looked again later. Loop thread. */
#pragma once
#include "loop/loop.h"

struct grace { /* embed it; the two functions are set once, by its owner */
	struct timer timer;
	struct loop *loop;
	bool (*wanted)(struct grace *); /* does anybody wait for the answer? */
	void (*over)(struct grace *);   /* nobody does */
};

/* false: there is no grace (the limit is 0), and over() does not come. */
bool grace_start(struct grace *g, struct loop *l);
void grace_cancel(struct grace *g);
