/* check.h - is what the store holds sound? For `antiphon check`. Blocks; not on a loop. */
#pragma once
#include "base/err.h"

/* Calls say() with one line for each thing that is wrong: SQLite's own integrity check, then the rules of
 * checks.def. With no process on the data folder `dir` it looks at the store itself and keeps others out
 * meanwhile; beside a running server it looks at a copy, so that the server's log need not wait for it.
 * *sound: nothing was wrong. false: it could not be looked at. */
bool store_inspect(const char *dir, void (*say)(void *ctx, const char *line), void *ctx, bool *sound, struct err *e);
/* The same of a database that nobody else uses, at its path. */
bool store_inspect_at(const char *path, void (*say)(void *ctx, const char *line), void *ctx, bool *sound,
		      struct err *e);
