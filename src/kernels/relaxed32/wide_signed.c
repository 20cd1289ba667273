/* The tier where the second operand of the dot product is signed. */
#define TAI_WIDE_SIGNED 1
#include "kernels/relaxed32/dot.h"

#include "kernels/relaxed32/relaxed32.h"
#include "kernels/simd128/simd128.h"
#include "kernels/simd128/table.h"
#include "kernels/vector/wide.h"

static void panels(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                   size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    if (!tai_relaxed32_narrow(type, w, n_rows, k, act, act_stride, n_tokens, y, y_stride))
        tai_multiply_panels(tai_wide_kernels(type),
                            (TaiPanels){w, n_rows, k, act, act_stride, n_tokens, y, y_stride});
}

const TaiKernels tai_kernels_relaxed32_signed =
    TAI_SIMD_TABLE("relaxed32", tai_relaxed32_quantize, panels);
