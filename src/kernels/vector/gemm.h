/* One panel times many tokens. A chunk of the panel's columns is expanded once into memory that stays in the
 * first cache; tiles of a few tokens then run over it, block after block, so that each result is added up in
 * the order of gemv.h. */
#ifndef TAI_VECTOR_GEMM_H
#define TAI_VECTOR_GEMM_H

#include "kernels/vector/gemv.h"

enum {
    TAI_CHUNK_BYTES = 4096,    /* of expanded quants */
    TAI_CHUNK_BLOCKS = 16,     /* of 32 columns; a chunk of int16 has half of them */
    TAI_CHUNK_SUPERBLOCKS = 2, /* of 256 */
    TAI_MAX_TILE = 8,          /* tokens */
    TAI_SUBS = 16,             /* sub-blocks of 256 columns, at most */
};

/* Eight 32-bit lanes in memory. */
typedef struct TaiLanes {
    int32_t lane[TAI_PANEL_ROWS];
} TaiLanes;

typedef struct TaiChunk {
    TaiLanes d[TAI_CHUNK_BLOCKS], m[TAI_CHUNK_BLOCKS]; /* floats; m where there are minima */
    /* Of blocks of 256: scales of sub-blocks as tai_narrow_scaled wants them; and pairs of minima, or of scales
     * of quants with an offset, that meet the activations' sums. */
    TaiLanes scales[TAI_CHUNK_SUPERBLOCKS * TAI_SUBS];
    TaiLanes pairs[TAI_CHUNK_SUPERBLOCKS * TAI_SUBS / 2];
    uint32_t n_pairs; /* per block */
    uint32_t offset;  /* of the quants, where the scales' pairs correct for it */
    bool has_minima;
    uint32_t n_blocks;
    const uint8_t *w; /* the quants: `room`, or the panel itself */
    size_t w_stride;  /* bytes from block to block */
    uint8_t room[TAI_CHUNK_BYTES];
} TaiChunk;

/* One tile: a few tokens, as many as the function says. */
typedef struct TaiTileTokens {
    const uint8_t *act[TAI_MAX_TILE]; /* where the chunk begins in each token's activations */
    TaiLanes y[TAI_MAX_TILE];         /* floats, added to */
} TaiTileTokens;

/* How bytes are multiplied, and what is added up on the way: see activations.h. */
typedef struct TaiDots {
    V8 (*dot)(V8 partial, V8 w, const void *a);
    V8 (*start)(V8 isum);
    V8 (*end)(V8 isum, V8 partial);
    V8 (*scaled)(V8 partial, V8 scale);
} TaiDots;

TAI_INLINE V8 tai_wide_start(V8 isum) {
    return isum;
}
TAI_INLINE V8 tai_wide_end(V8 isum, V8 partial) {
    (void)isum; /* went into the sum */
    return partial;
}

#define TAI_NARROW_DOTS                                                                            \
    ((TaiDots){tai_narrow_dot, tai_narrow_start, tai_narrow_end, tai_narrow_scaled})
#define TAI_WIDE_DOTS ((TaiDots){tai_wide_dot, tai_wide_start, tai_wide_end, v8_mul32})

/* The lanes stay in memory: with them in registers there are none left for the loop. */
#define TAI_IN_MEMORY(pointer) __asm__("" : "+r"(pointer))

/* ---- expanding: the chunk's n_blocks blocks of the panel, from `block` ---- */

TAI_INLINE void tai_expand_scales_32(const TaiFormat32 *f, const uint8_t *block, TaiChunk *c,
                                     uint32_t b) {
    v8_store(&c->d[b], v8_load_f16(block + f->d));
    if (f->m != 0)
        v8_store(&c->m[b], v8_load_f16(block + f->m));
}

TAI_INLINE void tai_expand_32(const TaiFormat32 f, const uint8_t *block, TaiChunk *c) {
    uint8_t *to = c->room;
    c->w = to;
    c->w_stride = TAI_BLOCK * TAI_PANEL_ROWS;
    for (uint32_t b = 0; b < c->n_blocks; b++, block += f.block_bytes, to += c->w_stride) {
        V8 bits = tai_fifth_bits(&f, block);
        TAI_LOOP
        for (uint32_t g = 0; g < TAI_APART_32; g++) {
            TaiGroups w = f.unpack(block + sizeof(TaiPanelWord) * g, 0, &bits);
            v8_store(to + sizeof(V8) * g, w.a);
            v8_store(to + sizeof(V8) * (g + TAI_APART_32), w.b);
        }
        tai_expand_scales_32(&f, block, c, b);
    }
}

