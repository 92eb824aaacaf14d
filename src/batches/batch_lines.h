/* batch_lines.h - the lines of a batch that wait, run and are answered. Loop thread. */
#pragma once
#include "batches/batch_run.h"

/* Runs as many lines as may be. */
void lines_pump(struct batches *b);
/* Lets go of all that run or wait. */
void lines_stop(struct batch_run *run);
/* So many lines run no more: while one does, or its answer is not kept, the process waits for it when it is to end. */
void lines_settle(struct batches *b, size_t n);
