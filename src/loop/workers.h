/* workers.h - a bounded set of threads for what blocks.
 *
 * The store, name look-ups and tools each have a set of their own, so that one cannot starve the
 * other. A job is copied data in, results out: run() is called on a worker thread and must not
 * touch the loop's objects; done() is called on the loop that started it. */
#pragma once
#include "loop/loop.h"

struct workers;

struct job {
	void (*run)(struct job *);  /* worker thread */
	void (*done)(struct job *); /* loop thread; also after a cancel, with `cancelled` set */
	struct loop *loop;
	struct post post;
	struct job *next;
	_Atomic bool cancelled; /* run() may look at it; a job not yet begun is skipped */
};

/* `name` (15 bytes) names the threads; `queue` bounds the jobs that wait. */
struct workers *workers_new(const char *name, unsigned threads, unsigned queue);
/* Runs what is queued, then ends the threads. */
void workers_free(struct workers *w);
/* false when the queue is full, or the machine gives no thread at all. One thread at a time. The job (heap) belongs to the set until done() is called. */
bool job_start(struct workers *w, struct loop *l, struct job *j);
