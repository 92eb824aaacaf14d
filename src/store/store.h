/* store.h - what is kept: responses, items, contexts, background runs, chat completions, prompts, webhooks, keys, idempotency.
 *
 * Every row carries its project and every look-up names it: an id of another project is not found.
 * A store is one per process; each loop attaches a port (its read connection and mailbox). Operations
 * are embedded in their owner and follow the loop contract: done() comes later, on the loop, once.
 * Writes are acknowledged (done with ERR_NONE) only after their commit is synced (durable before visible). Above the
 * driver nobody sees begin or commit: a write is one list of changes, all or nothing. */
#pragma once
#include "base/id.h"
#include "loop/loop.h"

struct store;
struct store_port;

struct store_options {
	struct str dir;        /* data folder; made with mode 0700; files 0600; locked by this process */
	struct str url;        /* {0}: "sqlite:" + dir + "/antiphon.db" */
	const int64_t *node;   /* its number among those that share the store; NULL: the lowest that is free */
	struct str address;    /* where other nodes reach it; {0}: nowhere */
	bool sync_normal;      /* bench only: synchronous=NORMAL */
	const char *vfs;       /* tests: a VFS that drops what is not synced */
};
bool store_open(const struct store_options *o, struct store **ret, struct err *e);
void store_close(struct store *s); /* after the ports are detached; commits what is queued */
struct store_port *store_attach(struct store *s, struct loop *l);
void store_detach(struct store_port *p);
/* true while writes succeed; GET /ready asks. */
bool store_healthy(const struct store *s, struct err *why);
/* 32 bytes derived from the store's own secret for a purpose ("id", "obfuscation"). */
void store_secret(const struct store *s, const char *purpose, uint8_t out[32]);

/* The key of the ids' cipher: derived from that secret, or that of the store whose project was imported first. Also of a store that is
 * read beside its process. */
bool store_id_key(struct store *s, uint8_t out[32], struct err *e);

struct store_op {
	void (*done)(struct store_op *, const struct err *e); /* e->code == ERR_NONE: success */
	struct store_request *request; /* NULL: idle */
};
/* The callback never comes; a write that was started may still happen. */
void store_cancel(struct store_op *op);

#include "store/read.h"
#include "store/record.h"
#include "store/idem.h"
#include "store/run.h"
#include "store/completion.h"
#include "store/template.h"
#include "store/webhook.h"
#include "store/outbox.h"
#include "store/usage.h"
