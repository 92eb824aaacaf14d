/* skill_limits.h - bounds of skills (skill_limits.def). */
#pragma once
#include <stdint.h>

struct skill_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "index/skill_limits.def"
#undef LIMIT
};
extern struct skill_limits skill_limits; /* set before threads start, constant after */
