/* turn_flow.h - what the files that hold a turn's steps share (turn.c, turn_key.c, background.c, turn_start.c). Loop thread. */
#pragma once
#include "door/attempts.h"
#include "turn/turn.h"
#include "turn/turn_save.h"

/* What a step does next: the next step, wait, or end the turn. */
enum flow { GO, WAIT, END };

#define X(NAME, fn, to) enum flow step_##fn(struct turn *t);
TURN_STEPS(X)
#undef X

/* Only along TURN_STEPS. */
enum flow turn_goto(struct turn *t, enum turn_step next);
/* What was made is closed (see turn_close_items()); SAVE is next. */
void turn_finish(struct turn *t, enum response_status status, bool whole, bool drop_calls);
void turn_fail(struct turn *t, const struct err *e);
/* Its output passed the bounds. */
void turn_overflow(struct turn *t);
/* Without its end: for a background run, which another goes on with. */
void turn_free(struct turn *t);
/* For t->op: keeps the error and goes on. */
void turn_on_store(struct store_op *op, const struct err *e);
void turn_emit_response(struct turn *t, enum event_type type, bool with_output);
/* The last events: the error, if any, and the terminal one. */
void turn_emit_end(struct turn *t);
/* Gives a client's retry its answer; `end` says where that is. */
void turn_end_attempt(struct turn *t, enum attempt_end end);

/* --- turn_start.c --- */
/* A turn in the arena, which it takes over; in no step yet. */
struct turn *turn_new(struct api_loop *al, int64_t project, struct arena *a, const struct id *id);
/* Reads t->key.body, which came over a WebSocket or not. false: t->error. */
bool turn_read(struct turn *t, bool socket);
/* The request is known whole, and where it is answered: headers that tell of it. */
void turn_known(struct turn *t);
