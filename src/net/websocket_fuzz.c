/* websocket_fuzz.c - any bytes as WebSocket frames, in pieces: the reader must not crash, hold more than its limit, or
 * see other texts when the cuts differ. (When it ends may differ: wslay looks at the reason in a close frame piece by
 * piece.) The first byte chooses the pieces' size. */
#include <assert.h>

#include "loop/loop.h"
#include "net/frames.h"

struct seen {
	struct frames frames;
	uint64_t sum; /* of everything that was understood */
};

static void mix(struct seen *s, struct str bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		s->sum = s->sum * 31 + (uint8_t)bytes.p[i] + 1;
	s->sum = s->sum * 31 + 7;
}

static void on_text(struct frames *f, struct str text)
{
	struct seen *s = OWNER(f, struct seen, frames);
	assert(text.n <= (size_t)net_limits.frame_bytes);
	mix(s, text);
}

/* One connection's bytes; returns what was understood. */
static uint64_t run(const char *p, size_t n, size_t piece)
{
	static struct seen s;
	struct buf out;
	bool more = true;
	s = (struct seen){.sum = 7};
	buf_init(&out, 1 << 24);
	frames_init(&s.frames, on_text);
	for (size_t at = 0; at < n && more; at += piece) {
		more = frames_feed(&s.frames, (struct str){p + at, n - at < piece ? n - at : piece}, &out);
		assert(s.frames.body.bytes.n <= (size_t)net_limits.frame_bytes);
	}
	frames_release(&s.frames);
	buf_release(&out);
	assert(body_inflight() == 0);
	return s.sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 2)
		return 0;
	net_limits.frame_bytes = 4096;
	const char *p = (const char *)data + 1;
	uint64_t whole = run(p, n - 1, n);
	uint64_t cut = run(p, n - 1, data[0] ? data[0] : 1);
	assert(whole == cut);
	(void)whole;
	(void)cut;
	return 0;
}
