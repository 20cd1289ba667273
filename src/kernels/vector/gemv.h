/* One panel times one token: eight rows in eight lanes, blocks in ascending order. All is known at compile time
 * but the number of blocks, and how many bytes ahead the next panels are asked for. */
#ifndef TAI_VECTOR_GEMV_H
#define TAI_VECTOR_GEMV_H

#include "kernels/vector/activations.h"
#include "kernels/vector/formats.h"

/* y + (d * da) * isum */
TAI_INLINE V8 tai_add_block(V8 y, V8 d, V8 da, V8 isum) {
    return v8_add(y, v8_mul(v8_f32_of_i32(isum), v8_mul(d, da)));
}
/* y + ((d * da) * isum + (m * da) * msum) */
TAI_INLINE V8 tai_add_block_with_minimum(V8 y, V8 d, V8 da, V8 isum, V8 m, V8 msum) {
    V8 products = v8_mul(v8_mul(d, da), v8_f32_of_i32(isum));
    return v8_add(y, v8_add(products, v8_mul(v8_mul(m, da), v8_f32_of_i32(msum))));
}

/* What a block of 32 begins with: factor times the negative sum that the activations bring, for the offset. */
TAI_INLINE V8 tai_offset_32(const uint32_t factor, const int32_t *minus_sum) {
    if (factor == 0)
        return v8_zero();
    V8 offset = v8_load_splat(minus_sum);
    return factor == 1 ? offset : v8_add32(offset, offset);
}

/* Two sums at a time: of the groups that lie `apart`. */
typedef struct TaiTwoSums {
    V8 a, b;
} TaiTwoSums;

typedef V8 (*TaiDot)(V8 partial, V8 w, const void *a);

/* Asks for n bytes that will be needed soon: from main memory one token would else wait for nearly every line. */
TAI_INLINE void tai_ask_for(const uint8_t *at, size_t n) {
    TAI_UNROLL
    for (size_t i = 0; i < n; i += TAI_CACHE_LINE_BYTES)
        v8_ask_for(at + i);
}

/* sum + n groups from g on, and those apart from them. at: the block; q: the activations of group g, of `width` bytes. */
TAI_INLINE TaiTwoSums tai_multiply_words(TaiUnpack unpack, TaiDot dot, TaiTwoSums sum,
                                         const uint8_t *at, const void *q, size_t width, uint32_t g,
                                         uint32_t n, uint32_t apart, V8 bits) {
    const uint8_t *a = q, *end = at + n * sizeof(TaiPanelWord);
    TAI_LOOP
    for (; at != end; at += sizeof(TaiPanelWord), a += 4 * width) {
        TaiGroups w = unpack(at, g, &bits);
        sum.a = dot(sum.a, w.a, a);
        sum.b = dot(sum.b, w.b, a + 4 * width * apart);
    }
    return sum;
}

TAI_INLINE V8 tai_fifth_bits(const TaiFormat32 *f, const uint8_t *block) {
    return f->fifth_bits ? v8_load(block + offsetof(TaiPanelQ5_0, qh)) : v8_zero();
}

TAI_INLINE void tai_gemv_32(const TaiFormat32 f, const uint8_t *restrict block, uint32_t n_blocks,
                            const void *act, size_t ahead, float *restrict to) {
    const TaiNarrow32 *a = act;
    const bool fits = TAI_NARROW_GROUPS(f.largest) >= 2 * TAI_APART_32;
    V8 y = v8_zero();
    for (; n_blocks != 0; n_blocks--, a++, block += f.block_bytes) {
        tai_ask_for(block + ahead, f.block_bytes);
        V8 offset = tai_offset_32((uint32_t)f.offset / 8, &a->minus_8_sum);
        TaiTwoSums sum = {tai_narrow_start(offset), tai_narrow_start(v8_zero())};
        sum = tai_multiply_words(f.unpack, tai_narrow_dot, sum, block, a->q, sizeof *a->q, 0,
                                 TAI_APART_32, TAI_APART_32, tai_fifth_bits(&f, block));
        V8 isum = tai_narrow_join(offset, sum.a, sum.b, fits);
        V8 d = v8_load_f16(block + f.d), da = v8_load_splat(&a->d);
        if (f.m == 0) {
            y = tai_add_block(y, d, da, isum);
        } else {
            V8 msum = v8_sub32(v8_zero(), v8_sar32(v8_load_splat(&a->minus_8_sum), 3));
            y = tai_add_block_with_minimum(y, d, da, isum, v8_load_f16(block + f.m), msum);
        }
    }
    v8_store(to, y);
}

TAI_INLINE void tai_gemv_wide_32(const TaiFormat32 f, const uint8_t *restrict block,
                                 uint32_t n_blocks, const void *act, size_t ahead,
                                 float *restrict to) {
    const TaiWide32 *a = act;
    V8 y = v8_zero();
    for (; n_blocks != 0; n_blocks--, a++, block += f.block_bytes) {
        tai_ask_for(block + ahead, f.block_bytes);
        TaiTwoSums sum = {tai_offset_32(TAI_WIDE_OFFSET / 128, &a->minus_128_sum), v8_zero()};
        sum = tai_multiply_words(f.unpack, tai_wide_dot, sum, block, a->q, sizeof *a->q, 0,
                                 TAI_APART_32, TAI_APART_32, v8_zero());
        y = tai_add_block(y, v8_load_f16(block + f.d), v8_load_splat(&a->d),
                          v8_add32(sum.a, sum.b));
    }
    v8_store(to, y);
}

