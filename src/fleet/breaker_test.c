/* breaker_test.c - the circuit breaker, step by step. */
#include "base/test.h"
#include "fleet/breaker.h"
#include "fleet/limits.h"

static void opens_after_failures_in_a_row(void)
{
	struct breaker b = {0};
	for (int i = 0; i < 4; i++)
		breaker_end(&b, false, 0);
	breaker_end(&b, true, 0); /* in a row: this one begins it anew */
	for (int i = 0; i < 4; i++)
		breaker_end(&b, false, 0);
	CHECK(breaker_allows(&b, 0));
	breaker_end(&b, false, 0);
	CHECK(b.state == BREAKER_OPEN && !breaker_allows(&b, 1));
}

static void opens_at_a_rate(void)
{
	struct breaker b = {0};
	for (int i = 0; i < 9; i++) {
		breaker_end(&b, i % 2 == 0, 0);
		CHECK(b.state == BREAKER_CLOSED); /* too few for a rate */
	}
	breaker_end(&b, false, 0);
	CHECK(b.state == BREAKER_OPEN);
	b = (struct breaker){0};
	for (int i = 0; i < 100; i++)
		breaker_end(&b, i % 3 != 0, 0);
	CHECK(b.state == BREAKER_CLOSED);
}

static struct breaker broken(void)
{
	struct breaker b = {0};
	for (int i = 0; i < fleet_limits.breaker_failures; i++)
		breaker_end(&b, false, 0);
	return b;
}

static void one_call_tries(void)
{
	struct breaker b = broken();
	int64_t later = fleet_limits.breaker_ms;
	CHECK(!breaker_allows(&b, later - 1));
	CHECK(breaker_allows(&b, later) && b.state == BREAKER_HALF_OPEN);
	breaker_begin(&b);
	CHECK(!breaker_allows(&b, later)); /* the others wait for what becomes of it */
	breaker_end(&b, true, later);
	CHECK(b.state == BREAKER_CLOSED && breaker_allows(&b, later) && !b.wait_ms);
}

static void each_time_longer(void)
{
	struct breaker b = broken();
	int64_t now = 0, waits[6];
	for (int i = 0; i < 6; i++) {
		waits[i] = b.wait_ms;
		now = b.until_ms;
		CHECK(breaker_allows(&b, now));
		breaker_begin(&b);
		breaker_end(&b, false, now);
	}
	CHECK(waits[1] == 2 * waits[0] && waits[2] == 4 * waits[0]);
	CHECK(waits[5] == fleet_limits.breaker_most_ms);
}

static void a_dropped_try_is_tried_again(void)
{
	struct breaker b = broken();
	CHECK(breaker_allows(&b, b.until_ms));
	breaker_begin(&b);
	breaker_drop(&b);
	CHECK(b.state == BREAKER_HALF_OPEN && breaker_allows(&b, b.until_ms));
}

static void late_ends_count_no_more(void)
{
	struct breaker b = broken();
	int64_t until = b.until_ms;
	for (int i = 0; i < fleet_limits.breaker_failures; i++)
		breaker_end(&b, false, 3);
	breaker_end(&b, true, 3);
	CHECK(b.state == BREAKER_OPEN && b.until_ms == until);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"opens after failures in a row", opens_after_failures_in_a_row},
	    {"opens at a rate", opens_at_a_rate},
	    {"one call tries", one_call_tries},
	    {"each time longer", each_time_longer},
	    {"a dropped try is tried again", a_dropped_try_is_tried_again},
	    {"late ends count no more", late_ends_count_no_more},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
