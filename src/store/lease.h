/* lease.h - the lease of a conversation: turns on it come one after the other. */
#pragma once
#include "store/store.h"

/* Held by one at a time, of one process first come, first served. It goes with its holder: dropped, given to a write
 * that releases it once the commit is known, or gone with the process or, for others that share the database, with its
 * node (docs/design/nodes.md). */
struct conversation_lease {
	void (*granted)(struct conversation_lease *); /* on the port's loop, later, once */
	struct claim *claim;                          /* NULL: idle */
};
/* `id` need not exist: what is not there, or of another project, waits for nobody. */
void lease_take(struct store_port *p, struct conversation_lease *l, int64_t project, const struct id *id);
/* Waiting or held, in any state; granted() never comes afterwards. */
void lease_drop(struct conversation_lease *l);

/* --- inside store/: what a node keeps of leases, one table for all loops, and how a write carries one. A claim is one
 * who holds a lease or waits for it. --- */
struct claim;
struct store_request;
struct leases *leases_new(void);
/* Others share the database: rows are taken, too. wake(): some are left to be taken away, by leases_tidy(); any thread.
 */
void leases_share(struct leases *t, void (*wake)(void *ctx), void *ctx);
void leases_tidy(struct store *s); /* blocks */
/* Another node has let go of that key's, or (0) of any. Any thread. */
void leases_look(struct leases *t, int64_t key);
/* Every claim is gone. */
void leases_free(struct leases *t);
/* What a held lease stands for; the lease is idle then. NULL: it was. */
struct claim *lease_give(struct conversation_lease *l);
void claim_release(struct claim *c); /* its loop's thread; NULL is fine */
/* Adds to a write that has a claim (LEASE_CHANGES, LEASE_BINDS, LEASE_BYTES of room): its row goes with it, and
 * ERR_CONFLICT when another node has it by now. Then lease_fenced() says that it was written. */
enum { LEASE_CHANGES = 1, LEASE_BINDS = 6, LEASE_BYTES = 96 };
void lease_fence(struct store_request *r);
void lease_fenced(struct claim *c);
/* The write of one who still waits for it could not be made: it is the holder's again, to be given to the next try or dropped. */
void lease_return(struct claim *c);
