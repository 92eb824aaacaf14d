/* postgres_words.h - how PostgreSQL spells what schema.def and statements.def leave to the driver. */
#pragma once
#include "store/driver.h"

#define SQL_KEY "bigint PRIMARY KEY"
#define SQL_INT "bigint"
#define SQL_BYTES "bytea"
/* By bytes, as SQLite compares: no library of locales has a say in what an index holds. */
#define SQL_TEXT "text COLLATE \"C\""
#define SQL_CLUSTERED "" /* there is no such table */
