/* limits.c - bounds of containers. */
#include "container/limits.h"

struct container_limits container_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "container/limits.def"
#undef LIMIT
};
