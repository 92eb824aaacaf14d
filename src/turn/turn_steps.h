/* turn_steps.h - the steps of a turn, and which follows which. */
#pragma once

/* The diagram: a step, its function, the phase that its time belongs to (measure/phases.def), and where it may go. */
#define TURN_STEPS(X)                                                                                \
	X(TEMPLATE, template, LOAD, TO(CLAIM) | TO(REFUSE))      /* its prompt template, if any */         \
	X(CLAIM, claim, LOAD, TO(HOLD) | TO(REFUSE) | TO(AGAIN)) /* idempotency key, durably */            \
	X(HOLD, hold, LOAD, TO(LOAD) | TO(REFUSE))               /* its turn on the conversation */        \
	X(LOAD, load, LOAD, TO(REFER) | TO(REFUSE))              /* the context that it continues */       \
	X(REFER, refer, LOAD, TO(CHECK) | TO(REFUSE))            /* item_reference */                      \
	X(CHECK, check, LOAD, TO(GIVE) | TO(REFUSE))             /* what its tools name is there */        \
	X(GIVE, give, LOAD, TO(ATTACH) | TO(REFUSE))             /* items are what is sealed in them, or kept with them */ \
	X(ATTACH, attach, LOAD, TO(OPEN) | TO(REFUSE))           /* the prompt, with the images and files it names */ \
	X(OPEN, open_, LOAD, TO(LIST) | TO(QUEUE) | TO(SAVE) | TO(REFUSE)) /* last checks; response.created leaves */ \
	X(QUEUE, queue, SAVE, TO(REFUSE))                        /* background: a row; a worker does the rest */ \
	X(LIST, list, TOOLS, TO(CALL) | TO(TOOLS) | TO(SAVE))     /* the functions of its tools' servers */ \
	X(CALL, call, QUEUE, TO(TOOLS) | TO(COMPACT) | TO(SAVE))  /* the engine streams */                  \
	X(TOOLS, tools, TOOLS, TO(CALL) | TO(COMPACT) | TO(SAVE)) /* tools of ours run; then the engine again */ \
	X(COMPACT, compact, COMPACT, TO(SAVE))                      /* the context is summed up */            \
	X(SAVE, save, MODERATE, TO(DONE))                            /* one record, one transaction */         \
	X(DONE, done, SAVE, 0)                                   /* the terminal event, then the end */    \
	X(AGAIN, again, LOAD, 0)                                 /* the answer that the key already has */ \
	X(REFUSE, refuse, LOAD, TO(SAVE))                        /* an error before anything was sent */

enum turn_step {
#define X(NAME, fn, phase, to) STEP_##NAME,
	TURN_STEPS(X)
#undef X
	N_STEPS
};

struct turn_machine;
extern const struct turn_machine turn_steps;
