/* Q3_K: 256 weights in 110 bytes, 16 sub-blocks of 16 with a 6-bit scale s each.
 *
 *     0           32             64             96           108 110
 *     | hmask[32] | qs, half 0   | qs, half 1   | scales[12] | d |
 *
 *     Low two bits of q as in Q2_K; weight l of run s of all eight has bit s of hmask[l] above them.
 *
 *     scales[i], i < 8:  the low 4 bits of s_i in the low half, of s_i+8 in the high half
 *     scales[8 + i]:     the high 2 bits of s_i, s_i+4, s_i+8, s_i+12, from the low ones up
 *
 *     weight = (d * (s - 32)) * (q - 4) */
#include "kernels/bits.h"
#include "kernels/reference/decode.h"

void tai_ref_decode_q3_k(const void *block, TaiRefBlock *to) {
    const TaiQ3_K *b = block;
    to->d = tai_f16_weight(b->d);
    for (uint32_t sub = 0; sub < 16; sub++) {
        int32_t low = b->scales[sub % 8] >> (sub / 8 * 4) & 15;
        int32_t high = b->scales[8 + sub % 4] >> (sub / 4 * 2) & 3;
        to->scale[sub] = (int16_t)((low | high << 4) - 32);
    }
    tai_ref_two_bits(b->qs, to->q);
    for (uint32_t run = 0; run < 8; run++)
        for (uint32_t l = 0; l < 32; l++) {
            int8_t *q = &to->q[run * 32 + l];
            *q = (int8_t)((*q | (b->hmask[l] >> run & 1) << 2) - 4);
        }
}
