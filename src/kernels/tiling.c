#include "kernels/tiling.h"

#include <string.h>

#include "kernels/blocks.h"

#define FETCH_AHEAD_BYTES 2048u

/* A product or a part of one, with what computes it. */
typedef struct Part {
    const TaiTiling *tiling;
    const TaiRowKernels *kernels;
    size_t row_bytes;
    TaiProduct p;
} Part;

static Part without_rows(Part part, uint32_t n) {
    part.p.w += n * part.row_bytes;
    part.p.y += n;
    part.p.n_rows -= n;
    return part;
}

static Part without_tokens(Part part, uint32_t n) {
    part.p.act += n * part.p.act_stride;
    part.p.y += n * part.p.y_stride;
    part.p.n_tokens -= n;
    return part;
}

/* Rows side by side are streams of short strides, which no hardware prefetcher follows: from main memory
 * they come at a fraction of its speed. Fetched a little ahead, in order and never twice, they are one
 * stream. Rows beyond the end are the last one again, and what becomes of them is dropped. */
static void strips(const Part *part) {
    const TaiProduct *p = &part->p;
    uint32_t strip_rows = part->tiling->strip_rows;
    size_t all = p->n_rows * part->row_bytes, fetched = 0;
    for (uint32_t r = 0; r < p->n_rows; r += strip_rows) {
        size_t ahead = (r + strip_rows) * part->row_bytes + FETCH_AHEAD_BYTES;
        fetched = part->tiling->fetch(p->w, fetched, ahead < all ? ahead : all);
        float sums[TAI_TILE_ROWS];
        TaiStrip strip = {.k = p->k, .y = sums};
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
static void tiles(const Part *part) {
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

void tai_tiled_matmul(const TaiTiling *tiling, TaiProduct product) {
    const TaiRowKernels *kernels = tiling->kernels;
    while (kernels->type != product.type)
        kernels++;
    Part all = {tiling, kernels, tai_kernel_row_bytes(product.type, product.k), product};
    Part tiled = all;
    tiled.p.n_rows -= product.n_rows % TAI_TILE_ROWS;
    tiled.p.n_tokens -= product.n_tokens % TAI_TILE_TOKENS;
    Part rows_left = without_rows(all, tiled.p.n_rows);
    rows_left.p.n_tokens = tiled.p.n_tokens;
    Part tokens_left = without_tokens(all, tiled.p.n_tokens);
    if (tiled.p.n_tokens != 0) {
        tiles(&tiled);
        strips(&rows_left);
    }
    if (tokens_left.p.n_tokens != 0)
        strips(&tokens_left);
}
