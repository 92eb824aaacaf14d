/* cancel.c - POST /v1/responses/{id}/cancel: answered once the end is committed, whichever it was. */
#include <string.h>

#include "background/worker.h"
#include "news/runs.h"
#include "replay/log_play.h"

enum { LOOK_AGAIN_MS = 1000, GIVE_UP_MS = 60000 };

/* Lives in the request's arena. */
struct cancelling {
	struct request *rq;
	struct store_op op;
	struct reader reader;
	struct stored_response response;
	struct run_watch watch;
	struct timer again;
	int64_t began_ms;
	bool asked; /* its worker was told */
};

static void stop(struct cancelling *c)
{
	store_cancel(&c->op);
	run_watch_stop(&c->watch);
	timer_cancel(&c->again);
}

static void on_gone(struct reader *r)
{
	stop(OWNER(r, struct cancelling, reader));
}

static void on_room(struct reader *r)
{
}

static void refuse(struct cancelling *c, const struct err *e)
{
	stop(c);
	exchange_unwatch(c->rq->x);
	answer_error(c->rq->x, e);
}

static void on_got(struct store_op *op, const struct err *e);

static void look(struct cancelling *c)
{
	if (c->op.request)
		return;
	c->op.done = on_got;
	store_get_response(c->rq->api->store, &c->op, c->rq->project, c->rq->args[0], exchange_arena(c->rq->x), &c->response);
}

static void on_news(struct run_watch *w)
{
	look(OWNER(w, struct cancelling, watch));
}

static void on_again(struct timer *t)
{
	look(OWNER(t, struct cancelling, again));
}

/* The run goes on: tell its worker, or be its worker. */
static void ask(struct cancelling *c)
{
	struct api_loop *al = c->rq->api;
	struct run_place place = {c->response.id, c->rq->project};
	struct err e = {0};
	int64_t now = loop_now_ms(al->loop);
	if (!c->asked) {
		c->asked = true;
		c->began_ms = now;
		run_watch_start(al->api->runs, place.id.key, RUN_NEWS, al->loop, &c->watch, on_news);
		runs_tell(al->api->runs, place.id.key, RUN_CANCEL);
		look(c); /* it may have ended before the watch began */
	}
	if (now - c->began_ms > GIVE_UP_MS) {
		e.retry_after_ms = LOOK_AGAIN_MS;
		fail(&e, ERR_UNAVAILABLE, NULL, "The response could not be cancelled yet. Please retry in a moment.");
		refuse(c, &e);
		return;
	}
	worker_take(al, &place);
	timer_start(al->loop, &c->again, LOOK_AGAIN_MS, on_again);
}

static void on_got(struct store_op *op, const struct err *e)
{
	struct cancelling *c = OWNER(op, struct cancelling, op);
	struct err no = {0};
	if (e->code != ERR_NONE) {
		refuse(c, e);
	} else if (c->response.run && !c->response.ended) {
		ask(c);
	} else if (!made_in_background(exchange_arena(c->rq->x), c->response.json)) {
		fail(&no, ERR_BAD_REQUEST, NULL, "Cannot cancel a synchronous response.");
		refuse(c, &no);
	} else if (!str_eq(c->response.status, S("cancelled"))) {
		const char *article = str_eq(c->response.status, S("incomplete")) ? "an" : "a";
		fail(&no, ERR_BAD_REQUEST, NULL, "Cannot cancel %s %.*s response.", article, FMT(c->response.status));
		refuse(c, &no);
	} else {
		stop(c);
		exchange_unwatch(c->rq->x);
		answer_json(c->rq, 200, c->response.json);
	}
}

void response_cancel(struct request *rq)
{
	struct cancelling *c = new(exchange_arena(rq->x), struct cancelling);
	c->rq = rq;
	c->reader = (struct reader){on_gone, on_room};
	exchange_watch(rq->x, &c->reader);
	look(c);
}
