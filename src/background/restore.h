/* restore.h - a turn's output as its logged events left it, after the server stopped in the middle: what readers saw stays. */
#pragma once
#include "background/run_log.h"

struct turn;

/* Makes t->out and t->seq from the events so far; items that were open are open again. *begun: in_progress has been
 * said. false: the events cannot be read. */
bool turn_restore(struct turn *t, const struct run_batch *batches, size_t n, bool *begun);
