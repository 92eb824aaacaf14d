/* sqlite_copy.h - the database as it is at one moment, in a file of its own, while others write to it. Blocks. */
#pragma once
#include "base/err.h"

/* Written anew at `copy` (0600), without what was deleted. Not synced. Writers go on; their log grows meanwhile. */
bool sqlite_copy(const char *path, const char *copy, struct err *e);
