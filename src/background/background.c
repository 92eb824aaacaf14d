/* background.c - background responses: how a turn queues one, and how a turn without a reader makes it. */
#include "background/background.h"

#include <string.h>

#include "background/restore.h"
#include "background/runs.h"
#include "background/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "model/container_fields.h"
#include "replay/log_play.h"
#include "store/seal.h"
#include "turn/call_pair.h"
#include "turn/turn_end.h"
#include "turn/turn_finish.h"
#include "turn/turn_save.h"
#include "turn/turn_start.h"
#include "turn/turn_tools.h"
#include "turn/turn_usage.h"
#include "webhooks/delivery.h"

enum { AGAIN_MS = 1000, WAIT_MS = 1000 };

/* --- QUEUE --- */

static void pack_state(struct buf *to, enum event_type type, int64_t seq, struct str response)
{
	struct buf b;
	struct event ev = {.type = type, .seq = seq, .raw = response};
	buf_init(&b, SIZE_MAX / 2);
	event_write(&b, &ev);
	run_event_pack(to, event_delta(&ev), buf_str(&b));
	buf_release(&b);
}

/* flex goes after what is asked for by default, priority before it, and what may wait after all, the longer the later. */
static int64_t priority_of(const struct create *c)
{
	enum { EARLY = 2, FLEX = -2, HOURS_2 = -4, HOURS_8 = -6 }; /* even: store/run.h */
	struct str tier = c->echo.service_tier;
	if (c->wait.window)
		return c->wait.window > 2 * 3600 ? HOURS_8 : HOURS_2;
	return str_eq(tier, S("\"priority\"")) ? EARLY : str_eq(tier, S("\"flex\"")) ? FLEX : 0;
}

/* What a request says to servers (hosted_server.h) may hold keys, and what its containers send to hosts does: its row is sealed, and goes with the end of the run. */
#define SEALED "sealed:"
#define SEALED_TYPE S("request")

static struct str request_kept(struct turn *t)
{
	bool secret = false;
	for (size_t i = 0; i < t->req.n_tools; i++)
		secret |= t->req.tools[i].server.n > 0 || container_has_secrets(t->req.tools[i].given);
	if (!secret)
		return t->key.body;
	struct str sealed = seal_text(t->api->api->options.store, t->project, SEALED_TYPE, t->key.body, &t->arena);
	return str_fmt(&t->arena, SEALED "%.*s", FMT(sealed));
}

/* One that cannot be opened any more fails as one that cannot be read. */
static struct str request_opened(struct turn *t, struct str kept)
{
	struct str prefix = S(SEALED), body;
	if (!str_starts(kept, prefix))
		return kept;
	kept = (struct str){kept.p + prefix.n, kept.n - prefix.n};
	return seal_open(t->api->api->options.store, t->project, SEALED_TYPE, kept, &t->arena, &body, turn_error(t)) ? body : S("");
}

static void queue_put(struct turn *t)
{
	struct buf body, events;
	buf_init(&body, SIZE_MAX / 2);
	buf_init(&events, SIZE_MAX / 2);
	t->response.status = RS_QUEUED;
	turn_response_write(t, &body, false, false, NULL);
	pack_state(&events, EV_CREATED, 0, buf_str(&body));
	pack_state(&events, EV_QUEUED, 1, buf_str(&body));
	struct run_record r = {
		.project = t->project,
		.asker = t->reader.asker.key.key,
		.id = t->id,
		.created_at = t->response.created_at,
		.due_at = t->response.created_at + t->req.wait.window,
		.priority = priority_of(&t->req),
		.continuation = t->req.wait.continuation,
		.kept = t->req.store,
		.obfuscated = t->req.obfuscate,
		.request = request_kept(t),
		.body = buf_str(&body),
		.first = {0, 2, buf_str(&events)},
		.most_project = api_limits.background_queue_project,
		.most = api_limits.background_queue,
		.idem = t->key.given ? &t->key.claim->idem : NULL,
	};
	t->op.done = turn_on_store;
	store_run_put(t->api->store, &t->op, &r);
	buf_release(&body);
	buf_release(&events);
}

static void queue_answer(struct turn *t)
{
	if (t->reader.form == REPLY_SSE) {
		log_play(t->api, t->reader.reply, t->project, t->response.id, -1);
	} else {
		struct buf b;
		buf_init(&b, SIZE_MAX / 2);
		turn_response_write(t, &b, false, false, NULL);
		reply_end(t->reader.reply, 200, buf_str(&b));
		buf_release(&b);
	}
	t->reader.reply = NULL;
}

static enum flow background_run_queue(struct turn *t)
{
	if (!t->op.done) {
		queue_put(t);
		return WAIT;
	}
	t->op.done = NULL;
	if (turn_failed(t)) {
		if (turn_failed(t) == ERR_BUSY)
			turn_error(t)->retry_after_ms = WAIT_MS;
		return turn_goto(t, STEP_REFUSE);
	}
	t->key.given = false; /* it has its answer */
	worker_wake(t->api);
	turn_end_attempt(t, t->reader.form == REPLY_SSE ? ATTEMPT_LOG : ATTEMPT_STORED);
	if (t->reader.reply)
		queue_answer(t);
	return END;
}

