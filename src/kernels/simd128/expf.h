/* tai_expf (math.c) on four lanes: the same operations in the same order. */
#ifndef TAI_SIMD128_EXPF_H
#define TAI_SIMD128_EXPF_H

#include <wasm_simd128.h>

#include "kernels/bits.h"
#include "kernels/expf.h"

/* 2^n for -127 < n < 128 */
static inline v128_t tai_power_of_two(v128_t n) {
    return wasm_i32x4_shl(wasm_i32x4_add(n, wasm_i32x4_const_splat(127)), 23);
}

static inline v128_t tai_expf4(v128_t x) {
    x = wasm_f32x4_pmin(x, wasm_f32x4_const_splat(TAI_EXPF_MAX));
    x = wasm_f32x4_pmax(x, wasm_f32x4_const_splat(TAI_EXPF_MIN));
    v128_t magic = wasm_f32x4_const_splat(TAI_ROUND_F32);
    v128_t shifted =
        wasm_f32x4_add(wasm_f32x4_mul(x, wasm_f32x4_const_splat(TAI_EXPF_LOG2E)), magic);
    v128_t n = wasm_i32x4_sub(shifted, wasm_i32x4_const_splat((int32_t)TAI_ROUND_F32_BITS));
    v128_t n_f = wasm_f32x4_sub(shifted, magic);
    v128_t r = wasm_f32x4_sub(x, wasm_f32x4_mul(n_f, wasm_f32x4_const_splat(TAI_EXPF_LN2_HI)));
    r = wasm_f32x4_sub(r, wasm_f32x4_mul(n_f, wasm_f32x4_const_splat(TAI_EXPF_LN2_LO)));
    v128_t q = wasm_f32x4_const_splat(TAI_EXPF_C6);
    q = wasm_f32x4_add(wasm_f32x4_mul(q, r), wasm_f32x4_const_splat(TAI_EXPF_C5));
    q = wasm_f32x4_add(wasm_f32x4_mul(q, r), wasm_f32x4_const_splat(TAI_EXPF_C4));
    q = wasm_f32x4_add(wasm_f32x4_mul(q, r), wasm_f32x4_const_splat(TAI_EXPF_C3));
    q = wasm_f32x4_add(wasm_f32x4_mul(q, r), wasm_f32x4_const_splat(TAI_EXPF_C2));
    v128_t rest = wasm_f32x4_add(r, wasm_f32x4_mul(wasm_f32x4_mul(r, r), q));
    v128_t p = wasm_f32x4_add(wasm_f32x4_const_splat(1.0f), rest);
    v128_t half = wasm_i32x4_shr(n, 1);
    p = wasm_f32x4_mul(p, tai_power_of_two(half));
    return wasm_f32x4_mul(p, tai_power_of_two(wasm_i32x4_sub(n, half)));
}

#endif
