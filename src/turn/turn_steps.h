/* turn_steps.h - the steps of a turn, and which follows which. */
#pragma once

/* The diagram: a step, its function, and where it may go. */
#define TURN_STEPS(X)                                                                                \
	X(TEMPLATE, template, TO(CLAIM) | TO(REFUSE))      /* its prompt template, if any */         \
	X(CLAIM, claim, TO(HOLD) | TO(REFUSE) | TO(AGAIN)) /* idempotency key, durably */            \
	X(HOLD, hold, TO(LOAD) | TO(REFUSE))               /* its turn on the conversation */        \
	X(LOAD, load, TO(REFER) | TO(REFUSE))              /* the context that it continues */       \
	X(REFER, refer, TO(CHECK) | TO(REFUSE))            /* item_reference */                      \
	X(CHECK, check, TO(ATTACH) | TO(REFUSE))           /* what its tools name is there */        \
	X(ATTACH, attach, TO(OPEN) | TO(REFUSE))           /* the prompt, with the images and files it names */ \
	X(OPEN, open_, TO(LIST) | TO(QUEUE) | TO(SAVE) | TO(REFUSE)) /* last checks; response.created leaves */ \
	X(QUEUE, queue, TO(REFUSE))                        /* background: a row; a worker does the rest */ \
	X(LIST, list, TO(CALL) | TO(TOOLS) | TO(SAVE))     /* the functions of its tools' servers */ \
	X(CALL, call, TO(TOOLS) | TO(COMPACT) | TO(SAVE))  /* the engine streams */                  \
	X(TOOLS, tools, TO(CALL) | TO(COMPACT) | TO(SAVE)) /* tools of ours run; then the engine again */ \
	X(COMPACT, compact, TO(SAVE))                      /* the context is summed up */            \
	X(SAVE, save, TO(DONE))                            /* one record, one transaction */         \
	X(DONE, done, 0)                                   /* the terminal event, then the end */    \
	X(AGAIN, again, 0)                                 /* the answer that the key already has */ \
	X(REFUSE, refuse, TO(SAVE))                        /* an error before anything was sent */

enum turn_step {
#define X(NAME, fn, to) STEP_##NAME,
	TURN_STEPS(X)
#undef X
	N_STEPS
};

struct turn_machine;
extern const struct turn_machine turn_steps;