/* The sum over sub-blocks of minimum or scale (a pair of them each) times the activations' sum. */
TAI_INLINE V8 tai_pair_sums(const TaiFormat256 *f, const uint8_t *block, const TaiSums256 *sums,
                            bool minima) {
    const int16_t *a = f->sub == 16 ? sums->of_16 : sums->of_32;
    V8 sum = v8_zero();
    TAI_UNROLL
    for (uint32_t j = 0; j < TAI_SUPERBLOCK / f->sub / 2; j++)
        sum = v8_add32(sum, v8_madd16(tai_pair(f, block, j, minima), v8_load_splat(a + 2 * j)));
    return sum;
}

/* y + what a block of 256 gives; isum: the sum of scale * (sum of quant * a) without the quants' offset. */
TAI_INLINE V8 tai_finish_256(const TaiFormat256 *f, const uint8_t *block, const TaiSums256 *sums,
                             V8 isum, int32_t offset, V8 y) {
    V8 d = v8_load_f16(block + f->d), da = v8_load_splat(&sums->d);
    if (f->m != 0) { /* -dmin * msum = dmin * -msum */
        V8 msum = v8_sub32(v8_zero(), tai_pair_sums(f, block, sums, true));
        return tai_add_block_with_minimum(y, d, da, isum, v8_load_f16(block + f->m), msum);
    }
    if (offset != 0) { /* a power of two */
        V8 sum = tai_pair_sums(f, block, sums, false);
        isum = v8_sub32(isum, v8_shl32(sum, (uint32_t)__builtin_ctz((uint32_t)offset)));
    }
    return tai_add_block(y, d, da, isum);
}

/* The scale of sub-block s in each lane, as the products' sums want it. */
TAI_INLINE V8 tai_narrow_scale(const TaiFormat256 *f, const uint8_t *block, uint32_t s) {
    V8 pair = tai_pair(f, block, s / 2, false);
    return s % 2 == 0 ? tai_narrow_scale_low(pair) : tai_narrow_scale_high(pair);
}

TAI_INLINE void tai_gemv_256(const TaiFormat256 f, const uint8_t *restrict block, uint32_t n_blocks,
                             const void *act, size_t ahead, float *restrict to) {
    const TaiNarrow256 *a = act;
    const uint32_t groups = f.sub / 4; /* of a sub-block */
    const uint32_t limit = TAI_NARROW_GROUPS(f.largest);
    const uint32_t run = limit < groups ? limit : groups;
    V8 y = v8_zero();
    for (; n_blocks != 0; n_blocks--, a++, block += f.block_bytes) {
        tai_ask_for(block + ahead, f.block_bytes);
        V8 isum = v8_zero();
        TAI_LOOP
        for (uint32_t p = 0; p < TAI_SUPERBLOCK / 4; p += f.period) {
            const uint8_t *at = block + sizeof(TaiPanelWord) * (p / f.period * f.period_words);
            const uint8_t *scales = block + sizeof(TaiPanelPair) * (p / groups / 2);
            TAI_UNROLL
            for (uint32_t i = 0; i < f.period / 2; i += run) {
                const uint32_t g = i / f.apart * 2 * f.apart + i % f.apart;
                TaiTwoSums sum = {tai_narrow_start(v8_zero()), tai_narrow_start(v8_zero())};
                sum = tai_multiply_words(f.unpack, tai_narrow_dot, sum, at, &a->q[4 * (p + g)],
                                         sizeof *a->q, g, run, f.apart, v8_zero());
                V8 s0 = tai_narrow_scale(&f, scales, g / groups);
                V8 s1 = tai_narrow_scale(&f, scales, (g + f.apart) / groups);
                isum = v8_add32(isum, tai_narrow_scaled(sum.a, s0));
                isum = v8_add32(isum, tai_narrow_scaled(sum.b, s1));
            }
        }
        y = tai_finish_256(&f, block, &a->sums, isum, f.offset, y);
    }
    v8_store(to, y);
}

TAI_INLINE V8 tai_wide_scale(const TaiFormat256 *f, const uint8_t *block, uint32_t s) {
    V8 pair = tai_pair(f, block, s / 2, false);
    return s % 2 == 0 ? tai_low32(pair) : tai_high32(pair);
}

/* Both groups that are unpacked together lie in the same sub-block of 32. */
TAI_INLINE void tai_gemv_wide_256(const TaiFormat256 f, const uint8_t *restrict block,
                                  uint32_t n_blocks, const void *act, size_t ahead,
                                  float *restrict to) {
    const TaiWide256 *a = act;
    V8 y = v8_zero();
    for (; n_blocks != 0; n_blocks--, a++, block += f.block_bytes) {
        tai_ask_for(block + ahead, f.block_bytes);
        V8 isum = v8_zero();
        TAI_LOOP
        for (uint32_t p = 0; p < TAI_SUPERBLOCK / 4; p += f.period) {
            const uint8_t *at = block + sizeof(TaiPanelWord) * (p / f.period * f.period_words);
            const uint8_t *scales = block + sizeof(TaiPanelPair) * (p / 16);
            TAI_UNROLL
            for (uint32_t g = 0; g < f.period; g += 8) {
                TaiTwoSums sum = {v8_zero(), v8_zero()};
                sum = tai_multiply_words(f.unpack, tai_wide_dot, sum, at, &a->q[4 * (p + g)],
                                         sizeof *a->q, g, f.apart, f.apart, v8_zero());
                V8 both = v8_add32(sum.a, sum.b);
                isum = v8_add32(isum, v8_mul32(both, tai_wide_scale(&f, scales, g / 8)));
            }
        }
        y = tai_finish_256(&f, block, &a->sums, isum, TAI_WIDE_OFFSET, y);
    }
    v8_store(to, y);
}

#endif
