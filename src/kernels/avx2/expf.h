/* tai_expf (math.c) on eight lanes: the same operations in the same order. */
#ifndef TAI_AVX2_EXPF_H
#define TAI_AVX2_EXPF_H

#include <immintrin.h>

#include "kernels/bits.h"
#include "kernels/expf.h"

/* 2^n for -127 < n < 128 */
static inline __m256 tai_power_of_two(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}

/* q * r + c, two roundings */
static inline __m256 tai_horner(__m256 q, __m256 r, float c) {
    return _mm256_add_ps(_mm256_mul_ps(q, r), _mm256_set1_ps(c));
}

static inline __m256 tai_expf8(__m256 x) {
    x = _mm256_min_ps(_mm256_set1_ps(TAI_EXPF_MAX), x); /* the second operand where x is NaN */
    x = _mm256_max_ps(_mm256_set1_ps(TAI_EXPF_MIN), x);
    __m256 magic = _mm256_set1_ps(TAI_ROUND_F32);
    __m256 shifted = _mm256_add_ps(_mm256_mul_ps(x, _mm256_set1_ps(TAI_EXPF_LOG2E)), magic);
    __m256i n = _mm256_sub_epi32(_mm256_castps_si256(shifted),
                                 _mm256_set1_epi32((int32_t)TAI_ROUND_F32_BITS));
    __m256 n_f = _mm256_sub_ps(shifted, magic);
    __m256 r = _mm256_sub_ps(x, _mm256_mul_ps(n_f, _mm256_set1_ps(TAI_EXPF_LN2_HI)));
    r = _mm256_sub_ps(r, _mm256_mul_ps(n_f, _mm256_set1_ps(TAI_EXPF_LN2_LO)));
    __m256 q = _mm256_set1_ps(TAI_EXPF_C6);
    q = tai_horner(q, r, TAI_EXPF_C5);
    q = tai_horner(q, r, TAI_EXPF_C4);
    q = tai_horner(q, r, TAI_EXPF_C3);
    q = tai_horner(q, r, TAI_EXPF_C2);
    __m256 rest = _mm256_add_ps(r, _mm256_mul_ps(_mm256_mul_ps(r, r), q));
    __m256 p = _mm256_add_ps(_mm256_set1_ps(1.0f), rest);
    __m256i half = _mm256_srai_epi32(n, 1);
    p = _mm256_mul_ps(p, tai_power_of_two(half));
    return _mm256_mul_ps(p, tai_power_of_two(_mm256_sub_epi32(n, half)));
}

#endif
