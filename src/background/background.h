/* background.h - background responses: queued by a turn, run by a worker of any loop.
 *
 * POST queues the run (one row) and answers. Each loop has a worker, which takes queued runs as far as the bounds
 * allow, and those whose worker is gone. A run is a turn without a reader: its events go to a durable log, and its
 * end is saved together with the last of them. Loop thread. */
#pragma once
#include "background/run_log.h"
#include "turn/runner.h"

/* What a turn has that is a background run. */
struct run {
	struct runner runner; /* first */
	struct turn *turn;
	struct run_log log;
	struct run_watch cancel;
	struct timer again;  /* it waits for its conversation: how long; the end could not be written: once more */
	struct run_end end;
	struct turn_record record; /* the same, ready to be written */
	int64_t tries;
	bool begun;          /* response.in_progress has been said */
	bool resumed;        /* it had been begun by a worker that is gone ... */
	bool between;        /* ... and stopped where it can go on (turn_tools_between()) */
	bool ending;         /* the terminal event is in the log's hands */
	int64_t mark_seq, mark_n; /* what the log had before that event */
	size_t mark_bytes;
};

extern const struct runner_calls background_calls;

/* A claimed run becomes a turn in the arena, which it takes over; `got` lies in it. */
void run_begin(struct api_loop *al, struct arena *a, const struct run_place *place, const struct claimed_run *got,
	       int64_t holder);
