/* turn_usage.h - what a turn has used, for the rows that count it (store/usage.h). Loop thread. */
#pragma once
#include "turn/turn.h"

/* In the turn's arena; *n may be 0. It is counted in the transaction that keeps the turn. */
const struct usage_add *turn_usage(struct turn *t, size_t *n);
/* That transaction was undone, or nothing else is kept: by itself. `op` NULL: nobody waits. false: nothing was used. */
bool turn_usage_alone(struct turn *t, struct store_op *op);
/* It is read: may its asker have it? false: turn_error(). */
bool turn_usage_begin(struct turn *t, struct request *rq, size_t bytes);
/* The same of a run in the background, which waits for no limit; a budget may be spent. */
bool turn_usage_run(struct turn *t, struct err *e);
/* It is freed next. */
void turn_usage_settle(struct turn *t);
