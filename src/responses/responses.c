/* responses.c - /v1/responses and what hangs below it. */
#include <string.h>

#include "base/clock.h"
#include "door/elsewhere.h"
#include "door/lists.h"
#include "door/visit.h"
#include "engine/engine_list.h"
#include "model/conversation.h"
#include "model/item_show.h"
#include "replay/log_play.h"
#include "replay/playback.h"
#include "replay/rebuild.h"
#include "turn/turn.h"
#include "turn/turn_start.h"

struct lookup {
	struct visit visit;
	struct stored_response response;
	struct stored_page page;
	/* GET ?stream=true */
	int64_t after;
	int obfuscate;
};

void response_create(struct request *rq)
{
	turn_start(rq, NULL);
}

/* --- GET /v1/responses/{id} --- */

static void responses_on_got(struct store_op *op, const struct err *e)
{
	struct lookup *l = visit_of(op, e);
	if (l)
		visit_answer(&l->visit, l->response.json);
}

/* A stored answer that was not streamed has no events of its own: they are made from it. */
static void stream_rebuilt(struct lookup *l)
{
	struct request *rq = l->visit.rq;
	struct err e = {0};
	bool background = made_in_background(exchange_arena(l->visit.rq->x), l->response.json); /* then its own events are gone */
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
	struct lookup *l = visit_of(op, e);
	if (!l)
		return;
	visit_leave(&l->visit);
	if (l->response.run) {
		bool obfuscate = l->obfuscate < 0 ? l->response.obfuscated : l->obfuscate > 0;
		log_play_request(l->visit.rq, l->visit.rq->args[0], l->after, obfuscate);
	} else if (l->visit.rq->api->api->options.resume_background && !made_in_background(exchange_arena(l->visit.rq->x), l->response.json)) {
		struct err no = {0};
		fail(&no, ERR_BAD_REQUEST, "stream",
		     "This response cannot be streamed because it was not created with background=true.");
		answer_error(l->visit.rq->x, &no);
	} else if (!playback_start(l->visit.rq, l->visit.rq->project, l->visit.rq->args[0], l->after, l->obfuscate, true) &&
		   !elsewhere_pass(l->visit.rq, &l->response.id))
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
	struct lookup *l = visit_new(rq, sizeof *l, responses_on_got);
	struct err e = {0};
	bool stream = false;
	if (!get_stream_read(rq, l, &stream, &e)) {
		visit_fail(&l->visit, &e);
		return;
	}
	if (stream)
		l->visit.op.done = on_got_to_stream;
	store_get_response(rq->api->store, &l->visit.op, rq->project, rq->args[0], exchange_arena(rq->x), &l->response);
}

/* --- DELETE --- */

static void responses_on_deleted(struct store_op *op, const struct err *e)
{
	struct lookup *l = visit_of(op, e);
	if (!l)
		return;
	struct id id;
	if (id_parse_any(l->visit.rq->args[0], &id))
		sent_drop(engines_sent(l->visit.rq->api->api->options.engines), id.key);
	visit_answer(&l->visit, deleted_json(exchange_arena(l->visit.rq->x), RESOURCE_RESPONSE, l->visit.rq->args[0]));
}

void response_delete(struct request *rq)
{
	struct lookup *l = visit_new(rq, sizeof *l, responses_on_deleted);
	store_delete_response(rq->api->store, &l->visit.op, rq->project, rq->args[0]);
}

/* --- GET /v1/responses/{id}/input_items --- */

static void responses_on_listed(struct store_op *op, const struct err *e)
{
	struct lookup *l = visit_of(op, e);
	if (!l)
		return;
	struct str *json = new_array(exchange_arena(l->visit.rq->x), struct str, l->page.n + 1);
	for (size_t i = 0; i < l->page.n; i++)
		json[i] = l->page.items[i].json;
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	list_write(&b, exchange_arena(l->visit.rq->x), json, l->page.n, l->page.has_more, l->response.show);
	visit_answer(&l->visit, buf_str(&b));
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
	struct lookup *l = visit_new(rq, sizeof *l, responses_on_listed);
	l->response.show = show;
	store_list_input(rq->api->store, &l->visit.op, rq->project, rq->args[0], &q, exchange_arena(rq->x), &l->page);
}
