/* Q6_K: 256 weights in 210 bytes, 16 sub-blocks of 16 with an int8 scale s each.
 *
 *     0             64            128        160        192          208 210
 *     | ql, half 0  | ql, half 1  | qh, 0    | qh, 1    | scales[16] | d |
 *
 *     A half is 128 weights, four runs of 32. Weight l of run r takes its low 4 bits from
 *     ql[l + 32 (r mod 2)], the low half for r < 2, and its high 2 bits from bits 2r of qh[l].
 *
 *     weight = (d * s) * (q - 32)
 *
 * Dot: y += (d * da) * (float)isum, isum = sum over sub-blocks of s * (sum of (q - 32) * a), exact.
 *      |isum| <= 256 * 128 * 32 * 127 < 2^28: the conversion to f32 rounds (to nearest even). */
#include "kernels/bits.h"
#include "kernels/blocks.h"
#include "kernels/reference/reference.h"

static int32_t weight(const TaiQ6_K *block, uint32_t i) {
    uint32_t half = i / 128, run = i % 128 / 32, l = i % 32;
    uint8_t pair = block->ql[half * 64 + run % 2 * 32 + l];
    int32_t low = run < 2 ? pair & 15 : pair >> 4;
    int32_t high = block->qh[half * 32 + l] >> (2 * run) & 3;
    return (low | high << 4) - 32;
}

float tai_ref_dot_q6_k(const void *w, const void *act, uint32_t k) {
    const TaiQ6_K *block = w;
    const TaiAct256 *a = act;
    float y = 0;
    for (uint32_t b = 0; b < k / TAI_SUPERBLOCK; b++) {
        int32_t isum = 0;
        for (uint32_t sub = 0; sub < 16; sub++) {
            int32_t dot = 0;
            for (uint32_t i = sub * 16; i < sub * 16 + 16; i++)
                dot += weight(&block[b], i) * a[b].q[i];
            isum += block[b].scales[sub] * dot;
        }
        y += (tai_f16_weight(block[b].d) * a[b].d) * (float)isum;
    }
    return y;
}

void tai_ref_dequantize_q6_k(const void *w, uint32_t n, float *y) {
    const TaiQ6_K *block = w;
    for (uint32_t i = 0; i < n; i++) {
        const TaiQ6_K *b = &block[i / TAI_SUPERBLOCK];
        uint32_t in_block = i % TAI_SUPERBLOCK;
        float scale = tai_f16_weight(b->d) * (float)b->scales[in_block / 16];
        y[i] = scale * (float)weight(b, in_block);
    }
}
