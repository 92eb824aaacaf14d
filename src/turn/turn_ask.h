/* turn_ask.h - calls that run only once the user has approved them.
 *
 * A call that needs it becomes an item that asks (mcp_approval_request); the turn ends. A later request answers it (turn_answer.h). The
 * id of what asks holds a keyed hash over all that was asked for - project, server, function, arguments - and one over
 * the function's definition; so a request that nobody keeps can be checked as well. An answer counts once. Loop thread.
 */
#pragma once
#include "turn/turn.h"

struct hosted_call;

/* Has the user to be asked first? */
bool turn_ask_needed(const struct hosted_call *c);
/* At the end of a round: an item for each call that waits for the user. Are there any? */
bool turn_ask_all(struct turn *t);

/* After LIST: what was approved becomes calls of the next TOOLS, unless the function is another one now: that is asked
 * again. true: there are any. */
bool turn_ask_run(struct turn *t);
/* How long that item can be answered (seconds since 1970); 0: it asks for nothing. */
int64_t turn_ask_until(const struct out_item *it);

/* Has this turn, before its server was stopped, asked for something? Then it is at its end. */
bool turn_ask_waits(const struct turn *t);
/* What came of a request that was refused: the user's words; {0}: it was not. */
struct str turn_ask_refused(struct turn *t, const struct item *asked);

/* The items as an engine is told of them: what was asked and refused, or not answered, with what came of it. */
struct item *turn_ask_told(struct turn *t, struct item *items, size_t n);
