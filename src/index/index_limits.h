/* index_limits.h - bounds of vector stores and their index (limits.def). */
#pragma once
#include <stdint.h>

struct index_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "index/limits.def"
#undef LIMIT
};
extern struct index_limits index_limits; /* set before search_new(), constant after */
