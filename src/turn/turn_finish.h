/* turn_finish.h - what was made is closed, whole or not; SAVE is next. Loop thread. */
#pragma once
#include "turn/turn_machine.h"

/* `whole`, `drop_calls`: turn_close_items(). */
void turn_finish(struct turn *t, enum response_status status, bool whole, bool drop_calls);
void turn_fail(struct turn *t, const struct err *e);
/* Its output passed the bounds. */
void turn_overflow(struct turn *t);
/* The end of a kind's call (turn_kind.h). */
void turn_call_end(struct turn *t, const struct err *e);
/* An event that carries the response object. */
void turn_emit_response(struct turn *t, enum event_type type, bool with_output);
