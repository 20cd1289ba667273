/* Matrix times activations, cut into tiles and strips: what the vector tiers have in common. A tier
 * brings a strip and a tile for each weight type; where the cuts lie changes no result. In a header, since
 * decoding is a sixth slower where strip_rows and fetch are not constants. */
#ifndef TAI_TILING_H
#define TAI_TILING_H

#include <string.h>

#include "kernels/blocks.h"

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

#define TAI_FETCH_AHEAD_BYTES 2048u

/* A product or a part of one, with what computes it. */
typedef struct TaiPart {
    const TaiTiling *tiling;
    const TaiRowKernels *kernels;
    size_t row_bytes;
    TaiProduct p;
} TaiPart;

TAI_INLINE TaiPart tai_without_rows(TaiPart part, uint32_t n) {
    part.p.w += n * part.row_bytes;
    part.p.y += n;
    part.p.n_rows -= n;
    return part;
}

TAI_INLINE TaiPart tai_without_tokens(TaiPart part, uint32_t n) {
    part.p.act += n * part.p.act_stride;
    part.p.y += n * part.p.y_stride;
    part.p.n_tokens -= n;
    return part;
}

/* Rows side by side are streams of short strides, which no hardware prefetcher follows: from main memory
 * they come at a fraction of its speed. Fetched a little ahead, in order and never twice, they are one
 * stream. Rows beyond the end are the last one again, and what becomes of them is dropped. */
TAI_INLINE void tai_strips(const TaiPart *part) {
    const TaiProduct *p = &part->p;
    uint32_t strip_rows = part->tiling->strip_rows;
    size_t all = p->n_rows * part->row_bytes, fetched = 0;
    for (uint32_t r = 0; r < p->n_rows; r += strip_rows) {
        size_t ahead = (r + strip_rows) * part->row_bytes + TAI_FETCH_AHEAD_BYTES;
        fetched = part->tiling->fetch(p->w, fetched, ahead < all ? ahead : all);
        float sums[TAI_TILE_ROWS];
        TaiStrip strip;
        strip.k = p->k;
        strip.y = sums;
        for (uint32_t i = 0; i < strip_rows; i++)
            strip.row[i] = p->w + (r + i < p->n_rows ? r + i : p->n_rows - 1) * part->row_bytes;
        uint32_t n = p->n_rows - r < strip_rows ? p->n_rows - r : strip_rows;
        for (uint32_t t = 0; t < p->n_tokens; t++) {
            strip.act = p->act + t * p->act_stride;
            part->kernels->strip(&strip);
            memcpy(p->y + t * p->y_stride + r, sums, n * sizeof *sums);
        }
    }
}

/* n_rows and n_tokens are whole tiles. */
TAI_INLINE void tai_tiles(const TaiPart *part) {
    const TaiProduct *p = &part->p;
    TaiTile tile = {.k = p->k,
                    .n_tokens = p->n_tokens,
                    .act = p->act,
                    .act_stride = p->act_stride,
                    .y_stride = p->y_stride};
    for (uint32_t r = 0; r < p->n_rows; r += TAI_TILE_ROWS) {
        for (uint32_t i = 0; i < TAI_TILE_ROWS; i++)
            tile.row[i] = p->w + (r + i) * part->row_bytes;
        tile.y = p->y + r;
        part->kernels->tile(&tile);
    }
}

TAI_INLINE void tai_tiled_matmul(const TaiTiling *tiling, TaiProduct product) {
    const TaiRowKernels *kernels = tiling->kernels;
    while (kernels->type != product.type)
        kernels++;
    TaiPart all = {tiling, kernels, tai_kernel_row_bytes(product.type, product.k), product};
    TaiPart tiled = all;
    tiled.p.n_rows -= product.n_rows % TAI_TILE_ROWS;
    tiled.p.n_tokens -= product.n_tokens % TAI_TILE_TOKENS;
    TaiPart rows_left = tai_without_rows(all, tiled.p.n_rows);
    rows_left.p.n_tokens = tiled.p.n_tokens;
    TaiPart tokens_left = tai_without_tokens(all, tiled.p.n_tokens);
    if (tiled.p.n_tokens != 0) {
        tai_tiles(&tiled);
        tai_strips(&rows_left);
    }
    if (tokens_left.p.n_tokens != 0)
        tai_strips(&tokens_left);
}

#endif
