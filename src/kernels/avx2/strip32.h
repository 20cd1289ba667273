/* A strip of eight rows of blocks of 32 weights (Q4_0, Q5_0, Q8_0) against one token. The formats
 * differ in how one block of one row is multiplied. */
#ifndef TAI_AVX2_STRIP32_H
#define TAI_AVX2_STRIP32_H

#include <stdbool.h>

#include "kernels/avx2/activations.h"
#include "kernels/avx2/matmul.h"
#include "kernels/avx2/vectors.h"

/* The products of a block with the 32 activations a, summed in twos to 16 int16 (narrow: four of
 * those sum up within 16 bits) or in fours to 8 int32. */
typedef __m256i (*TaiBlockDot)(const uint8_t *block, __m256i a);

/* Per half, the sums of row[0..3]. */
TAI_INLINE __m256i tai_dot4(const uint8_t *const *row, size_t at, __m256i a, TaiBlockDot dot,
                            bool narrow) {
    __m256i d0 = dot(row[0] + at, a), d1 = dot(row[1] + at, a);
    __m256i d01 = narrow ? tai_sum_pairs16(d0, d1) : tai_sum_pairs(d0, d1);
    __m256i d2 = dot(row[2] + at, a), d3 = dot(row[3] + at, a);
    __m256i d23 = narrow ? tai_sum_pairs16(d2, d3) : tai_sum_pairs(d2, d3);
    return narrow ? tai_sum_fours16(d01, d23) : tai_sum_fours(d01, d23);
}

/* y += isum * (d * da), see reference/q4_0.c; every block begins with its f16 scale.
 * offset: what the packed weights have too much: 0, 8 or 16 */
TAI_INLINE void tai_strip32(const TaiStrip *strip, TaiBlockDot dot, bool narrow,
                            uint32_t block_bytes, uint32_t offset) {
    const uint8_t *const *row = strip->row;
    uint32_t k = strip->k;
    const int8_t *q = strip->act;
    const float *d = tai_act_d(strip->act, k);
    const int32_t *sums = tai_act_sums(strip->act, k);
    __m256 total = _mm256_setzero_ps();
    size_t at = 0;
    for (uint32_t b = 0; b < k / TAI_BLOCK; b++, at += block_bytes) {
        __m256i a = tai_load256(q + (size_t)b * TAI_BLOCK);
        __m256i isum = tai_sum_halves(tai_dot4(row, at, a, dot, narrow),
                                      tai_dot4(row + 4, at, a, dot, narrow));
        if (offset != 0)
            isum = _mm256_sub_epi32(
                isum, _mm256_set1_epi32(sums[b] * (int32_t)(offset / TAI_ACT_SUM_FACTOR)));
        __m256 scale = _mm256_mul_ps(tai_gather_f16(row, at), _mm256_set1_ps(d[b]));
        total = _mm256_add_ps(total, _mm256_mul_ps(_mm256_cvtepi32_ps(isum), scale));
    }
    _mm256_storeu_ps(strip->y, total);
}

#endif
