/* turn.c - one request's way through store and engine: the steps. */
#include "turn/turn.h"

#include <assert.h>
#include <string.h>

#include "model/request_format.h"
#include "turn/tool_results.h"

#include "model/tools_echo.h"

#include "model/request_tools.h"

#include "base/clock.h"
#include "base/log.h"
#include "engine/prompt_tidy.h"
#include "model/hosted_server.h"
#include "model/program.h"
#include "replay/replay.h"
#include "replay/retry.h"
#include "turn/compact.h"
#include "turn/encrypted.h"
#include "turn/runner.h"
#include "turn/turn_answer.h"
#include "turn/turn_ask.h"
#include "turn/turn_cite.h"
#include "turn/turn_end.h"
#include "turn/turn_finish.h"
#include "turn/turn_judge.h"
#include "turn/turn_kind.h"
#include "turn/turn_link.h"
#include "turn/turn_measure.h"
#include "turn/turn_usage.h"
#include "turn/turn_program.h"
#include "turn/turn_save.h"
#include "turn/turn_sealed.h"
#include "turn/turn_withheld.h"
#include "turn/turn_start.h"
#include "turn/turn_steer.h"
#include "wire/fields.h"

void turn_free(struct turn *t)
{
	struct api_loop *al = t->api;
	turn_measure_end(t);
	turn_usage_settle(t);
	live_remove(&t->clocks.live);
	if (t->reader.link) {
		t->reader.link->turn = NULL;
		t->reader.link->ended(t->reader.link, t);
	}
	store_cancel(&t->op);
	turn_conversation_leave(t);
	if (t->step <= STEP_OPEN && !t->runner) /* a run is taken up again */
		tools_undo_start(t->api->tools, &t->out.tools.check, t->project, &t->req);
	tools_check_cancel(&t->out.tools.check);
	attach_cancel(&t->context.attach);
	engine_call_cancel(&t->call);
	turn_tools_stop(t);
	turn_judge_cancel(t);
	defer_cancel(&t->clocks.overflow);
	defer_cancel(&t->clocks.rest);
	timer_cancel(&t->clocks.silence);
	timer_cancel(&t->clocks.deadline);
	grace_cancel(&t->clocks.grace);
	if (t->key.begun)
		store_idem_end(t->api->store, &t->id, t->key.unsaved);
	if (t->replay)
		replay_end(t->replay);
	if (t->runner)
		t->runner->calls->free(t);
	turn_end_attempt(t, ATTEMPT_FAILED);
	turn_output_release(t);
	xfree(t->error);
	if (t->prev)
		t->prev->next = t->next;
	else
		al->turns = t->next;
	if (t->next)
		t->next->prev = t->prev;
	al->n_turns--;
	atomic_fetch_sub(&al->api->running, 1);
	struct arena a = t->arena; /* the turn itself lives in it */
	arena_free(&a);
}

static void turn_on_silence(struct timer *timer)
{
	struct turn *t = OWNER(timer, struct turn, clocks.silence);
	int64_t every = api_limits.keepalive_seconds * 1000, quiet;
	bool heard = t->runner || t->reader.reply;
	quiet = heard ? loop_now_ms(t->api->loop) - (t->runner ? t->runner->calls->last_ms(t) : reply_event_ms(t->reader.reply)) : 0;
	if (heard && quiet >= every && t->created_sent)
		turn_emit(t, &(struct event){.type = EV_KEEPALIVE});
	timer_start(t->api->loop, timer, quiet > 0 && quiet < every ? every - quiet : every, turn_on_silence);
}

/* --- HOLD, LOAD, REFER --- */

enum flow step_hold(struct turn *t)
{
	/* A background run waits its turn; the request that makes one does not. */
	bool holds = turn_conversation_adds(t) && (!t->req.background || (t->runner && !t->stopping));
	if (!turn_failed(t) && holds && !turn_conversation_hold(t))
		return WAIT;
	return turn_goto(t, turn_failed(t) ? STEP_REFUSE : STEP_LOAD);
}

