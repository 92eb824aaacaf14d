/* vectors.h - vectors in few bytes, and how near they are to a query.
 *
 * A vector is kept twice. Its *code* is one bit a dimension, the sign (48 bytes for 384): codes are scanned, all of
 * them, which needs no graph, starts at once and filters for free. Its *bytes* are one signed byte a dimension: with
 * them the best of a scan are ordered again. The estimate from a code is that of RaBitQ (Gao and Long, SIGMOD 2024)
 * without its rotation, the query in four bits a dimension. Scores are inner products of unit vectors, -1..1. Sums are
 * of whole numbers, so that every processor gets the same. Pure; any thread. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum { VECTOR_DIMS_MAX = 4096, VECTOR_PLANES = 4 };

/* 64-bit words of a code. */
static inline size_t vector_words(size_t dims)
{
	return (dims + 63) / 64;
}

/* What belongs to a code beside its bits. */
struct vector_factor {
	float inverse; /* 1 / the sum of the vector's magnitudes */
	uint32_t ones; /* bits that are set */
};
/* `v` of any length but 0 is made a unit vector first. Writes `dims` bytes, their scale, the code and its factor. */
void vector_encode(const float *v, size_t dims, int8_t *bytes, float *scale, uint64_t *code,
		   struct vector_factor *factor);

struct vector_query {
	size_t dims;
	int8_t *bytes;
	float scale;
	uint64_t *planes; /* VECTOR_PLANES of vector_words() each */
	float low, step, sum;
};
/* In `a`. */
void vector_query(struct arena *a, const float *v, size_t dims, struct vector_query *ret);
/* The scores of `n` codes that lie one behind the other. */
void vector_scan(const struct vector_query *q, const uint64_t *codes, const struct vector_factor *factors, size_t n,
		 float *ret);
/* The score of a vector by its bytes. */
float vector_score(const struct vector_query *q, const int8_t *bytes, float scale);

/* --- the sums themselves; what the functions above use is chosen by the processor --- */
int32_t vector_dot_plain(const int8_t *a, const int8_t *b, size_t n);
int32_t vector_dot(const int8_t *a, const int8_t *b, size_t n);
/* The bits that code and planes share, weighted by their plane: 1, 2, 4, 8. */
uint32_t vector_bits_plain(const uint64_t *code, const uint64_t *planes, size_t words);
uint32_t vector_bits(const uint64_t *code, const uint64_t *planes, size_t words);
