/* Q6_K: 256 weights in 210 bytes, 16 sub-blocks of 16 with an int8 scale s each.
 *
 *     0             64            128        160        192          208 210
 *     | ql, half 0  | ql, half 1  | qh, 0    | qh, 1    | scales[16] | d |
 *
 *     A half is 128 weights, four runs of 32. Weight l of run r takes its low 4 bits from
 *     ql[l + 32 (r mod 2)], the low half for r < 2, and its high 2 bits from bits 2r of qh[l].
 *
 *     weight = (d * s) * (q - 32) */
#include "kernels/bits.h"
#include "kernels/reference/decode.h"

static int32_t quant(const TaiQ6_K *block, uint32_t i) {
    uint32_t half = i / 128, run = i % 128 / 32, l = i % 32;
    uint8_t pair = block->ql[half * 64 + run % 2 * 32 + l];
    int32_t low = run < 2 ? pair & 15 : pair >> 4;
    int32_t high = block->qh[half * 32 + l] >> (2 * run) & 3;
    return (low | high << 4) - 32;
}

void tai_ref_decode_q6_k(const void *block, TaiRefBlock *to) {
    const TaiQ6_K *b = block;
    to->d = tai_f16_weight(b->d);
    for (uint32_t sub = 0; sub < 16; sub++)
        to->scale[sub] = b->scales[sub];
    for (uint32_t i = 0; i < TAI_SUPERBLOCK; i++)
        to->q[i] = (int8_t)quant(b, i);
}
