/* labels.h - the labels of metrics, and the numbers of their values. Included by measure.h.
 *
 * A label's values get numbers as they come; those that come when its table is full are number 0, `other`. Any thread. */
#pragma once
#include "base/buf.h"

enum label {
	LABEL_NONE,
#define LABEL(NAME, text, most) LABEL_##NAME,
#include "measure/labels.def"
#undef LABEL
	N_LABELS
};

/* The number of a label's value. */
unsigned measure_label(enum label l, struct str value);
/* The number of `ok` or `failed` among results. */
unsigned measure_result(bool ok);

/* --- for scrape.c --- */
extern const char *const label_texts[N_LABELS];
/* Numbers that values of a label have so far. 1 for LABEL_NONE. */
unsigned label_count(enum label l);
/* A value's text; it stays. */
struct str label_value(enum label l, unsigned number);
