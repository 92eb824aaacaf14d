/* sqlite_schema.h - the schema of a database, brought up to date when it is opened. Inside the SQLite driver. */
#pragma once
#include "store/sqlite.h"

bool schema_migrate(sqlite3 *sq, const char *path, struct err *e);
