/* Activations as this tier keeps them: int8 values widened to int16, for i32x4.dot_i16x8, in the
 * order in which weights come out of their packing.
 *
 *     Q8_32   q[k] int16, d[k / 32] f32                          value = q * d
 *     Q8_32N  q[k] int16, d[k / 32] f32, sums[k / 32] int32
 *     Q8_256  q[k] int16, d[k / 256] f32, sums16[k / 16] int16, sums32[k / 32] int16
 *
 * Q8_32 is in ascending order. In the others each 16 values are 8 even ones, then 8 odd ones: a
 * vector of packed bytes, seen as 8 lanes of 16 bits, holds the even bytes low and the odd bytes
 * high. Weights that are stored with an offset, as q + 8, are multiplied as they are, and 8 * sum
 * comes off.
 *
 * Q8_32N goes further. Of a lane 0xDCBA of Q4_0 nibbles (A: even j, B: even j + 16, C: odd j, D:
 * odd j + 16), only D needs a shift if the masked values A, B * 16 and C * 256 are multiplied as
 * they are and A and D meet activations 256 times, B 16 times as large. All products are then 256
 * times what they should be, which d / 256 takes back without a rounding: |d| >= 2^-87, see
 * TAI_QUANT_TINY. */
#ifndef TAI_SIMD128_ACTIVATIONS_H
#define TAI_SIMD128_ACTIVATIONS_H

#include "kernels/blocks.h"

/* Of Q8_32N: d[b] = d / SCALE, sums[b] = 8 * SCALE * (sum of the 32 q). */
#define TAI_ACT_N_SCALE 256

static inline const float *tai_act_d(const void *act, uint32_t k) {
    return (const float *)((const int16_t *)act + k);
}

static inline const int32_t *tai_act_sums(const void *act, uint32_t k) {
    return (const int32_t *)(tai_act_d(act, k) + k / TAI_BLOCK);
}

static inline const int16_t *tai_act_sums16(const void *act, uint32_t k) {
    return (const int16_t *)(tai_act_d(act, k) + k / TAI_SUPERBLOCK);
}

static inline const int16_t *tai_act_sums32(const void *act, uint32_t k) {
    return tai_act_sums16(act, k) + k / 16;
}

#endif
