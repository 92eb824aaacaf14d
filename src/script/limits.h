/* limits.h - bounds of programs. */
#pragma once
#include <stdint.h>

struct script_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "script/limits.def"
#undef LIMIT
};
extern struct script_limits script_limits; /* set before threads start, constant after */
