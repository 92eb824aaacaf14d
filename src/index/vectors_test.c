/* vectors_test.c - the sums of every processor, and how good the estimates are. */
#include "index/vectors.h"

#include <math.h>
#include <stdlib.h>

#include "base/test.h"
#include "index/fuse.h"

static uint64_t state = 88172645463325252u;
static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static float normal(void)
{
	float sum = 0;
	for (int i = 0; i < 12; i++)
		sum += (float)(next() % 65536) / 65536.0f;
	return sum - 6;
}

static void same_sums(void)
{
	static int8_t a[VECTOR_DIMS_MAX], b[VECTOR_DIMS_MAX];
	static uint64_t code[VECTOR_DIMS_MAX / 64], planes[VECTOR_PLANES * VECTOR_DIMS_MAX / 64];
	for (size_t n = 0; n <= 400; n++) {
		for (size_t i = 0; i < n; i++) {
			a[i] = (int8_t)next();
			b[i] = n % 3 ? (int8_t)next() : -128;
		}
		CHECK(vector_dot(a, b, n) == vector_dot_plain(a, b, n));
	}
	for (size_t words = 0; words <= 64; words++) {
		for (size_t i = 0; i < words; i++)
			code[i] = next();
		for (size_t i = 0; i < words * VECTOR_PLANES; i++)
			planes[i] = words % 5 ? next() : UINT64_MAX;
		CHECK(vector_bits(code, planes, words) == vector_bits_plain(code, planes, words));
	}
}

static float exact(const float *a, const float *b, size_t n)
{
	float sum = 0, la = 0, lb = 0;
	for (size_t i = 0; i < n; i++) {
		sum += a[i] * b[i];
		la += a[i] * a[i];
		lb += b[i] * b[i];
	}
	return sum / sqrtf(la * lb);
}

enum { DIMS = 384, MANY = 3000, QUERIES = 20, TOP = 10, AGAIN = 100 };

/* Vectors in groups, as texts are: the ten nearest by bytes among the hundred nearest by codes, against the truth. */
static void nearest(void)
{
	float *v = xalloc(sizeof(float) * DIMS * MANY), centre[40][DIMS], q[DIMS],
	      *scores = xalloc(sizeof(float) * MANY);
	int8_t *bytes = xalloc((size_t)DIMS * MANY);
	uint64_t *codes = xalloc(MANY * vector_words(DIMS) * 8);
	float *scales = xalloc(sizeof(float) * MANY);
	struct vector_factor *factors = xalloc(sizeof *factors * MANY);
	struct ranked *by_code = xalloc(sizeof *by_code * MANY), *truth = xalloc(sizeof *truth * MANY);
	int found = 0;
	float off = 0;
	for (int c = 0; c < 40; c++)
		for (int i = 0; i < DIMS; i++)
			centre[c][i] = normal();
	for (int k = 0; k < MANY; k++) {
		for (int i = 0; i < DIMS; i++)
			v[k * DIMS + i] = centre[k % 40][i] + normal();
		vector_encode(v + k * DIMS, DIMS, bytes + k * DIMS, &scales[k], codes + (size_t)k * vector_words(DIMS),
			      &factors[k]);
	}
	for (int n = 0; n < QUERIES; n++) {
		struct arena a = {0};
		struct vector_query query;
		for (int i = 0; i < DIMS; i++)
			q[i] = centre[n][i] + 1.5f * normal();
		vector_query(&a, q, DIMS, &query);
		vector_scan(&query, codes, factors, MANY, scores);
		for (int k = 0; k < MANY; k++) {
			by_code[k] = (struct ranked){k, (double)scores[k]};
			truth[k] = (struct ranked){k, (double)exact(q, v + k * DIMS, DIMS)};
			float d = fabsf(vector_score(&query, bytes + k * DIMS, scales[k]) - (float)truth[k].score);
			off = d > off ? d : off;
		}
		ranked_sort(by_code, MANY);
		ranked_sort(truth, MANY);
		for (int k = 0; k < AGAIN; k++)
			by_code[k].score =
			    (double)vector_score(&query, bytes + by_code[k].chunk * DIMS, scales[by_code[k].chunk]);
		ranked_sort(by_code, AGAIN);
		for (int i = 0; i < TOP; i++)
			for (int k = 0; k < TOP; k++)
				found += by_code[i].chunk == truth[k].chunk;
		arena_free(&a);
	}
	CHECK(off < 0.01f);
	CHECK(found >= QUERIES * TOP * 95 / 100);
	printf("# recall %.3f, bytes off by %.4f\n", (double)found / (QUERIES * TOP), (double)off);
	xfree(v);
	xfree(scores);
	xfree(bytes);
	xfree(codes);
	xfree(scales);
	xfree(factors);
	xfree(by_code);
	xfree(truth);
}

/* Nothing is divided by a length of 0. */
static void nothing(void)
{
	struct arena a = {0};
	static const float zero[70];
	float one[70] = {1}, scale, score = -1;
	int8_t bytes[70];
	uint64_t code[2];
	struct vector_factor factor;
	struct vector_query q;
	vector_encode(zero, 70, bytes, &scale, code, &factor);
	vector_query(&a, one, 70, &q);
	vector_scan(&q, code, &factor, 1, &score);
	CHECK(score == 0 && vector_score(&q, bytes, scale) == 0);
	vector_query(&a, zero, 70, &q);
	vector_encode(one, 70, bytes, &scale, code, &factor);
	vector_scan(&q, code, &factor, 1, &score);
	CHECK(score == 0 && vector_score(&q, bytes, scale) == 0);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case tests[] = {{"the same sums on every processor", same_sums},
						 {"the nearest are found", nearest},
						 {"a vector of zeros", nothing}};
	return test_main(tests, sizeof tests / sizeof *tests);
}
