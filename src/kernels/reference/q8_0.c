/* Q8_0: 32 weights in 34 bytes.
 *
 *     0   2                                  34
 *     | d | q0 q1 q2 ...                 q31 |    d: f16, q: int8
 *
 *     weight j = d * qj
 *
 * Dot: y += (float)isum * (d * da), isum = sum over j of qj * aj, exact: |isum| <= 32 * 128 * 127.
 */
#include "kernels/bits.h"
#include "kernels/blocks.h"
#include "kernels/reference/reference.h"

float tai_ref_dot_q8_0(const void *w, const void *act, uint32_t k) {
    const TaiQ8_0 *block = w;
    const TaiAct32 *a = act;
    float y = 0;
    for (uint32_t b = 0; b < k / TAI_BLOCK; b++) {
        int32_t isum = 0;
        for (uint32_t j = 0; j < TAI_BLOCK; j++)
            isum += block[b].qs[j] * a[b].q[j];
        y += (float)isum * (tai_f16_weight(block[b].d) * a[b].d);
    }
    return y;
}

void tai_ref_dequantize_q8_0(const void *w, uint32_t n, float *y) {
    const TaiQ8_0 *block = w;
    for (uint32_t i = 0; i < n; i++) {
        const TaiQ8_0 *b = &block[i / TAI_BLOCK];
        y[i] = (float)b->qs[i % TAI_BLOCK] * tai_f16_weight(b->d);
    }
}
