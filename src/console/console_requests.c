/* console_requests.c - what engines were sent for a response, byte by byte, while that is remembered (engine/sent.h).
 */
#include "door/visit.h"
#include "engine/engine_list.h"

struct requests_visit {
	struct visit visit;
	struct stored_phases got; /* of it the id alone */
};

static void requests_put(struct jout *o, const struct sent_request *r, size_t number)
{
	jo_obj(o);
	jo_kint(o, "number", (int64_t)number);
	jo_knum(o, "at", (double)r->at_us / 1e6);
	jo_kstr(o, "engine", r->engine);
	jo_kstr(o, "path", r->path);
	jo_kint(o, "bytes", (int64_t)r->body.n);
	jo_obj_end(o);
}

static void requests_on_got(struct store_op *op, const struct err *e)
{
	struct requests_visit *v = visit_of(op, e);
	struct sent_request *sent;
	struct buf b;
	struct jout o = {&b, false};
	if (!v)
		return;
	struct request *rq = v->visit.rq;
	size_t n =
	    sent_list(engines_sent(rq->api->api->options.engines), v->got.id.key, false, exchange_arena(rq->x), &sent);
	buf_init(&b, SIZE_MAX / 2);
	jo_obj(&o);
	jo_key(&o, S("data"));
	jo_arr(&o);
	for (size_t i = 0; i < n; i++)
		requests_put(&o, &sent[i], i);
	jo_arr_end(&o);
	jo_obj_end(&o);
	visit_answer(&v->visit, buf_str(&b));
	buf_release(&b);
}

static void requests_on_got_one(struct store_op *op, const struct err *e)
{
	struct requests_visit *v = visit_of(op, e);
	struct sent_request *sent;
	struct err gone = {0};
	int64_t number;
	if (!v)
		return;
	struct request *rq = v->visit.rq;
	size_t n =
	    sent_list(engines_sent(rq->api->api->options.engines), v->got.id.key, true, exchange_arena(rq->x), &sent);
	if (str_int(rq->args[1], &number) && number >= 0 && (size_t)number < n) {
		visit_answer(&v->visit, sent[number].body);
		return;
	}
	fail(&gone, ERR_NOT_FOUND, NULL, "This request is not remembered any more.");
	visit_fail(&v->visit, &gone);
}

static void requests_look(struct request *rq, void (*done)(struct store_op *, const struct err *))
{
	struct requests_visit *v = visit_new(rq, sizeof *v, done);
	store_get_phases(rq->api->store, &v->visit.op, rq->project, rq->args[0], exchange_arena(rq->x), &v->got);
}

void console_requests_list(struct request *rq)
{
	requests_look(rq, requests_on_got);
}

/* Its bytes are the answer. */
void console_request_get(struct request *rq)
{
	requests_look(rq, requests_on_got_one);
}
