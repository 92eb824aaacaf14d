/* record.h - turns as they are written, and their deletion. Included by store.h, which has the rules. */
#pragma once
#include "store/store.h"

struct turn_item {
	struct id id;
	struct str json;       /* as listed; {0}: already stored under id (an item of the same project); one that is
	                        * stored already may be given all the same */
	struct str foreign_id; /* the client's own id, {0} when the item has one of ours */
	int64_t asks_until;    /* > 0: it asks for an approval, which can be given until then (seconds; approval.h) */
};
/* The conversation that a turn runs on (conversation.h). */
struct conversation_lease;
struct turn_append {
	struct conversation_lease *lease; /* held; taken over, and released once the outcome is known */
	struct id id;
	size_t n_known; /* the turn's first items: the conversation has them, its tip does not */
	bool append;    /* its other items go into the conversation (a turn that failed appends nothing) ... */
	bool tip;       /* ... and make the conversation's list the turn's context */
};
struct idempotency; /* idem.h */
struct turn_record {
	int64_t project;
	struct id id;
	int64_t parent;          /* key of the previous response whose context this continues; 0: none */
	struct str status;       /* "completed", ... */
	int64_t created_at;      /* seconds */
	int64_t expires_at;      /* seconds; 0: never */
	struct str body;         /* the response object with empty output */
	size_t output_at;        /* where its items go in `body` */
	struct str phases;       /* where its time went, JSON (measure/phases.h) */
	const struct turn_item *items; /* new to the context: input, then output */
	size_t n_items, n_output;
	bool store;              /* false: only what it appends and the idempotency answer are kept */
	const struct turn_append *conversation; /* NULL: none; `parent` is its tip */
	const struct idempotency *idem; /* NULL: none */
	int answer_status;       /* with idem: the whole answer, kept 24 h */
	struct str answer;
	const struct usage_add *used; /* counted in the same transaction (usage.h) */
	size_t n_used;
};
/* Everything is copied before it returns. */
void store_put_turn(struct store_port *p, struct store_op *op, const struct turn_record *t);
/* Hides at once; children keep what they stand on. ERR_NOT_FOUND; ERR_BAD_REQUEST while it is queued or
 * runs in the background. */
void store_delete_response(struct store_port *p, struct store_op *op, int64_t project, struct str id);

/* --- inside store/ --- */
struct store_request;
/* What else shall go with a turn: changes, binds and bytes to make room for. */
struct record_room {
	size_t changes, binds, bytes;
};
/* A request that writes a turn (nothing at all without `store` and `idem`), not yet sent. NULL: it cannot be made,
 * `op` learns why. What the turn continues is read when it is sent. */
struct store_request *record_request(struct store_port *p, struct store_op *op, const struct turn_record *t,
				     struct record_room room);
