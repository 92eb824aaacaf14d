/* tape_answer.h - an answer of a recording as an engine says it: Chat Completions, streamed or not. Pure. */
#pragma once
#include "base/buf.h"
#include "tape/tape.h"

/* The events of a stream, with [DONE]; the same bytes each time. */
void tape_stream(const struct tape *t, const struct tape_answer *a, struct buf *b);
/* The same as one object. */
void tape_whole(const struct tape *t, const struct tape_answer *a, struct buf *b);