/* --- birth of a worker's turn --- */

static struct run *run_of(const struct turn *t)
{
	return OWNER(t->runner, struct run, runner);
}

static struct turn *turn_of(struct run_log *log)
{
	return OWNER(log, struct run, log)->turn;
}

static int64_t run_left_ms(const struct turn *t)
{
	int64_t left = (t->response.created_at + t->req.wait.window + api_limits.background_seconds) * 1000 - clock_wall_us() / 1000;
	return left > 0 ? left : 0;
}

static void on_log_room(struct run_log *log)
{
	engine_call_resume(&turn_of(log)->call);
}

static void on_lost(struct run_log *log)
{
	struct turn *t = turn_of(log);
	log_at(LOG_WARN, "a background response went to another worker", "id=%.*s", FMT(t->response.id));
	turn_free(t);
}

static void on_cancel(struct run_watch *w)
{
	turn_cancel(OWNER(w, struct run, cancel)->turn);
}

/* A request that this version cannot read any more still needs a response object to fail in. */
static void read_little(struct turn *t)
{
	struct err why = *turn_error(t);
	t->key.body = S("{\"model\":\"unknown\",\"input\":\"\",\"background\":true}");
	*turn_error(t) = (struct err){0};
	turn_read(t, false);
	*turn_error(t) = why;
}

static void run_restore(struct turn *t, const struct claimed_run *got)
{
	struct run *run = run_of(t);
	if (!turn_restore(t, got->batches, got->n_batches, &run->begun) && !turn_failed(t))
		fail(turn_error(t), ERR_INTERNAL, NULL, "The events of this response could not be read.");
	run->resumed = run->begun;
	run->between = turn_tools_between(t);
	run->log.seq = t->seq;
	/* What was open when the server stopped will not be gone on with. */
	t->created_sent = true;
	pair_mend(t);
	turn_close_items(t, false, false);
}

static void run_hurry(struct turn *t)
{
	if (t->step != STEP_HOLD)
		return;
	turn_conversation_leave(t);
	turn_goto(t, STEP_LOAD);
	turn_run(t);
}

static void background_on_late(struct timer *timer)
{
	run_hurry(OWNER(timer, struct run, again)->turn);
}

void run_begin(struct api_loop *al, struct arena *a, const struct run_place *place, const struct claimed_run *got,
	       int64_t holder)
{
	struct run_news *news = al->api->news;
	int64_t waited_us = clock_wall_us() - id_made_us(&place->id);
	struct turn *t = turn_new(al, place->project, a, &place->id, clock_mono_us() - (waited_us > 0 ? waited_us : 0), PHASE_WAIT);
	struct run *run = new(&t->arena, struct run);
	phases_enter(&t->clocks.phases, &t->arena, PHASE_LOAD, 0);
	run->turn = t;
	run->tries = got->tries;
	run->runner.calls = &background_calls;
	t->runner = &run->runner;
	t->reader.form = REPLY_SSE; /* events are wanted */
	t->response.created_at = got->created_at;
	t->reader.asker.key = key_id(al->api->options.store, got->asker);
	t->key.body = request_opened(t, got->request);
	run_log_open(&run->log, al, place->id.key, holder, 0);
	run->log.lost = on_lost;
	run->log.room = on_log_room;
	run_watch_start(news, place->id.key, RUN_CANCEL, al->loop, &run->cancel, on_cancel);
	t->stopping = run_cancelled(news, place->id.key);
	if (!turn_read(t, false) && !t->req.echo.tools.p)
		read_little(t);
	run_restore(t, got);
	timer_start(al->loop, &run->again, run_left_ms(t), background_on_late);
	turn_run(t);
}

/* --- OPEN --- */

/* What was begun by a process that is gone goes on if nobody has seen an output item yet, or if it stood between two
 * engine calls or in calls of tools that may be made again; api.on_restart says otherwise. */
static bool may_go_on(const struct turn *t, struct err *e)
{
	enum on_restart rule = t->api->api->options.on_restart;
	const struct run *run = run_of(t);
	if (!run_left_ms(t))
		return fail(e, ERR_ENGINE_TIMEOUT, NULL, "The response took longer than %lld seconds.",
		            (long long)api_limits.background_seconds);
	if (run->resumed && (rule == RESTART_FAIL || (rule == RESTART_AUTO && t->out.n && !run->between)))
		return fail(e, ERR_INTERNAL, NULL, "The server stopped while this response ran.");
	if (run->tries > api_limits.background_tries)
		return fail(e, ERR_INTERNAL, NULL, "The server stopped %lld times while this response ran.",
		            (long long)run->tries - 1);
	return true;
}

static enum flow run_open(struct turn *t)
{
	struct run *run = run_of(t);
	struct err e = {0};
	if (t->stopping) {
		turn_finish(t, RS_CANCELLED, false, true);
		return GO;
	}
	if (!may_go_on(t, &e) || !turn_usage_run(t, &e) || !turn_tools_rejoin(t, &e)) {
		turn_fail(t, &e);
		return GO;
	}
	if (!run->begun) {
		run->begun = true;
		turn_response_write(t, &run->log.body, false, false, NULL);
		turn_emit_response(t, EV_IN_PROGRESS, false);
	}
	return turn_goto(t, STEP_LIST);
}

