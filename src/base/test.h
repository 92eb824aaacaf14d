/* test.h - what a unit test needs: checks that print place and values, TAP on stdout.
 *
 * static void splits(void) { CHECK(x == y); CHECK_STR(got, S("want")); }
 * main() returns test_main(table, count). */
#pragma once
#include <stdio.h>

#include "base/str.h"

static int test_failed;

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			test_failed = 1;                                                           \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);                        \
		}                                                                                  \
	} while (0)

#define CHECK_STR(got, want)                                                                       \
	do {                                                                                       \
		struct str g_ = (got), w_ = (want);                                                \
		if (!str_eq(g_, w_)) {                                                             \
			test_failed = 1;                                                           \
			printf("# %s:%d: got  %.*s\n#   want %.*s\n", __FILE__, __LINE__, FMT(g_), FMT(w_)); \
		}                                                                                  \
	} while (0)

struct test_case {
	const char *name;
	void (*run)(void);
};

static inline int test_main(const struct test_case *t, int n)
{
	int bad = 0;
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		test_failed = 0;
		t[i].run();
		bad += test_failed;
		printf("%sok %d - %s\n", test_failed ? "not " : "", i + 1, t[i].name);
	}
	return bad != 0;
}
