/* turn_finish.c - what was made is closed, whole or not; SAVE is next. */
#include "turn/turn_finish.h"

#include "base/clock.h"
#include "turn/call_judge.h"
#include "turn/compact.h"
#include "turn/turn_marks.h"
#include "turn/turn_program.h"
#include "turn/turn_save.h"

void turn_emit_response(struct turn *t, enum event_type type, bool with_output)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	if (turn_tells(t))
		turn_response_write(t, &b, with_output, false, NULL);
	turn_emit(t, &(struct event){.type = type, .raw = buf_str(&b)});
	buf_release(&b);
}

void turn_finish(struct turn *t, enum response_status status, bool whole, bool drop_calls)
{
	engine_call_cancel(&t->call);
	turn_tools_stop(t);
	if (status == RS_FAILED || status == RS_CANCELLED)
		turn_programs_cut(t);
	turn_close_items(t, whole, drop_calls);
	if (whole)
		marks_after(t);
	else
		marks_before(t, ITEM_NONE);
	t->response.status = status;
	if (status == RS_COMPLETED)
		t->response.completed_at = clock_wall_s();
	turn_goto(t, status == RS_COMPLETED && compact_due(t) ? STEP_COMPACT : STEP_SAVE);
}

void turn_fail(struct turn *t, const struct err *e)
{
	if (turn_failed(t) == ERR_NONE)
		*turn_error(t) = *e;
	turn_error(t)->no_retry |= turn_tools_acted(t);
	t->response.error = turn_error(t);
	turn_finish(t, RS_FAILED, false, true);
}

void turn_overflow(struct turn *t)
{
	struct err e = {0};
	fail(&e, ERR_ENGINE, NULL, "The model's output passed this server's limits (api.output_bytes, api.output_items).");
	turn_fail(t, &e);
}

void turn_call_end(struct turn *t, const struct err *e)
{
	if (e->code != ERR_NONE)
		turn_fail(t, e);
	else
		turn_finish(t, RS_COMPLETED, true, false);
	turn_run(t);
}
