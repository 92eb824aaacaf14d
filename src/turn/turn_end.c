/* turn_end.c - how a turn ends: SAVE and DONE, or REFUSE. */
#include "turn/turn_end.h"

#include "base/clock.h"
#include "base/log.h"
#include "turn/runner.h"
#include "turn/turn_finish.h"
#include "turn/turn_judge.h"
#include "turn/turn_kind.h"
#include "turn/turn_measure.h"
#include "turn/turn_save.h"
#include "turn/turn_usage.h"

void turn_end_attempt(struct turn *t, enum attempt_end end)
{
	struct err stopped = {0};
	struct str body = {0};
	if (!t->key.attempt)
		return;
	if (end == ATTEMPT_FAILED) {
		if (t->error)
			stopped = *t->error;
		fail(&stopped, ERR_UNAVAILABLE, NULL, "The request was given up because its client left.");
		body = error_body(&t->arena, &stopped);
	} else if (end == ATTEMPT_KEPT) {
		struct buf b;
		buf_init(&b, SIZE_MAX / 2);
		turn_response_write(t, &b, true, true, NULL);
		body = str_copy(&t->arena, buf_str(&b));
		buf_release(&b);
	}
	attempt_end(t->key.attempt, end, end == ATTEMPT_FAILED ? err_rows[stopped.code].status : 200, body);
	t->key.attempt = NULL;
}

static void on_undone(struct tools_check *c, const struct err *e)
{
	turn_run(OWNER(c, struct turn, out.tools.check));
}

/* Nothing was had of it: then nothing that was made for it stays, and is gone before anyone is told. */
static bool end_undo(struct turn *t)
{
	t->out.tools.check.done = on_undone;
	return t->out.tools.check.run || tools_undo_start(t->api->tools, &t->out.tools.check, t->project, &t->req);
}

/* What cannot be counted is answered all the same: the client has lost nothing. */
static void on_counted(struct store_op *op, const struct err *e)
{
	struct turn *t = OWNER(op, struct turn, op);
	if (e->code != ERR_NONE)
		log_at(LOG_ERROR, "usage could not be counted", "id=%.*s error=%s", FMT(t->response.id), e->msg);
	turn_goto(t, STEP_DONE);
	turn_run(t);
}

static void on_saved(struct store_op *op, const struct err *e)
{
	struct turn *t = OWNER(op, struct turn, op);
	if (e->code != ERR_NONE) { /* never "completed" without a commit: durable before visible */
		log_at(LOG_ERROR, "a turn could not be saved", "id=%.*s error=%s", FMT(t->response.id), e->msg);
		*turn_error(t) = *e;
		turn_error(t)->no_retry = true;
		t->response.error = turn_error(t);
		t->response.status = RS_FAILED;
		t->response.completed_at = 0;
		t->key.unsaved = t->key.given;
		t->op.done = on_counted;
		if (turn_usage_alone(t, &t->op)) /* its engine was asked all the same */
			return;
	}
	turn_goto(t, STEP_DONE);
	turn_run(t);
}

/* Nothing of the turn is kept but what it used. */
static enum flow save_usage(struct turn *t)
{
	if (t->key.given) {
		turn_usage_alone(t, NULL);
		store_idem_drop(t->api->store, &t->op, t->project, &t->key.claim->idem, &t->id);
		return turn_goto(t, STEP_DONE);
	}
	t->op.done = on_counted;
	return turn_usage_alone(t, &t->op) ? WAIT : turn_goto(t, STEP_DONE);
}

enum flow step_save(struct turn *t)
{
	bool answers = t->response.status != RS_FAILED || reply_streams(t->reader.form) || !t->reader.reply || !reply_open_head(t->reader.reply);
	timer_cancel(&t->clocks.deadline);
	grace_cancel(&t->clocks.grace);
	timer_cancel(&t->clocks.silence);
	bool nothing = t->response.status == RS_FAILED || t->response.status == RS_CANCELLED;
	if ((nothing && end_undo(t)) || turn_judge(t))
		return WAIT;
	phases_enter(&t->clocks.phases, &t->arena, PHASE_SAVE, 0);
	if (t->runner)
		return t->runner->calls->save(t);
	/* A failure that is answered as a plain 4xx or 5xx leaves no response behind. */
	if ((!t->req.store && !t->key.given && !turn_conversation_adds(t)) || !answers)
		return save_usage(t);
	struct turn_record *r = turn_record_some(t);
	if (!r)
		return GO;
	t->op.done = on_saved;
	store_put_turn(t->api->store, &t->op, r);
	return WAIT;
}

