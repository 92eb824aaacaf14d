/* ask_fuzz.c - any bytes as a request to the proxy: who is asked for has a name, and what is written for him is one
 * request to him. */
#include <assert.h>
#include <string.h>

#include "egress/ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct secret secrets[] = {{STR("a.b"), STR("K"), STR("v4lue"), STR("stand-in")},
					{STR("c"), STR("L"), STR("v4"), STR("stand")}};

static void drop(struct http *h, struct str piece)
{
	(void)h;
	(void)piece;
}

/* What is written is read as it was meant: by the same parser, as a request with that Host and nothing behind it. */
static void read_back(const struct ask *a, struct str text)
{
	struct http h;
	struct err e = {0};
	struct str in = text, host;
	http_init(&h, drop);
	enum http_step step = http_feed(&h, &in, &e);
	assert(step == STEP_HEAD || e.code == ERR_HEAD_TOO_LARGE || e.code == ERR_EXPECTATION);
	if (step == STEP_HEAD) {
		host = http_field(&h, S("host"));
		assert(str_starts(host, str_of(a->host)) && in.n == 0 && str_starts(h.target, S("/")));
		assert(str_eq(http_field(&h, S("connection")), S("close")));
	}
	http_release(&h);
}

static void veil(struct str text, size_t cut)
{
	struct secret_veil v;
	struct buf out;
	buf_init(&out, SIZE_MAX / 2);
	secret_veil_init(&v, secrets, 2, S("a.b"), (struct str){0});
	secret_veil_pass(&v, (struct str){text.p, cut}, false, &out);
	secret_veil_pass(&v, (struct str){text.p + cut, text.n - cut}, true, &out);
	assert(out.n == text.n);
	assert(!out.n || !memmem(out.p, out.n, "v4lue", 5));
	secret_veil_release(&v);
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = {(const char *)data, n}, in = text;
	struct http h;
	struct err e = {0};
	struct ask a, inner;
	struct buf out, credentials;
	bool some;
	if (n)
		veil(text, data[0] % (n + 1));
	buf_init(&out, SIZE_MAX / 2);
	buf_init(&credentials, SIZE_MAX / 2);
	http_init(&h, drop);
	if (http_feed(&h, &in, &e) == STEP_HEAD && ask_read(&h, &a) == REFUSAL_NONE) {
		assert(host_fits(str_of(a.host)) && a.port >= 1 && a.port <= 65535);
		if (!a.tunnel) {
			ask_write(&h, &a, secrets, 2, &out, &some, &credentials);
			buf_byte(&out, 0);
			read_back(&a, (struct str){out.p, out.n - 1});
		}
		assert(!a.tunnel || !ask_within(&h, &a, &inner));
	}
	http_release(&h);
	buf_release(&credentials);
	buf_release(&out);
	return 0;
}
