/* sqlite_schema.h - the schema of a database, brought up to date when it is opened. Inside the SQLite driver. */
#pragma once
#include "store/sqlite.h"

bool schema_migrate(sqlite3 *sq, const char *path, struct err *e);
/* Is it of this version, so that it can be read as it is? */
bool schema_is_ours(sqlite3 *sq, const char *path, struct err *e);
