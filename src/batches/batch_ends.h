/* batch_ends.h - the input of a batch, and the files that it ends with. Worker thread. */
#pragma once
#include "batches/batch_step.h"

/* Opens its input, if that is not open yet. ERR_NOT_FOUND: it was deleted. */
bool batch_input_open(struct batch_step *st, const struct stored_batch *b, struct err *e);
/* The batch ends, with files of what was answered. */
bool batch_ends(struct batch_step *st, const struct stored_batch *b, struct err *e);
/* The input cannot be worked on: `errors` says why. */
bool batch_ends_failed(struct batch_step *st, const struct stored_batch *b, struct str errors, struct err *e);
