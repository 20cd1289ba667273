/* F32, F16 and BF16 rows: the 8 virtual lanes of reference/float.c are two vectors. */
#include <stdbool.h>

#include "kernels/bits.h"
#include "kernels/math.h"
#include "kernels/simd128/matmul.h"
#include "kernels/simd128/v8.h"

/* Weights i..i + 7 of a row, and weight i. */
typedef V8 (*LoadEight)(const uint8_t *row, uint32_t i);
typedef float (*LoadOne)(const uint8_t *row, uint32_t i);

static inline V8 load8_f32(const uint8_t *row, uint32_t i) {
    return v8_load(row + (size_t)i * 4);
}

static inline float load1_f32(const uint8_t *row, uint32_t i) {
    return ((const float *)(const void *)row)[i];
}

static inline V8 load8_f16(const uint8_t *row, uint32_t i) {
    return v8_load_f16(row + (size_t)i * 2);
}

/* The same where no weight is infinite. */
static inline V8 load8_f16_finite(const uint8_t *row, uint32_t i) {
    const uint8_t *at = row + (size_t)i * 2;
    V8 fields = {wasm_i32x4_load16x4(at), wasm_i32x4_load16x4(at + 8)};
    fields = v8_and(v8_shl32(fields, 13), v8_splat32((int32_t)0x8FFFE000u));
    return v8_mul(fields, v8_splat_f32(0x1p112f));
}

/* Whether the weights 0..k - k mod 8 - 1 of a row are finite: looked up in advance, a pass
 * over them costs less than the two multiplications that each then saves. */
static bool is_finite_f16(const uint8_t *row, uint32_t k) {
    v128_t largest = wasm_i32x4_const_splat(0); /* as integers, without the sign */
    for (uint32_t i = 0; i < k - k % 8; i += 8)
        largest = wasm_u16x8_max(largest, wasm_i16x8_shl(wasm_v128_load(row + (size_t)i * 2), 1));
    return !wasm_v128_any_true(wasm_u16x8_ge(largest, wasm_i16x8_const_splat((int16_t)0xF800)));
}

static inline float load1_f16(const uint8_t *row, uint32_t i) {
    return tai_f16_weight(((const uint16_t *)(const void *)row)[i]);
}

static inline V8 load8_bf16(const uint8_t *row, uint32_t i) {
    return v8_load_bf16(row + (size_t)i * 2);
}

static inline float load1_bf16(const uint8_t *row, uint32_t i) {
    return tai_bf16_to_f32(((const uint16_t *)(const void *)row)[i]);
}

static inline V8 add_product(V8 sum, V8 w, V8 x) {
    return v8_add(sum, v8_mul(w, x));
}

/* The sum of the lanes, after the last k mod 8 products have gone to theirs. */
static inline float finish(V8 sum, const uint8_t *row, const float *x, uint32_t k, LoadOne load1) {
    float lane[8];
    v8_store(lane, sum);
    for (uint32_t i = k - k % 8; i < k; i++)
        lane[i % 8] += load1(row, i) * x[i];
    return tai_lanes_sum(lane);
}

static inline __attribute__((always_inline)) void strip_of(const TaiStrip *strip, LoadEight load8,
                                                           LoadOne load1) {
    const uint8_t *row0 = strip->row[0], *row1 = strip->row[1];
    const uint8_t *row2 = strip->row[2], *row3 = strip->row[3];
    const float *x = strip->act;
    float *y = strip->y;
    uint32_t k = strip->k;
    V8 s0 = v8_zero(), s1 = s0, s2 = s0, s3 = s0;
#pragma clang loop unroll(disable)
    for (uint32_t i = 0; i < k - k % 8; i += 8) {
        V8 x8 = v8_load(x + i);
        s0 = add_product(s0, load8(row0, i), x8);
        s1 = add_product(s1, load8(row1, i), x8);
        s2 = add_product(s2, load8(row2, i), x8);
        s3 = add_product(s3, load8(row3, i), x8);
    }
    y[0] = finish(s0, row0, x, k, load1);
    y[1] = finish(s1, row1, x, k, load1);
    y[2] = finish(s2, row2, x, k, load1);
    y[3] = finish(s3, row3, x, k, load1);
}

