/* node.h - this process among those that share a store. Inside store/ alone.
 *
 * All that rests on there being one process is a member of struct node or a statement that names a node. With a database that is
 * nobody else's there is one, number 0. Who holds something in a row (the claim of an idempotency key, a
 * background run) is named by its node and that node's incarnation, which grows by one each time the node opens the store:
 * so a row tells whether its holder still lives, and an opening lets go of what this node's earlier incarnations held and
 * touches nobody else's. docs/design/nodes.md says what many nodes do. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "store/node_table.h"
#include "store/store.h"

struct db_reader;
struct store_request;

enum { NODE_BURIED_EXIT = 75 }; /* EX_TEMPFAIL of sysexits.h: to be started again */
struct node {
	int64_t number, incarnation; /* the latter is known once node_load() has read it */
	int folder_lock;
	char address[NODE_ADDRESS]; /* where other nodes reach it; "": nowhere */
	_Atomic bool leads, drains; /* drains: it was asked to */
	_Atomic bool after_other;   /* another node led before this one */
	_Atomic bool keys_stale;    /* other nodes wrote some, which could not be read yet */
	struct beat *beat;        /* beat.h; NULL: the database is nobody else's; and the reader of its thread */
	struct db_reader *reader;
	struct node_table *table; /* node_table.h */
	pthread_mutex_t hear_lock; /* over the next three (nodes.h), held while a word is heard */
	bool deaf;                 /* the store is being closed */
	void (*heard)(void *ctx, enum store_word word, int64_t key);
	void *heard_ctx;
	struct leases *leases;   /* of conversations (lease.h) */
	struct holders *holders; /* of idempotency keys that run here (idem.h) */
	struct blobs *blobs;     /* blob.h; opened once the database is */
};

/* Makes the folder and takes its lock. NULL: another process has it. */
struct node *node_take(const char *dir, struct err *e);
/* The ports are detached and the blobs closed. */
void node_leave(struct node *n);

enum { NODE_BEGIN_CHANGES = 3, NODE_BEGIN_BINDS = 4 };
/* Adds to the first write of an opening: the next incarnation, and what earlier ones held is let go. */
void node_begin(struct store_request *r, const struct node *n);
/* After that write, in a snapshot: reads the incarnation, and tells ids which node mints them. */
bool node_load(struct store *s, struct db_reader *r, struct err *e);

/* Takes the number that is this process's alone: that of its data folder, or what was asked for (NULL: nothing), or the first that no
 * node had, which the folder keeps. ERR_CONFLICT: somebody has it. */
bool node_number(struct store *s, const char *dir, const int64_t *asked, struct err *e);

/* Is it this process? */
bool node_is_me(const struct node *n, int64_t number, int64_t incarnation);
/* Does that holder still live? */
bool node_lives(const struct node *n, int64_t number, int64_t incarnation);
