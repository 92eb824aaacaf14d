/* engine_measure.c - calls of engines are counted. */
#include "engine/engine_measure.h"

#include "measure/measure.h"

enum { PACE_WEIGHT = 8, PACE_TOKENS = 4 }; /* fewer tokens than that say nothing of the pace */

void engine_measure_slot(int64_t waited_ms)
{
	MEASURE(ENGINE_QUEUE, waited_ms * 1000, 0);
}

void engine_measure_end(struct engine *g, const struct engine_call *c, bool ok, int64_t spoke_ms)
{
	if (c->counting)
		return;
	bool paced = spoke_ms > 0 && c->usage.output >= PACE_TOKENS;
	double pace = paced ? (double)c->usage.output * 1000 / (double)spoke_ms : 0;
	pthread_mutex_lock(&g->all->lock);
	unsigned label = g->seat.label;
	if (paced)
		g->pace = g->pace > 0 ? g->pace + (pace - g->pace) / PACE_WEIGHT : pace;
	pthread_mutex_unlock(&g->all->lock);
	MEASURE(ENGINE_CALLS, 1, label, measure_result(ok));
}
