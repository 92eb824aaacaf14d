/* limits.c - the bounds of sessions as they are before the settings are read. */
#include "session/limits.h"

struct session_limits session_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "session/limits.def"
#undef LIMIT
};
