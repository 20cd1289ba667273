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

/* 32 quants of four or five bits, less `offset`: number j in the low half of qs[j], number j + 16 in
 * the high half; bit j of `fifth` (0 for four bits) above it. */
static inline void tai_ref_quants32(const uint8_t qs[16], uint32_t fifth, int32_t offset,
                                    int8_t q[32]) {
    for (uint32_t j = 0; j < 16; j++) {
        uint32_t low = (qs[j] & 15u) | (fifth >> j & 1) << 4;
        uint32_t high = (uint32_t)qs[j] >> 4 | (fifth >> (j + 16) & 1) << 4;
        q[j] = (int8_t)((int32_t)low - offset);
        q[j + 16] = (int8_t)((int32_t)high - offset);
    }
}

/* The fifth bits of Q5_0 and Q5_1: a little-endian number. */
static inline uint32_t tai_ref_fifth_bits(const uint8_t qh[4]) {
    return qh[0] | (uint32_t)qh[1] << 8 | (uint32_t)qh[2] << 16 | (uint32_t)qh[3] << 24;
}

/* 256 numbers of 2 bits: number l of run r (of 32) of half h in bits 2r, 2r + 1 of qs[32 h + l]. */
static inline void tai_ref_two_bits(const uint8_t qs[64], int8_t q[256]) {
    for (uint32_t run = 0; run < 8; run++)
        for (uint32_t l = 0; l < 32; l++)
            q[run * 32 + l] = (int8_t)(qs[run / 4 * 32 + l] >> (run % 4 * 2) & 3);
}

/* 256 numbers of 4 bits: number l of run r (of 32) in qs[32 (r / 2) + l], low half for even r. */
static inline void tai_ref_four_bits(const uint8_t qs[128], int8_t q[256]) {
    for (uint32_t run = 0; run < 8; run++)
        for (uint32_t l = 0; l < 32; l++)
            q[run * 32 + l] = (int8_t)(qs[run / 2 * 32 + l] >> (run % 2 * 4) & 15);
}

/* Scales and minima of Q4_K and Q5_K, drawn in q4_k.c. */
void tai_ref_scales_q4_k(const uint8_t scales[12], TaiRefBlock *to);

#endif
