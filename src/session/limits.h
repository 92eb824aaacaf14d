/* limits.h - the bounds of sessions. */
#pragma once
#include <stdint.h>

struct session_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "session/limits.def"
#undef LIMIT
};
extern struct session_limits session_limits; /* set before threads start, constant after */
