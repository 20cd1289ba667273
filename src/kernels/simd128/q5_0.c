/* Q5_0: the block is drawn in reference/q5_0.c, the activations in activations.h. */
#include "kernels/simd128/strip32.h"

/* Volatile, because a compiler that knows these values makes shifts of the multiplication, one by one. */
static const volatile TaiParked powers = {0x10004000, 0x01000400, 0x00100040, 0x00010004};

/* Lane i = bits 2 i and 2 i + 1 of the 16 bits at qh, moved to bits 14 and 15. */
static inline v128_t fifth_bits(const uint8_t *qh) {
    return wasm_i16x8_mul(wasm_v128_load16_splat(qh), (v128_t)powers);
}

/* The values of one quarter of the block times the factor that the activations expect. */
static inline v128_t join(v128_t low, int16_t low_mask, v128_t high, int16_t high_mask) {
    return wasm_v128_or(wasm_v128_and(low, wasm_i16x8_splat(low_mask)),
                        wasm_v128_and(high, wasm_i16x8_splat(high_mask)));
}

static inline v128_t dot(const uint8_t *block, const v128_t a[4]) {
    v128_t q = wasm_v128_load(block + 6);
    v128_t h = fifth_bits(block + 2);
    v128_t low =
        wasm_i32x4_add(wasm_i32x4_dot_i16x8(join(q, 0x000F, wasm_u16x8_shr(h, 10), 0x0010), a[0]),
                       wasm_i32x4_dot_i16x8(join(q, 0x0F00, wasm_u16x8_shr(h, 3), 0x1000), a[1]));
    h = fifth_bits(block + 4);
    v128_t high = wasm_i32x4_add(
        wasm_i32x4_dot_i16x8(join(q, 0x00F0, wasm_u16x8_shr(h, 6), 0x0100), a[2]),
        wasm_i32x4_dot_i16x8(join(wasm_u16x8_shr(q, 12), 0x000F, wasm_u16x8_shr(h, 11), 0x0010),
                             a[3]));
    return wasm_i32x4_add(low, high);
}

void tai_simd_strip_q5_0(const uint8_t *const row[TAI_STRIP], uint32_t k, const void *act,
                         float *y) {
    tai_strip32(row, k, act, y, dot, sizeof(TaiQ5_0), 16);
}
