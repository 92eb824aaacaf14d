/* batch_file.h - the lines of an input file, one after the other. Blocks: worker threads.
 *
 * Lines end with LF or CRLF; empty ones are counted and left out; a byte order mark is no part of the first. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct blob_in;

struct batch_file {
	struct blob_in *blob;
	int64_t at, line; /* where the next line begins, and how many lines lie before it */
	struct buf buf;   /* what was read; from `pos` on it is ahead */
	size_t pos;
};
void batch_file_start(struct batch_file *f, struct blob_in *blob, int64_t at, int64_t line);
void batch_file_release(struct batch_file *f); /* the blob is the caller's */

struct batch_file_line {
	struct str text; /* until the next call */
	int64_t line, at;
	bool end;  /* there is no further one */
	bool over; /* it has more than api_limits.batch_line_bytes and was passed over */
};
/* ERR_STORE */
bool batch_file_next(struct batch_file *f, struct batch_file_line *ret, struct err *e);
