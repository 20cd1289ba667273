/* F32, F16 and BF16 rows times activations: the 8 virtual lanes of reference/float.c are the eight lanes of the
 * tier's v8.h, which comes first. For processors with at least 16 registers of eight lanes. */
#ifndef TAI_VECTOR_FLOAT_ROWS_H
#define TAI_VECTOR_FLOAT_ROWS_H

#include "kernels/bits.h"
#include "kernels/math.h"
#include "kernels/tiling.h"

/* Weights i..i + 7 of a row, and weight i. */
typedef V8 (*TaiLoadEight)(const uint8_t *row, uint32_t i);
typedef float (*TaiLoadOne)(const uint8_t *row, uint32_t i);

TAI_INLINE V8 tai_load8_f32(const uint8_t *row, uint32_t i) {
    return v8_load(row + (size_t)i * 4);
}

TAI_INLINE float tai_load1_f32(const uint8_t *row, uint32_t i) {
    return ((const float *)(const void *)row)[i];
}

TAI_INLINE V8 tai_load8_f16(const uint8_t *row, uint32_t i) {
    return v8_load_f16(row + (size_t)i * 2);
}

TAI_INLINE float tai_load1_f16(const uint8_t *row, uint32_t i) {
    return tai_f16_weight(((const uint16_t *)(const void *)row)[i]);
}

TAI_INLINE V8 tai_load8_bf16(const uint8_t *row, uint32_t i) {
    return v8_load_bf16(row + (size_t)i * 2);
}

TAI_INLINE float tai_load1_bf16(const uint8_t *row, uint32_t i) {
    return tai_bf16_to_f32(((const uint16_t *)(const void *)row)[i]);
}

/* Rows that share the activations of a tile in registers. */
enum { TAI_FLOAT_ROWS = 2 };

TAI_INLINE V8 tai_add_product(V8 sum, V8 w, V8 x) {
    return v8_add(sum, v8_mul(w, x));
}

/* The sum of the lanes, after the last k mod 8 products have gone to theirs. */
TAI_INLINE float tai_finish_row(V8 sum, const uint8_t *row, const float *x, uint32_t k,
                                TaiLoadOne load1) {
    float lane[8];
    v8_store(lane, sum);
    for (uint32_t i = k - k % 8; i < k; i++)
        lane[i % 8] += load1(row, i) * x[i];
    return tai_lanes_sum(lane);
}

TAI_INLINE void tai_float_strip(const TaiStrip *strip, TaiLoadEight load8, TaiLoadOne load1) {
    const uint8_t *const *row = strip->row;
    const float *x = strip->act;
    uint32_t k = strip->k;
    V8 s0 = v8_zero(), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
    for (uint32_t i = 0; i < k - k % 8; i += 8) {
        V8 x8 = v8_load(x + i);
        s0 = tai_add_product(s0, load8(row[0], i), x8);
        s1 = tai_add_product(s1, load8(row[1], i), x8);
        s2 = tai_add_product(s2, load8(row[2], i), x8);
        s3 = tai_add_product(s3, load8(row[3], i), x8);
        s4 = tai_add_product(s4, load8(row[4], i), x8);
        s5 = tai_add_product(s5, load8(row[5], i), x8);
        s6 = tai_add_product(s6, load8(row[6], i), x8);
        s7 = tai_add_product(s7, load8(row[7], i), x8);
    }
    const V8 sums[TAI_TILE_ROWS] = {s0, s1, s2, s3, s4, s5, s6, s7};
    for (uint32_t r = 0; r < TAI_TILE_ROWS; r++)
        strip->y[r] = tai_finish_row(sums[r], row[r], x, k, load1);
}

/* y[t * y_stride + r] = row[r] . x[t], x_stride bytes apart, for 2 rows and 4 tokens */
TAI_INLINE void tai_two_by_four(const uint8_t *const *row, uint32_t k, const uint8_t *x,
                                size_t x_stride, float *y, size_t y_stride, TaiLoadEight load8,
                                TaiLoadOne load1) {
    const float *x0 = (const void *)x, *x1 = (const void *)(x + x_stride);
    const float *x2 = (const void *)(x + 2 * x_stride), *x3 = (const void *)(x + 3 * x_stride);
    V8 a0 = v8_zero(), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    for (uint32_t i = 0; i < k - k % 8; i += 8) {
        V8 a = load8(row[0], i), b = load8(row[1], i);
        V8 x8 = v8_load(x0 + i);
        a0 = tai_add_product(a0, a, x8), b0 = tai_add_product(b0, b, x8);
        x8 = v8_load(x1 + i);
        a1 = tai_add_product(a1, a, x8), b1 = tai_add_product(b1, b, x8);
        x8 = v8_load(x2 + i);
        a2 = tai_add_product(a2, a, x8), b2 = tai_add_product(b2, b, x8);
        x8 = v8_load(x3 + i);
        a3 = tai_add_product(a3, a, x8), b3 = tai_add_product(b3, b, x8);
    }
    const V8 sums[TAI_FLOAT_ROWS][TAI_TILE_TOKENS] = {{a0, a1, a2, a3}, {b0, b1, b2, b3}};
    const float *tokens[TAI_TILE_TOKENS] = {x0, x1, x2, x3};
    for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++)
        for (uint32_t r = 0; r < TAI_FLOAT_ROWS; r++)
            y[t * y_stride + r] = tai_finish_row(sums[r][t], row[r], tokens[t], k, load1);
}

TAI_INLINE void tai_float_tile(const TaiTile *tile, TaiLoadEight load8, TaiLoadOne load1) {
    for (uint32_t t = 0; t < tile->n_tokens; t += TAI_TILE_TOKENS)
        for (uint32_t r = 0; r < TAI_TILE_ROWS; r += TAI_FLOAT_ROWS)
            tai_two_by_four(tile->row + r, tile->k, tile->act + t * tile->act_stride,
                            tile->act_stride, tile->y + t * tile->y_stride + r, tile->y_stride,
                            load8, load1);
}

static void tai_strip_f32(const TaiStrip *strip) {
    tai_float_strip(strip, tai_load8_f32, tai_load1_f32);
}

static void tai_tile_f32(const TaiTile *tile) {
    tai_float_tile(tile, tai_load8_f32, tai_load1_f32);
}

static void tai_strip_f16(const TaiStrip *strip) {
    tai_float_strip(strip, tai_load8_f16, tai_load1_f16);
}

static void tai_tile_f16(const TaiTile *tile) {
    tai_float_tile(tile, tai_load8_f16, tai_load1_f16);
}

static void tai_strip_bf16(const TaiStrip *strip) {
    tai_float_strip(strip, tai_load8_bf16, tai_load1_bf16);
}

static void tai_tile_bf16(const TaiTile *tile) {
    tai_float_tile(tile, tai_load8_bf16, tai_load1_bf16);
}

static size_t tai_fetch_rows(const uint8_t *w, size_t from, size_t to) {
    for (; from < to; from += TAI_CACHE_LINE_BYTES)
        __builtin_prefetch(w + from);
    return from;
}

/* matmul of TaiKernels for these three types. */
TAI_INLINE void tai_float_matmul(TaiProduct product) {
    static const TaiRowKernels kernels[] = {
        {TAI_TYPE_F32, tai_strip_f32, tai_tile_f32},
        {TAI_TYPE_F16, tai_strip_f16, tai_tile_f16},
        {TAI_TYPE_BF16, tai_strip_bf16, tai_tile_bf16},
    };
    static const TaiTiling tiling = {kernels, TAI_TILE_ROWS, tai_fetch_rows};
    tai_tiled_matmul(&tiling, product);
}

#endif
