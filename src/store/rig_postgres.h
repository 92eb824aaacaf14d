/* rig_postgres.h - the store's tests on PostgreSQL: a schema a data folder, where STORE_POSTGRES names a server (tests/postgres.py). */
#pragma once
#include <stdint.h>
#include <stdbool.h>

enum { RIG_URL = 256 };

bool rig_on_postgres(void);
/* The URL of a folder's schema, which is made if it is not there; it goes with the server. */
void rig_postgres_open(const char *dir, char url[RIG_URL]);
/* As rig_exec() and rig_number() (rig_sql.h). */
void rig_postgres_exec(const char *dir, const char *sql);
int64_t rig_postgres_number(const char *dir, const char *sql);
/* As rig_hold() and rig_let_go(). */
void *rig_postgres_hold(const char *dir);
void rig_postgres_let_go(void *held);
