/* clock.h - the only places where time is read.
 *
 * Tests may freeze and move both clocks (clock_fake). Any thread. */
#pragma once
#include <stdint.h>

int64_t clock_wall_us(void); /* since 1970, UTC; the machine's clock and what clock_wall_shift() said */
int64_t clock_mono_us(void); /* never goes back */
static inline int64_t clock_wall_s(void)
{
	return clock_wall_us() / 1000000;
}
/* From now on the wall clock is that of the machine and so much more: where several machines agree on one clock. */
void clock_wall_shift(int64_t us);
/* From now on both clocks read `us` until the next call; 0 gives the real clocks back. */
void clock_fake(int64_t us);
