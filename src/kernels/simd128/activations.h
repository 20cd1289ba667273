/* Activations as this tier keeps them: int8 values widened to int16, for i32x4.dot_i16x8, in the order
 * in which the weights come out of their packing.
 *
 * Form Q8_32: ascending.
 * Forms Q8_32N and Q8_256: of each 16, first the 8 even ones, then the 8 odd ones: a vector of bytes,
 * seen as 8 lanes of 16 bits, holds the even bytes low and the odd bytes high.
 *
 *     Q8_32   q[k] int16, d[k / 32] f32
 *     Q8_32N  q[k] int16, d[k / 32] f32, sums[k / 32] int32       sum of each 32
 *     Q8_256  q[k] int16, d[k / 256] f32, sums[k / 16] int16      sum of each 16
 *
 * Weights that are stored with an offset (q - 8) are multiplied as they are; 8 * sum comes off. */
#ifndef TAI_SIMD128_ACTIVATIONS_H
#define TAI_SIMD128_ACTIVATIONS_H

#include "kernels/blocks.h"

static inline const int16_t *tai_act_q(const void *act) {
    return act;
}

static inline const float *tai_act_d(const void *act, uint32_t k) {
    return (const float *)((const int16_t *)act + k);
}

static inline const int32_t *tai_act_sums32(const void *act, uint32_t k) {
    return (const int32_t *)(tai_act_d(act, k) + k / TAI_BLOCK);
}

static inline const int16_t *tai_act_sums16(const void *act, uint32_t k) {
    return (const int16_t *)(tai_act_d(act, k) + k / TAI_SUPERBLOCK);
}

#endif
