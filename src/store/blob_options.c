/* blob_options.c - where the bytes of files lie. */
#include "store/blob_options.h"

struct blob_options blob_options;
struct blob_limits blob_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "store/blob_limits.def"
#undef LIMIT
};
