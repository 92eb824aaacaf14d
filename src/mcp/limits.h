/* limits.h - the bounds of limits.def. Set before threads start, constant after. */
#pragma once
#include <stdint.h>

struct mcp_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "mcp/limits.def"
#undef LIMIT
};
extern struct mcp_limits mcp_limits;
