/* file_text.h - a file of a vector store as the text that is cut into chunks.
 *
 * PDF and office files are read in the sandbox, pages parted by form feeds; HTML without its mark-up; a table's first
 * line goes with each of its chunks; JSON on one line is laid out, so that it has lines to be cut at. What else is text
 * is taken as it stands: Markdown, source code, logs. Blocks: worker threads. */
#pragma once
#include <stdatomic.h>

#include "base/arena.h"
#include "base/err.h"

struct file_text {
	struct str text;
	bool header; /* the first line names columns */
	struct str title; /* what it says of itself: HTML's title, Markdown's first heading; {0}: nothing */
};
/* In `a`. ERR_UNSUPPORTED_FILE: a kind that cannot be read; ERR_FILE_PARSE, ERR_FILE_TOO_LARGE, ERR_EMPTY_FILE. */
bool file_text(struct arena *a, struct str name, struct str bytes, const _Atomic bool *cancelled, struct file_text *ret,
	       struct err *e);
