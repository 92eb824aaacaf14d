/* http_test.c - requests out of bytes, at every cut, and bodies out of pieces. */
#include "net/http.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/arena.h"
#include "base/test.h"
#include "net/body.h"

/* What was understood, as text: "POST /a?b [host=h] 5 hello|" a message. */
struct seen {
	struct http http;
	struct buf text, body;
	unsigned n_fields; /* of the head */
	struct err err;
};

static void on_piece(struct http *h, struct str piece)
{
	buf_add(&OWNER(h, struct seen, http)->body, piece);
}

static void feed(struct seen *s, struct str in)
{
	for (;;) {
		switch (http_feed(&s->http, &in, &s->err)) {
		case STEP_MORE:
			return;
		case STEP_BAD:
			buf_fmt(&s->text, "%d", err_rows[s->err.code].status);
			return;
		case STEP_HEAD:
			buf_fmt(&s->text, "%.*s %.*s", FMT(s->http.method_text), FMT(s->http.target));
			s->n_fields = s->http.n_fields;
			for (unsigned i = 0; i < s->http.n_fields; i++) {
				struct http_field f = s->http.fields[i];
				struct str value = str_trim((struct str){s->http.text.p + f.value, f.n_value});
				buf_fmt(&s->text, " [%.*s=%.*s]", (int)f.n_name, s->http.text.p + f.name, FMT(value));
			}
			buf_fmt(&s->text, " %s%s%s%llu", s->http.keep_alive ? "keep " : "",
				s->http.chunked ? "chunked " : "", s->http.expect_continue ? "expect " : "",
				(unsigned long long)s->http.length);
			break;
		case STEP_END:
			CHECK(s->http.n_fields == s->n_fields); /* trailers are no headers */
			buf_fmt(&s->text, " %.*s|", FMT(buf_str(&s->body)));
			buf_clear(&s->body);
			http_next(&s->http);
			break;
		}
	}
}

static void begin(struct seen *s)
{
	*s = (struct seen){0};
	http_init(&s->http, on_piece);
	buf_init(&s->text, 1 << 20);
	buf_init(&s->body, 1 << 20);
}

static void finish(struct seen *s)
{
	http_release(&s->http);
	buf_release(&s->text);
	buf_release(&s->body);
}

/* In one piece, cut in two at every place, and byte by byte: always `want`. */
static void expect(struct str in, struct str want)
{
	for (size_t cut = 0; cut <= in.n + 1; cut++) {
		struct seen s;
		begin(&s);
		if (cut <= in.n) {
			feed(&s, (struct str){in.p, cut});
			if (s.err.code == ERR_NONE)
				feed(&s, (struct str){in.p + cut, in.n - cut});
		} else {
			for (size_t i = 0; i < in.n && s.err.code == ERR_NONE; i++)
				feed(&s, (struct str){in.p + i, 1});
		}
		CHECK_STR(buf_str(&s.text), want);
		finish(&s);
	}
}

