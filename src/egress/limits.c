/* limits.c - bounds of what boxes say to the network. */
#include "egress/egress.h"

struct egress_limits egress_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "egress/limits.def"
#undef LIMIT
};
struct egress_options egress_options;
