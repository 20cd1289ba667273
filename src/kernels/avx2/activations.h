/* Activations as this tier keeps them, in ascending order:
 *
 *     Q8_32, Q8_32N  q[k] int8, d[k / 32] f32, sums[k / 32] int32          value = q * d
 *     Q8_256         q[k] int8, d[k / 256] f32, sums16[k / 16] int16, sums32[k / 32] int16
 *
 * The sums take back what weights have too much that are stored with an offset, as q + 8: such
 * weights are unsigned bytes, which is what vpmaddubsw multiplies with signed ones. */
#ifndef TAI_AVX2_ACTIVATIONS_H
#define TAI_AVX2_ACTIVATIONS_H

#include "kernels/blocks.h"

/* sums[b] = 8 * (sum of the 32 q): the smallest offset that a format has. */
#define TAI_ACT_SUM_FACTOR 8

static inline const float *tai_act_d(const void *act, uint32_t k) {
    return (const float *)((const int8_t *)act + k);
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
