/* Norm, SwiGLU, RoPE and addition of this tier. */
#include "kernels/neon/neon.h"
#include "kernels/neon/v8.h"

#include "kernels/vector/elementwise.h"

void tai_neon_rms_norm(const float *x, const float *weight, uint32_t n, float eps, float *y) {
    v8_rms_norm(x, weight, n, eps, y);
}

void tai_neon_rope(float *x, uint32_t n_heads, uint32_t head_dim, const float *cs,
                   uint32_t rope_dims) {
    v8_rope(x, n_heads, head_dim, cs, rope_dims);
}

void tai_neon_add(float *x, const float *y, uint32_t n) {
    v8_add_rows(x, y, n);
}

void tai_neon_swiglu(float *gate, const float *up, uint32_t n) {
    v8_swiglu(gate, up, n);
}
