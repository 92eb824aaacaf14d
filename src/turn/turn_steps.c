/* turn_steps.c - the steps of a turn as the machine sees them. */
#include "turn/turn_machine.h"

#define X(NAME, fn, phase, to) enum flow step_##fn(struct turn *t);
TURN_STEPS(X)
#undef X

#define TO(NAME) (1u << STEP_##NAME)

const struct turn_machine turn_steps = {
	.steps = {
#define X(NAME, fn, phase, to) {#NAME, step_##fn, PHASE_##phase, to},
		TURN_STEPS(X)
#undef X
	},
	.free = turn_free,
};
