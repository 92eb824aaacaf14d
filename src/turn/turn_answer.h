/* turn_answer.h - answers to what was asked before, in the step CHECK.
 *
 * An answer is an item of this request, or was given on this server (store/approval.h): then it joins the request's items,
 * as if the client had sent it. Each is used before anything is made, in a transaction of its own: docs/design/mcp.md says
 * why. Loop thread. */
#pragma once
#include "turn/turn.h"

/* true: turn_run() comes, and this is to be called again. false: it is over; t->error says what is no answer. What makes
 * no response uses none. */
bool turn_answers_take(struct turn *t);
