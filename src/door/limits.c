/* limits.c - the limits of the API as they are before the settings are read. */
#include "door/options.h"

struct api_limits api_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "door/limits.def"
#undef LIMIT
};
