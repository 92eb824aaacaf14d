/* trace_test.c - what of a client's traceparent is gone on with, and what others are told. */
#include "base/test.h"
#include "trace/trace.h"

#define GOOD "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static void goes_on(void)
{
	struct arena a = {0};
	struct trace t;
	trace_begin(&t, S(GOOD), S("vendor=1,other=2"), &a);
	CHECK(t.sampled && t.id[0] == 0x0a && t.id[15] == 0x9c && t.parent[0] == 0xb7 && t.span);
	struct str lines = trace_headers(&t, 3, &a);
	struct str want = str_fmt(
	    &a, "traceparent: 00-0af7651916cd43dd8448eb211c80319c-%016llx-01\r\ntracestate: vendor=1,other=2\r\n",
	    (unsigned long long)trace_span(&t, 3));
	CHECK_STR(lines, want);
	for (unsigned i = 1; i < 1000; i++)
		CHECK(trace_span(&t, i) != trace_span(&t, i - 1) && trace_span(&t, i));
	trace_begin(&t, S("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"), S(""), &a);
	CHECK(!t.sampled && !t.state.n);
	trace_begin(&t, S("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-more"), S(""), &a);
	CHECK(t.sampled && t.parent[0] == 0xb7);
	arena_free(&a);
}

static void begins_anew(void)
{
	static const char *const bad[] = {
	    "",
	    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
	    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
	    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	    "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
	    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
	    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
	    "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
	};
	struct arena a = {0};
	struct trace t;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		trace_begin(&t, str_of(bad[i]), S("x=y"), &a);
		CHECK(t.sampled && t.span && !t.parent[0] && !t.parent[7] && !t.state.n);
	}
	trace_begin(&t, S(GOOD), S("a=b\r\nx: y"), &a);
	CHECK(!t.state.n);
	arena_free(&a);
}

static void none(void)
{
	struct arena a = {0};
	struct trace t = {0};
	CHECK_STR(trace_headers(&t, 1, &a), S(""));
	arena_free(&a);
}

int main(void)
{
	static const struct test_case cases[] = {{"goes on", goes_on}, {"begins anew", begins_anew}, {"none", none}};
	return test_main(cases, 3);
}
