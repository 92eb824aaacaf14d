/* limits.c - the limits of script/ as they are before the settings are read. */
#include "script/limits.h"

struct script_limits script_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "script/limits.def"
#undef LIMIT
};
