/* filter.h - filters over the attributes of files in vector stores.
 *
 * {"type": "eq" | "ne" | "gt" | "gte" | "lt" | "lte" | "in" | "nin", "key": K, "value": V} or {"type": "and" | "or",
 * "filters": [...]}, as OpenAI's API has them. Types never mix: "1" is not 1, and comparing across types holds for
 * `ne` and `nin` alone; so does comparing a key that the file lacks. Strings are ordered by their bytes, true and false
 * not at all. Pure; any thread. */
#pragma once
#include "wire/json.h"

enum { FILTER_DEPTH = 16, FILTER_NODES = 1000 };

/* Is the filter (whose shape a field table has checked) within FILTER_DEPTH and FILTER_NODES? ERR_INVALID_VALUE with
 * the path of what is too deep or too much; `path` is the filter's own. */
bool filter_bounded(yyjson_val *filter, const char *path, struct err *e);
/* Does a file with these attributes (an object, or NULL: none) pass? NULL filter: it does. */
bool filter_fits(yyjson_val *filter, yyjson_val *attributes);
