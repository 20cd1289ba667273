/* Q8_0: the block is drawn in reference/q8_0.c. */
#include "kernels/simd128/strip32.h"

static inline v128_t dot8(const uint8_t *q, v128_t a) {
    return wasm_i32x4_dot_i16x8(wasm_i16x8_load8x8(q), a);
}

static inline v128_t dot(const uint8_t *block, const v128_t a[4]) {
    return wasm_i32x4_add(wasm_i32x4_add(dot8(block + 2, a[0]), dot8(block + 10, a[1])),
                          wasm_i32x4_add(dot8(block + 18, a[2]), dot8(block + 26, a[3])));
}

void tai_simd_strip_q8_0(const uint8_t *const row[TAI_STRIP], uint32_t k, const void *act,
                         float *y) {
    tai_strip32(row, k, act, y, dot, sizeof(TaiQ8_0), 0);
}
