/* Matrix times activations: cuts the rows into tiles and strips. */
#include "kernels/avx2/matmul.h"

#include <immintrin.h>
#include <string.h>

#include "kernels/avx2/avx2.h"

typedef struct RowKernels {
    TaiType type;
    void (*strip)(const TaiStrip *strip);
    void (*tile)(const TaiTile *tile);
} RowKernels;

static const RowKernels row_kernels[] = {
    {TAI_TYPE_F32, tai_avx2_strip_f32, tai_avx2_tile_f32},
    {TAI_TYPE_F16, tai_avx2_strip_f16, tai_avx2_tile_f16},
    {TAI_TYPE_BF16, tai_avx2_strip_bf16, tai_avx2_tile_bf16},
    {TAI_TYPE_Q4_0, tai_avx2_strip_q4_0, tai_avx2_tile_q4_0},
    {TAI_TYPE_Q5_0, tai_avx2_strip_q5_0, tai_avx2_tile_q5_0},
    {TAI_TYPE_Q8_0, tai_avx2_strip_q8_0, tai_avx2_tile_q8_0},
    {TAI_TYPE_Q4_K, tai_avx2_strip_q4_k, tai_avx2_tile_q4_k},
    {TAI_TYPE_Q6_K, tai_avx2_strip_q6_k, tai_avx2_tile_q6_k},
};

#define FETCH_AHEAD_BYTES 2048u
#define CACHE_LINE_BYTES 64u

/* The arguments of a matmul, or of a part of one. */
typedef struct Product {
    const RowKernels *kernels;
    const uint8_t *w;
    size_t row_bytes;
    uint32_t n_rows, k;
    const uint8_t *act;
    size_t act_stride;
    uint32_t n_tokens;
    float *y;
    size_t y_stride;
} Product;

static Product without_rows(Product p, uint32_t n) {
    p.w += n * p.row_bytes;
    p.y += n;
    p.n_rows -= n;
    return p;
}

static Product without_tokens(Product p, uint32_t n) {
    p.act += n * p.act_stride;
    p.y += n * p.y_stride;
    p.n_tokens -= n;
    return p;
}

/* Eight rows side by side are eight streams of short strides, which no hardware prefetcher follows;
 * fetched in order and never twice, they are one. From `from` up to `to`; returns where the next one
 * begins. */
static size_t fetch(const uint8_t *w, size_t from, size_t to) {
    for (; from < to; from += CACHE_LINE_BYTES)
        _mm_prefetch(w + from, _MM_HINT_T0);
    return from;
}

/* Rows r..r + 7; beyond the end the last row is repeated, and what becomes of it is dropped. */
static void rows_of(const uint8_t **row, const Product *p, uint32_t r) {
    for (uint32_t i = 0; i < TAI_TILE_ROWS; i++)
        row[i] = p->w + (r + i < p->n_rows ? r + i : p->n_rows - 1) * p->row_bytes;
}

static void strips(const Product *p) {
    size_t all = p->n_rows * p->row_bytes, fetched = 0;
    for (uint32_t r = 0; r < p->n_rows; r += TAI_TILE_ROWS) {
        size_t ahead = (r + TAI_TILE_ROWS) * p->row_bytes + FETCH_AHEAD_BYTES;
        fetched = fetch(p->w, fetched, ahead < all ? ahead : all);
        float sums[TAI_TILE_ROWS];
        TaiStrip strip = {.k = p->k, .y = sums};
        rows_of(strip.row, p, r);
        uint32_t n = p->n_rows - r < TAI_TILE_ROWS ? p->n_rows - r : TAI_TILE_ROWS;
        for (uint32_t t = 0; t < p->n_tokens; t++) {
            strip.act = p->act + t * p->act_stride;
            p->kernels->strip(&strip);
            memcpy(p->y + t * p->y_stride + r, sums, n * sizeof *sums);
        }
    }
}

/* n_rows and n_tokens are whole tiles. */
static void tiles(const Product *p) {
    TaiTile tile = {.k = p->k,
                    .n_tokens = p->n_tokens,
                    .act = p->act,
                    .act_stride = p->act_stride,
                    .y_stride = p->y_stride};
    for (uint32_t r = 0; r < p->n_rows; r += TAI_TILE_ROWS) {
        rows_of(tile.row, p, r);
        tile.y = p->y + r;
        p->kernels->tile(&tile);
    }
}

void tai_avx2_matmul(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                     size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    const RowKernels *kernels = row_kernels;
    while (kernels->type != type)
        kernels++;
    Product all = {.kernels = kernels,
                   .w = w,
                   .row_bytes = tai_kernel_row_bytes(type, k),
                   .n_rows = n_rows,
                   .k = k,
                   .act = act,
                   .act_stride = act_stride,
                   .n_tokens = n_tokens,
                   .y = y,
                   .y_stride = y_stride};
    Product tiled = all;
    tiled.n_rows -= n_rows % TAI_TILE_ROWS;
    tiled.n_tokens -= n_tokens % TAI_TILE_TOKENS;
    Product rows_left = without_rows(all, tiled.n_rows);
    rows_left.n_tokens = tiled.n_tokens;
    Product tokens_left = without_tokens(all, tiled.n_tokens);
    if (tiled.n_tokens != 0) {
        tiles(&tiled);
        strips(&rows_left);
    }
    if (tokens_left.n_tokens != 0)
        strips(&tokens_left);
}
