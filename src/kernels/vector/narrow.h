/* The types with narrow weights, for a tier whose dot.h is included. */
#ifndef TAI_VECTOR_NARROW_H
#define TAI_VECTOR_NARROW_H

#include "kernels/vector/panels.h"

enum { TAI_NARROW_IS_PAIRS = sizeof(TaiNarrow) == sizeof(int16_t) };

#define TAI_AT_MOST(a, b) ((a) < (b) ? (a) : (b))

#define TAI_NARROW_32(name, format)                                                                \
    static void name##_gemv(const uint8_t *panel, uint32_t n_blocks, const void *act,              \
                            size_t ahead, float *to) {                                             \
        tai_gemv_32(format, panel, n_blocks, act, ahead, to);                                      \
    }                                                                                              \
    static void name##_expand(const uint8_t *block, TaiChunk *chunk) {                             \
        if (TAI_NARROW_IS_PAIRS)                                                                   \
            tai_expand_pairs_32(format, block, chunk);                                             \
        else                                                                                       \
            tai_expand_32(format, block, chunk);                                                   \
    }                                                                                              \
    static void name##_tile(const TaiChunk *chunk, TaiTileTokens *tokens) {                        \
        if (TAI_NARROW_IS_PAIRS)                                                                   \
            tai_tile_pairs_32((format).m != 0, chunk, tokens);                                     \
        else                                                                                       \
            tai_tile_32(TAI_NARROW_DOTS, (uint32_t)(format).offset / 8, (format).m != 0,           \
                        TAI_AT_MOST(TAI_NARROW_GROUPS((format).largest), 8), TAI_NARROW_TILE,      \
                        chunk, tokens);                                                            \
    }

TAI_NARROW_32(tai_q4_0, TAI_FORMAT_Q4_0)
TAI_NARROW_32(tai_q4_1, TAI_FORMAT_Q4_1)
TAI_NARROW_32(tai_q5_0, TAI_FORMAT_Q5_0)
TAI_NARROW_32(tai_q5_1, TAI_FORMAT_Q5_1)

#define TAI_NARROW_256(name, format)                                                               \
    static void name##_gemv(const uint8_t *panel, uint32_t n_blocks, const void *act,              \
                            size_t ahead, float *to) {                                             \
        tai_gemv_256(format, panel, n_blocks, act, ahead, to);                                     \
    }                                                                                              \
    static void name##_expand(const uint8_t *block, TaiChunk *chunk) {                             \
        if (TAI_NARROW_IS_PAIRS)                                                                   \
            tai_expand_pairs_256(format, block, chunk);                                            \
        else                                                                                       \
            tai_expand_256(format, block, chunk, false);                                           \
    }

TAI_NARROW_256(tai_q2_k, TAI_FORMAT_Q2_K)
TAI_NARROW_256(tai_q3_k, TAI_FORMAT_Q3_K)
TAI_NARROW_256(tai_q4_k, TAI_FORMAT_Q4_K)
TAI_NARROW_256(tai_q5_k, TAI_FORMAT_Q5_K)
TAI_NARROW_256(tai_q6_k, TAI_FORMAT_Q6_K)

/* A tile of blocks of 256 knows the size of the sub-blocks and of the quants, not the format. */
#define TAI_NARROW_TILE_256(name, sub, largest)                                                    \
    static void name(const TaiChunk *chunk, TaiTileTokens *tokens) {                               \
        if (TAI_NARROW_IS_PAIRS)                                                                   \
            tai_tile_pairs_256(chunk, tokens);                                                     \
        else                                                                                       \
            tai_tile_256(TAI_NARROW_DOTS, sub, TAI_AT_MOST(TAI_NARROW_GROUPS(largest), (sub) / 4), \
                         TAI_NARROW_TILE, chunk, tokens);                                          \
    }

/* Whether a partial sum takes a whole sub-block: then one function serves all sizes of quants. */
#define TAI_TAKES_SUB(sub, largest) (TAI_NARROW_IS_PAIRS || TAI_NARROW_GROUPS(largest) >= (sub) / 4)

