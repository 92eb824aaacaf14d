/* turn_program.h - programs within the turn: TOOLS runs one, makes the calls that it waits for, and runs it again.
 *
 * A run is a call of this round (hosted_call.h) without an item of its own; before it stands the item of its program,
 * behind it those of its calls and then its next run, or the item that says what came of it. Where a client has to answer, the
 * turn ends; a later request, whose context has the program and the answers, goes on with it. So nothing of a program is
 * kept but its items. Loop thread. */
#pragma once
#include "turn/hosted_call.h"

struct tool_ask;
struct turn_answer;

struct turn_program {
	struct str call_id, code;
	int64_t now;       /* when it was written: what its clock says */
	struct str result; /* what it ended with; {0}: it has not */
	bool failed, told;
};

/* A call that the model made of programs: its item is told. */
void turn_program_open(struct turn *t, struct hosted_call *c);
/* What a run is given: the program, and all answers that there are. */
void turn_program_ask(struct turn *t, struct hosted_call *c, struct tool_ask *ask);
/* A run is over: its calls join this round, and its next run; or it has ended. */
void turn_program_done(struct turn *t, struct hosted_call *c, const struct tool_result *r);
/* One that the user has approved joins the round. false: it is not there for programs any more, or it is another one now: the program
 * finds that itself, or asks anew. */
bool turn_program_approved(struct turn *t, const struct function_tool *f, const struct turn_answer *one);
/* What came of the program, if it has ended. */
void turn_program_tell(struct turn *t, struct hosted_call *c);
/* A call of a client's tool that a program made. */
void turn_program_tell_call(struct turn *t, struct hosted_call *c);

/* Programs of the context that go on in this turn: are they ours, and unchanged? t->error. */
bool turn_programs_read(struct turn *t, struct err *e);
/* Is there a program that has not ended? A compaction would lose what its calls were answered. */
bool turn_programs_open(struct turn *t);
/* Has this turn, before its server was stopped, told calls that a client has to answer? */
bool turn_programs_wait(struct turn *t);
/* They become runs of the next TOOLS. true: there are any. */
bool turn_programs_run(struct turn *t);
/* The turn ends before they do: they will not be gone on with, so that nothing is called twice. */
void turn_programs_cut(struct turn *t);
