/* relay_job.h - what blocks or takes long for a relay, on a worker thread: with the whole answer, or before the
 * question.
 *
 * Inside of relay/. A job outlives the relay whose client leaves; then nothing comes of it. */
#pragma once
#include "loop/workers.h"
#include "relay/relay.h"

struct relay_job {
	struct job job;
	struct relay *relay; /* NULL: gone. The loop's alone */
	struct arena arena;
	struct buf in, out;
	struct str type;                                  /* of `out` */
	const void *more;                                 /* of who starts it, in the arena */
	bool (*work)(struct relay_job *j, struct err *e); /* worker thread: writes `out` */
	/* On the loop, when it has worked. NULL: `out` is the answer to the client. */
	void (*then)(struct relay *r, struct relay_job *j);
	struct err error;
};
/* Takes r->answer as `in`. */
struct relay_job *relay_job_new(struct relay *r, bool (*work)(struct relay_job *j, struct err *e));
void relay_job_start(struct relay_job *j, struct workers *w);
/* One that was not started. */
void relay_job_free(struct relay_job *j);
