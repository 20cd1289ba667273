/* Q6_K: the block is drawn in reference/q6_k.c, the activations in activations.h. */
#include "kernels/simd128/activations.h"
#include "kernels/simd128/tiles.h"
#include "kernels/simd128/vectors.h"

enum { BLOCK = sizeof(TaiQ6_K), QH = 128, SCALES = 192, LAST = 206 /* its upper half is d */ };

/* The scales of four blocks. */
static inline v128_t last_f16(const uint8_t *a, const uint8_t *b, const uint8_t *c,
                              const uint8_t *d) {
    return wasm_u32x4_shr(tai_load16x4(a + LAST, b + LAST, c + LAST, d + LAST), 16);
}

/* What one step of the inner loop needs of a row. */
typedef struct Row {
    const uint8_t *block;
    v128_t scale[8]; /* per step: {s, s, s, s, s', s', s', s'} */
    volatile TaiParked isum;
} Row;

/* Unpacks the scales of a block and takes off the offset: isum = -32 * (sum of s * (sum of a)). */
static inline void begin_block(Row *row, const int16_t *sums) {
    v128_t s0 = wasm_i16x8_load8x8(row->block + SCALES);
    v128_t s1 = wasm_i16x8_load8x8(row->block + SCALES + 8);
    v128_t offset = wasm_i32x4_add(wasm_i32x4_dot_i16x8(s0, wasm_v128_load(sums)),
                                   wasm_i32x4_dot_i16x8(s1, wasm_v128_load(sums + 8)));
    row->isum = (TaiParked)wasm_i32x4_shl(wasm_i32x4_neg(offset), 5);
    int16_t s[16];
    wasm_v128_store(s, s0);
    wasm_v128_store(s + 8, s1);
    for (uint32_t i = 0; i < 8; i++) { /* 0 2, 4 6, 1 3, 5 7, and so on from 8 */
        const int16_t *first = s + i / 4 * 8 + i % 2 * 4 + i / 2 % 2;
        row->scale[i] = tai_splat_two(first, first + 2);
    }
}

/* 16 weights q (one byte each) times 16 activations. */
static inline v128_t dot16(v128_t q, v128_t a_even, v128_t a_odd) {
    v128_t even = wasm_v128_and(q, wasm_i16x8_const_splat(0x00FF));
    return wasm_i32x4_add(wasm_i32x4_dot_i16x8(even, a_even),
                          wasm_i32x4_dot_i16x8(wasm_u16x8_shr(q, 8), a_odd));
}

/* Sixteen weights of each of two runs; h0, h1: their high bits, in place among others.
 * A sum of 4 products, |4 * 63 * 127|, fits in 16 bits. */
static inline void add_runs(Row *row, v128_t low0, v128_t h0, v128_t low1, v128_t h1,
                            const v128_t a[4], v128_t scale) {
    v128_t nibble = wasm_i8x16_const_splat(0x0F), high = wasm_i8x16_const_splat(0x30);
    v128_t q0 = wasm_v128_or(wasm_v128_and(low0, nibble), wasm_v128_and(h0, high));
    v128_t q1 = wasm_v128_or(wasm_v128_and(low1, nibble), wasm_v128_and(h1, high));
    v128_t sums = wasm_i16x8_narrow_i32x4(dot16(q0, a[0], a[1]), dot16(q1, a[2], a[3]));
    row->isum = (TaiParked)wasm_i32x4_add((v128_t)row->isum, wasm_i32x4_dot_i16x8(sums, scale));
}

/* ql, qh: offsets in the block */
static inline void runs_0_1(Row *row, uint32_t ql, uint32_t qh, const v128_t a[4], uint32_t step) {
    v128_t h = wasm_v128_load(row->block + QH + qh);
    add_runs(row, wasm_v128_load(row->block + ql), wasm_i16x8_shl(h, 4),
             wasm_v128_load(row->block + ql + 32), wasm_i16x8_shl(h, 2), a, row->scale[step]);
}

static inline void runs_2_3(Row *row, uint32_t ql, uint32_t qh, const v128_t a[4], uint32_t step) {
    v128_t h = wasm_v128_load(row->block + QH + qh);
    add_runs(row, wasm_u16x8_shr(wasm_v128_load(row->block + ql), 4), h,
             wasm_u16x8_shr(wasm_v128_load(row->block + ql + 32), 4), wasm_u16x8_shr(h, 2), a,
             row->scale[step]);
}

