/* kept_test.c - what is kept of an output is its beginning and its end, however it comes. */
#include "session/kept.h"

#include <string.h>

#include "base/test.h"

enum { MOST = 10, LONGEST = 40 };
static const char text[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";

static bool kept_is(struct kept *k, size_t n)
{
	struct buf end;
	size_t head = n < MOST / 2 ? n : MOST / 2, tail = n - head < MOST / 2 ? n - head : MOST / 2;
	buf_init(&end, LONGEST);
	kept_end(k, &end);
	bool ok = str_eq(buf_str(&k->head), (struct str){text, head}) &&
		  str_eq(buf_str(&end), (struct str){text + n - tail, tail}) &&
		  k->left_out == (int64_t)(n - head - tail);
	buf_release(&end);
	return ok;
}

/* Every length, in pieces of every length. */
static void pieces(void)
{
	for (size_t n = 0; n <= LONGEST; n++)
		for (size_t piece = 1; piece <= n + 1; piece++) {
			struct kept k;
			kept_init(&k, MOST);
			for (size_t at = 0; at < n; at += piece)
				kept_add(&k, (struct str){text + at, piece < n - at ? piece : n - at});
			CHECK(kept_is(&k, n));
			kept_release(&k);
			CHECK(kept_is(&k, 0));
		}
}

static void nothing(void)
{
	struct kept k;
	kept_init(&k, 0);
	kept_add(&k, S("abc"));
	CHECK(k.head.n == 0 && k.ring.n == 0 && k.left_out == 3);
	kept_release(&k);
}

int main(void)
{
	static const struct test_case cases[] = {{"pieces", pieces}, {"nothing", nothing}};
	return test_main(cases, sizeof cases / sizeof *cases);
}
