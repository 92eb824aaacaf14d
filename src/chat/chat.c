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

#include "attach/attach.h"
#include "base/clock.h"
#include "base/log.h"
#include "chat/chat_voice.h"
#include "chat/chat_write.h"
#include "door/account.h"
#include "door/grace.h"
#include "door/live.h"
#include "door/attempts.h"
#include "door/request.h"
#include "door/slice.h"
#include "engine/prompt_tidy.h"
#include "net/reply.h"
#include "model/format.h"
#include "replay/rebuild.h"
#include "replay/retry.h"

struct chat;

struct chat_run { /* one choice being made */
	struct chat *chat;
	struct engine_call call;
	struct chat_choice choice;
	struct prompt prompt; /* a copy: truncation drops messages from it */
	bool begun, ended;
};

struct chat_clocks {
	struct timer deadline;
	struct grace grace; /* its client left */
	struct phases phases; /* where its time goes */
	struct live live;     /* how others see it meanwhile */
};

struct chat_asked {
	struct asker asker;
	struct request *request; /* as long as the reply is there */
};

struct chat {
	struct arena arena;
	struct api_loop *api;
	struct chat *next, *prev;
	int64_t project;
	struct id id;
	struct chat_create req;
	struct chat_head head;
	struct engine_model model;
	struct attach attach;
	struct chat_run *runs;
	size_t n, left;
	struct usage usage;
	struct reply *reply; /* NULL: the reader left */
	struct reply_owner reader;
	enum reply_form form;
	struct attempt *attempt;
	struct err error;
	struct chat_asked by;
	struct store_op keep;
	struct deferred finish; /* never inside an engine's callback: its memory is ours; before the first call: what is left of long work */
	struct chat_clocks clocks;
	int64_t seq;
	bool low; /* its calls let all others go before them */
};

static void chat_enter(struct chat *c, enum phase next)
{
	phases_enter(&c->clocks.phases, &c->arena, next, 0);
}

/* One of several calls speaks for the first time. */
static void chat_measure_call(struct chat *c, const struct engine_call *call)
{
	struct phases *p = &c->clocks.phases;
	phases_piece(p);
	if (phases_now(p) == PHASE_QUEUE && call->asked_us)
		phases_enter(p, &c->arena, PHASE_PROMPT, call->asked_us);
	if (call->begun && phases_now(p) == PHASE_PROMPT)
		chat_enter(c, PHASE_ANSWER);
}

static void chat_measure_end(const struct chat *c)
{
	if (c->req.speaks) /* another engine's affair */
		return;
	account_close(&(struct account){
		.asker = c->by.asker,
		.kind = S("chat"),
		.status = !c->n ? S("refused") : c->error.code ? S("failed") : c->left ? S("cancelled") : S("completed"),
		.model = c->n ? c->head.model : (struct str){0},
		.usage = c->usage,
		.phases = &c->clocks.phases,
		.id = c->head.id,
		.engine = c->model.engine,
		.why = c->error.code ? str_of(c->error.msg) : (struct str){0},
		.why_code = c->error.code ? str_of(err_rows[c->error.code].type) : (struct str){0},
		.prompt = c->n ? &c->runs[0].prompt : NULL,
		.said = c->n ? buf_str(&c->runs[0].choice.text) : (struct str){0},
	});
}

static void chat_free(struct chat *c)
{
	chat_measure_end(c);
	live_remove(&c->clocks.live);
	attach_cancel(&c->attach);
	for (size_t i = 0; i < c->n; i++) {
		engine_call_cancel(&c->runs[i].call);
		chat_choice_release(&c->runs[i].choice);
	}
	if (c->attempt) {
		fail(&c->error, ERR_UNAVAILABLE, NULL, "The request was given up because its client left.");
		attempt_end(c->attempt, ATTEMPT_FAILED, err_rows[c->error.code].status, error_body(&c->arena, &c->error));
	}
	store_cancel(&c->keep);
	defer_cancel(&c->finish);
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

/* --- writing --- */

static void send_chunk(struct chat *c, struct buf *b, int64_t delta)
{
	if (c->reply)
		reply_event(c->reply, S(""), buf_str(b), c->seq++, delta);
	buf_clear(b);
}

static struct jout chunk_start(struct chat *c)
{
	buf_clear(&c->api->scratch);
	return (struct jout){&c->api->scratch, false};
}

static void begin_choice(struct chat *c, struct chat_run *r, bool call)
{
	struct jout o = chunk_start(c);
	if (r->begun)
		return;
	r->begun = true;
	chat_chunk_begin(&o, &c->head, &r->choice, call);
	send_chunk(c, o.b, 0);
}

static struct str completion_json(struct chat *c, bool stored)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {&b, false};
	struct chat_choice *all = new_array(&c->arena, struct chat_choice, c->n);
	for (size_t i = 0; i < c->n; i++)
		all[i] = c->runs[i].choice; /* a view: the buffers stay the runs' */
	if (stored)
		chat_stored_write(&o, &c->head, all, c->n, &c->usage, c->by.asker.request_id);
	else
		chat_completion_write(&o, &c->head, all, c->n, &c->usage);
	struct str s = str_copy(&c->arena, buf_str(&b));
	buf_release(&b);
	return s;
}

