/* Q4_K: the block is drawn in reference/q4_k.c, the activations in activations.h. */
#include <string.h>

#include "kernels/simd128/activations.h"
#include "kernels/simd128/matmul.h"
#include "kernels/simd128/vectors.h"

enum { BLOCK = sizeof(TaiQ4_K), QS = 16 /* offset of qs */ };

/* The 8 scales and the 8 minima of a block, as int16. */
typedef struct Scales {
    v128_t s, m;
} Scales;

static inline Scales scales_of(const uint8_t *block) {
    uint32_t word[3];
    memcpy(word, block + 4, sizeof word);
    uint32_t s_high = (word[2] & 0x0F0F0F0Fu) | (word[0] >> 2 & 0x30303030u);
    uint32_t m_high = (word[2] >> 4 & 0x0F0F0F0Fu) | (word[1] >> 2 & 0x30303030u);
    v128_t bytes = wasm_u32x4_make(word[0] & 0x3F3F3F3Fu, s_high, word[1] & 0x3F3F3F3Fu, m_high);
    return (Scales){wasm_u16x8_extend_low_u8x16(bytes), wasm_u16x8_extend_high_u8x16(bytes)};
}

/* 16 bytes at qs, of two sub-blocks, times activations a[4]; scale: that of the first sub-block
 * four times, that of the second four times. A sum of 4 products, |4 * 15 * 127|, fits in 16 bits.
 */
static inline v128_t dot(const uint8_t *qs, const v128_t a[4], v128_t scale) {
    v128_t q = wasm_v128_load(qs), nibble = wasm_i16x8_const_splat(15);
    v128_t first =
        wasm_i32x4_add(wasm_i32x4_dot_i16x8(wasm_v128_and(q, nibble), a[0]),
                       wasm_i32x4_dot_i16x8(wasm_v128_and(wasm_u16x8_shr(q, 8), nibble), a[1]));
    v128_t second =
        wasm_i32x4_add(wasm_i32x4_dot_i16x8(wasm_v128_and(wasm_u16x8_shr(q, 4), nibble), a[2]),
                       wasm_i32x4_dot_i16x8(wasm_u16x8_shr(q, 12), a[3]));
    return wasm_i32x4_dot_i16x8(wasm_i16x8_narrow_i32x4(first, second), scale);
}

/* isum and msum of two rows' blocks, in pairs (tai_sum_pairs). */
static inline __attribute__((always_inline)) void two_rows(const uint8_t *block0,
                                                           const uint8_t *block1, const int16_t *q,
                                                           v128_t sums, volatile TaiParked *isum,
                                                           volatile TaiParked *msum) {
    Scales scales0 = scales_of(block0), scales1 = scales_of(block1);
    *msum = (TaiParked)tai_sum_pairs(wasm_i32x4_dot_i16x8(scales0.m, sums),
                                     wasm_i32x4_dot_i16x8(scales1.m, sums));
    int16_t s0[8], s1[8];
    wasm_v128_store(s0, scales0.s);
    wasm_v128_store(s1, scales1.s);
    volatile TaiParked sum0 = {0}, sum1 = {0};
    const uint8_t *qs0 = block0 + QS, *qs1 = block1 + QS;
#pragma clang loop unroll(disable)
    for (uint32_t sub = 0; sub < 8; sub += 2) {
        v128_t scale0 = tai_splat_two(&s0[sub], &s0[sub + 1]);
        v128_t scale1 = tai_splat_two(&s1[sub], &s1[sub + 1]);
#pragma clang loop unroll(disable)
        for (uint32_t half = 0; half < 2; half++) {
            const v128_t a[4] = {wasm_v128_load(q), wasm_v128_load(q + 8), wasm_v128_load(q + 32),
                                 wasm_v128_load(q + 40)};
            sum0 = (TaiParked)wasm_i32x4_add((v128_t)sum0, dot(qs0, a, scale0));
            sum1 = (TaiParked)wasm_i32x4_add((v128_t)sum1, dot(qs1, a, scale1));
            qs0 += 16, qs1 += 16, q += 16;
        }
        q += 32;
    }
    *isum = (TaiParked)tai_sum_pairs((v128_t)sum0, (v128_t)sum1);
}

void tai_simd_strip_q4_k(const uint8_t *const row[TAI_STRIP], uint32_t k, const void *act,
                         float *y) {
    const uint8_t *row0 = row[0], *row1 = row[1], *row2 = row[2], *row3 = row[3];
    const int16_t *q = act, *sums = tai_act_sums32(act, k);
    const float *d = tai_act_d(act, k);
    volatile TaiParked isums[2], msums[2];
    v128_t total = wasm_f32x4_const_splat(0);
    for (uint32_t b = 0; b < k / TAI_SUPERBLOCK; b++) {
        v128_t sum = wasm_v128_load(sums + (size_t)b * 8);
        two_rows(row0, row1, q, sum, &isums[0], &msums[0]);
        two_rows(row2, row3, q, sum, &isums[1], &msums[1]);
        v128_t isum = tai_sum_rows((v128_t)isums[0], (v128_t)isums[1]);
        v128_t msum = tai_sum_rows((v128_t)msums[0], (v128_t)msums[1]);
        v128_t da = wasm_v128_load32_splat(d + b);
        v128_t scales = tai_load16x4(row0, row1, row2, row3); /* d, and dmin above it */
        v128_t scale = wasm_f32x4_mul(tai_f16x4_small(scales), da);
        v128_t minimum = wasm_f32x4_mul(tai_f16x4_small(wasm_u32x4_shr(scales, 16)), da);
        v128_t part = wasm_f32x4_sub(wasm_f32x4_mul(scale, wasm_f32x4_convert_i32x4(isum)),
                                     wasm_f32x4_mul(minimum, wasm_f32x4_convert_i32x4(msum)));
        total = wasm_f32x4_add(total, part);
        row0 += BLOCK, row1 += BLOCK, row2 += BLOCK, row3 += BLOCK;
        q += TAI_SUPERBLOCK;
    }
    wasm_v128_store(y, total);
}
