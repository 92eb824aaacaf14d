/* chat.c - POST /v1/chat/completions, through the same engine floor as a response.
 *
 * `n` choices are n engine calls of the same prompt, since not every engine knows `n`. The answer ends when the
 * last choice has; the first failure ends them all.
 *
 * With `store` the finished completion is kept before its end leaves (durable before visible): the JSON answer, and of a stream
 * the chunks with finish_reason and all after them. What failed or was cut off by its client is not kept, since no
 * state of the API says "unfinished" of a completion; a client that leaves while the store writes may find it there.
 * Loop thread. */
#include <assert.h>
#include <string.h>

#include "chat/chat.h"

#include "base/clock.h"
#include "base/log.h"
#include "chat/chat_account.h"
#include "chat/chat_judge.h"
#include "chat/chat_tell.h"
#include "chat/chat_tools.h"
#include "chat/chat_voice.h"
#include "door/attempts.h"
#include "door/slice.h"
#include "engine/prompt_tidy.h"
#include "model/format.h"
#include "replay/rebuild.h"
#include "replay/retry.h"

static void chat_free(struct chat *c)
{
	size_t used;
	const struct usage_add *usage = chat_usage(c, &used);
	if (used && !c->by.counted)
		store_add_usage(c->api->store, NULL, usage, used);
	quota_end(&c->by.hold, usage, used);
	chat_measure_end(c);
	live_remove(&c->clocks.live);
	attach_cancel(&c->attach);
	chat_web_cancel(&c->web);
	for (size_t i = 0; i < c->n; i++) {
		engine_call_cancel(&c->runs[i].call);
		chat_choice_release(&c->runs[i].choice);
	}
	if (c->attempt) {
		fail(&c->error, ERR_UNAVAILABLE, NULL, "The request was given up because its client left.");
		attempt_end(c->attempt, ATTEMPT_FAILED, err_rows[c->error.code].status, error_body(&c->arena, &c->error));
	}
	verdict_cancel(&c->ending.verdict);
	store_cancel(&c->ending.keep);
	defer_cancel(&c->ending.finish);
	defer_cancel(&c->clocks.rest);
	timer_cancel(&c->clocks.deadline);
	grace_cancel(&c->clocks.grace);
	if (c->prev)
		c->prev->next = c->next;
	else
		c->api->chats = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->api->n_turns--;
	atomic_fetch_sub(&c->api->api->running, 1);
	struct arena a = c->arena;
	arena_free(&a);
}

/* --- the end --- */

static void chat_on_kept(struct store_op *op, const struct err *e);
static void chat_end(struct chat *c);

static void chat_keep(struct chat *c)
{
	struct completion_record r = {
		.project = c->project,
		.id = c->id,
		.created_at = c->head.created,
		.expires_at = api_limits.expire_days ? c->head.created + api_limits.expire_days * 86400 : 0,
		.model = c->head.model,
		.metadata = c->req.metadata.p ? c->req.metadata : S("{}"),
		.body = chat_tell_object(c, true),
		.messages = json_text(&c->arena, json_get(c->req.body, S("messages"))),
	};
	timer_cancel(&c->clocks.deadline);
	chat_enter(c, PHASE_SAVE);
	r.used = chat_usage(c, &r.n_used);
	c->by.counted = true;
	c->ending.keep.done = chat_on_kept;
	store_put_completion(c->api->store, &c->ending.keep, &r);
}

/* What cannot be counted is answered all the same: the client has lost nothing. */
static void chat_on_counted(struct store_op *op, const struct err *e)
{
	struct chat *c = OWNER(op, struct chat, ending.keep);
	if (e->code != ERR_NONE)
		log_at(LOG_ERROR, "usage could not be counted", "id=%.*s error=\"%s\"", FMT(c->head.id), e->msg);
	chat_end(c);
}

/* Nothing of it is kept but what it used. false: nothing was. */
static bool chat_count(struct chat *c)
{
	size_t n;
	const struct usage_add *used = chat_usage(c, &n);
	if (!n)
		return false;
	timer_cancel(&c->clocks.deadline);
	chat_enter(c, PHASE_SAVE);
	c->by.counted = true;
	c->ending.keep.done = chat_on_counted;
	store_add_usage(c->api->store, &c->ending.keep, used, n);
	return true;
}