/* Group g as two vectors of pairs of int16, without the offset. */
TAI_INLINE void tai_store_pairs(uint8_t *to, uint32_t g, V8 bytes, int32_t offset) {
    TaiPairs p = tai_pairs_of_bytes(bytes);
    V8 minus = v8_splat16((int16_t)-offset);
    v8_store(to + sizeof(V8) * 2 * g, offset == 0 ? p.even : v8_add16(p.even, minus));
    v8_store(to + sizeof(V8) * (2 * g + 1), offset == 0 ? p.odd : v8_add16(p.odd, minus));
}

TAI_INLINE void tai_expand_pairs_32(const TaiFormat32 f, const uint8_t *block, TaiChunk *c) {
    uint8_t *to = c->room;
    c->w = to;
    c->w_stride = TAI_BLOCK * TAI_PANEL_ROWS * sizeof(int16_t);
    for (uint32_t b = 0; b < c->n_blocks; b++, block += f.block_bytes, to += c->w_stride) {
        V8 bits = tai_fifth_bits(&f, block);
        TAI_LOOP
        for (uint32_t g = 0; g < TAI_APART_32; g++) {
            TaiGroups w = f.unpack(block + sizeof(TaiPanelWord) * g, 0, &bits);
            tai_store_pairs(to, g, w.a, f.offset);
            tai_store_pairs(to, g + TAI_APART_32, w.b, f.offset);
        }
        tai_expand_scales_32(&f, block, c, b);
    }
}

/* d, dmin and the pairs of block b. */
TAI_INLINE void tai_expand_scales_256(const TaiFormat256 *f, const uint8_t *block, TaiChunk *c,
                                      uint32_t b, int32_t offset) {
    c->n_pairs = TAI_SUPERBLOCK / f->sub / 2;
    c->offset = (uint32_t)offset;
    c->has_minima = f->m != 0;
    v8_store(&c->d[b], v8_load_f16(block + f->d));
    if (f->m != 0)
        v8_store(&c->m[b], v8_load_f16(block + f->m));
    if (f->m != 0 || offset != 0)
        for (uint32_t j = 0; j < c->n_pairs; j++)
            v8_store(&c->pairs[b * c->n_pairs + j], tai_pair(f, block, j, f->m != 0));
}

TAI_INLINE void tai_expand_groups_256(const TaiFormat256 *f, const uint8_t *block, uint8_t *to) {
    const uint32_t turn = f->apart < 8 ? f->apart : 8;
    V8 bits = v8_zero();
    TAI_UNROLL
    for (uint32_t turns = 0; turns < TAI_SUPERBLOCK / 8; turns += turn) {
        const uint32_t g = turns / f->apart * 2 * f->apart + turns % f->apart;
        TAI_LOOP
        for (uint32_t i = 0; i < turn; i++) {
            TaiGroups w = f->unpack(block + sizeof(TaiPanelWord) * i, g, &bits);
            v8_store(to + sizeof(V8) * (g + i), w.a);
            v8_store(to + sizeof(V8) * (g + i + f->apart), w.b);
        }
    }
}

TAI_INLINE void tai_expand_256(const TaiFormat256 f, const uint8_t *block, TaiChunk *c, bool wide) {
    uint8_t *to = c->room;
    const uint32_t n_subs = TAI_SUPERBLOCK / f.sub;
    c->w = to;
    c->w_stride = TAI_SUPERBLOCK * TAI_PANEL_ROWS;
    for (uint32_t b = 0; b < c->n_blocks; b++, block += f.block_bytes, to += c->w_stride) {
        tai_expand_groups_256(&f, block, to);
        for (uint32_t s = 0; s < n_subs; s += 2) {
            V8 pair = tai_pair(&f, block, s / 2, false);
            TaiLanes *scales = &c->scales[b * n_subs + s];
            v8_store(scales, wide ? tai_low32(pair) : tai_narrow_scale_low(pair));
            v8_store(scales + 1, wide ? tai_high32(pair) : tai_narrow_scale_high(pair));
        }
        tai_expand_scales_256(&f, block, c, b, wide ? TAI_WIDE_OFFSET : f.offset);
    }
}