static void chat_end_json(struct chat *c)
{
	struct str body = completion_json(c, false);
	if (c->attempt)
		attempt_end(c->attempt, ATTEMPT_KEPT, 200, body);
	c->attempt = NULL;
	if (c->reply)
		reply_end(c->reply, 200, body);
}

static void send_finish(struct chat *c, struct chat_run *r)
{
	struct jout o = chunk_start(c);
	chat_chunk_finish(&o, &c->head, &r->choice);
	send_chunk(c, o.b, 0);
}

static void end_stream(struct chat *c)
{
	for (size_t i = 0; c->req.store && i < c->n; i++)
		send_finish(c, &c->runs[i]);
	struct jout o = chunk_start(c);
	if (c->req.include_usage) {
		chat_chunk_usage(&o, &c->head, &c->usage);
		send_chunk(c, o.b, 0);
	}
	if (c->reply)
		reply_end(c->reply, 200, S(""));
}

static void end_failed(struct chat *c)
{
	if (!c->reply)
		return;
	if (reply_open_head(c->reply)) {
		reply_fail(c->reply, &c->error);
		return;
	}
	struct str body = error_body(&c->arena, &c->error);
	reply_event(c->reply, S(""), body, c->seq++, -1);
	reply_end(c->reply, 200, body);
}

static void chat_on_kept(struct store_op *op, const struct err *e);

static void chat_keep(struct chat *c)
{
	struct completion_record r = {
		.project = c->project,
		.id = c->id,
		.created_at = c->head.created,
		.expires_at = api_limits.expire_days ? c->head.created + api_limits.expire_days * 86400 : 0,
		.model = c->head.model,
		.metadata = c->req.metadata.p ? c->req.metadata : S("{}"),
		.body = completion_json(c, true),
		.messages = json_text(&c->arena, json_get(c->req.body, S("messages"))),
	};
	timer_cancel(&c->clocks.deadline);
	chat_enter(c, PHASE_SAVE);
	c->keep.done = chat_on_kept;
	store_put_completion(c->api->store, &c->keep, &r);
}

static void chat_end(struct chat *c)
{
	if (c->reply && c->api->api->options.access_log)
		c->by.request->phases = phases_line(&c->clocks.phases, exchange_arena(c->by.request->x));
	if (c->error.code)
		end_failed(c);
	else if (c->form == REPLY_SSE)
		end_stream(c);
	else
		chat_end_json(c);
	c->reply = NULL;
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
	struct chat *c = OWNER(op, struct chat, keep);
	if (e->code != ERR_NONE) { /* never finished without a commit */
		log_at(LOG_ERROR, "a chat completion could not be saved", "id=%.*s error=\"%s\"", FMT(c->head.id), e->msg);
		c->error = *e;
		c->error.no_retry = true;
	}
	chat_end(c);
}

static void on_finish(struct deferred *d)
{
	struct chat *c = OWNER(d, struct chat, finish);
	if (!c->error.code && c->req.store)
		chat_keep(c);
	else
		chat_end(c);
}

static void chat_fail(struct chat *c, const struct err *e)
{
	if (!c->error.code)
		c->error = *e;
	for (size_t i = 0; i < c->n; i++)
		engine_call_pause(&c->runs[i].call);
	defer_start(c->api->loop, &c->finish, on_finish);
}

/* --- the engine --- */

/* What the event added last tells. */
static void send_event(struct chat *c, struct chat_run *r, const struct model_event *me)
{
	struct jout o = chunk_start(c);
	int64_t delta = -1;
	chat_chunk_event(&o, &c->head, &r->choice, me, &delta);
	send_chunk(c, o.b, delta);
}

/* The inputs of custom tools come to their ends. */
static bool close_calls(struct chat *c, struct chat_run *r, struct err *e)
{
	for (size_t i = 0; i < r->choice.n_calls; i++) {
		if (!chat_choice_close_call(&r->choice, i, e))
			return false;
		if (c->form == REPLY_SSE && r->choice.told.p)
			send_event(c, r, &(struct model_event){.kind = ME_CALL_ARGS, .index = (int)i});
	}
	return true;
}