static void chat_end(struct chat *c)
{
	if (c->reply && c->api->api->options.access_log)
		c->by.request->phases = phases_line(&c->clocks.phases, exchange_arena(c->by.request->x));
	chat_tell_end(c);
	chat_free(c);
}

void chats_cancel(struct api_loop *al)
{
	while (al->chats) {
		struct chat *c = al->chats;
		fail(&c->error, ERR_UNAVAILABLE, NULL, "The server is shutting down. Please retry in a few seconds.");
		chat_end(c);
	}
}

static void chat_on_kept(struct store_op *op, const struct err *e)
{
	struct chat *c = OWNER(op, struct chat, ending.keep);
	if (e->code != ERR_NONE) { /* never finished without a commit */
		log_at(LOG_ERROR, "a chat completion could not be saved", "id=%.*s error=\"%s\"", FMT(c->head.id), e->msg);
		c->error = *e;
		c->error.no_retry = true;
		c->by.counted = false; /* its engine was asked all the same */
	}
	chat_end(c);
}

static void chat_finish(struct chat *c)
{
	if (!c->error.code && c->req.store)
		chat_keep(c);
	else if (!chat_count(c))
		chat_end(c);
}

static void chat_on_judged(struct verdict *v)
{
	struct chat *c = OWNER(v, struct chat, ending.verdict);
	chat_judge_settle(c);
	chat_finish(c);
}

static void on_finish(struct deferred *d)
{
	struct chat *c = OWNER(d, struct chat, ending.finish);
	if (!c->error.code && c->req.moderation)
		chat_enter(c, PHASE_MODERATE);
	if (c->error.code || !chat_judge(c, chat_on_judged))
		chat_finish(c);
}

/* --- the engine --- */

static void chat_pause(struct chat *c)
{
	chat_web_hold(&c->web, true);
	for (size_t i = 0; i < c->n; i++)
		engine_call_pause(&c->runs[i].call);
}

static void chat_resume(struct chat *c)
{
	chat_web_hold(&c->web, false);
	for (size_t i = 0; i < c->n; i++)
		engine_call_resume(&c->runs[i].call);
}

static void chat_fail(struct chat *c, const struct err *e)
{
	if (!c->error.code)
		c->error = *e;
	chat_pause(c);
	defer_start(c->api->loop, &c->ending.finish, on_finish);
}

/* The inputs of custom tools come to their ends. */
static bool close_calls(struct chat *c, struct chat_run *r, struct err *e)
{
	for (size_t i = 0; i < r->choice.n_calls; i++) {
		if (!chat_choice_close_call(&r->choice, i, e))
			return false;
		if (c->form == REPLY_SSE && r->choice.told.p)
			chat_tell_event(c, r, &(struct model_event){.kind = ME_CALL_ARGS, .index = (int)i});
	}
	return true;
}

static void chat_add(struct chat_run *r, const struct model_event *me)
{
	struct chat *c = r->chat;
	struct err e = {0};
	if (c->error.code)
		return;
	if (!chat_choice_add(&r->choice, me, &e)) {
		chat_fail(c, &e);
		return;
	}
	if (c->form != REPLY_SSE || !r->choice.told.p)
		return;
	chat_tell_begin(c, r, me->kind == ME_CALL_BEGIN);
	chat_tell_event(c, r, me);
	if (c->reply && reply_full(c->reply))
		chat_pause(c);
}

static void chat_on_event(struct engine_call *call, const struct model_event *me)
{
	struct chat_run *r = OWNER(call, struct chat_run, call);
	chat_measure_call(r->chat, call);
	chat_add(r, me);
}

/* A finished text against its strict schema, as for a response: one that does not fit is a failure. */
static bool choice_fits(struct chat *c, const struct chat_choice *choice, struct err *e)
{
	if (choice->finish != FINISH_STOP || !choice->text.n)
		return true;
	return format_fits(&c->req.prompt.format, &c->arena, buf_str(&choice->text), e);
}

