/* turn_key.c - the steps of an Idempotency-Key: CLAIM at the turn's beginning, AGAIN instead of it. */
#include "replay/log_play.h"
#include "replay/rebuild.h"
#include "turn/turn_machine.h"
#include "turn/turn_save.h"

enum flow step_claim(struct turn *t)
{
	if (turn_failed(t))
		return turn_goto(t, STEP_REFUSE);
	if (!t->key.given)
		return turn_goto(t, STEP_HOLD);
	if (!t->op.done) {
		t->op.done = turn_on_store;
		t->key.begun = true;
		store_idem_begin(t->api->store, &t->op, t->project, &t->key.claim->idem, &t->id, &t->arena, &t->key.claim->result);
		return WAIT;
	}
	t->op.done = NULL;
	switch (t->key.claim->result.state) {
	case IDEM_FRESH:
		return turn_goto(t, STEP_HOLD);
	case IDEM_RUNNING:
		t->key.given = false;
		turn_error(t)->retry_after_ms = 1000;
		fail(turn_error(t), ERR_CONFLICT, NULL,
		     "A request with this Idempotency-Key is still running. Please retry in a moment.");
		return turn_goto(t, STEP_REFUSE);
	case IDEM_OTHER_BODY:
		t->key.given = false;
		fail(turn_error(t), ERR_IDEMPOTENCY, NULL,
		     "This Idempotency-Key was used with another request body. Use a new key for a new request.");
		return turn_goto(t, STEP_REFUSE);
	case IDEM_DONE:
	case IDEM_CRASHED:
		break;
	}
	return turn_goto(t, STEP_AGAIN);
}

/* The id of the response that an idempotency key stands for. */
static struct str key_response(struct turn *t)
{
	return id_text(arena_bytes(&t->arena, ID_MAX), "resp", &t->key.claim->result.response);
}

enum flow step_again(struct turn *t)
{
	struct buf b;
	t->key.given = false;
	if (t->key.claim->result.state != IDEM_DONE) {
		*turn_error(t) = (struct err){0};
		t->response.error = turn_error(t);
		t->response.id = key_response(t);
		t->response.created_at = id_made_at(&t->key.claim->result.response); /* it is the same answer every time */
		t->response.status = RS_FAILED;
		fail(turn_error(t), ERR_INTERNAL, NULL,
		     "The server stopped while this request ran, or could not save its response.");
		buf_init(&b, SIZE_MAX / 2);
		turn_response_write(t, &b, false, true, NULL);
		t->key.claim->result.answer = str_copy(&t->arena, buf_str(&b));
		buf_release(&b);
	}
	if (t->reader.reply && t->req.background && reply_streams(t->reader.form))
		log_play(t->api, t->reader.reply, t->project, key_response(t), -1);
	else if (t->reader.reply && reply_streams(t->reader.form))
		rebuild_events(t->reader.reply, &t->arena, t->key.claim->result.answer);
	else if (t->reader.reply)
		reply_end(t->reader.reply, 200, t->key.claim->result.answer);
	t->reader.reply = NULL;
	return END;
}
