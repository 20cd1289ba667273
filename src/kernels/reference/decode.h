/* What the blocks of all quantized formats decode to. Each format has a file with a drawing of its
 * bytes and its decoder; quantized.c computes with what they give. */
#ifndef TAI_REFERENCE_DECODE_H
#define TAI_REFERENCE_DECODE_H

#include "kernels/blocks.h"

enum { TAI_REF_MAX_SUBS = 16 };

/* A block of 32 or 256 weights, in sub-blocks of 16 or 32. In sub-block s
 *
 *     weight i = (d * scale[s]) * q[i]                     of formats without minima
 *     weight i = (d * scale[s]) * q[i] + m * minimum[s]    of formats with them
 *
 * K-quants subtract their minima: m is the negated dmin of the block there. */
typedef struct TaiRefBlock {
    float d, m;
    int16_t scale[TAI_REF_MAX_SUBS], minimum[TAI_REF_MAX_SUBS];
    int8_t q[TAI_SUPERBLOCK];
} TaiRefBlock;

/* block: the bytes as in GGUF, 2-byte aligned. Sub-blocks and minima that a format does not have stay
 * as they are. */
void tai_ref_decode_q4_0(const void *block, TaiRefBlock *to);
void tai_ref_decode_q4_1(const void *block, TaiRefBlock *to);
void tai_ref_decode_q5_0(const void *block, TaiRefBlock *to);
void tai_ref_decode_q5_1(const void *block, TaiRefBlock *to);
void tai_ref_decode_q8_0(const void *block, TaiRefBlock *to);
void tai_ref_decode_iq4_nl(const void *block, TaiRefBlock *to);
void tai_ref_decode_q2_k(const void *block, TaiRefBlock *to);
void tai_ref_decode_q3_k(const void *block, TaiRefBlock *to);
void tai_ref_decode_q4_k(const void *block, TaiRefBlock *to);
void tai_ref_decode_q5_k(const void *block, TaiRefBlock *to);
void tai_ref_decode_q6_k(const void *block, TaiRefBlock *to);
void tai_ref_decode_iq4_xs(const void *block, TaiRefBlock *to);

/* ---- pieces that formats share ---- */

/* 32 numbers of 4 bits: number j in the low half of qs[j], number j + 16 in the high half. */
static inline void tai_ref_nibbles(const uint8_t qs[16], int8_t q[32]) {
    for (uint32_t j = 0; j < 16; j++) {
        q[j] = (int8_t)(qs[j] & 15);
        q[j + 16] = (int8_t)(qs[j] >> 4);
    }
}

/* A fifth bit for each of 32 numbers, bit j of this little-endian number. */
static inline void tai_ref_fifth_bits(const uint8_t qh[4], int8_t q[32]) {
    for (uint32_t j = 0; j < 32; j++)
        q[j] = (int8_t)(q[j] | (qh[j / 8] >> (j % 8) & 1) << 4);
}

/* 256 numbers of 2 bits: number l of run r (of 32) of half h in bits 2r, 2r + 1 of qs[32 h + l]. */
static inline void tai_ref_two_bits(const uint8_t qs[64], int8_t q[256]) {
    for (uint32_t i = 0; i < TAI_SUPERBLOCK; i++)
        q[i] = (int8_t)(qs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3);
}

/* 256 numbers of 4 bits: number l of run r (of 32) in qs[32 (r / 2) + l], low half for even r. */
static inline void tai_ref_four_bits(const uint8_t qs[128], int8_t q[256]) {
    for (uint32_t i = 0; i < TAI_SUPERBLOCK; i++)
        q[i] = (int8_t)(qs[i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4) & 15);
}

/* Scales and minima of Q4_K and Q5_K, drawn in q4_k.c. */
void tai_ref_scales_q4_k(const uint8_t scales[12], TaiRefBlock *to);

#endif