static void messages(void)
{
	expect(S("GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n"), S("GET /a?b [Host=h] keep 0 |"));
	expect(S("\r\nPOST / HTTP/1.1\r\nHost:h:1\r\nX-Empty:\r\nX-B:  b \t\r\nContent-Length: 5\r\n\r\nhello"
		 "HEAD /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
	       S("POST / [Host=h:1] [X-Empty=] [X-B=b] [Content-Length=5] keep 5 hello|HEAD /2 [Host=h] "
		 "[Connection=close] 0 |"));
	expect(S("POST /c HTTP/1.1\r\nhost: h\r\ntransfer-encoding: Chunked\r\nexpect: 100-continue\r\n\r\n"
		 "3;x=y\r\nabc\r\n02\r\nde\r\n0\r\nTrailer: t\r\n\r\nGET / HTTP/1.0\r\n\r\n"),
	       S("POST /c [host=h] [transfer-encoding=Chunked] [expect=100-continue] keep chunked expect 0 abcde|GET / "
		 "0 |"));
	expect(S("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET /2 "
		 "HTTP/1.1\r\nHost: h\r\n\r\n"),
	       S("GET / [Host=h] [Connection=Upgrade] [Upgrade=websocket] keep 0 |GET /2 [Host=h] keep 0 |"));
	expect(S("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), S("OPTIONS * [Host=h] keep 0 |"));
	expect(S("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n"), S("CONNECT h:1 [Host=h] 0 |"));
}

static void refusals(void)
{
	static const struct str bad[] = {
	    STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	    STR("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n"),
	    STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +2048\r\n\r\n"),
	    STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1 2\r\n\r\n"),
	    STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n"),
	    STR("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\r\n"),
	    STR("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n"),
	    STR("GET / HTTP/1.1\r\nHost : h\r\n\r\n"),
	    STR("GET / HTTP/1.1\nHost: h\n\n"),
	    STR("GET / HTTP/1.1\r\nHost: h\r\nA: b\nC: d\r\n\r\n"),
	    STR("GET / HTTP/1.1\r\nHost: h\r\nA: b\rC: d\r\n\r\n"),
	    STR("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n"),
	    STR("GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n"),
	    STR("GET / HTTP/1.1\r\nA: b\r\n\r\n"),
	    STR("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
	    STR("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
	    STR("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"),
	    STR("GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		expect(bad[i], S("400"));
	expect(S("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x800\r\n"),
	       S("POST / [Host=h] [Transfer-Encoding=chunked] keep chunked 0400"));
	expect(S("POST / HTTP/1.1\r\nHost: h\r\nExpect: wonders\r\n\r\n"), S("417"));
}

static void head_limits(void)
{
	struct net_limits had = net_limits;
	static const char request[] = "GET /1234567890 HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
	net_limits.head_bytes = sizeof request - 1;
	expect(S("GET /1234567890 HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n"), S("GET /1234567890 [Host=h] [A=b] keep 0 |"));
	expect(S("GET /12345678901 HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n"), S("431"));
	expect(S("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"),
	       S("431"));
	net_limits.header_count = 1;
	expect(S("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n"), S("431"));
	net_limits = had;
	net_limits.head_bytes = 70;
	/* Framing and trailers count, what they frame does not. */
	expect(S("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n1"
		 "\r\na\r\n1\r\na\r\n"
		 "0\r\n\r\n"),
	       S("POST / [Host=h] [Transfer-Encoding=chunked] keep chunked 0 aaaaaaaaaaaa|"));
	struct seen s;
	begin(&s);
	feed(&s, S("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
	for (int i = 0; i < 200 && s.err.code == ERR_NONE; i++)
		feed(&s, i ? S("x") : S("1;"));
	CHECK(s.err.code == ERR_HEAD_TOO_LARGE);
	finish(&s);
	net_limits = had;
}

static void targets(void)
{
	static const struct str rows[][3] = {
	    {STR("/a?b=c?d"), STR("/a"), STR("b=c?d")},
	    {STR("/a"), STR("/a"), STR("")},
	    {STR("/a#x?y"), STR("/a"), STR("")},
	    {STR("http://h:80/p?q"), STR("/p"), STR("q")},
	    {STR("https://h"), STR("/"), STR("")},
	    {STR("http://h?q=/"), STR("/"), STR("q=/")},
	    {STR("*"), STR("*"), STR("")},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct str path, query;
		http_split_target(rows[i][0], &path, &query);
		CHECK_STR(path, rows[i][1]);
		CHECK_STR(query, rows[i][2]);
	}
}

/* --- bodies --- */

enum { PLAIN = 200000 };
static char plain[PLAIN], wire[PLAIN + 4096];

static size_t deflate_into(int bits)
{
	z_stream z = {0};
	deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY);
	z.next_in = (Bytef *)plain;
	z.avail_in = PLAIN;
	z.next_out = (Bytef *)wire;
	z.avail_out = sizeof wire;
	deflate(&z, Z_FINISH);
	size_t n = z.total_out;
	deflateEnd(&z);
	return n;
}

static size_t code(struct str coding)
{
	if (str_eq(coding, S("zstd")))
		return ZSTD_compress(wire, sizeof wire, plain, PLAIN, 3);
	return deflate_into(str_eq(coding, S("gzip")) ? 31 : 15);
}

/* Inflates n bytes of `wire` in pieces; returns the failure. */
static enum err_code inflate_pieces(struct str coding, size_t n, size_t piece, struct str want)
{
	struct body b;
	struct err e = {0};
	body_init(&b);
	bool ok = body_begin(&b, coding, 0, &e);
	for (size_t at = 0; ok && at < n; at += piece)
		ok = body_feed(&b, (struct str){wire + at, n - at < piece ? n - at : piece}, &e);
	ok = ok && body_end(&b, &e);
	if (ok)
		CHECK(str_eq(buf_str(&b.bytes), want));
	CHECK(body_inflight() == b.counted);
	body_release(&b);
	CHECK(body_inflight() == 0);
	return e.code;
}

static void codings(void)
{
	static const struct str names[] = {STR("gzip"), STR("deflate"), STR("zstd")};
	struct net_limits had = net_limits;
	for (size_t i = 0; i < PLAIN; i++)
		plain[i] = (char)(i * i / 77 % 90);
	for (size_t c = 0; c < 3; c++) {
		struct str all = {plain, PLAIN};
		size_t n = code(names[c]);
		for (size_t piece = 1; piece < 300; piece += 7)
			CHECK(inflate_pieces(names[c], n, piece, all) == ERR_NONE);
		CHECK(inflate_pieces(names[c], n, n, all) == ERR_NONE);
		CHECK(inflate_pieces(names[c], n - 1, n, all) == ERR_BAD_REQUEST);
		net_limits.body_bytes = PLAIN;
		CHECK(inflate_pieces(names[c], n, n, all) == ERR_NONE);
		net_limits.body_bytes = PLAIN - 1;
		CHECK(inflate_pieces(names[c], n, 100, all) == ERR_TOO_LARGE);
		net_limits = had;
		net_limits.inflight_bytes = PLAIN - 1;
		CHECK(inflate_pieces(names[c], n, 100, all) == ERR_UNAVAILABLE);
		net_limits = had;
		memset(wire, 0, n / 2);
		CHECK(inflate_pieces(names[c], n, n, all) == ERR_BAD_REQUEST);
	}
	struct body old;
	struct err e = {0};
	body_init(&old);
	CHECK(body_begin(&old, S("zstd"), 0, &e));
	/* A frame of version 0.5: refused before its decoder sees it. */
	CHECK(!body_feed(&old, S("\x25\xb5\x2f\xfd\0\0\0\x29\0\0hello"), &e));
	body_release(&old);
	CHECK(inflate_pieces(S("br"), 0, 1, S("")) == ERR_MEDIA_TYPE);
	CHECK(inflate_pieces(S("gzip, gzip"), 0, 1, S("")) == ERR_MEDIA_TYPE);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"messages at every cut", messages},
	    {"refusals at every cut", refusals},
	    {"limits of heads, framing and trailers", head_limits},
	    {"targets", targets},
	    {"codings in pieces", codings},
	};
	return test_main(tests, sizeof tests / sizeof tests[0]);
}
