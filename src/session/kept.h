/* kept.h - what a program puts out, in bounded room: all of it, or its beginning and its end.
 *
 * Headings stand at the beginning, errors at the end; what lies between is counted. One thread at a time. */
#pragma once
#include "base/buf.h"

struct kept {
	struct buf head, ring; /* ring: the last bytes, the oldest of them at `at` */
	size_t at;
	int64_t left_out; /* bytes that are no longer there */
};

/* At most so many bytes of it are kept. */
void kept_init(struct kept *k, size_t most);
/* It is empty, and usable again. */
void kept_release(struct kept *k);
void kept_add(struct kept *k, struct str s);
/* Its end, behind `head`, is added. Where nothing was left out, both are one text. */
void kept_end(const struct kept *k, struct buf *to);
