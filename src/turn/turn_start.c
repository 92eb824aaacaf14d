/* turn_start.c - the birth of a turn, and its reader's coming and going. */
#include "turn/turn_start.h"

#include <assert.h>

#include "base/clock.h"
#include "door/attempts.h"
#include "door/slice.h"
#include "model/request_tools.h"
#include "model/template.h"
#include "replay/rebuild.h"
#include "replay/replay.h"
#include "replay/retry.h"
#include "turn/turn_judge.h"
#include "turn/turn_kind.h"
#include "turn/turn_link.h"
#include "turn/turn_usage.h"

enum { ROOM = 1344 }; /* bytes: what a short request and its prompt take of a turn's arena besides the turn */

/* --- the reader --- */

static void turn_start_on_gone(struct reply_owner *o)
{
	struct turn *t = OWNER(o, struct turn, reader.owner);
	t->reader.reply = NULL;
	engine_call_resume(&t->call);
	if (t->key.attempt)
		attempt_abandoned(t->key.attempt);
	if (t->api->api->options.finish_on_disconnect)
		return;
	if (!t->key.attempt || !grace_start(&t->clocks.grace, t->api->loop))
		turn_cancel(t);
}

static bool turn_start_still_wanted(struct grace *g)
{
	struct turn *t = OWNER(g, struct turn, clocks.grace);
	return (t->replay && replay_followed(t->replay)) || (t->key.attempt && attempt_joined(t->key.attempt));
}

static void turn_start_on_grace_over(struct grace *g)
{
	turn_cancel(OWNER(g, struct turn, clocks.grace));
}

static void turn_start_on_room(struct reply_owner *o)
{
	engine_call_resume(&OWNER(o, struct turn, reader.owner)->call);
}

/* --- birth --- */

static bool idempotency_read(struct turn *t, struct request *rq)
{
	struct str key = exchange_header(rq->x, S("idempotency-key"));
	if (!key.n)
		return true;
	if (key.n > 255)
		return fail(turn_error(t), ERR_STRING_TOO_LONG, NULL,
			    "Invalid Idempotency-Key: at most 255 characters.");
	t->key.claim = new(&t->arena, struct turn_claim);
	t->key.claim->idem.route = S("POST /v1/responses");
	t->key.claim->idem.key = str_copy(&t->arena, key);
	body_hash(t->key.body, t->key.claim->idem.body_hash);
	t->key.given = true;
	return true;
}

bool turn_read(struct turn *t, bool socket)
{
	struct err unknown = {0};
	struct str id, version;
	yyjson_val *v;
	if (t->kind && !str_trim(t->key.body).n) /* the SDKs may leave it out where everything is optional */
		t->key.body = S("{}");
	if (!json_parse(&t->arena, t->key.body, &v, turn_error(t)))
		return false;
	struct str model = json_str(json_get(v, S("model")));
	if (model.p || t->kind)
		engine_find(t->api->api->options.engines, &t->arena, model, &t->model, &unknown);
	struct request_rules rules = {t->kind ? t->kind->request : REQUEST_CREATE, t->model.pass, t->model.name.p ? str_copy(&t->arena, t->model.engine).p : NULL,
	                              .socket = socket};
	if (t->key.filled || t->runner)
		rules.prompt = template_wanted(v, &id, &version) ? RULES_PROMPT_FILLED : RULES_PROMPT_NONE;
	else if (!t->kind && template_wanted(v, &id, &version))
		rules.prompt = RULES_PROMPT_OPEN;
	if (!create_read(&t->arena, v, &rules, &t->req, turn_error(t)))
		return false;
	if (rules.prompt == RULES_PROMPT_OPEN) {
		t->key.template = new(&t->arena, struct stored_template);
		return true;
	}
	if (!turn_judge_possible(t, turn_error(t)) ||
	    !tools_serve(t->api->api->options.tools, &t->req, turn_error(t)))
		return false;
	tools_describe(&t->arena, &t->req);
	t->response.model = t->model.name.p ? t->model.name : model;
	live_model(&t->clocks.live, t->response.model);
	if (unknown.code)
		*turn_error(t) = unknown;
	if (t->kind)
		t->req.store = false;
	return !unknown.code;
}

struct turn *turn_new(struct api_loop *al, int64_t project, struct arena *a, const struct id *id, int64_t began_us, enum phase first)
{
	arena_start(a, sizeof(struct turn) + ROOM);
	struct turn *t = new(a, struct turn);
	t->arena = *a;
	t->api = al;
	t->project = project;
	t->id = *id;
	t->response = (struct response){.req = &t->req, .created_at = clock_wall_s(), .status = RS_IN_PROGRESS};
	t->response.id = id_text(arena_bytes(&t->arena, ID_MAX), "resp", &t->id);
	turn_output_begin(t);
	t->reader.owner = (struct reply_owner){turn_start_on_gone, turn_start_on_room};
	t->clocks.grace = (struct grace){.wanted = turn_start_still_wanted, .over = turn_start_on_grace_over};
	phases_begin(&t->clocks.phases, &t->arena, began_us, first);
	t->clocks.live = (struct live){.id = t->response.id, .kind = first == PHASE_WAIT ? S("background") : S("response"), .phases = &t->clocks.phases};
	live_add(&t->clocks.live);
	t->reader.asker = asker_none(&t->arena);
	t->next = al->turns;
	if (t->next)
		t->next->prev = t;
	al->turns = t;
	al->n_turns++;
	atomic_fetch_add(&al->api->running, 1);
	return t;
}

