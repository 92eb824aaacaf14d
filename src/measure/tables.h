/* tables.h - the rows of metrics.def as data. Inside measure/ alone. */
#pragma once
#include "measure/measure.h"

enum metric_kind { COUNTER, TIME, GAUGE, SECONDS, BYTES, SIZES };

struct metric_row {
	const char *text, *help;
	enum metric_kind kind;
	enum label labels[METRIC_LABELS];
};
extern const struct metric_row metric_rows[N_METRICS];
