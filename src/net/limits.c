/* limits.c - the limits of net/ as they are before the settings are read. */
#include "net/server.h"

struct net_limits net_limits = {
#define LIMIT(name, def, least, largest, help) .name = (def),
#include "net/limits.def"
#undef LIMIT
};
