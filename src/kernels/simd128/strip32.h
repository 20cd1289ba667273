/* A strip of four rows of blocks of 32 weights (Q4_0, Q5_0, Q8_0) against one token. The formats
 * differ in how one block of one row is multiplied. */
#ifndef TAI_SIMD128_STRIP32_H
#define TAI_SIMD128_STRIP32_H

#include "kernels/simd128/activations.h"
#include "kernels/simd128/matmul.h"
#include "kernels/simd128/vectors.h"

/* The sum of the four lanes is the dot product of a block with a[0..3], 32 activations. */
typedef v128_t (*TaiBlockDot)(const uint8_t *block, const v128_t a[4]);

/* y += isum * (d * da), see reference/q4_0.c; every block begins with its f16 scale.
 * offset: what the packed weights have too much: 0, 8 or 16 */
static inline __attribute__((always_inline)) void
tai_strip32(const TaiStrip *strip, TaiBlockDot dot, uint32_t block_bytes, uint32_t offset) {
    const uint8_t *row0 = strip->row[0], *row1 = strip->row[1];
    const uint8_t *row2 = strip->row[2], *row3 = strip->row[3];
    uint32_t k = strip->k;
    const void *act = strip->act;
    const int16_t *q = act;
    const float *d = tai_act_d(act, k);
    const int32_t *sums = tai_act_sums(act, k);
    volatile TaiParked parked[4];
    v128_t total = wasm_f32x4_const_splat(0);
    for (uint32_t b = 0; b < k / TAI_BLOCK; b++) {
        const v128_t a[4] = {wasm_v128_load(q), wasm_v128_load(q + 8), wasm_v128_load(q + 16),
                             wasm_v128_load(q + 24)};
        parked[0] = (TaiParked)dot(row0, a);
        parked[1] = (TaiParked)dot(row1, a);
        parked[2] = (TaiParked)dot(row2, a);
        parked[3] = (TaiParked)dot(row3, a);
        v128_t isum = tai_sum_rows(tai_sum_pairs((v128_t)parked[0], (v128_t)parked[1]),
                                   tai_sum_pairs((v128_t)parked[2], (v128_t)parked[3]));
        if (offset != 0)
            isum = wasm_i32x4_sub(isum,
                                  wasm_i32x4_shl(wasm_v128_load32_splat(sums + b), offset / 8 - 1));
        v128_t scale = wasm_f32x4_mul(tai_f16x4(tai_load16x4(row0, row1, row2, row3)),
                                      wasm_v128_load32_splat(d + b));
        total = wasm_f32x4_add(total, wasm_f32x4_mul(wasm_f32x4_convert_i32x4(isum), scale));
        row0 += block_bytes, row1 += block_bytes, row2 += block_bytes, row3 += block_bytes;
        q += TAI_BLOCK;
    }
    wasm_v128_store(strip->y, total);
}

#endif
