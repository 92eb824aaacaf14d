/* slice.h - long work on one request is done in slices: between two, others get their turn (loop_yield()).
 *
 * Nothing that a megabyte asks for may hold a loop for long: all that it serves waits meanwhile. */
#pragma once
#include "base/clock.h"
#include "door/options.h"

/* Has work that began then (clock_mono_us()) lasted so long that what is left of it has to wait? */
static inline bool slice_over(int64_t began_us)
{
	return clock_mono_us() - began_us >= api_limits.slice_us;
}
