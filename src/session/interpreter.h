/* interpreter.h - Python in a box: its start, the exchange with its driver, its end. One thread at a time. */
#pragma once
#include "session/box.h"
#include "session/talk.h"
#include "session/zygote.h"

struct interpreter {
	struct box *box; /* held; NULL: there is none */
	int control, output;
	struct order_program program;
	struct talk talk;
	struct str send; /* what it has still to be told; the caller's */
	bool closed;     /* nobody prints any more */
	bool used;       /* a call was made */
};

/* What every interpreter of this process is started with. */
struct interpreter_kind {
	char packages[4096]; /* folder of a virtual environment; "": none */
	char program[4200];
	struct zygote *_Atomic zygote; /* NULL: none yet */
};

/* false: ERR_UNAVAILABLE. */
bool interpreter_start(const struct interpreter_kind *k, struct box *b, struct interpreter *ret, struct err *e);
/* Waits until it is there. false: ERR_UNAVAILABLE, ERR_REQUEST_TIMEOUT; it has to be forgotten. */
bool interpreter_ready(struct interpreter *i, const _Atomic bool *stop, struct err *e);
/* Waits at most 50 ms for something to send, to hear or to read, and does it. false: it is gone. */
bool interpreter_turn(struct interpreter *i);
/* Its end, as far as we are concerned: {0} again. */
void interpreter_forget(struct interpreter *i);
