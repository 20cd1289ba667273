/* Q5_0: the block is drawn in reference/q5_0.c, the activations in activations.h. */
#include "kernels/simd128/strip32.h"

/* Byte j = bit j of the 16 bits at qh, moved to bit 4. */
static inline v128_t fifth_bits(const uint8_t *qh) {
    v128_t bytes =
        wasm_i64x2_shuffle(wasm_v128_load8_splat(qh), wasm_v128_load8_splat(qh + 1), 0, 2);
    v128_t bit = wasm_v128_and(bytes, wasm_i64x2_const_splat((int64_t)0x8040201008040201u));
    v128_t is_zero = wasm_i8x16_eq(bit, wasm_i8x16_const_splat(0));
    return wasm_v128_andnot(wasm_i8x16_const_splat(0x10), is_zero);
}

static inline v128_t dot(const uint8_t *block, const v128_t a[4]) {
    v128_t nibble = wasm_i8x16_const_splat(0x0F);
    v128_t q = wasm_v128_load(block + 6);
    v128_t low = wasm_v128_or(wasm_v128_and(q, nibble), fifth_bits(block + 2));
    v128_t high = wasm_v128_or(wasm_v128_and(wasm_u16x8_shr(q, 4), nibble), fifth_bits(block + 4));
    /* The factors 1, 256, 16, 1 are what the activations expect. */
    v128_t byte = wasm_i16x8_const_splat(0x00FF);
    v128_t sum_low = wasm_i32x4_add(wasm_i32x4_dot_i16x8(wasm_v128_and(low, byte), a[0]),
                                    wasm_i32x4_dot_i16x8(wasm_v128_andnot(low, byte), a[1]));
    v128_t sum_high =
        wasm_i32x4_add(wasm_i32x4_dot_i16x8(wasm_i16x8_shl(wasm_v128_and(high, byte), 4), a[2]),
                       wasm_i32x4_dot_i16x8(wasm_u16x8_shr(high, 8), a[3]));
    return wasm_i32x4_add(sum_low, sum_high);
}

void tai_simd_strip_q5_0(const uint8_t *const row[TAI_STRIP], uint32_t k, const void *act,
                         float *y) {
    tai_strip32(row, k, act, y, dot, sizeof(TaiQ5_0), 16);
}
