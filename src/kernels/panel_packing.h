/* The parts of a block that a panel holds with other bits than GGUF does. Each function has its
 * inverse beside it; both work on 32-bit words of four bytes at once, none carries between bytes. */
#ifndef TAI_PANEL_PACKING_H
#define TAI_PANEL_PACKING_H

#include "kernels/blocks.h"

/* Q8_0: quant + 128 as a byte. Its own inverse. */
#define TAI_PLUS_128 0x80808080u

/* Exchanges the bits that mask selects with those `shift` above them. Its own inverse. */
TAI_INLINE uint32_t tai_swap_bits(uint32_t x, uint32_t shift, uint32_t mask) {
    uint32_t different = (x ^ x >> shift) & mask;
    return x ^ different ^ different << shift;
}

/* Q5_0, Q5_1: fifth bit of column 4g + i from bit 4g + i to bit g of byte i, 8i + g. The number of a
 * bit, as five binary digits g g g i i, becomes i i g g g: four exchanges of two digits. */
TAI_INLINE uint32_t tai_pack_fifth_bits(uint32_t x) {
    x = tai_swap_bits(x, 3, 0x0A0A0A0Au);    /* digits 0 and 2 */
    x = tai_swap_bits(x, 6, 0x00CC00CCu);    /* 1 and 3 */
    x = tai_swap_bits(x, 12, 0x0000F0F0u);   /* 2 and 4 */
    return tai_swap_bits(x, 8, 0x0000FF00u); /* 3 and 4 */
}
TAI_INLINE uint32_t tai_unpack_fifth_bits(uint32_t x) {
    x = tai_swap_bits(x, 8, 0x0000FF00u);
    x = tai_swap_bits(x, 12, 0x0000F0F0u);
    x = tai_swap_bits(x, 6, 0x00CC00CCu);
    return tai_swap_bits(x, 3, 0x0A0A0A0Au);
}

#define TAI_EACH_BYTE 0x01010101u

/* Four numbers 0..63 minus 32, as int8, and back. */
TAI_INLINE uint32_t tai_minus_32(uint32_t x) {
    x ^= 0x20 * TAI_EACH_BYTE;
    uint32_t negative = x & 0x20 * TAI_EACH_BYTE; /* its sign goes on in bits 6 and 7 */
    return x | negative << 1 | negative << 2;
}
TAI_INLINE uint32_t tai_plus_32(uint32_t x) {
    return (x & 0x3F * TAI_EACH_BYTE) ^ 0x20 * TAI_EACH_BYTE;
}

/* Q4_K, Q5_K: 12 bytes (drawn in reference/q4_k.c) and the 8 scales, then 8 minima. */
TAI_INLINE void tai_pack_scales_q4_k(const uint32_t from[3], uint32_t to[4]) {
    const uint32_t six = 0x3F * TAI_EACH_BYTE, four = 0x0F * TAI_EACH_BYTE;
    const uint32_t high = 0x30 * TAI_EACH_BYTE;
    to[0] = from[0] & six;
    to[1] = (from[2] & four) | (from[0] >> 2 & high);
    to[2] = from[1] & six;
    to[3] = (from[2] >> 4 & four) | (from[1] >> 2 & high);
}
TAI_INLINE void tai_unpack_scales_q4_k(const uint32_t from[4], uint32_t to[3]) {
    const uint32_t four = 0x0F * TAI_EACH_BYTE, high = 0x30 * TAI_EACH_BYTE;
    to[0] = from[0] | (from[1] & high) << 2;
    to[1] = from[2] | (from[3] & high) << 2;
    to[2] = (from[1] & four) | (from[3] & four) << 4;
}

/* Q3_K: 12 bytes (drawn in reference/q3_k.c) and the 16 scales. */
TAI_INLINE void tai_pack_scales_q3_k(const uint32_t from[3], uint32_t to[4]) {
    const uint32_t four = 0x0F * TAI_EACH_BYTE, high = 0x30 * TAI_EACH_BYTE;
    to[0] = tai_minus_32((from[0] & four) | (from[2] << 4 & high));
    to[1] = tai_minus_32((from[1] & four) | (from[2] << 2 & high));
    to[2] = tai_minus_32((from[0] >> 4 & four) | (from[2] & high));
    to[3] = tai_minus_32((from[1] >> 4 & four) | (from[2] >> 2 & high));
}
TAI_INLINE void tai_unpack_scales_q3_k(const uint32_t from[4], uint32_t to[3]) {
    const uint32_t four = 0x0F * TAI_EACH_BYTE, high = 0x30 * TAI_EACH_BYTE;
    uint32_t s[4];
    for (uint32_t i = 0; i < 4; i++)
        s[i] = tai_plus_32(from[i]);
    to[0] = (s[0] & four) | (s[2] & four) << 4;
    to[1] = (s[1] & four) | (s[3] & four) << 4;
    to[2] = (s[0] & high) >> 4 | (s[1] & high) >> 2 | (s[2] & high) | (s[3] & high) << 2;
}

/* IQ4_XS: the high and the low bits of 8 scales (drawn in reference/iq4_xs.c), and the scales. */
TAI_INLINE void tai_pack_scales_iq4_xs(uint32_t high, uint32_t low, uint32_t to[2]) {
    to[0] = to[1] = 0;
    for (uint32_t i = 0; i < 8; i++)
        to[i / 4] |= ((low >> 4 * i & 15) | (high >> 2 * i & 3) << 4) << (8 * (i % 4));
    to[0] = tai_minus_32(to[0]);
    to[1] = tai_minus_32(to[1]);
}
TAI_INLINE void tai_unpack_scales_iq4_xs(const uint32_t from[2], uint32_t *high, uint32_t *low) {
    *high = *low = 0;
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t s = tai_plus_32(from[i / 4]) >> (8 * (i % 4));
        *low |= (s & 15) << 4 * i;
        *high |= (s >> 4 & 3) << 2 * i;
    }
}

#endif
