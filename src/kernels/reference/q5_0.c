/* Q5_0: 32 weights in 22 bytes.
 *
 *     0   2        6                                            22
 *     | d |   qh   | q16:q0 | q17:q1 | ...             | q31:q15 |    d: f16, qh: 32 bits
 *
 *     weight j = d * ((qj | bit j of qh << 4) - 16) */
#include "kernels/bits.h"
#include "kernels/reference/decode.h"

void tai_ref_decode_q5_0(const void *block, TaiRefBlock *to) {
    const TaiQ5_0 *b = block;
    to->d = tai_f16_weight(b->d);
    to->scale[0] = 1;
    tai_ref_quants32(b->qs, tai_ref_fifth_bits(b->qh), 16, to->q);
}
