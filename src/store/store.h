/* store.h - what is kept: responses, items, contexts, keys, idempotency.
 *
 * Every row carries its project and every look-up names it: an id of another project is not found.
 * A store is one per process; each loop attaches a port (its read connection and mailbox). Operations
 * are embedded in their owner and follow the loop contract: done() comes later, on the loop, once.
 * Writes are acknowledged (done with ERR_NONE) only after their commit is synced (promise 1). Above the
 * driver nobody sees begin or commit: a write is one list of changes, all or nothing (decision N2). */
#pragma once
#include "base/id.h"
#include "loop/loop.h"

struct store;
struct store_port;

struct store_options {
	struct str dir;        /* data folder; made with mode 0700; files 0600; locked by this process (N7) */
	struct str url;        /* {0}: "sqlite:" + dir + "/antiphon.db" */
	bool sync_normal;      /* bench only: synchronous=NORMAL */
	const char *vfs;       /* tests: a VFS that drops what is not synced */
};
bool store_open(const struct store_options *o, struct store **ret, struct err *e);
void store_close(struct store *s); /* after the ports are detached; commits what is queued */
struct store_port *store_attach(struct store *s, struct loop *l);
void store_detach(struct store_port *p);
/* true while writes succeed; GET /ready asks. */
bool store_healthy(const struct store *s, struct err *why);
/* 32 bytes derived from the store's own secret for a purpose ("id", "obfuscation", "seal"). */
void store_secret(const struct store *s, const char *purpose, uint8_t out[32]);

struct store_op {
	void (*done)(struct store_op *, const struct err *e); /* e->code == ERR_NONE: success */
	struct store_request *request; /* NULL: idle */
};
/* The callback never comes; a write that was started may still happen. */
void store_cancel(struct store_op *op);

/* --- writing a turn --- */
struct turn_item {
	struct id id;
	struct str json;       /* as listed; {0}: already stored under id (an item of the same project) */
	struct str foreign_id; /* the client's own id, {0} when the item has one of ours */
};
struct idempotency {
	struct str route, key;
	uint8_t body_hash[32];
};
struct turn_record {
	int64_t project;
	struct id id;
	int64_t parent;          /* key of the previous response whose context this continues; 0: none */
	struct str status;       /* "completed", ... */
	int64_t created_at;      /* seconds */
	int64_t expires_at;      /* seconds; 0: never */
	struct str body;         /* the response object with empty output */
	size_t output_at;        /* where its items go in `body` */
	const struct turn_item *items; /* new to the context: input, then output */
	size_t n_items, n_output;
	bool store;              /* false: only the idempotency answer below is kept */
	const struct idempotency *idem; /* NULL: none */
	int answer_status;       /* with idem: the whole answer, kept 24 h (decision N5) */
	struct str answer;
};
/* Everything is copied before it returns. */
void store_put_turn(struct store_port *p, struct store_op *op, const struct turn_record *t);

/* --- reading: results live in `a`, written before done(ERR_NONE) --- */
struct stored_response {
	struct id id;
	struct str status, json; /* whole, output spliced in */
	int64_t created_at;
};
/* ERR_NOT_FOUND: "Response with id 'x' not found." */
void store_get_response(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
                        struct stored_response *ret);
struct stored_item {
	struct id id;
	struct str json;
};
struct stored_context {
	int64_t key; /* of the response */
	struct str status;
	struct stored_item *items; /* what it stood on, then its output, oldest first */
	size_t n, n_output;
};
/* For continuing. ERR_PREVIOUS_NOT_FOUND. A bounded number of reads whatever the chain's length. */
void store_get_context(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
                       struct stored_context *ret);
struct page_query {
	struct str after, before; /* item ids, {0}: none */
	int64_t limit;
	bool ascending;
};
struct stored_page {
	struct stored_item *items;
	size_t n;
	bool has_more;
};
/* The input items a response stood on, inherited ones included, without its output. */
void store_list_input(struct store_port *p, struct store_op *op, int64_t project, struct str id,
                      const struct page_query *q, struct arena *a, struct stored_page *ret);
/* Items by id (ours or foreign), in the order asked; one that is missing has json {0}. */
void store_get_items(struct store_port *p, struct store_op *op, int64_t project, const struct str *ids, size_t n,
                     struct arena *a, struct stored_item *ret);
/* Hides at once; children keep what they stand on (decision N4). ERR_NOT_FOUND. */
void store_delete_response(struct store_port *p, struct store_op *op, int64_t project, struct str id);

/* --- idempotency (decision N5) --- */
enum idem_state { IDEM_FRESH, IDEM_RUNNING, IDEM_DONE, IDEM_OTHER_BODY, IDEM_CRASHED };
struct idem_result {
	enum idem_state state;
	struct id response; /* of the first attempt */
	int status;         /* IDEM_DONE */
	struct str answer;
};
/* Claims the key for `response` durably before any engine call. */
void store_idem_begin(struct store_port *p, struct store_op *op, int64_t project, const struct idempotency *idem,
                      const struct id *response, struct arena *a, struct idem_result *ret);
/* Gives a claim back that produced no answer worth keeping (4xx). */
void store_idem_drop(struct store_port *p, struct store_op *op, int64_t project, const struct idempotency *idem);
