/* Q5_1: 32 weights in 24 bytes.
 *
 *     0   2   4        8                                            24
 *     | d | m |   qh   | q16:q0 | q17:q1 | ...             | q31:q15 |    d, m: f16, qh: 32 bits
 *
 *     weight j = d * (qj | bit j of qh << 4) + m */
#include "kernels/bits.h"
#include "kernels/reference/decode.h"

void tai_ref_decode_q5_1(const void *block, TaiRefBlock *to) {
    const TaiQ5_1 *b = block;
    to->d = tai_f16_weight(b->d);
    to->m = tai_f16_weight(b->m);
    to->scale[0] = to->minimum[0] = 1;
    tai_ref_quants32(b->qs, tai_ref_fifth_bits(b->qh), 0, to->q);
}
