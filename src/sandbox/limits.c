/* limits.c - the limits of sandbox/ as they are before the settings are read. */
#include "sandbox/policy.h"

struct sandbox_limits sandbox_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "sandbox/limits.def"
#undef LIMIT
};
