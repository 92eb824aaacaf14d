/* vectors.c - vectors in few bytes, and how near they are to a query. */
#include "index/vectors.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* --- sums, plainly ---------------------------------------------------------------------------------------------- */

int32_t vector_dot_plain(const int8_t *a, const int8_t *b, size_t n)
{
	int32_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (int32_t)a[i] * b[i];
	return sum;
}

uint32_t vector_bits_plain(const uint64_t *code, const uint64_t *planes, size_t words)
{
	uint32_t sum = 0;
	for (size_t plane = 0; plane < VECTOR_PLANES; plane++)
		for (size_t i = 0; i < words; i++)
			sum += (uint32_t)__builtin_popcountll(code[i] & planes[plane * words + i]) << plane;
	return sum;
}

/* --- the same with what the processor has --------------------------------------------------------------------------
 */

#if defined(__x86_64__)
__attribute__((target("avx2"))) static int32_t dot_avx2(const int8_t *a, const int8_t *b, size_t n)
{
	__m256i sums = _mm256_setzero_si256();
	size_t i = 0;
	for (; i + 16 <= n; i += 16) {
		__m256i x = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(a + i)));
		__m256i y = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(b + i)));
		sums = _mm256_add_epi32(sums, _mm256_madd_epi16(x, y));
	}
	int32_t lanes[8], sum = vector_dot_plain(a + i, b + i, n - i);
	_mm256_storeu_si256((__m256i *)lanes, sums);
	for (int k = 0; k < 8; k++)
		sum += lanes[k];
	return sum;
}

__attribute__((target("popcnt"))) static uint32_t bits_popcnt(const uint64_t *code, const uint64_t *planes,
							      size_t words)
{
	uint64_t sum = 0;
	for (size_t plane = 0; plane < VECTOR_PLANES; plane++) {
		uint64_t ones = 0;
		for (size_t i = 0; i < words; i++)
			ones += (uint64_t)__builtin_popcountll(code[i] & planes[plane * words + i]);
		sum += ones << plane;
	}
	return (uint32_t)sum;
}

static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

static bool has_popcnt(void)
{
	return __builtin_cpu_supports("popcnt");
}
#else
#define dot_avx2 vector_dot_plain
#define bits_popcnt vector_bits_plain

static bool has_avx2(void)
{
	return false;
}

static bool has_popcnt(void)
{
	return false;
}
#endif

int32_t vector_dot(const int8_t *a, const int8_t *b, size_t n)
{
	return has_avx2() ? dot_avx2(a, b, n) : vector_dot_plain(a, b, n);
}

uint32_t vector_bits(const uint64_t *code, const uint64_t *planes, size_t words)
{
	return has_popcnt() ? bits_popcnt(code, planes, words) : vector_bits_plain(code, planes, words);
}

/* --- encoding ------------------------------------------------------------------------------------------------------
 */

static float length_of(const float *v, size_t dims)
{
	double sum = 0;
	for (size_t i = 0; i < dims; i++)
		sum += (double)v[i] * v[i];
	return (float)sqrt(sum);
}

/* Signed bytes that times *scale are about the unit vector. */
static void to_bytes(const float *v, size_t dims, int8_t *bytes, float *scale)
{
	float most = 0, length = length_of(v, dims);
	for (size_t i = 0; i < dims; i++)
		most = fabsf(v[i]) > most ? fabsf(v[i]) : most;
	for (size_t i = 0; i < dims; i++)
		bytes[i] = most > 0 ? (int8_t)lrintf(v[i] / most * 127) : 0;
	*scale = length > 0 ? most / length / 127 : 0;
}

void vector_encode(const float *v, size_t dims, int8_t *bytes, float *scale, uint64_t *code,
		   struct vector_factor *factor)
{
	double magnitudes = 0;
	float length = length_of(v, dims);
	assert(dims && dims <= VECTOR_DIMS_MAX);
	to_bytes(v, dims, bytes, scale);
	memset(code, 0, vector_words(dims) * sizeof *code);
	factor->ones = 0;
	for (size_t i = 0; i < dims; i++) {
		magnitudes += fabs((double)v[i]);
		if (v[i] > 0) {
			code[i / 64] |= UINT64_C(1) << i % 64;
			factor->ones++;
		}
	}
	factor->inverse = magnitudes > 0 ? (float)(length / magnitudes) : 0;
}

void vector_query(struct arena *a, const float *v, size_t dims, struct vector_query *ret)
{
	enum { STEPS = (1 << VECTOR_PLANES) - 1 };
	size_t words = vector_words(dims);
	float low = v[0], high = v[0], length = length_of(v, dims);
	assert(dims && dims <= VECTOR_DIMS_MAX);
	*ret = (struct vector_query){.dims = dims,
				     .bytes = (int8_t *)arena_bytes(a, dims),
				     .planes = new_array(a, uint64_t, words * VECTOR_PLANES)};
	to_bytes(v, dims, ret->bytes, &ret->scale);
	for (size_t i = 1; i < dims; i++) {
		low = v[i] < low ? v[i] : low;
		high = v[i] > high ? v[i] : high;
	}
	if (!(length > 0))
		return; /* all scores are 0 */
	ret->low = low / length;
	ret->step = (high - low) / length / STEPS;
	for (size_t i = 0; i < dims; i++) {
		unsigned level = high > low ? (unsigned)lrintf((v[i] - low) / (high - low) * STEPS) : 0;
		ret->sum += ret->low + ret->step * (float)level;
		for (size_t plane = 0; plane < VECTOR_PLANES; plane++)
			ret->planes[plane * words + i / 64] |= (uint64_t)(level >> plane & 1) << i % 64;
	}
}

/* --- scores ----------------------------------------------------------------------------------------------------------
 */

/* The sum of the query's values, each with the sign that the code has, from its sum where the bit is set. */
static inline float estimate(const struct vector_query *q, const struct vector_factor *f, uint32_t bits)
{
	float set = q->low * (float)f->ones + q->step * (float)bits;
	return (2 * set - q->sum) * f->inverse;
}

#if defined(__x86_64__)
/* MiniLM's 384 dimensions, and all that are few: the loops unroll. */
__attribute__((target("popcnt"))) static void scan_popcnt(const struct vector_query *q, const uint64_t *codes,
							  const struct vector_factor *factors, size_t n, float *ret)
{
	size_t words = vector_words(q->dims);
	for (size_t i = 0; i < n; i++)
		ret[i] = estimate(q, &factors[i], bits_popcnt(codes + i * words, q->planes, words));
}
#else
#define scan_popcnt scan_plain
#endif

static void scan_plain(const struct vector_query *q, const uint64_t *codes, const struct vector_factor *factors,
		       size_t n, float *ret)
{
	size_t words = vector_words(q->dims);
	for (size_t i = 0; i < n; i++)
		ret[i] = estimate(q, &factors[i], vector_bits_plain(codes + i * words, q->planes, words));
}

void vector_scan(const struct vector_query *q, const uint64_t *codes, const struct vector_factor *factors, size_t n,
		 float *ret)
{
	if (has_popcnt())
		scan_popcnt(q, codes, factors, n, ret);
	else
		scan_plain(q, codes, factors, n, ret);
}

float vector_score(const struct vector_query *q, const int8_t *bytes, float scale)
{
	return (float)vector_dot(q->bytes, bytes, q->dims) * q->scale * scale;
}