struct chat_outcome {
	enum finish finish;
	const struct usage *usage;
	struct str model; /* that answered; {0}: the one that was asked */
};

static void chat_close(struct chat_run *r, const struct chat_outcome *end, const struct err *e)
{
	struct chat *c = r->chat;
	struct err misfit = {0};
	r->choice.finish = end->finish;
	if (c->error.code)
		return;
	if (e->code || !choice_fits(c, &r->choice, &misfit) || !close_calls(c, r, &misfit)) {
		chat_fail(c, e->code ? e : &misfit);
		return;
	}
	r->ended = true;
	chat_usage_add(&c->usage, end->usage);
	if (end->model.n)
		c->head.model = end->model;
	if (c->form == REPLY_SSE) {
		chat_tell_begin(c, r, false);
		if (!c->req.store)
			chat_tell_finish(c, r);
	}
	if (--c->left == 0)
		defer_start(c->api->loop, &c->ending.finish, on_finish);
}

static void chat_on_end(struct engine_call *call, const struct err *e)
{
	struct chat_run *r = OWNER(call, struct chat_run, call);
	chat_measure_call(r->chat, call);
	chat_close(r, &(struct chat_outcome){call->finish, &call->usage, call->served_model}, e);
}

static void chat_on_found(struct chat_web *w, const struct model_event *me)
{
	struct chat *c = OWNER(w, struct chat, web);
	if (phases_now(&c->clocks.phases) != PHASE_ANSWER)
		chat_enter(c, PHASE_ANSWER);
	chat_add(&c->runs[0], me);
}

static void chat_on_searched(struct chat_web *w, const struct err *e)
{
	struct chat *c = OWNER(w, struct chat, web);
	chat_close(&c->runs[0], &(struct chat_outcome){w->finish, &w->usage, w->model}, e);
}

static void chat_on_deadline(struct timer *t)
{
	struct chat *c = OWNER(t, struct chat, clocks.deadline);
	struct err e = {0};
	fail(&e, ERR_ENGINE_TIMEOUT, NULL, "The completion took longer than %lld seconds.", (long long)api_limits.turn_seconds);
	chat_fail(c, &e);
}

/* --- the reader --- */

static void chat_on_room(struct reply_owner *o)
{
	chat_resume(OWNER(o, struct chat, reader));
}

static bool chat_still_wanted(struct grace *g)
{
	const struct chat *c = OWNER(g, struct chat, clocks.grace);
	return c->attempt && attempt_joined(c->attempt);
}

static void chat_on_grace_over(struct grace *g)
{
	chat_free(OWNER(g, struct chat, clocks.grace));
}

static void chat_on_gone(struct reply_owner *o)
{
	struct chat *c = OWNER(o, struct chat, reader);
	c->reply = NULL;
	if (c->api->api->options.finish_on_disconnect) {
		chat_on_room(o);
		if (c->attempt)
			attempt_abandoned(c->attempt);
		return;
	}
	c->clocks.grace.wanted = chat_still_wanted;
	c->clocks.grace.over = chat_on_grace_over;
	if (!c->attempt || c->form == REPLY_SSE || !grace_start(&c->clocks.grace, c->api->loop)) {
		chat_free(c);
		return;
	}
	chat_on_room(o);
	attempt_abandoned(c->attempt);
}

/* --- birth --- */

static bool chat_take(struct chat *c, struct request *rq, struct err *e)
{
	struct str body = str_copy(&c->arena, exchange_request(rq->x)->body);
	struct err unknown = {0};
	yyjson_val *v;
	if (!json_parse(&c->arena, body, &v, e))
		return false;
	struct str model = json_str(json_get(v, S("model")));
	if (model.p)
		engine_find(c->api->api->options.engines, &c->arena, model, &c->model, &unknown);
	struct chat_rules rules = {c->model.pass, c->model.name.p ? str_copy(&c->arena, c->model.engine).p : NULL,
	                           api_limits.choices};
	if (!chat_read(&c->arena, v, &rules, &c->req, e))
		return false;
	if (c->req.speaks) /* another engine has its model */
		return true;
	if (c->req.moderation && !verdict_possible(c->api->api->options.engines, e))
		return false;
	const char *lacks = c->req.search ? tools_search_lacks(c->api->api->options.tools) : NULL;
	if (lacks)
		return fail(e, ERR_UNSUPPORTED_PARAMETER, "web_search_options",
			    "Unsupported parameter: 'web_search_options'. This server cannot search the web: %s.", lacks);
	if (unknown.code == ERR_MODEL_NOT_FOUND) /* 404 here, 400 on /responses: as the live API */
		return fail(e, ERR_MODEL_UNKNOWN, "model", "The model `%.*s` does not exist or you do not have access to it.", FMT(model));
	if (unknown.code) {
		*e = unknown;
		return false;
	}
	return true;
}