TAI_NARROW_TILE_256(tai_tile_16_q3, 16, 7)
TAI_NARROW_TILE_256(tai_tile_16_q6, 16, 63)
TAI_NARROW_TILE_256(tai_tile_32_q4, 32, 15)
TAI_NARROW_TILE_256(tai_tile_32_q5, 32, 31)

#define TAI_KERNELS_32(name, Block)                                                                \
    {name##_gemv,                                                                                  \
     name##_expand,                                                                                \
     TAI_NARROW_TILE > 1 ? name##_tile : NULL,                                                     \
     TAI_BLOCK,                                                                                    \
     sizeof(TaiPanel##Block),                                                                      \
     sizeof(TaiNarrow32),                                                                          \
     TAI_CHUNK_BLOCKS / sizeof(TaiNarrow),                                                         \
     TAI_NARROW_IS_PAIRS ? TAI_PAIRS_TILE : TAI_NARROW_TILE}
#define TAI_KERNELS_256(name, Block, tile)                                                         \
    {name##_gemv,                                                                                  \
     name##_expand,                                                                                \
     TAI_NARROW_TILE > 1 ? (tile) : NULL,                                                          \
     TAI_SUPERBLOCK,                                                                               \
     sizeof(TaiPanel##Block),                                                                      \
     sizeof(TaiNarrow256),                                                                         \
     TAI_CHUNK_SUPERBLOCKS / sizeof(TaiNarrow),                                                    \
     TAI_NARROW_IS_PAIRS ? TAI_PAIRS_TILE : TAI_NARROW_TILE}

/* NULL: not narrow */
static const TaiPanelKernels *tai_narrow_kernels(TaiType type) {
    static const TaiPanelKernels q4_0 = TAI_KERNELS_32(tai_q4_0, Q4_0);
    static const TaiPanelKernels q4_1 = TAI_KERNELS_32(tai_q4_1, Q4_1);
    static const TaiPanelKernels q5_0 = TAI_KERNELS_32(tai_q5_0, Q5_0);
    static const TaiPanelKernels q5_1 = TAI_KERNELS_32(tai_q5_1, Q5_1);
    static const TaiPanelKernels q2_k = TAI_KERNELS_256(tai_q2_k, Q2_K, tai_tile_16_q3);
    static const TaiPanelKernels q3_k = TAI_KERNELS_256(tai_q3_k, Q3_K, tai_tile_16_q3);
    static const TaiPanelKernels q4_k =
        TAI_KERNELS_256(tai_q4_k, Q4_K, TAI_NARROW_IS_PAIRS ? tai_tile_16_q3 : tai_tile_32_q4);
    static const TaiPanelKernels q5_k = TAI_KERNELS_256(tai_q5_k, Q5_K,
                                                        TAI_NARROW_IS_PAIRS     ? tai_tile_16_q3
                                                        : TAI_TAKES_SUB(32, 31) ? tai_tile_32_q4
                                                                                : tai_tile_32_q5);
    static const TaiPanelKernels q6_k =
        TAI_KERNELS_256(tai_q6_k, Q6_K, TAI_TAKES_SUB(16, 63) ? tai_tile_16_q3 : tai_tile_16_q6);
    switch (type) {
    case TAI_TYPE_Q4_0:
        return &q4_0;
    case TAI_TYPE_Q4_1:
        return &q4_1;
    case TAI_TYPE_Q5_0:
        return &q5_0;
    case TAI_TYPE_Q5_1:
        return &q5_1;
    case TAI_TYPE_Q2_K:
        return &q2_k;
    case TAI_TYPE_Q3_K:
        return &q3_k;
    case TAI_TYPE_Q4_K:
        return &q4_k;
    case TAI_TYPE_Q5_K:
        return &q5_k;
    case TAI_TYPE_Q6_K:
        return &q6_k;
    default:
        return NULL;
    }
}

#endif