/* The scales of sub-blocks go into the weights: int16 holds their products. Groups of one sub-block after the
 * other, as bytes, then multiplied in place from the end, since they grow. */
TAI_INLINE void tai_expand_pairs_256(const TaiFormat256 f, const uint8_t *block, TaiChunk *c) {
    uint8_t *to = c->room;
    const uint32_t n_subs = TAI_SUPERBLOCK / f.sub, groups = f.sub / 4;
    c->w = to;
    c->w_stride = TAI_SUPERBLOCK * TAI_PANEL_ROWS * sizeof(int16_t);
    for (uint32_t b = 0; b < c->n_blocks; b++, block += f.block_bytes, to += c->w_stride) {
        tai_expand_groups_256(&f, block, to);
        for (uint32_t s = n_subs; s-- != 0;) {
            V8 pair = tai_pair(&f, block, s / 2, false);
            V8 scale = s % 2 == 0 ? v8_low16_twice(pair) : v8_high16_twice(pair);
            for (uint32_t g = (s + 1) * groups; g-- != s * groups;) {
                TaiPairs p = tai_pairs_of_bytes(v8_load(to + sizeof(V8) * g));
                V8 minus = v8_splat16((int16_t)-f.offset);
                v8_store(to + sizeof(V8) * (2 * g + 1), v8_mul16(v8_add16(p.odd, minus), scale));
                v8_store(to + sizeof(V8) * 2 * g, v8_mul16(v8_add16(p.even, minus), scale));
            }
        }
        tai_expand_scales_256(&f, block, c, b, 0);
    }
}

/* ---- tiles ---- */

/* n_groups groups as bytes, from w, times n_tokens tokens, from q. */
TAI_INLINE void tai_multiply_bytes(const TaiDots by, V8 *sum, const uint8_t *w,
                                   const uint8_t *const *q, uint32_t n_groups, uint32_t n_tokens) {
    TAI_LOOP
    for (uint32_t g = 0; g < n_groups; g += TAI_TURN_GROUPS, w += sizeof(V8) * TAI_TURN_GROUPS) {
        V8 x[TAI_TURN_GROUPS];
        TAI_UNROLL
        for (uint32_t i = 0; i < TAI_TURN_GROUPS; i++)
            x[i] = v8_load(w + sizeof(V8) * i);
        TAI_UNROLL
        for (uint32_t t = 0; t < n_tokens; t++) {
            TAI_UNROLL
            for (uint32_t i = 0; i < TAI_TURN_GROUPS; i++)
                sum[t] = by.dot(sum[t], x[i], q[t] + 4 * (g + i));
        }
    }
}

/* What the sum of a block of 32 gives to y. */
TAI_INLINE void tai_finish_tile_32(const TaiChunk *c, uint32_t b, V8 da, V8 isum, V8 minus_8_sum,
                                   bool has_minima, TaiLanes *y) {
    V8 d = v8_load(&c->d[b]), sum = v8_load(y);
    if (has_minima) {
        V8 msum = v8_sub32(v8_zero(), v8_sar32(minus_8_sum, 3));
        sum = tai_add_block_with_minimum(sum, d, da, isum, v8_load(&c->m[b]), msum);
    } else {
        sum = tai_add_block(sum, d, da, isum);
    }
    v8_store(y, sum);
}

/* A block of 32 activations as bytes of either form. */
typedef struct TaiBytes32 {
    int8_t q[TAI_BLOCK];
    float d;
    int32_t minus_sum; /* times 8 or 128 */
} TaiBytes32;

/* Blocks of 32 as bytes. factor: of the activations' sum that corrects for the offset; run: groups that are added
 * up before they are widened. */
