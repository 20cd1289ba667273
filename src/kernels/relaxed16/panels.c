/* Panels of this tier: the loops of kernels/vector/ on i16x8.relaxed_dot. */
#include "kernels/relaxed16/dot.h"
#include "kernels/relaxed16/relaxed16.h"
#include "kernels/simd128/simd128.h"
#include "kernels/simd128/table.h"
#include "kernels/vector/narrow.h"
#include "kernels/vector/quantize.h"

static void panels(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                   size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    const TaiPanelKernels *narrow = tai_narrow_kernels(type);
    if (narrow)
        tai_multiply_panels(narrow,
                            (TaiPanels){w, n_rows, k, act, act_stride, n_tokens, y, y_stride});
    else
        tai_simd_panels(type, w, n_rows, k, act, act_stride, n_tokens, y, y_stride);
}

static void quantize(TaiActForm form, const float *x, uint32_t k, void *act) {
    tai_quantize(form, x, k, act);
}

const TaiKernels tai_kernels_relaxed16 = TAI_SIMD_TABLE("relaxed16", quantize, panels);
