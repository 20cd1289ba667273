/* Q6_K: the block is drawn in reference/q6_k.c, the activations in activations.h. */
#include "kernels/simd128/activations.h"
#include "kernels/simd128/matmul.h"
#include "kernels/simd128/vectors.h"

enum {
    BLOCK = sizeof(TaiQ6_K),
    QH = 128,
    SCALES = 192,
    LAST = 206 /* its upper half is d */
}; /* offsets */

/* 16 weights q (one byte each) times the activations at a. */
static inline v128_t dot16(v128_t q, const int16_t *a) {
    return wasm_i32x4_add(
        wasm_i32x4_dot_i16x8(wasm_v128_and(q, wasm_i16x8_const_splat(0x00FF)), wasm_v128_load(a)),
        wasm_i32x4_dot_i16x8(wasm_u16x8_shr(q, 8), wasm_v128_load(a + 8)));
}

/* Sixteen weights of each of two runs, h: their high bits, in place; a: activations of the first.
 * A sum of 4 products, |4 * 63 * 127|, fits in 16 bits. */
static inline v128_t dot32(v128_t low0, v128_t h0, v128_t low1, v128_t h1, const int16_t *a,
                           const int16_t *scales) {
    v128_t nibbles = wasm_i8x16_const_splat(0x0F), high = wasm_i8x16_const_splat(0x30);
    v128_t q0 = wasm_v128_or(wasm_v128_and(low0, nibbles), wasm_v128_and(h0, high));
    v128_t q1 = wasm_v128_or(wasm_v128_and(low1, nibbles), wasm_v128_and(h1, high));
    v128_t sums = wasm_i16x8_narrow_i32x4(dot16(q0, a), dot16(q1, a + 32));
    return wasm_i32x4_dot_i16x8(sums, tai_splat_two(scales, scales + 2));
}

/* The sum of the four lanes is the isum of a block; sums: of 16 activations each. */
static inline __attribute__((always_inline)) v128_t dot(const uint8_t *block, const int16_t *q,
                                                        const int16_t *sums,
                                                        volatile TaiParked *parked) {
    const uint8_t *ql = block, *qh = block + QH;
    int16_t scale[16];
    v128_t scales0 = wasm_i16x8_load8x8(block + SCALES);
    v128_t scales1 = wasm_i16x8_load8x8(block + SCALES + 8);
    wasm_v128_store(scale, scales0);
    wasm_v128_store(scale + 8, scales1);
    v128_t offset = wasm_i32x4_add(wasm_i32x4_dot_i16x8(scales0, wasm_v128_load(sums)),
                                   wasm_i32x4_dot_i16x8(scales1, wasm_v128_load(sums + 8)));
    v128_t isum = wasm_i32x4_shl(wasm_i32x4_neg(offset), 5);
    const int16_t *s = scale;
#pragma clang loop unroll(disable)
    for (uint32_t half = 0; half < 2; half++) {
#pragma clang loop unroll(disable)
        for (uint32_t part = 0; part < 2; part++) { /* of each run of 32 */
            v128_t l0 = wasm_v128_load(ql), l1 = wasm_v128_load(ql + 32), h = wasm_v128_load(qh);
            *parked = (TaiParked)wasm_i32x4_add(
                isum, dot32(l0, wasm_i16x8_shl(h, 4), l1, wasm_i16x8_shl(h, 2), q, s));
            l0 = wasm_u16x8_shr(wasm_v128_load(ql), 4);
            l1 = wasm_u16x8_shr(wasm_v128_load(ql + 32), 4);
            h = wasm_v128_load(qh);
            isum = wasm_i32x4_add((v128_t)*parked,
                                  dot32(l0, h, l1, wasm_u16x8_shr(h, 2), q + 64, s + 4));
            ql += 16, qh += 16, q += 16, s += 1;
        }
        ql += 32, q += 96, s += 6;
    }
    return isum;
}

void tai_simd_strip_q6_k(const uint8_t *const row[TAI_STRIP], uint32_t k, const void *act,
                         float *y) {
    const uint8_t *row0 = row[0], *row1 = row[1], *row2 = row[2], *row3 = row[3];
    const int16_t *q = act, *sums = tai_act_sums16(act, k);
    const float *d = tai_act_d(act, k);
    volatile TaiParked isums[TAI_STRIP], parked;
    v128_t total = wasm_f32x4_const_splat(0);
    for (uint32_t b = 0; b < k / TAI_SUPERBLOCK; b++) {
        isums[0] = (TaiParked)dot(row0, q, sums, &parked);
        isums[1] = (TaiParked)dot(row1, q, sums, &parked);
        isums[2] = (TaiParked)dot(row2, q, sums, &parked);
        isums[3] = (TaiParked)dot(row3, q, sums, &parked);
        v128_t isum = tai_sum_rows(tai_sum_pairs((v128_t)isums[0], (v128_t)isums[1]),
                                   tai_sum_pairs((v128_t)isums[2], (v128_t)isums[3]));
        v128_t scale = tai_f16x4_small(
            wasm_u32x4_shr(tai_load16x4(row0 + LAST, row1 + LAST, row2 + LAST, row3 + LAST), 16));
        scale = wasm_f32x4_mul(scale, wasm_v128_load32_splat(d + b));
        total = wasm_f32x4_add(total, wasm_f32x4_mul(scale, wasm_f32x4_convert_i32x4(isum)));
        row0 += BLOCK, row1 += BLOCK, row2 += BLOCK, row3 += BLOCK;
        q += TAI_SUPERBLOCK, sums += 16;
    }
    wasm_v128_store(y, total);
}
