/* sent_test.c - the requests that engines were sent lately: which stay, and as what. */
#include "base/test.h"
#include "engine/engine.h"
#include "engine/sent.h"

static void keep(struct sent *s, int64_t of, const char *body)
{
	struct sent_request r = {
	    .of = of, .engine = S("one"), .path = S("/v1/chat/completions?key=secret"), .body = str_of(body)};
	sent_keep(s, &r);
}

static void the_newest_stay(void)
{
	struct arena a = {0};
	struct sent_request *got;
	int64_t most = engine_limits.sent_bytes;
	engine_limits.sent_bytes = 10;
	struct sent *s = sent_new();
	keep(s, 1, "1111");
	keep(s, 2, "2222");
	keep(s, 0, "0");
	CHECK(sent_list(s, 1, true, &a, &got) == 1);
	CHECK_STR(got[0].body, S("1111"));
	CHECK_STR(got[0].path, S("/v1/chat/completions"));
	CHECK_STR(got[0].engine, S("one"));
	keep(s, 2, "22");
	CHECK(sent_list(s, 1, true, &a, &got) == 1 && sent_list(s, 0, true, &a, &got) == 0);
	keep(s, 3, "3");
	CHECK(sent_list(s, 1, true, &a, &got) == 0);
	CHECK(sent_list(s, 2, false, &a, &got) == 2 && !got[0].body.p && got[0].body.n == 4 && got[1].body.n == 2);
	keep(s, 4, "more than all may be");
	CHECK(sent_list(s, 4, true, &a, &got) == 0 && sent_list(s, 2, true, &a, &got) == 2);
	sent_drop(s, 3);
	sent_drop(s, 2);
	sent_drop(s, 2);
	CHECK(sent_list(s, 2, true, &a, &got) == 0);
	keep(s, 5, "5555555555");
	CHECK(sent_list(s, 5, true, &a, &got) == 1);
	sent_clear(s);
	CHECK(sent_list(s, 5, true, &a, &got) == 0);
	keep(s, 5, "5555555555");
	CHECK(sent_list(s, 5, true, &a, &got) == 1);
	engine_limits.sent_bytes = 0;
	keep(s, 6, "6");
	CHECK(sent_list(s, 6, true, &a, &got) == 0);
	engine_limits.sent_bytes = most;
	arena_free(&a);
	sent_free(s);
}

int main(void)
{
	static const struct test_case cases[] = {{"the newest stay", the_newest_stay}};
	return test_main(cases, sizeof cases / sizeof *cases);
}
