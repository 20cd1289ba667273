/* Matrix times activations, cut into tiles and strips: what the vector tiers have in common. A tier
 * brings a strip and a tile for each weight type; where the cuts lie changes no result. */
#ifndef TAI_TILING_H
#define TAI_TILING_H

#include "kernels/kernels.h"

enum { TAI_TILE_ROWS = 8, TAI_TILE_TOKENS = 4 };

/* A few rows times one token: TaiTiling's strip_rows of them. */
typedef struct TaiStrip {
    const uint8_t *row[TAI_TILE_ROWS]; /* [strip_rows], k weights each; rows may be the same */
    uint32_t k;
    const void *act; /* [k] */
    float *y;        /* [strip_rows] */
} TaiStrip;

/* Eight rows times several tokens. */
typedef struct TaiTile {
    const uint8_t *row[TAI_TILE_ROWS]; /* k weights each */
    uint32_t k;
    uint32_t n_tokens;  /* a multiple of TAI_TILE_TOKENS */
    const uint8_t *act; /* [n_tokens][k], act_stride bytes apart */
    size_t act_stride;
    float *y; /* [n_tokens][TAI_TILE_ROWS], y_stride floats apart */
    size_t y_stride;
} TaiTile;

typedef struct TaiRowKernels {
    TaiType type;
    void (*strip)(const TaiStrip *strip);
    void (*tile)(const TaiTile *tile);
} TaiRowKernels;

#define TAI_CACHE_LINE_BYTES 64u

typedef struct TaiTiling {
    const TaiRowKernels *kernels; /* one for each type that has kernels */
    uint32_t strip_rows;          /* at most TAI_TILE_ROWS */
    /* Brings the lines of w + from .. w + to into the cache; returns where the next one begins. */
    size_t (*fetch)(const uint8_t *w, size_t from, size_t to);
} TaiTiling;

/* The arguments of a matmul, of TaiKernels. */
typedef struct TaiProduct {
    TaiType type;
    const uint8_t *w;
    uint32_t n_rows, k;
    const uint8_t *act;
    size_t act_stride;
    uint32_t n_tokens;
    float *y;
    size_t y_stride;
} TaiProduct;

void tai_tiled_matmul(const TaiTiling *tiling, TaiProduct product);

#endif
