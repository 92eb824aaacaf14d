/* phases_test.c - marks add up, moments are joined, and too many are not kept. */
#include "base/clock.h"
#include "base/test.h"
#include "measure/measure.h"
#include "measure/phases.h"

static void check_text(const struct phases *p, const char *want)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	phases_write(p, &b);
	CHECK_STR(buf_str(&b), str_of(want));
	buf_release(&b);
}

static void as_kept(void)
{
	struct arena a = {0};
	struct phases p;
	clock_fake(1000000);
	phases_begin(&p, &a, 1000000, PHASE_LOAD);
	phases_enter(&p, &a, PHASE_LOAD, 0);
	clock_fake(1000300);
	phases_enter(&p, &a, PHASE_QUEUE, 0);
	clock_fake(1000310);
	phases_enter(&p, &a, PHASE_PROMPT, 0);
	CHECK(!p.first_token_us);
	clock_fake(1002000);
	phases_enter(&p, &a, PHASE_ANSWER, 1001000); /* it is learnt later */
	phases_enter(&p, &a, PHASE_TOOLS, 0);
	CHECK(p.first_token_us == 1000 && phases_now(&p) == PHASE_TOOLS);
	struct phase_tool *one = phases_tool(&p, &a, S("web_search"));
	clock_fake(1003000);
	struct phase_tool *two = phases_tool(&p, &a, S("a \"b\""));
	phases_tool_end(&p, one, true);
	clock_fake(1004000);
	phases_tool_end(&p, two, false);
	phases_enter(&p, &a, PHASE_SAVE, 0);
	check_text(&p, "{\"phases\":[[\"load\",0],[\"prompt\",300],[\"answer\",1000],[\"tools\",2000],[\"save\",4000]],"
		       "\"tools\":[[\"web_search\",2000,3000,true],[\"a \\\"b\\\"\",3000,4000,false]]}");
	arena_free(&a);
	clock_fake(0);
}

static void bounded(void)
{
	struct arena a = {0};
	struct phases p;
	measure_limits.phases = 16;
	clock_fake(5);
	phases_begin(&p, &a, 5, PHASE_LOAD);
	for (int i = 1; i < 100; i++) {
		clock_fake(5 + i * 1000);
		phases_enter(&p, &a, i % 2 ? PHASE_QUEUE : PHASE_ANSWER, 0);
	}
	CHECK(p.n == 16 && !phases_tool(&p, &a, S("x")));
	phases_tool_end(&p, NULL, true);
	phases_enter(&p, &a, PHASE_SAVE, 0);
	CHECK(p.n == 17 && phases_now(&p) == PHASE_SAVE && p.last->at_us == 99000);
	arena_free(&a);
	clock_fake(0);
}

int main(void)
{
	static const struct test_case cases[] = {{"as it is kept", as_kept}, {"bounded", bounded}};
	return test_main(cases, 2);
}
