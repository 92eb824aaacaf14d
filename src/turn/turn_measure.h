/* turn_measure.h - a turn is measured: when its engine spoke, and what it came to. Loop thread. */
#pragma once
#include "turn/turn.h"

/* The engine was asked meanwhile, and now it speaks, or it ended without. */
void turn_measure_call(struct turn *t, bool speaks);
/* Who logs its request hears where the time went; before the answer's end. */
void turn_measure_tell(struct turn *t);
/* The turn is freed next. */
void turn_measure_end(struct turn *t);
struct hosted_call;
/* A call of a hosted tool has ended. */
void turn_measure_tool(const struct turn *t, const struct hosted_call *c, bool ok);
