/* body.h - a request's body: inflated while it comes, bounded while it grows.
 *
 * Bounds: net_limits.body_bytes for one body after decompression (413), net_limits.inflight_bytes for all
 * bodies of the process together (503). A body that is damaged is 400, a coding that is unknown 415.
 * Loop thread; the count of bytes in flight is shared by all threads. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct body_coding; /* gzip, deflate, zstd */

struct body {
	struct buf bytes;
	const struct body_coding *coding; /* NULL: identity */
	void *state;                      /* the coding's */
	bool ended;                       /* at the start or the end of what the coding frames */
	size_t counted;                   /* bytes of ours that are counted as in flight */
};

void body_init(struct body *b);
/* `coding`: the Content-Encoding header or {0}; `length`: Content-Length, 0 when unknown. */
bool body_begin(struct body *b, struct str coding, uint64_t length, struct err *e);
bool body_feed(struct body *b, struct str in, struct err *e);
/* false when the compressed data is cut off. */
bool body_end(struct body *b, struct err *e);
/* Forgets the bytes and what they count for; usable again with body_begin(). */
void body_reset(struct body *b);
void body_release(struct body *b);
/* Bytes of all bodies of this process; for tests and numbers. */
size_t body_inflight(void);
