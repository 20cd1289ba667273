/* What the row kernels of this tier have in common: each weight type has a strip, eight rows times
 * one token, and a tile, eight rows times several tokens. */
#ifndef TAI_AVX2_MATMUL_H
#define TAI_AVX2_MATMUL_H

#include "kernels/blocks.h"

enum { TAI_TILE_ROWS = 8, TAI_TILE_TOKENS = 4 };

typedef struct TaiStrip {
    const uint8_t *row[TAI_TILE_ROWS]; /* k weights each; rows may be the same */
    uint32_t k;
    const void *act; /* [k] */
    float *y;        /* [TAI_TILE_ROWS] */
} TaiStrip;

typedef struct TaiTile {
    const uint8_t *row[TAI_TILE_ROWS]; /* k weights each */
    uint32_t k;
    uint32_t n_tokens;  /* a multiple of TAI_TILE_TOKENS */
    const uint8_t *act; /* [n_tokens][k], act_stride bytes apart */
    size_t act_stride;
    float *y; /* [n_tokens][TAI_TILE_ROWS], y_stride floats apart */
    size_t y_stride;
} TaiTile;

#define TAI_ROW_KERNELS(type)                                                                      \
    void tai_avx2_strip_##type(const TaiStrip *strip);                                             \
    void tai_avx2_tile_##type(const TaiTile *tile)

TAI_ROW_KERNELS(f32);
TAI_ROW_KERNELS(f16);
TAI_ROW_KERNELS(bf16);
TAI_ROW_KERNELS(q4_0);
TAI_ROW_KERNELS(q5_0);
TAI_ROW_KERNELS(q8_0);
TAI_ROW_KERNELS(q4_k);
TAI_ROW_KERNELS(q6_k);

#endif
