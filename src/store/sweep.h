/* sweep.h - the thread that takes away what was deleted or expired. Inside store/ alone. */
#pragma once
#include "store/core.h"

bool sweeper_start(struct store *s, struct err *e);
void sweeper_stop(struct store *s);
void sweeper_wake(struct store *s);
/* Removes one slice of what is deleted or expired; *ret: rows, 0 when nothing is left. Blocks. */
bool sweep_slice(struct store *s, size_t *ret, struct err *e);
