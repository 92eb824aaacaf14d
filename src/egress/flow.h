/* flow.h - one connection out of a box, from its first byte to its end, on a thread of its own. */
#pragma once
#include <stdatomic.h>

#include "egress/egress.h"

struct authority;

struct flow_rules { /* outlive the flow */
	const struct egress_policy *policy;
	int64_t owner;
	/* Made at the first need; NULL: it cannot be. */
	const struct authority *(*authority)(void *ctx);
	void *ctx;
	const _Atomic bool *cut; /* set elsewhere: give up */
};
/* Blocks until it is over; owns `fd`, which does not block. */
void flow_run(const struct flow_rules *rules, int fd);
/* One more than there may be: is told so and closed, without waiting. */
void flow_refuse(int fd);
