/* Two panels times many tokens: as gemm.h, for processors whose loads are what bounds it. Each activation that
 * is loaded meets the weights of sixteen rows. dot.h brings int8 activations and
 *
 *     TAI_TOKENS_32    tokens of a tile of blocks of 32: two sums for each, two weights and an activation are in
 *                      registers
 *     TAI_TOKENS_256   the same for blocks of 256, where two more sums are, at most as many */
#ifndef TAI_VECTOR_TWO_PANELS_H
#define TAI_VECTOR_TWO_PANELS_H

#include "kernels/vector/narrow.h"
#include "kernels/vector/wide.h"

_Static_assert(sizeof(TaiNarrow) == 1 && sizeof(TaiWide) == 1, "activations are bytes");

enum { TAI_TWO = 2 };

typedef struct TaiTwoTile {
    const TaiChunk *chunk[TAI_TWO];
    const uint8_t *act[TAI_TOKENS_32];  /* where the chunks begin in each token's activations */
    TaiLanes y[TAI_TOKENS_32][TAI_TWO]; /* floats, added to */
} TaiTwoTile;

/* How bytes are multiplied, and how many groups are before they are widened. */
typedef struct TaiTwoDots {
    TaiDots by;
    uint32_t run;
} TaiTwoDots;

TAI_INLINE uint32_t tai_at_most(uint32_t n, uint32_t most) {
    return n < most ? n : most;
}

#define TAI_TWO_NARROW(largest, groups)                                                            \
    ((TaiTwoDots){TAI_NARROW_DOTS, tai_at_most(TAI_NARROW_GROUPS(largest), groups)})
#define TAI_TWO_WIDE ((TaiTwoDots){TAI_WIDE_DOTS, TAI_BLOCK / 4})

#define TAI_EACH_TOKEN                                                                             \
    TAI_UNROLL                                                                                     \
    for (uint32_t t = 0; t < n_tokens; t++)
#define TAI_EACH_PANEL                                                                             \
    TAI_UNROLL                                                                                     \
    for (uint32_t p = 0; p < TAI_TWO; p++)

/* partial[t][p] += `run` groups of w[p] times the activations at a[t] */
TAI_INLINE void tai_two_groups(const TaiTwoDots dots, const uint32_t n_tokens,
                               const uint8_t *const *w, const uint8_t *const *a,
                               V8 (*partial)[TAI_TWO]) {
    TAI_UNROLL
    for (uint32_t g = 0; g < dots.run; g++) {
        V8 x[TAI_TWO];
        TAI_EACH_PANEL x[p] = v8_load(w[p] + sizeof(V8) * g);
        TAI_EACH_TOKEN TAI_EACH_PANEL partial[t][p] =
            dots.by.dot(partial[t][p], x[p], a[t] + 4 * g);
    }
}

