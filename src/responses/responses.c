/* responses.c - /v1/responses and what hangs below it. */
#include <string.h>

#include "base/clock.h"
#include "door/lists.h"
#include "model/conversation.h"
#include "model/item_show.h"
#include "replay/log_play.h"
#include "replay/playback.h"
#include "replay/rebuild.h"
#include "turn/turn.h"

/* One store operation for one request; lives in the request arena, ends with the exchange. */
struct lookup {
	struct request *rq;
	struct store_op op;
	struct reader reader;
	struct stored_response response;
	struct stored_page page;
	/* GET ?stream=true */
	int64_t after;
	int obfuscate;
};

static void on_gone(struct reader *r)
{
	store_cancel(&OWNER(r, struct lookup, reader)->op);
}

static void on_room(struct reader *r)
{
}

static struct lookup *lookup_new(struct request *rq, void (*done)(struct store_op *, const struct err *))
{
	struct lookup *l = new(exchange_arena(rq->x), struct lookup);
	l->rq = rq;
	l->op.done = done;
	l->reader = (struct reader){on_gone, on_room};
	exchange_watch(rq->x, &l->reader);
	return l;
}

/* The lookup of a finished operation; NULL when it failed, which is answered here. */
static struct lookup *lookup_done(struct store_op *op, const struct err *e)
{
	struct lookup *l = OWNER(op, struct lookup, op);
	exchange_unwatch(l->rq->x);
	if (e->code == ERR_NONE)
		return l;
	answer_error(l->rq->x, e);
	return NULL;
}

void response_create(struct request *rq)
{
	turn_start(rq, NULL);
}

/* --- GET /v1/responses/{id} --- */

static void on_got(struct store_op *op, const struct err *e)
{
	struct lookup *l = lookup_done(op, e);
	if (l)
		answer_json(l->rq, 200, l->response.json);
}

/* A stored answer that was not streamed has no events of its own: they are made from it. */
static void stream_rebuilt(struct lookup *l)
{
	struct request *rq = l->rq;
	struct err e = {0};
	bool background = made_in_background(exchange_arena(l->rq->x), l->response.json); /* then its own events are gone */
	if (background || clock_wall_s() - l->response.created_at > api_limits.replay_seconds + api_limits.turn_seconds) {
		fail(&e, ERR_BAD_REQUEST, "stream", "Response with id '%.*s' can no longer be streamed: its events are kept for %lld "
		     "seconds. Retrieve it without `stream`.", FMT(rq->args[0]),
		     (long long)(background ? api_limits.background_keep_seconds : api_limits.replay_seconds));
		answer_error(rq->x, &e);
		return;
	}
	static struct reply_owner nobody;
	struct str json = l->response.json;
	struct reply *r = reply_open(rq->x, REPLY_SSE, &nobody);
	if (l->obfuscate != 0)
		reply_obfuscate(r, rq->args[0]);
	rebuild_events_after(r, exchange_arena(rq->x), json, l->after);
}

static void on_got_to_stream(struct store_op *op, const struct err *e)
{
	struct lookup *l = lookup_done(op, e);
	if (!l)
		return;
	if (l->response.run) {
		bool obfuscate = l->obfuscate < 0 ? l->response.obfuscated : l->obfuscate > 0;
		log_play_request(l->rq, l->rq->args[0], l->after, obfuscate);
	} else if (l->rq->api->api->options.resume_background && !made_in_background(exchange_arena(l->rq->x), l->response.json)) {
		struct err no = {0};
		fail(&no, ERR_BAD_REQUEST, "stream",
		     "This response cannot be streamed because it was not created with background=true.");
		answer_error(l->rq->x, &no);
	} else if (!playback_start(l->rq, l->rq->project, l->rq->args[0], l->after, l->obfuscate, true))
		stream_rebuilt(l);
}

static bool get_stream_read(struct request *rq, struct lookup *l, bool *stream, struct err *e)
{
	static const char *const known[] = {"include", "stream", "starting_after", "include_obfuscation", NULL};
	bool obfuscate = true;
	l->after = -1;
	l->obfuscate = -1;
	if (!query_known(rq, known, e) || !include_read(rq, &l->response.show, e) || !query_bool(rq, "stream", stream, e) ||
	    !query_int(rq, "starting_after", 0, INT64_MAX, &l->after, e) ||
	    !query_bool(rq, "include_obfuscation", &obfuscate, e))
		return false;
	if (query_get(rq, "include_obfuscation", NULL).p)
		l->obfuscate = obfuscate;
	if (l->after >= 0 && !*stream)
		return fail(e, ERR_BAD_REQUEST, "starting_after", "The 'starting_after' parameter is only allowed with 'stream' set to true.");
	return true;
}

void response_get(struct request *rq)
{
	struct lookup *l = lookup_new(rq, on_got);
	struct err e = {0};
	bool stream = false;
	if (!get_stream_read(rq, l, &stream, &e)) {
		exchange_unwatch(rq->x);
		answer_error(rq->x, &e);
		return;
	}
	if (stream)
		l->op.done = on_got_to_stream;
	store_get_response(rq->api->store, &l->op, rq->project, rq->args[0], exchange_arena(rq->x), &l->response);
}

/* --- DELETE --- */

static void on_deleted(struct store_op *op, const struct err *e)
{
	struct lookup *l = lookup_done(op, e);
	if (!l)
		return;
	struct buf b;
	buf_init(&b, 4096);
	struct jout o = {&b, false};
	jo_obj(&o);
	jo_kstr(&o, "id", l->rq->args[0]);
	jo_kstr(&o, "object", S("response.deleted"));
	jo_kbool(&o, "deleted", true);
	jo_obj_end(&o);
	answer_json(l->rq, 200, buf_str(&b));
	buf_release(&b);
}

void response_delete(struct request *rq)
{
	struct lookup *l = lookup_new(rq, on_deleted);
	store_delete_response(rq->api->store, &l->op, rq->project, rq->args[0]);
}

/* --- GET /v1/responses/{id}/input_items --- */

static void on_listed(struct store_op *op, const struct err *e)
{
	struct lookup *l = lookup_done(op, e);
	if (!l)
		return;
	struct str *json = new_array(exchange_arena(l->rq->x), struct str, l->page.n + 1);
	for (size_t i = 0; i < l->page.n; i++)
		json[i] = l->page.items[i].json;
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	list_write(&b, exchange_arena(l->rq->x), json, l->page.n, l->page.has_more, l->response.show);
	answer_json(l->rq, 200, buf_str(&b));
	buf_release(&b);
}

void response_input_items(struct request *rq)
{
	static const char *const known[] = {"after", "before", "limit", "order", "include", NULL};
	struct page_query q;
	struct err e = {0};
	unsigned show;
	if (!page_read(rq, known, &q, &e) || !include_read(rq, &show, &e)) {
		answer_error(rq->x, &e);
		return;
	}
	struct lookup *l = lookup_new(rq, on_listed);
	l->response.show = show;
	store_list_input(rq->api->store, &l->op, rq->project, rq->args[0], &q, exchange_arena(rq->x), &l->page);
}