void tai_simd_strip_q6_k(const TaiStrip *strip) {
    uint32_t k = strip->k;
    const void *act = strip->act;
    const int16_t *q = act, *sums = tai_act_sums16(act, k);
    const float *d = tai_act_d(act, k);
    Row r0 = {.block = strip->row[0]}, r1 = {.block = strip->row[1]};
    Row r2 = {.block = strip->row[2]}, r3 = {.block = strip->row[3]};
    v128_t total = wasm_f32x4_const_splat(0);
    for (uint32_t b = 0; b < k / TAI_SUPERBLOCK; b++) {
        begin_block(&r0, sums);
        begin_block(&r1, sums);
        begin_block(&r2, sums);
        begin_block(&r3, sums);
        sums += 16;
#pragma clang loop unroll(disable)
        for (uint32_t i = 0; i < 4; i++) { /* half i / 2 of the block, half i % 2 of its runs */
            uint32_t ql = i / 2 * 64 + i % 2 * 16, qh = i * 16;
            const int16_t *qa = q + i / 2 * 128 + i % 2 * 16;
            const v128_t a01[4] = {wasm_v128_load(qa), wasm_v128_load(qa + 8),
                                   wasm_v128_load(qa + 32), wasm_v128_load(qa + 40)};
            runs_0_1(&r0, ql, qh, a01, 2 * i);
            runs_0_1(&r1, ql, qh, a01, 2 * i);
            runs_0_1(&r2, ql, qh, a01, 2 * i);
            runs_0_1(&r3, ql, qh, a01, 2 * i);
            const v128_t a23[4] = {wasm_v128_load(qa + 64), wasm_v128_load(qa + 72),
                                   wasm_v128_load(qa + 96), wasm_v128_load(qa + 104)};
            runs_2_3(&r0, ql, qh, a23, 2 * i + 1);
            runs_2_3(&r1, ql, qh, a23, 2 * i + 1);
            runs_2_3(&r2, ql, qh, a23, 2 * i + 1);
            runs_2_3(&r3, ql, qh, a23, 2 * i + 1);
        }
        v128_t isum = tai_sum_rows(tai_sum_pairs((v128_t)r0.isum, (v128_t)r1.isum),
                                   tai_sum_pairs((v128_t)r2.isum, (v128_t)r3.isum));
        v128_t scale = tai_f16x4_small(last_f16(r0.block, r1.block, r2.block, r3.block));
        scale = wasm_f32x4_mul(scale, wasm_v128_load32_splat(d + b));
        total = wasm_f32x4_add(total, wasm_f32x4_mul(scale, wasm_f32x4_convert_i32x4(isum)));
        r0.block += BLOCK, r1.block += BLOCK, r2.block += BLOCK, r3.block += BLOCK;
        q += TAI_SUPERBLOCK;
    }
    wasm_v128_store(strip->y, total);
}

/* s * (q - 32) of 16 weights */
static inline TaiSixteen unpack(const void *from, uint32_t i) {
    const uint8_t *block = from;
    uint32_t half = i / 8, run = i / 2 % 4, part = i % 2;
    v128_t low = wasm_v128_load(block + half * 64 + run % 2 * 32 + part * 16);
    v128_t high = wasm_v128_load(block + QH + half * 32 + part * 16);
    low = wasm_v128_and(wasm_u16x8_shr(low, run / 2 * 4), wasm_i8x16_const_splat(0x0F));
    high = wasm_v128_and(wasm_u16x8_shr(high, run * 2), wasm_i8x16_const_splat(0x03));
    v128_t q = wasm_v128_or(low, wasm_i16x8_shl(high, 4));
    v128_t s = wasm_i16x8_splat((int8_t)block[SCALES + i]), offset = wasm_i16x8_const_splat(32);
    v128_t even = wasm_v128_and(q, wasm_i16x8_const_splat(0x00FF)), odd = wasm_u16x8_shr(q, 8);
    return (TaiSixteen){wasm_i16x8_mul(wasm_i16x8_sub(even, offset), s),
                        wasm_i16x8_mul(wasm_i16x8_sub(odd, offset), s)};
}

static void fill(TaiPanel *panel, uint32_t half, const uint8_t *const *row, uint32_t at,
                 uint32_t n) {
    size_t offset = (size_t)(at / TAI_SUPERBLOCK) * BLOCK;
    const uint8_t *r0 = row[0] + offset, *r1 = row[1] + offset;
    const uint8_t *r2 = row[2] + offset, *r3 = row[3] + offset;
    const void *const block[TAI_STRIP_ROWS] = {r0, r1, r2, r3};
    tai_fill_block(panel->q, half, block, n, unpack);
    wasm_v128_store(&panel->d[0][half * TAI_STRIP_ROWS], tai_f16x4_small(last_f16(r0, r1, r2, r3)));
}

void tai_simd_tile_q6_k(const TaiTile *tile) {
    tai_simd_tile256(tile, fill);
}
