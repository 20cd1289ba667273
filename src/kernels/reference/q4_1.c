/* Q4_1: 32 weights in 20 bytes.
 *
 *     0   2   4                                            20
 *     | d | m | q16:q0 | q17:q1 | ...             | q31:q15 |    d, m: f16, q: 4 bits, high:low
 *
 *     weight j = d * qj + m */
#include "kernels/bits.h"
#include "kernels/reference/decode.h"

void tai_ref_decode_q4_1(const void *block, TaiRefBlock *to) {
    const TaiQ4_1 *b = block;
    to->d = tai_f16_weight(b->d);
    to->m = tai_f16_weight(b->m);
    to->scale[0] = to->minimum[0] = 1;
    tai_ref_quants32(b->qs, 0, 0, to->q);
}
