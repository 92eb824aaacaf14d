/* limits.h - the bounds of the store floor (limits.def). */
#pragma once
#include <stdint.h>

struct store_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "store/limits.def"
#undef LIMIT
};
extern struct store_limits store_limits; /* set before store_open(), constant after */