static void chat_begin_search(struct chat *c)
{
	struct own_ask ask = {.project = c->project, .key = c->by.asker.key, .most = (size_t)api_limits.output_bytes, .low = c->by.low};
	c->web.on_event = chat_on_found;
	c->web.on_end = chat_on_searched;
	c->web.choice = &c->runs[0].choice;
	chat_web_start(&c->web, c->api, &c->arena, &c->req, c->model.pass, &ask);
}

static void chat_on_more(struct deferred *d);

/* A call for each choice. Each renders the whole prompt: where that takes long, others have their turn between two. */
static void chat_ask(struct chat *c, int64_t began_us)
{
	while (c->asked < c->n) {
		struct chat_run *r = &c->runs[c->asked];
		struct prompt *p = &r->prompt;
		if (c->asked + 1 < c->n) { /* messages are dropped in place: the last one alone may do so in those of the request */
			p->messages = new_array(&c->arena, struct prompt_message, p->n);
			memcpy(p->messages, c->req.prompt.messages, p->n * sizeof *p->messages);
			p->cap = p->n;
		}
		unsigned span = c->asked++ ? phases_span(&c->clocks.phases) : phases_call(&c->clocks.phases);
		r->call.headers = trace_headers(&c->by.asker.trace, span, &c->arena);
		engine_call_start(c->api->engine, &r->call, &c->arena, &c->model, &r->prompt);
		if (c->asked < c->n && slice_over(began_us)) {
			loop_yield(c->api->loop, &c->clocks.rest, chat_on_more);
			return;
		}
	}
}

static void chat_on_more(struct deferred *d)
{
	struct chat *c = OWNER(d, struct chat, clocks.rest);
	if (!c->error.code) /* else one has failed meanwhile, and the answer with it */
		chat_ask(c, clock_mono_us());
}

static void chat_begin(struct chat *c)
{
	struct arena *a = &c->arena;
	int64_t began_us = clock_mono_us();
	chat_enter(c, PHASE_QUEUE);
	c->n = c->left = (size_t)c->req.n;
	c->runs = new_array(a, struct chat_run, c->n);
	for (size_t i = 0; i < c->n; i++) {
		struct chat_run *r = &c->runs[i];
		r->chat = c;
		r->prompt = c->req.prompt;
		chat_choice_init(&r->choice, a, &c->req.prompt, (int64_t)i, (size_t)api_limits.output_bytes);
		r->choice.named = r->prompt.choice == CHOICE_NAMED;
		r->call.on_event = chat_on_event;
		r->call.on_end = chat_on_end;
		r->call.low = c->by.low;
	}
	timer_start(c->api->loop, &c->clocks.deadline, api_limits.turn_seconds * 1000, chat_on_deadline);
	if (c->req.search)
		chat_begin_search(c);
	else
		chat_ask(c, began_us);
}

static void chat_refuse(struct chat *c, const struct err *e)
{
	c->error = *e; /* what a retry that waits is told */
	if (c->attempt)
		attempt_end(c->attempt, ATTEMPT_FAILED, err_rows[e->code].status, error_body(&c->arena, e));
	c->attempt = NULL;
	chat_tell_failed(c);
	c->reply = NULL;
	chat_free(c);
}

