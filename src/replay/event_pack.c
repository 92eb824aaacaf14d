/* event_pack.c - events one after the other, each kept as what differs from the one before.
 *
 * An event is: type, sequence number and delta as numbers; where the number stands in the JSON (0: nowhere, else
 * the place + 1); how many bytes of the front and of the end are those of the event before; the bytes between.
 * Numbers are little-endian base 128, signed ones zigzag. */
#include "replay/event_pack.h"

#include <assert.h>
#include <string.h>

enum { NUMBERS = 7 * 10, STEP = 64 }; /* bytes: the numbers before an event's text, at most; how room grows */
enum { KEEP = 512 }; /* bytes: more than that is not held for an event that was larger */

void event_pack_init(struct event_pack *p)
{
	*p = (struct event_pack){.seq = -1};
	buf_init(&p->last, SIZE_MAX / 2);
}

void event_pack_release(struct event_pack *p)
{
	buf_release(&p->last);
	p->seq = -1;
}

/* --- numbers --- */

static void event_pack_put_number(struct buf *b, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		buf_byte(b, (char)(n | 0x80));
	buf_byte(b, (char)n);
}

static uint64_t event_pack_take_number(struct str *in)
{
	uint64_t n = 0;
	for (unsigned shift = 0;; shift += 7) {
		assert(in->n && shift < 64);
		unsigned char c = (unsigned char)*in->p;
		in->p++;
		in->n--;
		n |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return n;
	}
}

static uint64_t zigzag(int64_t n)
{
	return (uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0);
}

static int64_t unzigzag(uint64_t n)
{
	return (int64_t)(n >> 1 ^ (n & 1 ? UINT64_MAX : 0));
}

static struct str digits_of(int64_t n, char room[24])
{
	char *end = room + 24, *p = end;
	uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (n < 0)
		*--p = '-';
	return (struct str){p, (size_t)(end - p)};
}

/* --- what two events share --- */

static size_t same_front(struct str a, struct str b)
{
	size_t most = a.n < b.n ? a.n : b.n, i = 0;
	for (; i + 8 <= most && !memcmp(a.p + i, b.p + i, 8); i += 8)
		;
	while (i < most && a.p[i] == b.p[i])
		i++;
	return i;
}

static size_t same_end(struct str a, struct str b, size_t front)
{
	size_t most = (a.n < b.n ? a.n : b.n) - front, i = 0;
	for (; i + 8 <= most && !memcmp(a.p + a.n - i - 8, b.p + b.n - i - 8, 8); i += 8)
		;
	while (i < most && a.p[a.n - 1 - i] == b.p[b.n - 1 - i])
		i++;
	return i;
}

/* Where the sequence number stands, + 1: events begin with their type and it. 0: not there. */
static size_t find_number(struct str json, struct str digits)
{
	static const char before[] = "\",\"sequence_number\":";
	size_t n = sizeof before - 1, from = json.n < 10 ? json.n : 10; /* behind {"type":" */
	size_t at = from + str_find((struct str){json.p + from, json.n - from}, '"');
	if (json.n < at + n + digits.n + 1 || memcmp(json.p + at, before, n) ||
	    memcmp(json.p + at + n, digits.p, digits.n))
		return 0;
	return at + n + 1;
}

/* The event before becomes this one: `front` of its bytes stay, `middle` follows, then `end` of its bytes. */
static void event_pack_follow(struct event_pack *p, size_t front, struct str middle, size_t end)
{
	size_t n = front + middle.n + end, old = p->last.n;
	if (n > p->last.cap)
		buf_reserve(&p->last, (n + STEP - 1) / STEP * STEP);
	if (end)
		memmove(p->last.p + front + middle.n, p->last.p + old - end, end);
	if (middle.n)
		memcpy(p->last.p + front, middle.p, middle.n);
	p->last.n = n;
}

/* Forgets how large the largest was. */
static void shrink(struct event_pack *p)
{
	if (p->last.cap <= KEEP || p->last.n > KEEP / 2)
		return;
	struct buf small;
	buf_init(&small, p->last.max);
	buf_reserve(&small, (p->last.n + STEP - 1) / STEP * STEP);
	buf_add(&small, buf_str(&p->last));
	buf_release(&p->last);
	p->last = small;
}

/* --- events --- */

void event_pack_add(struct event_pack *p, struct buf *out, const struct packed_event *ev)
{
	char room[24];
	struct str digits = digits_of(ev->seq, room), json = ev->json, last = buf_str(&p->last);
	size_t at = find_number(json, digits), cut = at ? at - 1 : 0, skip = at ? digits.n : 0;
	struct str head = {json.p, cut}, tail = {json.p + cut + skip, json.n - cut - skip};
	/* Front and end of the JSON without its number: of its head first, and on into its tail. */
	size_t front = same_front(head, last), end;
	if (front == head.n)
		front += same_front(tail, (struct str){last.p + front, last.n - front});
	size_t left = last.n - front;
	size_t own = head.n + tail.n - front; /* what is not of the front */
	struct str open = {tail.p + tail.n - (own < tail.n ? own : tail.n), own < tail.n ? own : tail.n};
	end = same_end(open, (struct str){last.p + last.n - left, left}, 0);
	/* By little, not by doubling: thousands wait for their next event at a time. */
	size_t need = out->n + NUMBERS + own - end;
	if (need > out->cap)
		buf_reserve(out, (need + STEP - 1) / STEP * STEP);
	event_pack_put_number(out, ev->type);
	event_pack_put_number(out, zigzag(ev->seq - p->seq - 1));
	event_pack_put_number(out, (uint64_t)(ev->delta + 1));
	event_pack_put_number(out, at);
	event_pack_put_number(out, front);
	event_pack_put_number(out, end);
	event_pack_put_number(out, own - end);
	size_t from = out->n;
	if (front < head.n)
		buf_add(out, (struct str){head.p + front, head.n - front});
	buf_add(out, (struct str){open.p, open.n - end});
	event_pack_follow(p, front, (struct str){out->p + from, out->n - from}, end);
	shrink(p);
	p->seq = ev->seq;
}

void event_pack_take(struct event_pack *p, struct str *in, struct buf *json, struct packed_event *ret)
{
	char room[24];
	ret->type = (unsigned)event_pack_take_number(in);
	ret->seq = p->seq + 1 + unzigzag(event_pack_take_number(in));
	ret->delta = (int64_t)event_pack_take_number(in) - 1;
	size_t at = event_pack_take_number(in), front = event_pack_take_number(in), end = event_pack_take_number(in),
	       n = event_pack_take_number(in);
	assert(n <= in->n && front + end <= p->last.n);
	event_pack_follow(p, front, (struct str){in->p, n}, end);
	in->p += n;
	in->n -= n;
	p->seq = ret->seq;
	struct str bare = buf_str(&p->last);
	size_t cut = at ? at - 1 : 0;
	buf_clear(json);
	buf_add(json, (struct str){bare.p, cut});
	if (at)
		buf_add(json, digits_of(ret->seq, room));
	buf_add(json, (struct str){bare.p + cut, bare.n - cut});
	ret->json = buf_str(json);
}
