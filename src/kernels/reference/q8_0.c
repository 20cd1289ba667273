/* Q8_0: 32 weights in 34 bytes.
 *
 *     0   2                                  34
 *     | d | q0 q1 q2 ...                 q31 |    d: f16, q: int8
 *
 *     weight j = d * qj */
#include <string.h>

#include "kernels/bits.h"
#include "kernels/reference/decode.h"

void tai_ref_decode_q8_0(const void *block, TaiRefBlock *to) {
    const TaiQ8_0 *b = block;
    to->d = tai_f16_weight(b->d);
    to->scale[0] = 1;
    memcpy(to->q, b->qs, sizeof b->qs);
}
