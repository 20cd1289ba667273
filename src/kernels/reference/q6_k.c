/* Q6_K: 256 weights in 210 bytes, 16 sub-blocks of 16 with an int8 scale s each.
 *
 *     0             64            128        160        192          208 210
 *     | ql, half 0  | ql, half 1  | qh, 0    | qh, 1    | scales[16] | d |
 *
 *     A half is 128 weights, four runs of 32. Weight l of run r takes its low 4 bits from
 *     ql[l + 32 (r mod 2)], the low half for r < 2, and its high 2 bits from bits 2r of qh[l].
 *
 *     weight = (d * s) * (q - 32) */
#include "kernels/bits.h"
#include "kernels/reference/decode.h"

/* Run r of a half, of 32 weights. */
static void decode_run(const uint8_t *ql, const uint8_t *qh, uint32_t r, int8_t *q) {
    for (uint32_t l = 0; l < 32; l++) {
        int32_t low = ql[l + 32 * (r % 2)] >> (r / 2 * 4) & 15;
        int32_t high = qh[l] >> (2 * r) & 3;
        q[l] = (int8_t)((low | high << 4) - 32);
    }
}

void tai_ref_decode_q6_k(const void *block, TaiRefBlock *to) {
    const TaiQ6_K *b = block;
    to->d = tai_f16_weight(b->d);
    for (uint32_t sub = 0; sub < 16; sub++)
        to->scale[sub] = b->scales[sub];
    for (uint32_t run = 0; run < 8; run++) {
        size_t half = run / 4;
        decode_run(b->ql + 64 * half, b->qh + 32 * half, run % 4, to->q + (size_t)32 * run);
    }
}
