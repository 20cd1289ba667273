/* What works on one element, or one rotated pair, at a time. */
#include "kernels/math.h"
#include "kernels/reference/reference.h"

void tai_ref_add(float *x, const float *y, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        x[i] += y[i];
}

void tai_ref_swiglu(float *gate, const float *up, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        gate[i] = (gate[i] / (1.0f + tai_expf(-gate[i]))) * up[i];
}

void tai_ref_rope(float *x, uint32_t n_heads, uint32_t head_dim, const float *cs,
                  uint32_t rope_dims) {
    for (uint32_t h = 0; h < n_heads; h++) {
        float *head = x + (size_t)h * head_dim;
        for (uint32_t i = 0; i + 1 < rope_dims; i += 2) {
            float a = head[i], b = head[i + 1];
            float cosine = cs[i], sine = cs[i + 1];
            /* The same number as a * cosine - b * sine; but of a difference beside a sum gcc 12 makes
             * fused multiply-adds, in spite of -ffp-contract=off. */
            head[i] = a * cosine + b * -sine;
            head[i + 1] = a * sine + b * cosine;
        }
    }
}
