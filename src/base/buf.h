/* buf.h - a growable byte buffer with a maximum.
 *
 * {0} is unusable: buf_init() sets the maximum. Going past it sets `over`, drops the bytes and
 * keeps what was there; the caller asks once, at the end (`if (b.over) fail(...)`).
 * Small, since an open stream has thirty of them. One thread at a time. */
#pragma once
#include "base/str.h"

struct buf {
	char *p;
	size_t n, cap;
	size_t max : 63;
	bool over : 1; /* something was dropped because of max */
};

void buf_init(struct buf *b, size_t max);
/* Frees the bytes; the buffer is empty and usable again with the same maximum. */
void buf_release(struct buf *b);
/* Empties without freeing (frees when the capacity exceeds 64 KB). */
void buf_clear(struct buf *b);
void buf_add(struct buf *b, struct str s);
void buf_byte(struct buf *b, char c);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for n more bytes and returns where they go, or NULL when max forbids (sets over).
 * The caller then writes up to n bytes and adds what it wrote to b->n. */
char *buf_room(struct buf *b, size_t n);
/* It can take n bytes in all without growing, and has no more room than that if it had less: for what is kept long. */
void buf_reserve(struct buf *b, size_t n);
/* Gives back the room that it does not use: likewise. */
void buf_trim(struct buf *b);
/* Drops n bytes from the front. */
void buf_drop(struct buf *b, size_t n);
static inline struct str buf_str(const struct buf *b)
{
	return (struct str){b->p ? b->p : "", b->n};
}
