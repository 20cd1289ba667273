/* Q5_0: 32 weights in 22 bytes.
 *
 *     0   2        6                                            22
 *     | d |   qh   | q16:q0 | q17:q1 | ...             | q31:q15 |    d: f16, qh: 32 bits
 *
 *     weight j = d * ((qj | bit j of qh << 4) - 16)
 *
 * Dot: y += (float)isum * (d * da), isum = sum over j of (... - 16) * aj, exact. */
#include "kernels/bits.h"
#include "kernels/blocks.h"
#include "kernels/reference/reference.h"

static int32_t weight(const TaiQ5_0 *block, uint32_t j) {
    int32_t low = j < 16 ? block->qs[j] & 15 : block->qs[j - 16] >> 4;
    int32_t high = block->qh[j / 8] >> (j % 8) & 1;
    return (low | high << 4) - 16;
}

float tai_ref_dot_q5_0(const void *w, const void *act, uint32_t k) {
    const TaiQ5_0 *block = w;
    const TaiAct32 *a = act;
    float y = 0;
    for (uint32_t b = 0; b < k / TAI_BLOCK; b++) {
        int32_t isum = 0;
        for (uint32_t j = 0; j < TAI_BLOCK; j++)
            isum += weight(&block[b], j) * a[b].q[j];
        y += (float)isum * (tai_f16_weight(block[b].d) * a[b].d);
    }
    return y;
}

void tai_ref_dequantize_q5_0(const void *w, uint32_t n, float *y) {
    const TaiQ5_0 *block = w;
    for (uint32_t i = 0; i < n; i++) {
        const TaiQ5_0 *b = &block[i / TAI_BLOCK];
        y[i] = (float)weight(b, i % TAI_BLOCK) * tai_f16_weight(b->d);
    }
}
