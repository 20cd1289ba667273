/* Q4_K: 256 weights in 144 bytes, 8 sub-blocks of 32 with a 6-bit scale s and a 6-bit minimum m
 * each.
 *
 *     0   2      4            16                                             144
 *     | d | dmin | scales[12] | qs[32] | qs[32] | qs[32] | qs[32]             |
 *                              subs 0,1  subs 2,3  4,5      6,7
 *
 *     qs[32 c + j]: weight j of sub-block 2c in the low half, of sub-block 2c + 1 in the high half
 *     scales[0..3]:  s0..s3 in the low 6 bits, the high 2 bits of s4..s7 above them
 *     scales[4..7]:  m0..m3 in the low 6 bits, the high 2 bits of m4..m7 above them
 *     scales[8..11]: the low 4 bits of s4..s7, the low 4 bits of m4..m7 above them
 *
 *     weight = (d * s) * q - dmin * m */
#include "kernels/bits.h"
#include "kernels/reference/decode.h"

void tai_ref_scales_q4_k(const uint8_t s[12], TaiRefBlock *to) {
    for (uint32_t i = 0; i < 4; i++) {
        to->scale[i] = s[i] & 63;
        to->minimum[i] = s[i + 4] & 63;
        to->scale[i + 4] = (int16_t)((s[i + 8] & 15) | s[i] >> 6 << 4);
        to->minimum[i + 4] = (int16_t)(s[i + 8] >> 4 | s[i + 4] >> 6 << 4);
    }
}

void tai_ref_decode_q4_k(const void *block, TaiRefBlock *to) {
    const TaiQ4_K *b = block;
    to->d = tai_f16_weight(b->d);
    to->m = -tai_f16_weight(b->dmin);
    tai_ref_scales_q4_k(b->scales, to);
    tai_ref_four_bits(b->qs, to->q);
}
