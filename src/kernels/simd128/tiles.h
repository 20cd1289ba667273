/* Several tokens at a time, quantized weights: 8 rows x 4 tokens of sums stay in registers.
 *
 * The rows' weights, 256 of each at a time, are first unpacked into a panel of int16 in which a vector
 * holds two neighbouring weights of each of four rows. A dot_i16x8 with two neighbouring activations in
 * all lanes then gives a lane per row: no sums across lanes, and the tokens share the unpacking.
 * "Neighbouring" is in the order of the activations (activations.h). */
#ifndef TAI_SIMD128_TILES_H
#define TAI_SIMD128_TILES_H

#include "kernels/simd128/matmul.h"
#include "kernels/simd128/vectors.h"

enum { TAI_PANEL_K = TAI_SUPERBLOCK }; /* weights of a row in a panel, at most */

/* Two neighbours, for each of 8 rows. */
typedef int16_t TaiPairs[TAI_TILE_ROWS][2];

typedef struct TaiPanel {
    _Alignas(16) TaiPairs q[TAI_PANEL_K / 2];
    TaiPairs m[4];                                   /* Q4_K: minima of sub-blocks */
    float d[TAI_PANEL_K / TAI_BLOCK][TAI_TILE_ROWS]; /* per block of 32; K-quants: d[0] only */
    float dmin[TAI_TILE_ROWS];                       /* Q4_K */
} TaiPanel;

/* Fills half a panel, the rows 4 half..4 half + 3, with weights at..at + n of row[0..3]. */
typedef void (*TaiFillPanel)(TaiPanel *panel, uint32_t half, const uint8_t *const *row, uint32_t at,
                             uint32_t n);

/* A tile of a format with blocks of 32, of Q6_K, and of Q4_K. */
void tai_simd_tile32(const TaiTile *tile, TaiFillPanel fill);
void tai_simd_tile256(const TaiTile *tile, TaiFillPanel fill);
void tai_simd_tile256_min(const TaiTile *tile, TaiFillPanel fill);

/* Sixteen weights in the order of the activations: whole numbers, for which the block's d remains. */
typedef struct TaiSixteen {
    v128_t low, high; /* the first 8, the last 8 */
} TaiSixteen;

/* Weights 16 i..16 i + 15 of a block, or of whatever stands for it. */
typedef TaiSixteen (*TaiUnpack)(const void *block, uint32_t i);

/* pairs[0..3] of half the rows = the four pairs in each of a, b, c, d (one row each) */
static inline void tai_put_pairs(TaiPairs *pairs, uint32_t half, v128_t a, v128_t b, v128_t c,
                                 v128_t d) {
    uint32_t r = half * TAI_STRIP_ROWS;
    v128_t ab01 = wasm_i32x4_shuffle(a, b, 0, 4, 1, 5), ab23 = wasm_i32x4_shuffle(a, b, 2, 6, 3, 7);
    v128_t cd01 = wasm_i32x4_shuffle(c, d, 0, 4, 1, 5), cd23 = wasm_i32x4_shuffle(c, d, 2, 6, 3, 7);
    wasm_v128_store(pairs[0][r], wasm_i64x2_shuffle(ab01, cd01, 0, 2));
    wasm_v128_store(pairs[1][r], wasm_i64x2_shuffle(ab01, cd01, 1, 3));
    wasm_v128_store(pairs[2][r], wasm_i64x2_shuffle(ab23, cd23, 0, 2));
    wasm_v128_store(pairs[3][r], wasm_i64x2_shuffle(ab23, cd23, 1, 3));
}

/* Half the rows' pairs from one block of n weights of each of them. */
static inline __attribute__((always_inline)) void
tai_fill_block(TaiPairs *pairs, uint32_t half, const void *const block[TAI_STRIP_ROWS], uint32_t n,
               TaiUnpack unpack) {
    for (uint32_t i = 0; i < n / 16; i++) {
        TaiSixteen a = unpack(block[0], i), b = unpack(block[1], i);
        TaiSixteen c = unpack(block[2], i), d = unpack(block[3], i);
        tai_put_pairs(pairs + i * 8, half, a.low, b.low, c.low, d.low);
        tai_put_pairs(pairs + i * 8 + 4, half, a.high, b.high, c.high, d.high);
    }
}

/* TaiFillPanel of a format with blocks of 32 that begin with their scale. */
static inline __attribute__((always_inline)) void
tai_fill_panel32(TaiPanel *panel, uint32_t half, const uint8_t *const *row, uint32_t at, uint32_t n,
                 uint32_t block_bytes, TaiUnpack unpack) {
    for (uint32_t b = 0; b < n / TAI_BLOCK; b++) {
        size_t offset = (size_t)(at / TAI_BLOCK + b) * block_bytes;
        const uint8_t *r0 = row[0] + offset, *r1 = row[1] + offset;
        const uint8_t *r2 = row[2] + offset, *r3 = row[3] + offset;
        const void *const block[TAI_STRIP_ROWS] = {r0, r1, r2, r3};
        tai_fill_block(panel->q + b * 16, half, block, TAI_BLOCK, unpack);
        wasm_v128_store(&panel->d[b][half * TAI_STRIP_ROWS],
                        tai_f16x4(tai_load16x4(r0, r1, r2, r3)));
    }
}

#endif
