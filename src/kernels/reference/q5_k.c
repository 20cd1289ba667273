/* Q5_K: 256 weights in 176 bytes, 8 sub-blocks of 32 with a 6-bit scale s and a 6-bit minimum m
 * each.
 *
 *     0   2      4            16       48                                    176
 *     | d | dmin | scales[12] | qh[32] | qs[32] | qs[32] | qs[32] | qs[32]    |
 *
 *     Scales, minima and the low four bits of q as in Q4_K; weight j of sub-block s has bit s of qh[j]
 *     above them.
 *
 *     weight = (d * s) * q - dmin * m */
#include "kernels/bits.h"
#include "kernels/reference/decode.h"

void tai_ref_decode_q5_k(const void *block, TaiRefBlock *to) {
    const TaiQ5_K *b = block;
    to->d = tai_f16_weight(b->d);
    to->m = -tai_f16_weight(b->dmin);
    tai_ref_scales_q4_k(b->scales, to);
    tai_ref_four_bits(b->qs, to->q);
    for (uint32_t run = 0; run < 8; run++)
        for (uint32_t l = 0; l < 32; l++) {
            int8_t *q = &to->q[run * 32 + l];
            *q = (int8_t)(*q | (b->qh[l] >> run & 1) << 4);
        }
}
