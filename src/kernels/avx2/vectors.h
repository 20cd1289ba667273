/* Small vector helpers of this tier.
 *
 * Eight rows are worked on at a time: each gives a vector of partial sums, eight of those are summed
 * into one vector with a lane per row, and all float arithmetic is on such vectors. */
#ifndef TAI_AVX2_VECTORS_H
#define TAI_AVX2_VECTORS_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "kernels/blocks.h"

TAI_INLINE __m256i tai_load256(const void *at) {
    return _mm256_loadu_si256(at);
}

/* 16 bytes from memory, twice. */
TAI_INLINE __m256i tai_load128_twice(const void *at) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(at));
}

TAI_INLINE uint16_t tai_load_u16(const uint8_t *at) {
    uint16_t x;
    memcpy(&x, at, sizeof x);
    return x;
}

/* Four bytes from memory in all lanes. */
TAI_INLINE __m256i tai_splat32(const void *at) {
    int32_t x;
    memcpy(&x, at, sizeof x);
    return _mm256_set1_epi32(x);
}

/* ---- sums of lanes ---------------------------------------------------------------------------- */

/* The lanes of a and b in pairs, per half: {a0 + a2, b0 + b2, a1 + a3, b1 + b3}. */
TAI_INLINE __m256i tai_sum_pairs(__m256i a, __m256i b) {
    return _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
}

/* Per half {sum a, sum b, sum c, sum d} of ab = tai_sum_pairs(a, b), cd = tai_sum_pairs(c, d) */
TAI_INLINE __m256i tai_sum_fours(__m256i ab, __m256i cd) {
    return _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
}

/* The same for lanes that hold two int16 each, of which four sums fit in 16 bits. */
TAI_INLINE __m256i tai_sum_pairs16(__m256i a, __m256i b) {
    return _mm256_add_epi16(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
}

TAI_INLINE __m256i tai_sum_fours16(__m256i ab, __m256i cd) {
    __m256i sum = _mm256_add_epi16(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
    return _mm256_madd_epi16(sum, _mm256_set1_epi16(1));
}

/* {sums of rows 0..3, of rows 4..7} of the halves in abcd and efgh */
TAI_INLINE __m256i tai_sum_halves(__m256i abcd, __m256i efgh) {
    return _mm256_add_epi32(_mm256_permute2x128_si256(abcd, efgh, 0x20),
                            _mm256_permute2x128_si256(abcd, efgh, 0x31));
}

/* ---- f16 -------------------------------------------------------------------------------------- */

/* tai_f16_weight of eight: NaN counts as infinity of its sign, which F16C does not know. */
TAI_INLINE __m256 tai_f16x8(__m128i h) {
    h = _mm_min_epi16(h, _mm_set1_epi16(0x7C00));          /* without a sign: +NaN */
    h = _mm_min_epu16(h, _mm_set1_epi16((int16_t)0xFC00)); /* with it: -NaN */
    return _mm256_cvtph_ps(h);
}

TAI_INLINE __m256 tai_load_f16x8(const void *at) {
    return tai_f16x8(_mm_loadu_si128(at));
}

/* The 16 bits at row[0..7] + at. */
TAI_INLINE __m128i tai_gather16(const uint8_t *const *row, size_t at) {
    __m128i h = _mm_cvtsi32_si128(tai_load_u16(row[0] + at));
    h = _mm_insert_epi16(h, tai_load_u16(row[1] + at), 1);
    h = _mm_insert_epi16(h, tai_load_u16(row[2] + at), 2);
    h = _mm_insert_epi16(h, tai_load_u16(row[3] + at), 3);
    h = _mm_insert_epi16(h, tai_load_u16(row[4] + at), 4);
    h = _mm_insert_epi16(h, tai_load_u16(row[5] + at), 5);
    h = _mm_insert_epi16(h, tai_load_u16(row[6] + at), 6);
    return _mm_insert_epi16(h, tai_load_u16(row[7] + at), 7);
}

/* The f16 scales at row[0..7] + at. */
TAI_INLINE __m256 tai_gather_f16(const uint8_t *const *row, size_t at) {
    return tai_f16x8(tai_gather16(row, at));
}

#endif
