/* rig_sql.h - tests look into the database itself. */
#pragma once
#include <sqlite3.h>

#include "store/rig.h"

sqlite3 *rig_database(const char *dir);
/* A number that SQL gives, read beside the open store; -1: it failed. */
int64_t rig_number(struct rig *r, const char *sql);
void rig_exec(const char *dir, const char *sql);
/* Nobody can write until it is let go. */
struct rig_held {
	sqlite3 *sq;
	void *postgres;
};
struct rig_held rig_hold(struct rig *r);
void rig_let_go(struct rig_held *h);
/* Takes away all that can go. */
void rig_sweep(struct rig *r);
/* The database's pages are whole. */
bool rig_intact(struct rig *r);
/* What the rows say of one another is true (store_inspect()); what is not is printed. */
bool rig_sound(struct rig *r);
/* Does that file of the folder hold these bytes? */
bool rig_holds(const char *dir, const char *name, const char *word);
