/* retry.c - a client's own retry gets the answer of its first attempt. */
#include "replay/retry.h"

#include "door/attempts.h"
#include "door/visit.h"
#include "net/reply.h"
#include "replay/log_play.h"
#include "replay/playback.h"

struct join {
	struct request *rq;
	struct joiner joiner;
	struct reply_owner owner;
	struct reply *reply; /* so that the wait is not silent */
	bool streams;
};

int64_t retry_count(const struct exchange *x)
{
	int64_t n;
	struct str v = exchange_header(x, S("x-stainless-retry-count"));
	return v.p && str_int(v, &n) && n >= 0 ? n : -1;
}

static void retry_on_gone(struct reply_owner *o)
{
	join_stop(&OWNER(o, struct join, owner)->joiner);
}

static void retry_on_room(struct reply_owner *o)
{
}

static bool wants_stream(struct request *rq)
{
	struct err e = {0};
	yyjson_val *v;
	return json_parse(exchange_arena(rq->x), exchange_request(rq->x)->body, &v, &e) && yyjson_is_true(json_get(v, S("stream")));
}

/* The stored response that the first attempt has made. */
struct answering {
	struct visit visit;
	struct stored_response response;
};

static void retry_on_got(struct store_op *op, const struct err *e)
{
	struct answering *w = visit_of(op, e);
	if (w)
		visit_answer(&w->visit, w->response.json);
}

static void answer_stored(struct request *rq, struct str id)
{
	struct answering *w = visit_new(rq, sizeof *w, retry_on_got);
	store_get_response(rq->api->store, &w->visit.op, rq->project, id, exchange_arena(rq->x), &w->response);
}

static void retry_on_done(struct joiner *j)
{
	struct join *w = OWNER(j, struct join, joiner);
	struct request *rq = w->rq;
	struct arena *a = exchange_arena(rq->x);
	struct str answer = str_copy(a, j->answer), id = str_copy(a, str_of(j->id));
	enum attempt_end end = j->end;
	int status = j->status;
	if (w->streams && end != ATTEMPT_STREAM && end != ATTEMPT_LOG && !reply_open_head(w->reply)) {
		reply_event(w->reply, S("error"), answer, 0, -1); /* a comment has left: it stays a stream */
		reply_end(w->reply, 200, S(""));
		join_stop(j);
		return;
	}
	reply_release(w->reply);
	join_stop(j);
	if (end == ATTEMPT_LOG) {
		log_play_request(rq, id, -1, true);
	} else if (end == ATTEMPT_STORED) {
		answer_stored(rq, id);
	} else if (end != ATTEMPT_STREAM) {
		answer_json(rq, status, answer);
	} else if (!playback_start(rq, rq->project, id, -1, -1, false)) {
		struct err e = {0};
		fail(&e, ERR_INTERNAL, NULL, "The answer to the first attempt is no longer kept.");
		answer_error(rq->x, &e);
	}
}

bool retry_join(struct request *rq, const uint8_t hash[32])
{
	struct join *w = new(exchange_arena(rq->x), struct join);
	w->rq = rq;
	if (!join_start(rq->api->api->attempts, rq->project, hash, rq->api->loop, &w->joiner, retry_on_done))
		return false;
	if (playback_start(rq, rq->project, str_of(w->joiner.id), -1, -1, false)) {
		join_stop(&w->joiner);
		return true;
	}
	w->streams = wants_stream(rq);
	w->owner = (struct reply_owner){retry_on_gone, retry_on_room};
	w->reply = reply_open(rq->x, w->streams ? REPLY_SSE : REPLY_JSON, &w->owner);
	return true;
}
