/* batch_step.h - a step of a batch: whatever blocks, on a worker thread. One of a batch at a time.
 *
 * Answers are kept, lines read, a batch begun or ended, as its row says. While it is under way, all of it is the
 * worker's. */
#pragma once
#include "batches/batch_file.h"
#include "batches/line.h"
#include "loop/workers.h"
#include "store/batch_work.h"

struct batch_step {
	struct job job;
	struct store *store;
	int64_t key;
	/* in */
	size_t want; /* lines to be read */
	bool idle;   /* no line runs or waits, but those in `answers` */
	int64_t cursor_line, cursor_at;
	struct lines answers; /* to be kept; emptied by the loop */
	/* between steps */
	struct batch_file file; /* fd -1: not open yet */
	bool at_end;            /* of the file */
	struct arena arena;     /* of one step */
	/* out */
	struct lines read;
	size_t kept; /* answers */
	enum batch_status status;
	bool over; /* nothing is left to be done */
	int64_t expires_at;
	struct str endpoint; /* in a buffer of the run's */
	char endpoint_text[64];
	struct err error;
};
void batch_step_run(struct job *j);
