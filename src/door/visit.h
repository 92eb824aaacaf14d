/* visit.h - a request that the store answers: its operations, one after the other, and then one answer.
 *
 * A noun (completions.c, prompts.c, webhooks.c, files.c) puts a struct visit first in a struct of its own. That lies
 * in the arena of the request and ends with the exchange: when the client leaves, the operation under way is cancelled
 * and nothing is called any more. What must outlive its client (conversations.c, uploads.c) is no such visit.
 * Loop thread. */
#pragma once
#include "door/request.h"
#include "store/store.h"

struct visit {
	struct request *rq;
	struct store_op op; /* the one under way, or the last; `done` may be set anew before the next */
	struct reader reader;
	void (*left)(struct visit *); /* the client left: lets go of what else is under way; NULL: nothing is */
};

/* A struct of `size` bytes, zeroed but for the visit it begins with; watches the exchange until an answer is given. */
void *visit_new(struct request *rq, size_t size, void (*done)(struct store_op *, const struct err *));
/* The struct of a finished operation; NULL when it failed, which is answered here. */
void *visit_of(struct store_op *op, const struct err *e);
/* The answer, after which the visit is not used: an error, or 200 and JSON, which is copied. */
void visit_fail(struct visit *v, const struct err *e);
void visit_answer(struct visit *v, struct str json);
/* Somebody else answers the exchange, and watches it if need be; the visit only lies there. */
void visit_leave(struct visit *v);
