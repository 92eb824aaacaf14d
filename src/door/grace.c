/* grace.c - the client of an attempt left, and may come back for its answer. */
#include "door/grace.h"

#include "door/options.h"

static void on_time(struct timer *t)
{
	struct grace *g = OWNER(t, struct grace, timer);
	if (g->wanted(g))
		timer_start(g->loop, t, api_limits.retry_grace_ms, on_time);
	else
		g->over(g);
}

bool grace_start(struct grace *g, struct loop *l)
{
	g->loop = l;
	if (!api_limits.retry_grace_ms)
		return false;
	timer_start(l, &g->timer, api_limits.retry_grace_ms, on_time);
	return true;
}

void grace_cancel(struct grace *g)
{
	timer_cancel(&g->timer);
}
