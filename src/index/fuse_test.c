/* fuse_test.c - two rankings made one. */
#include "index/fuse.h"

#include <math.h>

#include "base/test.h"

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

static void fused(void)
{
	struct ranked words[] = {{7, 1}, {3, .8}, {5, .7}}, vectors[] = {{3, .9}, {9, .8}, {5, -.2}}, got[8];
	size_t n = fuse(words, 3, 1, vectors, 3, 1, got, 8);
	CHECK(n == 4);
	CHECK(got[0].chunk == 3 && near(got[0].score, (.8 + .9) / 2));
	CHECK(got[1].chunk == 7 && near(got[1].score, 0.5));
	CHECK(got[2].chunk == 9 && near(got[2].score, 0.4) && got[3].chunk == 5 && near(got[3].score, 0.35));
	/* what is far ahead by one outdoes what is middling in both */
	struct ranked far[] = {{1, .9}, {2, .3}, {3, .3}}, some[] = {{2, .42}, {3, .41}, {4, .4}};
	CHECK(fuse(far, 3, 1, some, 3, 1, got, 8) == 4 && got[0].chunk == 1 && got[1].chunk == 2);
	CHECK(fuse(words, 3, 1, vectors, 2, 1, got, 2) == 2 && got[0].chunk == 3 && got[1].chunk == 7);
	/* leads both: 1, and no more where a cosine was rounded up */
	struct ranked same[] = {{7, 1.0001}};
	CHECK(fuse(words, 1, 3, same, 1, 2, got, 8) == 1 && near(got[0].score, 1));
	/* a weight of nothing leaves the other's order */
	CHECK(fuse(words, 3, 0, vectors, 2, 1, got, 8) == 4 && got[0].chunk == 3 && got[1].chunk == 9);
	CHECK(fuse(NULL, 0, 1, NULL, 0, 1, got, 8) == 0);
	CHECK(fuse(words, 3, 0, NULL, 0, 0, got, 8) == 3 && near(got[0].score, 0));
}

static void ties(void)
{
	struct ranked words[] = {{20, 1}}, vectors[] = {{10, 1}}, got[2];
	for (int i = 0; i < 3; i++) {
		CHECK(fuse(words, 1, 1, vectors, 1, 1, got, 2) == 2);
		CHECK(got[0].chunk == 10 && got[1].chunk == 20 && near(got[0].score, got[1].score));
	}
}

int main(void)
{
	static const struct test_case tests[] = {{"fused", fused}, {"ties", ties}};
	return test_main(tests, sizeof tests / sizeof *tests);
}
