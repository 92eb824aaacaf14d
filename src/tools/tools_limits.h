/* tools_limits.h - the bounds of hosted tools, and of what they fetch. */
#pragma once
#include <stdint.h>

struct tools_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "tools/limits.def"
#undef LIMIT
};
struct web_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "tools/web_limits.def"
#undef LIMIT
};
/* Set before tools_new(), constant after. */
extern struct tools_limits tools_limits;
extern struct web_limits web_limits;
