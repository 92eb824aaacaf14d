/* multipart_fuzz.c - any bytes, cut anywhere: what is told must not depend on the cuts. The first byte says how; the
 * first line is the Content-Type. */
#include <assert.h>

#include "wire/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	struct multipart m;
	struct buf b;
};

static bool on_part(struct multipart *m, const struct multipart_head *h, struct err *e)
{
	struct seen *s = (struct seen *)m;
	buf_fmt(&s->b, "[%zu|%zu|", h->name.n, h->type.n);
	buf_add(&s->b, h->filename);
	return true;
}

static bool on_bytes(struct multipart *m, struct str bytes, struct err *e)
{
	buf_add(&((struct seen *)m)->b, bytes);
	return true;
}

static bool on_end(struct multipart *m, struct err *e)
{
	buf_byte(&((struct seen *)m)->b, ']');
	return true;
}

static bool feed(struct str type, struct str in, size_t piece, struct seen *s)
{
	static const struct multipart_events events = {on_part, on_bytes, on_end};
	struct err e = {0};
	buf_init(&s->b, 1 << 20);
	bool ok = multipart_init(&s->m, &events, type, 8, &e);
	while (ok && in.n) {
		size_t n = piece < in.n ? piece : in.n;
		ok = multipart_feed(&s->m, (struct str){in.p, n}, &e);
		in.p += n;
		in.n -= n;
	}
	ok = ok && multipart_end(&s->m, &e);
	multipart_release(&s->m);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, cut;
	if (!size)
		return 0;
	struct str in = {(const char *)data + 1, size - 1}, type = str_cut(&in, '\n');
	bool a = feed(type, in, in.n ? in.n : 1, &whole), b = feed(type, in, 1 + data[0] % 16, &cut);
	assert(a == b && (!a || str_eq(buf_str(&whole.b), buf_str(&cut.b))));
	buf_release(&whole.b);
	buf_release(&cut.b);
	return 0;
}
