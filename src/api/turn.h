/* turn.h - one request's way through store and engine (POST /v1/responses).
 *
 * A turn owns an arena, at most one store operation and one engine call. It is born in turn_start(),
 * advances only in turn_run() along TURN_STEPS, and frees itself after its last event. It is joined to its
 * connection by the reply alone, which either end may cut (decisions M). Loop thread. */
#pragma once
#include "api/internal.h"
#include "model/event.h"
#include "net/reply.h"

struct attempt;
struct replay;

/* The diagram: a step, its function, and where it may go. */
#define TURN_STEPS(X)                                                                                \
	X(CLAIM, claim, TO(LOAD) | TO(REFUSE) | TO(AGAIN)) /* idempotency key, durably */            \
	X(LOAD, load, TO(REFER) | TO(REFUSE))              /* the context of previous_response_id */ \
	X(REFER, refer, TO(OPEN) | TO(REFUSE))             /* item_reference */                      \
	X(OPEN, open_, TO(CALL) | TO(REFUSE))              /* last checks; response.created leaves */ \
	X(CALL, call, TO(SAVE))                            /* the engine streams */                  \
	X(SAVE, save, TO(DONE))                            /* one record, one transaction */         \
	X(DONE, done, 0)                                   /* the terminal event, then the end */    \
	X(AGAIN, again, 0)                                 /* the answer that the key already has */ \
	X(REFUSE, refuse, 0)                               /* an error before anything was sent */

enum turn_step {
#define X(NAME, fn, to) STEP_##NAME,
	TURN_STEPS(X)
#undef X
};

enum out_part { OUT_NONE, OUT_TEXT, OUT_REFUSAL };

/* An output item while it is made. */
struct out_item {
	struct out_item *next;
	enum item_type type; /* message, reasoning, function_call */
	struct id id;
	struct str id_text;
	int index;        /* output_index */
	int call_index;   /* function calls: the engine's number */
	bool done;
	bool whole;       /* done with status completed */
	struct buf text;  /* the open part's text; reasoning; arguments */
	struct buf parts; /* a message's finished parts, joined by commas */
	struct buf logprobs;
	enum out_part part;
	int content_index;
	struct str call_id, name;
	struct str json; /* once done */
};

struct turn_output {
	struct out_item *first, *last;
	int n;
	size_t bytes;
	bool too_big;
};

struct turn {
	struct arena arena;
	struct api_loop *api;
	struct turn *next, *prev;
	enum turn_step step;
	int64_t project;
	struct create req;
	struct id id;
	struct response response;
	struct turn_output out;
	int64_t seq;

	struct reply *reply; /* NULL: the reader left */
	enum reply_form form;
	struct reply_owner reader;
	struct attempt *attempt; /* NULL: its client is not known to send again (decision F1) */
	bool created_sent, stopping;

	struct store_op op;
	struct stored_context context;
	struct stored_item *referred;
	struct item *history;
	size_t n_history;
	struct idempotency idem;
	bool idem_given;
	struct idem_result idem_result;

	struct engine_call call;
	struct engine_model model;
	struct prompt prompt;
	struct err error;

	struct timer silence, deadline, grace;
	struct deferred overflow; /* the output passed its bounds */
	struct replay *replay; /* NULL: nobody can stream this again */
};

/* Takes the request over and answers it. */
void turn_start(struct request *rq);
/* Goes on from where the turn stands; called by whoever unblocks it. */
void turn_run(struct turn *t);
/* The client or the drain wants it ended: what was made is kept as `cancelled` (M4). Idempotent. */
void turn_cancel(struct turn *t);

/* --- turn_output.c: model events become items and stream events --- */
/* Renders one event: to the reply, and to the replay buffer. */
void turn_emit(struct turn *t, struct event *ev);
void turn_model_event(struct turn *t, const struct model_event *me);
/* Closes every open item. `whole` false: text as `incomplete`, unfinished calls as `incomplete` or, with
 * drop_calls, not at all. */
void turn_close_items(struct turn *t, bool whole, bool drop_calls);
/* The finished items joined by commas, in t->arena. */
struct str turn_output_json(struct turn *t);
/* A finished text against its strict schema (decision D5). */
bool turn_output_fits(struct turn *t, struct err *e);
void turn_output_release(struct turn *t);

/* --- turn_save.c --- */
/* Fills the record of this turn; everything in t->arena. */
void turn_record_make(struct turn *t, struct turn_record *ret);
/* The response object as it now stands, in `b`. */
void turn_response_write(struct turn *t, struct buf *b, bool with_output, bool billing, size_t *output_at);
