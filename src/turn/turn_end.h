/* turn_end.h - how a turn ends: SAVE and DONE, or REFUSE. Loop thread. */
#pragma once
#include "door/attempts.h"
#include "turn/turn_machine.h"

/* The last events: the error, if any, and the terminal one. */
void turn_emit_end(struct turn *t);
/* Gives a client's retry its answer; `end` says where that is. */
void turn_end_attempt(struct turn *t, enum attempt_end end);
