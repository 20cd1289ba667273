/* The quants of a panel's block as bytes: a vector holds four columns of eight rows, which are a group. Group g
 * is columns 4g .. 4g + 3. Words hold more than one group; so each function gives a group and the one that lies
 * `apart` groups after it. Which ones: g, a constant, and i words more, a variable that has moved the block's
 * address by so many words; g mod 8 + i < 8, and (g + i) mod 2 apart < apart. Narrow quants are 0 .. 63 at most; wide ones are
 * the weight + 128 (0 .. 255), or what tai_wide_bytes makes of it. */
#ifndef TAI_VECTOR_UNPACK_H
#define TAI_VECTOR_UNPACK_H

#include "kernels/panel_blocks.h"

typedef struct TaiGroups {
    V8 a, b; /* groups g and g + apart */
} TaiGroups;

/* bits: the word of fifth bits of a block of 32, to be handed on from i = 0 to 3; others ignore it. */
typedef TaiGroups (*TaiUnpack)(const uint8_t *at, uint32_t g, V8 *bits);

/* How far apart the two groups are. */
enum {
    TAI_APART_32 = 4, /* all types of blocks of 32 */
    TAI_APART_Q2_K = 8,
    TAI_APART_Q4_K = 8,
    TAI_APART_Q6_K = 16,
    TAI_APART_IQ4_XS = 4,
};

TAI_INLINE V8 tai_word(const uint8_t *at, size_t part, uint32_t i) {
    return v8_load(at + part + sizeof(TaiPanelWord) * i);
}
TAI_INLINE TaiGroups tai_nibbles(V8 w) {
    const V8 low = v8_splat8(0x0F);
    return (TaiGroups){v8_and(w, low), v8_and(v8_shr16(w, 4), low)};
}
/* The bits of mask, moved there from `from` bits above the lowest bit of it. */
TAI_INLINE V8 tai_bits_from(V8 w, uint32_t from, uint32_t to, int8_t mask) {
    V8 moved = from == to ? w : from < to ? v8_shl16(w, to - from) : v8_shr16(w, from - to);
    return v8_and(moved, v8_splat8(mask));
}
TAI_INLINE TaiGroups tai_or_groups(TaiGroups x, V8 a, V8 b) {
    return (TaiGroups){v8_or(x.a, a), v8_or(x.b, b)};
}

/* ---- blocks of 32: g < 4 ---- */

TAI_INLINE TaiGroups tai_unpack_q4_0(const uint8_t *at, uint32_t g, V8 *bits) { /* also Q4_1 */
    (void)bits;
    return tai_nibbles(tai_word(at, offsetof(TaiPanelQ4_0, qs), g));
}
TAI_INLINE TaiGroups tai_unpack_q5_0(const uint8_t *at, uint32_t g, V8 *bits) { /* also Q5_1 */
    V8 h = *bits; /* bit 0: of column 4i.., bit 4: of the other */
    *bits = v8_shr16(h, 1);
    return tai_or_groups(tai_unpack_q4_0(at, g, bits), v8_and(v8_shl16(h, 4), v8_splat8(0x10)),
                         v8_and(h, v8_splat8(0x10)));
}
TAI_INLINE TaiGroups tai_unpack_q8_0(const uint8_t *at, uint32_t g, V8 *bits) {
    (void)bits;
    const size_t qs = offsetof(TaiPanelQ8_0, qs);
    return (TaiGroups){tai_wide_bytes(tai_word(at, qs, g)),
                       tai_wide_bytes(tai_word(at, qs, g + TAI_APART_32))};
}

