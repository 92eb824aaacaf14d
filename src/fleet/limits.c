/* limits.c - the bounds of fleets, at their defaults. */
#include "fleet/limits.h"

struct fleet_limits fleet_limits = {
#define LIMIT(name, def, ...) .name = def,
#include "fleet/limits.def"
#undef LIMIT
};
