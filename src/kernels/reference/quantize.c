/* Activations to int8, see kernels/quantize.h for the arithmetic. */
#include "kernels/quantize.h"

#include <string.h>

#include "kernels/blocks.h"
#include "kernels/reference/reference.h"

TaiQuantScale tai_ref_quant_scale(const float *x, uint32_t n) {
    uint32_t amax_bits = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t magnitude = tai_f32_bits(x[i]) & 0x7FFFFFFFu;
        if (magnitude > amax_bits)
            amax_bits = magnitude;
    }
    return tai_quant_scale(amax_bits);
}

/* q[n] = quantized x[n]; returns d */
static float quantize_block(const float *x, uint32_t n, int8_t *q) {
    TaiQuantScale scale = tai_ref_quant_scale(x, n);
    for (uint32_t i = 0; i < n; i++)
        q[i] = tai_quant(x[i], scale.id);
    return scale.d;
}

void tai_ref_quantize(TaiActForm form, const float *x, uint32_t k, void *act) {
    if (form == TAI_ACT_F32) {
        memcpy(act, x, (size_t)k * sizeof *x);
    } else if (form == TAI_ACT_Q8_256 || form == TAI_ACT_Q8_256N) {
        TaiAct256 *a = act;
        for (uint32_t b = 0; b < k / TAI_SUPERBLOCK; b++)
            a[b].d = quantize_block(x + (size_t)b * TAI_SUPERBLOCK, TAI_SUPERBLOCK, a[b].q);
    } else {
        TaiAct32 *a = act;
        for (uint32_t b = 0; b < k / TAI_BLOCK; b++)
            a[b].d = quantize_block(x + (size_t)b * TAI_BLOCK, TAI_BLOCK, a[b].q);
    }
}
