/* Q4_K: the block is drawn in reference/q4_k.c, the activations in activations.h. */
#include <string.h>

#include "kernels/simd128/activations.h"
#include "kernels/simd128/tiles.h"
#include "kernels/simd128/vectors.h"

enum { BLOCK = sizeof(TaiQ4_K), QS = 16 /* offset of qs */ };

/* The 8 scales and the 8 minima of a block, as int16. */
typedef struct Scales {
    v128_t s, m;
} Scales;

static inline Scales scales_of(const uint8_t *block) {
    uint32_t word[3];
    memcpy(word, block + 4, sizeof word);
    uint32_t s_high = (word[2] & 0x0F0F0F0Fu) | (word[0] >> 2 & 0x30303030u);
    uint32_t m_high = (word[2] >> 4 & 0x0F0F0F0Fu) | (word[1] >> 2 & 0x30303030u);
    v128_t bytes = wasm_u32x4_make(word[0] & 0x3F3F3F3Fu, s_high, word[1] & 0x3F3F3F3Fu, m_high);
    return (Scales){wasm_u16x8_extend_low_u8x16(bytes), wasm_u16x8_extend_high_u8x16(bytes)};
}

/* 16 bytes at qs, of two sub-blocks, times activations a[4]; scale: that of the first sub-block
 * four times, that of the second four times. A sum of 4 products, |4 * 15 * 127|, fits in 16 bits.
 */
static inline v128_t dot(const uint8_t *qs, const v128_t a[4], v128_t scale) {
    v128_t q = wasm_v128_load(qs), nibble = wasm_i16x8_const_splat(15);
    v128_t first =
        wasm_i32x4_add(wasm_i32x4_dot_i16x8(wasm_v128_and(q, nibble), a[0]),
                       wasm_i32x4_dot_i16x8(wasm_v128_and(wasm_u16x8_shr(q, 8), nibble), a[1]));
    v128_t second =
        wasm_i32x4_add(wasm_i32x4_dot_i16x8(wasm_v128_and(wasm_u16x8_shr(q, 4), nibble), a[2]),
                       wasm_i32x4_dot_i16x8(wasm_u16x8_shr(q, 12), a[3]));
    return wasm_i32x4_dot_i16x8(wasm_i16x8_narrow_i32x4(first, second), scale);
}

/* What one step of the inner loop needs of a row. */
typedef struct Row {
    const uint8_t *block;
    v128_t scale[4]; /* per pair of sub-blocks: {s, s, s, s, s', s', s', s'} */
    volatile TaiParked isum;
} Row;

/* Unpacks the scales of a block; returns the partial sums of msum. */
static inline v128_t begin_block(Row *row, v128_t sums) {
    Scales scales = scales_of(row->block);
    int16_t s[8];
    wasm_v128_store(s, scales.s);
    for (uint32_t pair = 0; pair < 4; pair++)
        row->scale[pair] = tai_splat_two(&s[2 * pair], &s[2 * pair + 1]);
    row->isum = (TaiParked)wasm_i32x4_const_splat(0);
    return wasm_i32x4_dot_i16x8(scales.m, sums);
}

static inline void step(Row *row, uint32_t at, const v128_t a[4]) {
    v128_t part = dot(row->block + QS + at, a, row->scale[at / 32]);
    row->isum = (TaiParked)wasm_i32x4_add((v128_t)row->isum, part);
}