TAI_INLINE TaiGroups tai_unpack_iq4_nl(const uint8_t *at, uint32_t g, V8 *bits) {
    const V8 values = v8_load_twice(tai_iq4_values);
    const V8 table = tai_wide_bytes(v8_xor(values, v8_splat8(INT8_MIN)));
    TaiGroups index = tai_unpack_q4_0(at, g, bits);
    return (TaiGroups){v8_lookup(table, index.a), v8_lookup(table, index.b)};
}
_Static_assert(offsetof(TaiPanelQ4_1, qs) == offsetof(TaiPanelQ4_0, qs), "Q4_1 as Q4_0");
_Static_assert(offsetof(TaiPanelQ5_1, qs) == offsetof(TaiPanelQ4_0, qs), "Q5_1 as Q5_0");
_Static_assert(offsetof(TaiPanelQ5_1, qh) == offsetof(TaiPanelQ5_0, qh), "Q5_1 as Q5_0");

/* ---- blocks of 256 ---- */

TAI_INLINE TaiGroups tai_unpack_q2_k(const uint8_t *at, uint32_t g,
                                     V8 *bits) { /* also Q3_K's low bits */
    (void)bits;
    uint32_t half = g / 32, run = g / 8 % 4, word = g % 8;
    V8 w = tai_word(at, offsetof(TaiPanelQ2_K, qs), half * 8 + word);
    return (TaiGroups){tai_bits_from(w, 2 * run, 0, 3), tai_bits_from(w, 2 * run + 2, 0, 3)};
}
_Static_assert(offsetof(TaiPanelQ3_K, qs) == offsetof(TaiPanelQ2_K, qs), "Q3_K as Q2_K");

TAI_INLINE TaiGroups tai_unpack_q3_k(const uint8_t *at, uint32_t g, V8 *bits) {
    uint32_t run = g / 8, word = g % 8;
    V8 h = tai_word(at, offsetof(TaiPanelQ3_K, hmask), word);
    return tai_or_groups(tai_unpack_q2_k(at, g, bits), tai_bits_from(h, run, 2, 4),
                         tai_bits_from(h, run + 1, 2, 4));
}

TAI_INLINE TaiGroups tai_unpack_q4_k(const uint8_t *at, uint32_t g, V8 *bits) {
    (void)bits;
    return tai_nibbles(tai_word(at, offsetof(TaiPanelQ4_K, qs), g / 16 * 8 + g % 8));
}
_Static_assert(offsetof(TaiPanelQ5_K, qs) == offsetof(TaiPanelQ4_K, qs), "Q5_K as Q4_K");

TAI_INLINE TaiGroups tai_unpack_q5_k(const uint8_t *at, uint32_t g, V8 *bits) {
    uint32_t sub = g / 8, word = g % 8;
    V8 h = tai_word(at, offsetof(TaiPanelQ5_K, qh), word);
    return tai_or_groups(tai_unpack_q4_k(at, g, bits), tai_bits_from(h, sub, 4, 0x10),
                         tai_bits_from(h, sub + 1, 4, 0x10));
}

TAI_INLINE TaiGroups tai_unpack_q6_k(const uint8_t *at, uint32_t g, V8 *bits) {
    (void)bits;
    uint32_t half = g / 32, run = g / 8 % 4, word = g % 8;
    V8 h = tai_word(at, offsetof(TaiPanelQ6_K, qh), half * 8 + word);
    V8 w = tai_word(at, offsetof(TaiPanelQ6_K, ql), half * 16 + run * 8 + word);
    return tai_or_groups(tai_nibbles(w), tai_bits_from(h, 2 * run, 4, 0x30),
                         tai_bits_from(h, 2 * run + 4, 4, 0x30));
}

/* As sub-blocks of IQ4_NL, without scales between them. */
TAI_INLINE TaiGroups tai_unpack_iq4_xs(const uint8_t *at, uint32_t g, V8 *bits) {
    return tai_unpack_iq4_nl(at + g / 8 * 4 * sizeof(TaiPanelWord), g % 8, bits);
}
_Static_assert(offsetof(TaiPanelIQ4_XS, qs) == offsetof(TaiPanelQ4_0, qs), "IQ4_XS as IQ4_NL");

#endif
