/* limits.c - the limits of engine/ as they are before the settings are read. */
#include "engine/engine.h"

struct engine_limits engine_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "engine/limits.def"
#undef LIMIT
};
