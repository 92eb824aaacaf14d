/* turn_program_ask.h - approvals that programs of the context wait for.
 *
 * A call that a program makes and the user has to approve is asked for like any (turn_ask.h), and ends the turn. Its program goes
 * on when it is answered: approved, the call is made; refused, the program is thrown the refusal. One whose answer was used
 * by a turn that is gone, or that is too old, is void: the program asks anew. Loop thread. */
#pragma once
#include "store/approval.h"
#include "turn/turn.h"

/* Requests of the context that a client has kept get their caller, which their ids are bound to. In CHECK. */
void program_asks_mark(struct turn *t);
/* Nobody has answered `asked`: may the turn go on nevertheless? t->error: its program waits for that. */
bool program_ask_passes(struct turn *t, const struct item *asked, const struct id *id, const struct approval_state *state,
		       struct err *e);
