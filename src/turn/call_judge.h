/* call_judge.h - calls of hosted tools before they run: each becomes an item, or is refused and its maker told why: arguments
 * that do not fit, a name that was not offered, a limit, the same call again and again. Loop thread. */
#pragma once
#include "turn/hosted_call.h"

void call_judge(struct turn *t, struct hosted_call *c);
/* A call has begun that may have changed something: the turn must not be made again by itself. */
bool turn_tools_acted(const struct turn *t);