enum flow step_load(struct turn *t)
{
	if (turn_failed(t))
		return turn_goto(t, STEP_REFUSE);
	if (!t->req.previous_response_id.n && !t->req.conversation.n)
		return turn_goto(t, STEP_REFER);
	bool recalled = !t->op.done && t->reader.link && t->reader.link->recall(t->reader.link, t->req.previous_response_id, t);
	if (!t->op.done && !recalled) {
		t->op.done = turn_on_store;
		if (t->req.conversation.n)
			turn_conversation_load(t);
		else
			store_get_context(t->api->store, &t->op, t->project, t->req.previous_response_id, &t->arena, &t->context.stored);
		return WAIT;
	}
	t->op.done = NULL;
	if (!turn_context_view(t, turn_error(t)))
		return turn_goto(t, STEP_REFUSE);
	return turn_goto(t, STEP_REFER);
}

enum flow step_refer(struct turn *t)
{
	size_t n = 0, n_references = 0;
	if (turn_failed(t))
		return turn_goto(t, STEP_REFUSE);
	struct str *ids = turn_referred_ids(t, &n_references, &n);
	if (n && !t->op.done) {
		t->op.done = turn_on_store;
		t->context.referred = new_array(&t->arena, struct stored_item, n);
		store_get_items(t->api->store, &t->op, t->project, ids, n, &t->arena, t->context.referred);
		return WAIT;
	}
	t->op.done = NULL;
	for (size_t i = 0; i < n_references; i++)
		if (!t->context.referred[i].json.n) {
			fail(turn_error(t), ERR_NOT_FOUND, "input",
			     "Item with id '%.*s' not found. Items are not persisted when `store` is set to false. Try "
			     "again with "
			     "`store` set to true, or remove this item from your input.",
			     FMT(ids[i]));
			return turn_goto(t, STEP_REFUSE);
		}
	turn_own_items(t, n_references);
	return turn_goto(t, STEP_CHECK);
}

/* --- CHECK --- */

static void on_checked(struct tools_check *c, const struct err *e)
{
	struct turn *t = OWNER(c, struct turn, out.tools.check);
	bool refused = e->code && !t->runner;
	if (refused)
		*turn_error(t) = *e;
	else
		create_echo_tools(&t->arena, &t->req);
	turn_goto(t, refused ? STEP_REFUSE : STEP_GIVE);
	turn_run(t);
}

/* The items that an earlier process has told of this run. */
static struct item *items_made(struct turn *t, size_t *n)
{
	struct item *items = new_array(&t->arena, struct item, (size_t)t->out.n + 1);
	*n = 0;
	for (const struct out_item *it = t->out.first; it; it = it->next)
		*n += it->json.n && item_view(&t->arena, it->json, &items[*n]);
	return items;
}

/* A background run was checked when it was asked for; what has gone since then is a call that fails. */
enum flow step_check(struct turn *t)
{
	struct tools_check *c = &t->out.tools.check;
	if (c->run)
		return WAIT;
	if (!turn_failed(t) && turn_answers_take(t))
		return WAIT;
	if (turn_failed(t))
		return turn_goto(t, STEP_REFUSE);
	t->op.done = NULL;
	c->done = on_checked;
	struct tools_context ctx = {.items = {t->context.history, t->req.items},
				    .n = {t->context.n_history, t->req.n_items},
				    .id = t->id,
				    .counts = t->kind != NULL};
	if (t->runner)
		ctx.items[2] = items_made(t, &ctx.n[2]);
	if (tools_check_start(t->api->tools, c, t->project, &t->arena, &t->req, &ctx, t->runner != NULL))
		return WAIT;
	return turn_goto(t, STEP_GIVE);
}

/* --- GIVE, ATTACH --- */

/* Messages alone: nothing of them is replaced, opened or marked. */
static bool input_stands(const struct turn *t)
{
	bool stands = true;
	for (size_t i = 0; i < t->req.n_items && stands; i++)
		stands = t->req.items[i].type == ITEM_MESSAGE;
	return stands;
}

/* The input as items: references replaced by what they name, what is encrypted by what it says. */
static void input_resolve(struct turn *t, struct err *e)
{
	size_t r = 0;
	t->context.input = t->req.items;
	t->context.n_input = t->req.n_items;
	if (input_stands(t))
		return;
	struct item *items = t->context.input = new_array(&t->arena, struct item, t->req.n_items);
	for (size_t i = 0; i < t->req.n_items; i++) {
		char path[128];
		field_index(path, "input", i);
		bool reference = t->req.items[i].type == ITEM_REFERENCE;
		items[i] = t->req.items[i];
		if (reference && !item_view(&t->arena, t->context.referred[r++].json, &items[i]))
			fail(e, ERR_STORE, NULL, "A stored item could not be read.");
		encrypted_open(t, &items[i], reference ? NULL : path, e);
		if (reference) /* the others have brought their tools when the request was read */
			create_load_tools(&t->arena, &t->req, &items[i], 1);
	}
}

