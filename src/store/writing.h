/* writing.h - what is written: turns, deletions, idempotency keys. Included by store.h, which has the rules. */
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

/* --- idempotency --- */
enum idem_state { IDEM_FRESH, IDEM_RUNNING, IDEM_DONE, IDEM_OTHER_BODY, IDEM_CRASHED };
struct idem_result {
	enum idem_state state;
	struct id response; /* of the first attempt */
	int status;         /* IDEM_DONE */
	struct str answer;
};
/* Claims the key for `response` durably before any engine call. store_idem_end() must follow. */
void store_idem_begin(struct store_port *p, struct store_op *op, int64_t project, const struct idempotency *idem,
                      const struct id *response, struct arena *a, struct idem_result *ret);
/* Gives the claim of `response` back, which produced no answer worth keeping (4xx). The claim of another stays: who
 * left before it was known whose the claim is may give it back, too. */
void store_idem_drop(struct store_port *p, struct store_op *op, int64_t project, const struct idempotency *idem,
                     const struct id *response);
/* Whoever began has ended; idempotent. A claim that could neither be answered nor given back (a full disk) is free from
 * now on; `unsaved`: what it stood for was made and is lost, and that is what the key answers (IDEM_CRASHED). */
void store_idem_end(struct store_port *p, const struct id *response, bool unsaved);
