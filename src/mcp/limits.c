/* limits.c - the bounds of limits.def. */
#include "mcp/limits.h"

struct mcp_limits mcp_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "mcp/limits.def"
#undef LIMIT
};
