/* IQ4_NL: 32 weights in 18 bytes, the bytes of Q4_0.
 *
 *     0   2                                            18
 *     | d | q16:q0 | q17:q1 | ...             | q31:q15 |    d: f16, q: 4 bits, high:low
 *
 *     weight j = d * value[qj], the values closer together near zero */
#include "kernels/bits.h"
#include "kernels/reference/decode.h"

const int8_t tai_iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                   1,    13,   25,  38,  53,  69,  89,  113};

void tai_ref_decode_iq4_nl(const void *block, TaiRefBlock *to) {
    const TaiIQ4_NL *b = block;
    to->d = tai_f16_weight(b->d);
    to->scale[0] = 1;
    tai_ref_quants32(b->qs, 0, 0, to->q);
    for (uint32_t j = 0; j < TAI_BLOCK; j++)
        to->q[j] = tai_iq4_values[to->q[j]];
}
