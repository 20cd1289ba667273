/* F32, F16 and BF16 rows: the 8 virtual lanes of reference/float.c are one vector. */
#include "kernels/avx2/matmul.h"
#include "kernels/avx2/vectors.h"
#include "kernels/bits.h"
#include "kernels/math.h"

/* Weights i..i + 7 of a row, and weight i. */
typedef __m256 (*LoadEight)(const uint8_t *row, uint32_t i);
typedef float (*LoadOne)(const uint8_t *row, uint32_t i);

TAI_INLINE __m256 load8_f32(const uint8_t *row, uint32_t i) {
    return _mm256_loadu_ps((const float *)(const void *)row + i);
}

TAI_INLINE float load1_f32(const uint8_t *row, uint32_t i) {
    return ((const float *)(const void *)row)[i];
}

TAI_INLINE __m256 load8_f16(const uint8_t *row, uint32_t i) {
    return tai_load_f16x8(row + (size_t)i * 2);
}

TAI_INLINE float load1_f16(const uint8_t *row, uint32_t i) {
    return tai_f16_weight(((const uint16_t *)(const void *)row)[i]);
}

TAI_INLINE __m256 load8_bf16(const uint8_t *row, uint32_t i) {
    __m128i h = _mm_loadu_si128((const __m128i *)(const void *)(row + (size_t)i * 2));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}

TAI_INLINE float load1_bf16(const uint8_t *row, uint32_t i) {
    return tai_bf16_to_f32(((const uint16_t *)(const void *)row)[i]);
}

/* Rows that share the activations of a tile in registers. */
enum { ROWS_AT_ONCE = 2 };

TAI_INLINE __m256 add_product(__m256 sum, __m256 w, __m256 x) {
    return _mm256_add_ps(sum, _mm256_mul_ps(w, x));
}

/* The sum of the lanes, after the last k mod 8 products have gone to theirs. */
TAI_INLINE float finish(__m256 sum, const uint8_t *row, const float *x, uint32_t k, LoadOne load1) {
    float lane[8];
    _mm256_storeu_ps(lane, sum);
    for (uint32_t i = k - k % 8; i < k; i++)
        lane[i % 8] += load1(row, i) * x[i];
    return tai_lanes_sum(lane);
}

TAI_INLINE void strip_of(const TaiStrip *strip, LoadEight load8, LoadOne load1) {
    const uint8_t *const *row = strip->row;
    const float *x = strip->act;
    uint32_t k = strip->k;
    __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
    for (uint32_t i = 0; i < k - k % 8; i += 8) {
        __m256 x8 = _mm256_loadu_ps(x + i);
        s0 = add_product(s0, load8(row[0], i), x8);
        s1 = add_product(s1, load8(row[1], i), x8);
        s2 = add_product(s2, load8(row[2], i), x8);
        s3 = add_product(s3, load8(row[3], i), x8);
        s4 = add_product(s4, load8(row[4], i), x8);
        s5 = add_product(s5, load8(row[5], i), x8);
        s6 = add_product(s6, load8(row[6], i), x8);
        s7 = add_product(s7, load8(row[7], i), x8);
    }
    const __m256 sums[TAI_TILE_ROWS] = {s0, s1, s2, s3, s4, s5, s6, s7};
    for (uint32_t r = 0; r < TAI_TILE_ROWS; r++)
        strip->y[r] = finish(sums[r], row[r], x, k, load1);
}

/* y[t * y_stride + r] = row[r] . x[t], x_stride bytes apart, for 2 rows and 4 tokens */
TAI_INLINE void two_by_four(const uint8_t *const *row, uint32_t k, const uint8_t *x,
                            size_t x_stride, float *y, size_t y_stride, LoadEight load8,
                            LoadOne load1) {
    const float *x0 = (const void *)x, *x1 = (const void *)(x + x_stride);
    const float *x2 = (const void *)(x + 2 * x_stride), *x3 = (const void *)(x + 3 * x_stride);
    __m256 a0 = _mm256_setzero_ps(), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    for (uint32_t i = 0; i < k - k % 8; i += 8) {
        __m256 a = load8(row[0], i), b = load8(row[1], i);
        __m256 x8 = _mm256_loadu_ps(x0 + i);
        a0 = add_product(a0, a, x8), b0 = add_product(b0, b, x8);
        x8 = _mm256_loadu_ps(x1 + i);
        a1 = add_product(a1, a, x8), b1 = add_product(b1, b, x8);
        x8 = _mm256_loadu_ps(x2 + i);
        a2 = add_product(a2, a, x8), b2 = add_product(b2, b, x8);
        x8 = _mm256_loadu_ps(x3 + i);
        a3 = add_product(a3, a, x8), b3 = add_product(b3, b, x8);
    }
    const __m256 sums[ROWS_AT_ONCE][TAI_TILE_TOKENS] = {{a0, a1, a2, a3}, {b0, b1, b2, b3}};
    const float *tokens[TAI_TILE_TOKENS] = {x0, x1, x2, x3};
    for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++)
        for (uint32_t r = 0; r < ROWS_AT_ONCE; r++)
            y[t * y_stride + r] = finish(sums[r][t], row[r], tokens[t], k, load1);
}

TAI_INLINE void tile_of(const TaiTile *tile, LoadEight load8, LoadOne load1) {
    for (uint32_t t = 0; t < tile->n_tokens; t += TAI_TILE_TOKENS)
        for (uint32_t r = 0; r < TAI_TILE_ROWS; r += ROWS_AT_ONCE)
            two_by_four(tile->row + r, tile->k, tile->act + t * tile->act_stride, tile->act_stride,
                        tile->y + t * tile->y_stride + r, tile->y_stride, load8, load1);
}

void tai_avx2_strip_f32(const TaiStrip *strip) {
    strip_of(strip, load8_f32, load1_f32);
}

void tai_avx2_tile_f32(const TaiTile *tile) {
    tile_of(tile, load8_f32, load1_f32);
}

void tai_avx2_strip_f16(const TaiStrip *strip) {
    strip_of(strip, load8_f16, load1_f16);
}

void tai_avx2_tile_f16(const TaiTile *tile) {
    tile_of(tile, load8_f16, load1_f16);
}

void tai_avx2_strip_bf16(const TaiStrip *strip) {
    strip_of(strip, load8_bf16, load1_bf16);
}

void tai_avx2_tile_bf16(const TaiTile *tile) {
    tile_of(tile, load8_bf16, load1_bf16);
}