static enum event_type terminal_event(enum response_status s)
{
	switch (s) {
	case RS_COMPLETED:
		return EV_COMPLETED;
	case RS_INCOMPLETE:
		return EV_INCOMPLETE;
	default: /* there is no response.cancelled: a cancelled one ends with response.failed, as recorded */
		return EV_FAILED;
	}
}

static void turn_end_json(struct turn *t)
{
	struct buf b;
	if (t->kind && t->response.status == RS_CANCELLED)
		fail(turn_error(t), ERR_UNAVAILABLE, NULL,
		     "The server is shutting down. Please retry in a few seconds.");
	if ((t->response.status == RS_FAILED || (t->kind && turn_failed(t))) && reply_open_head(t->reader.reply)) {
		reply_fail(t->reader.reply, turn_error(t));
		return;
	}
	buf_init(&b, SIZE_MAX / 2);
	if (t->kind && turn_failed(t))
		buf_add(&b, error_body(&t->arena, turn_error(t))); /* the 200 went out with the first space */
	else if (t->kind)
		t->kind->answer(t, &b);
	else
		turn_response_write(t, &b, true, true, NULL);
	reply_end(t->reader.reply, 200, buf_str(&b));
	buf_release(&b);
}

static enum attempt_end attempt_result(const struct turn *t)
{
	if (t->response.status == RS_FAILED || t->response.status == RS_CANCELLED)
		return ATTEMPT_FAILED;
	return reply_streams(t->reader.form) ? ATTEMPT_STREAM : t->req.store ? ATTEMPT_STORED : ATTEMPT_KEPT;
}

void turn_emit_end(struct turn *t)
{
	if (t->response.status == RS_FAILED)
		turn_emit(t, &(struct event){.type = EV_ERROR, .error = turn_error(t)});
	turn_emit_response(t, terminal_event(t->response.status), true);
}

enum flow step_done(struct turn *t)
{
	if (t->runner)
		return END; /* all was said in SAVE */
	turn_measure_tell(t);
	if (reply_streams(t->reader.form)) {
		turn_emit_end(t);
		if (t->reader.reply)
			reply_end(t->reader.reply, 200, S(""));
	} else if (t->reader.reply) {
		turn_end_json(t);
	}
	t->reader.reply = NULL;
	turn_end_attempt(t, attempt_result(t));
	return END;
}

/* Where a long silence was broken before the refusal, its 200 is out: the failure is told in the answer's own form. */
static void refuse_reader(struct turn *t)
{
	bool late = !t->kind && !reply_open_head(t->reader.reply);
	if (late && t->reader.form == REPLY_SSE) {
		turn_emit(t, &(struct event){.type = EV_ERROR, .error = turn_error(t)});
		reply_end(t->reader.reply, 200, S(""));
	} else if (late && t->reader.form == REPLY_JSON) {
		t->response.status = RS_FAILED;
		t->response.error = turn_error(t);
		turn_end_json(t);
	} else {
		reply_fail(t->reader.reply, turn_error(t));
	}
}

enum flow step_refuse(struct turn *t)
{
	if (t->runner) { /* accepted long ago: this is its end */
		struct err why = *turn_error(t);
		if (t->stopping)
			turn_finish(t, RS_CANCELLED, false, true);
		else
			turn_fail(t, &why);
		return GO;
	}
	if (end_undo(t))
		return WAIT;
	if (t->key.given) {
		store_cancel(&t->op);
		store_idem_drop(t->api->store, &t->op, t->project, &t->key.claim->idem, &t->id);
	}
	turn_measure_tell(t);
	if (t->reader.reply)
		refuse_reader(t);
	t->reader.reply = NULL;
	return END;
}
