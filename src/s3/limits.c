/* limits.c - bounds of what is said to an S3 store. */
#include "s3/limits.h"

struct s3_limits s3_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "s3/limits.def"
#undef LIMIT
};
