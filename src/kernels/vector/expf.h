/* tai_expf (math.c) on eight lanes: the same operations in the same order. The tier's v8.h comes first. */
#ifndef TAI_VECTOR_EXPF_H
#define TAI_VECTOR_EXPF_H

#include "kernels/bits.h"
#include "kernels/expf.h"

/* 2^n for -127 < n < 128 */
TAI_INLINE V8 v8_power_of_two(V8 n) {
    return v8_shl32(v8_add32(n, v8_splat32(127)), 23);
}

/* q * r + c, two roundings */
TAI_INLINE V8 v8_horner(V8 q, V8 r, float c) {
    return v8_add(v8_mul(q, r), v8_splat_f32(c));
}

TAI_INLINE V8 v8_expf(V8 x) {
    x = v8_min(v8_splat_f32(TAI_EXPF_MAX), x); /* NaN stays */
    x = v8_max(v8_splat_f32(TAI_EXPF_MIN), x);
    V8 magic = v8_splat_f32(TAI_ROUND_F32);
    V8 shifted = v8_add(v8_mul(x, v8_splat_f32(TAI_EXPF_LOG2E)), magic);
    V8 n = v8_sub32(shifted, v8_splat32((int32_t)TAI_ROUND_F32_BITS));
    V8 n_f = v8_sub(shifted, magic);
    V8 r = v8_sub(x, v8_mul(n_f, v8_splat_f32(TAI_EXPF_LN2_HI)));
    r = v8_sub(r, v8_mul(n_f, v8_splat_f32(TAI_EXPF_LN2_LO)));
    V8 q = v8_splat_f32(TAI_EXPF_C6);
    q = v8_horner(q, r, TAI_EXPF_C5);
    q = v8_horner(q, r, TAI_EXPF_C4);
    q = v8_horner(q, r, TAI_EXPF_C3);
    q = v8_horner(q, r, TAI_EXPF_C2);
    V8 rest = v8_add(r, v8_mul(v8_mul(r, r), q));
    V8 p = v8_add(v8_splat_f32(1.0f), rest);
    V8 half = v8_sar32(n, 1);
    p = v8_mul(p, v8_power_of_two(half));
    return v8_mul(p, v8_power_of_two(v8_sub32(n, half)));
}

#endif
