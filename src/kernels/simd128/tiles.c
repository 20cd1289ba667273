/* The loops over panels, see tiles.h. */
#include "kernels/simd128/tiles.h"

#include <string.h>

#include "kernels/simd128/activations.h"

/* The activations of four tokens, k long, and where the panel's begin in them. */
typedef struct Tokens {
    const uint8_t *act[TAI_TILE_TOKENS];
    uint32_t k, at;
} Tokens;

/* Per token, two vectors of four rows. */
typedef struct Sums {
    v128_t of[TAI_TILE_TOKENS][2];
} Sums;

/* The sums of n products of pairs: of 8 rows, and of the activations at a[0..3]. */
static inline __attribute__((always_inline)) Sums
multiply(const TaiPairs *pairs, uint32_t n, const int16_t *const a[TAI_TILE_TOKENS]) {
    const int16_t *a0 = a[0], *a1 = a[1], *a2 = a[2], *a3 = a[3];
    v128_t zero = wasm_i32x4_const_splat(0);
    Sums s = {{{zero, zero}, {zero, zero}, {zero, zero}, {zero, zero}}};
#pragma clang loop unroll(disable)
    for (uint32_t i = 0; i < n; i++) {
        v128_t w0 = wasm_v128_load(pairs[i][0]), w1 = wasm_v128_load(pairs[i][TAI_STRIP_ROWS]);
        v128_t x = wasm_v128_load32_splat(a0 + 2 * i);
        s.of[0][0] = wasm_i32x4_add(s.of[0][0], wasm_i32x4_dot_i16x8(w0, x));
        s.of[0][1] = wasm_i32x4_add(s.of[0][1], wasm_i32x4_dot_i16x8(w1, x));
        x = wasm_v128_load32_splat(a1 + 2 * i);
        s.of[1][0] = wasm_i32x4_add(s.of[1][0], wasm_i32x4_dot_i16x8(w0, x));
        s.of[1][1] = wasm_i32x4_add(s.of[1][1], wasm_i32x4_dot_i16x8(w1, x));
        x = wasm_v128_load32_splat(a2 + 2 * i);
        s.of[2][0] = wasm_i32x4_add(s.of[2][0], wasm_i32x4_dot_i16x8(w0, x));
        s.of[2][1] = wasm_i32x4_add(s.of[2][1], wasm_i32x4_dot_i16x8(w1, x));
        x = wasm_v128_load32_splat(a3 + 2 * i);
        s.of[3][0] = wasm_i32x4_add(s.of[3][0], wasm_i32x4_dot_i16x8(w0, x));
        s.of[3][1] = wasm_i32x4_add(s.of[3][1], wasm_i32x4_dot_i16x8(w1, x));
    }
    return s;
}

static inline void add_to(float *y, v128_t x) {
    wasm_v128_store(y, wasm_f32x4_add(wasm_v128_load(y), x));
}

/* y[t * y_stride + 0..7] += n weights of the panel's rows times token t */
typedef void (*AddPanel)(const TaiPanel *panel, uint32_t n, const Tokens *tokens, float *y,
                         size_t y_stride);

/* y += isum * (d * da), see reference/q4_0.c */
static void add_panel32(const TaiPanel *panel, uint32_t n, const Tokens *tokens, float *y,
                        size_t y_stride) {
    for (uint32_t b = 0; b < n / TAI_BLOCK; b++) {
        uint32_t at = tokens->at + b * TAI_BLOCK;
        const int16_t *q[TAI_TILE_TOKENS];
        for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++)
            q[t] = (const int16_t *)(const void *)tokens->act[t] + at;
        Sums isum = multiply(panel->q + b * 16, 16, q);
        for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++) {
            const float *d = tai_act_d(tokens->act[t], tokens->k);
            v128_t da = wasm_v128_load32_splat(d + at / TAI_BLOCK);
            for (uint32_t half = 0; half < 2; half++) {
                v128_t dw = wasm_v128_load(&panel->d[b][half * TAI_STRIP_ROWS]);
                add_to(y + t * y_stride + half * TAI_STRIP_ROWS,
                       wasm_f32x4_mul(wasm_f32x4_convert_i32x4(isum.of[t][half]),
                                      wasm_f32x4_mul(dw, da)));
            }
        }
    }
}

