/* batch_run.h - a batch as it is worked on: the loop runs lines (batch_lines.c) and decides (batch_pump.c). Loop
 * thread. */
#pragma once
#include "batches/batch_pump.h"
#include "batches/batch_step.h"
#include "news/run_news.h"

struct batch_run {
	struct batch_step step; /* first */
	struct batches *all;    /* NULL: the loop is gone */
	struct batch_run *next;
	int64_t project, asker; /* asker: the number of the API key that made it */
	const struct route *route; /* NULL: not known yet */
	struct lines ready, running, answered;
	bool stepping, again;             /* again: look at the row once more */
	bool stopped;                     /* no further line is run: it is cancelled, or its window is over */
	void (*look)(struct batch_run *); /* a line was answered: what comes next? */
	int64_t failures;                 /* of steps, one after the other */
	struct timer wait;                /* after a failed step, or until a line is due */
};

struct batches {
	struct api_loop *api;
	struct workers *workers;
	struct run_watch news;
	struct timer tick;
	struct batch_run *runs;
	struct batch_find *find; /* under way; NULL: none */
	bool again;              /* woken meanwhile */
	size_t n_running;
};
