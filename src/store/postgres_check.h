/* postgres_check.h - is what the store holds sound, and is the database what it needs? For `antiphon check`. Blocks. */
#pragma once
#include "base/err.h"

/* As store_inspect() (check.h), of the database at a URL, in one snapshot beside its server: the rules of checks.def. */
bool postgres_inspect(const char *url, void (*say)(void *ctx, const char *line), void *ctx, bool *sound, struct err *e);
/* "PostgreSQL 15.4, synchronous_commit=on, ...", of `n` bytes. */
bool postgres_describe(const char *url, char *ret, size_t n, struct err *e);