/* y += (d * da) * isum, see reference/q6_k.c */
static void add_panel256(const TaiPanel *panel, uint32_t n, const Tokens *tokens, float *y,
                         size_t y_stride) {
    const int16_t *q[TAI_TILE_TOKENS];
    for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++)
        q[t] = (const int16_t *)(const void *)tokens->act[t] + tokens->at;
    Sums isum = multiply(panel->q, n / 2, q);
    for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++) {
        const float *d = tai_act_d(tokens->act[t], tokens->k);
        v128_t da = wasm_v128_load32_splat(d + tokens->at / TAI_SUPERBLOCK);
        for (uint32_t half = 0; half < 2; half++) {
            v128_t dw = wasm_v128_load(&panel->d[0][half * TAI_STRIP_ROWS]);
            add_to(
                y + t * y_stride + half * TAI_STRIP_ROWS,
                wasm_f32x4_mul(wasm_f32x4_mul(dw, da), wasm_f32x4_convert_i32x4(isum.of[t][half])));
        }
    }
}

/* y += (d * da) * isum - (dmin * da) * msum, see reference/q4_k.c */
static void add_panel256_min(const TaiPanel *panel, uint32_t n, const Tokens *tokens, float *y,
                             size_t y_stride) {
    const int16_t *q[TAI_TILE_TOKENS], *sums[TAI_TILE_TOKENS];
    for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++) {
        q[t] = (const int16_t *)(const void *)tokens->act[t] + tokens->at;
        sums[t] = tai_act_sums32(tokens->act[t], tokens->k) + tokens->at / TAI_BLOCK;
    }
    Sums isum = multiply(panel->q, n / 2, q);
    Sums msum = multiply(panel->m, 4, sums);
    for (uint32_t t = 0; t < TAI_TILE_TOKENS; t++) {
        const float *d = tai_act_d(tokens->act[t], tokens->k);
        v128_t da = wasm_v128_load32_splat(d + tokens->at / TAI_SUPERBLOCK);
        for (uint32_t half = 0; half < 2; half++) {
            v128_t dw = wasm_v128_load(&panel->d[0][half * TAI_STRIP_ROWS]);
            v128_t dmin = wasm_v128_load(&panel->dmin[half * TAI_STRIP_ROWS]);
            v128_t weights =
                wasm_f32x4_mul(wasm_f32x4_mul(dw, da), wasm_f32x4_convert_i32x4(isum.of[t][half]));
            v128_t minima = wasm_f32x4_mul(wasm_f32x4_mul(dmin, da),
                                           wasm_f32x4_convert_i32x4(msum.of[t][half]));
            add_to(y + t * y_stride + half * TAI_STRIP_ROWS, wasm_f32x4_sub(weights, minima));
        }
    }
}

static inline void tile_of(const TaiTile *tile, TaiFillPanel fill, AddPanel add) {
    TaiPanel panel;
    for (uint32_t t = 0; t < tile->n_tokens; t++)
        memset(tile->y + t * tile->y_stride, 0, TAI_TILE_ROWS * sizeof *tile->y);
    for (uint32_t at = 0; at < tile->k; at += TAI_PANEL_K) {
        uint32_t n = tile->k - at < TAI_PANEL_K ? tile->k - at : TAI_PANEL_K;
        fill(&panel, 0, tile->row, at, n);
        fill(&panel, 1, tile->row + TAI_STRIP_ROWS, at, n);
        for (uint32_t t = 0; t < tile->n_tokens; t += TAI_TILE_TOKENS) {
            Tokens tokens = {.k = tile->k, .at = at};
            for (uint32_t i = 0; i < TAI_TILE_TOKENS; i++)
                tokens.act[i] = tile->act + (t + i) * tile->act_stride;
            add(&panel, n, &tokens, tile->y + t * tile->y_stride, tile->y_stride);
        }
    }
}

void tai_simd_tile32(const TaiTile *tile, TaiFillPanel fill) {
    tile_of(tile, fill, add_panel32);
}

void tai_simd_tile256(const TaiTile *tile, TaiFillPanel fill) {
    tile_of(tile, fill, add_panel256);
}

void tai_simd_tile256_min(const TaiTile *tile, TaiFillPanel fill) {
    tile_of(tile, fill, add_panel256_min);
}
