/* ask_test.c - hosts and their lists, what is asked for, secrets: all that is decided without a connection. */
#include "egress/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"

static void names(void)
{
	static const char *const good[] = {"example.com",           "a-b.c_d.example", "localhost",
					   "xn--bcher-kva.example", "1.example",       "a"};
	static const char *const bad[] = {"",
					  ".",
					  "a.",
					  ".a",
					  "a..b",
					  "1.2.3.4",
					  "127.1",
					  "0x7f.1",
					  "2130706433",
					  "017700000001",
					  "0x7f000001",
					  "::1",
					  "[::1]",
					  "a b",
					  "a/b",
					  "a@b",
					  "a%2eb",
					  "b\xc3\xbc"
					  "cher.example",
					  "a:80"};
	char label[70];
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		CHECK(host_fits(str_of(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!host_fits(str_of(bad[i])));
	memset(label, 'a', sizeof label);
	CHECK(host_fits((struct str){label, 63}) && !host_fits((struct str){label, 64}));
	CHECK(!host_fits((struct str){"a\0b", 3}));
	CHECK(host_entry_fits(S("*")) && host_entry_fits(S("*.a.b")) && !host_entry_fits(S("*a.b")) &&
	      !host_entry_fits(S("a.*.b")) && !host_entry_fits(S("*.")) && !host_entry_fits(S("https://a.b")) &&
	      !host_entry_fits(S("*.1.2.3.4")));
}

static void lists(void)
{
	static const struct str some[] = {STR("example.com"), STR("*.Below.org")};
	const struct host_list l = {some, 2}, all = {(const struct str[]){STR("*")}, 1}, none = {0};
	CHECK(host_in(&l, S("example.com")) && host_in(&l, S("EXAMPLE.com")) && host_in(&l, S("a.example.com")));
	CHECK(!host_in(&l, S("notexample.com")) && !host_in(&l, S("example.com.evil.org")) && !host_in(&l, S("com")));
	CHECK(host_in(&l, S("a.below.org")) && !host_in(&l, S("below.org")));
	CHECK(host_in(&all, S("x.y")) && !host_in(&none, S("x.y")));
	CHECK(host_covered(&l, S("a.example.com")) && host_covered(&l, S("*.example.com")) &&
	      host_covered(&l, S("*.b.below.org")));
	CHECK(!host_covered(&l, S("below.org")) && !host_covered(&l, S("*.com")) && !host_covered(&l, S("*")) &&
	      host_covered(&all, S("*")));
}

static enum refusal ask_of(const char *text, struct ask *ret, struct buf *out)
{
	static const struct secret secrets[] = {{STR("api.example"), STR("KEY"), STR("s3cret"), STR("secret-0")}};
	struct http h;
	struct err e = {0};
	struct str in = str_of(text);
	struct buf credentials;
	bool some;
	buf_init(&credentials, 4096);
	http_init(&h, NULL);
	enum refusal r = http_feed(&h, &in, &e) == STEP_HEAD ? ask_read(&h, ret) : REFUSAL_MALFORMED;
	if (!r && out)
		ask_write(&h, ret, secrets, 1, out, &some, &credentials);
	buf_release(&credentials);
	http_release(&h);
	return r;
}

static void asked(void)
{
	static const struct {
		const char *text, *host;
		int port;
		enum refusal r;
	} rows[] = {
	    {"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", "a.example", 443, REFUSAL_NONE},
	    {"CONNECT A.Example.:443 HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example", 443, REFUSAL_NONE},
	    {"GET http://a.example/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n", "a.example", 80, REFUSAL_NONE},
	    {"GET HTTP://a.example:8080 HTTP/1.1\r\nHost: a.example:8080\r\n\r\n", "a.example", 8080, REFUSAL_NONE},
	    {"CONNECT a.example HTTP/1.1\r\nHost: a.example\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"CONNECT a.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"CONNECT a.example:0 HTTP/1.1\r\nHost: a.example:0\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"CONNECT a.example:65979 HTTP/1.1\r\nHost: a.example:65979\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"CONNECT a.example:-443 HTTP/1.1\r\nHost: a.example:-443\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n", "", 0, REFUSAL_NO_NAME},
	    {"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n", "", 0, REFUSAL_NO_NAME},
	    {"CONNECT 0x7f.1:443 HTTP/1.1\r\nHost: 0x7f.1:443\r\n\r\n", "", 0, REFUSAL_NO_NAME},
	    {"GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"GET http://a.example:81/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"GET http://a.example/ HTTP/1.1\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"GET http://u@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"GET http://a.example@b.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"GET http://a.example\\.b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"GET http://a.example/#x HTTP/1.1\r\nHost: a.example\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"GET https://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"GET ftp://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nTransfer-Encoding: "
	     "chunked\r\n\r\n",
	     "", 0, REFUSAL_MALFORMED},
	    {"POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "", 0,
	     REFUSAL_MALFORMED},
	    {"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nX : y\r\n\r\n", "", 0, REFUSAL_MALFORMED},
	    {"GET http://a.example/ HTTP/1.1\nHost: a.example\n\n", "", 0, REFUSAL_MALFORMED},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct ask a = {0};
		enum refusal r = ask_of(rows[i].text, &a, NULL);
		CHECK(r == rows[i].r);
		if (r != rows[i].r)
			printf("# row %zu: %s instead of %s\n", i, refusal_name(r), refusal_name(rows[i].r));
		CHECK(r || (strcmp(a.host, rows[i].host) == 0 && a.port == rows[i].port));
	}
}

static void written(void)
{
	struct ask a;
	struct buf b;
	buf_init(&b, 1 << 16);
	CHECK(!ask_of(
	    "POST http://api.example?q HTTP/1.1\r\nHost: api.example\r\nConnection: x-hop, close\r\nX-Hop: 1\r\n"
	    "Proxy-Authorization: Basic eA==\r\nUpgrade: h2c\r\nAuthorization: Bearer secret-0\r\nAccept-Encoding: "
	    "gzip\r\n"
	    "Content-Length: 3\r\n\r\nabc",
	    &a, &b));
	CHECK_STR(buf_str(&b), S("POST /?q HTTP/1.1\r\nHost: api.example\r\nAuthorization: Bearer s3cret\r\n"
				 "Accept-Encoding: identity\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"));
	buf_clear(&b);
	CHECK(!ask_of(
	    "GET http://other.api.example:8080/ HTTP/1.1\r\nHost: other.api.example:8080\r\nX: secret-0\r\n\r\n", &a,
	    &b));
	CHECK_STR(buf_str(&b),
		  S("GET / HTTP/1.1\r\nHost: other.api.example:8080\r\nX: secret-0\r\nConnection: close\r\n\r\n"));
	buf_release(&b);
}

/* "user:secret-0" becomes "user:s3cret", in the first Authorization alone; what is not such is left as it is. */
static void basic(void)
{
	static const char head[] = "GET http://api.example/ HTTP/1.1\r\nHost: api.example\r\n";
	static const struct {
		const char *sent, *got;
	} all[] = {{"Authorization: Basic dXNlcjpzZWNyZXQtMA==", "Authorization: Basic dXNlcjpzM2NyZXQ="},
		   {"authorization: bAsIc  dXNlcjpzZWNyZXQtMA", "authorization: Basic dXNlcjpzM2NyZXQ="},
		   {"Authorization: Basic dXNlcjpvdGhlcg==", "Authorization: Basic dXNlcjpvdGhlcg=="},
		   {"Authorization: Basic !!", "Authorization: Basic !!"},
		   {"Authorization: Basic ", "Authorization: Basic"},
		   {"X: Basic dXNlcjpzZWNyZXQtMA==", "X: Basic dXNlcjpzZWNyZXQtMA=="}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char text[512], want[512];
		struct ask a;
		struct buf out;
		buf_init(&out, 4096);
		snprintf(text, sizeof text, "%s%s\r\n\r\n", head, all[i].sent);
		snprintf(want, sizeof want, "GET / HTTP/1.1\r\nHost: api.example\r\n%s\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n",
			 all[i].got);
		CHECK(ask_of(text, &a, &out) == REFUSAL_NONE);
		CHECK_STR(buf_str(&out), str_of(want));
		buf_release(&out);
	}
}

/* However bytes are cut, no secret of the host passes, and nothing else is changed. */
static void veiled(void)
{
	static const struct secret list[] = {{STR("h"), STR("A"), STR("abcab"), STR("secret-1")},
					     {STR("h"), STR("B"), STR("cabX"), STR("secret-2")},
					     {STR("other"), STR("C"), STR("zzz"), STR("secret-3")}};
	const struct str text = S("abcabX zzz QmFz== ababcab cab QmF abcabcab ab");
	for (size_t cut = 0; cut <= text.n; cut++)
		for (size_t again = cut; again <= text.n; again++) {
			struct secret_veil v;
			struct buf out;
			buf_init(&out, 4096);
			secret_veil_init(&v, list, 3, S("h"), S("QmFz=="));
			secret_veil_pass(&v, (struct str){text.p, cut}, false, &out);
			secret_veil_pass(&v, (struct str){text.p + cut, again - cut}, false, &out);
			secret_veil_pass(&v, (struct str){text.p + again, text.n - again}, true, &out);
			CHECK_STR(buf_str(&out), S("*****X zzz ****** ab***** cab QmF *****cab ab"));
			secret_veil_release(&v);
			buf_release(&out);
		}
	CHECK(secret_value_fits(S("a b")) && !secret_value_fits(S("a\r\nX: y")) && !secret_value_fits(S("")));
	CHECK(secret_name_fits(S("_A1")) && !secret_name_fits(S("1A")) && !secret_name_fits(S("A=B")) &&
	      !secret_name_fits(S("")));
}

static void refusals(void)
{
	struct buf b;
	buf_init(&b, 4096);
	refusal_write(REFUSAL_NOT_ALLOWED, "a.example", &b);
	CHECK(str_starts(buf_str(&b), S("HTTP/1.1 403 Forbidden\r\n")) &&
	      strstr(b.p, "Antiphon-Refused: NOT_ALLOWED\r\n") &&
	      strstr(b.p, "\r\n\r\na.example is not among the hosts"));
	const char *length = strstr(b.p, "Content-Length: "), *body = strstr(b.p, "\r\n\r\n");
	CHECK(length && body && strtoul(length + 16, NULL, 10) == b.n - (size_t)(body + 4 - b.p));
	buf_release(&b);
}

static const struct test_case cases[] = {
    {"what is a host's name", names}, {"who is in a list", lists},  {"what is asked for", asked},
    {"what the host gets", written}, {"basic", basic},  {"no secret passes", veiled}, {"refusals", refusals},
};

int main(void)
{
	return test_main(cases, sizeof cases / sizeof *cases);
}
