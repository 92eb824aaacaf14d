/* limits.h - bounds of containers (limits.def). */
#pragma once
#include <stdint.h>

struct container_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "container/limits.def"
#undef LIMIT
};
extern struct container_limits container_limits; /* set before cntrs_new(), constant after */
