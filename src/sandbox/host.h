/* host.h - does this machine permit a box? If not: why, and the line that mends it.
 *
 * A box is tried for real: bubblewrap, its namespaces, the filter, the bounds. A success is remembered, a refusal for
 * sandbox.probe_again_ms. Blocks; worker threads, and `antiphon check`. */
#pragma once
#include "base/err.h"

struct host_report {
	char cause[256], cure[512]; /* "" where it is permitted */
};

/* false: it is not permitted, and the report says why. NULL: not asked for. */
bool host_permits(struct host_report *ret);
/* The same as an error: ERR_CONFIG, cause and cure in one sentence each. */
bool host_refuse(struct err *e);
/* What bubblewrap wrote to its standard error, as a report. Pure but for /proc/sys; for tests. */
void host_explain(struct str words, struct host_report *ret);
