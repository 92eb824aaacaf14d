/* measure.h - counters that any room may add to.
 *
 * A row of metrics.def is a table with a cell for every value of its labels. Each thread has cells of its own, which it
 * alone writes, without a lock; who reads adds them up (scrape.h). A label's values get numbers as they come
 * (measure_label()); those that come when its table is full are number 0, `other`. Any thread; never fails. */
#pragma once
#include "measure/labels.h"

struct measure_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "measure/limits.def"
#undef LIMIT
};
extern struct measure_limits measure_limits; /* set before the first of these calls, constant after */

enum metric {
#define METRIC(NAME, ...) METRIC_##NAME,
#include "measure/metrics.def"
#undef METRIC
	N_METRICS
};

enum { METRIC_LABELS = 3 };

/* Adds to a counter or a gauge, or one value to a histogram. */
void measure_add(enum metric m, int64_t n, const unsigned labels[METRIC_LABELS]);
/* What a gauge is now; not of one that is added to. */
void measure_set(enum metric m, int64_t n, const unsigned labels[METRIC_LABELS]);

/* MEASURE(HTTP_REQUESTS, 1, route, code) */
#define MEASURE(NAME, n, ...) measure_add(METRIC_##NAME, n, (const unsigned[METRIC_LABELS]){__VA_ARGS__})
/* MEASURE_END(STORE_COMMITS, ok): one more that ended well, or badly */
#define MEASURE_END(NAME, ok) MEASURE(NAME, 1, measure_result(ok))

/* --- for scrape.c --- */

/* The bounds of a histogram, ascending, in the unit of what is added; NULL: it is none. */
const int64_t *metric_bounds(enum metric m, size_t *n);
/* The sum over all threads of cell `i` of a series: 0 for a counter or a gauge; of a histogram its buckets, not yet
 * summed up, the last for what is over all bounds, then the sum of what was added. */
int64_t metric_cell(enum metric m, const unsigned labels[METRIC_LABELS], size_t i);
/* Was it ever set? */
bool metric_is_set(enum metric m, const unsigned labels[METRIC_LABELS]);
