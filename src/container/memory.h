/* memory.h - what a container may be given: its memory and its network, as requests ask for them. Pure. */
#pragma once
#include "wire/json.h"

/* "1g", "4g" ... as bytes; {0}: the default, 1g, or less where containers.memory is less. ERR_UNSUPPORTED_VALUE: more
 * than containers.memory. `path`: its place in the request. */
bool cntr_memory(struct str word, const char *path, int64_t *ret, struct err *e);
/* The least of the words that is enough. */
struct str cntr_memory_word(int64_t bytes);
/* NULL and {"type":"disabled"} are served. ERR_UNSUPPORTED_VALUE: an allowlist. */
bool cntr_network(yyjson_val *policy, const char *path, struct err *e);