static struct turn *turn_make(struct api_loop *al, int64_t project, struct str body, int64_t began_us)
{
	struct arena a = {0};
	struct id id = id_mint();
	struct turn *t = turn_new(al, project, &a, &id, began_us, PHASE_LOAD);
	t->key.body = body;
	return t;
}

/* The body stands in memory of its connection. What was read of it is in the turn's own by now; it is read again only where
 * its prompt template is filled in, or where a worker makes the response. */
static void turn_keep_body(struct turn *t)
{
	bool again = t->key.template || t->req.background;
	t->key.body = again ? str_copy(&t->arena, t->key.body) : (struct str){0};
}

static bool room_for_one(const struct api_loop *al, struct err *e)
{
	if ((int64_t)al->n_turns < api_limits.turns)
		return true;
	e->retry_after_ms = 1000;
	return fail(e, ERR_BUSY, NULL, "Too many responses are running (api.turns = %lld). Please retry in a moment.",
	            (long long)api_limits.turns);
}

void turn_known(struct turn *t)
{
	if (!t->reader.reply)
		return;
	const char *advice = t->req.not_applied;
	if (t->req.grammar_tool && !engine_constrains(&t->model, t->req.grammar_tool))
		advice = str_fmt(&t->arena, "%s%s%s", advice ? advice : "", advice ? ", " : "", t->req.grammar_path).p;
	if (create_search_idle(&t->req, (size_t)api_limits.shown_tools))
		advice = str_fmt(&t->arena, "%s%stool_search", advice ? advice : "", advice ? ", " : "").p;
	advice = tools_advice(t->api->api->options.tools, &t->arena, &t->req, advice);
	advice = engine_advice(&t->arena, &t->model, t->req.sampling.effort, advice, S("reasoning.effort"));
	if (advice)
		reply_header(t->reader.reply, S("antiphon-not-applied"), str_of(advice));
	if (t->req.obfuscate && reply_streams(t->reader.form))
		reply_obfuscate(t->reader.reply, t->response.id);
}

static void turn_begin(struct turn *t, bool ok, int64_t began_us)
{
	if (ok && !t->key.template)
		turn_known(t);
	if (slice_over(began_us))
		turn_rest(t);
	else
		turn_run(t);
}

void turn_start_lane(struct request *rq, struct str body, struct reply_lane *lane, struct turn_link *link)
{
	struct api_loop *al = rq->api;
	struct err busy = {0};
	room_for_one(al, &busy);
	int64_t began_us = clock_mono_us();
	struct turn *t = turn_make(al, rq->project, body, began_us);
	t->reader.asker.key = rq->key;
	*turn_error(t) = busy;
	t->reader.form = REPLY_WS;
	bool ok = !busy.code && allowance_request(rq, false, turn_error(t)) && turn_read(t, true) && turn_usage_begin(t, rq, body.n);
	turn_keep_body(t);
	t->reader.reply = reply_open_lane(lane, al->loop, &t->reader.owner);
	t->reader.link = link;
	link->turn = t;
	turn_begin(t, ok, began_us);
}

void turn_start(struct request *rq, const struct turn_kind *kind)
{
	struct err busy = {0};
	if (!room_for_one(rq->api, &busy)) {
		answer_error(rq->x, &busy);
		return;
	}
	int64_t began_us = clock_mono_us(), tries = kind ? -1 : retry_count(rq->x); /* the others may simply be made again */
	uint8_t hash[32];
	if (tries >= 0)
		body_hash(exchange_request(rq->x)->body, hash);
	if (tries >= 1 && retry_join(rq, hash))
		return;
	struct turn *t = turn_make(rq->api, rq->project, exchange_request(rq->x)->body, exchange_request(rq->x)->began_us);
	t->kind = kind;
	t->reader.asker = asker_of(rq, &t->arena);
	t->reader.request = rq;
	t->call.low = rq->low;
	if (tries >= 0)
		t->key.attempt = attempt_begin(rq->api->api->attempts, rq->project, hash, t->response.id);
	bool ok = turn_read(t, false) && (kind || idempotency_read(t, rq)) &&
		  turn_usage_begin(t, rq, exchange_request(rq->x)->body.n);
	turn_keep_body(t);
	t->reader.form = ok && t->req.stream ? REPLY_SSE : REPLY_JSON;
	t->reader.reply = reply_open(rq->x, t->reader.form, &t->reader.owner);
	if (t->reader.form == REPLY_SSE)
		exchange_forget(rq->x);
	turn_begin(t, ok, began_us);
}