/* Blocks of 32. factor: of the activations' sum that corrects for the quants' offset. */
TAI_INLINE void tai_two_tile_32(const TaiTwoDots dots, const uint32_t factor, const bool has_minima,
                                TaiTwoTile *tile) {
    const uint32_t n_tokens = TAI_TOKENS_32;
    const TaiBytes32 *a[TAI_TOKENS_32];
    const uint8_t *w[TAI_TWO];
    const uint32_t n_blocks = tile->chunk[0]->n_blocks;
    TAI_EACH_TOKEN a[t] = (const void *)tile->act[t];
    TAI_EACH_PANEL w[p] = tile->chunk[p]->w;
    for (uint32_t b = 0; b < n_blocks; b++) {
        V8 isum[TAI_TOKENS_32][TAI_TWO];
        TAI_EACH_TOKEN {
            V8 offset = tai_offset_32(factor, &a[t]->minus_sum);
            TAI_EACH_PANEL isum[t][p] = offset;
        }
        TAI_UNROLL
        for (uint32_t g = 0; g < TAI_BLOCK / 4; g += dots.run) {
            V8 partial[TAI_TOKENS_32][TAI_TWO];
            const uint8_t *from[TAI_TWO], *with[TAI_TOKENS_32];
            TAI_EACH_TOKEN with[t] = (const uint8_t *)a[t]->q + 4 * g;
            TAI_EACH_PANEL from[p] = w[p] + sizeof(V8) * g;
            TAI_EACH_TOKEN TAI_EACH_PANEL partial[t][p] = dots.by.start(isum[t][p]);
            tai_two_groups(dots, n_tokens, from, with, partial);
            TAI_EACH_TOKEN TAI_EACH_PANEL isum[t][p] = dots.by.end(isum[t][p], partial[t][p]);
        }
        V8 d[TAI_TWO];
        TAI_EACH_PANEL d[p] = v8_load(&tile->chunk[p]->d[b]);
        TAI_EACH_TOKEN {
            V8 da = v8_load_splat(&a[t]->d);
            V8 msum = v8_sub32(v8_zero(), v8_sar32(v8_load_splat(&a[t]->minus_sum), 3));
            TAI_EACH_PANEL {
                V8 y = v8_load(&tile->y[t][p]);
                if (has_minima)
                    y = tai_add_block_with_minimum(y, d[p], da, isum[t][p],
                                                   v8_load(&tile->chunk[p]->m[b]), msum);
                else
                    y = tai_add_block(y, d[p], da, isum[t][p]);
                v8_store(&tile->y[t][p], y);
            }
            a[t]++;
        }
        TAI_EACH_PANEL w[p] += tile->chunk[p]->w_stride;
    }
}

/* What the sums of a block of 256 give to y, of a token. */
TAI_INLINE void tai_two_finish_256(const TaiTwoTile *tile, uint32_t b, const TaiSums256 *sums,
                                   const V8 *isum, TaiLanes *y) {
    const TaiChunk *const *c = tile->chunk;
    const uint32_t n_pairs = c[0]->n_pairs;
    const int16_t *a = n_pairs == TAI_SUBS / 2 ? sums->of_16 : sums->of_32;
    V8 corrections[TAI_TWO], da = v8_load_splat(&sums->d);
    TAI_EACH_PANEL corrections[p] = v8_zero();
    if (c[0]->has_minima || c[0]->offset != 0)
        for (uint32_t j = 0; j < n_pairs; j++) {
            V8 two_sums = v8_load_splat(a + 2 * j);
            TAI_EACH_PANEL corrections[p] = v8_add32(
                corrections[p], v8_madd16(v8_load(&c[p]->pairs[b * n_pairs + j]), two_sums));
        }
    TAI_EACH_PANEL {
        V8 d = v8_load(&c[p]->d[b]), sum = isum[p], to = v8_load(&y[p]);
        if (c[0]->has_minima) {
            V8 msum = v8_sub32(v8_zero(), corrections[p]);
            to = tai_add_block_with_minimum(to, d, da, sum, v8_load(&c[p]->m[b]), msum);
        } else {
            V8 offset = v8_splat32((int32_t)c[0]->offset);
            sum = v8_sub32(sum, v8_mul32(corrections[p], offset));
            to = tai_add_block(to, d, da, sum);
        }
        v8_store(&y[p], to);
    }
}

