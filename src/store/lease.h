/* lease.h - the lease of a conversation: turns on it come one after the other. */
#pragma once
#include "store/store.h"

/* Held by one at a time, first come, first served. It goes with its holder: dropped, given to a write that
 * releases it once the commit is known, or gone with the process, which alone owns the data folder. (A
 * database shared between processes would keep it as a row with a time to live; the calls stay.) */
struct conversation_lease {
	void (*granted)(struct conversation_lease *); /* on the port's loop, later, once */
	struct claim *claim;                          /* NULL: idle */
};
/* `id` need not exist: what is not there, or of another project, waits for nobody. */
void lease_take(struct store_port *p, struct conversation_lease *l, int64_t project, const struct id *id);
/* Waiting or held, in any state; granted() never comes afterwards. */
void lease_drop(struct conversation_lease *l);

/* --- inside store/: what a node keeps of leases, one table for all loops, and how a write carries one. A claim is one who
 * holds a lease or waits for it. --- */
struct claim;
struct leases *leases_new(void);
/* Every claim is gone. */
void leases_free(struct leases *t);
/* What a held lease stands for; the lease is idle then. NULL: it was. */
struct claim *lease_give(struct conversation_lease *l);
void claim_release(struct claim *c); /* its loop's thread; NULL is fine */
