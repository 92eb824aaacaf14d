/* memory.h - the memory that a container may be given, as requests ask for it. Pure. */
#pragma once
#include "wire/json.h"

/* "1g", "4g" ... as bytes; {0}: the default, 1g, or less where containers.memory is less. ERR_UNSUPPORTED_VALUE: more
 * than containers.memory. `path`: its place in the request. */
bool cntr_memory(struct str word, const char *path, int64_t *ret, struct err *e);
/* The least of the words that is enough. */
struct str cntr_memory_word(int64_t bytes);
