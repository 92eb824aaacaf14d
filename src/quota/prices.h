/* prices.h - what tokens cost: a table of the configuration. Set before the loops run, constant after; any thread. */
#pragma once
#include "base/err.h"
#include "store/usage.h"

/* Each "MODEL=INPUT/OUTPUT" or "MODEL=INPUT/CACHED/OUTPUT", dollars a million tokens; MODEL *: every other. The texts
 * are kept. false: one of them is wrong. */
bool prices_set(const struct str *rows, size_t n, struct err *e);
bool prices_any(void);
/* Fills in the costs of what was used. */
void prices_apply(struct usage_add *u);
/* "12.5" as billionths of a dollar. */
bool dollars_read(struct str text, int64_t *ret);
