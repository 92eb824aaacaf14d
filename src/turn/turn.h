/* turn.h - one request's way through store and engine (POST /v1/responses).
 *
 * A turn owns an arena, at most one store operation and one engine call. It is born in turn_new() (for turn_start(),
 * turn_start_lane() and a background worker), advances only in turn_run() along TURN_STEPS, and is freed after its last
 * event. It is joined to its connection by the reply alone, which either end may cut (docs/design/turn.md). Loop thread. */
#pragma once
#include "door/account.h"
#include "door/allowance.h"
#include "door/grace.h"
#include "door/live.h"
#include "door/request.h"
#include "net/reply.h"
#include "turn/turn_context.h"
#include "turn/turn_key.h"
#include "turn/turn_output.h"
#include "turn/turn_steps.h"

struct replay;
struct runner;

struct turn_reader {
	struct turn_link *link; /* turn_link.h; NULL: over HTTP, or cut */
	struct reply *reply; /* NULL: the reader left */
	enum reply_form form;
	struct asker asker;
	struct quota_hold hold;  /* what it takes of its asker's limits */
	struct request *request; /* its HTTP request, as long as the reply is there; NULL: none */
	struct reply_owner owner;
};

struct turn_clocks {
	struct timer silence, deadline;
	struct grace grace; /* its client left */
	struct deferred overflow; /* the output passed its bounds, or is cut */
	struct deferred rest;     /* of long work: others go first */
	struct phases phases;     /* where its time goes */
	struct live live;         /* how others see it meanwhile */
};

struct turn {
	struct arena arena;
	const struct turn_kind *kind; /* NULL: a response */
	struct api_loop *api;
	struct turn *next, *prev;
	enum turn_step step;
	int64_t project;
	struct create req;
	struct id id;
	struct response response;
	struct turn_output out;
	int64_t seq;
	bool created_sent, stopping;
	struct turn_reader reader;
	struct turn_context context;
	struct turn_key key;
	struct turn_clocks clocks;
	struct store_op op;
	struct engine_call call;
	struct engine_model model;
	struct prompt prompt;
	struct err *error;       /* NULL: none; turn_error() */
	struct replay *replay;   /* NULL: nobody can stream this again */
	struct runner *runner;   /* runner.h; not NULL: a background run, which a worker makes */
};

/* Does anybody read events of it? If not, what stands in one is not rendered; it is counted all the same: a later replay of a
 * JSON answer rebuilds them. */
static inline bool turn_tells(const struct turn *t)
{
	return reply_streams(t->reader.form) && (t->runner || t->replay || t->reader.reply);
}
/* The client or the drain wants it ended: what was made is kept as `cancelled`. Idempotent. */
void turn_cancel(struct turn *t);
/* Without its end: for a background run, which another goes on with. */
void turn_free(struct turn *t);
