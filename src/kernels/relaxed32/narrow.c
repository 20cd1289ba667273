/* Narrow weights, and the tier where wide ones are left to simd128. */
#define TAI_WIDE_SIGNED 0
#include "kernels/relaxed32/dot.h"

#include "kernels/relaxed32/relaxed32.h"
#include "kernels/simd128/simd128.h"
#include "kernels/simd128/table.h"
#include "kernels/vector/narrow.h"
#include "kernels/vector/quantize.h"

bool tai_relaxed32_narrow(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                          size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    const TaiPanelKernels *narrow = tai_narrow_kernels(type);
    if (narrow)
        tai_multiply_panels(narrow,
                            (TaiPanels){w, n_rows, k, act, act_stride, n_tokens, y, y_stride});
    return narrow != NULL;
}

void tai_relaxed32_quantize(TaiActForm form, const float *x, uint32_t k, void *act) {
    tai_quantize(form, x, k, act);
}

static void panels(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                   size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    if (!tai_relaxed32_narrow(type, w, n_rows, k, act, act_stride, n_tokens, y, y_stride))
        tai_simd_panels(type, w, n_rows, k, act, act_stride, n_tokens, y, y_stride);
}

static void quantize(TaiActForm form, const float *x, uint32_t k, void *act) {
    if (form == TAI_ACT_Q8_32N || form == TAI_ACT_Q8_256N)
        tai_quantize(form, x, k, act);
    else
        tai_simd_quantize(form, x, k, act);
}

const TaiKernels tai_kernels_relaxed32 = TAI_SIMD_TABLE("relaxed32", quantize, panels);
