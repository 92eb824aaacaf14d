/* visit.c - a request that the store answers: its operations, and one answer. */
#include "door/visit.h"

static void visit_on_gone(struct reader *r)
{
	struct visit *v = OWNER(r, struct visit, reader);
	store_cancel(&v->op);
	if (v->left)
		v->left(v);
}

static void visit_on_room(struct reader *r)
{
}

void *visit_new(struct request *rq, size_t size, void (*done)(struct store_op *, const struct err *))
{
	struct visit *v = arena_alloc(exchange_arena(rq->x), size);
	v->rq = rq;
	v->op.done = done;
	v->reader = (struct reader){visit_on_gone, visit_on_room};
	exchange_watch(rq->x, &v->reader);
	return v;
}

void *visit_of(struct store_op *op, const struct err *e)
{
	struct visit *v = OWNER(op, struct visit, op);
	if (e->code == ERR_NONE)
		return v;
	visit_fail(v, e);
	return NULL;
}

void visit_fail(struct visit *v, const struct err *e)
{
	exchange_unwatch(v->rq->x);
	answer_error(v->rq->x, e);
}

void visit_answer(struct visit *v, struct str json)
{
	exchange_unwatch(v->rq->x);
	answer_json(v->rq, 200, json);
}

void visit_leave(struct visit *v)
{
	exchange_unwatch(v->rq->x);
}