/* --- SAVE --- */

static void on_idle(struct run_log *log)
{
	turn_run(turn_of(log));
}

static void say_the_end(struct turn *t)
{
	struct run *run = run_of(t);
	run->ending = true;
	run->log.idle = on_idle;
	run->mark_seq = t->seq;
	run->mark_n = run->log.n;
	run->mark_bytes = run->log.open.n;
	turn_emit_end(t);
}

static void write_end(struct turn *t);

/* The turn itself cannot be kept (what it continues was deleted meanwhile): it fails, standing on nothing. Its
 * terminal event has not left. */
static void fail_instead(struct turn *t, const struct err *e)
{
	struct run *run = run_of(t);
	t->seq = run->mark_seq;
	run->log.n = run->mark_n;
	run->log.open.n = run->mark_bytes;
	run->record = (struct turn_record){0};
	turn_conversation_leave(t);
	t->context = (struct turn_context){0};
	*turn_error(t) = *e;
	t->response.error = turn_error(t);
	t->response.status = RS_FAILED;
	t->response.completed_at = 0;
	say_the_end(t);
	write_end(t);
}

static void background_on_again(struct timer *timer)
{
	write_end(OWNER(timer, struct run, again)->turn);
}

static bool may_pass(enum err_code code)
{
	return code == ERR_STORE || code == ERR_STORE_FULL || code == ERR_UNAVAILABLE;
}

static void background_on_ended(struct store_op *op, const struct err *e)
{
	struct turn *t = OWNER(op, struct turn, op);
	if (e->code == ERR_NONE) {
		run_tell(t->api->api->news, t->id.key, RUN_NEWS);
		outbox_wake(t->api->api);
		turn_goto(t, STEP_DONE);
		turn_run(t);
	} else if (e->code == ERR_CONFLICT) {
		on_lost(&run_of(t)->log);
	} else if (!may_pass(e->code)) {
		fail_instead(t, e);
	} else {
		log_at(LOG_ERROR, "a background response could not be saved", "id=%.*s error=\"%s\"", FMT(t->response.id), e->msg);
		timer_start(t->api->loop, &run_of(t)->again, AGAIN_MS, background_on_again);
	}
}

static void write_end(struct turn *t)
{
	struct run *run = run_of(t);
	struct run_log *log = &run->log;
	struct webhook_event event = {id_mint(), str_fmt(&t->arena, "response.%s", response_status_names[t->response.status]),
				      api_limits.webhook_waiting};
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	if (!run->record.id.key)
		turn_record_make(t, &run->record);
	if (!t->req.store)
		turn_response_write(t, &b, true, true, NULL);
	run->end = (struct run_end){
		.holder = log->holder,
		.expires_at = clock_wall_s() + api_limits.background_keep_seconds,
		.last = {log->seq, log->n, buf_str(&log->open)},
		.body = buf_str(&b),
		.event = &event,
	};
	t->op.done = background_on_ended;
	store_run_end(t->api->store, &t->op, &run->end, &run->record);
	buf_release(&b);
}

static enum flow run_save(struct turn *t)
{
	if (!run_of(t)->ending)
		say_the_end(t);
	if (!run_log_stop(&run_of(t)->log))
		return WAIT;
	if (run_of(t)->record.id.key) {
		write_end(t);
		return WAIT;
	}
	if (turn_keep_some(t))
		turn_record_make(t, &run_of(t)->record);
	return GO;
}

static void background_run_free(struct turn *t)
{
	struct run *run = run_of(t);
	run_log_close(&run->log);
	timer_cancel(&run->again);
	run_watch_stop(&run->cancel);
	runs_give_back(t->api->api->runs, t->id.key);
	worker_wake(t->api);
}

/* --- as its turn sees it --- */

static void run_event(struct turn *t, int64_t delta, struct str json)
{
	run_log_add(&run_of(t)->log, delta, json);
}

static void run_keep(struct turn *t, int index, struct str item)
{
	run_log_keep(&run_of(t)->log, index, item);
}

static bool run_full(const struct turn *t)
{
	return run_log_full(&run_of(t)->log);
}

static int64_t run_last_ms(const struct turn *t)
{
	return run_of(t)->log.last_ms;
}

static void on_synced(struct run_log *log)
{
	turn_run(turn_of(log));
}

static bool run_synced(struct turn *t)
{
	return run_log_synced(&run_of(t)->log, on_synced);
}

static void run_unsync(struct turn *t)
{
	run_of(t)->log.synced = NULL;
}

const struct runner_calls background_calls = {
    .queue = background_run_queue,
    .open = run_open,
    .save = run_save,
    .event = run_event,
    .keep = run_keep,
    .full = run_full,
    .last_ms = run_last_ms,
    .synced = run_synced,
    .unsync = run_unsync,
    .hurry = run_hurry,
    .left_ms = run_left_ms,
    .free = background_run_free,
};
