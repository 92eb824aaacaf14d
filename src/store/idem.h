/* idem.h - what a store knows in memory of idempotency keys: which run on this node. Inside store/ alone.
 *
 * One table a node, for all loops. */
#pragma once

struct holders;
struct holders *holders_new(void);
void holders_free(struct holders *h);
