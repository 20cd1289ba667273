/* Matrices of panels times activations: the loops over panels, chunks and tokens, which call a type's functions. */
#ifndef TAI_VECTOR_PANELS_H
#define TAI_VECTOR_PANELS_H

#include <string.h>

#include "kernels/vector/gemm.h"

/* How far ahead of what is computed bytes are asked for (whole panels): measured, docs/speed-log.md. */
#ifndef TAI_AHEAD_BYTES
#define TAI_AHEAD_BYTES 8192u
#endif

/* What there is for each type. */
typedef struct TaiPanelKernels {
    /* to[8] = one panel times one token; the bytes `ahead` of it are asked for, as many as it has */
    void (*gemv)(const uint8_t *panel, uint32_t n_blocks, const void *act, size_t ahead, float *to);
    /* Fills a chunk, of which n_blocks is set, with as many blocks. */
    void (*expand)(const uint8_t *block, TaiChunk *chunk);
    void (*tile)(const TaiChunk *chunk, TaiTileTokens *tokens); /* may be NULL */
    uint32_t block;                                             /* columns */
    uint32_t block_bytes;                                       /* of a panel */
    uint32_t act_bytes;                                         /* of a block of activations */
    uint32_t chunk;                                             /* blocks, at most */
    uint32_t tile_tokens;
} TaiPanelKernels;

/* The arguments of TaiKernels.panels. */
typedef struct TaiPanels {
    const uint8_t *w;
    uint32_t n_rows, k;
    const uint8_t *act;
    size_t act_stride;
    uint32_t n_tokens;
    float *y;
    size_t y_stride;
} TaiPanels;

/* Copies a panel's results of one token; all eight as a rule, a call would take longer. */
TAI_INLINE void tai_copy_rows(void *to, const void *from, uint32_t n_rows) {
    if (n_rows == TAI_PANEL_ROWS)
        v8_store(to, v8_load(from));
    else
        memcpy(to, from, n_rows * sizeof(float));
}

/* Tile of tokens t.. of a panel, n_rows of it: those that follow the last token are it again. */
static void tai_one_tile(const TaiPanelKernels *kernels, const TaiPanels *p, const TaiChunk *chunk,
                         uint32_t first_block, uint32_t t, uint32_t n_rows) {
    TaiTileTokens tokens;
    const uint32_t left = p->n_tokens - t;
    const uint32_t n = left < kernels->tile_tokens ? left : kernels->tile_tokens;
    const uint8_t *act = p->act + t * p->act_stride + (size_t)first_block * kernels->act_bytes;
    float *y = p->y + t * p->y_stride;
    for (uint32_t i = 0; i < kernels->tile_tokens; i++) {
        const size_t token = i < n ? i : n - 1;
        tokens.act[i] = act + token * p->act_stride;
        if (first_block == 0)
            v8_store(&tokens.y[i], v8_zero());
        else
            tai_copy_rows(&tokens.y[i], y + token * p->y_stride, n_rows);
    }
    kernels->tile(chunk, &tokens);
    for (uint32_t i = 0; i < n; i++)
        tai_copy_rows(y + i * p->y_stride, &tokens.y[i], n_rows);
}

/* The first n_tokens tokens, chunk by chunk; chunks of about the same size. */
static void tai_panel_tiles(const TaiPanelKernels *kernels, const TaiPanels *p, uint32_t n_tokens,
                            uint32_t n_rows) {
    const uint32_t n_blocks = p->k / kernels->block;
    const uint32_t n_chunks = (n_blocks + kernels->chunk - 1) / kernels->chunk;
    TaiChunk chunk;
    for (uint32_t i = 0; i < n_chunks; i++) {
        const uint32_t first = n_blocks * i / n_chunks;
        chunk.n_blocks = n_blocks * (i + 1) / n_chunks - first;
        kernels->expand(p->w + (size_t)first * kernels->block_bytes, &chunk);
        for (uint32_t t = 0; t < n_tokens; t += kernels->tile_tokens)
            tai_one_tile(kernels, p, &chunk, first, t, n_rows);
    }
}

/* y[t][r] = panels . act[t]. A few tokens that no tile takes are single ones. */
static void tai_multiply_panels(const TaiPanelKernels *kernels, TaiPanels p) {
    const uint32_t n_blocks = p.k / kernels->block, rest = p.n_tokens % kernels->tile_tokens;
    const uint32_t n_whole = 4 * rest >= 3 * kernels->tile_tokens ? p.n_tokens : p.n_tokens - rest;
    const uint32_t n_tiled = kernels->tile ? n_whole : 0;
    const size_t panel_bytes = (size_t)n_blocks * kernels->block_bytes;
    const size_t far = (TAI_AHEAD_BYTES + panel_bytes - 1) / panel_bytes * panel_bytes;
    const uint8_t *end = p.w + (p.n_rows + TAI_PANEL_ROWS - 1) / TAI_PANEL_ROWS * panel_bytes;
    for (uint32_t r = 0; r < p.n_rows; r += TAI_PANEL_ROWS) {
        const uint32_t left = p.n_rows - r;
        const uint32_t n_rows = left < TAI_PANEL_ROWS ? left : TAI_PANEL_ROWS;
        const size_t ahead = (size_t)(end - p.w) > far ? far : 0;
        if (n_tiled != 0)
            tai_panel_tiles(kernels, &p, n_tiled, n_rows);
        for (uint32_t t = n_tiled; t < p.n_tokens; t++) {
            float sums[TAI_PANEL_ROWS], *y = p.y + t * p.y_stride;
            float *to = n_rows == TAI_PANEL_ROWS ? y : sums;
            kernels->gemv(p.w, n_blocks, p.act + t * p.act_stride, ahead, to);
            if (to == sums)
                memcpy(y, sums, n_rows * sizeof *sums);
        }
        p.w += panel_bytes;
        p.y += TAI_PANEL_ROWS;
    }
}

#endif
