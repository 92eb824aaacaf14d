/* progress.h - how far a long command is, in one line of a terminal that is written over. Main thread. */
#pragma once
#include "base/err.h"

/* Shown on stderr when that is a terminal, at most a few times a second. */
void progress_say(const char *text);
/* The line is empty again, for what comes next. */
void progress_end(void);
/* "1.2 MB" */
const char *progress_bytes(char out[32], int64_t bytes);
