/* sse_fuzz.c - any bytes, cut anywhere: the events must not depend on the cuts. The first byte says how. */
#include <assert.h>

#include "wire/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool note(void *ctx, struct str event, struct str data)
{
	buf_add(ctx, event);
	buf_byte(ctx, '|');
	buf_add(ctx, data);
	buf_byte(ctx, '\n');
	return true;
}

static bool feed(struct str in, size_t piece, struct buf *seen)
{
	struct sse s;
	struct sse_resume resume;
	struct err e = {0};
	bool ok = true;
	sse_init(&s, 512, &resume);
	while (ok && in.n) {
		size_t n = piece < in.n ? piece : in.n;
		ok = sse_feed(&s, (struct str){in.p, n}, note, seen, &e);
		in.p += n;
		in.n -= n;
	}
	buf_fmt(seen, "%lld %.*s", (long long)resume.retry_ms, FMT(buf_str(&resume.id)));
	sse_release(&s);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, cut;
	if (!size)
		return 0;
	struct str in = {(const char *)data + 1, size - 1};
	buf_init(&whole, 1 << 20);
	buf_init(&cut, 1 << 20);
	bool a = feed(in, in.n, &whole), b = feed(in, 1 + data[0] % 16, &cut);
	assert(a == b && str_eq(buf_str(&whole), buf_str(&cut)));
	buf_release(&whole);
	buf_release(&cut);
	return 0;
}