static bool open_history(struct turn *t, struct err *e)
{
	for (size_t i = 0; i < t->context.n_history; i++)
		if (!encrypted_open(t, &t->context.history[i], NULL, e))
			return false;
	return true;
}

/* An update has changed the effort: does the engine take it? */
static void tell_effort(struct turn *t)
{
	static const char name[] = "configuration_update.reasoning.effort";
	const char *advice = engine_advice(&t->arena, &t->model, t->req.sampling.effort, name, str_of(name));
	if (advice && t->reader.reply)
		reply_header(t->reader.reply, S("antiphon-not-applied"), str_of(advice));
}

static bool prompt_make(struct turn *t, struct err *e)
{
	struct arena *a = &t->arena;
	struct prompt *p = &t->prompt;
	struct item *input = t->context.input;
	size_t n_input = t->context.n_input;
	create_load_tools(a, &t->req, t->context.history, t->context.n_history);
	tools_describe(a, &t->req);
	struct str effort = t->req.sampling.effort;
	if (!create_update(a, &t->req, t->context.history, t->context.n_history, "", e) ||
	    !create_update(a, &t->req, input, n_input, "input", e))
		return false;
	if (!str_eq(effort, t->req.sampling.effort))
		tell_effort(t);
	*p = (struct prompt){.tools = t->req.tools, .n_tools = t->req.n_tools, .index = t->req.index, .choice = t->req.choice,
	                     .choice_name = t->req.choice_name, .parallel = t->req.parallel_tool_calls,
	                     .format = t->req.format, .sampling = t->req.sampling, .logprobs = t->req.include_logprobs,
	                     .truncate = t->req.truncation_auto, .cache_key = t->req.prompt_cache_key,
	                     .reasoning_all = t->req.reasoning_all, .sees = t->model.vision};
	if (t->req.instructions.n)
		prompt_add_text(a, prompt_add(a, p, ROLE_SYSTEM), t->req.instructions);
	if (t->req.n_template && !prompt_add_items(a, p, t->req.template, t->req.n_template, "prompt", e))
		return false;
	create_load_tools(a, &t->req, input, n_input);
	p->tools = t->req.tools;
	p->n_tools = t->req.n_tools;
	p->index = t->req.index;
	if (!prompt_add_items(a, p, turn_ask_told(t, t->context.history, t->context.n_history), t->context.n_history, "", e) ||
	    !prompt_add_items(a, p, turn_ask_told(t, input, n_input), n_input, "input", e))
		return false;
	p->index = NULL;
	p->tools = create_offer(a, &t->req, (size_t)api_limits.shown_tools, &p->n_tools);
	p->only_offered = t->req.n_allowed;
	prompt_tidy(a, p);
	turn_tools_context(t);
	turn_withheld_find(t);
	return true;
}

static void turn_on_attached(struct attach *at, const struct err *e)
{
	struct turn *t = OWNER(at, struct turn, context.attach);
	if (e->code)
		*turn_error(t) = *e;
	turn_goto(t, e->code ? STEP_REFUSE : STEP_OPEN);
	turn_run(t);
}

enum flow step_give(struct turn *t)
{
	input_resolve(t, turn_error(t));
	if (turn_failed(t) || !turn_input_given(t, turn_error(t)) || !open_history(t, turn_error(t)) ||
	    !compact_calls_fit(t, turn_error(t)))
		return turn_goto(t, STEP_REFUSE);
	sealed_give(t);
	programs_mark(t->context.history, t->context.n_history, t->context.input, t->context.n_input);
	if (!(t->kind && t->kind->request == REQUEST_COUNT) && !turn_programs_read(t, turn_error(t)))
		return turn_goto(t, STEP_REFUSE);
	origin_give(t->context.history, t->context.n_history, t->context.input, t->context.n_input);
	return turn_goto(t, STEP_ATTACH);
}

