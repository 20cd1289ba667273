/* Q8_0: the block is drawn in reference/q8_0.c. */
#include "kernels/simd128/strip32.h"
#include "kernels/simd128/tiles.h"

static inline v128_t dot8(const uint8_t *q, v128_t a) {
    return wasm_i32x4_dot_i16x8(wasm_i16x8_load8x8(q), a);
}

static inline v128_t dot(const uint8_t *block, const v128_t a[4]) {
    return wasm_i32x4_add(wasm_i32x4_add(dot8(block + 2, a[0]), dot8(block + 10, a[1])),
                          wasm_i32x4_add(dot8(block + 18, a[2]), dot8(block + 26, a[3])));
}

void tai_simd_strip_q8_0(const TaiStrip *strip) {
    tai_strip32(strip, dot, sizeof(TaiQ8_0), 0);
}

static inline TaiSixteen unpack(const void *from, uint32_t i) {
    const uint8_t *block = from;
    return (TaiSixteen){wasm_i16x8_load8x8(block + 2 + i * 16),
                        wasm_i16x8_load8x8(block + 10 + i * 16)};
}

static void fill(TaiPanel *panel, uint32_t half, const uint8_t *const *row, uint32_t at,
                 uint32_t n) {
    tai_fill_panel32(panel, half, row, at, n, sizeof(TaiQ8_0), unpack);
}

void tai_simd_tile_q8_0(const TaiTile *tile) {
    tai_simd_tile32(tile, fill);
}
