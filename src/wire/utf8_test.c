/* utf8_test.c - text that was cut, joined again at every cut. */
#include "wire/utf8.h"

#include <string.h>

#include "base/arena.h"
#include "base/test.h"

/* Joined from pieces of `step` bytes, after the first of `cut`. */
static void check_join(struct str in, size_t cut, size_t step, struct str want)
{
	struct utf8_join j = {0};
	struct buf room, all;
	buf_init(&room, 4096);
	buf_init(&all, 4096);
	for (size_t at = 0, n; at < in.n; at += n) {
		n = at ? step : cut;
		n = n < in.n - at ? n : in.n - at;
		char *piece = xalloc(n); /* so that the sanitizer sees reads beyond it */
		memcpy(piece, in.p + at, n);
		struct str joined = utf8_join(&j, (struct str){piece, n}, &room);
		CHECK(utf8_valid(joined));
		buf_add(&all, joined);
		xfree(piece);
	}
	buf_add(&all, utf8_join_end(&j));
	CHECK_STR(buf_str(&all), want);
	buf_release(&room);
	buf_release(&all);
}

static void joins(void)
{
	static const struct {
		struct str in, want;
	} rows[] = {
	    {STR("plain"), STR("plain")},
	    {STR("a\xf0\x9f\x98\x80z"), STR("a\xf0\x9f\x98\x80z")},
	    {STR("\xc3\xa9\xe2\x82\xac"), STR("\xc3\xa9\xe2\x82\xac")},
	    {STR("\xed\xa0\xbd\xed\xb8\x80!"), STR("\xf0\x9f\x98\x80!")}, /* a pair as two halves */
	    {STR("\xed\xa0\xbd\xed\xa0\xbd\xed\xb8\x80"), STR("\xef\xbf\xbd\xf0\x9f\x98\x80")},
	    {STR("a\xed\xa0\xbd"), STR("a\xef\xbf\xbd")}, /* orphans */
	    {STR("\xed\xb8\x80z"), STR("\xef\xbf\xbdz")},
	    {STR("\xed\xa0\xbdz"), STR("\xef\xbf\xbdz")},
	    {STR("\xed\xa0\xbd\xed\x9f\xbf"), STR("\xef\xbf\xbd\xed\x9f\xbf")},
	    {STR("\xff\x80z"), STR("\xef\xbf\xbd\xef\xbf\xbdz")}, /* never UTF-8; one for each longest beginning */
	    {STR("\xf0\x9fz"), STR("\xef\xbf\xbdz")},
	    {STR("\xc3"), STR("\xef\xbf\xbd")},
	    {STR("\xe2\x82"), STR("\xef\xbf\xbd")},
	    {STR("\xe0\x80\xc3\xa9"), STR("\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9")},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t cut = 1; cut <= rows[i].in.n; cut++)
			for (size_t step = 1; step <= rows[i].in.n; step++)
				check_join(rows[i].in, cut, step, rows[i].want);
}

static void halves(void)
{
	static const struct {
		struct str in, want; /* want {0}: there are none */
	} rows[] = {
	    {STR("\"\\ud83d\\ude00\""), {0}},
	    {STR("\"\\u0041 \\n \\\\ud83d\""), {0}},
	    {STR("\"Hi \\ud83d\""), STR("\"Hi \xed\xa0\xbd\"")},
	    {STR("\"\\uDE00\""), STR("\"\xed\xb8\x80\"")},
	    {STR("\"\\ud83d\\ud83d\\ude00\""), STR("\"\xed\xa0\xbd\\ud83d\\ude00\"")},
	    {STR("\"\\ud83d\\n\""), STR("\"\xed\xa0\xbd\\n\"")},
	    {STR("\"\\ud83"), {0}},
	    {STR("\\"), {0}},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf out;
		buf_init(&out, 4096);
		bool any = utf8_halves(rows[i].in, &out);
		CHECK(any == (rows[i].want.p != NULL));
		CHECK_STR(buf_str(&out), any ? rows[i].want : rows[i].in);
		buf_release(&out);
	}
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"pieces are joined, whatever the cuts", joins},
	    {"lone escapes of surrogates", halves},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
