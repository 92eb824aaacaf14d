/* limits.h - the bounds of fleets (limits.def). */
#pragma once
#include <stdint.h>

struct fleet_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "fleet/limits.def"
#undef LIMIT
};
extern struct fleet_limits fleet_limits; /* set before engines are opened, constant after */