/* The prompt is whole. */
static void chat_on_attached(struct attach *at, const struct err *e)
{
	struct chat *c = OWNER(at, struct chat, attach);
	struct err why = *e;
	c->head.model = c->model.name;
	if (why.code || !engine_accepts(&c->model, &c->req.prompt, &why))
		chat_refuse(c, &why);
	else
		chat_begin(c);
}

static void chat_attach(struct chat *c)
{
	struct attach_to to = {.api = c->api, .project = c->project, .arena = &c->arena, .model = &c->model,
	                       .prompt = &c->req.prompt};
	struct err e = {0};
	c->attach.done = chat_on_attached;
	if (!attach_start(&c->attach, &to, &e))
		chat_on_attached(&c->attach, &e);
}

static void chat_go_on(struct chat *c)
{
	prompt_tidy(&c->arena, &c->req.prompt);
	if (c->req.search)
		chat_begin(c); /* the response attaches */
	else
		chat_attach(c);
}

static void chat_on_rest(struct deferred *d)
{
	chat_go_on(OWNER(d, struct chat, clocks.rest));
}

static struct chat *chat_new(struct request *rq)
{
	struct arena a = {0};
	struct chat *c = new(&a, struct chat);
	struct api_loop *al = rq->api;
	c->arena = a;
	c->api = al;
	c->project = rq->project;
	c->id = id_mint();
	c->by.asker = asker_of(rq, &c->arena);
	c->by.request = rq;
	c->by.low = rq->low;
	phases_begin(&c->clocks.phases, &c->arena, exchange_request(rq->x)->began_us, PHASE_LOAD);
	c->reader = (struct reply_owner){chat_on_gone, chat_on_room};
	c->head = (struct chat_head){.created = clock_wall_s(), .req = &c->req};
	c->head.id = completion_id(arena_bytes(&c->arena, ID_MAX), &c->id);
	c->clocks.live = (struct live){.id = c->head.id, .kind = S("chat"), .phases = &c->clocks.phases};
	live_add(&c->clocks.live);
	c->next = al->chats;
	if (c->next)
		c->next->prev = c;
	al->chats = c;
	al->n_turns++;
	atomic_fetch_add(&al->api->running, 1);
	return c;
}

void chat_create(struct request *rq)
{
	struct err e = {0};
	uint8_t hash[32];
	int64_t began_us = clock_mono_us(), tries = retry_count(rq->x);
	if ((int64_t)rq->api->n_turns >= api_limits.turns) {
		e.retry_after_ms = 1000;
		fail(&e, ERR_BUSY, NULL, "Too many completions are running (api.turns = %lld). Please retry in a moment.",
		     (long long)api_limits.turns);
		answer_error(rq->x, &e);
		return;
	}
	if (tries >= 0)
		body_hash(exchange_request(rq->x)->body, hash);
	if (tries >= 1 && retry_join(rq, hash))
		return;
	struct chat *c = chat_new(rq);
	if (!chat_take(c, rq, &e) || !chat_may(c, rq, &e)) {
		answer_error(rq->x, &e);
		chat_free(c);
		return;
	}
	if (c->req.speaks) {
		if (!chat_voice(rq, &e))
			answer_error(rq->x, &e);
		chat_free(c);
		return;
	}
	c->head.model = c->model.name;
	live_model(&c->clocks.live, c->head.model);
	c->form = c->req.stream ? REPLY_SSE : REPLY_JSON;
	if (tries >= 0 && c->form == REPLY_JSON)
		c->attempt = attempt_begin(rq->api->api->attempts, rq->project, hash, c->head.id);
	c->reply = reply_open(rq->x, c->form, &c->reader);
	const char *advice = engine_advice(&c->arena, &c->model, c->req.prompt.sampling.effort, c->req.not_applied,
	                                   S("reasoning_effort"));
	advice = chat_tools_advice(&c->arena, &c->req.prompt, &c->model, advice);
	if (advice)
		reply_header(c->reply, S("antiphon-not-applied"), str_of(advice));
	if (c->req.obfuscate && c->form == REPLY_SSE)
		reply_obfuscate(c->reply, c->head.id);
	if (slice_over(began_us))
		loop_yield(c->api->loop, &c->clocks.rest, chat_on_rest);
	else
		chat_go_on(c);
}
