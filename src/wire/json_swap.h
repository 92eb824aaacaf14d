/* json_swap.h - an object written again with some of its members changed.
 *
 * Pure. */
#pragma once
#include "wire/json.h"

/* A member, and the JSON that stands there instead; json {0}: it is left out. */
struct json_swap {
	struct str key, json;
};

/* `obj` in its own key order, in `a`. Members that it has not are not added; of two swaps of one key the last counts.
 */
struct str json_swapped(struct arena *a, yyjson_val *obj, const struct json_swap *swaps, size_t n);