enum flow step_attach(struct turn *t)
{
	/* A background run does it when it runs. */
	struct attach_to to = {.api = t->api, .project = t->project, .arena = &t->arena, .model = &t->model,
	                       .prompt = &t->prompt, .later = t->req.background && !t->runner};
	if (!prompt_make(t, turn_error(t)))
		return turn_goto(t, STEP_REFUSE);
	t->context.attach.done = turn_on_attached;
	bool wait = attach_start(&t->context.attach, &to, turn_error(t));
	if (t->model.name.n)
		t->response.model = t->model.name;
	if (wait)
		return WAIT;
	return turn_goto(t, turn_failed(t) ? STEP_REFUSE : STEP_OPEN);
}

/* --- OPEN --- */

enum flow step_open_(struct turn *t)
{
	if (!engine_accepts(&t->model, &t->prompt, turn_error(t)))
		return turn_goto(t, STEP_REFUSE);
	if (t->runner)
		return t->runner->calls->open(t);
	if (t->req.background)
		return turn_goto(t, STEP_QUEUE);
	if (reply_streams(t->reader.form))
		t->replay = replay_begin(t->api->api->replays, t->project, t->response.id, t->req.obfuscate);
	t->created_sent = true;
	turn_emit_response(t, EV_CREATED, false);
	turn_emit_response(t, EV_IN_PROGRESS, false);
	return turn_goto(t, STEP_LIST);
}

enum flow step_queue(struct turn *t)
{
	return t->api->api->background->queue(t);
}

/* --- CALL --- */

static void on_overflow(struct deferred *d)
{
	struct turn *t = OWNER(d, struct turn, clocks.overflow);
	if (t->step != STEP_CALL)
		return;
	turn_overflow(t);
	turn_run(t);
}

/* Its engine may have been asked, or said something: that counts. */
static void steer_end(struct turn *t)
{
	usage_add(&t->response.usage, &t->call.usage);
	t->response.has_usage |= t->call.begun;
	t->response.incomplete_reason = "steered";
	buf_clear(&t->out.space.text);
	turn_finish(t, RS_INCOMPLETE, true, false);
}

static void turn_on_cut(struct deferred *d)
{
	struct turn *t = OWNER(d, struct turn, clocks.overflow);
	if (t->step != STEP_CALL)
		return;
	steer_end(t);
	turn_run(t);
}

void turn_steer(struct turn *t)
{
	if (t->step != STEP_CALL || !t->call.run || !turn_steer_cuts(t, NULL))
		return;
	steer_end(t);
	turn_run(t);
}

static void on_model_event(struct engine_call *call, const struct model_event *me)
{
	struct turn *t = OWNER(call, struct turn, call);
	turn_measure_call(t, true);
	if (t->out.too_big || t->out.cut) /* what follows in the same read would leave a gap */
		return;
	if (turn_steer_cuts(t, me)) {
		t->out.cut = true;
		defer_start(t->api->loop, &t->clocks.overflow, turn_on_cut);
		return;
	}
	turn_model_event(t, me);
	if (t->out.too_big) { /* not here: the call's memory must outlast this callback */
		defer_start(t->api->loop, &t->clocks.overflow, on_overflow);
		return;
	}
	if ((t->reader.reply && reply_full(t->reader.reply)) || (t->runner && t->runner->calls->full(t)))
		engine_call_pause(call);
}

static void on_call_end(struct engine_call *call, const struct err *e)
{
	struct turn *t = OWNER(call, struct turn, call);
	struct err misfit = {0};
	turn_measure_call(t, false);
	if (call->served_model.n)
		t->response.model = call->served_model;
	usage_add(&t->response.usage, &call->usage);
	t->response.has_usage |= e->code == ERR_NONE || call->begun;
	if (t->out.cut) { /* the end came in the same read, before turn_on_cut() */
		t->response.incomplete_reason = "steered";
		turn_finish(t, RS_INCOMPLETE, true, false);
	} else if (e->code != ERR_NONE) {
		turn_fail(t, e);
	} else if (t->out.too_big) { /* the end came in the same read, before on_overflow() */
		turn_overflow(t);
	} else if (call->finish == FINISH_LENGTH || call->finish == FINISH_FILTER) {
		t->response.incomplete_reason = call->finish == FINISH_LENGTH ? "max_output_tokens" : "content_filter";
		turn_finish(t, RS_INCOMPLETE, false, false);
	} else if (!turn_output_fits(t, &misfit)) {
		turn_fail(t, &misfit);
	} else if (turn_tools_called(t)) {
		turn_goto(t, STEP_TOOLS);
	} else {
		turn_cite_finish(t);
		turn_finish(t, RS_COMPLETED, true, false);
	}
	turn_run(t);
}

