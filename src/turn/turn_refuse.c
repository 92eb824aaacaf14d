/* turn_refuse.c - the step of what is refused before its first event (REFUSE). */
#include "turn/turn_flow.h"

/* Where a long silence was broken before the refusal, its 200 is out: the failure is told in the answer's own form. */
static void refuse_reader(struct turn *t)
{
	bool late = !t->kind && !reply_open_head(t->reader.reply);
	if (late && t->reader.form == REPLY_SSE) {
		turn_emit(t, &(struct event){.type = EV_ERROR, .error = &t->error});
		reply_end(t->reader.reply, 200, S(""));
	} else if (late && t->reader.form == REPLY_JSON) {
		t->response.status = RS_FAILED;
		t->response.error = t->error;
		turn_answer(t);
	} else {
		reply_fail(t->reader.reply, &t->error);
	}
}

enum flow step_refuse(struct turn *t)
{
	if (t->run) { /* accepted long ago: this is its end */
		struct err why = t->error;
		if (t->stopping)
			turn_finish(t, RS_CANCELLED, false, true);
		else
			turn_fail(t, &why);
		return GO;
	}
	if (t->key.given) {
		store_cancel(&t->op);
		store_idem_drop(t->api->store, &t->op, t->project, &t->key.idem, &t->id);
	}
	if (t->reader.reply)
		refuse_reader(t);
	t->reader.reply = NULL;
	return END;
}