/* Blocks of 256, of sub-blocks of `sub` columns. */
TAI_INLINE void tai_two_tile_256(const TaiTwoDots dots, const uint32_t sub, TaiTwoTile *tile) {
    const uint32_t n_tokens = TAI_TOKENS_256;
    const uint8_t *a[TAI_TOKENS_256], *w[TAI_TWO];
    const TaiLanes *scale[TAI_TWO];
    const uint32_t n_blocks = tile->chunk[0]->n_blocks;
    TAI_EACH_TOKEN a[t] = tile->act[t];
    TAI_EACH_PANEL w[p] = tile->chunk[p]->w;
    TAI_EACH_PANEL scale[p] = tile->chunk[p]->scales;
    for (uint32_t b = 0; b < n_blocks; b++) {
        V8 isum[TAI_TOKENS_256][TAI_TWO];
        TAI_EACH_TOKEN TAI_EACH_PANEL isum[t][p] = v8_zero();
        for (uint32_t s = 0; s < TAI_SUPERBLOCK / sub; s++) {
            TAI_UNROLL
            for (uint32_t g = 0; g < sub / 4; g += dots.run) {
                V8 partial[TAI_TOKENS_256][TAI_TWO];
                TAI_EACH_TOKEN TAI_EACH_PANEL partial[t][p] = v8_zero();
                tai_two_groups(dots, n_tokens, w, a, partial);
                TAI_EACH_PANEL {
                    V8 s8 = v8_load(scale[p]);
                    TAI_EACH_TOKEN isum[t][p] =
                        v8_add32(isum[t][p], dots.by.scaled(partial[t][p], s8));
                    w[p] += sizeof(V8) * dots.run;
                }
                TAI_EACH_TOKEN a[t] += 4 * dots.run;
            }
            TAI_EACH_PANEL scale[p]++;
        }
        TAI_EACH_TOKEN {
            const TaiSums256 *sums = (const void *)a[t];
            tai_two_finish_256(tile, b, sums, isum[t], tile->y[t]);
            a[t] += sizeof *sums;
        }
    }
}

static void tai_two_q4_0(TaiTwoTile *tile) {
    tai_two_tile_32(TAI_TWO_NARROW(15, 8), 1, false, tile);
}
static void tai_two_q4_1(TaiTwoTile *tile) {
    tai_two_tile_32(TAI_TWO_NARROW(15, 8), 0, true, tile);
}
static void tai_two_q5_0(TaiTwoTile *tile) {
    tai_two_tile_32(TAI_TWO_NARROW(31, 8), 2, false, tile);
}
static void tai_two_q5_1(TaiTwoTile *tile) {
    tai_two_tile_32(TAI_TWO_NARROW(31, 8), 0, true, tile);
}
static void tai_two_wide_32(TaiTwoTile *tile) {
    tai_two_tile_32(TAI_TWO_WIDE, TAI_WIDE_OFFSET / 128, false, tile);
}
static void tai_two_q3_k(TaiTwoTile *tile) { /* also Q2_K */
    tai_two_tile_256(TAI_TWO_NARROW(7, 4), 16, tile);
}
static void tai_two_q4_k(TaiTwoTile *tile) {
    tai_two_tile_256(TAI_TWO_NARROW(15, 8), 32, tile);
}
static void tai_two_q5_k(TaiTwoTile *tile) {
    tai_two_tile_256(TAI_TWO_NARROW(31, 8), 32, tile);
}
static void tai_two_q6_k(TaiTwoTile *tile) {
    tai_two_tile_256(TAI_TWO_NARROW(63, 4), 16, tile);
}
static void tai_two_wide_256(TaiTwoTile *tile) {
    tai_two_tile_256(TAI_TWO_WIDE, 32, tile);
}

typedef void (*TaiTwoKernel)(TaiTwoTile *tile);

static TaiTwoKernel tai_two_kernel(TaiType type) {
    switch (type) {
    case TAI_TYPE_Q4_0:
        return tai_two_q4_0;
    case TAI_TYPE_Q4_1:
        return tai_two_q4_1;
    case TAI_TYPE_Q5_0:
        return tai_two_q5_0;
    case TAI_TYPE_Q5_1:
        return tai_two_q5_1;
    case TAI_TYPE_Q2_K:
    case TAI_TYPE_Q3_K:
        return tai_two_q3_k;
    case TAI_TYPE_Q4_K:
        return tai_two_q4_k;
    case TAI_TYPE_Q5_K:
        return tai_two_q5_k;
    case TAI_TYPE_Q6_K:
        return tai_two_q6_k;
    case TAI_TYPE_IQ4_XS:
        return tai_two_wide_256;
    default:
        return tai_two_wide_32;
    }
}

static uint32_t tai_two_tokens(const TaiPanelKernels *kernels) {
    return kernels->block == TAI_BLOCK ? TAI_TOKENS_32 : TAI_TOKENS_256;
}

