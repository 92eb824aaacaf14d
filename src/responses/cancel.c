/* cancel.c - POST /v1/responses/{id}/cancel: answered once the end is committed, whichever it was. */
#include <string.h>

#include "background/worker.h"
#include "door/visit.h"
#include "news/run_news.h"
#include "replay/log_play.h"

enum { LOOK_AGAIN_MS = 1000, GIVE_UP_MS = 60000 };

/* Lives in the request's arena. */
struct cancelling {
	struct visit visit;
	struct stored_response response;
	struct run_watch watch;
	struct timer again;
	int64_t began_ms;
	bool asked; /* its worker was told */
};

static void stop(struct visit *v)
{
	struct cancelling *c = OWNER(v, struct cancelling, visit);
	store_cancel(&v->op);
	run_watch_stop(&c->watch);
	timer_cancel(&c->again);
}

static void cancel_refuse(struct cancelling *c, const struct err *e)
{
	stop(&c->visit);
	visit_fail(&c->visit, e);
}

static void cancel_on_got(struct store_op *op, const struct err *e);

static void cancel_look(struct cancelling *c)
{
	if (c->visit.op.request)
		return;
	c->visit.op.done = cancel_on_got;
	store_get_response(c->visit.rq->api->store, &c->visit.op, c->visit.rq->project, c->visit.rq->args[0], exchange_arena(c->visit.rq->x), &c->response);
}

static void cancel_on_news(struct run_watch *w)
{
	cancel_look(OWNER(w, struct cancelling, watch));
}

static void cancel_on_again(struct timer *t)
{
	cancel_look(OWNER(t, struct cancelling, again));
}

/* The run goes on: tell its worker, or be its worker. */
static void ask(struct cancelling *c)
{
	struct api_loop *al = c->visit.rq->api;
	struct run_place place = {c->response.id, c->visit.rq->project};
	struct err e = {0};
	int64_t now = loop_now_ms(al->loop);
	if (!c->asked) {
		c->asked = true;
		c->began_ms = now;
		run_watch_start(al->api->news, place.id.key, RUN_NEWS, al->loop, &c->watch, cancel_on_news);
		cancel_look(c); /* it may have ended before the watch began */
	}
	run_tell(al->api->news, place.id.key, RUN_CANCEL); /* each time: a word to another node may be lost */
	if (now - c->began_ms > GIVE_UP_MS) {
		e.retry_after_ms = LOOK_AGAIN_MS;
		fail(&e, ERR_UNAVAILABLE, NULL, "The response could not be cancelled yet. Please retry in a moment.");
		cancel_refuse(c, &e);
		return;
	}
	worker_take(al, &place);
	timer_start(al->loop, &c->again, LOOK_AGAIN_MS, cancel_on_again);
}

static void cancel_on_got(struct store_op *op, const struct err *e)
{
	struct cancelling *c = OWNER(op, struct cancelling, visit.op);
	struct err no = {0};
	if (e->code != ERR_NONE) {
		cancel_refuse(c, e);
	} else if (c->response.run && !c->response.ended) {
		ask(c);
	} else if (!made_in_background(exchange_arena(c->visit.rq->x), c->response.json)) {
		fail(&no, ERR_BAD_REQUEST, NULL, "Cannot cancel a synchronous response.");
		cancel_refuse(c, &no);
	} else if (!str_eq(c->response.status, S("cancelled"))) {
		const char *article = str_eq(c->response.status, S("incomplete")) ? "an" : "a";
		fail(&no, ERR_BAD_REQUEST, NULL, "Cannot cancel %s %.*s response.", article, FMT(c->response.status));
		cancel_refuse(c, &no);
	} else {
		stop(&c->visit);
		visit_answer(&c->visit, c->response.json);
	}
}

void response_cancel(struct request *rq)
{
	struct cancelling *c = visit_new(rq, sizeof *c, cancel_on_got);
	c->visit.left = stop;
	cancel_look(c);
}