void tai_simd_strip_q4_k(const TaiStrip *strip) {
    uint32_t k = strip->k;
    const void *act = strip->act;
    const int16_t *q = act, *sums = tai_act_sums32(act, k);
    const float *d = tai_act_d(act, k);
    Row r0 = {.block = strip->row[0]}, r1 = {.block = strip->row[1]}, r2 = {.block = strip->row[2]},
        r3 = {.block = strip->row[3]};
    v128_t total = wasm_f32x4_const_splat(0);
    for (uint32_t b = 0; b < k / TAI_SUPERBLOCK; b++) {
        v128_t sum = wasm_v128_load(sums + (size_t)b * 8);
        volatile TaiParked msums =
            (TaiParked)tai_sum_pairs(begin_block(&r0, sum), begin_block(&r1, sum));
        v128_t msum = tai_sum_pairs(begin_block(&r2, sum), begin_block(&r3, sum));
        msum = tai_sum_rows((v128_t)msums, msum);
#pragma clang loop unroll(disable)
        for (uint32_t at = 0; at < 128; at += 16) {
            const int16_t *qa = q + 2 * at - at % 32;
            const v128_t a[4] = {wasm_v128_load(qa), wasm_v128_load(qa + 8),
                                 wasm_v128_load(qa + 32), wasm_v128_load(qa + 40)};
            step(&r0, at, a);
            step(&r1, at, a);
            step(&r2, at, a);
            step(&r3, at, a);
        }
        v128_t isum = tai_sum_rows(tai_sum_pairs((v128_t)r0.isum, (v128_t)r1.isum),
                                   tai_sum_pairs((v128_t)r2.isum, (v128_t)r3.isum));
        v128_t da = wasm_v128_load32_splat(d + b);
        v128_t scales =
            tai_load16x4(r0.block, r1.block, r2.block, r3.block); /* d, and dmin above */
        v128_t scale = wasm_f32x4_mul(tai_f16x4_small(scales), da);
        v128_t minimum = wasm_f32x4_mul(tai_f16x4_small(wasm_u32x4_shr(scales, 16)), da);
        v128_t part = wasm_f32x4_sub(wasm_f32x4_mul(scale, wasm_f32x4_convert_i32x4(isum)),
                                     wasm_f32x4_mul(minimum, wasm_f32x4_convert_i32x4(msum)));
        total = wasm_f32x4_add(total, part);
        r0.block += BLOCK, r1.block += BLOCK, r2.block += BLOCK, r3.block += BLOCK;
        q += TAI_SUPERBLOCK;
    }
    wasm_v128_store(strip->y, total);
}

/* A block with its scales unpacked. */
typedef struct Unpacked {
    int16_t s[8];
    const uint8_t *qs;
} Unpacked;

/* s * q of 16 weights */
static inline TaiSixteen unpack(const void *from, uint32_t i) {
    const Unpacked *block = from;
    v128_t q = wasm_v128_load(block->qs + i / 4 * 32 + i % 2 * 16);
    q = wasm_u16x8_shr(q, i / 2 % 2 * 4);
    q = wasm_v128_and(q, wasm_i8x16_const_splat(0x0F));
    v128_t s = wasm_v128_load16_splat(&block->s[i / 2]);
    return (TaiSixteen){wasm_i16x8_mul(wasm_v128_and(q, wasm_i16x8_const_splat(0x00FF)), s),
                        wasm_i16x8_mul(wasm_u16x8_shr(q, 8), s)};
}

static void fill(TaiPanel *panel, uint32_t half, const uint8_t *const *row, uint32_t at,
                 uint32_t n) {
    size_t offset = (size_t)(at / TAI_SUPERBLOCK) * BLOCK;
    Unpacked unpacked[TAI_STRIP_ROWS];
    const void *block[TAI_STRIP_ROWS];
    v128_t m[TAI_STRIP_ROWS];
    for (uint32_t r = 0; r < TAI_STRIP_ROWS; r++) {
        Scales scales = scales_of(row[r] + offset);
        wasm_v128_store(unpacked[r].s, scales.s);
        unpacked[r].qs = row[r] + offset + QS;
        block[r] = &unpacked[r];
        m[r] = scales.m;
    }
    tai_fill_block(panel->q, half, block, n, unpack);
    tai_put_pairs(panel->m, half, m[0], m[1], m[2], m[3]);
    v128_t d = tai_load16x4(row[0] + offset, row[1] + offset, row[2] + offset, row[3] + offset);
    wasm_v128_store(&panel->d[0][half * TAI_STRIP_ROWS], tai_f16x4_small(d));
    wasm_v128_store(&panel->dmin[half * TAI_STRIP_ROWS], tai_f16x4_small(wasm_u32x4_shr(d, 16)));
}

void tai_simd_tile_q4_k(const TaiTile *tile) {
    tai_simd_tile256_min(tile, fill);
}
