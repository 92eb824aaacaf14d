/* answer_end.h - how an answer ended, and what it cost, in the words of many engines. Pure. */
#pragma once
#include "engine/engine.h"
#include "wire/json.h"

/* What a finish reason means (finish.def). false: the answer failed, and *e says why. */
bool finish_read(struct str reason, enum finish *ret, struct err *e);

/* The counts that an engine told; each is the largest that it said, for those that report in every chunk report sums.
 */
struct usage_told {
	int64_t input, output, total, cached, reasoning; /* -1: not told */
};
void usage_init(struct usage_told *u);
/* A `usage` object; numbers may be floats or strings; null and nonsense say nothing. */
void usage_take(struct usage_told *u, yyjson_val *v);
/* The sums, never negative. What was not told is counted: `pieces` came in all, `thoughts` of them reasoning. Some
 * engines leave the reasoning out of the output: their total, or a count of reasoning larger than the output, tells. */
struct usage usage_sum(const struct usage_told *u, int64_t pieces, int64_t thoughts);
