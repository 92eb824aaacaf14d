/* level_test.c - limits that drain. */
#include "base/test.h"
#include "quota/level.h"

#define SECOND INT64_C(1000000000)
#define NOW (INT64_C(1790000000) * SECOND)

static const struct level_rule sixty = {60, 60 * SECOND};

static void fills_and_drains(void)
{
	struct level l = {0};
	CHECK(level_left(&l, sixty, NOW) == 60 && level_wait(&l, sixty, 60, NOW) == 0);
	for (int i = 0; i < 60; i++) {
		CHECK(level_wait(&l, sixty, 1, NOW) == 0);
		level_charge(&l, sixty, 1, NOW);
		CHECK(level_left(&l, sixty, NOW) == 59 - i);
	}
	CHECK(level_wait(&l, sixty, 1, NOW) == SECOND);
	CHECK(level_wait(&l, sixty, 10, NOW) == 10 * SECOND);
	CHECK(level_wait(&l, sixty, 61, NOW) == -1);
	CHECK(level_wait(&l, sixty, 1, NOW + SECOND) == 0 && level_left(&l, sixty, NOW + SECOND) == 1);
	CHECK(level_left(&l, sixty, NOW + 60 * SECOND) == 60 && level_left(&l, sixty, NOW + 600 * SECOND) == 60);
}

/* An estimate is corrected, up and down; what passes the limit has to drain. */
static void is_corrected(void)
{
	struct level l = {0};
	level_charge(&l, sixty, 20, NOW);
	level_charge(&l, sixty, -15, NOW);
	CHECK(level_left(&l, sixty, NOW) == 55);
	level_charge(&l, sixty, 85, NOW);
	CHECK(level_left(&l, sixty, NOW) == 0 && level_wait(&l, sixty, 1, NOW) == 31 * SECOND);
}

static void large_numbers(void)
{
	const struct level_rule day = {INT64_C(1000000000000), 86400 * SECOND}, odd = {7, 60 * SECOND};
	struct level l = {0}, few = {0};
	level_charge(&l, day, 400000000000, NOW);
	CHECK(level_left(&l, day, NOW) == 600000000000);
	for (int i = 0; i < 7; i++) {
		CHECK(level_wait(&few, odd, 1, NOW) == 0);
		level_charge(&few, odd, 1, NOW);
		CHECK(level_left(&few, odd, NOW) == 6 - i);
	}
	CHECK(level_wait(&few, odd, 1, NOW) > 8 * SECOND);
}

/* Two nodes charge one row, each what it has taken since it was asked last. */
static void of_two_nodes(void)
{
	struct level a = {0}, b = {0};
	int64_t row = 0;
	level_charge(&a, sixty, 10, NOW);
	level_charge(&b, sixty, 20, NOW);
	struct level *nodes[] = {&a, &b, &a};
	for (int i = 0; i < 3; i++) {
		int64_t sent = nodes[i]->added;
		if (sent)
			row = (row > nodes[i]->began ? row : nodes[i]->began) + sent;
		if (i == 0)
			level_charge(&a, sixty, 1, NOW); /* while it was written */
		level_settle(nodes[i], row, sent);
	}
	CHECK(level_left(&b, sixty, NOW) == 30);
	CHECK(level_left(&a, sixty, NOW) == 29);
}

int main(void)
{
	static const struct test_case t[] = {{"fills and drains", fills_and_drains},
					     {"is corrected", is_corrected},
					     {"large numbers", large_numbers},
					     {"of two nodes", of_two_nodes}};
	return test_main(t, sizeof t / sizeof *t);
}