TAI_INLINE void tai_tile_32(const TaiDots by, const uint32_t factor, const bool has_minima,
                            const uint32_t run, const uint32_t n_tokens, const TaiChunk *c,
                            TaiTileTokens *tokens) {
    const TaiBytes32 *a[TAI_MAX_TILE];
    const uint8_t *w = c->w;
    TaiLanes sums[TAI_MAX_TILE], *before = sums;
    TAI_IN_MEMORY(before);
    TAI_UNROLL
    for (uint32_t t = 0; t < n_tokens; t++)
        a[t] = (const TaiBytes32 *)(const void *)tokens->act[t];
    for (uint32_t b = 0; b < c->n_blocks; b++, w += c->w_stride) {
        V8 isum[TAI_MAX_TILE];
        TAI_UNROLL
        for (uint32_t g = 0; g < 8; g += run) {
            const uint8_t *q[TAI_MAX_TILE];
            TAI_UNROLL
            for (uint32_t t = 0; t < n_tokens; t++) {
                q[t] = (const uint8_t *)a[t]->q + 4 * g;
                isum[t] = by.start(tai_offset_32(factor, &a[t]->minus_sum));
            }
            tai_multiply_bytes(by, isum, w + sizeof(V8) * g, q, run, n_tokens);
            TAI_UNROLL
            for (uint32_t t = 0; t < n_tokens; t++) {
                V8 first = g == 0 ? tai_offset_32(factor, &a[t]->minus_sum) : v8_load(&before[t]);
                isum[t] = by.end(first, isum[t]);
                if (g + run < 8)
                    v8_store(&before[t], isum[t]);
            }
        }
        TAI_UNROLL
        for (uint32_t t = 0; t < n_tokens; t++) {
            tai_finish_tile_32(c, b, v8_load_splat(&a[t]->d), isum[t],
                               v8_load_splat(&a[t]->minus_sum), has_minima, &tokens->y[t]);
            a[t]++;
        }
    }
}

/* Eight groups as pairs of int16, times T tokens. */
TAI_INLINE void tai_multiply_pairs(V8 *isum, const uint8_t *w, const int16_t *const *a,
                                   uint32_t n_tokens) {
    TAI_LOOP
    for (uint32_t i = 0; i < 16; i++) {
        V8 x = v8_load(w + sizeof(V8) * i);
        TAI_UNROLL
        for (uint32_t t = 0; t < n_tokens; t++)
            isum[t] = v8_add32(isum[t], v8_madd16(x, v8_load_splat(a[t] + 2 * i)));
    }
}

enum { TAI_PAIRS_TILE = 4 };

/* Blocks of 32 as pairs of int16; q, d and the sum are at the same places in both forms. */
typedef struct TaiPairs32 {
    int16_t q[TAI_BLOCK];
    float d;
    int32_t minus_8_sum;
} TaiPairs32;

TAI_INLINE void tai_tile_pairs_32(bool has_minima, const TaiChunk *c, TaiTileTokens *tokens) {
    enum { T = TAI_PAIRS_TILE };
    const TaiPairs32 *a[T];
    const uint8_t *w = c->w;
    TAI_UNROLL
    for (uint32_t t = 0; t < T; t++)
        a[t] = (const TaiPairs32 *)(const void *)tokens->act[t];
    for (uint32_t b = 0; b < c->n_blocks; b++, w += TAI_BLOCK * TAI_PANEL_ROWS * sizeof(int16_t)) {
        V8 isum[T];
        const int16_t *q[T];
        TAI_UNROLL
        for (uint32_t t = 0; t < T; t++) {
            isum[t] = v8_zero();
            q[t] = a[t]->q;
        }
        tai_multiply_pairs(isum, w, q, T);
        TAI_UNROLL
        for (uint32_t t = 0; t < T; t++) {
            tai_finish_tile_32(c, b, v8_load_splat(&a[t]->d), isum[t],
                               v8_load_splat(&a[t]->minus_8_sum), has_minima, &tokens->y[t]);
            a[t]++;
        }
    }
}

/* What the sums of block b give to y, of all tokens. Where: the bytes from a token's chunk to the block's sums. A
 * function: it is called too seldom to be worth a copy in each tile. */
