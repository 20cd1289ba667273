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
 *     weight = (d * s) * q - dmin * m
 *
 * Dot: y += (d * da) * (float)isum - (dmin * da) * (float)msum, exact inside:
 *      isum = sum over sub-blocks of s * (sum of q * a), msum = sum over sub-blocks of m * (sum of
 * a). |isum| <= 256 * 63 * 15 * 127 < 2^25: the conversion to f32 rounds (to nearest even). */
#include "kernels/bits.h"
#include "kernels/blocks.h"
#include "kernels/reference/reference.h"

static int32_t scale_of(const TaiQ4_K *block, uint32_t sub) {
    const uint8_t *s = block->scales;
    return sub < 4 ? s[sub] & 63 : (s[sub + 4] & 15) | s[sub - 4] >> 6 << 4;
}

static int32_t minimum_of(const TaiQ4_K *block, uint32_t sub) {
    const uint8_t *s = block->scales;
    return sub < 4 ? s[sub + 4] & 63 : s[sub + 4] >> 4 | s[sub] >> 6 << 4;
}

static int32_t quant_of(const TaiQ4_K *block, uint32_t sub, uint32_t j) {
    uint8_t pair = block->qs[sub / 2 * 32 + j];
    return sub % 2 == 0 ? pair & 15 : pair >> 4;
}

float tai_ref_dot_q4_k(const void *w, const void *act, uint32_t k) {
    const TaiQ4_K *block = w;
    const TaiAct256 *a = act;
    float y = 0;
    for (uint32_t b = 0; b < k / TAI_SUPERBLOCK; b++) {
        int32_t isum = 0, msum = 0;
        for (uint32_t sub = 0; sub < 8; sub++) {
            int32_t dot = 0, sum = 0;
            for (uint32_t j = 0; j < 32; j++) {
                int32_t q = a[b].q[sub * 32 + j];
                dot += quant_of(&block[b], sub, j) * q;
                sum += q;
            }
            isum += scale_of(&block[b], sub) * dot;
            msum += minimum_of(&block[b], sub) * sum;
        }
        y += (tai_f16_weight(block[b].d) * a[b].d) * (float)isum -
             (tai_f16_weight(block[b].dmin) * a[b].d) * (float)msum;
    }
    return y;
}

void tai_ref_dequantize_q4_k(const void *w, uint32_t n, float *y) {
    const TaiQ4_K *block = w;
    for (uint32_t i = 0; i < n; i++) {
        const TaiQ4_K *b = &block[i / TAI_SUPERBLOCK];
        uint32_t sub = i % TAI_SUPERBLOCK / 32;
        float scale = tai_f16_weight(b->d) * (float)scale_of(b, sub);
        float minimum = tai_f16_weight(b->dmin) * (float)minimum_of(b, sub);
        y[i] = scale * (float)quant_of(b, sub, i % 32) - minimum;
    }
}
