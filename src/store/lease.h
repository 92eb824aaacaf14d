/* lease.h - what a store keeps of leases, and how a write carries one (conversation.h). Inside store/ alone.
 *
 * A table of the node's, for all loops; a claim is one who holds a lease or waits for it. */
#pragma once
#include "store/conversation.h"

struct claim;
struct leases *leases_new(void);
/* Every claim is gone. */
void leases_free(struct leases *t);
/* What a held lease stands for; the lease is idle then. NULL: it was. */
struct claim *lease_give(struct conversation_lease *l);
void claim_release(struct claim *c); /* its loop's thread; NULL is fine */
