/* Q4_0: the block is drawn in reference/q4_0.c, the activations in activations.h. */
#include "kernels/simd128/strip32.h"

static inline v128_t dot(const uint8_t *block, const v128_t a[4]) {
    v128_t q = wasm_v128_load(block + 2);
    v128_t low = wasm_i32x4_add(
        wasm_i32x4_dot_i16x8(wasm_v128_and(q, wasm_i16x8_const_splat(0x000F)), a[0]),
        wasm_i32x4_dot_i16x8(wasm_v128_and(q, wasm_i16x8_const_splat(0x0F00)), a[1]));
    v128_t high =
        wasm_i32x4_add(wasm_i32x4_dot_i16x8(wasm_v128_and(q, wasm_i16x8_const_splat(0x00F0)), a[2]),
                       wasm_i32x4_dot_i16x8(wasm_u16x8_shr(q, 12), a[3]));
    return wasm_i32x4_add(low, high);
}

void tai_simd_strip_q4_0(const uint8_t *const row[TAI_STRIP], uint32_t k, const void *act,
                         float *y) {
    tai_strip32(row, k, act, y, dot, sizeof(TaiQ4_0), 8);
}
