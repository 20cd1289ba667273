/* Q4_0: the block is drawn in reference/q4_0.c, the activations in activations.h. */
#include "kernels/simd128/strip32.h"
#include "kernels/simd128/tiles.h"

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

void tai_simd_strip_q4_0(const TaiStrip *strip) {
    tai_strip32(strip, dot, sizeof(TaiQ4_0), 8);
}

/* q - 8, times the factor that the activations expect. */
static inline TaiSixteen unpack(const void *from, uint32_t i) {
    const uint8_t *block = from;
    v128_t q = wasm_v128_load(block + 2);
    if (i == 0)
        return (TaiSixteen){wasm_i16x8_sub(wasm_v128_and(q, wasm_i16x8_const_splat(0x000F)),
                                           wasm_i16x8_const_splat(8)),
                            wasm_i16x8_sub(wasm_v128_and(q, wasm_i16x8_const_splat(0x0F00)),
                                           wasm_i16x8_const_splat(8 * 256))};
    return (TaiSixteen){wasm_i16x8_sub(wasm_v128_and(q, wasm_i16x8_const_splat(0x00F0)),
                                       wasm_i16x8_const_splat(8 * 16)),
                        wasm_i16x8_sub(wasm_u16x8_shr(q, 12), wasm_i16x8_const_splat(8))};
}

static void fill(TaiPanel *panel, uint32_t half, const uint8_t *const *row, uint32_t at,
                 uint32_t n) {
    tai_fill_panel32(panel, half, row, at, n, sizeof(TaiQ4_0), unpack);
}

void tai_simd_tile_q4_0(const TaiTile *tile) {
    tai_simd_tile32(tile, fill);
}
