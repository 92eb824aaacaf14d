/* commit_measure.h - what a driver counts of its commits, whichever database it writes to. Inside store/ alone. */
#pragma once
#include "store/driver.h"

/* A write has been queued. Any thread. */
void commit_measure_queued(const struct apply *a);
/* The writes of `list` have been tried together, from clock_mono_us() `began_us` until now; before finished() is
 * called. */
void commit_measure_done(const struct apply *list, int64_t began_us);
