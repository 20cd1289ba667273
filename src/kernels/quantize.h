/* How activations become int8; every tier repeats these operations.
 *
 *     amax = largest |x| of the block, compared as bit patterns, so that a NaN counts as the
 * largest d = amax / 127, and q = x * (127 / amax) rounded to nearest even, clamped to +-127
 *
 * amax < 2^-80 counts as 0: d = 0, q = 0. amax > 2^80 counts as infinite (NaN stays NaN): then d
 * and so all products are not finite, whatever q. In between, neither d nor 127 / amax nor a
 * product of d with an f16 comes near the limits of f32, even with a factor of 2^+-8. */
#ifndef TAI_QUANTIZE_H
#define TAI_QUANTIZE_H

#include "kernels/bits.h"

#define TAI_QUANT_TINY 0x1p-80f
#define TAI_QUANT_HUGE 0x1p80f

typedef struct TaiQuantScale {
    float d;  /* q -> value */
    float id; /* value -> q */
} TaiQuantScale;

/* amax_bits: the largest f32_bits(x) & 0x7FFFFFFF */
static inline TaiQuantScale tai_quant_scale(uint32_t amax_bits) {
    float amax = tai_f32_from_bits(amax_bits);
    if (amax < TAI_QUANT_TINY)
        return (TaiQuantScale){0.0f, 0.0f};
    if (!(amax <= TAI_QUANT_HUGE))
        return (TaiQuantScale){amax * __builtin_inff(), 0.0f};
    return (TaiQuantScale){amax / 127.0f, 127.0f / amax};
}

/* NaN fails the first comparison and becomes -127: any number will do, d tells. */
static inline int8_t tai_quant(float x, float id) {
    float q = x * id;
    q = q > -127.0f ? q : -127.0f;
    q = q < 127.0f ? q : 127.0f;
    return (int8_t)tai_rounded_f32(q + TAI_ROUND_F32);
}

#endif