/* y[t * y_stride] = row . x[t], x_stride bytes apart, for 4 tokens */
static inline __attribute__((always_inline)) void four_tokens(const uint8_t *row, uint32_t k,
                                                              const uint8_t *x, size_t x_stride,
                                                              float *y, size_t y_stride,
                                                              LoadEight load8, LoadOne load1) {
    const float *x0 = (const void *)x, *x1 = (const void *)(x + x_stride);
    const float *x2 = (const void *)(x + 2 * x_stride), *x3 = (const void *)(x + 3 * x_stride);
    V8 s0 = v8_zero(), s1 = s0, s2 = s0, s3 = s0;
#pragma clang loop unroll(disable)
    for (uint32_t i = 0; i < k - k % 8; i += 8) {
        V8 w = load8(row, i);
        s0 = add_product(s0, w, v8_load(x0 + i));
        s1 = add_product(s1, w, v8_load(x1 + i));
        s2 = add_product(s2, w, v8_load(x2 + i));
        s3 = add_product(s3, w, v8_load(x3 + i));
    }
    y[0] = finish(s0, row, x0, k, load1);
    y[y_stride] = finish(s1, row, x1, k, load1);
    y[2 * y_stride] = finish(s2, row, x2, k, load1);
    y[3 * y_stride] = finish(s3, row, x3, k, load1);
}

static inline __attribute__((always_inline)) void tile_of(const TaiTile *tile, LoadEight load8,
                                                          LoadOne load1) {
    for (uint32_t t = 0; t < tile->n_tokens; t += TAI_TILE_TOKENS)
        for (uint32_t r = 0; r < TAI_TILE_ROWS; r++)
            four_tokens(tile->row[r], tile->k, tile->act + t * tile->act_stride, tile->act_stride,
                        tile->y + t * tile->y_stride + r, tile->y_stride, load8, load1);
}

void tai_simd_strip_f32(const TaiStrip *strip) {
    strip_of(strip, load8_f32, load1_f32);
}

/* Nothing to unpack: strips are faster. */
void tai_simd_tile_f32(const TaiTile *tile) {
    for (uint32_t t = 0; t < tile->n_tokens; t++)
        for (uint32_t r = 0; r < TAI_TILE_ROWS; r += TAI_STRIP_ROWS) {
            TaiStrip strip = {.k = tile->k,
                              .act = tile->act + t * tile->act_stride,
                              .y = tile->y + t * tile->y_stride + r};
            for (uint32_t i = 0; i < TAI_STRIP_ROWS; i++)
                strip.row[i] = tile->row[r + i];
            tai_simd_strip_f32(&strip);
        }
}

static bool are_finite_f16(const uint8_t *const *rows, uint32_t n, uint32_t k) {
    for (uint32_t r = 0; r < n; r++)
        if (!is_finite_f16(rows[r], k))
            return false;
    return true;
}

void tai_simd_strip_f16(const TaiStrip *strip) {
    if (are_finite_f16(strip->row, TAI_STRIP_ROWS, strip->k))
        strip_of(strip, load8_f16_finite, load1_f16);
    else
        strip_of(strip, load8_f16, load1_f16);
}

void tai_simd_tile_f16(const TaiTile *tile) {
    if (are_finite_f16(tile->row, TAI_TILE_ROWS, tile->k))
        tile_of(tile, load8_f16_finite, load1_f16);
    else
        tile_of(tile, load8_f16, load1_f16);
}

void tai_simd_strip_bf16(const TaiStrip *strip) {
    strip_of(strip, load8_bf16, load1_bf16);
}

void tai_simd_tile_bf16(const TaiTile *tile) {
    tile_of(tile, load8_bf16, load1_bf16);
}
