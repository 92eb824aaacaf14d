/* tables.h - what measure.c and scrape.c give each other: the rows of metrics.def, and what was counted. Inside
 * measure/ alone. */
#pragma once
#include "measure/measure.h"

enum metric_kind { COUNTER, TIME, GAUGE, SECONDS, BYTES, SIZES };

struct metric_row {
	const char *text, *help;
	enum metric_kind kind;
	enum label labels[METRIC_LABELS];
};
extern const struct metric_row metric_rows[N_METRICS];
extern const char *const label_texts[N_LABELS];

/* The bounds of a histogram, ascending, in the unit of what is added; NULL: it is none. */
const int64_t *metric_bounds(enum metric_kind k, size_t *n);
/* Numbers that values of a label have so far. 1 for LABEL_NONE. */
unsigned label_count(enum label l);
/* A value's text; it stays. */
struct str label_value(enum label l, unsigned number);
/* The sum over all threads of cell `i` of a series: 0 for a counter or a gauge; of a histogram its buckets, not yet
 * summed up, the last for what is over all bounds, then the sum of what was added. */
int64_t metric_cell(enum metric m, const unsigned labels[METRIC_LABELS], size_t i);
/* Was it ever set? */
bool metric_is_set(enum metric m, const unsigned labels[METRIC_LABELS]);
