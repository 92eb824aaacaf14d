/* clock.c - the only places where time is read. */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t fake, shift;

static int64_t read_clock(clockid_t which)
{
	int64_t f = atomic_load_explicit(&fake, memory_order_relaxed);
	if (f)
		return f;
	struct timespec ts;
	clock_gettime(which, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
	return read_clock(CLOCK_REALTIME) + atomic_load_explicit(&shift, memory_order_relaxed);
}

int64_t clock_mono_us(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

void clock_wall_shift(int64_t us)
{
	atomic_store(&shift, us);
}

void clock_fake(int64_t us)
{
	atomic_store(&fake, us);
}
