/* idem.h - what a store knows in memory of idempotency keys: who holds one now. Inside store/ alone.
 *
 * One table per store, for all loops. */
#pragma once

struct holders;
struct holders *holders_new(void);
void holders_free(struct holders *h);
