/* index_limits.c - bounds of vector stores and their index. */
#include "index/index_limits.h"

struct index_limits index_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "index/limits.def"
#undef LIMIT
};
