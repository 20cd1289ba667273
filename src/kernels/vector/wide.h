/* The types with wide weights, for a tier whose dot.h is included. */
#ifndef TAI_VECTOR_WIDE_H
#define TAI_VECTOR_WIDE_H

#include "kernels/vector/panels.h"

enum { TAI_WIDE_IS_PAIRS = sizeof(TaiWide) == sizeof(int16_t) };

static void tai_q8_0_gemv(const uint8_t *panel, uint32_t n_blocks, const void *act, size_t ahead,
                          float *to) {
    tai_gemv_wide_32(TAI_FORMAT_Q8_0, panel, n_blocks, act, ahead, to);
}

/* As bytes the quants lie in the panel as the tiles want them. */
static void tai_q8_0_expand(const uint8_t *block, TaiChunk *chunk) {
    const TaiFormat32 f = TAI_FORMAT_Q8_0;
    if (TAI_WIDE_IS_PAIRS) {
        tai_expand_pairs_32(f, block, chunk);
    } else if (TAI_WIDE_OFFSET == 0) { /* but not where they are changed */
        tai_expand_32(f, block, chunk);
    } else {
        chunk->w = block;
        chunk->w_stride = f.block_bytes;
        for (uint32_t b = 0; b < chunk->n_blocks; b++)
            tai_expand_scales_32(&f, block + (size_t)b * f.block_bytes, chunk, b);
    }
}

static void tai_iq4_nl_gemv(const uint8_t *panel, uint32_t n_blocks, const void *act, size_t ahead,
                            float *to) {
    tai_gemv_wide_32(TAI_FORMAT_IQ4_NL, panel, n_blocks, act, ahead, to);
}

static void tai_iq4_nl_expand(const uint8_t *block, TaiChunk *chunk) {
    if (TAI_WIDE_IS_PAIRS)
        tai_expand_pairs_32(TAI_FORMAT_IQ4_NL, block, chunk);
    else
        tai_expand_32(TAI_FORMAT_IQ4_NL, block, chunk);
}

static void tai_wide_tile_32(const TaiChunk *chunk, TaiTileTokens *tokens) {
    if (TAI_WIDE_IS_PAIRS)
        tai_tile_pairs_32(false, chunk, tokens);
    else
        tai_tile_32(TAI_WIDE_DOTS, TAI_WIDE_OFFSET / 128, false, 8, TAI_WIDE_TILE, chunk, tokens);
}

static void tai_iq4_xs_gemv(const uint8_t *panel, uint32_t n_blocks, const void *act, size_t ahead,
                            float *to) {
    tai_gemv_wide_256(TAI_FORMAT_IQ4_XS, panel, n_blocks, act, ahead, to);
}

static void tai_iq4_xs_expand(const uint8_t *block, TaiChunk *chunk) {
    if (TAI_WIDE_IS_PAIRS)
        tai_expand_pairs_256(TAI_FORMAT_IQ4_XS, block, chunk);
    else
        tai_expand_256(TAI_FORMAT_IQ4_XS, block, chunk, true);
}

static void tai_wide_tile_256(const TaiChunk *chunk, TaiTileTokens *tokens) {
    if (TAI_WIDE_IS_PAIRS)
        tai_tile_pairs_256(chunk, tokens);
    else
        tai_tile_256(TAI_WIDE_DOTS, 32, 8, TAI_WIDE_TILE, chunk, tokens);
}

#define TAI_KERNELS_WIDE(gemv, expand, tile, block, Block, Act, chunk)                             \
    {gemv,                                                                                         \
     expand,                                                                                       \
     TAI_WIDE_TILE > 1 ? (tile) : NULL,                                                            \
     block,                                                                                        \
     sizeof(TaiPanel##Block),                                                                      \
     sizeof(Act),                                                                                  \
     (chunk) / sizeof(TaiWide),                                                                    \
     TAI_WIDE_IS_PAIRS ? TAI_PAIRS_TILE : TAI_WIDE_TILE}

/* NULL: not wide */
static const TaiPanelKernels *tai_wide_kernels(TaiType type) {
    static const TaiPanelKernels q8_0 =
        TAI_KERNELS_WIDE(tai_q8_0_gemv, tai_q8_0_expand, tai_wide_tile_32, TAI_BLOCK, Q8_0,
                         TaiWide32, TAI_CHUNK_BLOCKS);
    static const TaiPanelKernels iq4_nl =
        TAI_KERNELS_WIDE(tai_iq4_nl_gemv, tai_iq4_nl_expand, tai_wide_tile_32, TAI_BLOCK, Q4_0,
                         TaiWide32, TAI_CHUNK_BLOCKS);
    static const TaiPanelKernels iq4_xs =
        TAI_KERNELS_WIDE(tai_iq4_xs_gemv, tai_iq4_xs_expand, tai_wide_tile_256, TAI_SUPERBLOCK,
                         IQ4_XS, TaiWide256, TAI_CHUNK_SUPERBLOCKS);
    switch (type) {
    case TAI_TYPE_Q8_0:
        return &q8_0;
    case TAI_TYPE_IQ4_NL:
        return &iq4_nl;
    case TAI_TYPE_IQ4_XS:
        return &iq4_xs;
    default:
        return NULL;
    }
}

#endif
