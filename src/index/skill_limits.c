/* skill_limits.c - bounds of skills. */
#include "index/skill_limits.h"

struct skill_limits skill_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "index/skill_limits.def"
#undef LIMIT
};
