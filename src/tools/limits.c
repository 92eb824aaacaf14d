/* limits.c - the limits of tools/ as they are before the settings are read. */
#include "tools/mcp_options.h"
#include "tools/tools.h"

struct tools_limits tools_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "tools/limits.def"
#undef LIMIT
};
struct web_limits web_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "tools/web_limits.def"
#undef LIMIT
};
struct mcp_options mcp_options;
