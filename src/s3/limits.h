/* limits.h - bounds of what is said to an S3 store (limits.def). */
#pragma once
#include <stdint.h>

struct s3_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "s3/limits.def"
#undef LIMIT
};
extern struct s3_limits s3_limits; /* set before threads start, constant after */
