/* commit_measure.c - what a driver counts of its commits. */
#include "store/commit_measure.h"

#include "base/clock.h"
#include "measure/measure.h"

void commit_measure_queued(const struct apply *a)
{
	MEASURE(STORE_WAITING, 1, 0);
	MEASURE(STORE_WAITING_BYTES, (int64_t)a->bytes, 0);
	MEASURE(STORE_WRITE_BYTES, (int64_t)a->bytes, 0);
}

void commit_measure_done(const struct apply *list, int64_t began_us)
{
	int64_t n = 0, bytes = 0;
	bool any = false;
	for (const struct apply *a = list; a; a = a->next) {
		n++;
		bytes += (int64_t)a->bytes;
		any |= !a->err;
	}
	MEASURE(STORE_WAITING, -n, 0);
	MEASURE(STORE_WAITING_BYTES, -bytes, 0);
	MEASURE(STORE_GROUP, n, 0);
	MEASURE(STORE_COMMIT_TIME, clock_mono_us() - began_us, 0);
	MEASURE_END(STORE_COMMITS, any);
}