static void chat_on_event(struct engine_call *call, const struct model_event *me)
{
	struct chat_run *r = OWNER(call, struct chat_run, call);
	struct chat *c = r->chat;
	struct err e = {0};
	chat_measure_call(c, call);
	if (c->error.code)
		return;
	if (!chat_choice_add(&r->choice, me, &e)) {
		chat_fail(c, &e);
		return;
	}
	if (c->form != REPLY_SSE || !r->choice.told.p)
		return;
	begin_choice(c, r, me->kind == ME_CALL_BEGIN);
	send_event(c, r, me);
	if (c->reply && reply_full(c->reply))
		for (size_t i = 0; i < c->n; i++)
			engine_call_pause(&c->runs[i].call);
}

/* A finished text against its strict schema, as for a response: one that does not fit is a failure. */
static bool choice_fits(struct chat *c, const struct chat_choice *choice, struct err *e)
{
	if (choice->finish != FINISH_STOP || !choice->text.n)
		return true;
	return format_fits(&c->req.prompt.format, &c->arena, buf_str(&choice->text), e);
}

static void chat_on_end(struct engine_call *call, const struct err *e)
{
	struct chat_run *r = OWNER(call, struct chat_run, call);
	struct chat *c = r->chat;
	struct err misfit = {0};
	chat_measure_call(c, call);
	r->choice.finish = call->finish;
	if (c->error.code)
		return;
	if (e->code || !choice_fits(c, &r->choice, &misfit) || !close_calls(c, r, &misfit)) {
		chat_fail(c, e->code ? e : &misfit);
		return;
	}
	r->ended = true;
	chat_usage_add(&c->usage, &call->usage);
	if (call->served_model.n)
		c->head.model = call->served_model;
	if (c->form == REPLY_SSE) {
		begin_choice(c, r, false);
		if (!c->req.store)
			send_finish(c, r);
	}
	if (--c->left == 0)
		defer_start(c->api->loop, &c->finish, on_finish);
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
	struct chat *c = OWNER(o, struct chat, reader);
	for (size_t i = 0; i < c->n; i++)
		engine_call_resume(&c->runs[i].call);
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
	if (unknown.code == ERR_MODEL_NOT_FOUND) /* 404 here, 400 on /responses: as the live API */
		return fail(e, ERR_MODEL_UNKNOWN, "model", "The model `%.*s` does not exist or you do not have access to it.", FMT(model));
	if (unknown.code) {
		*e = unknown;
		return false;
	}
	return true;
}

static void chat_begin(struct chat *c)
{
	struct arena *a = &c->arena;
	chat_enter(c, PHASE_QUEUE);
	c->n = c->left = (size_t)c->req.n;
	c->runs = new_array(a, struct chat_run, c->n);
	for (size_t i = 0; i < c->n; i++) {
		struct chat_run *r = &c->runs[i];
		r->chat = c;
		r->prompt = c->req.prompt;
		if (i > 0) { /* messages are dropped in place */
			r->prompt.messages = new_array(a, struct prompt_message, r->prompt.n);
			memcpy(r->prompt.messages, c->req.prompt.messages, r->prompt.n * sizeof *r->prompt.messages);
			r->prompt.cap = r->prompt.n;
		}
		chat_choice_init(&r->choice, a, &c->req.prompt, (int64_t)i, (size_t)api_limits.output_bytes);
		r->choice.named = r->prompt.choice == CHOICE_NAMED;
		r->call.on_event = chat_on_event;
		r->call.on_end = chat_on_end;
		r->call.low = c->low;
	}
	for (size_t i = 0; i < c->n; i++) {
		unsigned span = i ? phases_span(&c->clocks.phases) : phases_call(&c->clocks.phases);
		c->runs[i].call.headers = trace_headers(&c->by.asker.trace, span, a);
		engine_call_start(c->api->engine, &c->runs[i].call, a, &c->model, &c->runs[i].prompt);
	}
	timer_start(c->api->loop, &c->clocks.deadline, api_limits.turn_seconds * 1000, chat_on_deadline);
}

static void chat_refuse(struct chat *c, const struct err *e)
{
	c->error = *e; /* what a retry that waits is told */
	if (c->attempt)
		attempt_end(c->attempt, ATTEMPT_FAILED, err_rows[e->code].status, error_body(&c->arena, e));
	c->attempt = NULL;
	end_failed(c);
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
	chat_attach(c);
}

static void chat_on_rest(struct deferred *d)
{
	chat_go_on(OWNER(d, struct chat, finish));
}

static struct chat *chat_new(struct request *rq)
{
	struct arena a = {0};
	struct chat *c = new(&a, struct chat);
	struct api_loop *al = rq->api;
	c->arena = a;
	c->api = al;
	c->project = rq->project;
	c->low = rq->low;
	c->id = id_mint();
	c->by.asker = asker_of(rq, &c->arena);
	c->by.request = rq;
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
	if (!chat_take(c, rq, &e)) {
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
		loop_yield(c->api->loop, &c->finish, chat_on_rest);
	else
		chat_go_on(c);
}
