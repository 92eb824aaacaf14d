/* sqlite_words.h - how SQLite spells what schema.def and statements.def leave to the driver. */
#pragma once
#include "store/driver.h"

#define SQL_KEY "INTEGER PRIMARY KEY" /* exactly so: the row's own number */
#define SQL_INT "INTEGER"
#define SQL_BYTES "BLOB"
#define SQL_TEXT "TEXT"
#define SQL_CLUSTERED " WITHOUT ROWID"
