/* Q4_0: 32 weights in 18 bytes.
 *
 *     0   2                                            18
 *     | d | q16:q0 | q17:q1 | ...             | q31:q15 |    d: f16, q: 4 bits, high:low
 *
 *     weight j = d * (qj - 8) */
#include "kernels/bits.h"
#include "kernels/reference/decode.h"

void tai_ref_decode_q4_0(const void *block, TaiRefBlock *to) {
    const TaiQ4_0 *b = block;
    to->d = tai_f16_weight(b->d);
    to->scale[0] = 1;
    tai_ref_quants32(b->qs, 0, 8, to->q);
}
