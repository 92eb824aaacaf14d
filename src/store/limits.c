/* limits.c - the bounds of the store floor. */
#include "store/limits.h"

struct store_limits store_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "store/limits.def"
#undef LIMIT
};