static void compact_over(struct turn *t, const struct err *e);

static void turn_on_deadline(struct timer *timer)
{
	struct turn *t = OWNER(timer, struct turn, clocks.deadline);
	struct err e = {0};
	if (t->step != STEP_LIST && t->step != STEP_CALL && t->step != STEP_TOOLS && t->step != STEP_COMPACT)
		return; /* what waits for the store has the store's own deadlines */
	fail(&e, ERR_ENGINE_TIMEOUT, NULL, "The response took longer than %lld seconds.",
	     (long long)(t->runner ? api_limits.background_seconds : api_limits.turn_seconds));
	if (t->step == STEP_COMPACT) {
		compact_over(t, &e);
		return;
	}
	turn_fail(t, &e);
	turn_run(t);
}

enum flow step_call(struct turn *t)
{
	if (t->call.run)
		return WAIT;
	if (!t->req.generate && !t->kind) {
		t->response.has_usage = true;
		turn_finish(t, RS_COMPLETED, true, false);
		return GO;
	}
	turn_error_rest(t);
	t->call.headers = trace_headers(&t->reader.asker.trace, phases_call(&t->clocks.phases), &t->arena);
	t->call.of = t->req.store && !t->kind ? t->id.key : 0;
	t->call.on_event = on_model_event;
	t->call.on_end = on_call_end;
	if (t->kind)
		t->kind->call(t);
	else if (t->req.compact_now)
		turn_goto(t, STEP_COMPACT);
	else
		engine_call_start(t->api->engine, &t->call, &t->arena, &t->model, &t->prompt);
	if (api_limits.keepalive_seconds && reply_streams(t->reader.form) && !t->clocks.silence.loop) /* it goes on through all rounds */
		timer_start(t->api->loop, &t->clocks.silence, api_limits.keepalive_seconds * 1000, turn_on_silence);
	if (!t->clocks.deadline.loop) /* once for all rounds */
		timer_start(t->api->loop, &t->clocks.deadline,
			    t->runner ? t->runner->calls->left_ms(t) : api_limits.turn_seconds * 1000,
			    turn_on_deadline);
	return t->step == STEP_CALL ? WAIT : GO;
}

/* --- COMPACT --- */

static void compact_over(struct turn *t, const struct err *e)
{
	engine_call_cancel(&t->call);
	compact_finish(t, e);
	turn_goto(t, STEP_SAVE);
	turn_run(t);
}

enum flow step_compact(struct turn *t)
{
	if (!t->call.run)
		compact_start(t, compact_over);
	return WAIT;
}

/* The client left, or the server ends: what was answered stands. */
static void compact_cancel(struct turn *t)
{
	engine_call_cancel(&t->call);
	if (t->req.compact_now)
		t->response.status = RS_CANCELLED;
	turn_goto(t, STEP_SAVE);
	turn_run(t);
}

void turn_cancel(struct turn *t)
{
	if (t->stopping || t->step >= STEP_SAVE || t->step == STEP_QUEUE)
		return;
	t->stopping = true;
	if (t->step == STEP_COMPACT) {
		compact_cancel(t);
		return;
	}
	bool makes = t->step == STEP_LIST || t->step == STEP_CALL || t->step == STEP_TOOLS;
	if (t->runner && !makes) { /* its step OPEN sees it */
		t->runner->calls->hurry(t);
		return;
	}
	if (!makes) { /* nothing was made yet */
		if (t->reader.reply) {
			fail(turn_error(t), ERR_UNAVAILABLE, NULL,
			     "The server is shutting down. Please retry in a few seconds.");
			reply_fail(t->reader.reply, turn_error(t));
			t->reader.reply = NULL;
		}
		store_cancel(&t->op);
		if (t->key.given)
			store_idem_drop(t->api->store, &t->op, t->project, &t->key.claim->idem, &t->id);
		turn_free(t);
		return;
	}
	if (t->step == STEP_CALL) /* else it is counted */
		usage_add(&t->response.usage, &t->call.usage);
	turn_finish(t, RS_CANCELLED, false, true);
	turn_run(t);
}
