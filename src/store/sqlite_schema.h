/* sqlite_schema.h - the schema's version, and the way from an older one. */
#pragma once
#include <sqlite3.h>

#include "base/err.h"

bool schema_migrate(sqlite3 *sq, const char *path, struct err *e);
/* Is it of this version, so that it can be read as it is? */
bool schema_is_ours(sqlite3 *sq, const char *path, struct err *e);