/* Tile of tokens t.. of two panels, n_rows of them: those that follow the last token are it again. */
static void tai_two_one_tile(TaiTwoKernel kernel, uint32_t tile_tokens, const TaiPanels *product,
                             const TaiChunk *chunk, size_t act_at, bool is_first, uint32_t t,
                             const uint32_t *n_rows) {
    TaiTwoTile tile = {.chunk = {&chunk[0], &chunk[n_rows[1] != 0]}};
    const uint32_t n = tai_at_most(product->n_tokens - t, tile_tokens);
    float *y = product->y + t * product->y_stride;
    for (uint32_t i = 0; i < tile_tokens; i++)
        tile.act[i] = product->act + (t + (i < n ? i : n - 1)) * product->act_stride + act_at;
    if (!is_first)
        for (uint32_t i = 0; i < n; i++)
            TAI_EACH_PANEL tai_copy_rows(&tile.y[i][p],
                                         y + i * product->y_stride + p * TAI_PANEL_ROWS, n_rows[p]);
    kernel(&tile);
    for (uint32_t i = 0; i < n; i++)
        TAI_EACH_PANEL tai_copy_rows(y + i * product->y_stride + p * TAI_PANEL_ROWS, &tile.y[i][p],
                                     n_rows[p]);
}

/* The first n_tokens tokens of two panels, or of the last one. */
static void tai_two_tiles(const TaiPanelKernels *kernels, TaiTwoKernel kernel, const TaiPanels *p,
                          uint32_t n_tokens) {
    const uint32_t tile_tokens = tai_two_tokens(kernels);
    const uint32_t n_blocks = p->k / kernels->block;
    const uint32_t n_chunks = (n_blocks + kernels->chunk - 1) / kernels->chunk;
    const size_t panel_bytes = (size_t)n_blocks * kernels->block_bytes;
    const uint32_t first_rows = tai_at_most(p->n_rows, TAI_PANEL_ROWS);
    const uint32_t n_rows[TAI_TWO] = {first_rows,
                                      tai_at_most(p->n_rows - first_rows, TAI_PANEL_ROWS)};
    TaiChunk chunk[TAI_TWO];
    for (uint32_t i = 0; i < n_chunks; i++) {
        const uint32_t first = n_blocks * i / n_chunks;
        for (uint32_t j = 0; j < TAI_TWO && n_rows[j] != 0; j++) {
            chunk[j].n_blocks = n_blocks * (i + 1) / n_chunks - first;
            kernels->expand(p->w + j * panel_bytes + (size_t)first * kernels->block_bytes,
                            &chunk[j]);
        }
        for (uint32_t t = 0; t < n_tokens; t += tile_tokens)
            tai_two_one_tile(kernel, tile_tokens, p, chunk, (size_t)first * kernels->act_bytes,
                             i == 0, t, n_rows);
    }
}

/* y[t][r] = panels . act[t]. A few tokens that no tile takes are single ones. */
static void tai_multiply_two_panels(TaiType type, TaiPanels p) {
    const TaiPanelKernels *narrow = tai_narrow_kernels(type);
    const TaiPanelKernels *kernels = narrow ? narrow : tai_wide_kernels(type);
    const uint32_t tile_tokens = tai_two_tokens(kernels);
    const uint32_t rest = p.n_tokens % tile_tokens;
    const uint32_t n_tiled = 2 * rest > tile_tokens ? p.n_tokens : p.n_tokens - rest;
    const size_t panel_bytes = (size_t)(p.k / kernels->block) * kernels->block_bytes;
    TaiPanels tiled = p;
    while (n_tiled != 0 && tiled.n_rows != 0) {
        const uint32_t n_rows = tai_at_most(tiled.n_rows, TAI_TWO * TAI_PANEL_ROWS);
        TaiPanels two = tiled;
        two.n_rows = n_rows;
        tai_two_tiles(kernels, tai_two_kernel(type), &two, n_tiled);
        tiled.w += TAI_TWO * panel_bytes;
        tiled.y += n_rows;
        tiled.n_rows -= n_rows;
    }
    p.act += n_tiled * p.act_stride;
    p.y += n_tiled * p.y_stride;
    p.n_tokens -= n_tiled;
    if (p.n_tokens != 0)
        tai_multiply_panels(kernels, p);
}

#endif
