/* owner_job.h - what the machine's owner asks for over the admin socket, and a worker answers (admin.c, erase_door.c).
 *
 * A job is the first member of a struct on the heap, which goes with it. What was begun is finished, also when its
 * client has left. Loop thread, but for run(). */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "loop/workers.h"
#include "net/exchange.h"

struct owner_job {
	struct job job;
	struct reader reader;
	struct exchange *x; /* NULL: the client left, or nobody asked */
	struct arena arena;
	struct buf out; /* the answer, JSON */
	struct err err; /* or what it is instead */
};
/* x: who is answered, with `most` bytes; NULL: nobody. run: on the worker's thread. */
void owner_job_init(struct owner_job *j, struct exchange *x, size_t most, void (*run)(struct job *));
/* An error that stands in it is the answer, at once; too many jobs wait: `busy` is. */
void owner_job_start(struct owner_job *j, struct workers *w, struct loop *l, const char *busy);
