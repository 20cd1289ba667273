/* IQ4_XS: 256 weights in 136 bytes, 8 sub-blocks of 32 with a 6-bit scale s each.
 *
 *     0   2          4             8                                          136
 *     | d | scales_h | scales_l[4] | qs[16] of sub-block 0 | ... | of 7        |
 *
 *     scales_l[i]: the low 4 bits of s_2i in the low half, of s_2i+1 in the high half
 *     scales_h:    a little-endian number of 16 bits, the high 2 bits of s_i in bits 2i, 2i + 1
 *
 *     weight = (d * (s - 32)) * value[q], q and the values as in IQ4_NL */
#include "kernels/bits.h"
#include "kernels/reference/decode.h"

void tai_ref_decode_iq4_xs(const void *block, TaiRefBlock *to) {
    const TaiIQ4_XS *b = block;
    to->d = tai_f16_weight(b->d);
    for (uint32_t sub = 0; sub < 8; sub++) {
        int32_t low = b->scales_l[sub / 2] >> (sub % 2 * 4) & 15;
        int32_t high = b->scales_h >> (sub * 2) & 3;
        to->scale[sub] = (int16_t)((low | high << 4) - 32);
        tai_ref_quants32(b->qs + (size_t)sub * 16, 0, 0, to->q + (size_t)sub * 32);
    }
    for (uint32_t i = 0; i < TAI_SUPERBLOCK; i++)
        to->q[i] = tai_iq4_values[to->q[i]];
}
