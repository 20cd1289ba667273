/* Q5_0: the block is drawn in reference/q5_0.c, the activations in activations.h. */
#include "kernels/simd128/strip32.h"
#include "kernels/simd128/tiles.h"

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

/* 32 weights, not yet less 16, times the factors that the activations expect. */
typedef struct Quarters {
    v128_t v[4];
} Quarters;

static inline Quarters quarters_of(const uint8_t *block) {
    v128_t q = wasm_v128_load(block + 6);
    v128_t low = fifth_bits(block + 2), high = fifth_bits(block + 4);
    return (Quarters){{join(q, 0x000F, wasm_u16x8_shr(low, 10), 0x0010),
                       join(q, 0x0F00, wasm_u16x8_shr(low, 3), 0x1000),
                       join(q, 0x00F0, wasm_u16x8_shr(high, 6), 0x0100),
                       join(wasm_u16x8_shr(q, 12), 0x000F, wasm_u16x8_shr(high, 11), 0x0010)}};
}

static inline v128_t dot(const uint8_t *block, const v128_t a[4]) {
    Quarters q = quarters_of(block);
    return wasm_i32x4_add(
        wasm_i32x4_add(wasm_i32x4_dot_i16x8(q.v[0], a[0]), wasm_i32x4_dot_i16x8(q.v[1], a[1])),
        wasm_i32x4_add(wasm_i32x4_dot_i16x8(q.v[2], a[2]), wasm_i32x4_dot_i16x8(q.v[3], a[3])));
}

void tai_simd_strip_q5_0(const TaiStrip *strip) {
    tai_strip32(strip, dot, sizeof(TaiQ5_0), 16);
}

static inline TaiSixteen unpack(const void *from, uint32_t i) {
    const uint8_t *block = from;
    Quarters q = quarters_of(block);
    if (i == 0)
        return (TaiSixteen){wasm_i16x8_sub(q.v[0], wasm_i16x8_const_splat(16)),
                            wasm_i16x8_sub(q.v[1], wasm_i16x8_const_splat(16 * 256))};
    return (TaiSixteen){wasm_i16x8_sub(q.v[2], wasm_i16x8_const_splat(16 * 16)),
                        wasm_i16x8_sub(q.v[3], wasm_i16x8_const_splat(16))};
}

static void fill(TaiPanel *panel, uint32_t half, const uint8_t *const *row, uint32_t at,
                 uint32_t n) {
    tai_fill_panel32(panel, half, row, at, n, sizeof(TaiQ5_0), unpack);
}

void tai_simd_tile_q5_0(const TaiTile *tile) {
    tai_simd_tile32(tile, fill);
}
