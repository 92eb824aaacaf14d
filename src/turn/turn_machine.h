/* turn_machine.h - what moves a turn along its steps (turn_steps.h). Loop thread.
 *
 * A step starts an errand and waits, or goes on. The machine knows the steps by their table alone, which struct api
 * holds; so a step may use the machine without the machine knowing it. */
#pragma once
#include "turn/turn.h"

/* What a step does next: the next step, wait, or end the turn. */
enum flow { GO, WAIT, END };

struct turn_machine {
	struct turn_step_row {
		const char *name;
		enum flow (*run)(struct turn *);
		enum phase phase; /* its time belongs to */
		unsigned to; /* bits of the steps that may follow */
	} steps[N_STEPS];
	void (*free)(struct turn *t); /* after END */
};

/* Goes on from where it stands; called by whoever unblocks it. After long work the rest is left to turn_rest(). */
void turn_run(struct turn *t);
/* It goes on when others have had their turn. */
void turn_rest(struct turn *t);
/* Only along TURN_STEPS. */
enum flow turn_goto(struct turn *t, enum turn_step next);
/* For t->op: keeps the error and goes on. */
void turn_on_store(struct store_op *op, const struct err *e);
/* Where it is written why it fails; it stays where it is. Taken at its first use: it is large, and thousands wait for
 * their engine without one. */
struct err *turn_error(struct turn *t);
/* ERR_NONE: it has not failed. */
enum err_code turn_failed(const struct turn *t);
/* Unless it has failed, what turn_error() took is given back. Idempotent. */
void turn_error_rest(struct turn *t);