static __attribute__((noinline)) void tai_finish_tile_256(const TaiChunk *c, uint32_t b,
                                                          size_t where, uint32_t n_tokens,
                                                          const TaiLanes *isum,
                                                          TaiTileTokens *tokens) {
    const TaiLanes *pairs = c->pairs + (size_t)b * c->n_pairs;
    const V8 d = v8_load(&c->d[b]);
    for (uint32_t t = 0; t < n_tokens; t++) {
        const TaiSums256 *sums = (const void *)(tokens->act[t] + where);
        const int16_t *a = c->n_pairs == TAI_SUBS / 2 ? sums->of_16 : sums->of_32;
        V8 da = v8_load_splat(&sums->d), sum = v8_load(&isum[t]), y = v8_load(&tokens->y[t]);
        V8 corrections = v8_zero();
        if (c->has_minima || c->offset != 0)
            for (uint32_t j = 0; j < c->n_pairs; j++)
                corrections =
                    v8_add32(corrections, v8_madd16(v8_load(&pairs[j]), v8_load_splat(a + 2 * j)));
        if (c->has_minima) {
            V8 msum = v8_sub32(v8_zero(), corrections);
            y = tai_add_block_with_minimum(y, d, da, sum, v8_load(&c->m[b]), msum);
        } else {
            sum = v8_sub32(sum, v8_mul32(corrections, v8_splat32((int32_t)c->offset)));
            y = tai_add_block(y, d, da, sum);
        }
        v8_store(&tokens->y[t], y);
    }
}

/* Blocks of 256 as pairs of int16 with the scales in them. */
TAI_INLINE void tai_tile_pairs_256(const TaiChunk *c, TaiTileTokens *tokens) {
    enum { T = TAI_PAIRS_TILE };
    const size_t act_bytes = TAI_SUPERBLOCK * sizeof(int16_t) + sizeof(TaiSums256);
    const uint8_t *w = c->w;
    TaiLanes sums[T];
    for (uint32_t b = 0; b < c->n_blocks; b++) {
        V8 isum[T];
        const int16_t *q[T];
        TAI_UNROLL
        for (uint32_t t = 0; t < T; t++) {
            isum[t] = v8_zero();
            q[t] = (const int16_t *)(const void *)(tokens->act[t] + b * act_bytes);
        }
        TAI_LOOP
        for (uint32_t s = 0; s < 8; s++, w += TAI_BLOCK * TAI_PANEL_ROWS * sizeof(int16_t)) {
            tai_multiply_pairs(isum, w, q, T);
            TAI_UNROLL
            for (uint32_t t = 0; t < T; t++)
                q[t] += TAI_BLOCK;
        }
        TAI_UNROLL
        for (uint32_t t = 0; t < T; t++)
            v8_store(&sums[t], isum[t]);
        tai_finish_tile_256(c, b, b * act_bytes + TAI_SUPERBLOCK * sizeof(int16_t), T, sums,
                            tokens);
    }
}

/* Blocks of 256 as bytes: the sums of sub-blocks of `sub` columns, times their scales, go to memory. */
TAI_INLINE void tai_tile_256(const TaiDots by, const uint32_t sub, const uint32_t run,
                             const uint32_t n_tokens, const TaiChunk *c, TaiTileTokens *tokens) {
    const size_t act_bytes = TAI_SUPERBLOCK + sizeof(TaiSums256);
    const uint8_t *w = c->w;
    const TaiLanes *scale = c->scales;
    TaiLanes sums[TAI_MAX_TILE], *sum = sums;
    TAI_IN_MEMORY(sum);
    for (uint32_t b = 0; b < c->n_blocks; b++) {
        const uint8_t *q[TAI_MAX_TILE];
        TAI_UNROLL
        for (uint32_t t = 0; t < n_tokens; t++) {
            v8_store(&sum[t], v8_zero());
            q[t] = tokens->act[t] + b * act_bytes;
        }
        TAI_LOOP
        for (uint32_t g = 0; g < TAI_SUPERBLOCK / 4; g += run, w += sizeof(V8) * run) {
            V8 isum[TAI_MAX_TILE];
            TAI_UNROLL
            for (uint32_t t = 0; t < n_tokens; t++)
                isum[t] = v8_zero();
            tai_multiply_bytes(by, isum, w, q, run, n_tokens);
            V8 s8 = v8_load(scale + 4 * g / sub);
            TAI_UNROLL
            for (uint32_t t = 0; t < n_tokens; t++) {
                v8_store(&sum[t], v8_add32(v8_load(&sum[t]), by.scaled(isum[t], s8)));
                q[t] += 4 * run;
            }
        }
        scale += TAI_SUPERBLOCK / sub;
        tai_finish_tile_256(c, b, b * act_bytes + TAI_SUPERBLOCK, n_tokens, sum, tokens);
    }
}

#endif
