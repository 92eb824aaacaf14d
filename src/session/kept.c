/* kept.c - what a program puts out, in bounded room: all of it, or its beginning and its end. */
#include "session/kept.h"

#include <string.h>

void kept_init(struct kept *k, size_t most)
{
	*k = (struct kept){0};
	buf_init(&k->head, most - most / 2);
	buf_init(&k->ring, most / 2);
}

void kept_release(struct kept *k)
{
	buf_release(&k->head);
	buf_release(&k->ring);
	k->at = 0;
	k->left_out = 0;
}

/* Over the oldest bytes; s is no longer than the ring. */
static void kept_turn(struct kept *k, struct str s)
{
	size_t first = k->ring.n - k->at;
	first = first < s.n ? first : s.n;
	memcpy(k->ring.p + k->at, s.p, first);
	memcpy(k->ring.p, s.p + first, s.n - first);
	k->at = (k->at + s.n) % k->ring.n;
	k->left_out += (int64_t)s.n;
}

void kept_add(struct kept *k, struct str s)
{
	size_t n = k->head.max - k->head.n;
	n = n < s.n ? n : s.n;
	buf_add(&k->head, (struct str){s.p, n});
	s = (struct str){s.p + n, s.n - n};
	if (s.n > k->ring.max) { /* its own end is the end */
		k->left_out += (int64_t)(s.n - k->ring.max);
		s = (struct str){s.p + s.n - k->ring.max, k->ring.max};
	}
	n = k->ring.max - k->ring.n;
	n = n < s.n ? n : s.n;
	buf_add(&k->ring, (struct str){s.p, n});
	if (n < s.n)
		kept_turn(k, (struct str){s.p + n, s.n - n});
}

void kept_end(const struct kept *k, struct buf *to)
{
	struct str ring = buf_str(&k->ring);
	buf_add(to, (struct str){ring.p + k->at, ring.n - k->at});
	buf_add(to, (struct str){ring.p, k->at});
}
