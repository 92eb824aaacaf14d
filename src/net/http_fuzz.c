/* http_fuzz.c - any bytes as requests, in pieces: the parser and the body's codings must not crash, hold more than
 * their limits, or see another request when the cuts differ. The first byte chooses the pieces' size. */
#include <assert.h>

#include "net/body.h"
#include "net/http.h"

struct seen {
	struct http http;
	struct body body;
	struct err err;
	uint64_t sum; /* of everything that was understood */
};

static void mix(struct seen *s, struct str bytes)
{
	for (size_t i = 0; i < bytes.n; i++)
		s->sum = s->sum * 31 + (uint8_t)bytes.p[i] + 1;
}

static void on_piece(struct http *h, struct str piece)
{
	struct seen *s = OWNER(h, struct seen, http);
	if (s->err.code == ERR_NONE)
		body_feed(&s->body, piece, &s->err);
}

static void on_head(struct seen *s)
{
	struct str path, query;
	mix(s, s->http.target);
	mix(s, http_field(&s->http, S("host")));
	http_split_target(s->http.target, &path, &query);
	assert(path.n + query.n <= s->http.target.n + 1);
	body_begin(&s->body, http_field(&s->http, S("content-encoding")), s->http.length, &s->err);
}

/* One connection's bytes; returns what was understood. */
static uint64_t run(const char *p, size_t n, size_t piece)
{
	static struct seen s;
	s = (struct seen){.sum = 7};
	http_init(&s.http, on_piece);
	body_init(&s.body);
	for (size_t at = 0; at < n && s.err.code == ERR_NONE; at += piece) {
		struct str in = {p + at, n - at < piece ? n - at : piece};
		enum http_step got = STEP_HEAD;
		while (got != STEP_MORE && s.err.code == ERR_NONE) {
			got = http_feed(&s.http, &in, &s.err);
			assert(s.http.text.n <= (size_t)net_limits.head_bytes);
			assert(s.body.bytes.n <= (size_t)net_limits.body_bytes);
			if (got == STEP_HEAD)
				on_head(&s);
			if (got == STEP_END) {
				if (s.err.code == ERR_NONE && body_end(&s.body, &s.err))
					mix(&s, buf_str(&s.body.bytes));
				http_next(&s.http);
				body_reset(&s.body);
				if (in.n == 0)
					break;
			}
		}
	}
	if (s.err.code != ERR_NONE)
		mix(&s, S("bad"));
	http_release(&s.http);
	body_release(&s.body);
	assert(body_inflight() == 0);
	return s.sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 2)
		return 0;
	net_limits.head_bytes = 2048;
	net_limits.header_count = 20;
	net_limits.body_bytes = 65536;
	const char *p = (const char *)data + 1;
	uint64_t whole = run(p, n - 1, n);
	uint64_t cut = run(p, n - 1, data[0] ? data[0] : 1);
	assert(whole == cut);
	(void)whole;
	(void)cut;
	return 0;
}
