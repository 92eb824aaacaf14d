/* buf.c - a growable byte buffer with a maximum. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

enum { KEEP = 64 * 1024, SMALLEST = 128 };

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max & SIZE_MAX >> 1};
}

void buf_release(struct buf *b)
{
	xfree(b->p);
	*b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
	if (b->cap > KEEP)
		buf_release(b);
	b->n = 0;
	b->over = false;
}

char *buf_room(struct buf *b, size_t n)
{
	if (n > b->max || b->n > b->max - n) {
		b->over = true;
		return NULL;
	}
	if (b->n + n > b->cap) {
		size_t cap = b->cap ? b->cap : SMALLEST;
		while (cap < b->n + n)
			cap *= 2;
		b->p = xrealloc(b->p, cap);
		b->cap = cap;
	}
	return b->p + b->n;
}

void buf_reserve(struct buf *b, size_t n)
{
	if (n <= b->cap || n > b->max)
		return;
	b->p = xrealloc(b->p, n);
	b->cap = n;
}

void buf_trim(struct buf *b)
{
	if (b->n == 0)
		buf_release(b);
	else if (b->n < b->cap)
		b->p = xrealloc(b->p, b->cap = b->n);
}

void buf_add(struct buf *b, struct str s)
{
	char *at = buf_room(b, s.n);
	if (at && s.n) {
		memcpy(at, s.p, s.n);
		b->n += s.n;
	}
}

void buf_byte(struct buf *b, char c)
{
	char *at = buf_room(b, 1);
	if (at) {
		*at = c;
		b->n++;
	}
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *at = n < 0 ? NULL : buf_room(b, (size_t)n + 1);
	if (!at)
		return;
	va_start(ap, fmt);
	vsnprintf(at, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

void buf_drop(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}
