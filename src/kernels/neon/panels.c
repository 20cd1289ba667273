/* Panels times activations. */
#include "kernels/neon/neon.h"

#include "kernels/neon/dot.h"
#include "kernels/vector/quantize.h"
#include "kernels/vector/two_panels.h"

void tai_neon_panels(TaiType type, const void *w, uint32_t n_rows, uint32_t k, const void *act,
                     size_t act_stride, uint32_t n_tokens, float *y, size_t y_stride) {
    tai_multiply_two_panels(type,
                            (TaiPanels){w, n_rows, k, act, act_stride, n_tokens, y, y_stride});
}

void tai_neon_quantize(TaiActForm form, const float *x, uint32_t k, void *act) {
    tai_quantize(form, x, k, act);
}
