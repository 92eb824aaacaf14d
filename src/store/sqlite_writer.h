/* sqlite_writer.h - the thread that writes: what has gathered shares a commit. Inside the SQLite driver. */
#pragma once
#include "store/sqlite.h"

extern const struct write_verbs sqlite_writes;
bool writer_start(struct db *db, struct err *e);
bool writer_apply(struct db *db, struct apply *a, struct err *e);
/* All that was deleted is written over, by the writer's thread between two commits. Blocks; one at a time. */
bool writer_scrub(struct db *db, struct err *e);
bool writer_healthy(struct db *db, struct err *why);
