/* pump.h - two ends, and what passes between them in both directions at once. One thread; blocks. */
#pragma once
#include <stdatomic.h>

#include "base/buf.h"
#include "egress/end.h"

struct lane {
	struct buf out; /* waits to be written to its end */
	bool ended;     /* nothing more comes */
	bool finished;  /* and that was told to its end */
	int64_t bytes;  /* that were written */
};
struct pump {
	struct end in, out; /* the box's side, the host's */
	struct lane up, down;
	/* What was read on one side goes to the lane that leads to the other; sets ended. bytes {0}: the end. */
	void (*on_in)(struct pump *, struct str), (*on_out)(struct pump *, struct str);
	const _Atomic bool *cut;
	int64_t until_us;
};

void pump_init(struct pump *p, int in, const _Atomic bool *cut);
void pump_release(struct pump *p);
/* Until the host has said all and the box has heard it, or a bound was broken. */
void pump_run(struct pump *p);
/* All that waits for the box is written, by then. */
bool pump_flush(struct pump *p, int64_t until_us);
/* Waits for one end; POLLIN, POLLOUT. false: too late, or cut. */
bool pump_wait(const struct pump *p, const struct end *x, short events, int64_t until_us);
