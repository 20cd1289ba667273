/* Panels of this tier: the loops of kernels/vector/ on products of pairs of int16. */
#include "kernels/simd128/dot.h"
#include "kernels/simd128/simd128.h"
#include "kernels/vector/narrow.h"
#include "kernels/vector/quantize.h"
#include "kernels/vector/wide.h"

void tai_simd_panels(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                     size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    const TaiPanelKernels *narrow = tai_narrow_kernels(type);
    tai_multiply_panels(narrow ? narrow : tai_wide_kernels(type),
                        (TaiPanels){w, n_rows, k, act, act_stride, n_tokens, y, y_stride});
}

void tai_simd_quantize(TaiActForm form, const float *x, uint32_t k, void *act) {
    tai_quantize(form, x, k, act);
}
