/* usage_rows.h - usage as a table in a terminal. Main thread. */
#pragma once
#include "wire/json.h"

/* Answers of /organization/usage/completions and /costs. Without `by_day` the days are summed up. */
void usage_rows_print(struct arena *a, yyjson_val *used, yyjson_val *costs, bool by_day);
