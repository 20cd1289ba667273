/* Q2_K: 256 weights in 84 bytes, 16 sub-blocks of 16 with a 4-bit scale s and a 4-bit minimum m each.
 *
 *     0            16             48             80  82     84
 *     | scales[16] | qs, half 0   | qs, half 1   | d | dmin |    scales[i]: mi:si, high:low
 *
 *     A half is 128 weights, four runs of 32. Weight l of run r is bits 2r, 2r + 1 of qs[l].
 *
 *     weight = (d * s) * q - dmin * m */
#include "kernels/bits.h"
#include "kernels/reference/decode.h"

void tai_ref_decode_q2_k(const void *block, TaiRefBlock *to) {
    const TaiQ2_K *b = block;
    to->d = tai_f16_weight(b->d);
    to->m = -tai_f16_weight(b->dmin);
    for (uint32_t sub = 0; sub < 16; sub++) {
        to->scale[sub] = b->scales[sub] & 15;
        to->minimum[sub] = b->scales[sub] >> 4;
    }
    tai_ref_two_bits(b->qs, to->q);
}
